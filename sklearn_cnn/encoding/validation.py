"""The rows that are kept aside to watch the training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split


def validation_split(
    rng: np.random.RandomState,
    arrays: Sequence[Any],
    fraction: float,
    stratify: NDArray | None = None,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Split rows into training and validation, as scikit-learn's MLP does.

    Parameters
    ----------
    rng : RandomState
        Advanced as much as scikit-learn's MLP advances it.
    arrays : sequence of array-like, sparse matrix or None
        Arrays of equal length, of which the first is not None. None stays None.
    fraction : float in (0, 1)
        Share of the rows that is kept for validation.
    stratify : ndarray of shape (n_samples,) or (n_samples, n_outputs), default=None
        Labels whose shares are to be the same in both parts.

    Returns
    -------
    training, validation : tuple
        One array for each of ``arrays``.

    Raises
    ------
    ValueError
        If fewer than two rows are left for validation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cnn.encoding import validation_split
    >>> rows = np.arange(10)
    >>> training, validation = validation_split(np.random.RandomState(0), (rows, None), 0.2)
    >>> validation
    (array([2, 8]), None)
    """
    given = [array for array in arrays if array is not None]
    try:
        parts = train_test_split(*given, random_state=rng, test_size=fraction, stratify=stratify)
    except ValueError as error:
        raise ValueError(
            f"{error}. Early stopping keeps {fraction:g} of {given[0].shape[0]} rows aside. "
            "Increase 'validation_fraction' or the size of your dataset, or pass X_val."
        ) from error
    if parts[1].shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    training, validation = iter(parts[::2]), iter(parts[1::2])
    return (
        tuple(None if array is None else next(training) for array in arrays),
        tuple(None if array is None else next(validation) for array in arrays),
    )
