"""What R asks of sklearn_cnn: its public estimators, by plain values and arrays."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ._dispatch import command


@command
def fit_dense(
    x: np.ndarray,
    y: np.ndarray,
    family: dict[str, str],
    hidden: Any,
    settings: dict[str, Any],
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    all_epochs: bool = False,
) -> dict[str, Any]:
    """Fit a dense network to an encoded response; `settings` are arguments of MLPRegressor.

    A stochastic fit runs all its epochs, as Keras does, where `all_epochs` asks for it.
    """
    from sklearn.exceptions import ConvergenceWarning

    from sklearn_cnn import MLPRegressor, families

    network = MLPRegressor(
        loss=families.get(family),
        hidden_layer_sizes=tuple(np.atleast_1d(hidden).tolist()),
        dtype="float64",
        **settings,
    )
    if all_epochs:
        network.set_params(n_iter_no_change=np.inf)
    with warnings.catch_warnings():
        if all_epochs:
            warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(x, y, sample_weight=weights, offset=offset)
    return {
        "kernels": network.coefs_,
        "biases": network.intercepts_,
        "iterations": network.n_iter_,
        "loss": np.asarray(network.history_["loss"], dtype=np.float64),
    }
