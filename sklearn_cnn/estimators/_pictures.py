"""Estimators whose rows are pictures or signals: the shapes and float types of X."""

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_cnn.encoding import as_pictures, picture_shape


def _n_axes(X) -> int:
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


class Pictures:
    """A mixin for estimators with ``input_shape`` and ``dtype``."""

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
        X = validate_data(self, X, dtype=self._float_types(X), reset=False, **self._input_checks)
        shape = as_pictures(X[:1], self.input_shape).shape[1:]
        if shape != self.architecture_.input_shape:
            raise ValueError(
                f"Each row of X has shape {shape}, but {type(self).__name__} was fitted on rows "
                f"of shape {self.architecture_.input_shape}."
            )
        return X

    def _inputs(self, X):
        return as_pictures(X, self.input_shape)

    def _row_shape(self, X) -> tuple[int, ...]:
        return picture_shape(X.shape, self.input_shape)
