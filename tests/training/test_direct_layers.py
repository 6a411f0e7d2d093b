import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose

from sklearn_cnn import backends
from sklearn_cnn.backends import Executor
from sklearn_cnn.training.direct_layers import with_direct_layers


def model_of(activation, *, use_bias=True, normalized=False):
    parts = [keras.Input((6,)), layers.Dense(5, None if normalized else activation)]
    if normalized:
        parts += [layers.BatchNormalization(), layers.Activation(activation)]
    return keras.Sequential([*parts, layers.Dense(3, use_bias=use_bias)])


def value_and_gradients(model, x):
    backend = backends.current()
    others = [np.asarray(variable) for variable in model.non_trainable_variables]

    def loss(weights, x):
        output, _ = model.stateless_call(weights, others, x)
        return ops.sum(ops.square(output)), output

    weights = [backend.array(np.asarray(variable)) for variable in model.trainable_variables]
    program = backend.compile(backend.value_and_grad(loss), Executor.GRAPH)
    (value, output), gradients = program(weights, backend.array(x))
    return [np.asarray(array) for array in (value, output, *gradients)]


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(
    ("activation", "normalized"),
    [("relu", False), ("relu", True), ("tanh", False), ("tanh", True), (None, False)],
)
def test_results_and_gradients_are_those_of_keras(activation, normalized, use_bias):
    model = model_of(activation, use_bias=use_bias, normalized=normalized)
    x = np.random.RandomState(0).normal(size=(20, 6)).astype("float32")
    x[3] = 0.0  # where a rectifier has its corner: biases are zero
    expected = value_and_gradients(model, x)
    assert with_direct_layers(model) is model
    assert type(model.layers[0]) is not layers.Dense
    for got, wanted in zip(value_and_gradients(model, x), expected, strict=True):
        assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_what_is_not_finite_stays_so():
    model = with_direct_layers(model_of("relu"))
    x = np.full((2, 6), np.nan, dtype="float32")
    assert np.isnan(np.asarray(model(x))).all()


def test_layers_of_other_classes_are_left_alone():
    class Other(layers.Dense):
        pass

    model = keras.Sequential([keras.Input((6,)), Other(5), layers.Dense(3)])
    model.layers[1].enable_lora(1)
    with_direct_layers(model)
    assert [type(layer) for layer in model.layers] == [Other, layers.Dense]
