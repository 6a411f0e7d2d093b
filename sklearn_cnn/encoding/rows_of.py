"""Rows of an array that many fits share: which ones, not a copy of them."""

import threading
from typing import Any

import numpy as np


class Shared:
    """An array from which many fits take rows, in the forms in which networks take it.

    Parameters
    ----------
    array : ndarray
        One row a sample. Must not change while fits take rows.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        self._forms: dict[Any, np.ndarray] = {(array.dtype.str, array.shape[1:]): array}
        self._lock = threading.Lock()

    def form(self, dtype: np.dtype, row_shape: tuple[int, ...]) -> np.ndarray:
        """The array in another type, its rows in another shape; each form is made once."""
        key = np.dtype(dtype).str, tuple(row_shape)
        with self._lock:
            if key not in self._forms:
                rows = self.array.reshape(len(self.array), *row_shape)
                self._forms[key] = np.ascontiguousarray(rows, dtype)
            return self._forms[key]


class RowsOf:
    """Rows of a shared array by their numbers; :func:`numpy.asarray` copies them.

    Parameters
    ----------
    shared : Shared
    numbers : ndarray of int
        Which rows, in this order; a row may come several times.
    dtype : numpy.dtype, default=None
        None: that of the array.
    row_shape : tuple of int, default=None
        None: that of the array's rows.
    """

    def __init__(self, shared: Shared, numbers: np.ndarray, dtype=None, row_shape=None):
        self.shared, self.numbers = shared, numbers
        self.dtype = np.dtype(shared.array.dtype if dtype is None else dtype)
        row_shape = shared.array.shape[1:] if row_shape is None else row_shape
        self.shape = (len(numbers), *row_shape)

    @property
    def array(self) -> np.ndarray:
        """All rows of the shared array, in the type and shape of these."""
        return self.shared.form(self.dtype, self.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of its own."""
        return self.numbers.nbytes

    def __len__(self) -> int:
        return len(self.numbers)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.array[self.numbers], dtype)

    def __getitem__(self, rows) -> "RowsOf":
        return RowsOf(self.shared, self.numbers[rows], self.dtype, self.shape[1:])

    def astype(self, dtype, copy: bool = True) -> "RowsOf":
        """The same rows in another type."""
        return RowsOf(self.shared, self.numbers, dtype, self.shape[1:])

    def as_encoded(self, x: np.ndarray) -> "RowsOf":
        """The rows in the type and shape of ``x``, which was made of them."""
        return RowsOf(self.shared, self.numbers, x.dtype, x.shape[1:])
