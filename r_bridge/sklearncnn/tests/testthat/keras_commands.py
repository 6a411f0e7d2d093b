"""Keras itself, for R to compare with."""

import json

import numpy as np

from r_bridge._dispatch import command
from sklearn_cnn import import_keras


def twin(config, weights, compiled):
    keras = import_keras()
    model = keras.Sequential.from_config(json.loads(config))
    model.set_weights([np.asarray(weight) for weight in weights])
    model.compile(**compiled)
    return model


@command
def keras_says(config, weights, compiled, x, y):
    """Evaluation, prediction, and weights after one step on all rows and after two epochs."""
    compiled = {name: list(v) if name == "metrics" else v for name, v in compiled.items()}
    model = twin(config, weights, compiled)
    says = {
        "evaluation": model.evaluate(x, y, verbose=0, return_dict=True),
        "prediction": model.predict(x, verbose=0),
    }
    model.train_on_batch(x, y)
    says["step"] = model.get_weights()
    model = twin(config, weights, compiled)
    history = model.fit(x, y, epochs=2, shuffle=False, validation_split=0.2, verbose=0)
    says["fit"] = model.get_weights()
    says["history"] = {name: np.array(values) for name, values in history.history.items()}
    return says


@command
def element_of(x, index):
    return float(x[tuple(int(i) for i in np.atleast_1d(index))])
