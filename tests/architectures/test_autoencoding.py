"""Autoencoders as descriptions."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_cnn.architectures import (
    Architecture,
    convolutional_autoencoder,
    decoder,
    dense_autoencoder,
    dense_layers,
    encoder,
    layer_table,
)

from ._settings import common_settings, convolution_settings


@st.composite
def autoencoders(draw):
    rest = draw(common_settings()) | {
        "n_components": draw(st.integers(1, 3)),
        "hidden_layer_sizes": draw(st.lists(st.integers(1, 5), max_size=2)),
        "output_activation": draw(st.sampled_from(["linear", "sigmoid"])),
    }
    if draw(st.booleans()):
        return dense_autoencoder(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)), **rest)
    shape, convolution = draw(convolution_settings())
    try:
        return convolutional_autoencoder(
            shape,
            **convolution,
            **rest,
            padding=draw(st.sampled_from(["same", "valid"])),
            pooling=draw(st.sampled_from(["max", "average", None])),
        )
    except ValueError as error:
        assume("is larger than its input" not in str(error))
        assume("dtype='float64' has no pooling" not in str(error))
        assume("at least one convolution" not in str(error))
        raise


def with_drawn_weights(architecture, seed=0):
    model = architecture.build()
    model.set_weights(architecture.draw(np.random.RandomState(seed)))
    return model


@given(autoencoders(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_any_size_is_given_back_and_the_parts_make_the_whole(architecture, seed):
    model = with_drawn_weights(architecture, seed)
    assert [p.path for p in architecture.parameters] == [w.path for w in model.weights]
    assert [p.shape for p in architecture.parameters] == [w.shape for w in model.weights]
    assert [p.trainable for p in architecture.parameters] == [w.trainable for w in model.weights]
    assert {layer.dtype for layer in model.layers} == {architecture.dtype}
    X = np.random.RandomState(seed).uniform(size=(3, *architecture.input_shape))
    X = X.astype(architecture.dtype)
    whole = np.array(model(X))
    assert whole.shape == X.shape
    assert architecture.units == X[0].size
    code = encoder(model)(X)
    assert code.shape == (3, architecture["n_components"])
    assert_array_equal(np.array(decoder(model)(code)), whole)


@given(autoencoders())
@settings(max_examples=25, deadline=None)
def test_a_description_survives_pickle_and_json(architecture):
    for copy in (
        pickle.loads(pickle.dumps(architecture)),
        Architecture.from_config(json.loads(json.dumps(architecture.get_config()))),
    ):
        assert copy == architecture
        assert hash(copy) == hash(architecture)


@given(autoencoders())
@settings(max_examples=10, deadline=None)
def test_linear_output_leaves_only_the_last_activation_out(architecture):
    from keras import activations

    model, linear = with_drawn_weights(architecture), architecture.build(linear_output=True)
    linear.set_weights(model.get_weights())
    X = np.random.RandomState(0).uniform(size=(2, *architecture.input_shape))
    activate = activations.get(architecture.output_activation)
    assert_allclose(np.array(activate(linear(X))), np.array(model(X)), rtol=1e-6)


def test_the_decoder_is_the_encoder_in_a_mirror():
    """SYSTEMS B15."""
    network = dense_autoencoder((64,), hidden_layer_sizes=(64, 128, 64), activation="tanh")
    layers = [(layer.name, layer.units, layer.activation) for layer in dense_layers(network)]
    assert layers == [
        ("encoder_0", 64, "tanh"),
        ("encoder_1", 128, "tanh"),
        ("encoder_2", 64, "tanh"),
        ("code", 2, "linear"),
        ("decoder_0", 64, "tanh"),
        ("decoder_1", 128, "tanh"),
        ("decoder_2", 64, "tanh"),
        ("output", 64, "linear"),
    ]
    assert network.wants_xla


def test_convolutions_are_undone_in_reverse():
    network = convolutional_autoencoder((28, 28, 1), filters=(16, 8), n_components=10)
    shapes = {row.name: row.output_shape for row in layer_table(network)}
    assert list(shapes.items()) == [
        ("conv_0", (28, 28, 16)),
        ("pool_0", (14, 14, 16)),
        ("conv_1", (14, 14, 8)),
        ("pool_1", (7, 7, 8)),
        ("flatten", (392,)),
        ("code", (10,)),
        ("decoder_0", (392,)),
        ("reshape", (7, 7, 8)),
        ("decoder_conv_1_upsampling", (14, 14, 8)),
        ("decoder_conv_1", (14, 14, 16)),
        ("decoder_conv_1_activation", (14, 14, 16)),
        ("output_upsampling", (28, 28, 16)),
        ("output", (28, 28, 1)),
        ("output_activation", (28, 28, 1)),
    ]
    assert not network.wants_xla
    assert dense_layers(network) is None


@pytest.mark.parametrize("size", range(5, 12))
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_last_layer_is_the_transpose_of_the_first(size, kernel_size, strides, padding):
    """<conv(x), y> = <x, transposed(y)> for every x and y."""
    import keras

    architecture = convolutional_autoencoder(
        (size, 1),
        filters=1,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        pooling=None,
        activation="identity",
        dtype="float64",
    )
    model = architecture.build()
    kernel = np.random.RandomState(0).normal(size=(kernel_size, 1, 1))
    for name in ("conv_0", "output"):
        model.get_layer(name).set_weights([kernel, np.zeros(1)])
    convolve = keras.Model(model.input, model.get_layer("conv_0").output)
    forth = np.array(convolve(np.eye(size)[:, :, None]))[:, :, 0]
    undo = keras.Model(model.get_layer("reshape").output, model.output)
    back = np.array(undo(np.eye(forth.shape[1])[:, :, None]))[:, :, 0]
    assert_allclose(back, forth.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("pool_size", [2, 3])
def test_a_value_comes_back_to_the_window_that_it_was_pooled_from(size, pool_size):
    import keras

    architecture = convolutional_autoencoder(
        (size, 1), filters=1, kernel_size=1, pool_size=pool_size, activation="identity"
    )
    model = architecture.build()
    for name in ("conv_0", "output"):
        model.get_layer(name).set_weights([np.ones((1, 1, 1)), np.zeros(1)])
    pool = keras.Model(model.input, model.get_layer("pool_0").output)
    back = keras.Model(model.get_layer("reshape").output, model.output)
    ramp = np.arange(size, dtype="float32")[None, :, None]
    spread = np.array(back(pool(ramp))).ravel()
    assert (spread >= ramp.ravel()).all()
    assert (spread < ramp.ravel() + pool_size).all()


def test_parts_share_their_weights_with_the_whole():
    model = with_drawn_weights(dense_autoencoder((5,), hidden_layer_sizes=(4,)))
    coding, decoding = encoder(model), decoder(model)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    X = np.ones((1, 5), dtype="float32")
    assert_array_equal(np.array(decoding(coding(X))), np.array(model(X)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dense_autoencoder((5,), n_components=0), "n_components must be at least 1. Got 0"),
        (
            lambda: dense_autoencoder((5,), code_activation="tanhh"),
            "code_activation='tanhh' is unknown",
        ),
        (
            lambda: convolutional_autoencoder((5, 5, 1), filters=()),
            "filters must name at least one convolution",
        ),
        (
            lambda: convolutional_autoencoder((5, 5, 1), padding="reflect"),
            "padding='reflect' is unknown. Known names: 'same', 'valid'",
        ),
        (
            lambda: convolutional_autoencoder((2, 2, 1), padding="valid"),
            "kernel_size 3x3 of layer 1 is larger than its input, 2x2",
        ),
        (lambda: convolutional_autoencoder((64,)), "input_shape must be"),
    ],
)
def test_settings_that_do_not_fit_are_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
