"""Convolutional networks: forms of X, float types, what Keras itself trains, named networks."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_cnn import CNNClassifier, CNNRegressor, MLPRegressor
from tests._estimators import quick, weights_of
from tests._problems import digits, small_pictures

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def same_bits(first, second):
    return all(map(np.array_equal, weights_of(first), weights_of(second)))


SIGNALS = np.random.RandomState(0).normal(size=(40, 12)).astype(np.float32)
COLOURS = np.random.RandomState(0).normal(size=(40, 6, 5, 3)).astype(np.float32)
KINDS = np.arange(40) % 2
# X, input_shape, and the form that must train the same network.
FORMS = {
    "grey pictures": (COLOURS[..., 0], None, COLOURS[..., :1], None),
    "flat pictures": (COLOURS.reshape(40, -1), (6, 5, 3), COLOURS, None),
    "flat grey pictures": (COLOURS[..., 0].reshape(40, -1), (6, 5, 1), COLOURS[..., 0], None),
    "flat signals": (SIGNALS, None, SIGNALS[..., None], None),
    "flat signals of a length": (SIGNALS, (12,), SIGNALS[..., None], None),
    "flat signals of channels": (SIGNALS, (6, 2), SIGNALS.reshape(40, 6, 2), (6, 2)),
    "lists": (COLOURS.tolist(), None, COLOURS, None),
    "bytes": ((COLOURS * 9).astype(np.uint8), None, (COLOURS * 9).astype(np.uint8) * 1.0, None),
    "float64": (COLOURS.astype(np.float64), None, COLOURS, None),
}


@pytest.mark.parametrize(("X", "shape", "X_same", "shape_same"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["CNNClassifier", "CNNRegressor"])
def test_the_forms_of_pictures_and_signals_are_one(name, X, shape, X_same, shape_same):
    # Flat rows without input_shape are tables to scikit-learn, and keep their float type.
    first = quick(name, input_shape=shape, dtype="float32").fit(X, KINDS)
    second = quick(name, input_shape=shape_same, dtype="float32").fit(X_same, KINDS)
    assert first.architecture_ == second.architecture_
    assert same_bits(first, second)
    assert_array_equal(first.predict(X), second.predict(X_same))


def test_two_equal_entries_of_input_shape_are_asked_about():
    X = COLOURS[:, :5, :5, 0]
    with pytest.warns(UserWarning, match="For grey pictures pass input_shape=\\(5, 5, 1\\)"):
        cnn = quick("CNNClassifier", input_shape=(5, 5)).fit(X.reshape(40, 25), KINDS)
    assert cnn.architecture_.input_shape == (5, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once, in fit
        cnn.predict(X.reshape(40, 25))


@pytest.mark.parametrize(
    ("X", "settings", "expected"),
    [
        (COLOURS.astype(np.float64), {}, "float32"),
        (COLOURS, {}, "float32"),
        (COLOURS, {"dtype": "float64"}, "float64"),
        (SIGNALS[..., None].astype(np.float64), {}, "float32"),
        (SIGNALS.astype(np.float64), {"input_shape": (12, 1)}, "float32"),
        (SIGNALS.astype(np.float64), {}, "float64"),
        (SIGNALS, {}, "float32"),
        (SIGNALS.astype(np.float64), {"dtype": "float32"}, "float32"),
    ],
)
def test_pictures_and_signals_compute_in_float32_and_tables_as_they_are(X, settings, expected):
    cnn = quick("CNNClassifier", **settings).fit(X, KINDS)
    assert cnn.architecture_.dtype == expected
    assert {weight.dtype.name for weight in weights_of(cnn)} == {expected}
    assert cnn.model_.dtype_policy.name in (expected, "float32")
    assert cnn.predict_proba(X).dtype == expected
    assert quick("CNNRegressor", **settings).fit(X, KINDS * 1.0).predict(X).dtype == expected


def test_a_forced_float_type_holds_for_any_x_of_predict():
    cnn = quick("CNNClassifier").fit(COLOURS, KINDS)
    expected = cnn.predict_proba(COLOURS)
    assert_array_equal(cnn.predict_proba(COLOURS.astype(np.float64)), expected)


TARGETS = {
    "two classes": ("CNNClassifier", np.arange(40) % 2, "binary_crossentropy"),
    "three classes": ("CNNClassifier", np.arange(40) % 3, "categorical_crossentropy"),
    "several labels": (
        "CNNClassifier",
        np.random.RandomState(1).randint(0, 2, (40, 3)),
        "binary_crossentropy",
    ),
    "numbers": ("CNNRegressor", np.linspace(-1, 1, 40), "mse"),
    "several numbers": (
        "CNNRegressor",
        np.random.RandomState(1).normal(size=(40, 2)),
        "mse",
    ),
}
NETWORKS = {
    "pictures": (COLOURS, {}),
    "deep": (COLOURS, {"filters": (3, 4), "kernel_size": 2, "hidden_layer_sizes": (6, 5)}),
    "strides, margins, means": (
        COLOURS,
        {"strides": (2, 1), "padding": "replicate", "pooling": "average"},
    ),
    "batch normalisation": (COLOURS, {"batch_normalization": True}),
    "signals": (SIGNALS[..., None], {"pool_size": 3}),
    "lenet5": (np.random.RandomState(2).normal(size=(40, 32, 32)), {"architecture": "lenet5"}),
}


def assert_trained_like_keras(name, X, y, loss, **settings):
    """Two epochs in the order of the rows, batch by batch, through ``train_on_batch``."""
    import keras

    # Not adam, whose steps for weights without gradient are noise: biases before normalisation.
    options = {"max_iter": 2, "batch_size": 16, "shuffle": False, "solver": "sgd"}
    options["learning_rate_init"] = 0.05
    cnn = quick(name, **options, **settings).fit(X, y)
    model = cnn.architecture_.build()
    model.set_weights(cnn.architecture_.draw(np.random.RandomState(0)))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), loss)
    target = cnn._encode_target_again(y).astype(np.float32)
    # Our losses of several outputs are sums, Keras's means; the squared error is halved.
    factor = target.shape[1] if loss != "categorical_crossentropy" else 1
    factor *= 0.5 if loss == "mse" else 1
    x = cnn._inputs(np.asarray(X, dtype=np.float32))
    for _ in range(2):
        for start in range(0, 40, 16):
            rows = slice(start, start + 16)
            model.train_on_batch(x[rows], target[rows], np.full(len(x[rows]), factor))
    for ours, theirs in zip(weights_of(cnn), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize(("name", "y", "loss"), TARGETS.values(), ids=TARGETS)
def test_every_kind_of_target_is_trained_as_keras_trains_it(name, y, loss):
    assert_trained_like_keras(name, COLOURS, y, loss)


@pytest.mark.parametrize(("X", "settings"), NETWORKS.values(), ids=NETWORKS)
def test_every_kind_of_network_is_trained_as_keras_trains_it(X, settings):
    name, y, loss = TARGETS["three classes"]
    assert_trained_like_keras(name, X, y, loss, **settings)


def layers_of(estimator):
    return [type(layer).__name__ for layer in estimator.model_.layers]


def test_the_layers_stand_in_the_order_of_the_parameters():
    layers = {"filters": (4, 3), "hidden_layer_sizes": (6,)}
    cnn = quick("CNNClassifier", dropout=0.5, batch_normalization=True, **layers)
    cnn.fit(COLOURS, KINDS)
    convolution = ["Conv2D", "BatchNormalization", "Activation", "MaxPooling2D"]
    dense = ["Dropout", "Dense", "BatchNormalization", "Activation", "Dropout", "Dense"]
    assert layers_of(cnn) == ["InputLayer", *convolution, *convolution, "Flatten", *dense]


def test_signals_are_convolved_along_one_axis():
    cnn = quick("CNNClassifier", filters=(4,)).fit(SIGNALS, KINDS)
    assert "Conv1D" in layers_of(cnn)
    assert weights_of(cnn)[0].shape == (3, 1, 4)


def test_without_convolutions_it_is_a_perceptron():
    """Weights and rows are the same, so are predictions; a filter of one pixel changes nothing."""
    y = np.linspace(-1, 1, 40)
    cnn = CNNRegressor((), hidden_layer_sizes=(7,), max_iter=3, random_state=0, dtype="float64")
    cnn.fit(SIGNALS, y)
    mlp = MLPRegressor(hidden_layer_sizes=(7,), max_iter=1, dtype="float64").fit(SIGNALS, y)
    mlp.coefs_, mlp.intercepts_ = weights_of(cnn)[0::2], weights_of(cnn)[1::2]
    assert_allclose(cnn.predict(SIGNALS), mlp.predict(SIGNALS), rtol=1e-6)


def test_a_filter_as_large_as_the_picture_is_a_dense_layer():
    y = np.linspace(-1, 1, 40)
    cnn = CNNRegressor(
        (5,), 12, padding="valid", hidden_layer_sizes=(), max_iter=2, random_state=0
    ).fit(SIGNALS, y)
    kernel, bias, output, output_bias = weights_of(cnn)
    hidden = np.maximum(SIGNALS @ kernel.reshape(12, 5) + bias, 0)
    assert_allclose(cnn.predict(SIGNALS), (hidden @ output + output_bias).ravel(), atol=1e-5)


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_axes_shorter_than_the_window_are_not_pooled(n_features):
    X = SIGNALS[:, :n_features]
    cnn = quick("CNNClassifier", filters=(3, 3, 3)).fit(X, KINDS)
    assert cnn.predict(X).shape == (40,)


def test_names_stand_for_networks_whatever_the_other_parameters_say():
    X = np.random.RandomState(0).normal(size=(20, 28, 28))
    cnn = CNNClassifier(filters=(5,), architecture="lenet", max_iter=1).fit(X, np.arange(20) % 2)
    assert cnn.architecture_.function == "lenet"
    with_dropout = clone(cnn).set_params(dropout=0.5).fit(X, np.arange(20) % 2)
    assert with_dropout.architecture_.dropout == 0.5


def test_it_learns_what_no_average_of_pixels_tells():
    X, y = small_pictures()
    cnn = CNNClassifier((8,), hidden_layer_sizes=(), max_iter=60, random_state=0)
    cnn.set_params(learning_rate_init=0.01).fit(X[:40], y[:40])
    assert cnn.score(X[40:], y[40:]) > 0.9


def test_a_regressor_finds_where_a_peak_is():
    rng = np.random.RandomState(0)
    place = rng.uniform(4, 28, 300)
    X = np.exp(-0.5 * (np.arange(32) - place[:, None]) ** 2) + 0.05 * rng.normal(size=(300, 32))
    cnn = CNNRegressor((8,), hidden_layer_sizes=(16,), max_iter=60, random_state=0)
    cnn.set_params(learning_rate_init=0.01).fit(X[:200], place[:200] / 32)
    assert cnn.score(X[200:], place[200:] / 32) > 0.95


def test_the_default_network_reads_digits():
    X, y = digits(pictures=True)
    order = np.random.RandomState(0).permutation(len(X))
    train, test = order[:900], order[900:]
    cnn = CNNClassifier(random_state=0).fit(X[train], y[train])
    assert cnn.score(X[test], y[test]) > 0.95


@pytest.mark.parametrize("cls", [CNNClassifier, CNNRegressor])
def test_the_rate_falls_by_default_and_partial_fit_goes_on_learning(cls):
    """Each fit begins anew; partial_fit, which does not know how long it will go on, stays."""
    cnn = cls((3,), hidden_layer_sizes=(4,), batch_size=10, max_iter=4, warm_start=True)
    cnn.fit(SIGNALS, KINDS).fit(SIGNALS, KINDS)
    before = weights_of(cnn)
    cnn.partial_fit(SIGNALS, KINDS)
    falling = 0.0015 * (1 + np.cos(np.pi * np.arange(4) / 4))
    assert_allclose(cnn.history_["learning_rate"], [*falling, *falling, 0.003], rtol=1e-5)
    pairs = zip(before, weights_of(cnn), strict=True)
    changes = np.concatenate([np.ravel(a - b) for a, b in pairs])
    assert np.abs(changes).max() > 0.001


def test_early_stopping_leaves_the_course_of_the_rate_as_it_is():
    options = {"early_stopping": True, "tol": 10.0, "n_iter_no_change": 3, "max_iter": 20}
    cnn = CNNClassifier((3,), hidden_layer_sizes=(4,), batch_size=10, random_state=0, **options)
    cnn.fit(SIGNALS, KINDS)
    assert cnn.n_iter_ == 5
    falling = 0.0015 * (1 + np.cos(np.pi * np.arange(5) / 20))
    assert_allclose(cnn.history_["learning_rate"], falling, rtol=1e-5)


def test_early_stopping_splits_all_classes_in_their_shares():
    """Stratified whatever the number of classes; 10 % of 60 rows hold each of the three."""
    X = np.random.RandomState(0).normal(size=(60, 5, 5))
    y = np.repeat([0, 1, 2], [40, 10, 10])
    cnn = quick("CNNClassifier", early_stopping=True, max_iter=1).fit(X, y)
    assert cnn._stratify(cnn._encode_target_again(y)).tolist() == y.tolist()
    assert len(cnn.validation_scores_) == 1
