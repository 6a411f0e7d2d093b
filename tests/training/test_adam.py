import keras
import numpy as np
from keras import optimizers
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_cnn import backends
from sklearn_cnn.backends import Executor
from sklearn_cnn.training.adam import Adam

SHAPES = [(4, 3), (3,)]
NUMBERS = {"beta_1": 0.875, "beta_2": 0.96875, "epsilon": 2.0**-10}
RATE = 2.0**-4


def arrays(seed, shapes=SHAPES):
    rng = np.random.RandomState(seed)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def of_keras():
    weights = [keras.Variable(array) for array in arrays(0)]
    optimizer = optimizers.Adam(RATE, **NUMBERS)
    optimizer.build(weights)
    return optimizer, weights


def ours(*, direct=False):
    adam = Adam(SHAPES, "float32", direct=direct)
    array = backends.current().array
    for name, value in {"run_time_rate": RATE, **NUMBERS}.items():
        setattr(adam, name, array(np.float32(value)))
    return adam


def after_steps(adam, n_steps, *, step=None):
    array = backends.current().array
    step = step or adam.stateless_apply
    state = [array(variable) for variable in adam.variables]
    weights = [array(weight) for weight in arrays(0)]
    for i in range(n_steps):
        gradients = [array(gradient) for gradient in arrays(i + 1)]
        weights, state = step(state, gradients, weights)
    return [np.asarray(part) for part in [*weights, *state]]


def test_its_state_is_laid_out_as_that_of_keras():
    optimizer, _ = of_keras()
    expected = [np.asarray(variable) for variable in optimizer.variables]
    expected[1] = np.zeros_like(expected[1])  # the rate is an input of ours
    for got, wanted in zip(ours().variables, expected, strict=True):
        assert got.dtype == wanted.dtype
        assert_array_equal(got, wanted)


def test_its_steps_are_those_of_keras():
    optimizer, weights = of_keras()
    for i in range(5):
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in arrays(i + 1)], weights)
    expected = [keras.ops.convert_to_numpy(v) for v in [*weights, *optimizer.variables]]
    got = after_steps(ours(), 5)
    rate = len(SHAPES) + 1
    for i, (array, wanted) in enumerate(zip(got, expected, strict=True)):
        if i != rate:
            assert_allclose(array, wanted, rtol=1e-6, atol=1e-7)


def test_xla_makes_the_same_roots_of_powers():
    backend, results = backends.current(), []
    for direct in (False, True):
        adam = ours(direct=direct)
        step = backend.compile(adam.stateless_apply, Executor.XLA)
        results.append(after_steps(adam, 5, step=step))
    for plain, direct in zip(*results, strict=True):
        assert_array_equal(direct, plain)
