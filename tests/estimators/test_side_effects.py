"""What a fit leaves behind: nothing but the estimator."""

import copy
import os
import random
import threading

import keras
import numpy as np
import pytest

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


def threads_of_the_backend():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        threading = tf.config.threading
        return (
            threading.get_intra_op_parallelism_threads(),
            threading.get_inter_op_parallelism_threads(),
        )
    if keras.backend.backend() == "torch":
        import torch

        return torch.get_num_threads(), torch.get_num_interop_threads()
    return None  # JAX takes its threads from the environment


def settings_of_the_process():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "threads of the backend": threads_of_the_backend(),
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
    before, threads = settings_of_the_process(), set(threading.enumerate())
    with nothing_happens():
        estimator.fit(X, y)
        response(estimator, X)
    assert settings_of_the_process() == before
    assert set(threading.enumerate()) <= threads  # one of an earlier test may end
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
