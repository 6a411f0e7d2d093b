"""Perceptrons for R's ``mlp()``: fitted by plain values and arrays, and handed over as weights."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._dispatch import command

# Theta and coefficients are orthogonal (their joint information is 0): a few rounds are enough.
_THETA_ROUNDS = 50
_THETA_TOLERANCE = 1e-7


@command
def fit_dense(
    x: np.ndarray,
    y: np.ndarray,
    family: dict[str, Any],
    hidden: Any,
    settings: dict[str, Any],
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    validation: dict[str, Any] | None = None,
    validation_split: float = 0.0,
) -> dict[str, Any]:
    """Fit a dense network to an encoded response; `settings` are arguments of MLPRegressor."""
    network = perceptron(family, {**settings, "hidden_layer_sizes": hidden})
    rows = held_back(len(x), validation_split, settings["random_state"])
    fitted = rows_of_fit(x, y, weights, offset, rows, validation)
    with all_epochs_are_wanted(network):
        passed = fit_rows(network, **fitted)
    return {
        "kernels": network.coefs_,
        "biases": network.intercepts_,
        "iterations": sum(len(part["loss"]) for part in passed),
        "theta": getattr(network.loss, "theta", None),
        "history": {name: np.concatenate([part[name] for part in passed]) for name in passed[0]},
    }


def perceptron(family: dict[str, Any], settings: dict[str, Any]) -> Any:
    """An unfitted network for a family of R, with R's vectors as arguments."""
    from sklearn_cnn import MLPRegressor, families

    settings = dict(settings)
    hidden = tuple(np.atleast_1d(settings.pop("hidden_layer_sizes")).tolist())
    return MLPRegressor(
        loss=families.get(family), hidden_layer_sizes=hidden, dtype="float64", **settings
    )


def held_back(n: int, share: float, seed: int) -> np.ndarray:
    """Which rows are drawn to be watched, and not trained on."""
    watched = np.zeros(n, dtype=bool)
    if share:
        watched[np.random.RandomState(seed).permutation(n)[: max(1, round(share * n))]] = True
    return watched


def rows_of_fit(
    x: np.ndarray,
    y: np.ndarray | None,
    weights: np.ndarray | None,
    offset: np.ndarray | None,
    watched: np.ndarray,
    validation: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The arguments of `fit`: rows to train on, and those that are watched, if there are any."""
    given = {"X": x, "y": y, "sample_weight": weights, "offset": offset}
    if validation is not None:
        return given | {"X_val": validation["x"], "y_val": validation["y"]}
    if not watched.any():
        return given
    parts = {name: part for name, part in given.items() if part is not None}
    fitted = given | {name: part[~watched] for name, part in parts.items()}
    names = {"X": "X_val", "y": "y_val", "sample_weight": "sample_weight_val"}
    return fitted | {names[name]: part[watched] for name, part in parts.items() if name in names}


@contextlib.contextmanager
def all_epochs_are_wanted(network: Any) -> Iterator[None]:
    """A fit by epochs that was not asked to stop early runs to its end, which is no warning."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        if math.isinf(network.n_iter_no_change):
            warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def fit_rows(network: Any, X: Any, y: Any, **fit_params: Any) -> list[dict[str, Any]]:
    """Fit; where the family is negative binomial without theta, estimate that in turns.

    The turns are those of ``MASS::glm.nb``. The network's `loss` then has the estimate. Returns the
    history of each turn.
    """
    if network.batch_size != "auto":
        # Fewer rows are one batch, which scikit-learn would warn of.
        network.set_params(batch_size=min(network.batch_size, len(X)))
    family = network.loss
    if getattr(family, "theta", 0.0) is not None:
        return [history(network.fit(X, y, **fit_params))]
    from sklearn_cnn import families

    n_init, warm_start = network.n_init, network.warm_start
    network.set_params(loss=families.poisson(family.link)).fit(X, y, **fit_params)
    network.set_params(warm_start=True, n_init=1)
    passed, theta = [], math.inf
    for _ in range(_THETA_ROUNDS):
        before = theta
        mean = network.predict(X, offset=fit_params.get("offset"))
        theta = family.estimate_theta(y, mean, fit_params.get("sample_weight"))
        network.set_params(loss=family.with_theta(theta)).fit(X, y, **fit_params)
        passed.append(history(network))
        if abs(before / theta - 1) < _THETA_TOLERANCE:
            break
    network.set_params(n_init=n_init, warm_start=warm_start)
    return passed


def history(network: Any) -> dict[str, np.ndarray]:
    """Losses and metrics, one number an epoch."""
    return {name: np.asarray(values, dtype=float) for name, values in network.history_.items()}
