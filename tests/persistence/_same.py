"""Equality of trees of values: types, dtypes, orders of memory and bits, not just ``==``."""

import functools
import math

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch


def same(one, other):
    """Whether two values cannot be told apart."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, np.ma.MaskedArray):
        return same(one.data, other.data) and same(one.mask, other.mask)
    if isinstance(one, np.ndarray):
        return same_array(one, other)
    if isinstance(one, np.generic):
        # A long double has bytes that mean nothing; repr tells zeros of unlike sign apart.
        return one.dtype == other.dtype and repr(one) == repr(other)
    if scipy.sparse.issparse(one):
        return one.shape == other.shape and same(one.toarray(), other.toarray())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, np.random.RandomState):
        return same(one.get_state(legacy=False), other.get_state(legacy=False))
    if isinstance(one, np.random.Generator):
        return same(one.bit_generator.state, other.bit_generator.state)
    if isinstance(one, functools.partial):
        return (one.func, one.args, one.keywords) == (other.func, other.args, other.keywords)
    if isinstance(one, BaseEstimator | Bunch) or type(one).__module__.startswith("sklearn."):
        return same(vars(one), vars(other))
    return one == other


def same_array(one, other):
    """Whether two arrays have one dtype, shape, order and content."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    if one.dtype == object:
        return all(map(same, one.ravel(), other.ravel()))
    is_fortran = one.flags.f_contiguous and not one.flags.c_contiguous
    return is_fortran == (other.flags.f_contiguous and not other.flags.c_contiguous) and (
        one.tobytes() == other.tobytes()
    )
