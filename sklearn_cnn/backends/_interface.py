"""What a backend can do for the training engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any, Protocol


class Executor(Enum):
    """How a program runs; the value is the word that users read."""

    XLA = "xla"  # loop variables, compiled by XLA: small dense networks, long fits
    GRAPH = "graph"  # loop variables, the plain graph: short fits
    SERIAL = "serial"  # the same, one operation after the other: short fits of small networks
    VARIABLES = "variables"  # the plain graph, weights updated in place: convolutions on a CPU


class Backend(Protocol):
    """A compiler of programs.

    A program is a pure function of nested tuples, lists and dicts of arrays, written in
    ``keras.ops``. Nothing in this interface trains: that is the training room's business.
    """

    name: str
    # Whether programs can be compiled at all. PyTorch trains through ``keras.Model.fit``.
    compiles: bool
    # Whether `stacked` takes convolutions whose filters differ.
    stacks_convolutions: bool
    # Whether rectifiers and sums of biases reach XLA by way of another compiler.
    lowers_slowly: bool

    @property
    def convolves_in_patches(self) -> bool:
        """Whether a convolution and its gradient are quicker as patches and one product."""

    @property
    def on_cpu(self) -> bool:
        """Whether programs run on the host's cores, not on an accelerator of its own."""

    def free_memory(self) -> int | None:
        """Bytes left on an accelerator with memory of its own; None where it does not say."""

    def executor(self, *, dense: bool, n_steps: float, step_flops: float, xla: bool) -> Executor:
        """The executor for ``n_steps`` steps of a network that is ``dense`` or not.

        A step computes ``step_flops`` sums and products; ``xla`` tells whether XLA may compile
        one more program.
        """

    def precision(self, dtype: str) -> AbstractContextManager:
        """Context in which arrays of ``dtype`` keep their width, and products their digits."""

    def dtype_outside(self, dtype: str) -> str:
        """What arrays of ``dtype`` are in the user's own program, outside of `precision`."""

    def own_stream(self, seed: int) -> AbstractContextManager:
        """Context for ``keras.Model.fit`` that leaves the backend's global random stream as it was.

        What draws from that stream meanwhile starts from ``seed``.
        """

    def array(self, value: Any) -> Any:
        """Copy a NumPy array to the device."""

    def take(self, array: Any, rows: Any) -> Any:
        """Rows of an array by their numbers, none of them negative.

        ``keras.ops.take`` looks for negative ones, which costs as much as the gathering.
        """

    def compile(self, function: Callable, executor: Executor, shape: Any = None) -> Callable:
        """Compile ``function``; it returns device arrays.

        Where programs are kept between processes, what ``repr`` says of ``shape`` helps to find
        this one again.
        """

    def forget_unused(self) -> None:
        """Count a new program or model; once in a while give back what is left of those gone."""

    def value_and_grad(self, function: Callable) -> Callable:
        """``(value, aux), gradients`` of ``function(parameters, *args) -> (value, aux)``."""

    def pullback(self, function: Callable) -> Callable:
        """The gradient of ``function(parameters, *args) -> (values, aux)`` in two halves.

        What is returned takes the same arguments and gives ``values, aux, pull``. ``pull(slopes)``,
        with the slope of some loss in each of the list ``values``, gives the gradients of that
        loss with respect to the parameters.
        """

    def fold(self, step: Callable, state: Any, n: Any, executor: Executor) -> Any:
        """``state = step(state, i)`` for ``i`` in ``range(n)``, inside a program."""

    def stacked(self, function: Callable) -> Callable:
        """``function`` over the leading axis of all its arguments, inside a program.

        Arrays that it takes from outside are shared. On TensorFlow what cannot be stacked is an
        error while the program is traced, never a slow loop.
        """

    def each(self, function: Callable, n: Any, like: Any, at_a_time: int) -> Any:
        """Results of ``function(i)`` for ``i`` in ``range(n)``, below each other, in a program.

        On TensorFlow each has the bits that it has alone. ``like`` has their form, with room for
        ``n`` of them; what comes back has at least ``n`` rows. At most ``at_a_time`` run at a time.
        """

    def pure_optimizer(self, optimizer_class: type) -> type:
        """A subclass whose ``stateless_apply`` is a pure function and whose rate is an input."""
