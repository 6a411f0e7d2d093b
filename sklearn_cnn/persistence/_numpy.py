"""Values of NumPy: arrays, scalars, dtypes and generators of random numbers."""

import base64
import math
from typing import Any

import numpy as np

from ._archive import ArchiveError
from ._plain import encode_items
from ._tree import Decoder, Encoder, Kind, Node

# No "O": a file holds no pointers.
_DTYPE_KINDS = "biufcSUMmV"
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
# Positions in the generators' buffers, which NumPy takes without looking.
_LAST_POSITIONS = {"MT19937": ("pos", 624), "Philox": ("buffer_pos", 4)}


class _Array(Kind):
    name = "array"
    fields = {"member": int, "dtype": object, "shape": list, "order": str}

    def accepts(self, value: Any) -> bool:
        return type(value) in (np.ndarray, np.memmap) and not value.dtype.hasobject

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"dtype": _encode_dtype(value.dtype, encoder), **encoder.add_array(value)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return decoder.take_array(node, _decode_dtype(node["dtype"]))


class _ObjectArray(Kind):
    """An array of Python objects: strings, None, numbers, arrays of unequal length."""

    name = "object array"
    fields = {"shape": list, "items": list}

    def accepts(self, value: Any) -> bool:
        return type(value) is np.ndarray and value.dtype == object

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"shape": list(value.shape), "items": encode_items(value.ravel(), encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        shape, items = tuple(node["shape"]), node["items"]
        if any(type(length) is not int or length < 0 for length in shape):
            raise ArchiveError(f"an array has shape {shape}")
        if math.prod(shape) != len(items):
            raise ArchiveError(f"an array of shape {shape} has {len(items)} items")
        flat = np.empty(len(items), dtype=object)
        # One by one: a slice would take equal lists for further axes.
        for number, item in enumerate(items):
            flat[number] = decoder.decode(item)
        return flat.reshape(shape)


class _MaskedArray(Kind):
    """The columns of ``cv_results_`` that hold parameters."""

    name = "masked array"
    fields = {"data": object, "mask": object, "fill_value": object}

    def accepts(self, value: Any) -> bool:
        return type(value) is np.ma.MaskedArray

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {
            "data": encoder.encode(value.data, ".data"),
            "mask": encoder.encode(np.ma.getmaskarray(value), ".mask"),
            "fill_value": encoder.encode(value.fill_value, ".fill_value"),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        data, mask = decoder.decode(node["data"]), decoder.decode(node["mask"])
        fill_value = decoder.decode(node["fill_value"])
        if type(data) is not np.ndarray or type(mask) is not np.ndarray or data.shape != mask.shape:
            raise ArchiveError("a masked array is not made of two arrays of one shape")
        return np.ma.MaskedArray(data, mask=mask, fill_value=fill_value)


class _Scalar(Kind):
    """Booleans, integers and floats of NumPy, as the numbers that they are."""

    name = "scalar"
    fields = {"dtype": str, "value": object}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, np.generic) and (
            value.dtype.kind in "biu" or (value.dtype.kind == "f" and value.dtype.itemsize <= 8)
        )

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"dtype": value.dtype.str, "value": encoder.encode(value.item())}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        dtype, value = _decode_dtype(node["dtype"]), decoder.decode(node["value"])
        expected = {"b": bool, "i": int, "u": int, "f": float}.get(dtype.kind)
        if expected is None or type(value) is not expected:
            raise ArchiveError(f"a scalar of dtype {dtype} is {value!r}")
        return dtype.type(value)


class _ArrayScalar(Kind):
    """Complex numbers, dates, structured and long scalars: arrays without an axis."""

    name = "array scalar"
    fields = _Array.fields

    def accepts(self, value: Any) -> bool:
        return isinstance(value, np.generic) and value.dtype.kind in "fcMmV"

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return _Array().encode(np.asarray(value), encoder)

    def decode(self, node: Node, decoder: Decoder) -> Any:
        array = decoder.take_array(node, _decode_dtype(node["dtype"]))
        if array.ndim != 0:
            raise ArchiveError("a scalar has axes")
        return array[()]


class _NumPyText(Kind):
    """``np.str_`` and ``np.bytes_``, whose trailing zeros an array would drop."""

    name = "text"
    fields = {"type": str, "value": str}

    def accepts(self, value: Any) -> bool:
        return type(value) in (np.str_, np.bytes_)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        if type(value) is np.str_:
            return {"type": "str_", "value": str(value)}
        return {"type": "bytes_", "value": base64.b64encode(value).decode("ascii")}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        if node["type"] == "str_":
            return np.str_(node["value"])
        return np.bytes_(base64.b64decode(node["value"], validate=True))


class _Dtype(Kind):
    name = "dtype"
    fields = {"dtype": object}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, np.dtype)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"dtype": "object" if value == np.dtype(object) else _encode_dtype(value, encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return np.dtype(object) if node["dtype"] == "object" else _decode_dtype(node["dtype"])


class _RandomState(Kind):
    """``RandomState`` and ``Generator``, at the number where they stand."""

    name = "random state"
    fields = {"type": str, "state": object}

    def accepts(self, value: Any) -> bool:
        return type(value) in (np.random.RandomState, np.random.Generator)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        if type(value) is np.random.RandomState:
            state = value.get_state(legacy=False)
        else:
            state = value.bit_generator.state
        if state["bit_generator"] not in _BIT_GENERATORS:
            raise encoder.refusal(f"draws from a {state['bit_generator']}, which NumPy lacks")
        return {"type": type(value).__name__, "state": encoder.encode(state, ".state")}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        state = decoder.decode(node["state"])
        name = state["bit_generator"]
        if name not in _BIT_GENERATORS:
            raise ArchiveError(f"a generator of random numbers is a {name!r}")
        # Beyond its end a buffer's neighbours in memory would be read as random numbers.
        key, last = _LAST_POSITIONS.get(name, ("has_uint32", 1))
        position = (state["state"] if key == "pos" else state)[key]
        if type(position) is not int or not 0 <= position <= last:
            raise ArchiveError(f"a {name} has the position {position!r}")
        bit_generator = getattr(np.random, name)(0)
        if node["type"] == "RandomState":
            random_state = np.random.RandomState(bit_generator)
            random_state.set_state(state)
            return random_state
        bit_generator.state = state
        return np.random.Generator(bit_generator)


def _encode_dtype(dtype: np.dtype, encoder: Encoder) -> Any:
    described = _describe(dtype)
    try:
        same = _decode_dtype(described) == dtype
    except (ArchiveError, TypeError, ValueError):
        same = False
    if not same:
        raise encoder.refusal(f"has dtype {dtype}, which JSON cannot describe")
    return described


def _describe(dtype: np.dtype) -> Any:
    """A string, or for structured dtypes a JSON object with names, formats and offsets."""
    if dtype.fields is not None and dtype.names is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        return {
            "names": list(dtype.names),
            "formats": [_describe(field[0]) for field in fields],
            "offsets": [field[1] for field in fields],
            "itemsize": dtype.itemsize,
        }
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": _describe(base), "shape": list(shape)}
    return dtype.str


def _decode_dtype(node: Any) -> np.dtype:
    if type(node) is dict and node.keys() == {"names", "formats", "offsets", "itemsize"}:
        formats = list(map(_decode_dtype, node["formats"]))
        described: Any = {**node, "formats": formats}
        return np.dtype(described)
    if type(node) is dict and node.keys() == {"base", "shape"}:
        return np.dtype((_decode_dtype(node["base"]), tuple(node["shape"])))
    if type(node) is str:
        dtype = np.dtype(node)
        if dtype.kind in _DTYPE_KINDS and dtype.names is None and dtype.subdtype is None:
            return dtype
    raise ArchiveError(f"{node!r} is no dtype")


KINDS = (
    _Array(),
    _ObjectArray(),
    _MaskedArray(),
    _Scalar(),
    _ArrayScalar(),
    _NumPyText(),
    _Dtype(),
    _RandomState(),
)
