"""What the layers of a fitted network make of rows of X."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .forward import compiled_pass


def activations(estimator: Any, X: Any, layers: Sequence[str]) -> dict[str, np.ndarray]:
    """Outputs of layers, dropout off, by name.

    Parameters
    ----------
    estimator : estimator
        A fitted network.
    X : array-like
        Rows, in the form in which they were fitted.
    layers : sequence of str
        Names of layers of ``estimator.model_``.

    Returns
    -------
    dict of ndarray of shape (n_samples, *output)
        In the order of ``layers``.

    Raises
    ------
    ValueError
        Where a name is unknown; the message lists the layers.

    Examples
    --------
    >>> from sklearn_cnn import MLPClassifier
    >>> mlp = MLPClassifier((4,), max_iter=1, random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> activations(mlp, [[0.5], [2.0], [3.0]], ["hidden_0"])["hidden_0"].shape
    (3, 4)
    """
    check_is_fitted(estimator)
    model = estimator.model_  # its training, where the user went on with it, is taken over here
    names = [layer.name for layer in model.layers]
    unknown = [name for name in layers if name not in names]
    if unknown:
        raise ValueError(
            f"layers names {', '.join(map(repr, unknown))}, but the layers of this "
            f"{type(estimator).__name__} are {', '.join(map(repr, names))}."
        )
    values = compiled_pass(
        estimator.architecture_, estimator._weights, network_rows(estimator, X), tuple(layers)
    )
    return dict(zip(layers, values, strict=True))


def network_rows(estimator: Any, X: Any) -> Any:
    """X checked as ``predict`` checks it, in the shape and dtype that the network takes."""
    rows = estimator._network_inputs(estimator._check_X(X))
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    return rows
