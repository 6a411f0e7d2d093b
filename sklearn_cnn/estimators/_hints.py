"""Hints for the data that networks do not train on well: unscaled columns, distant targets."""

import numpy as np
from scipy import sparse

from sklearn_cnn._warnings import warn

_LARGEST_RATIO = 1000.0


class ScaleWarning(UserWarning):
    """Columns of X, or the target, are on scales on which a network trains badly."""


def warn_of_scales(X, names, target=None) -> None:
    """Warn once where columns differ in scale by more than 1000, or a target is far from 1.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    names : sequence of str or None
        Names of the columns.
    target : ndarray of shape (n_samples, n_outputs), default=None
        Targets of a regression with identity link.
    """
    if advice := scale_advice(X, names, target):
        warn(" ".join(advice), ScaleWarning)


def scale_advice(X, names, target=None, *, has_option: bool = True) -> list[str]:
    """What :func:`warn_of_scales` says, one sentence a fault.

    ``has_option`` says whether the estimator has ``standardize``.
    """
    advice = []
    option = "Set standardize=True, or " if has_option else ""
    scales = np.zeros(0) if not sparse.issparse(X) and _ranges_are_alike(X) else column_scales(X)
    varying = np.flatnonzero(scales > 0)
    if len(varying) > 1:
        low, high = (varying[pick(scales[varying])] for pick in (np.argmin, np.argmax))
        ratio = scales[high] / scales[low]
        if ratio > _LARGEST_RATIO:
            advice.append(
                f"Columns of X differ in scale by a factor of {ratio:.2g}: "
                f"{_name(high, names)} has standard deviation {scales[high]:.2g}, "
                f"{_name(low, names)} {scales[low]:.2g}. "
                f"{_sentence(f'{option}put a StandardScaler in front of the network.')}"
            )
    if target is not None and len(target) > 1:
        size = float(np.sqrt(np.mean(np.square(target))))
        if size > 0 and not 1 / _LARGEST_RATIO <= size <= _LARGEST_RATIO:
            advice.append(
                f"The target is far from unit scale (root mean square {size:.2g}). "
                f"{_sentence(f'{option}wrap the network in TransformedTargetRegressor(network, ')}"
                "transformer=StandardScaler())."
            )
    return advice


def _ranges_are_alike(X: np.ndarray) -> bool:
    """Whether ranges, which take a tenth of the time, rule out that standard deviations differ.

    Of n rows the standard deviation is between range / sqrt(2 n) and range / 2.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        ranges = X.max(axis=0).astype(np.float64) - X.min(axis=0)
    ranges = ranges[ranges != 0]
    largest_ratio = _LARGEST_RATIO / np.sqrt(len(X) / 2)
    return len(ranges) < 2 or bool(ranges.max() <= largest_ratio * ranges.min())


def column_scales(X) -> np.ndarray:
    """Standard deviation of each column."""
    with np.errstate(over="ignore", invalid="ignore"):
        if sparse.issparse(X):
            mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
            squares = np.asarray(X.multiply(X).mean(axis=0), dtype=np.float64).ravel()
            return np.sqrt(np.maximum(squares - mean**2, 0))
        scales = np.std(X, axis=0, dtype=np.float64)
        scales[X.max(axis=0) == X.min(axis=0)] = 0  # of 0.1 in each row it is 1e-17
        return scales


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _name(column: int, names) -> str:
    return f"column {column}" if names is None else repr(str(names[column]))
