"""TensorFlow: XLA for dense networks, the plain graph for convolutions and short fits."""

import collections
import contextlib
import functools
import hashlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import ops
from tensorflow.python.ops.parallel_for import pfor

from sklearn_cnn.compat import base_optimizer_methods, call_with_tensors

from ._interface import Executor

# Compiling costs 0.3 to 0.8 s and saves about 60 us a step; below this many steps it is a loss
# even if the program is used a second time.
_STEPS_WORTH_COMPILING = 800
# A step of fewer operations on numbers is over before a second thread has woken up: digits in
# batches of 32 take 80 us a step instead of 120. At 2e7 two threads are quicker again.
_FLOPS_WORTH_SHARING = 1e7
_OBJECTS_BETWEEN_CLEANINGS = 64
# In what Python prints of a function, and nowhere else the same.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def _stack_bitcast(inputs):
    return pfor.wrap(tf.bitcast(inputs.stacked_input(0), inputs.get_attr("type")), True)


with contextlib.suppress(KeyError):  # a later release may have its own
    # Keras's argmax looks at the bits of its input; TensorFlow stacks all but this operation of it.
    pfor.RegisterPFor("Bitcast")(_stack_bitcast)


# TensorFlow announces the first program that XLA compiles; later releases do so in a log only.
_FIRST_SILENT_XLA = (2, 21)


def configure(threads: int | None) -> None:
    """Take GPU memory as needed; in a joblib worker, use the threads that it grants."""
    for device in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # the user's program has used the GPU already
            tf.config.experimental.set_memory_growth(device, True)
    if threads is not None:
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
    if tuple(int(part) for part in tf.__version__.split(".")[:2]) < _FIRST_SILENT_XLA:
        read_flags()  # now, while messages are held back


def read_flags() -> None:
    """Have TensorFlow read its flags, which it does when XLA is first used."""
    tf.function(lambda x: x + 1, autograph=False, jit_compile=True)(tf.constant(0))


class _Names:
    """The numbers in the names of programs, the same in every process where programs are kept.

    TensorFlow finds a kept program by its text, names included, and numbers these in one sequence
    with the tensors of the process: one tensor more, made before or in another thread meanwhile,
    and it would compile anew.
    """

    def __init__(self):
        self.kept = False
        self._usual = ops.uid
        self._here = threading.local()  # numbers: those of the program that this thread traces
        self._n_of_text: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def keep(self) -> None:
        """Number names so from now on."""
        self.kept = True
        ops.uid = self._next

    def _next(self) -> int:
        numbers = getattr(self._here, "numbers", None)
        return self._usual() if numbers is None else next(numbers)

    @contextlib.contextmanager
    def of(self, function: Callable, shape: Any) -> Iterator[None]:
        """Context in which to trace ``function``, a program of ``shape``."""
        if not self.kept:
            yield
            return
        text = f"{function.__qualname__} {_ADDRESS.sub('', repr(shape))}"
        with self._lock:  # no name may stand for two functions, traced again or alike in text
            n = self._n_of_text[text]
            self._n_of_text[text] += 1
        digest = hashlib.sha256(f"{text} {n}".encode()).digest()
        # TensorFlow keeps them in 64 bits; a program draws thousands.
        self._here.numbers = itertools.count(int.from_bytes(digest[:5]) << 22)
        try:
            yield
        finally:
            self._here.numbers = None


NAMES = _Names()


def keep_programs() -> None:
    """Have TensorFlow keep programs where its flags say, for other processes to find."""
    read_flags()
    NAMES.keep()


@functools.cache
def generate_products() -> None:
    """Have oneDNN generate the code of its products in float32, in a thread of its own.

    It does so at the first product in a process and takes 30 ms. While a program is traced, which
    is Python's work, the other cores have nothing else to do.
    """
    threading.Thread(target=_first_product, name="first product").start()


def _first_product() -> None:
    array = np.ones((2, 2), np.float32)
    with contextlib.suppress(tf.errors.OpError):  # the program that needs it will say so
        tf.raw_ops.MatMul(a=array, b=array, transpose_a=True)


def scheduled_as(executor: Executor) -> contextlib.AbstractContextManager:
    """Context in which TensorFlow traces and runs a program as ``executor`` says.

    A program whose loop starts from constants alone would crash under ``SERIAL``: TensorFlow runs
    such loops while it optimises the graph, one call inside the other. Ours start from weights.
    """
    if executor is Executor.SERIAL:
        return tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")
    return contextlib.nullcontext()


class TensorFlowBackend:
    """Programs as ``tf.function`` without autograph."""

    name = "tensorflow"
    compiles = True
    stacks_convolutions = False
    lowers_slowly = True
    convolves_in_patches = False  # oneDNN is quicker

    def __init__(self):
        self._tracing = threading.local()
        self._n_counted = 0

    def executor(self, *, dense: bool, n_steps: float, step_flops: float, xla: bool) -> Executor:
        if not dense:
            # No XLA for convolutions on a CPU: 12 s an epoch against 0.6 in the plain graph.
            return Executor.VARIABLES
        if xla and n_steps >= _STEPS_WORTH_COMPILING:
            return Executor.XLA
        return Executor.SERIAL if step_flops < _FLOPS_WORTH_SHARING else Executor.GRAPH

    @property
    def on_cpu(self) -> bool:
        return not tf.config.list_physical_devices("GPU")

    def free_memory(self) -> int | None:
        return None

    def precision(self, dtype: str):
        return contextlib.nullcontext()

    def dtype_outside(self, dtype: str) -> str:
        return dtype

    def own_stream(self, seed: int):
        return contextlib.nullcontext()

    def array(self, value: Any) -> Any:
        return tf.convert_to_tensor(value)

    def take(self, array: Any, rows: Any) -> Any:
        return tf.gather(array, rows)

    def compile(self, function: Callable, executor: Executor, shape: Any = None) -> Callable:
        traced = tf.function(function, autograph=False, jit_compile=executor is Executor.XLA)
        lock = threading.RLock()
        concrete: list[Callable] = []
        variables: list[tf.Variable] = []  # a graph does not keep its variables alive

        def run(*arguments):
            if not concrete:
                with lock:
                    self._tracing.variables = variables
                    if self.on_cpu:
                        generate_products()
                    if not concrete:
                        with scheduled_as(executor), NAMES.of(function, shape):
                            concrete.append(traced.get_concrete_function(*arguments))
                        self.forget_unused()
            # With variables, the weights live in the program's own while it runs.
            alone = lock if executor is Executor.VARIABLES else contextlib.nullcontext()
            with alone, scheduled_as(executor):
                tensors = [leaf for leaf in tf.nest.flatten(arguments) if leaf is not None]
                return call_with_tensors(concrete[0], tensors)

        return run

    def forget_unused(self) -> None:
        # TensorFlow's cache of kernels holds graphs (0.4 MB each) and variables (0.8 MB a compiled
        # model) that nobody else does. What is still in use is made again, in 0.02 to 0.4 s.
        self._n_counted += 1
        if self._n_counted % _OBJECTS_BETWEEN_CLEANINGS == 0:
            context.context().clear_kernel_cache()

    def value_and_grad(self, function: Callable) -> Callable:
        def run(parameters, *arguments):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(parameters)
                value, aux = function(parameters, *arguments)
            gradients = tape.gradient(
                value, parameters, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            return (value, aux), gradients

        return run

    def pullback(self, function: Callable) -> Callable:
        def run(parameters, *arguments):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(parameters)
                values, aux = function(parameters, *arguments)

            def pull(slopes):
                return tape.gradient(
                    values,
                    parameters,
                    output_gradients=slopes,
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )

            return values, aux, pull

        return run

    def fold(self, step: Callable, state: Any, n: Any, executor: Executor) -> Any:
        if executor is Executor.VARIABLES:
            return self._fold_in_place(step, state, n)
        _, state = tf.while_loop(
            lambda i, _: i < n,
            lambda i, state: (i + 1, step(state, i)),
            (tf.constant(0), state),
            parallel_iterations=1,
        )
        return state

    def _fold_in_place(self, step: Callable, state: Any, n: Any) -> Any:
        """The same in variables: a loop that carries weights copies them at every step."""
        variables = self._tracing.variables
        if not variables:  # tf.function traces twice what makes variables
            variables += [
                tf.Variable(tf.zeros(leaf.shape, leaf.dtype)) for leaf in tf.nest.flatten(state)
            ]
        for variable, value in zip(variables, tf.nest.flatten(state), strict=True):
            variable.assign(value)

        def body(i):
            values = tf.nest.pack_sequence_as(state, [v.read_value() for v in variables])
            new = tf.nest.flatten(step(values, i))
            assignments = [v.assign(value) for v, value in zip(variables, new, strict=True)]
            with tf.control_dependencies(assignments):
                return (i + 1,)

        tf.while_loop(lambda i: i < n, body, (tf.constant(0),), parallel_iterations=1)
        return tf.nest.pack_sequence_as(state, [v.read_value() for v in variables])

    def stacked(self, function: Callable) -> Callable:
        def run(*arguments):
            return tf.vectorized_map(
                lambda one: function(*one), arguments, fallback_to_while_loop=False
            )

        return run

    def each(self, function: Callable, n: Any, like: Any, at_a_time: int) -> Any:
        form = tf.nest.map_structure(lambda a: tf.TensorSpec(a.shape[1:], a.dtype), like)
        return tf.map_fn(
            function, tf.range(n), fn_output_signature=form, parallel_iterations=at_a_time
        )

    def pure_optimizer(self, optimizer_class: type) -> type:
        # A mixin below Keras's optimizer class stands before TFOptimizer and after the user's
        # class in the order of resolution: Nadam's own update calls ours, not tf.distribute's.
        return type(f"Pure{optimizer_class.__name__}", (optimizer_class, _PureOptimizer), {})


def _current_learning_rate(self):
    rate = self.__dict__.get("run_time_rate")
    return super(_PureOptimizer, self)._get_current_learning_rate() if rate is None else rate


_PureOptimizer = type(
    "_PureOptimizer",
    (keras.optimizers.Optimizer,),
    {**base_optimizer_methods(), "_get_current_learning_rate": _current_learning_rate},
)

BACKEND = TensorFlowBackend()
