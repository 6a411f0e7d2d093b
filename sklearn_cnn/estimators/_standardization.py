"""Inputs and targets on unit scale inside a fit, weights on the scale of the data outside it."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils.sparsefuncs import inplace_column_scale

from sklearn_cnn.training import Rows


@dataclass(frozen=True, eq=False)
class Standardization:
    """What a dense network is trained on instead of the data.

    A dense layer of standardised inputs is a dense layer of the inputs, and so is one whose output
    is scaled: between fits the network is kept as it is for the data themselves.

    Parameters
    ----------
    inputs : StandardScaler
        Moments of the columns of X. Its transformation is not used: sparse and dense rows may
        take turns.
    target : StandardScaler or None
        Moments of the outputs; None where the loss is no function of differences alone.
    centred : bool
        Whether means are subtracted from X. Not of sparse rows, which would be dense then.
    """

    inputs: StandardScaler
    target: StandardScaler | None
    centred: bool

    def rows(self, rows: Rows) -> Rows:
        """Rows on unit scale."""
        x, y, offset = rows.x, rows.y, rows.offset
        if sparse.issparse(x):
            x = x.tocsr(copy=True)
            inplace_column_scale(x, 1 / self.inputs.scale_)
            if self.centred:
                x = (x.toarray() - self._mean / self.inputs.scale_).astype(x.dtype)
        else:
            x = ((x - self._mean) / self.inputs.scale_).astype(x.dtype, copy=False)
        if self.target is not None:
            y = (y - self.target.mean_) / self.target.scale_
            if offset is not None:
                offset = offset / self._target_moments(offset.shape[1])[1]
        return rows._replace(x=x, y=y, offset=offset)

    def for_data(self, weights: list[NDArray]) -> list[NDArray]:
        """Weights that do to the data what ``weights`` do to standardised rows."""
        dtype = weights[0].dtype
        kernel, bias, *others = _double(weights)
        kernel /= self.inputs.scale_[:, np.newaxis]
        bias -= self._mean @ kernel
        *others, last_kernel, last_bias = [kernel, bias, *others]
        if self.target is not None:
            mean, scale = self._target_moments(len(last_bias))
            last_kernel *= scale
            last_bias *= scale
            last_bias += mean
        return [weight.astype(dtype) for weight in [*others, last_kernel, last_bias]]

    def for_standardized(self, weights: list[NDArray]) -> list[NDArray]:
        """The inverse of :meth:`for_data`."""
        dtype = weights[0].dtype
        *others, last_kernel, last_bias = _double(weights)
        if self.target is not None:
            mean, scale = self._target_moments(len(last_bias))
            last_bias -= mean
            last_bias /= scale
            last_kernel /= scale
        kernel, bias, *others = [*others, last_kernel, last_bias]
        bias += self._mean @ kernel
        kernel *= self.inputs.scale_[:, np.newaxis]
        return [weight.astype(dtype) for weight in [kernel, bias, *others]]

    @property
    def _mean(self) -> NDArray:
        mean = self.inputs.mean_
        return mean if self.centred else np.zeros_like(mean)

    def _target_moments(self, units: int) -> tuple[NDArray, NDArray]:
        """Mean and scale by unit: an output may have several, one a quantile."""
        assert self.target is not None
        moments = self.target.mean_, self.target.scale_
        mean, scale = (np.repeat(part, units // len(part)) for part in moments)
        return mean, scale


def standardization(
    rows: Rows, *, with_target: bool, before: Standardization | None = None
) -> Standardization:
    """Weighted moments of ``rows``, and of all rows that ``before`` has seen."""
    y = rows.y
    if rows.offset is not None:
        y = y - rows.offset[:, :: rows.offset.shape[1] // y.shape[1]]
    return Standardization(
        inputs=_scaler(rows.x, rows.weight, before and before.inputs),
        target=_scaler(y, rows.weight, before and before.target) if with_target else None,
        centred=before.centred if before is not None else not sparse.issparse(rows.x),
    )


def _scaler(values: Any, weight: NDArray | None, before: StandardScaler | None) -> StandardScaler:
    scaler = StandardScaler(with_mean=False) if before is None else copy.deepcopy(before)
    return scaler.partial_fit(values, sample_weight=weight)


def _double(weights: list[NDArray]) -> list[NDArray]:
    return [np.array(weight, dtype=np.float64) for weight in weights]
