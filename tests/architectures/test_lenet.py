"""LeNet-5 and the LeNet of the Theano tutorial."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from sklearn_cnn.architectures import layer_table, lenet, lenet5, receptive_field


def digits_of(network, n=12):
    """A few rows of the right shape, and the model with drawn weights."""
    model = network.build()
    model.set_weights(network.draw(np.random.RandomState(0)))
    X = np.random.RandomState(1).uniform(size=(n, *network.input_shape)).astype("float32")
    return X, model


@pytest.mark.parametrize("side", [28, 32])
def test_lenet5_of_the_course(side):
    """SYSTEMS B10."""
    network = lenet5((side, side, 1), 10, "softmax")
    table = {row.name: row for row in layer_table(network)}
    shapes = {name: row.output_shape for name, row in table.items() if name[1:].isdigit()}
    assert shapes == {
        "C1": (28, 28, 6),
        "S2": (14, 14, 6),
        "C3": (10, 10, 16),
        "S4": (5, 5, 16),
        "C5": (1, 1, 120),
        "F6": (84,),
    }
    weights = [table[name].parameters for name in ("C1", "C3", "C5", "F6", "output")]
    assert weights == [156, 2416, 48120, 10164, 850]
    assert network.n_parameters == network.build().count_params() == 61_706
    assert ("padding" in table) == (side == 28)


def test_lenet5_sees_more_from_layer_to_layer():
    """SYSTEMS A."""
    fields = receptive_field(lenet5((32, 32, 1), 10, "softmax"))
    sides = [fields[name] for name in ("C1", "S2", "C3", "S4", "C5")]
    assert sides == [(5, 5), (6, 6), (14, 14), (16, 16), (32, 32)]


def test_lenet5_of_1998_has_the_connections_of_the_paper():
    """SYSTEMS B10; 60,000 trainable weights with the 84 x 10 fixed prototypes left out."""
    network = lenet5(
        (32, 32, 1), 10, "softmax", subsampling="trainable", connections="table", output="rbf"
    )
    table = layer_table(network)

    def total(start, what):
        return sum(getattr(row, what) for row in table if row.name.startswith(start))

    assert [total(name, "connections") for name in ("C1", "S2", "C3", "S4", "C5", "F6")] == [
        122_304,
        5_880,
        151_600,
        2_000,
        48_120,
        10_164,
    ]
    assert [total(name, "parameters") for name in ("C1", "S2", "C3", "S4", "C5", "F6", "RBF")] == [
        156,
        12,
        1_516,
        32,
        48_120,
        10_164,
        840,
    ]
    assert network.n_parameters - 840 == 60_000


def test_the_smallest_distance_to_a_prototype_wins():
    import keras

    network = lenet5((28, 28, 1), 10, "softmax", output="rbf")
    assert network.n_parameters == 61_706 - 10
    X, model = digits_of(network)
    inner = keras.Model(model.input, [model.get_layer("F6").output, model.get_layer("RBF").output])
    f, distance = map(np.array, inner(X))
    prototypes = model.get_layer("RBF").get_weights()[0]
    expected = ((f[:, None, :] - prototypes) ** 2).sum(axis=-1)
    assert_allclose(distance, expected, rtol=1e-5)
    probabilities = np.array(model(X))
    assert_allclose(probabilities, softmax(-expected, axis=1), rtol=1e-4)
    assert_array_equal(probabilities.argmax(axis=1), expected.argmin(axis=1))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"output": "rbf"},
        {"subsampling": "trainable"},
        {"connections": "table"},
        {"subsampling": "trainable", "connections": "table", "output": "rbf", "dtype": "float64"},
    ],
)
def test_every_form_of_lenet5_learns(settings):
    network = lenet5((28, 28, 1), 3, "softmax", **settings)
    X, model = digits_of(network)
    y = np.arange(12) % 3
    X[np.arange(12), 5 * y + 6] += 2
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.evaluate(X, y, verbose=0)
    untrained = model.get_weights()
    model.fit(X, y, epochs=8, verbose=0)
    assert model.evaluate(X, y, verbose=0) < 0.9 * before
    for weights, trained in zip(untrained, model.get_weights(), strict=True):
        assert not np.array_equal(weights, trained)


def test_a_model_with_prototypes_is_saved_and_loaded(tmp_path):
    import keras

    X, model = digits_of(lenet5((28, 28, 1), 10, "softmax", output="rbf"))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_array_equal(np.array(again(X)), np.array(model(X)))


def test_lenet_of_the_tutorial():
    """SYSTEMS C."""
    network = lenet((28, 28, 1), 10, "softmax")
    assert network.n_parameters == network.build().count_params() == 431_080
    shapes = [row.output_shape for row in layer_table(network) if "_activation" not in row.name]
    assert shapes == [(24, 24, 20), (12, 12, 20), (8, 8, 50), (4, 4, 50), (800,), (500,), (10,)]
    drawn = network.draw(np.random.RandomState(0))
    for weights, fan_in, fan_out in ((drawn[0], 25, 500), (drawn[2], 500, 1250)):
        bound = np.sqrt(6 / (fan_in + fan_out / 4))
        assert 0.99 * bound < np.abs(weights).max() <= bound
    assert np.abs(drawn[4]).max() == pytest.approx(np.sqrt(6 / 1300), rel=1e-3)
    assert not any(weights.any() for weights in [*drawn[1:4:2], *drawn[5:]])


@pytest.mark.parametrize("network", [lenet5, lenet])
def test_parameters_and_drawn_weights_fit_the_built_model(network):
    architecture = network((30, 41, 3), 4, "softmax", dropout=0.5, dtype="float64")
    model = architecture.build()
    assert [p.path for p in architecture.parameters] == [w.path for w in model.weights]
    X, model = digits_of(architecture)
    assert {layer.dtype for layer in model.layers} == {"float64"}
    linear = architecture.build(linear_output=True)
    linear.set_weights(model.get_weights())
    assert_allclose(softmax(np.array(linear(X)), axis=1), np.array(model(X)), rtol=1e-12)
    copy = pickle.loads(pickle.dumps(architecture))
    assert copy == architecture
    assert hash(copy) == hash(architecture)
    assert network((30, 41, 3), 4, "softmax") != architecture


@pytest.mark.parametrize(
    ("network", "side"),
    [(lenet5, 27), (lenet, 15)],
)
def test_a_picture_too_small_is_an_error(network, side):
    with pytest.raises(
        ValueError, match=rf"of at least {side + 1}x{side + 1}, but .* is {side}x40. Enlarge"
    ):
        network((side, 40, 1), 10, "softmax")
    network((side + 1, side + 1, 1), 10, "softmax").build()


@pytest.mark.parametrize("network", [lenet5, lenet])
def test_what_is_no_picture_is_an_error(network):
    with pytest.raises(ValueError, match=r"needs input_shape=\(height, width, channels\). Got"):
        network((784,), 10, "softmax")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subsampling": "max"}, "subsampling='max' is unknown. Known names: 'average', 'train"),
        ({"connections": "none"}, "connections='none' is unknown"),
        ({"output": "rfb"}, r"output='rfb' is unknown.*Did you mean 'rbf'\?"),
        ({"output": "rbf", "output_activation": "sigmoid"}, "needs output_activation='softmax'"),
    ],
)
def test_settings_that_do_not_fit_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        lenet5((28, 28, 1), 10, **{"output_activation": "softmax"} | settings)
