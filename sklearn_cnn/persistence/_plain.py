"""Python's own values: numbers that JSON lacks, bytes, and what holds other values."""

import base64
import functools
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from ._archive import ArchiveError
from ._references import FunctionTypes, name_of, type_name
from ._tree import Container, Decoder, Encoder, Kind, Node


class _List(Container):
    name = "list"
    fields = {"items": list}

    def accepts(self, value: Any) -> bool:
        return type(value) is list

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"items": encode_items(value, encoder)}

    def start(self, node: Node, decoder: Decoder) -> Any:
        return []

    def finish(self, value: Any, node: Node, decoder: Decoder) -> None:
        value.extend(map(decoder.decode, node["items"]))


class _Dict(Container):
    """JSON's objects have strings for keys; other dictionaries become lists of pairs."""

    name = "dict"
    fields = {"items": dict}

    def accepts(self, value: Any) -> bool:
        return type(value) is dict and all(type(key) is str for key in value)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"items": {key: encoder.encode(item, f"[{key!r}]") for key, item in value.items()}}

    def start(self, node: Node, decoder: Decoder) -> Any:
        return {}

    def finish(self, value: Any, node: Node, decoder: Decoder) -> None:
        for key, item in node["items"].items():
            value[key] = decoder.decode(item)
        decoder.configurations.notice(value)


class _Mapping(Container):
    name = "mapping"
    fields = {"keys": list, "values": list}

    def accepts(self, value: Any) -> bool:
        return type(value) is dict

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {
            "keys": encode_items(value, encoder),
            "values": [encoder.encode(item, f"[{key!r}]") for key, item in value.items()],
        }

    def start(self, node: Node, decoder: Decoder) -> Any:
        return {}

    def finish(self, value: Any, node: Node, decoder: Decoder) -> None:
        keys = [decoder.decode(key) for key in node["keys"]]
        items = [decoder.decode(item) for item in node["values"]]
        value.update(zip(keys, items, strict=True))
        if len(value) != len(keys):
            raise ArchiveError("a dictionary has the same key twice")


class _Tuple(Kind):
    name = "tuple"
    fields = {"items": list}

    def accepts(self, value: Any) -> bool:
        return type(value) is tuple

    def encode(self, value: Any, encoder: Encoder) -> Node:
        if _is_step(value):
            return {"items": [encoder.encode(item) for item in value]}
        return {"items": encode_items(value, encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return tuple(map(decoder.decode, node["items"]))


class _Set(Kind):
    name = "set"
    fields = {"items": list}
    make: type = set

    def accepts(self, value: Any) -> bool:
        return type(value) is self.make

    def encode(self, value: Any, encoder: Encoder) -> Node:
        # Sorted where that is possible, so that equal sets make equal files.
        if all(type(item) is str for item in value) or all(type(item) is int for item in value):
            value = sorted(value)
        return {"items": encode_items(value, encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        found = self.make(map(decoder.decode, node["items"]))
        if len(found) != len(node["items"]):
            raise ArchiveError("a set has the same item twice")
        return found


class _FrozenSet(_Set):
    name = "frozenset"
    make = frozenset


class _Float(Kind):
    """nan and the infinities, for which JSON has no words."""

    name = "float"
    fields = {"value": str}

    def accepts(self, value: Any) -> bool:
        return type(value) is float

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"value": repr(value)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        if node["value"] not in {"nan", "inf", "-inf"}:
            raise ArchiveError(f"a float is {node['value']!r}")
        # The one object for which `is np.nan` holds.
        return np.nan if node["value"] == "nan" else float(node["value"])


class _Integer(Kind):
    """Integers beyond 64 bits, in hexadecimal: decimal ones are slow, and limited in length."""

    name = "int"
    fields = {"value": str}

    def accepts(self, value: Any) -> bool:
        return type(value) is int

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"value": hex(value)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return int(node["value"], 16)


class _Complex(Kind):
    name = "complex"
    fields = {"real": object, "imag": object}

    def accepts(self, value: Any) -> bool:
        return type(value) is complex

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"real": encoder.encode(value.real), "imag": encoder.encode(value.imag)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        real, imag = decoder.decode(node["real"]), decoder.decode(node["imag"])
        if type(real) is not float or type(imag) is not float:
            raise ArchiveError("a complex number is not made of floats")
        return complex(real, imag)


class _Bytes(Kind):
    name = "bytes"
    fields = {"value": str}

    def accepts(self, value: Any) -> bool:
        return type(value) is bytes

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"value": base64.b64encode(value).decode("ascii")}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return base64.b64decode(node["value"], validate=True)


class _Slice(Kind):
    name = "slice"
    fields = {"items": list}
    make: type = slice

    def accepts(self, value: Any) -> bool:
        return type(value) is self.make

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"items": encode_items((value.start, value.stop, value.step), encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return self.make(*map(decoder.decode, node["items"]))


class _Range(_Slice):
    name = "range"
    make = range


class _Type(Kind):
    """A class that is a value, such as the ``dtype=np.float64`` of an encoder."""

    name = "type"
    fields = {"name": str}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, type)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"name": type_name(value) or _reference(value, encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return decoder.trusted.type(node["name"])


class _Function(Kind):
    """A function by its name; the name need be allowed only where the file is loaded."""

    name = "function"
    fields = {"name": str}

    def accepts(self, value: Any) -> bool:
        # Methods of compiled objects are of these types too, and drag their object along.
        owner = getattr(value, "__self__", None)
        return isinstance(value, FunctionTypes) and isinstance(owner, ModuleType | None)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"name": _reference(value, encoder)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return decoder.trusted.function(node["name"])


class _Partial(Kind):
    name = "partial"
    fields = {"function": object, "arguments": object, "keywords": object}

    def accepts(self, value: Any) -> bool:
        return type(value) is functools.partial and not vars(value)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {
            "function": encoder.encode(value.func, ".func"),
            "arguments": encoder.encode(value.args, ".args"),
            "keywords": encoder.encode(value.keywords, ".keywords"),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        function = decoder.decode(node["function"])
        arguments = decoder.decode(node["arguments"])
        return functools.partial(function, *arguments, **decoder.decode(node["keywords"]))


def encode_items(values: Iterable[Any], encoder: Encoder) -> list[Any]:
    """The items of a sequence, placed by their number, or a pipeline's step by its name."""
    return [
        encoder.encode(item, f"[{item[0]!r}]" if _is_step(item) else f"[{number}]")
        for number, item in enumerate(values)
    ]


def _is_step(value: Any) -> bool:
    return type(value) is tuple and bool(value) and type(value[0]) is str


def _reference(value: Any, encoder: Encoder) -> str:
    try:
        return name_of(value)
    except ValueError as error:
        raise encoder.refusal(str(error)) from error


KINDS = (
    _List(),
    _Dict(),
    _Mapping(),
    _Tuple(),
    _Set(),
    _FrozenSet(),
    _Float(),
    _Integer(),
    _Complex(),
    _Bytes(),
    _Slice(),
    _Range(),
    _Type(),
    _Function(),
    _Partial(),
)
