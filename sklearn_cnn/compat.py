"""Private names of scikit-learn and Keras: the one module that an upgrade of theirs touches.

Every name here has no public spelling in the releases that we support. Keras is imported inside
the functions, because importing this module must stay cheap.
"""

import collections
import contextlib
import random
import threading

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    Options,
    StrOptions,
)
from sklearn.utils._param_validation import (
    InvalidParameterError as InvalidParameterError,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call as check_partial_fit_first_call
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "HasMethods",
    "Hidden",
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "available_if",
    "base_optimizer_methods",
    "call_with_tensors",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "compile_arguments",
    "double_precision",
    "fit_context",
    "import_tensorflow_in",
    "keras_defaults",
    "places_of_averages",
    "safe_indexing",
    "scheduled_rate",
    "seeded_keras",
    "set_rate_variable",
    "training_argument",
    "without_values",
]

# What Keras's TensorFlow optimizers override for tf.distribute, and what keeps them from being
# pure functions. The base class has a plain form of each.
_PURE_OPTIMIZER_METHODS = (
    "stateless_apply",
    "assign",
    "assign_add",
    "assign_sub",
    "_var_key",
    "_apply_weight_decay",
    "_backend_update_step",
    "_overwrite_model_variables_with_average_value",
    "_backend_increment_gradient_accumulators",
    "_clip_by_norm",
)


def base_optimizer_methods():
    """The methods of Keras's backend-free optimizer that TensorFlow's optimizer replaces."""
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    methods = {name: getattr(BaseOptimizer, name) for name in _PURE_OPTIMIZER_METHODS}
    return methods | {"_backend_apply_gradients": _apply_gradients}


def _apply_gradients(self, grads, trainable_variables):
    """Keras's own method, with values that are selected where Keras assigns in branches.

    What is assigned inside a branch of a graph cannot be read outside.
    """
    from keras import ops

    steps = self.gradient_accumulation_steps
    if not steps:
        _clip_decay_update(self, grads, trainable_variables)
    else:
        due = ops.equal((self._iterations + 1) % steps, 0)
        accumulators = [
            self._accumulated_gradients[self._get_variable_index(v)] for v in trainable_variables
        ]
        sums = [g + a.value for g, a in zip(grads, accumulators, strict=True)]
        state = [*trainable_variables, *self.variables]
        before = [variable.value for variable in state]
        _clip_decay_update(self, [total / steps for total in sums], trainable_variables)
        for variable, value in zip(state, before, strict=True):
            variable.assign(ops.where(due, variable.value, value))
        for accumulator, total in zip(accumulators, sums, strict=True):
            accumulator.assign(ops.where(due, ops.zeros_like(total), total))
    if self.use_ema:
        self._update_model_variables_moving_average(self._trainable_variables)
        if self.ema_overwrite_frequency:
            due = ops.equal((self.iterations + 1) % self.ema_overwrite_frequency, 0)
            averages = self._model_variables_moving_average
            for variable, average in zip(self._trainable_variables, averages, strict=True):
                variable.assign(ops.where(due, average.value, variable.value))


def _clip_decay_update(optimizer, grads, trainable_variables):
    grads = optimizer._clip_gradients(grads)
    optimizer._apply_weight_decay(trainable_variables)
    optimizer._backend_update_step(grads, trainable_variables, optimizer.learning_rate)


def call_with_tensors(function, tensors):
    """Call a concrete function of TensorFlow with the flat list of its tensors.

    Its public call looks at each argument in Python, as if it had not been traced for it: 0.15 ms
    for a loss of L-BFGS, more than 1 ms for a program of epochs.
    """
    return function._call_flat(tensors, function.captured_inputs)


def places_of_averages(optimizer):
    """Where among the optimizer's variables the moving averages of the weights stand."""
    places = {id(variable): place for place, variable in enumerate(optimizer.variables)}
    return [places[id(average)] for average in optimizer._model_variables_moving_average]


def scheduled_rate(optimizer, iterations):
    """What the optimizer's schedule says after ``iterations`` batches."""
    return optimizer._learning_rate(iterations)


def set_rate_variable(optimizer, rate, dtype):
    """Keep an optimizer's rate in ``dtype``: Keras has float32, whatever a network computes in."""
    import keras

    optimizer._untrack_variable(optimizer._learning_rate)
    optimizer._learning_rate = keras.Variable(
        rate, dtype=dtype, trainable=False, name="learning_rate"
    )
    return optimizer._learning_rate


def import_tensorflow_in(context):
    """Let Keras enter ``context()`` where it imports TensorFlow on another backend."""
    from keras.src.utils.module_utils import tensorflow

    initialize = tensorflow.initialize

    def initialize_in_context():
        with context():
            initialize()

    tensorflow.initialize = initialize_in_context


def training_argument(model, training: bool) -> dict[str, bool]:
    """The argument ``training`` for a model's ``call``, if that takes it."""
    return {"training": training} if model._call_has_training_arg else {}


def compile_arguments(model):
    """What a Keras model was compiled with, as the user passed it; empty if it was not."""
    config = getattr(model, "_compile_config", None)
    return {} if config is None or not model.compiled else dict(config.config)


@contextlib.contextmanager
def keras_defaults(dtype=None):
    """Name layers made in this block as in a fresh process; give them ``dtype`` by default.

    Both settings of Keras belong to the thread. Layers that number themselves through the life of
    a process would make every model another one.
    """
    from keras import dtype_policies
    from keras.src.backend.common import global_state

    fresh = {"object_name_uids": collections.defaultdict(int)}
    if dtype is not None:
        fresh["dtype_policy"] = dtype_policies.get(dtype)
    before = {name: global_state.get_global_attribute(name) for name in fresh}
    for name, value in fresh.items():
        global_state.set_global_attribute(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            global_state.set_global_attribute(name, value)


@contextlib.contextmanager
def without_values():
    """Let the variables of layers made in this block have a shape and no value.

    Who hands values in at every call never reads theirs, and drawing them takes most of the time
    of making a model. Keras would keep them in a list of its own, to be filled later.
    """
    import keras
    from keras.src.backend.common import global_state

    name = "uninitialized_variables"
    before = global_state.get_global_attribute(name)
    global_state.set_global_attribute(name, [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(name, before)


class _DoublePrecision:
    """A block, in any number of threads, in which Keras's operations leave float64 as it is.

    On PyTorch matrix products, means and maxima of float64 are computed in float32, on JAX tanh,
    means and variances, by a table that stands for all threads; float32 is not in it.
    """

    def __init__(self):
        self._lock, self._n_inside = threading.Lock(), 0

    def __enter__(self):
        from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE as NARROWED

        with self._lock:
            if self._n_inside == 0:
                self._before = NARROWED["float64"]
                NARROWED["float64"] = "float64"
            self._n_inside += 1

    def __exit__(self, *raised):
        from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE as NARROWED

        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                NARROWED["float64"] = self._before


double_precision = _DoublePrecision()


class _SeedSource(threading.local):
    """Stands in for the module ``random`` where Keras draws the seeds that a user left open."""

    drawing = random

    def randint(self, low, high):
        return self.drawing.randint(low, high)


_SEEDS = _SeedSource()


@contextlib.contextmanager
def seeded_keras(seed):
    """Let initializers and layers made in this block draw their open seeds from ``seed``.

    Keras draws them from Python's global stream, which must be neither read nor disturbed: the
    same ``random_state`` has to give the same network. Other threads are not affected.
    """
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator

    seed_generator.python_random = _SEEDS
    before, _SEEDS.drawing = _SEEDS.drawing, random.Random(seed)
    shared = global_state.get_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR)
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)
    try:
        yield
    finally:
        _SEEDS.drawing = before
        global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, shared)
