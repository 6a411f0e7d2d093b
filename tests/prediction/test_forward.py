import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_cnn import backends
from sklearn_cnn.architectures import convolutional, dense
from sklearn_cnn.prediction import outputs


def sine(x):
    """An activation that has no NumPy form here."""
    from keras import ops

    return ops.sin(x)


def network(**settings):
    return dense((5,), 3, "softmax", hidden_layer_sizes=(7, 4), **{"dtype": "float64"} | settings)


def by_keras(architecture, weights, X):
    from keras import ops

    with backends.current().precision(architecture.dtype):
        model = architecture.build(linear_output=True)
        model.set_weights(weights)
        return ops.convert_to_numpy(model(X, training=False))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_normalization", [False, True])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", sine])
def test_outputs_of_dense_networks_equal_keras(activation, batch_normalization, dtype, double):
    architecture = network(
        activation=activation, batch_normalization=batch_normalization, dtype=dtype
    )
    rng = np.random.RandomState(0)
    shapes = [parameter.shape for parameter in architecture.parameters]
    weights = [rng.uniform(0.5, 1.5, shape).astype(dtype) for shape in shapes]
    X = rng.normal(size=(9, 5)).astype(dtype)
    expected = by_keras(architecture, weights, X)
    assert_allclose(
        outputs(architecture, weights, X), expected, rtol=1e-5 if dtype == "float32" else double
    )


def test_outputs_of_convolutional_networks_equal_keras():
    architecture = convolutional((6, 6, 2), 3, "softmax", filters=(4,), dropout=0.5)
    rng = np.random.RandomState(0)
    weights = architecture.draw(rng)
    X = rng.normal(size=(5, 6, 6, 2)).astype("float32")
    assert_allclose(
        outputs(architecture, weights, X), by_keras(architecture, weights, X), atol=1e-6
    )


@pytest.mark.parametrize("function", ["convolutional", "dense"])
def test_how_rows_are_split_changes_no_bit(function):
    if function == "dense":
        architecture = network(activation=sine)
    else:
        architecture = convolutional((5, 1), 3, "softmax", filters=(4,))
    rng = np.random.RandomState(0)
    weights = architecture.draw(rng)
    X = rng.normal(size=(150, *architecture.input_shape)).astype(architecture.dtype)
    together = outputs(architecture, weights, X)
    for size in (1, 64, 65, 149):
        apart = [outputs(architecture, weights, X[i : i + size]) for i in range(0, 150, size)]
        assert_array_equal(np.concatenate(apart), together)


@pytest.mark.parametrize("activation", ["relu", sine])
def test_sparse_rows_give_what_dense_rows_give(activation, double):
    architecture = network(activation=activation)
    rng = np.random.RandomState(0)
    weights = architecture.draw(rng)
    X = sparse.random(200, 5, density=0.3, random_state=0, format="csr")
    assert_allclose(
        outputs(architecture, weights, X), outputs(architecture, weights, X.toarray()), atol=double
    )


def test_rows_of_another_float_type_than_the_network_are_cast():
    architecture = network(activation=sine)
    weights = architecture.draw(np.random.RandomState(0))
    X = np.random.RandomState(0).normal(size=(3, 5)).astype("float32")
    in_double = outputs(architecture, weights, X.astype("float64"))
    assert_array_equal(outputs(architecture, weights, X), in_double)
