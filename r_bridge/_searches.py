"""Many fits at once for R: cross-validation and grid search over scikit-learn's own tools."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from ._dispatch import command


@command
def cross_validate_network(
    x: np.ndarray,
    y: np.ndarray,
    folds: np.ndarray,
    network: dict[str, Any],
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Fit to all folds but one, for each of them; `folds` has one column a repetition.

    Returns the means that were predicted for the rows left out, and the seconds of each fit.
    """
    from sklearn.model_selection import cross_validate

    from ._standardized import StandardizedNetwork

    estimator = StandardizedNetwork(**network)
    splits = _splits(folds)
    given = _given(weights, offset)
    with _many_fits():
        result = cross_validate(
            estimator,
            x,
            y,
            cv=splits,
            params=given,
            scoring=_no_score,
            return_estimator=True,
            error_score="raise",
        )
    repetitions = folds.shape[1]
    means = np.empty((*y.shape, repetitions))
    column = np.repeat(np.arange(repetitions), [len(set(fold)) for fold in folds.T.tolist()])
    fitted = zip(result["estimator"], splits, column, strict=True)
    for model, (_, test), repetition in fitted:
        of_test = None if offset is None else offset[test]
        means[test, ..., repetition] = model.predict(x[test], offset=of_test)
    return {"means": means, "seconds": result["fit_time"]}


@command
def search_network(
    x: np.ndarray,
    y: np.ndarray,
    folds: np.ndarray,
    network: dict[str, Any],
    candidates: list[dict[str, Any]],
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Mean deviance of each candidate on each fold, and the seconds of its fits."""
    import sklearn
    from sklearn.model_selection import GridSearchCV

    from ._standardized import StandardizedNetwork

    splits = _splits(folds)
    given = _given(weights, offset)
    with sklearn.config_context(enable_metadata_routing=True), _many_fits():
        wanted = dict.fromkeys(given, True)
        estimator = StandardizedNetwork(**network)
        estimator.set_fit_request(**wanted).set_score_request(**wanted)
        search = GridSearchCV(
            estimator,
            [{"settings": [settings]} for settings in candidates],
            cv=splits,
            refit=False,
            error_score="raise",
        )
        search.fit(x, y, **given)
    results = search.cv_results_
    scores = [results[f"split{index}_test_score"] for index in range(len(splits))]
    return {
        "deviance": -np.column_stack(scores),
        "seconds": results["mean_fit_time"],
    }


def _no_score(_estimator: Any, _X: Any, _y: Any) -> float:
    """R computes its own from the predictions."""
    return 0.0


def _splits(folds: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Train and test rows, repetition by repetition, fold by fold."""
    return [
        (np.flatnonzero(column != fold), np.flatnonzero(column == fold))
        for column in folds.T
        for fold in np.unique(column)
    ]


def _given(weights: np.ndarray | None, offset: np.ndarray | None) -> dict[str, np.ndarray]:
    given = {"sample_weight": weights, "offset": offset}
    return {name: value for name, value in given.items() if value is not None}


def _many_fits() -> contextlib.AbstractContextManager:
    """The backend that fuses fits, where this installation has it."""
    import joblib

    try:
        return joblib.parallel_config("fused", n_jobs=-1)
    except ValueError:
        return contextlib.nullcontext()
