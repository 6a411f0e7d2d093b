"""JAX: every program is compiled by XLA; loops through ``lax``."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from sklearn_cnn.compat import double_precision

from ._interface import Executor
from .programs import PROGRAMS

# JAX keeps every program that it ever compiled, about 8 MB a network with those that drew its
# weights, until all of them are dropped at once. Fewer than the cache counts: its bound, beyond
# which TensorFlow has a plain graph, is never reached here.
_MOST_PROGRAMS = 60


def configure() -> None:
    """Take GPU memory as needed: JAX would take three quarters of it at first use."""
    name = "XLA_PYTHON_CLIENT_PREALLOCATE"
    if name in os.environ:  # the user's word
        return
    os.environ[name] = "false"
    try:
        jax.devices()  # reads the variable, once
    finally:
        del os.environ[name]


class JaxBackend:
    """Programs as ``jax.jit``."""

    name = "jax"
    compiles = True
    stacks_convolutions = True
    lowers_slowly = False

    def __init__(self):
        self._n_compiled = 0

    def executor(self, *, dense: bool, n_steps: float, step_flops: float, xla: bool) -> Executor:
        # There is no plain graph: without `jit` each operation is a program of its own.
        return Executor.XLA

    @property
    def on_cpu(self) -> bool:
        return jax.default_backend() == "cpu"

    @property
    def convolves_in_patches(self) -> bool:
        return self.on_cpu  # XLA's own gradient of a convolution is slow there

    def free_memory(self) -> int | None:
        stats = jax.devices()[0].memory_stats()  # None on a CPU
        return stats["bytes_limit"] - stats["bytes_in_use"] if stats else None

    @contextlib.contextmanager
    def precision(self, dtype: str):
        # Also for float32: one context for all, and none of the user's settings shows. Left to
        # itself a GPU rounds the factors of a product to 10 bits.
        products = getattr(jax.config, "jax_default_matmul_precision", None) or "highest"
        digits = double_precision if dtype == "float64" else contextlib.nullcontext()
        with jax.enable_x64(True), jax.default_matmul_precision(products), digits:
            yield

    def dtype_outside(self, dtype: str) -> str:
        return str(jax.dtypes.canonicalize_dtype(dtype))

    def own_stream(self, seed: int):
        return contextlib.nullcontext()

    def array(self, value: Any) -> Any:
        # JAX would share the memory of the caller's array; `jnp.array` copies by a program that
        # is compiled for each shape.
        return jax.device_put(np.array(value))

    def take(self, array: Any, rows: Any) -> Any:
        return jax.numpy.take(array, rows, axis=0, mode="clip")

    def compile(self, function: Callable, executor: Executor, shape: Any = None) -> Callable:
        if self._n_compiled >= _MOST_PROGRAMS:
            self._n_compiled = 0
            PROGRAMS.release()
            jax.clear_caches()
        program, is_compiled = jax.jit(function), False

        def run(*arguments):
            nonlocal is_compiled
            if not is_compiled:  # at the first call, which for some programs never comes
                is_compiled = True
                self._n_compiled += 1
            return program(*arguments)

        return run

    def forget_unused(self) -> None:
        """Nothing is kept."""

    def value_and_grad(self, function: Callable) -> Callable:
        return jax.value_and_grad(function, has_aux=True)

    def pullback(self, function: Callable) -> Callable:
        def run(parameters, *arguments):
            values, pull, aux = jax.vjp(
                lambda parameters: function(parameters, *arguments), parameters, has_aux=True
            )

            def pulled(slopes):
                (gradients,) = pull(slopes)
                return gradients

            return values, aux, pulled

        return run

    def fold(self, step: Callable, state: Any, n: Any, executor: Executor) -> Any:
        return jax.lax.fori_loop(0, n, lambda i, state: step(state, i), state)

    def stacked(self, function: Callable) -> Callable:
        return jax.vmap(function)

    def each(self, function: Callable, n: Any, like: Any, at_a_time: int) -> Any:
        def step(i, results):
            return jax.tree.map(lambda all_, one: all_.at[i].set(one), results, function(i))

        return jax.lax.fori_loop(0, n, step, like)

    def pure_optimizer(self, optimizer_class: type) -> type:
        return type(f"Pure{optimizer_class.__name__}", (optimizer_class, _PureOptimizer), {})


class _PureOptimizer(keras.optimizers.Optimizer):
    """Keras's optimizers are pure on JAX; their rate becomes an input."""

    def _get_current_learning_rate(self):
        rate = self.__dict__.get("run_time_rate")
        return super()._get_current_learning_rate() if rate is None else rate


BACKEND = JaxBackend()
