"""Fit perceptrons in one way, ``python -m tests.training._one_engine WAY FILE < combinations``.

A process of its own: JAX and TensorFlow do not share one.
"""

import itertools
import json
import sys
import warnings

import numpy as np
from sklearn.datasets import load_digits

WAYS = ["xla", "graph", "serial", "model.fit", "JAX"]
FACTORS = {
    "solver": ["adam", "sgd", "rmsprop"],
    "hidden_layer_sizes": [(100,), (100, 100), ()],
    "batch_size": [1, 32, 200, "full"],
    "weighted": [False, True],
    "penalised": [False, True],
    "early_stopping": [False, True],
    "dtype": ["float32", "float64"],
}
ALL = [dict(zip(FACTORS, levels, strict=True)) for levels in itertools.product(*FACTORS.values())]
# Every level of every factor comes at least once.
THINNED = ALL[::47]


def rows(combination):
    X, y = load_digits(return_X_y=True)
    n = 40 if combination["batch_size"] == 1 else 300
    weight = np.random.RandomState(0).randint(1, 4, n).astype(float)
    X = (X[:n] / 16 * nudge(combination)).astype(combination["dtype"])
    return X, y[:n], weight if combination["weighted"] else None


def nudge(combination):
    """1, or the number that many roundings of float32 away."""
    return 1 + combination.get("nudged_by", 0) * float(np.finfo(np.float32).eps)


def perceptron(combination):
    from sklearn_cnn import MLPClassifier

    batch_size = combination["batch_size"]
    penalised = combination["penalised"]
    return MLPClassifier(
        tuple(combination["hidden_layer_sizes"]),
        solver=combination["solver"],
        batch_size=300 if batch_size == "full" else batch_size,
        alpha=0.5 * nudge(combination) if penalised else 0.0,
        l1=0.05 * nudge(combination) if penalised else 0.0,
        learning_rate_init=0.001 * nudge(combination),
        early_stopping=combination["early_stopping"],
        validation_fraction=0.25,
        max_iter=3,
        random_state=0,
    )


def main(way, path):
    warnings.simplefilter("ignore")
    from sklearn_cnn import backends
    from sklearn_cnn.backends import Executor

    backend = backends.current()
    assert backend.name == ("jax" if way == "JAX" else "tensorflow")
    if way == "model.fit":
        backend.compiles = False
    elif way != "JAX":
        executor = Executor(way)
        backend.executor = lambda **_: executor
    weights = {}
    for number, combination in enumerate(json.load(sys.stdin)):
        X, y, weight = rows(combination)
        fitted = perceptron(combination).fit(X, y, sample_weight=weight)
        for part, array in enumerate([*fitted.coefs_, *fitted.intercepts_]):
            weights[f"{number} {part}"] = array
    np.savez(path, **weights)


if __name__ == "__main__":
    main(*sys.argv[1:])
