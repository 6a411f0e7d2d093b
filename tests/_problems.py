"""Small data sets that the common tests run on: a new one is a line here."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_digits, make_classification, make_multilabel_classification
from sklearn.datasets import make_regression as scikit_learns_regression


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows and targets, and the settings of a perceptron that suit them."""

    name: str
    X: np.ndarray
    y: np.ndarray
    settings: dict

    @property
    def is_classification(self):
        return self.name in ("two classes", "ten classes", "several labels")

    def __repr__(self):
        return self.name


@cache
def problem(name):
    return Problem(name, *_MAKERS[name]())


def two_classes():
    X, y = make_classification(90, 6, random_state=1)
    return X, np.where(y, "yes", "no"), {}


def ten_classes():
    X, y = load_digits(return_X_y=True)
    return X[:200] / 16, y[:200], {}


def several_labels():
    X, y = make_multilabel_classification(80, 7, n_classes=4, random_state=2)
    return X / 10, y, {}


def numbers():
    X, y = scikit_learns_regression(90, 5, noise=5.0, random_state=3)
    return X, y / y.std(), {}


def several_outputs():
    X, y = scikit_learns_regression(80, 5, n_targets=3, noise=5.0, random_state=4)
    return X, y / y.std(axis=0), {}


def counts():
    rng = np.random.RandomState(5)
    X = rng.normal(size=(90, 4))
    return X, rng.poisson(np.exp(0.5 + X @ [0.3, -0.2, 0.4, 0.0])), {"loss": "poisson"}


_MAKERS = {
    "two classes": two_classes,
    "ten classes": ten_classes,
    "several labels": several_labels,
    "numbers": numbers,
    "several outputs": several_outputs,
    "counts": counts,
}
PROBLEMS = list(_MAKERS)


@cache
def digits(pictures=False):
    """All of scikit-learn's digits, between 0 and 1."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    return (X.reshape(-1, 8, 8) if pictures else X), y


@cache
def small_pictures(n=60):
    """Pictures of 6 x 6 whose third row, or third column, is bright."""
    rng = np.random.RandomState(6)
    X = rng.normal(size=(n, 6, 6)).astype(np.float32)
    y = np.arange(n) % 2
    X[y == 0, 2] += 2
    X[y == 1, :, 2] += 2
    return X, np.where(y, "column", "row")
