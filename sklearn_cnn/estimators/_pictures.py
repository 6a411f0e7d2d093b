"""Estimators whose rows are pictures or signals: the shapes and float types of X."""

from math import prod
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_cnn.encoding import as_pictures, picture_shape

from ._base import BaseNetwork


def _n_axes(X) -> int:
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


class Pictures(BaseNetwork):
    """A mixin for estimators with ``input_shape`` and ``dtype``."""

    input_shape: Any
    _input_checks: dict = {"allow_nd": True}

    def _float_types(self, X):
        """Float types that X may keep; other types become the first.

        A float64 convolution takes 3.2 times as long: pictures and signals compute in float32.
        """
        if self.dtype in ("float32", "float64"):
            return (np.dtype(self.dtype),)
        if self.input_shape is not None or _n_axes(X) > 2:
            return (np.float32,)
        return (np.float64, np.float32)

    def _computing_dtype(self, X) -> str:
        return str(X.dtype)

    def _check_X(self, X):
        check_is_fitted(self)
        self._check_row_shape(X.shape[1:] if hasattr(X, "shape") else np.asarray(X).shape[1:])
        return validate_data(self, X, dtype=self._float_types(X), reset=False, **self._input_checks)

    def _check_row_shape(self, row: tuple[int, ...]) -> None:
        """Before scikit-learn, to whom the height of a picture is the number of its features."""
        fitted_on = self.architecture_.input_shape
        flat = len(row) == 1 and prod(fitted_on) == self.n_features_in_
        if not row or flat:
            return
        shape = self._inputs(np.empty((0, *row))).shape[1:]
        if shape != fitted_on:
            raise ValueError(
                f"Each row of X has shape {shape}, but {type(self).__name__} was fitted on rows "
                f"of shape {fitted_on}."
            )

    def _inputs(self, X):
        return as_pictures(X, self.input_shape)

    def _row_shape(self, X) -> tuple[int, ...]:
        return picture_shape(X.shape, self.input_shape)
