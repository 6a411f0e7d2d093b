"""Values of SciPy: sparse matrices, splines, distributions."""

import sys
from typing import Any

import numpy as np
import scipy.sparse

from ._archive import ArchiveError
from ._tree import Decoder, Encoder, Kind, Node

_COMPRESSED = ("csr", "csc", "bsr")


class _Sparse(Kind):
    """Sparse matrices and arrays; every index is checked, for compiled code trusts them."""

    name = "sparse"
    fields = {"type": str, "shape": list, "parts": object}

    def accepts(self, value: Any) -> bool:
        return scipy.sparse.issparse(value) and _sparse_class(type(value).__name__) is type(value)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        parts: tuple[Any, ...]
        if value.format in _COMPRESSED:
            parts = (value.data, value.indices, value.indptr)
        elif value.format == "dia":
            parts = (value.data, value.offsets)
        else:
            coordinates = value.tocoo()
            parts = (coordinates.data, *coordinates.coords)
        return {
            "type": type(value).__name__,
            "shape": list(value.shape),
            "parts": encoder.encode(parts),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        cls, shape = _sparse_class(node["type"]), tuple(node["shape"])
        parts = decoder.decode(node["parts"])
        if cls is None or type(parts) is not tuple:
            raise ArchiveError(f"a sparse matrix is a {node['type']!r} of {type(parts).__name__}")
        if any(type(part) is not np.ndarray or part.dtype.kind not in "biufc" for part in parts):
            raise ArchiveError("a sparse matrix is not made of arrays of numbers")
        data, *indices = parts
        if any(index.dtype.kind != "i" for index in indices):
            raise ArchiveError("a sparse matrix has indices that are no integers")
        kind = node["type"][:3]
        if kind in _COMPRESSED:
            matrix = cls((data, *indices), shape=shape)
            matrix.check_format(full_check=True)
            return matrix
        if kind == "dia":
            return cls((data, *indices), shape=shape)
        coordinates = scipy.sparse.coo_array((data, tuple(indices)), shape=shape)
        return cls(coordinates)


class _Spline(Kind):
    """What ``SplineTransformer`` keeps for each feature."""

    name = "spline"
    fields = {"t": object, "c": object, "k": int, "extrapolate": object, "axis": int}

    def accepts(self, value: Any) -> bool:
        return "scipy.interpolate" in sys.modules and type(value) is scipy.interpolate.BSpline

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {
            "t": encoder.encode(value.t, ".t"),
            "c": encoder.encode(value.c, ".c"),
            "k": int(value.k),
            "extrapolate": value.extrapolate,
            "axis": int(value.axis),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        from scipy.interpolate import BSpline

        knots, coefficients = decoder.decode(node["t"]), decoder.decode(node["c"])
        if node["extrapolate"] not in (True, False, "periodic"):
            raise ArchiveError(f"a spline extrapolates {node['extrapolate']!r}")
        # The constructor moves the axis to the front, where the coefficients already have it.
        coefficients = np.moveaxis(coefficients, 0, node["axis"])
        return BSpline(knots, coefficients, node["k"], node["extrapolate"], node["axis"])


class _Distribution(Kind):
    """A distribution of SciPy with its parameters, as randomised searches take them."""

    name = "distribution"
    fields = {"name": str, "arguments": object, "keywords": object}

    def accepts(self, value: Any) -> bool:
        if not type(value).__module__.startswith("scipy.stats") or not hasattr(value, "dist"):
            return False
        return type(_distribution(value.dist.name)) is type(value.dist)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {
            "name": value.dist.name,
            "arguments": encoder.encode(value.args, ".args"),
            "keywords": encoder.encode(value.kwds, ".kwds"),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        distribution = _distribution(node["name"])
        if distribution is None:
            raise ArchiveError(f"{node['name']!r} is no distribution of SciPy")
        arguments = decoder.decode(node["arguments"])
        return distribution(*arguments, **decoder.decode(node["keywords"]))


def _sparse_class(name: str) -> Any:
    kind, _, container = name.partition("_")
    # Not "lil": it has a list for every row, however many rows a file claims.
    formats = (*_COMPRESSED, "coo", "dia", "dok")
    if kind in formats and container in ("array", "matrix"):
        return getattr(scipy.sparse, name)
    return None


def _distribution(name: str) -> Any:
    import scipy.stats

    found = vars(scipy.stats).get(name)
    is_one = isinstance(found, scipy.stats.rv_continuous | scipy.stats.rv_discrete)
    return found if is_one else None


KINDS = (_Sparse(), _Spline(), _Distribution())
