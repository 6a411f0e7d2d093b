"""Which rows are pictures and which are signals.

One rule holds for every estimator that takes either. A row of input is a picture of shape
(height, width, channels) or a signal of shape (length, channels), as in Keras:

==================  =======================  ==========================================
X                   input_shape              each row is
==================  =======================  ==========================================
(n, h, w, c)        None                     a picture (h, w, c)
(n, h, w)           None                     a grey picture (h, w, 1)
(n, length, 1)      None                     a signal (length, 1)
(n, length, c)      (length, c)              a signal (length, c)
(n, features)       (h, w, c)                a picture, its rows one after the other
(n, features)       (length, c) or (length,) a signal, its time points one after the other
(n, features)       None                     a signal (features, 1)
==================  =======================  ==========================================

So two entries always mean a signal, and grey pictures are asked for by (h, w, 1).
"""

import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

from numpy.typing import NDArray

from sklearn_cnn._warnings import warn


def picture_shape(
    X_shape: tuple[int, ...], input_shape: Sequence[int] | int | None = None
) -> tuple[int, ...]:
    """Shape of one row of input to a convolutional network.

    Parameters
    ----------
    X_shape : tuple of int
        Shape of X, rows first.
    input_shape : tuple of int, default=None
        ``(height, width, channels)`` for pictures, ``(length, channels)`` or ``(length,)`` for
        signals. ``None``: pictures if X has 4 dimensions, or 3 of which the last is longer than
        1, else signals.

    Returns
    -------
    tuple of 2 or 3 int
        ``(length, channels)`` or ``(height, width, channels)``.

    Raises
    ------
    ValueError
        If ``input_shape`` is no such shape, or X does not fit it.

    Warns
    -----
    UserWarning
        If ``input_shape`` has two equal entries, which more often means a grey picture.

    Examples
    --------
    >>> from sklearn_cnn.encoding import picture_shape
    >>> picture_shape((1797, 64), input_shape=(8, 8, 1))
    (8, 8, 1)
    >>> picture_shape((1797, 8, 8))
    (8, 8, 1)
    >>> picture_shape((100, 128, 9), input_shape=(128, 9))
    (128, 9)
    >>> picture_shape((1797, 60), input_shape=(8, 8, 1))
    Traceback (most recent call last):
        ...
    ValueError: X has 60 features, but input_shape=(8, 8, 1) needs 64. Pass 8 * 8 * 1 columns or \
correct input_shape.
    """
    shape = _row_shape(X_shape, input_shape)
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        warn(
            f"input_shape={shape} makes each row a signal of length {shape[0]} with {shape[1]} "
            f"channels. For grey pictures pass input_shape={(*shape, 1)}."
        )
    return shape


def as_pictures(X: NDArray, input_shape: Sequence[int] | int | None = None) -> NDArray:
    """X with one axis for each entry of `picture_shape`, rows first; a view where possible.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cnn.encoding import as_pictures
    >>> as_pictures(np.zeros((5, 64)), (8, 8, 1)).shape
    (5, 8, 8, 1)
    >>> as_pictures(np.zeros((5, 64))).shape
    (5, 64, 1)
    """
    return X.reshape(len(X), *_row_shape(X.shape, input_shape))


def _row_shape(
    X_shape: tuple[int, ...], input_shape: Sequence[int] | int | None
) -> tuple[int, ...]:
    row = tuple(X_shape[1:])
    if not 1 <= len(row) <= 3:
        raise ValueError(
            "X must have shape (n_samples, n_features), (n_samples, height, width), (n_samples, "
            "length, channels) or (n_samples, height, width, channels). "
            f"Got shape {tuple(X_shape)}."
        )
    if input_shape is None:
        return row if len(row) == 3 or row[1:] == (1,) else (*row, 1)

    given = _checked(input_shape)
    shape = given if len(given) > 1 else (*given, 1)
    if len(row) == 1:
        if row[0] != math.prod(shape):
            product = " * ".join(str(entry) for entry in given)
            raise ValueError(
                f"X has {row[0]} features, but input_shape={given} needs {math.prod(shape)}. "
                f"Pass {product} columns or correct input_shape."
            )
    elif row != shape and (*row, 1) != shape:
        advice = "Correct one of them"
        if math.prod(row) == math.prod(shape):
            advice += f", or pass flat rows, X.reshape({X_shape[0]}, {math.prod(shape)})"
        raise ValueError(f"Each row of X has shape {row}, but input_shape={given}. {advice}.")
    return shape


def _checked(input_shape: Any) -> tuple[int, ...]:
    entries = (input_shape,) if isinstance(input_shape, Integral) else input_shape
    shape = tuple(entries) if isinstance(entries, Iterable) else ()
    valid = all(isinstance(entry, Integral) and int(entry) > 0 for entry in shape)
    if not (valid and 1 <= len(shape) <= 3):
        raise ValueError(
            "input_shape must be (height, width, channels), (length, channels) or (length,), each "
            f"a positive integer. Got {input_shape!r}."
        )
    return tuple(int(entry) for entry in shape)
