"""Kinds and dtypes of y: scikit-learn's own encoding and its perceptrons are the oracle."""

import keras
import numpy as np
import pytest
import sklearn.neural_network
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.preprocessing import LabelBinarizer

from sklearn_cnn import KerasClassifier, KerasRegressor, MLPClassifier
from tests._estimators import NAMES, quick

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
]
X = np.random.RandomState(0).normal(size=(24, 5))
SHORT = {"max_iter": 1, "batch_size": 24, "random_state": 0}


def keras_network(n_outputs, family):
    return keras.Sequential([keras.layers.Dense(n_outputs, activation=family.activation)])


OURS = [quick(name, **SHORT) for name in NAMES]
CLASSIFIERS = [*filter(is_classifier, OURS), KerasClassifier(keras_network, **SHORT)]
REGRESSORS = [*filter(is_regressor, OURS), KerasRegressor(keras_network, **SHORT)]
NUMERIC = "float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
KINDS_OF_LABELS = {
    "two classes": ([*NUMERIC, "bool", "<U1", "object"], lambda i: i % 2),
    "three classes": ([*NUMERIC, "<U1", "object"], lambda i: i % 3),
    "one class": ([*NUMERIC, "bool", "<U1", "object"], lambda i: 0 * i + 1),
    "a column of two classes": ([*NUMERIC, "bool", "<U1", "object"], lambda i: i[:, None] % 2),
    "several labels": ([*NUMERIC, "bool"], lambda i: i[:, None] // [1, 2, 4] % 2),
}
KINDS_OF_NUMBERS = {
    "one output": lambda i: i % 7,
    "a column": lambda i: i[:, None] % 7,
    "two outputs": lambda i: np.column_stack([i % 7, i % 5]),
}


def labels(make, dtype):
    numbers = make(np.arange(24))
    if dtype in ("<U1", "object"):
        return np.array(list("abc"))[numbers].astype(dtype)
    return numbers.astype(dtype)


def unfitted(estimator, floats):
    """The default of a user's model is its own dtype, that of the others the dtype of X."""
    own = isinstance(estimator, KerasClassifier | KerasRegressor)
    return clone(estimator).set_params(**{"dtype": floats} if own else {})


def assert_alike(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(kind, dtype) for kind, (dtypes, _) in KINDS_OF_LABELS.items() for dtype in dtypes],
)
def test_predicted_labels_have_the_shape_and_dtype_of_scikit_learns(kind, dtype):
    y = labels(KINDS_OF_LABELS[kind][1], dtype)
    theirs = sklearn.neural_network.MLPClassifier((3,), **SHORT).fit(X, y)
    for classifier in CLASSIFIERS:
        ours = unfitted(classifier, "float64").fit(X, y)
        assert_alike(ours.classes_, theirs.classes_)
        for method in ("predict", "predict_proba", "predict_log_proba"):
            assert_alike(getattr(ours, method)(X), getattr(theirs, method)(X))


@pytest.mark.parametrize("kind", KINDS_OF_NUMBERS)
@pytest.mark.parametrize("dtype", [*NUMERIC, "bool", "object"])
def test_predicted_numbers_have_the_shape_and_dtype_of_scikit_learns(dtype, kind):
    y = KINDS_OF_NUMBERS[kind](np.arange(24)).astype(dtype)
    for floats in ("float32", "float64"):
        x = X.astype(floats)
        theirs = sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(3,), **SHORT).fit(x, y)
        for regressor in REGRESSORS:
            ours = unfitted(regressor, floats).fit(x, y)
            assert_alike(ours.predict(x), theirs.predict(x))


@pytest.mark.parametrize(
    "given",
    [
        [3, 1, 2, 1, 7],
        [True, False, False],
        ["b", "a", "c", "a"],
        np.array(["no", "yes", "no"], dtype=object),
        [-1.0, 1.0, 1.0],
        [5, 5, 5],
        [[1, 0], [0, 1], [1, 1]],
    ],
    ids=str,
)
def test_labels_are_encoded_as_label_binarizer_does(given):
    labels = np.asarray(given)
    network = MLPClassifier()
    target = network._encode_target(labels, first_pass=True, incremental=False)
    assert target.dtype == bool
    assert_array_equal(target, LabelBinarizer().fit_transform(labels).astype(bool))
    assert_array_equal(network.classes_, LabelBinarizer().fit(labels).classes_)
    again = network._encode_target(labels[:2], first_pass=False, incremental=True)
    assert_array_equal(again, target[:2])
