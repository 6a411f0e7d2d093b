"""Activations under the names of scikit-learn and Keras."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from sklearn_cnn.architectures.activations import (
    _NUMPY,
    _names,
    activation_name,
    keras_activation,
    numpy_activation,
)

# Keras names that need arguments or halve the units: no activations of a layer by themselves.
_NO_ACTIVATIONS = {"threshold", "glu"}
# TensorFlow keeps their constants in float32, whatever the dtype of the argument.
_SINGLE_PRECISION_CONSTANTS = {"gelu", "leaky_relu"}


def test_every_activation_of_keras_is_known():
    from keras import activations

    names = {name for name in vars(activations) if not name.startswith("_")}
    names -= {"get", "serialize", "deserialize"} | _NO_ACTIVATIONS
    assert {activation_name(name) for name in names} == _names()


@pytest.mark.parametrize("name", [*_NUMPY, "identity", "logistic", "swish", "hard_swish"])
def test_numpy_and_keras_agree(name):
    from keras import ops

    rng = np.random.RandomState(0)
    x = np.concatenate([rng.normal(0, 2, (200, 5)), [[-40.0, -3.0, 0.0, 3.0, 40.0]]])
    before = x.copy()
    ours = numpy_activation(name)(x)
    tensor = ops.convert_to_tensor(x, dtype="float64")
    theirs = np.array(keras_activation(activation_name(name))(tensor))
    assert theirs.dtype == np.float64
    tolerance = 1e-7 if name in _SINGLE_PRECISION_CONSTANTS else 1e-12
    assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    assert_allclose(x, before, rtol=0, atol=0)


@pytest.mark.parametrize("name", [*_NUMPY])
def test_numpy_keeps_float32(name):
    x = np.linspace(-4, 4, 12, dtype=np.float32).reshape(3, 4)
    ours = numpy_activation(name)(x)
    assert ours.dtype == np.float32
    assert not np.shares_memory(ours, x)
    assert_allclose(ours, numpy_activation(name)(x.astype(float)), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", [*_NUMPY])
def test_large_values_neither_overflow_nor_warn(name):
    x = np.array([[-1e3, 0.0, 1e3]])
    with np.errstate(over="ignore" if name == "exponential" else "raise", invalid="raise"):
        assert not np.isnan(numpy_activation(name)(x)).any()


def test_values_known_by_hand():
    x = np.array([[3.82, 5.35, 1.44, -1.26, 2.71, 1.98]])
    expected = [[0.16115195, 0.74422819, 0.01491471, 0.00100235, 0.05310907, 0.02559374]]
    assert_allclose(numpy_activation("softmax")(x), expected, atol=5e-9)
    assert_allclose(numpy_activation("logistic")(x), expit(x), rtol=0)
    assert_allclose(numpy_activation("leaky_relu")(np.array([-2.0, 0.0, 3.0])), [-0.4, 0, 3])


def test_functions_and_layers_have_the_name_that_rebuilds_them():
    from keras import activations, layers, ops, saving

    assert activation_name(activations.relu) == "relu"
    assert activation_name(activations.swish) == "silu"
    name = activation_name(layers.LeakyReLU(0.1))
    assert name == activation_name(layers.LeakyReLU(0.1, name="another"))
    assert numpy_activation(name) is None
    assert_allclose(np.array(keras_activation(name)(np.array([-1.0, 2.0]))), [-0.1, 2])

    @saving.register_keras_serializable("test_activations")
    def doubled(x):
        return ops.multiply(x, 2)

    assert activation_name(doubled) == "test_activations>doubled"
    assert keras_activation("test_activations>doubled") is doubled
    for unregistered in (lambda x: -x, partial(ops.leaky_relu, negative_slope=0.3), np.tanh):
        assert keras_activation(activation_name(unregistered)) is unregistered


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("rleu", r"activation='rleu' is unknown. Known names: 'celu', .*Did you mean 'relu'\?"),
        ("glu", "activation='glu' is unknown"),
    ],
)
def test_an_unknown_name_is_named_with_the_known_ones(activation, message):
    with pytest.raises(ValueError, match=message):
        activation_name(activation)


@pytest.mark.parametrize("activation", [None, 3])
def test_what_is_no_activation_is_an_error(activation):
    with pytest.raises(TypeError, match=f"a callable. Got {activation}."):
        activation_name(activation)


def test_an_unregistered_name_says_where_to_register_it():
    with pytest.raises(ValueError, match="'mine>swoosh' is not registered in this process"):
        keras_activation("mine>swoosh")
