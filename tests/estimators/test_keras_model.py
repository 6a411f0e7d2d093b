"""A user's own Keras model: trained as Keras trains it, used as scikit-learn's estimators are."""

import copy
import inspect
import io
import pickle
import random
import threading
import warnings

import cloudpickle
import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_cnn import (
    Inputs,
    KerasClassifier,
    KerasRegressor,
    KerasTransformer,
    backends,
    families,
)
from sklearn_cnn.architectures.given import CannotCopy
from sklearn_cnn.backends import PROGRAMS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def _models_start_from_the_same_weights_in_every_run():
    """A user's model draws its weights from Python's stream, wherever earlier tests left that."""
    before = random.getstate()
    random.seed(0)
    yield
    random.setstate(before)


rng = np.random.RandomState(0)
X = rng.normal(size=(100, 6)).astype("float32")
LABELS = rng.randint(0, 3, 100)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
NOISY = X[:, 0] + rng.standard_t(2, size=100)
NUMBERS = (X @ rng.normal(size=(6, 2))).astype("float32")


def network(n_outputs, family, units=8, activation="relu"):
    """A function as users write them."""
    return keras.Sequential(
        [
            layers.Dense(units, activation=activation),
            layers.Dense(n_outputs, activation=family.activation),
        ]
    )


def rebuilding(n_outputs, units=8):
    return keras.Sequential([layers.Dense(units, name="code"), layers.Dense(n_outputs)])


# Named by hand: scikit-learn's names hold the addresses of functions, and processes that share the
# tests must agree on names.
CHECKED = {
    "classifier, function": KerasClassifier(network, learning_rate_init=0.02, dtype="auto"),
    "regressor, function": KerasRegressor(
        network, learning_rate_init=0.02, max_iter=30, dtype="auto"
    ),
    "transformer, function": KerasTransformer(rebuilding, dtype="auto"),
    "classifier": KerasClassifier(),
    "regressor": KerasRegressor(max_iter=20),
    "transformer": KerasTransformer(),
}


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{name}-{check.func.__name__}")
        for name, checked in CHECKED.items()
        for estimator, check in estimator_checks_generator(checked)
    ],
)
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def of(*inside, **settings):
    model = keras.Sequential([layers.Input((6,)), *inside])
    model.compile(**settings)
    return model


def my_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 1.5, axis=-1)


def my_batch_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 1.5)


def my_metric(y_true, y_pred):
    return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)


class MyLoss(keras.losses.Loss):
    """Has arguments, and no get_config."""

    def __init__(self, power=1.5):
        super().__init__(name="mine")
        self.power = power

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** self.power, axis=-1)


class MyMetric(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        values = keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)
        return super().update_state(values, sample_weight)


class MyOptimizer(keras.optimizers.SGD):
    """Half the step."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, 0.5 * learning_rate)


class Subclassed(keras.Model):
    def __init__(self, units=8, n_outputs=3):
        super().__init__()
        self.units, self.n_outputs = units, n_outputs
        self.hidden = layers.Dense(units, activation="relu")
        self.end = layers.Dense(n_outputs, activation="softmax")

    def call(self, inputs):
        return self.end(self.hidden(inputs))


class TwiceTheLoss(Subclassed):
    def compute_loss(self, *arguments, **settings):
        return 2 * super().compute_loss(*arguments, **settings)


def subclassed(cls, **settings):
    model = cls()
    model(X[:1])
    model.compile(**settings)
    return model


def branching():
    inputs = keras.Input((6,))
    shared = layers.Dense(4, activation="tanh")
    joined = layers.Concatenate()([shared(inputs), layers.Dense(2)(inputs)])
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Add()([joined] * 2)))
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    return model


CLASSIFIERS = {
    "softmax": lambda: (
        of(
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax"),
            loss="categorical_crossentropy",
            optimizer="adam",
            metrics=["accuracy"],
        ),
        ONE_HOT,
    ),
    "logits, sparse": lambda: (
        of(
            layers.Dense(8, "tanh"),
            layers.Dense(3),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            optimizer=keras.optimizers.RMSprop(0.01),
            metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
        ),
        LABELS,
    ),
    "regularised, normalised": lambda: (
        of(
            layers.Dense(8, "relu", kernel_regularizer="l2", activity_regularizer="l1"),
            layers.BatchNormalization(),
            layers.Dense(3, "softmax"),
            loss="categorical_crossentropy",
            optimizer=keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=1.0),
        ),
        ONE_HOT,
    ),
    "hinge": lambda: (
        of(layers.Dense(3, "tanh"), loss="categorical_hinge", optimizer="adamw"),
        ONE_HOT,
    ),
    "squared error of probabilities": lambda: (
        of(layers.Dense(3, "softmax"), loss="mse", optimizer="nadam"),
        ONE_HOT,
    ),
    "Softmax layer": lambda: (
        of(
            layers.Dense(3),
            layers.Softmax(),
            loss="categorical_crossentropy",
            optimizer="adam",
        ),
        ONE_HOT,
    ),
    "label smoothing": lambda: (
        of(
            layers.Dense(3, "softmax"),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            optimizer="adam",
        ),
        ONE_HOT,
    ),
    "LSTM": lambda: (
        of(
            layers.Reshape((6, 1)),
            layers.LSTM(4),
            layers.Dense(3, "softmax"),
            loss="categorical_crossentropy",
            optimizer="adam",
        ),
        ONE_HOT,
    ),
    "GRU and convolution": lambda: (
        of(
            layers.Reshape((6, 1)),
            layers.Bidirectional(layers.GRU(3, return_sequences=True)),
            layers.Conv1D(3, 2, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3, "softmax"),
            loss="categorical_crossentropy",
            optimizer="adam",
        ),
        ONE_HOT,
    ),
    "branches and shared layers": lambda: (branching(), ONE_HOT),
    "subclassed": lambda: (
        subclassed(Subclassed, loss="categorical_crossentropy", optimizer="adam"),
        ONE_HOT,
    ),
    "own compute_loss": lambda: (
        subclassed(TwiceTheLoss, loss="categorical_crossentropy", optimizer="sgd"),
        ONE_HOT,
    ),
    "own loss of logits": lambda: (
        of(layers.Dense(3), loss=my_loss, optimizer="adam", metrics=[my_metric]),
        ONE_HOT,
    ),
}
REGRESSORS = {
    "huber": {"loss": "huber", "optimizer": "lion", "metrics": ["mae"]},
    "own loss": {"loss": my_loss, "optimizer": "adam", "metrics": [my_metric]},
    "own loss class": {"loss": MyLoss(1.3), "optimizer": "adam", "metrics": [MyMetric(name="m")]},
    "own loss of batches": {"loss": my_batch_loss, "optimizer": "adam"},
    "own optimizer": {"loss": "mse", "optimizer": MyOptimizer(0.1)},
    "schedule": {
        "loss": "mse",
        "optimizer": keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.5)
        ),
    },
}


def assert_as_keras_trains(estimator, model, y, keras_y):
    """Three epochs in the same order from the same weights."""
    start = model.get_weights()
    estimator.set_params(model=model, shuffle=False, random_state=0, max_iter=3, tol=0)
    estimator.fit(X, y)
    history = model.fit(X, keras_y, batch_size=32, epochs=3, shuffle=False, verbose=0).history
    for ours, theirs in zip(estimator.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, atol=2e-6)
    for name in set(history) & set(estimator.history_):
        assert_allclose(estimator.history_[name], history[name], rtol=2e-6)
    assert set(history) <= set(estimator.history_)
    assert not np.array_equal(model.get_weights()[0], start[0])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_trains_as_keras_does(name):
    model, keras_y = CLASSIFIERS[name]()
    classifier = KerasClassifier()
    assert_as_keras_trains(classifier, model, LABELS, keras_y)
    output = model.predict(X, verbose=0)
    assert_array_equal(classifier.predict(X), output.argmax(axis=1))
    if name != "hinge" and "logits" not in name:
        assert_allclose(classifier.predict_proba(X), output, atol=1e-5)


@pytest.mark.parametrize("settings", REGRESSORS.values(), ids=REGRESSORS)
def test_a_regressor_trains_as_keras_does(settings):
    model = of(layers.Dense(8, "relu"), layers.Dense(2), **settings)
    regressor = KerasRegressor()
    assert_as_keras_trains(regressor, model, NUMBERS, NUMBERS)
    assert_allclose(regressor.predict(X), model.predict(X, verbose=0), atol=3e-5)


def test_one_unit_trains_as_keras_does():
    y = LABELS > 0
    model = of(
        layers.Dense(8, "relu"),
        layers.Dense(1, "sigmoid"),
        loss="binary_crossentropy",
        optimizer="adam",
        metrics=["accuracy", "AUC"],
    )
    classifier = KerasClassifier()
    assert_as_keras_trains(classifier, model, y, y.astype("float32"))
    assert_allclose(classifier.predict_proba(X)[:, [1]], model.predict(X, verbose=0), atol=1e-6)


def test_embeddings_train_as_keras_does():
    words = np.random.RandomState(1).randint(0, 50, (100, 5))
    model = keras.Sequential(
        [
            layers.Input((5,), dtype="int32"),
            layers.Embedding(50, 2000),  # too large for one vector of weights
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    classifier = KerasClassifier(model, shuffle=False, max_iter=2, random_state=0)
    classifier.fit(words, LABELS)
    model.fit(words, ONE_HOT, batch_size=32, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(classifier.model_.get_weights(), model.get_weights(), strict=True):
        assert_allclose(ours, theirs, atol=1e-6)


def ending_in(n_units, activation, **compiled):
    model = keras.Sequential([layers.Input((6,)), layers.Dense(n_units, activation=activation)])
    if compiled:
        model.compile(**compiled)
    return model


@pytest.mark.parametrize(
    ("model", "n_classes"),
    [
        (ending_in(1, "sigmoid"), 2),
        (ending_in(1, "linear"), 2),
        (ending_in(2, "softmax"), 2),
        (ending_in(2, "linear"), 2),
        (ending_in(3, "softmax"), 3),
        (ending_in(3, "linear"), 3),
    ],
)
def test_one_unit_is_binary_and_more_are_categorical(model, n_classes):
    """All are logistic regression: the optimum is scikit-learn's."""
    y = LABELS % n_classes
    theirs = TheirClassifier((), solver="lbfgs", alpha=0.5, tol=1e-8, max_iter=500).fit(X, y)
    ours = KerasClassifier(model, solver="lbfgs", alpha=0.5, tol=1e-8, max_iter=500).fit(X, y)
    if n_classes == 3 or model.output_shape[1] == 1:
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)
    assert_allclose(ours.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
    assert_array_equal(ours.predict(X), ours.predict_proba(X).argmax(axis=1))
    assert ours.score(X, y) >= theirs.score(X, y) - 0.05


def test_a_sigmoid_for_each_class_gives_shares():
    classifier = KerasClassifier(ending_in(3, "sigmoid"), max_iter=2).fit(X, LABELS)
    raw = classifier.model_.predict(X, verbose=0)
    assert_allclose(classifier.predict_proba(X), raw / raw.sum(axis=1, keepdims=True), rtol=1e-5)


def test_several_labels_a_row_have_a_unit_each():
    y = np.stack([LABELS == 0, LABELS > 0], axis=1).astype(int)
    classifier = KerasClassifier(ending_in(2, "sigmoid"), max_iter=30, random_state=0).fit(X, y)
    assert classifier.predict(X).shape == y.shape
    raw = classifier.model_.predict(X, verbose=0)
    assert_allclose(classifier.predict_proba(X), raw, rtol=1e-5)


class NoLayerAtItsEnd(keras.Model):
    def __init__(self, units=3, end="softmax"):
        super().__init__()
        self.units, self.end = units, end
        self.hidden = layers.Dense(units)

    def call(self, inputs):
        output = self.hidden(inputs)
        return output if self.end == "linear" else getattr(keras.ops, self.end)(output)


@pytest.mark.parametrize(
    ("units", "end"), [(3, "softmax"), (3, "linear"), (1, "sigmoid"), (1, "linear")]
)
def test_subclassed_models_show_what_their_outputs_are(units, end):
    y = LABELS if units == 3 else LABELS % 2
    classifier = KerasClassifier(NoLayerAtItsEnd(units, end), max_iter=3, random_state=0).fit(X, y)
    raw = classifier.model_.predict(X, verbose=0).astype(float)
    if end == "linear":
        raw = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True) if units == 3 else raw
        raw = raw if units == 3 else 1 / (1 + np.exp(-raw))
    expected = raw if units == 3 else np.hstack([1 - raw, raw])
    assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)


def test_a_loss_of_logits_says_what_the_outputs_are():
    model = NoLayerAtItsEnd(3, "linear")
    model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True), optimizer="adam")
    proba = KerasClassifier(model, max_iter=2).fit(X, LABELS).predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("output", ["linear", "tanh"])
def test_hinge_losses_predict_labels_but_no_probabilities(output):
    y = np.where(LABELS > 0, "b", "a")
    model = ending_in(1, output, loss="hinge", optimizer=keras.optimizers.Adam(0.05))
    assert not hasattr(KerasClassifier(model), "predict_proba")
    classifier = KerasClassifier(model, max_iter=5, random_state=0).fit(X, y)
    assert not hasattr(classifier, "predict_proba")
    positive = classifier.model_.predict(X, verbose=0).ravel() > 0
    assert_array_equal(classifier.predict(X) == "b", positive)


def test_probabilities_come_with_probability_losses():
    assert hasattr(KerasClassifier(network), "predict_proba")
    assert hasattr(KerasClassifier(network, loss="categorical_crossentropy"), "predict_proba")
    assert not hasattr(KerasClassifier(network, loss="mse"), "predict_proba")
    mse = KerasClassifier(ending_in(3, "linear"), loss="mse", max_iter=1).fit(X, LABELS)
    assert not hasattr(mse, "predict_proba")


def test_counts_are_poisson_of_a_linear_or_exponential_output():
    y = np.random.RandomState(0).poisson(np.exp(0.3 * X[:, 0]))
    settings = {"solver": "lbfgs", "max_iter": 200, "tol": 1e-7}
    theirs = TheirRegressor("poisson", (), alpha=0, **settings).fit(X, y).predict(X)
    for end in ("linear", "exponential"):
        ours = KerasRegressor(ending_in(1, end), loss="poisson", **settings).fit(X, y)
        assert_allclose(ours.predict(X), theirs, rtol=1e-3)
    with pytest.raises(ValueError, match=r"ends in 'exponential' or in a linear.*'softplus'"):
        KerasRegressor(ending_in(1, "softplus"), loss="poisson").fit(X, y)
    keras_loss = ending_in(1, "softplus", loss="poisson", optimizer="adam")
    assert (KerasRegressor(keras_loss, max_iter=2).fit(X, y).predict(X) > 0).all()


def test_pictures_may_be_predicted():
    """The loss sees pictures, the estimator rows."""
    shapes = []

    def looks(y_true, y_pred):
        shapes.append((y_true.shape[1:], y_pred.shape[1:]))
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=(1, 2, 3))

    model = keras.Sequential([layers.Input((2, 3, 1)), layers.Conv2D(1, 3, padding="same")])
    regressor = KerasRegressor(model, loss=looks, max_iter=2).fit(X, X)
    assert set(map(tuple, shapes)) == {((2, 3, 1), (2, 3, 1))}
    assert regressor.predict(X).shape == (100, 6)


KINDS_OF_LABEL = ["float32", "float64", "int8", "int64", "uint16", "bool", "<U1", "object"]


@pytest.mark.parametrize("kind", KINDS_OF_LABEL)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_come_back_as_from_scikit_learn(kind, n_classes):
    y = LABELS % (2 if kind == "bool" else n_classes)
    y = np.array(list("abc"))[y].astype(kind) if kind in ("<U1", "object") else y.astype(kind)
    theirs = TheirClassifier((3,), max_iter=2).fit(X, y)
    ours = KerasClassifier(network, max_iter=2).fit(X, y)
    for rows in (X, X.astype("float64")):
        assert ours.predict(rows).dtype == theirs.predict(rows).dtype
        assert ours.predict(rows).shape == theirs.predict(rows).shape
        assert ours.predict_proba(rows).shape == theirs.predict_proba(rows).shape
    assert ours.predict_proba(X.astype("float64")).dtype == "float64"
    assert_array_equal(ours.classes_, theirs.classes_)


@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(100,), (100, 1), (100, 2)])
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_numbers_come_back_as_from_scikit_learn(kind, shape):
    y = np.random.RandomState(0).randint(0, 2, shape).astype(kind)
    theirs = TheirRegressor(hidden_layer_sizes=(3,), max_iter=2)
    ours = KerasRegressor(network, max_iter=2)
    for rows in (X, X.astype("float64"), (10 * X).astype(int)):
        expected, predicted = theirs.fit(rows, y).predict(rows), ours.fit(rows, y).predict(rows)
        assert (predicted.shape, predicted.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize("n_axes", [2, 3, 4, 5])
def test_rows_may_have_many_axes(n_axes):
    shape = (40, 6, 2, 1, 3)[:n_axes]
    rows = np.random.RandomState(0).normal(size=shape)

    def flat(input_shape, n_outputs):
        assert input_shape == shape[1:]
        return keras.Sequential([layers.Flatten(), layers.Dense(n_outputs, "softmax")])

    for model in (flat, None):
        classifier = KerasClassifier(model, max_iter=2).fit(rows, LABELS[:40])
        assert classifier.predict(rows).shape == (40,)
        with pytest.raises(ValueError, match="6|features"):
            classifier.predict(rows[:, :4])


def test_pictures_for_a_convolution_may_come_flat():
    images, y = load_digits(return_X_y=True)
    model = keras.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]
    )
    model.add(layers.Dense(10))
    settings = {"max_iter": 4, "random_state": 0, "learning_rate_init": 0.005}
    flat = KerasClassifier(model, **settings).fit(images / 16, y)
    square = KerasClassifier(model, **settings).fit(images.reshape(-1, 8, 8) / 16, y)
    assert flat.score(images / 16, y) > 0.9
    assert_array_equal(
        flat.predict_proba(images / 16), square.predict_proba(images.reshape(-1, 8, 8) / 16)
    )


def test_sequences_of_words_are_learned():
    words = np.random.RandomState(0).randint(1, 20, (300, 7))
    y = (words == 3).any(axis=1)

    def reader(units=8):
        return keras.Sequential(
            [
                layers.Embedding(20, 8, mask_zero=True),
                layers.LSTM(units),
                layers.Dense(1, "sigmoid"),
            ]
        )

    classifier = KerasClassifier(reader, learning_rate_init=0.02, max_iter=25, random_state=0)
    assert classifier.fit(words, y).score(words, y) > 0.9
    assert classifier.predict(words[:1].astype(float)).shape == (1,)


def two_inputs():
    table, word = keras.Input((4,), name="table"), keras.Input((), dtype="int32", name="word")
    joined = layers.Concatenate()([table, layers.Embedding(5, 3)(word)])
    return keras.Model([table, word], layers.Dense(3, "softmax")(joined))


WORDS = LABELS + 1  # the second input tells the label


@pytest.mark.parametrize("form", ["dict", "list", "table", "Inputs"])
def test_several_inputs_are_taken(form):
    rows = {"table": X[:, :4], "word": WORDS}
    rows = {
        "dict": rows,
        "list": list(rows.values()),
        "table": np.column_stack(list(rows.values())),
        "Inputs": Inputs(rows),
    }[form]
    settings = {"learning_rate_init": 0.1, "max_iter": 30, "random_state": 0}
    # Enough rows that no network without a second look at the words classifies all of them.
    settings |= {"early_stopping": True, "validation_fraction": 0.4}
    classifier = KerasClassifier(two_inputs(), **settings)
    sample_weight = np.where(np.arange(100) % 7, 1.0, 0.0)
    assert classifier.fit(rows, LABELS, sample_weight).score(rows, LABELS) > 0.95
    assert classifier.predict(rows).shape == (100,)
    assert hasattr(classifier, "n_features_in_") == (form == "table")


@pytest.mark.parametrize("backend", ["threading", "fused"])
def test_constraints_of_layers_act_alone_and_fused(backend):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1, kernel_constraint="non_neg")])
    regressor = KerasRegressor(model, learning_rate_init=0.1, max_iter=30, random_state=0)
    with joblib.parallel_config(backend, n_jobs=2):
        found = cross_validate(regressor, X, -X[:, 0] + X[:, 1], cv=2, return_estimator=True)
    for fitted in found["estimator"]:
        kernel = fitted.model_.layers[0].get_weights()[0].ravel()
        assert kernel[0] == 0.0
        assert kernel[1] > 0.5


def picture_and_table():
    """Inputs of rank 4, 2 and 1."""
    picture = keras.Input((5, 4, 1), name="picture")
    table, word = keras.Input((4,), name="table"), keras.Input((), dtype="int32", name="word")
    parts = [layers.Flatten()(layers.Conv2D(2, 3)(picture)), table, layers.Embedding(5, 3)(word)]
    joined = layers.Concatenate()(parts)
    return keras.Model([picture, table, word], layers.Dense(3, "softmax")(joined))


PICTURES = np.random.RandomState(2).normal(size=(100, 5, 4, 1)).astype("float32")
OF_EVERY_RANK = {"picture": PICTURES, "table": pd.DataFrame(X[:, :4]), "word": WORDS}


@pytest.mark.parametrize("form", ["dict", "list"])
def test_several_inputs_are_split_in_cross_validation(form):
    """The oracle slices the arrays by hand."""
    whole = OF_EVERY_RANK if form == "dict" else list(OF_EVERY_RANK.values())
    settings = {"learning_rate_init": 0.1, "max_iter": 15, "random_state": 0}
    classifier = KerasClassifier(picture_and_table(), **settings)
    folds = StratifiedKFold(3)
    found = cross_val_predict(classifier, Inputs(whole), LABELS, cv=folds, method="predict_proba")
    assert np.mean(found.argmax(axis=1) == LABELS) > 0.9

    def cut(rows):
        parts = {name: np.asarray(part)[rows] for name, part in OF_EVERY_RANK.items()}
        return parts if form == "dict" else list(parts.values())

    for train, test in folds.split(LABELS, LABELS):
        alone = clone(classifier).fit(cut(train), LABELS[train])
        assert_allclose(found[test], alone.predict_proba(cut(test)), rtol=1e-5, atol=1e-6)


def test_several_inputs_are_split_in_searches_and_by_validation_rows():
    rows = Inputs(OF_EVERY_RANK)
    settings = {"max_iter": 15, "random_state": 0}
    classifier = KerasClassifier(picture_and_table(), **settings)
    search = GridSearchCV(classifier, {"learning_rate_init": [1e-6, 0.1]}, cv=3)
    search.fit(rows, LABELS)
    assert search.best_params_ == {"learning_rate_init": 0.1}
    assert search.best_score_ > 0.9
    train, held, y, y_held = train_test_split(rows, LABELS, random_state=0)
    watched = clone(search.best_estimator_).fit(train, y, X_val=held, y_val=y_held)
    assert max(watched.validation_scores_) == pytest.approx(watched.score(held, y_held))
    assert max(watched.validation_scores_) > 0.9
    of_dictionaries = clone(watched).fit(train.arrays, y, X_val=held.arrays, y_val=y_held)
    assert_array_equal(of_dictionaries.predict_proba(rows), watched.predict_proba(rows))


@pytest.mark.parametrize(
    ("form", "model_shape"),
    [("data frame", (6,)), ("flat array", (6,)), ("pictures", (5, 4, 1)), ("films", (2, 5, 4, 1))],
)
def test_one_input_of_any_rank_is_split_in_cross_validation(form, model_shape):
    signal = np.eye(3, dtype="float32")[LABELS] @ rng.normal(size=(3, np.prod(model_shape)))
    rows = (signal + 0.1 * rng.normal(size=signal.shape)).reshape(100, *model_shape)
    if form == "data frame":
        rows = pd.DataFrame(rows, columns=list("abcdef"))
    model = keras.Sequential(
        [keras.Input(model_shape), layers.Flatten(), layers.Dense(3, "softmax")]
    )
    classifier = KerasClassifier(model, learning_rate_init=0.05, max_iter=20, random_state=0)
    found = cross_validate(classifier, rows, LABELS, cv=3, return_estimator=True)
    assert found["test_score"].min() > 0.9
    for fitted in found["estimator"]:
        assert hasattr(fitted, "feature_names_in_") == (form == "data frame")


def test_a_subclassed_model_takes_a_dictionary():
    class Both(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.end = layers.Embedding(5, 3), layers.Dense(3, "softmax")

        def call(self, inputs):
            words = self.words(inputs["word"])
            return self.end(keras.ops.concatenate([inputs["table"], words], axis=-1))

    rows = {"table": X[:, :4], "word": WORDS}
    settings = {"learning_rate_init": 0.1, "max_iter": 15, "random_state": 0}
    classifier = KerasClassifier(Both, **settings).fit(rows, LABELS)
    assert classifier.score(rows, LABELS) > 0.95
    assert_allclose(
        classifier.predict_proba(rows), classifier.model_.predict(rows, verbose=0), atol=1e-5
    )


def test_a_pipeline_may_deal_columns_out_to_inputs():
    table = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "word": np.array(list("xyz"))[LABELS]})
    number, word = keras.Input((2,)), keras.Input((1,), dtype="int32")
    joined = layers.Concatenate()([number, layers.Flatten()(layers.Embedding(3, 2)(word))])
    model = keras.Model([number, word], layers.Dense(3, "softmax")(joined))
    prepared = make_column_transformer((StandardScaler(), ["a", "b"]), (OrdinalEncoder(), ["word"]))
    settings = {"learning_rate_init": 0.1, "max_iter": 15, "random_state": 0}
    pipeline = make_pipeline(prepared, KerasClassifier(model, **settings))
    assert cross_val_score(pipeline, table, LABELS, cv=3).min() > 0.9


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"table": X[:, :4], "word": WORDS[:50]}, "arrays of equal length"),
        ({"table": X[:, :4], "word": WORDS.astype(str)}, "encode it first"),
        ({"table": np.full((100, 4), np.nan), "word": WORDS}, "Input X contains NaN"),
        ({"table": X[:, :4], "words": WORDS}, "the model takes 'table', 'word'"),
        ({"table": X[:, :3], "word": WORDS}, r"'table' takes rows of shape \(4,\)"),
    ],
)
def test_several_inputs_that_are_wrong_are_refused(rows, message):
    classifier = KerasClassifier(two_inputs())
    before = set(vars(classifier))
    with pytest.raises(ValueError, match=message):
        classifier.fit(rows, LABELS)
    assert set(vars(classifier)) == before


def test_the_function_is_told_what_it_names():
    told = {}

    def model(input_shape, n_outputs, family, units=3):
        told.update(input_shape=input_shape, n_outputs=n_outputs, family=family, units=units)
        return keras.Sequential([layers.Dense(n_outputs, activation=family.activation)])

    KerasClassifier(model, max_iter=1).fit(X, LABELS)
    expected = {"input_shape": (6,), "n_outputs": 3, "family": families.multinomial(), "units": 3}
    assert told == expected
    KerasClassifier(model, model_params={"units": 5}, max_iter=1).fit(X, LABELS > 0)
    assert told == expected | {"n_outputs": 1, "family": families.binomial(), "units": 5}
    KerasRegressor(model, loss=families.poisson(), max_iter=1).fit(X, LABELS)
    assert (told["n_outputs"], told["family"]) == (1, families.poisson())
    KerasRegressor(model, model_params={"n_outputs": 2}, max_iter=1).fit(X, NUMBERS)
    assert told["n_outputs"] == 2


def test_arguments_of_the_function_are_parameters():
    classifier = KerasClassifier(network, max_iter=1)
    assert classifier.get_params()["model__units"] == 8
    assert "model__n_outputs" not in classifier.get_params()
    assert "model__units" not in classifier.get_params(deep=False)
    before = classifier.model_params
    classifier.set_params(model__units=5, max_iter=2)
    assert before is None
    assert (classifier.model_params, classifier.max_iter) == ({"units": 5}, 2)
    first = classifier.model_params
    classifier.set_params(model__activation="tanh")
    assert first == {"units": 5}
    assert classifier.model_params == {"units": 5, "activation": "tanh"}
    assert clone(classifier).get_params() == classifier.get_params()
    assert classifier.fit(X, LABELS).model_.layers[0].units == 5


def test_a_grid_search_tries_the_arguments():
    iris, y = load_iris(return_X_y=True)
    classifier = KerasClassifier(network, learning_rate_init=0.05, max_iter=15, random_state=0)
    search = GridSearchCV(classifier, {"model__units": [1, 32], "alpha": [0, 0.1]}, cv=3)
    search.fit(iris, y)
    assert search.best_params_["model__units"] == 32
    assert search.best_estimator_.model_.layers[0].units == 32
    assert search.best_score_ > 0.9


def test_a_class_of_models_is_a_function_too():
    classifier = KerasClassifier(Subclassed)
    classifier.set_params(model__units=5, max_iter=2).fit(X, LABELS)
    assert classifier.model_.hidden.units == 5
    assert classifier.get_params()["model__units"] == 5


def test_a_function_may_take_any_argument():
    def model(**settings):
        return keras.Sequential([layers.Dense(settings.get("units", 3), "softmax")])

    classifier = KerasClassifier(model, max_iter=1).set_params(model__units=3)
    assert classifier.fit(X, LABELS).get_params()["model__units"] == 3


def test_compiled_by_the_function():
    def model(units=4, rate=0.1):
        made = keras.Sequential([layers.Dense(units, "relu"), layers.Dense(3, "softmax")])
        made.compile(loss="mse", optimizer=keras.optimizers.SGD(rate), metrics=["accuracy"])
        return made

    classifier = KerasClassifier(model, max_iter=2, random_state=0).fit(X, LABELS)
    assert_allclose(classifier.history_["learning_rate"], [0.1, 0.1])
    assert set(classifier.history_) == {"loss", "accuracy", "learning_rate", "seconds"}
    slower = clone(classifier).set_params(model__rate=0.01).fit(X, LABELS)
    assert_allclose(slower.history_["learning_rate"], [0.01, 0.01])
    own = clone(classifier).set_params(solver="adam", metrics="mae", loss="log_loss")
    own.fit(X, LABELS)
    assert set(own.history_) == {"loss", "mae", "learning_rate", "seconds"}
    assert_allclose(own.history_["learning_rate"], [0.001, 0.001])


def test_weights_that_the_function_loads_are_kept():
    kernel = np.random.RandomState(5).normal(size=(6, 4)).astype("float32")

    def pretrained():
        front = keras.Sequential([layers.Input((6,)), layers.Dense(4, "relu")])
        front.set_weights([kernel, np.zeros(4)])
        front.trainable = False
        return keras.Sequential([front, layers.Dense(3, "softmax")])

    classifier = KerasClassifier(pretrained, max_iter=3).fit(X, LABELS)
    assert_array_equal(classifier.model_.get_weights()[0], kernel)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"model": lambda: 3}, TypeError, "must return a Keras model.*object of type int"),
        ({"model": 3}, ValueError, "'model' parameter of KerasClassifier must be a callable"),
        ({"model": ending_in(5, "softmax")}, ValueError, "5 output units, but y has 3 classes"),
        ({"model": ending_in(1, "sigmoid")}, ValueError, "1 output unit, but y has 3 classes"),
        ({"model_params": {"unts": 3}}, ValueError, "Did you mean 'units'"),
        ({"model": ending_in(3, None), "model_params": {"a": 1}}, ValueError, "a finished Seq"),
        ({"loss": "categorical_crossentopy"}, ValueError, "Did you mean 'categorical_crossen"),
        ({"loss": families.poisson()}, ValueError, "is for numbers, but y holds labels"),
        ({"solver": "adm"}, ValueError, "Did you mean 'adam'"),
        (
            {"model": ending_in(3, None, loss="mse", loss_weights=[2.0], optimizer="sgd")},
            ValueError,
            "compile without them",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_and_nothing_stays(settings, error, message):
    classifier = KerasClassifier(**{"model": network} | settings)
    before = set(vars(classifier))
    with pytest.raises(error, match=message):
        classifier.fit(X, LABELS)
    assert set(vars(classifier)) == before


def test_other_messages_that_help():
    with pytest.raises(ValueError, match=r"Invalid parameter 'model__unts'.*Did you mean 'units'"):
        KerasClassifier(network).set_params(model__unts=3)
    with pytest.raises(ValueError, match="model is a finished Sequential"):
        KerasClassifier(ending_in(3, None)).set_params(model__units=3)
    with pytest.raises(ValueError, match="model is None"):
        KerasClassifier().set_params(model__units=3)
    with pytest.raises(ValueError, match="5 output units, but y has 2 classes"):
        KerasClassifier(ending_in(5, None)).fit(X, LABELS > 0)
    with pytest.raises(ValueError, match="always 1"):
        KerasClassifier(ending_in(1, "softmax")).fit(X, LABELS > 0)
    with pytest.raises(ValueError, match="1 output unit, but each row of y has 2 labels"):
        KerasClassifier(ending_in(1, "sigmoid")).fit(X, ONE_HOT[:, :2].astype(int))
    with pytest.raises(ValueError, match="3 output units, but each row of y has 2 numbers"):
        KerasRegressor(ending_in(3, None)).fit(X, NUMBERS)
    with pytest.raises(ValueError, match="pass a model that takes them"):
        KerasClassifier().fit({"a": X}, LABELS)
    fitted = KerasClassifier(network, warm_start=True, max_iter=1).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"Sequential\(Dense 3, Dense 3\) instead of Sequential\("):
        fitted.set_params(model__units=3).fit(X, LABELS)


def compiled_subclass():
    return subclassed(
        Subclassed, loss=MyLoss(), optimizer=MyOptimizer(0.1), metrics=[MyMetric(name="m")]
    )


@keras.saving.register_keras_serializable("tests.estimators")
class Registered(Subclassed):
    def get_config(self):
        return {"units": self.units, "n_outputs": self.n_outputs}


def of_own_parts():
    return of(
        layers.Dense(3, activation=my_activation),
        loss=my_loss,
        optimizer=MyOptimizer(0.1),
        metrics=[my_metric, keras.metrics.MeanMetricWrapper(my_metric, name="wrapped")],
    )


def my_activation(x):
    return keras.ops.softmax(x)


TEMPLATES = {
    "function": lambda: network,
    "class": lambda: Subclassed,
    "sequential": lambda: CLASSIFIERS["softmax"]()[0],
    "not built": lambda: keras.Sequential([layers.Dense(3)]),
    "functional": branching,
    "subclassed": lambda: Subclassed(5),
    "subclassed, compiled": compiled_subclass,
    "registered": lambda: Registered(5),
    "of the user's parts": of_own_parts,
}

COPIES = {
    "clone": clone,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: cloudpickle.loads(cloudpickle.dumps(estimator)),
    "joblib": lambda estimator: joblib.load(dumped(estimator)),
}


def dumped(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_estimators_survive_copies(template, copied):
    classifier = KerasClassifier(TEMPLATES[template](), max_iter=2, random_state=0)
    again = COPIES[copied](classifier)
    assert set(vars(again)) == set(vars(classifier))
    proba = classifier.fit(X, LABELS).predict_proba(X)
    assert_array_equal(again.fit(X, LABELS).predict_proba(X), proba)
    assert classifier.history_["loss"] == again.history_["loss"]
    if copied != "clone":
        fitted = COPIES[copied](classifier)
        assert_array_equal(fitted.predict_proba(X), proba)
        assert_array_equal(fitted.partial_fit(X, LABELS).predict_proba(X[:1]).shape, (1, 3))
        assert_array_equal(classifier.predict_proba(X), proba)
        assert_array_equal(clone(fitted).fit(X, LABELS).predict_proba(X), proba)


@pytest.mark.parametrize("copied", COPIES)
def test_losses_solvers_and_metrics_of_the_user_survive_copies(copied):
    given = {
        "loss": MyLoss(1.2),
        "solver": MyOptimizer(0.1),
        "metrics": [MyMetric(name="m"), my_metric, keras.metrics.MeanSquaredError()],
    }
    regressor = KerasRegressor(network, max_iter=2, random_state=0, **given).fit(X, NUMBERS)
    again = COPIES[copied](regressor)
    assert again.loss.power == 1.2
    assert type(again.solver) is MyOptimizer
    assert_array_equal(clone(again).fit(X, NUMBERS).predict(X), regressor.predict(X))
    assert set(regressor.history_) >= {"m", "my_metric", "mean_squared_error"}


def test_clones_share_what_is_never_changed():
    model, loss = compiled_subclass(), MyLoss()
    classifier = KerasClassifier(model, loss=loss, model_params=None, metrics=[my_metric])
    for other in (clone(classifier), copy.deepcopy(classifier)):
        assert other.model is model
        assert other.loss is loss
        assert other.metrics == classifier.metrics
    assert clone(classifier).metrics is not classifier.metrics


@pytest.mark.parametrize("template", [n for n in TEMPLATES if n not in ("function", "class")])
def test_the_template_is_never_changed(template):
    model = TEMPLATES[template]()
    before = (set(vars(model)), model.built, [w.copy() for w in model.get_weights()])
    optimizer = model.optimizer.variables if model.compiled else []
    values = [np.array(variable.numpy()) for variable in optimizer]
    classifier = KerasClassifier(model, max_iter=3, early_stopping=True)
    classifier.fit(X, LABELS)
    classifier.model_.set_weights([weight * 0 for weight in classifier.model_.get_weights()])
    classifier.predict(X)
    assert (set(vars(model)), model.built) == before[:2]
    for old, new in zip(before[2], model.get_weights(), strict=True):
        assert_array_equal(old, new)
    for old, variable in zip(values, optimizer, strict=True):
        assert_array_equal(old, variable.numpy())


def test_a_finished_model_is_tuned_further():
    first = KerasClassifier(network, learning_rate_init=0.02, random_state=0).fit(X, LABELS)
    model = first.model_
    further = KerasClassifier(model, max_iter=1, learning_rate_init=1e-9).fit(X, LABELS)
    assert_allclose(further.predict_proba(X), first.predict_proba(X), atol=1e-5)


def test_a_model_that_cannot_be_copied_says_what_to_do():
    class Forgets(keras.Model):
        def __init__(self, n):
            super().__init__()
            self.end = layers.Dense(n, "softmax")

        def call(self, inputs):
            return self.end(inputs)

    with pytest.raises(CannotCopy, match="Give the class a get_config"):
        KerasClassifier(Forgets(3)).fit(X, LABELS)
    classifier = KerasClassifier(lambda: Forgets(3), max_iter=1).fit(X, LABELS)
    assert classifier.model_.end.units == 3


def test_many_bags_hold_one_template():
    bag = BaggingClassifier(KerasClassifier(Subclassed(5), max_iter=2), n_estimators=3)
    bag.set_params(random_state=0).fit(X, LABELS)
    assert len({id(estimator.model) for estimator in bag.estimators_}) == 1
    again = pickle.loads(pickle.dumps(bag))
    assert_array_equal(again.predict_proba(X), bag.predict_proba(X))


@pytest.mark.slow
@pytest.mark.parametrize("model", [network, Subclassed(5)], ids=["function", "model"])
def test_folds_may_be_fitted_in_processes(model):
    classifier = KerasClassifier(model, max_iter=2, random_state=0)
    alone = cross_val_score(classifier, X, LABELS, cv=2)
    assert_array_equal(cross_val_score(classifier, X, LABELS, cv=2, n_jobs=2), alone)


class Counter(keras.callbacks.Callback):
    """Counts the epochs of all fits."""

    calls = 0

    def on_epoch_end(self, epoch, logs=None):
        Counter.calls += 1


def other_network(n_outputs, units=3):
    return keras.Sequential([layers.Dense(units, name="code"), layers.Dense(n_outputs)])


def trained(estimator, printed):
    return [weight.tobytes() for weight in estimator.model_.get_weights()]


def epochs(estimator, printed):
    return estimator.n_iter_


SGD = {"solver": "sgd"}
STOPPING = {"early_stopping": True, "max_iter": 60, "learning_rate_init": 0.1, "tol": 0}
# Where score and loss call different epochs the best, whatever a backend draws.
MONITORING = {
    KerasClassifier: {"validation_fraction": 0.4},
    # A squared error ranks epochs as R2 does; from this seed the effect shows on every backend.
    KerasRegressor: {"loss": "mean_absolute_error", "random_state": 6},
}
# Parameter: another value, the settings under which it acts, where its effect is seen.
EFFECTS = {
    "model": (other_network, {}, lambda e, printed: e.architecture_),
    "model_params": ({"units": 5}, {}, lambda e, printed: e.architecture_),
    "model__units": (5, {}, lambda e, printed: e.architecture_),
    "layer": ("code", {"model": other_network}, lambda e, printed: e.transform(X).shape),
    "loss": ("log_cosh", {}, trained),
    "solver": ("rmsprop", {}, trained),
    "metrics": (["mae"], {}, lambda e, printed: sorted(e.history_)),
    "batch_size": (7, {}, trained),
    "max_iter": (5, {}, epochs),
    "learning_rate": ("invscaling", SGD, trained),
    "learning_rate_init": (0.03, {}, trained),
    "power_t": (0.1, {**SGD, "learning_rate": "invscaling"}, trained),
    "momentum": (0.5, SGD, trained),
    "nesterovs_momentum": (False, SGD, trained),
    "beta_1": (0.5, {}, trained),
    "beta_2": (0.9, {}, trained),
    "epsilon": (0.1, {}, trained),
    "alpha": (3.0, {}, trained),
    "l1": (1.0, {}, trained),
    "shuffle": (False, {}, trained),
    "random_state": (1, {}, trained),
    "tol": (5.0, {"max_iter": 20, "n_iter_no_change": 2}, epochs),
    "n_iter_no_change": (2, {"max_iter": 20, "tol": 5.0}, epochs),
    "early_stopping": (True, {}, trained),
    "validation_fraction": (0.4, {"early_stopping": True}, trained),
    "monitor": ("loss", {**STOPPING, "n_iter_no_change": 60}, trained),
    "class_weight": ({0: 5.0}, {}, trained),
    "callbacks": (Counter, {}, lambda e, printed: Counter.calls),
    "verbose": (1, {}, lambda e, printed: printed),
    "warm_start": (True, {}, trained),
    "max_fun": (4, {"solver": "lbfgs", "max_iter": 30, "tol": 0.0}, epochs),
    "dtype": ("float64", {}, lambda e, printed: e.architecture_.dtype),
}
ARGUMENTS = [
    (cls, name)
    for cls in (KerasClassifier, KerasRegressor, KerasTransformer)
    for name in cls(network).get_params()
    if name != "model__activation"
]


@pytest.mark.parametrize(("cls", "parameter"), ARGUMENTS)
def test_every_argument_is_kept_and_obeyed(cls, parameter, capsys):
    value, settings, seen_in = EFFECTS[parameter]
    if parameter == "monitor":
        settings = settings | MONITORING.get(cls, {})
    before = cls(**{"model": network, "max_iter": 3, "random_state": 0} | settings)
    after = clone(before).set_params(**{parameter: value})
    assert before.get_params()[parameter] != value
    for kept in (clone(after), copy.deepcopy(after), pickle.loads(pickle.dumps(after))):
        assert kept.get_params()[parameter] == value
    outcomes = []
    y = {KerasClassifier: LABELS, KerasRegressor: NOISY, KerasTransformer: None}[cls]
    for estimator in (before, after):
        Counter.calls = 0
        for _ in range(1 + (parameter == "warm_start")):
            estimator.fit(X, y)
        outcomes.append(seen_in(estimator, capsys.readouterr().out))
    assert outcomes[0] != outcomes[1]
    assert clone(after).get_params()[parameter] == value  # fit changes no argument


@pytest.mark.parametrize("cls", [KerasClassifier, KerasRegressor, KerasTransformer])
def test_the_constructor_only_stores_and_reads_well(cls):
    parameters = inspect.signature(cls).parameters
    marks = {name: object() for name in parameters}
    assert vars(cls(**marks)) == marks
    assert repr(cls()) == f"{cls.__name__}()"
    assert "max_iter" in cls(network)._repr_html_()


def noisy(n_outputs):
    return keras.Sequential(
        [layers.Dense(8, "relu"), layers.Dropout(0.4), layers.Dense(n_outputs, "softmax")]
    )


def test_the_same_seed_is_the_same_network_and_disturbs_nobody():
    np.random.seed(1)
    random.seed(1)
    keras_seed = keras.random.SeedGenerator(1)
    before = np.random.get_state()[1].copy(), random.getstate(), np.array(keras_seed.state.numpy())
    classifier = KerasClassifier(noisy, max_iter=3, random_state=3)
    first = classifier.fit(X, LABELS).predict_proba(X)
    assert_array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]
    assert_array_equal(keras_seed.state.numpy(), before[2])
    assert_array_equal(clone(classifier).fit(X, LABELS).predict_proba(X), first)
    other = clone(classifier).set_params(random_state=4).fit(X, LABELS).predict_proba(X)
    assert not np.array_equal(other, first)


def test_two_threads_fit_what_each_fits_alone():
    classifiers = [KerasClassifier(noisy, max_iter=4, random_state=seed) for seed in (0, 1)]
    alone = [clone(c).fit(X, LABELS).predict_proba(X) for c in classifiers]
    threads = [threading.Thread(target=c.fit, args=(X, LABELS)) for c in classifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for classifier, expected in zip(classifiers, alone, strict=True):
        assert_array_equal(classifier.predict_proba(X), expected)


@pytest.mark.parametrize("model", [network, Subclassed], ids=["configured", "made"])
def test_clones_share_their_programs(model):
    classifier = KerasClassifier(model, max_iter=2, model_params={"units": 7})
    classifier.fit(X, LABELS).predict(X)
    n_programs = len(PROGRAMS)
    for seed in range(3):
        clone(classifier).set_params(random_state=seed).fit(X, LABELS).predict(X)
    assert len(PROGRAMS) == n_programs


def test_dropout_layers_keep_their_own_rates():
    """The mean of what a layer lets pass is its input, whatever its rate."""
    rates = {}
    for rate in (0.1, 0.6):
        model = keras.Sequential(
            [
                layers.Input((6,)),
                layers.Dropout(rate),
                layers.Dense(1, use_bias=False, kernel_initializer="ones"),
            ]
        )
        regressor = KerasRegressor(model, max_iter=1, learning_rate_init=1e-12, random_state=0)
        loss = regressor.fit(np.ones((2000, 6)), np.full(2000, 6.0)).loss_curve_[0]
        rates[rate] = 2 * loss / 6  # the variance of six Bernoulli draws, halved
    assert_allclose(rates[0.1], 0.1 / 0.9, rtol=0.1)
    assert_allclose(rates[0.6], 0.6 / 0.4, rtol=0.1)


def test_partial_fit_goes_on_also_after_a_pickle():
    whole = KerasClassifier(network, max_iter=6, random_state=0, dtype="float64").fit(X, LABELS)
    parts = KerasClassifier(network, random_state=0, dtype="float64")
    for epoch in range(6):
        if epoch == 3:
            parts = pickle.loads(pickle.dumps(parts))
        parts.partial_fit(X, LABELS, classes=[0, 1, 2])
    assert_allclose(parts.predict_proba(X), whole.predict_proba(X), atol=1e-7)
    assert parts.t_ == 600


def test_weights_of_rows_repeat_them():
    times = np.random.RandomState(0).randint(0, 4, 100)
    twice = np.repeat(np.arange(100), times)
    model = ending_in(3, "softmax", loss="categorical_focal_crossentropy", optimizer="adam")
    settings = {"batch_size": 1000, "shuffle": False, "max_iter": 5, "dtype": "float64"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        weighted = KerasClassifier(model, **settings).fit(X, LABELS, sample_weight=times)
        repeated = KerasClassifier(model, **settings).fit(X[twice], LABELS[twice])
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def test_early_stopping_keeps_the_best_weights_and_stratifies():
    y = np.arange(100) % 10 == 0
    classifier = KerasClassifier(
        network,
        early_stopping=True,
        validation_fraction=0.2,
        max_iter=30,
        n_iter_no_change=3,
        learning_rate_init=0.1,
        random_state=0,
    ).fit(X, y)
    assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    assert classifier._stratify(y.reshape(-1, 1)) is not None
    assert len(classifier.history_["val_loss"]) == classifier.n_iter_


def test_validation_data_of_the_user_are_watched():
    for model in (ending_in(2, "softmax"), two_units_of_two_inputs()):
        rows = {"a": X[:, :3], "b": X[:, 3:]} if len(model.inputs) == 2 else X
        classifier = KerasClassifier(model, max_iter=3, metrics=["accuracy"])
        classifier.fit(rows, LABELS > 0, X_val=rows, y_val=LABELS > 0)
        assert len(classifier.history_["val_accuracy"]) == 3


def two_units_of_two_inputs():
    inputs = [keras.Input((3,), name=name) for name in "ab"]
    return keras.Model(inputs, layers.Dense(2, "softmax")(layers.Concatenate()(inputs)))


def test_float64_and_lbfgs_reach_the_optimum():
    classifier = KerasClassifier(
        network, solver="lbfgs", alpha=0.1, max_iter=500, tol=1e-8, random_state=0
    ).fit(X, LABELS)
    assert classifier.architecture_.dtype == "float32"
    precise = clone(classifier).set_params(dtype="float64").fit(X, LABELS)
    assert precise.architecture_.dtype == "float64"
    assert precise.model_.weights[0].dtype == backends.current().dtype_outside("float64")
    assert classifier.loss_ < 0.6
    assert precise.loss_ < 0.6
    with pytest.raises(ValueError, match="a function of the weights alone"):
        KerasClassifier(noisy, solver="lbfgs").fit(X, LABELS)


def test_a_float64_model_is_made_in_float64():
    with warnings.catch_warnings():
        # JAX says so where it has to round.
        warnings.filterwarnings("error", message=".*dtype float64 .*is not available")
        classifier = KerasClassifier(network, dtype="float64", max_iter=2).fit(X, LABELS)
        classifier.partial_fit(X, LABELS)
    assert classifier.architecture_.dtype == "float64"


def test_mixed_precision_trains():
    def mixed():
        policy = "mixed_float16"
        hidden = layers.Dense(8, "relu", dtype=policy)
        return keras.Sequential([hidden, layers.Dense(3, "softmax", dtype="float32")])

    classifier = KerasClassifier(mixed, max_iter=10, learning_rate_init=0.05, random_state=0)
    classifier.fit(X, LABELS)
    assert classifier.loss_curve_[-1] < classifier.loss_curve_[0]
    assert classifier.model_.layers[0].compute_dtype == "float16"


def test_without_y_the_model_learns_to_reproduce_x():
    transformer = KerasTransformer(rebuilding, max_iter=100, learning_rate_init=0.02)
    transformer.set_params(random_state=0, model__units=6).fit(X)
    assert transformer.transform(X).shape == X.shape
    assert np.mean((transformer.transform(X) - X) ** 2) < 0.1
    assert transformer.loss_ < 0.1  # the mean squared error, as Keras computes it


def test_a_layer_gives_the_codes():
    transformer = KerasTransformer(rebuilding, layer="code", model_params={"units": 2}).fit(X)
    codes = transformer.transform(X)
    kernel, bias = transformer.model_.get_layer("code").get_weights()
    assert_allclose(codes, X @ kernel + bias, atol=1e-5)
    assert list(transformer.get_feature_names_out()) == ["kerastransformer0", "kerastransformer1"]
    frame = transformer.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == ["kerastransformer0", "kerastransformer1"]


@pytest.mark.parametrize(
    ("y", "n_columns"),
    [(LABELS, 3), (np.array(list("ab"))[LABELS % 2], 1), (NUMBERS, 2), (NUMBERS[:, 0], 1)],
    ids=["labels", "two labels", "numbers", "number"],
)
def test_with_y_the_model_learns_to_predict_it(y, n_columns):
    transformer = KerasTransformer(network, max_iter=2).fit(X, y)
    output = transformer.transform(X)
    assert output.shape == (100, n_columns)
    assert_allclose(output, transformer.model_.predict(X, verbose=0), atol=1e-6)
    assert transformer.get_feature_names_out().shape == (n_columns,)


def test_a_finished_model_is_taken_as_it_is():
    inputs = keras.Input((2, 3, 1))
    maps = layers.Conv2D(4, 2, name="maps")(inputs)
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(maps))
    transformer = KerasTransformer(model, max_iter=0).fit(X)
    pictures = X.reshape(-1, 2, 3, 1)
    assert_allclose(transformer.transform(X), model.predict(pictures, verbose=0), atol=1e-6)
    assert transformer.n_iter_ == 0
    inner = KerasTransformer(model, max_iter=0, layer="maps").fit_transform(X)
    assert inner.shape == (100, 1 * 2 * 4)
    several = {"a": X[:, :3], "b": X[:, 3:]}
    joined = KerasTransformer(two_units_of_two_inputs(), max_iter=0).fit(several)
    assert joined.transform(several).shape == (100, 2)


def test_features_of_a_finished_model_serve_in_a_pipeline():
    pipeline = make_pipeline(
        KerasTransformer(ending_in(8, "tanh"), max_iter=0), KerasClassifier(max_iter=2)
    )
    assert cross_val_score(pipeline, X, LABELS, cv=2).shape == (2,)


@pytest.mark.parametrize(
    ("settings", "y", "message"),
    [
        ({"model": ending_in(2, "relu")}, None, "has 2 output units. Pass y, or max_iter=0"),
        ({"model": rebuilding, "layer": "cod"}, None, "none of the model's layers.*'code'"),
        ({"model": NoLayerAtItsEnd(), "layer": "dense", "max_iter": 0}, None, "layer='dense'"),
        ({"model": ending_in(2, "relu")}, LABELS, "2 output units, but y has 3 classes"),
    ],
)
def test_what_the_transformer_cannot_do_is_refused(settings, y, message):
    with pytest.raises(ValueError, match=message):
        KerasTransformer(**settings).fit(X, y)


def test_several_inputs_cannot_be_reproduced():
    with pytest.raises(ValueError, match="cannot be reproduced"):
        KerasTransformer(two_inputs()).fit({"table": X[:, :4], "word": WORDS})
    transformer = KerasTransformer(network, warm_start=True, max_iter=1).fit(X, LABELS)
    with pytest.raises(ValueError, match="pass y again"):
        transformer.fit(X)
