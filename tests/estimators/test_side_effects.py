"""What a fit leaves behind: nothing but the estimator; and y comes back in the type it had."""

import copy
import os
import random
import threading

import keras
import numpy as np
import pytest
import sklearn.neural_network
from sklearn.base import is_classifier, is_regressor

from sklearn_cnn import KerasClassifier, KerasRegressor, KerasTransformer
from tests._estimators import NAMES, data_for, quick, response
from tests.persistence._attacks import nothing_happens

from .test_keras_model import network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

EVERY = [
    *map(quick, NAMES),
    *(
        cls(network, max_iter=3, random_state=0)
        for cls in (KerasClassifier, KerasRegressor, KerasTransformer)
    ),
]
OPTIONS = {
    "plain": {},
    "early stopping": {"early_stopping": True},
    "callbacks and metrics": {"callbacks": keras.callbacks.EarlyStopping, "metrics": ["mse"]},
    "lbfgs": {"solver": "lbfgs"},
}


def settings_of_the_process():
    import tensorflow as tf

    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "threads of TensorFlow": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "Python threads": threading.active_count(),
        "float type of Keras": keras.config.floatx(),
        "policy of Keras": keras.config.dtype_policy().name,
        "NumPy's errors": np.geterr(),
        "NumPy's stream": np.random.get_state()[1].tolist(),
        "Python's stream": random.getstate(),
    }


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("estimator", EVERY, ids=lambda estimator: type(estimator).__name__)
def test_a_fit_writes_prints_and_changes_nothing(estimator, options, capfd):
    estimator = copy.deepcopy(estimator).set_params(**OPTIONS[options])
    X, y = data_for(estimator)
    capfd.readouterr()
    before = settings_of_the_process()
    with nothing_happens():
        estimator.fit(X, y)
        response(estimator, X)
    assert settings_of_the_process() == before
    assert capfd.readouterr().out == ""
    assert type(estimator.history_) is dict
    held = [*vars(estimator).values(), *vars(estimator.model_).values()]
    assert not any(isinstance(value, keras.callbacks.History) for value in held)


def test_a_callers_model_callbacks_and_metrics_are_as_they_were():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    stopping, metric = keras.callbacks.EarlyStopping("loss", patience=1), keras.metrics.AUC()
    weights, config = model.get_weights(), model.to_json()
    noticed = dict(vars(stopping))
    classifier = KerasClassifier(model, callbacks=[stopping], metrics=[metric], max_iter=3)
    X, y = data_for(quick("MLPClassifier"))
    classifier.fit(X.astype("float32"), y)
    assert all(map(np.array_equal, weights, model.get_weights()))
    assert model.to_json() == config
    assert model.optimizer.iterations == 0
    assert vars(stopping) == noticed
    assert float(metric.result()) == 0
    assert not np.array_equal(classifier.model_.get_weights()[0], weights[0])


LABELS = ["float32", "float64", "int8", "int32", "int64", "uint8", "uint16", "bool", "<U1", "O"]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("name", [name for name in NAMES if is_classifier(quick(name))])
def test_labels_come_back_as_scikit_learn_gives_them(name, kind, n_classes):
    numbers = np.arange(90) % (2 if kind == "bool" else n_classes)
    y = np.array(list("abc"))[numbers].astype(kind) if kind in ("<U1", "O") else numbers
    y = y.astype(kind)
    X, _ = data_for(quick(name))
    ours = quick(name).fit(X, y)
    theirs = sklearn.neural_network.MLPClassifier((3,), max_iter=3).fit(X, y)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        found, expected = getattr(ours, method)(X), getattr(theirs, method)(X)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), method
    assert ours.classes_.dtype == theirs.classes_.dtype


@pytest.mark.parametrize("kind", ["bool", "int64", "float32"])
@pytest.mark.parametrize("name", [name for name in NAMES if is_classifier(quick(name))])
def test_several_labels_come_back_as_scikit_learn_gives_them(name, kind):
    X, _ = data_for(quick(name))
    y = (np.arange(270).reshape(90, 3) % 4 < 2).astype(kind)
    ours = quick(name).fit(X, y)
    theirs = sklearn.neural_network.MLPClassifier((3,), max_iter=3).fit(X, y)
    for method in ("predict", "predict_proba"):
        found, expected = getattr(ours, method)(X), getattr(theirs, method)(X)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), method


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "uint16", "bool", "O"])
@pytest.mark.parametrize("name", [name for name in NAMES if is_regressor(quick(name))])
def test_numbers_come_back_as_scikit_learn_gives_them(name, kind, n_outputs):
    X, _ = data_for(quick(name))
    y = np.arange(90 * (n_outputs or 1)) % 7
    y = (y if n_outputs is None else y.reshape(90, n_outputs)).astype(kind)
    ours = quick(name).fit(X, y)
    theirs = sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(3,), max_iter=3).fit(X, y)
    found, expected = ours.predict(X), theirs.predict(X)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
