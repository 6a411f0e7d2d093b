"""Convolutional networks as descriptions, and the worked figures of SYSTEMS B through them."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import correlate

from sklearn_cnn import backends
from sklearn_cnn.architectures import Architecture, convolutional, layer_table

from ._settings import common_settings, convolution_settings, outputs

IMAGE = np.array(
    [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
)
KERNEL = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])


@st.composite
def convolutional_networks(draw):
    shape, convolution = draw(convolution_settings())
    padding = draw(st.sampled_from(["same", "valid", "replicate", "reflect"]))
    try:
        return convolutional(
            shape,
            *draw(outputs()),
            **convolution,
            **draw(common_settings()),
            padding=padding,
            pooling=draw(st.sampled_from(["max", "average", None])),
            pool_padding=draw(st.sampled_from(["same", "valid"])),
            pool_strides=draw(st.sampled_from([None, 1, 2])),
            shared_weights=draw(st.booleans()),
            hidden_layer_sizes=draw(st.lists(st.integers(1, 5), max_size=2)),
        )
    except ValueError as error:
        assume("is larger than its input" not in str(error))
        assume("dtype='float64' has no pooling" not in str(error))
        raise


def one_convolution(picture, kernels, bias=0.0, **options):
    """The maps of one convolution with given filters, through the layer that we build."""
    import keras

    picture = np.asarray(picture, dtype=float)
    kernels = np.asarray(kernels, dtype=float)
    architecture = convolutional(
        picture.shape,
        1,
        "linear",
        filters=kernels.shape[-1],
        kernel_size=kernels.shape[:-2],
        **{"pooling": None, "activation": "identity", "dtype": "float64"} | options,
    )
    model = architecture.build()
    weights = [kernels, np.broadcast_to(bias, kernels.shape[-1:])]
    model.get_layer("conv_0").set_weights(weights)
    maps = keras.Model(model.input, model.get_layer("flatten").input)
    return np.array(maps(picture[None]))[0]


def filtered(picture, kernel, **options):
    """One map of one channel."""
    picture, kernel = np.asarray(picture), np.asarray(kernel)
    return one_convolution(picture[..., None], kernel[..., None, None], **options)[..., 0]


def pooled(picture, **options):
    """A picture of one channel after pooling alone."""
    return filtered(picture, np.ones((1,) * np.ndim(picture)), **options)


def rows(text):
    return np.array([[float(x) for x in row.split()] for row in text.split("/")])


@given(convolutional_networks(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_parameters_and_drawn_weights_fit_the_built_model(architecture, seed):
    model = architecture.build()
    parameters = architecture.parameters
    assert [p.path for p in parameters] == [w.path for w in model.weights]
    assert [p.shape for p in parameters] == [tuple(w.shape) for w in model.weights]
    assert [p.trainable for p in parameters] == [w.trainable for w in model.weights]
    drawn = architecture.draw(np.random.RandomState(seed))
    assert [w.shape for w in drawn] == [p.shape for p in parameters]
    assert {w.dtype for w in drawn} == {np.dtype(architecture.dtype)}
    again = architecture.draw(np.random.RandomState(seed))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert {layer.dtype for layer in model.layers} == {architecture.dtype}
    model.set_weights(drawn)
    X = np.random.RandomState(seed).uniform(size=(2, *architecture.input_shape))
    assert model(X).shape == (2, architecture.units)
    assert np.isfinite(np.array(model(X))).all()


@given(convolutional_networks())
@settings(max_examples=20, deadline=None)
def test_a_description_survives_pickle_and_json(architecture):
    for copy in (
        pickle.loads(pickle.dumps(architecture)),
        Architecture.from_config(json.loads(json.dumps(architecture.get_config()))),
    ):
        assert copy == architecture
        assert hash(copy) == hash(architecture)


@given(convolutional_networks(), st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_linear_output_leaves_only_the_last_activation_out(architecture, seed):
    from keras import activations

    weights = architecture.draw(np.random.RandomState(seed))
    X = np.random.RandomState(seed).uniform(size=(3, *architecture.input_shape))
    model, linear = architecture.build(), architecture.build(linear_output=True)
    assert [w.path for w in linear.weights] == [w.path for w in model.weights]
    model.set_weights(weights)
    linear.set_weights(weights)
    activate = activations.get(architecture.output_activation)
    assert_allclose(np.array(activate(linear(X))), np.array(model(X)), rtol=1e-6)


def test_convolution_layer_of_the_course():
    """SYSTEMS B1: cross-correlation, as Keras computes it, with stride 2."""
    first = rows("0 0 0 1 0 2 0/0 1 0 2 0 1 0/0 1 0 2 2 0 0/0 2 0 0 2 0 0/0 2 1 2 2 0 0")
    second = rows("0 2 1 2 1 1 0/0 2 1 2 0 1 0/0 0 2 1 0 1 0/0 1 2 2 2 2 0/0 0 1 2 0 1 0")
    third = rows("0 2 1 1 2 0 0/0 1 0 0 1 0 0/0 0 1 0 0 0 0/0 1 0 2 1 0 0/0 2 2 1 1 1 0")
    picture = np.pad(np.stack([first, second, third], axis=-1), [(1, 1), (0, 0), (0, 0)])
    filter_0 = ["-1 0 1/0 0 1/1 -1 1", "-1 0 1/1 -1 1/0 1 0", "-1 1 1/1 1 0/0 -1 0"]
    filter_1 = ["0 1 -1/0 -1 0/0 -1 1", "-1 0 0/1 -1 0/1 -1 0", "-1 1 -1/0 -1 -1/1 0 0"]
    kernels = np.stack(
        [np.stack([rows(text) for text in texts], axis=-1) for texts in (filter_0, filter_1)], -1
    )
    options = {"bias": [1, 0], "strides": 2, "padding": "valid"}
    maps = one_convolution(picture, kernels, **options)
    assert_array_equal(maps[..., 0], rows("2 3 3/3 7 3/8 10 -3"))
    assert_array_equal(maps[..., 1], rows("-8 -8 -3/-3 1 0/-3 -8 -5"))
    positive = one_convolution(picture, kernels, activation="relu", **options)
    assert_array_equal(positive, np.maximum(maps, 0))
    inner = one_convolution(picture[1:-1, 1:-1], kernels, bias=[1, 0], strides=2)
    assert_array_equal(inner, maps)  # padded by 1, as the course's picture already is
    network = convolutional((7, 7, 3), 1, "linear", filters=2, strides=2, padding="valid")
    assert layer_table(network)[0].parameters == 56


def test_theano_example():
    """SYSTEMS B2: three maps of 120x160, two filters of 9x9."""
    network = convolutional(
        (120, 160, 3), 1, "linear", filters=2, kernel_size=9, padding="valid", pooling=None
    )
    convolution = layer_table(network)[0]
    assert convolution.output_shape == (112, 152, 2)
    assert convolution.parameters == 488
    pictures = np.random.RandomState(1).rand(3, 2, 5, 5)
    assert_allclose(
        pooled(pictures[0, 0], pooling="max"),
        rows("0.72032449 0.39676747/0.6852195 0.87811744"),
        atol=5e-9,
    )
    assert_allclose(
        pooled(pictures[1, 0], pooling="max", pool_padding="same"),
        rows(
            "0.67883553 0.58930554 0.69975836/0.66379465 0.94459476 0.58655504/"
            "0.90340192 0.80739129 0.39767684"
        ),
        atol=5e-9,
    )


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("full", [1, 0, -1, 3, -1, 2, 0, 0, 3, 0, -2, 2, 2, -3, 2]),
        ("same", [0, -1, 3, -1, 2, 0, 0, 3, 0, -2, 2, 2, -3]),
        ("valid", [-1, 3, -1, 2, 0, 0, 3, 0, -2, 2, 2]),
    ],
)
def test_convolution_of_a_signal(padding, expected):
    """SYSTEMS B6; "full" is "same" on a signal with zeros at both ends."""
    signal = np.array([1, 1, -1, 1, 1, 2, 1, -1, 1, 2, -1, -1, 2])
    if padding == "full":
        signal, padding = np.pad(signal, 2), "valid"
    assert_array_equal(filtered(signal, [1, -1, 1], padding=padding), expected)


def test_six_shared_weights_stand_against_24_local_ones():
    """SYSTEMS B6: the same numbers when every place has the same filter."""
    signal, kernel = np.arange(1.0, 10.0), np.arange(1.0, 7.0)
    assert_array_equal(filtered(signal, kernel, padding="valid"), [91, 112, 133, 154])
    sizes = {}
    for shared in (True, False):
        network = convolutional(
            (9, 1),
            1,
            "linear",
            filters=1,
            kernel_size=6,
            padding="valid",
            pooling=None,
            shared_weights=shared,
        )
        kernel_shape = network.parameters[0].shape
        sizes[shared] = int(np.prod(kernel_shape))
    assert sizes == {True: 6, False: 24}


@pytest.mark.parametrize("padding", ["same", "valid", "replicate", "reflect"])
@pytest.mark.parametrize("strides", [1, (2, 1), 3])
@pytest.mark.parametrize("kernel_size", [(3, 2), (1, 4)])
def test_local_filters_that_are_all_equal_are_a_convolution(padding, strides, kernel_size):
    import keras

    make = {"filters": 3, "kernel_size": kernel_size, "strides": strides, "padding": padding}
    make |= {"pooling": None, "hidden_layer_sizes": (), "dtype": "float64"}
    shared = convolutional((6, 5, 2), 1, "linear", **make).build()
    local = convolutional((6, 5, 2), 1, "linear", **make, shared_weights=False).build()
    rng = np.random.RandomState(0)
    kernel, bias = rng.normal(size=(*kernel_size, 2, 3)), rng.normal(size=3)
    shared.get_layer("conv_0").set_weights([kernel, bias])
    layer = local.get_layer("conv_0")
    layer.set_weights(
        [
            np.broadcast_to(kernel, layer.kernel.shape),
            np.broadcast_to(bias, layer.bias.shape),
        ]
    )
    X = rng.normal(size=(2, 6, 5, 2))
    ours, convolved = (
        np.array(keras.Model(m.input, m.get_layer("conv_0").output)(X)) for m in (local, shared)
    )
    assert_allclose(ours, convolved, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shared_weights", [True, False])
def test_gradients_through_a_convolution(shared_weights):
    """SYSTEMS B7: dJ/dx is the full correlation with the flipped kernel, dJ/dw the valid one."""
    import keras

    backend = backends.current()
    network = convolutional(
        (5, 1),
        1,
        "linear",
        filters=1,
        kernel_size=3,
        padding="valid",
        pooling=None,
        activation="identity",
        shared_weights=shared_weights,
        dtype="float64",
    ).build()
    layer = network.get_layer("conv_0")
    kernel = np.array([1.0, 0, -2])[:, None, None]
    weights = [np.broadcast_to(kernel, layer.kernel.shape), np.zeros(layer.bias.shape)]
    x = np.array([[[1.0], [2], [0], [-1], [3]]])
    delta = backend.array(np.array([1.0, -1, 2])[None, :, None])
    convolution = keras.Model(network.input, layer.output)

    def objective(parameters):
        y, _ = convolution.stateless_call(parameters[1:], [], parameters[0])
        return keras.ops.sum(y * delta), y

    parameters = [backend.array(array) for array in (x, *weights)]
    (_, y), (dx, dw, _) = backend.value_and_grad(objective)(parameters)
    assert_array_equal(np.array(y).ravel(), [1, 4, -6])
    assert_array_equal(np.array(dx).ravel(), [1, -1, 0, 2, -4])
    by_place = np.array(dw).reshape(-1, 3).sum(axis=0)
    assert_array_equal(by_place, [-1, 0, 7])


def test_pooling_of_the_course():
    """SYSTEMS B8."""
    overlapping = {"pool_size": 3, "pool_strides": 1}
    assert_array_equal(pooled(IMAGE, pooling="max", **overlapping), rows("3 3 3/3 3 3/3 2 3"))
    assert_allclose(
        pooled(IMAGE, pooling="average", **overlapping),
        rows("1.6667 1.6667 1.6667/1 1.2222 1.7778/1.1111 0.7778 1.3333"),
        atol=5e-5,
    )
    assert_array_equal(pooled(IMAGE, pooling="max"), rows("3 3/3 2"))
    same = pooled(IMAGE, pooling="max", pool_padding="same")
    assert_array_equal(same, rows("3 3 1/3 2 3/2 0 1"))


def test_maximum_and_relu_commute_but_mean_and_relu_do_not():
    """SYSTEMS B8: ReLU comes before the pooling in our networks."""
    picture = rows("2 -1/-3 -4")
    assert pooled(picture, pooling="max", activation="relu") == 2
    assert np.maximum(pooled(picture, pooling="max"), 0) == 2
    assert pooled(picture, pooling="average", activation="relu") == 0.5
    assert np.maximum(pooled(picture, pooling="average"), 0) == 0


@pytest.mark.parametrize("size", [2, 3])
def test_share_of_maxima_that_a_shift_leaves(size):
    """SYSTEMS B8: 2x2 0.375, 3x3 40/72, over the 8 shifts by one pixel."""
    kept = []
    for i in range(size):
        for j in range(size):
            inside = [
                0 <= i + di < size and 0 <= j + dj < size
                for di in (-1, 0, 1)
                for dj in (-1, 0, 1)
                if di or dj
            ]
            picture = np.zeros((3 * size, 3 * size))
            picture[size + i, size + j] = 1
            stays = [
                pooled(np.roll(picture, (di, dj), (0, 1)), pooling="max", pool_size=size)[1, 1]
                for di in (-1, 0, 1)
                for dj in (-1, 0, 1)
                if di or dj
            ]
            assert stays == inside
            kept += stays
    assert np.mean(kept) == pytest.approx({2: 0.375, 3: 40 / 72}[size])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"padding": "valid"}, "12 12 17/10 17 19/9 6 14"),
        (
            {"padding": "same"},
            "6 14 17 11 3/14 12 12 17 11/8 10 17 19 13/11 9 6 14 12/6 4 4 6 4",
        ),
        (
            {"padding": "replicate"},
            "21 21 21 12 5/14 12 12 17 17/14 10 17 19 19/15 9 6 14 20/12 4 4 8 11",
        ),
        ({"padding": "same", "strides": 2}, "6 17 3/8 17 13/6 4 4"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_margins_of_the_course(options, expected, dtype):
    """SYSTEMS B9."""
    assert_array_equal(filtered(IMAGE, KERNEL, **options, dtype=dtype), rows(expected))


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("0 -1 0/-1 5 -1/0 -1 0", "-5 -2 10/0 6 0/-3 -4 6"),
        ("-1 -1 -1/-1 8 -1/-1 -1 -1", "-15 -6 12/0 7 2/-10 -7 6"),
        ("1 2 1/2 4 2/1 2 1", "20 25 29/17 21 32/13 11 22"),
    ],
)
def test_filters_of_the_course(kernel, expected):
    """SYSTEMS B9: sharpen, edge, Gaussian blur (times 16)."""
    assert_array_equal(filtered(IMAGE, rows(kernel), padding="valid"), rows(expected))


@pytest.mark.parametrize(("padding", "mode"), [("replicate", "edge"), ("reflect", "reflect")])
@pytest.mark.parametrize("kernel_size", [(3, 5), (4, 2), (1, 7)])
def test_margins_are_those_of_numpy(padding, mode, kernel_size):
    kernel = np.random.RandomState(0).normal(size=kernel_size)
    margins = [((k - 1) // 2, k // 2) for k in kernel_size]
    expected = correlate(np.pad(IMAGE, margins, mode=mode), kernel, mode="valid", method="direct")
    assert_allclose(filtered(IMAGE, kernel, padding=padding), expected, rtol=1e-12)


@pytest.mark.parametrize("padding", ["same", "replicate"])
@pytest.mark.parametrize("shared_weights", [True, False])
def test_a_saved_model_loads_without_this_package(tmp_path, padding, shared_weights):
    network = convolutional(
        (6, 5, 1),
        2,
        "softmax",
        filters=(3, 2),
        padding=padding,
        shared_weights=shared_weights,
        dropout=0.5,
        batch_normalization=True,
    )
    model = network.build()
    model.set_weights(network.draw(np.random.RandomState(0)))
    X = np.random.RandomState(1).uniform(size=(4, 6, 5, 1)).astype("float32")
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", X=X, y=np.array(model(X)))
    code = (
        "import keras, numpy, sys\n"
        "model = keras.models.load_model('model.keras')\n"
        "data = numpy.load('data.npz')\n"
        "numpy.testing.assert_allclose(numpy.array(model(data['X'])), data['y'], rtol=1e-6)\n"
        "assert 'sklearn_cnn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1), [(1, 4), (1, 6)]),
        ((2, 1), [(1, 4), (1, 6)]),
        ((5, 1), [(2, 4), (1, 6)]),
        ((1, 9, 1), [(1, 4, 4), (1, 2, 6)]),
    ],
)
def test_an_axis_shorter_than_the_window_is_not_pooled(shape, expected):
    table = {
        row.name: row for row in layer_table(convolutional(shape, 1, "linear", filters=(4, 6)))
    }
    sizes = [table.get(f"pool_{i}", table[f"conv_{i}"]).output_shape for i in (0, 1)]
    assert sizes == expected


@pytest.mark.parametrize(
    ("shape", "filters", "settings", "parameters"),
    [
        (
            (32, 32, 3),
            (32, 64, 64),
            {"padding": "valid", "pool_size": (2, 2, 1), "hidden_layer_sizes": (64,)},
            122_570,
        ),
        ((28, 28, 1), (32, 32), {"hidden_layer_sizes": (256,), "dropout": 0.25}, 413_802),
        ((32, 32, 3), (16, 20, 20), {"kernel_size": 5, "hidden_layer_sizes": ()}, 22_466),
    ],
)
def test_published_parameter_counts(shape, filters, settings, parameters):
    """SYSTEMS C."""
    network = convolutional(shape, 10, "softmax", filters=filters, **settings)
    assert network.n_parameters == parameters


def test_settings_may_be_written_in_several_ways():
    shape = (9, 8, 1)
    by_int = convolutional(shape, 2, "softmax", kernel_size=3, pool_size=2)
    assert convolutional(shape, 2, "softmax", kernel_size=(3, 3), pool_size=[2, 2]) == by_int
    by_layer = convolutional(shape, 2, "softmax", kernel_size=[(3, 3), (3, 3)], pool_strides=2)
    assert by_layer == by_int
    pair = convolutional(shape, 2, "softmax", kernel_size=(5, 3))
    assert pair["kernel_size"] == ((5, 3), (5, 3))
    layers = convolutional(shape, 2, "softmax", filters=(4, 4, 4), kernel_size=(5, 3, 1))
    assert layers["kernel_size"] == ((5, 5), (3, 3), (1, 1))
    signal = convolutional((9, 1), 2, "softmax", kernel_size=(5, 3))
    assert signal["kernel_size"] == ((5,), (3,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kernel_size": 7, "padding": "valid", "pooling": None},
            r"kernel_size 7x7 of layer 2 is larger than its input, 2x2, with padding='valid'.",
        ),
        ({"padding": "valdi"}, r"padding='valdi' is unknown.*Did you mean 'valid'\?"),
        ({"pooling": "mean"}, "pooling='mean' is unknown. Known names: 'average', 'max'."),
        ({"pool_padding": "none"}, "pool_padding='none' is unknown"),
        (
            {"input_shape": (8, 8, 8, 1), "dtype": "float64"},
            "dtype='float64' has no pooling of volumes",
        ),
        ({"strides": 0}, "strides must be at least 1. Got 0."),
        (
            {"kernel_size": (3, 3, 3)},
            r"kernel_size must be an int, one int for each of 2 axes, .* Got \(3, 3, 3\).",
        ),
        ({"filters": (4, 0)}, r"filters must be > 0, got \[4, 0\]."),
        ({"hidden_layer_sizes": 0}, r"hidden_layer_sizes must be > 0, got \[0\]."),
    ],
)
def test_settings_that_do_not_fit_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        convolutional(**{"input_shape": (8, 8, 1)} | options, units=2, output_activation="softmax")


@pytest.mark.parametrize("shape", [(64,), (4, 0), (2, 2, 2, 2, 2)])
def test_a_shape_that_is_no_picture_is_an_error(shape):
    with pytest.raises(ValueError, match=r"input_shape must be \(length, channels\), .* Got "):
        convolutional(shape, 2, "softmax")


def test_convolutions_do_without_xla():
    assert not convolutional((8, 8, 1), 2, "softmax").wants_xla
