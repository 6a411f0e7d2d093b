"""PyTorch: nothing is compiled; networks are trained by ``keras.Model.fit``."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import torch
from keras import ops

from sklearn_cnn.compat import double_precision

from ._interface import Executor


class TorchBackend:
    """Programs as plain functions, whose operations run one by one."""

    name = "torch"
    compiles = False
    stacks_convolutions = False
    lowers_slowly = False
    convolves_in_patches = False
    on_cpu = True

    def free_memory(self) -> int | None:
        return None

    def executor(self, *, dense: bool, n_steps: float, step_flops: float, xla: bool) -> Executor:
        return Executor.GRAPH

    def precision(self, dtype: str):
        return double_precision if dtype == "float64" else contextlib.nullcontext()

    def dtype_outside(self, dtype: str) -> str:
        return dtype

    @contextlib.contextmanager
    def own_stream(self, seed: int):
        # Keras feeds PyTorch by a DataLoader, and making one draws a number on the host.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield

    def array(self, value: Any) -> Any:
        return ops.convert_to_tensor(value)

    def take(self, array: Any, rows: Any) -> Any:
        return array[rows]

    def compile(self, function: Callable, executor: Executor, shape: Any = None) -> Callable:
        return torch.no_grad()(function)

    def forget_unused(self) -> None:
        """Nothing is kept."""

    def value_and_grad(self, function: Callable) -> Callable:
        pullback = self.pullback(lambda *arguments: _in_list(*function(*arguments)))

        def run(parameters, *arguments):
            (value,), aux, pull = pullback(parameters, *arguments)
            return (value, aux), pull([torch.ones_like(value)])

        return run

    def pullback(self, function: Callable) -> Callable:
        def run(parameters, *arguments):
            with torch.enable_grad():
                leaves = [part.detach().requires_grad_() for part in parameters]
                values, aux = function(leaves, *arguments)

            def pull(slopes):
                gradients = torch.autograd.grad(values, leaves, slopes, allow_unused=True)
                return [
                    torch.zeros_like(leaf) if gradient is None else gradient
                    for leaf, gradient in zip(leaves, gradients, strict=True)
                ]

            detached = [value.detach() for value in values]
            return detached, keras.tree.map_structure(_detached, aux), pull

        return run

    def fold(self, step: Callable, state: Any, n: Any, executor: Executor) -> Any:
        for i in range(int(n)):
            state = step(state, i)
        return state

    def stacked(self, function: Callable) -> Callable:
        raise NotImplementedError("On PyTorch networks are trained one by one.")

    def each(self, function: Callable, n: Any, like: Any, at_a_time: int) -> Any:
        return tuple(
            torch.stack(parts) for parts in zip(*map(function, range(int(n))), strict=True)
        )

    def pure_optimizer(self, optimizer_class: type) -> type:
        raise NotImplementedError("Keras's PyTorch optimizers change their variables in place.")


def _in_list(value: Any, aux: Any) -> tuple[list, Any]:
    return [value], aux


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


BACKEND = TorchBackend()
