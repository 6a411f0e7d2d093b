"""One weight a row, from sample weights and class weights."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.class_weight import compute_class_weight

from sklearn_cnn.compat import check_sample_weight

ClassWeight = Mapping[Any, float] | Sequence[Mapping[Any, float]] | str | None


def total_weights(
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight,
    y: ArrayLike | None,
    X: ArrayLike,
    classes: Sequence[Any] | None = None,
) -> NDArray[np.float64] | None:
    """Weight of each row: its sample weight times the weights of its classes.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or float, default=None
        Weights of rows, 0 or more; a row of weight 2 counts as two rows, of weight 0 as none.
    class_weight : dict, "balanced", list of dict, or None
        ``{label: weight}``; labels that are left out weigh 1. ``"balanced"`` gives every class
        the same sum of weights. Several outputs take a list with a dict each, or ``"balanced"``,
        and the weights of a row are multiplied over outputs.
    y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_outputs), or None
        Labels, as the user gave them.
    X : array-like
        Rows, counted where ``y`` is None.
    classes : sequence of labels, default=None
        All labels, where ``y`` need not hold each of them. Single output only.

    Returns
    -------
    ndarray of shape (n_samples,), or None
        ``None`` where all rows weigh 1, so that weights of one train what no weights train.

    Raises
    ------
    ValueError
        If weights are negative, are all zero or are too few, or ``class_weight`` names a label
        that is not in ``y``.

    Examples
    --------
    >>> from sklearn_cnn.encoding import total_weights
    >>> X, y = [[0.0], [1.0], [2.0]], ["dog", "bird", "dog"]
    >>> total_weights([1, 3, 1], {"dog": 2.0}, y, X)
    array([2., 3., 2.])
    >>> total_weights(None, {"cat": 2.0}, y, X)
    Traceback (most recent call last):
        ...
    ValueError: class_weight names 'cat', but y holds only 'bird', 'dog'.
    """
    if sample_weight is None and class_weight is None:
        return None
    rows = X if y is None else y
    weights = check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True, copy=True
    )
    if class_weight is not None:
        balance = weights.copy()
        columns = _columns(y)
        for k, class_weight_k in enumerate(_one_an_output(class_weight, len(columns))):
            where = f" (output {k})" if len(columns) > 1 else ""
            if isinstance(class_weight_k, str):
                weights *= _balancing(columns[k], balance)
            else:
                weights *= _named(class_weight_k, columns[k], classes, where)
        if not weights.any():
            raise ValueError(
                "class_weight leaves no row with a weight above 0. Give a positive weight to at "
                "least one label that y holds."
            )
    return None if np.all(weights == 1.0) else weights


def _columns(y: Any) -> list[NDArray]:
    """Labels of each output."""
    if y is None:
        raise ValueError("class_weight needs y, but y is None.")
    if sparse.issparse(y):
        y = y.toarray()
    y = np.asarray(y)
    return list(y.reshape(len(y), -1).T)


def _one_an_output(class_weight: Any, n_outputs: int) -> list[Any]:
    if isinstance(class_weight, str) and class_weight == "balanced":
        return [class_weight] * n_outputs
    if isinstance(class_weight, Mapping) and n_outputs == 1:
        return [class_weight]
    if isinstance(class_weight, Sequence) and all(isinstance(k, Mapping) for k in class_weight):
        if len(class_weight) == n_outputs:
            return list(class_weight)
        raise ValueError(
            f"class_weight has {len(class_weight)} dicts, but y has {n_outputs} outputs. Give one "
            "dict for each output."
        )
    expected = "a dict" if n_outputs == 1 else f"a list of {n_outputs} dicts, one an output,"
    raise ValueError(f"class_weight must be {expected} or 'balanced'. Got {class_weight!r}.")


def _balancing(labels: NDArray, weights: NDArray) -> NDArray:
    """Weight of each row under which all classes have the same sum of weights."""
    # A class whose rows all weigh 0 is absent: nothing could balance it.
    present = weights > 0
    classes, codes = np.unique(labels[present], return_inverse=True)
    by_class = compute_class_weight(
        "balanced", classes=classes, y=labels[present], sample_weight=weights[present]
    )
    balancing = np.zeros(len(labels))
    balancing[present] = by_class[codes]
    return balancing


def _named(
    class_weight: Mapping[Any, float], labels: NDArray, classes: Sequence[Any] | None, where: str
) -> NDArray:
    """Weight of each row by its label."""
    held, codes = np.unique(labels, return_inverse=True)
    # tolist() makes Python's own numbers and strings, which is how messages show them.
    held = held.tolist()
    known = held if classes is None else np.asarray(classes).tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(
            f"class_weight{where} names {_listed(unknown)}, but y holds only {_listed(known)}."
        )
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"class_weight{where} must hold finite numbers, 0 or more. Got {weight!r} for "
                f"{label!r}."
            )
    return np.array([float(class_weight.get(label, 1.0)) for label in held])[codes]


def _listed(labels: Sequence[Any], at_most: int = 10) -> str:
    shown = ", ".join(repr(label) for label in labels[:at_most])
    rest = len(labels) - at_most
    return shown + (f" and {rest} more" if rest > 0 else "")
