"""Walks a tree of values, to JSON and back; the kinds of values register themselves here.

None, booleans, strings, finite floats and integers of 64 bits are themselves in JSON. Every other
value is an object ``{"kind": ..., }`` with the fields of its kind. A value that occurs twice is
written once, with an ``"id"``, and then as ``{"kind": "same", "id": ...}``: what was one object
before is one object after.
"""

import json
import math
from contextlib import suppress
from typing import Any

import numpy as np

from ._archive import ArchiveError, ArchiveReader, order_of
from ._references import Trusted

# Deeper than any model; shallow enough that neither JSON nor this walk meets Python's own limit.
MAX_DEPTH = 100

Node = dict[str, Any]


class Kind:
    """One kind of value: which values are of it, and how they go to JSON and come back.

    Subclasses that can contain themselves (lists, dictionaries, estimators) split ``decode`` into
    ``start``, which makes the empty value, and ``finish``, which fills it.
    """

    name: str
    # The JSON fields and their types; ``object`` where the field holds an encoded value.
    fields: dict[str, type]

    def accepts(self, value: Any) -> bool:
        raise NotImplementedError

    def encode(self, value: Any, encoder: "Encoder") -> Node:
        raise NotImplementedError

    def decode(self, node: Node, decoder: "Decoder") -> Any:
        raise NotImplementedError


class Container(Kind):
    """A kind whose values may contain themselves."""

    def start(self, node: Node, decoder: "Decoder") -> Any:
        raise NotImplementedError

    def finish(self, value: Any, node: Node, decoder: "Decoder") -> None:
        raise NotImplementedError


_KINDS: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Make kinds known; of two that accept a value, the one registered first takes it."""
    _KINDS.update({kind.name: kind for kind in kinds})


class Configurations:
    """Texts and dictionaries that Keras would take for configurations once they are in use.

    Descriptions of networks, and parameters, hold such; they are checked as what they are when
    all of the file is known, with the user's classes and functions that go with them.
    """

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.custom_names: set[str] = set()

    def notice(self, value: str | dict[Any, Any]) -> None:
        """Keep ``value`` if it could be a configuration."""
        if isinstance(value, dict):
            if "class_name" in value:
                self.found.append(value)
        elif value.lstrip()[:1] in ("{", "[") and "class_name" in value:
            with suppress(ValueError):
                self.found.append(json.loads(value))


class Encoder:
    """Turns values into JSON; their arrays gather in ``arrays``."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.warnings: list[str] = []
        # The values are kept beside their nodes: an id is unique only among living objects.
        self._seen: dict[int, tuple[Node, Any]] = {}
        self._open: set[int] = set()
        self._n_shared = 0
        self._place: list[str] = []
        self._root = ""
        self.configurations = Configurations()

    def encode(self, value: Any, place: str = "") -> Any:
        """JSON for ``value``, which lies at ``place`` in the value around it."""
        if type(value) in (str, dict):
            self.configurations.notice(value)
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int and -(2**63) <= value < 2**63:
            return value
        if type(value) is float and math.isfinite(value):
            return value
        self._root = self._root or type(value).__name__
        self._place.append(place)
        node = self._encode_once(value)
        self._place.pop()
        return node

    def add_array(self, array: np.ndarray) -> Node:
        """Fields that lead back to ``array``, whose dtype the kind describes."""
        self.arrays.append(array)
        return {
            "member": len(self.arrays) - 1,
            "shape": list(array.shape),
            "order": order_of(array),
        }

    def refusal(self, reason: str) -> ArchiveError:
        """The error for the value at hand; ``reason`` continues the name of its place."""
        place = "".join(self._place).removeprefix(".")
        return ArchiveError(f"{self._root} cannot be saved: {place or 'it'} {reason}")

    def try_encode(self, value: Any, place: str) -> ArchiveError | None:
        """What encoding ``value`` would raise; nothing of it is kept."""
        n_seen, n_arrays, n_places = len(self._seen), len(self.arrays), len(self._place)
        try:
            self.encode(value, place)
        except ArchiveError as error:
            return error
        finally:
            for identity in list(self._seen)[n_seen:]:
                del self._seen[identity]
                self._open.discard(identity)
            del self.arrays[n_arrays:], self._place[n_places:]
        return None

    def _encode_once(self, value: Any) -> Node:
        if len(self._place) > MAX_DEPTH:
            raise self.refusal(f"is nested more than {MAX_DEPTH} levels deep")
        if id(value) in self._seen:
            if id(value) in self._open:
                raise self.refusal("contains itself")
            first, _ = self._seen[id(value)]
            if "id" not in first:
                first["id"] = self._n_shared
                self._n_shared += 1
            return {"kind": "same", "id": first["id"]}
        kind = next((kind for kind in _KINDS.values() if kind.accepts(value)), None)
        if kind is None:
            raise self.refusal(
                f"is of type {type(value).__module__}.{type(value).__qualname__}, which only "
                "pickle can hold. Use joblib.dump, for a file that you alone read."
            )
        node: Node = {"kind": kind.name}
        self._seen[id(value)] = (node, value)
        if not isinstance(kind, Container):
            self._open.add(id(value))
        node.update(kind.encode(value, self))
        self._open.discard(id(value))
        return node


class Decoder:
    """Turns JSON back into values; refuses all that an Encoder would not have written."""

    def __init__(self, archive: ArchiveReader, trusted: Trusted) -> None:
        self.trusted = trusted
        # Names of scikit-learn's estimators in the file, for the warning about versions.
        self.sklearn_estimators: dict[str, None] = {}
        self.warnings: list[str] = []
        self._archive = archive
        self.configurations = Configurations()
        self._unread = set(range(archive.n_arrays))
        self._shared: dict[int, Any] = {}
        self._depth = 0

    def decode(self, node: Any) -> Any:
        """The value of which ``node`` is the JSON."""
        if type(node) is str:
            self.configurations.notice(node)
        if node is None or type(node) in (bool, int, float, str):
            return node
        if type(node) is not dict:
            raise ArchiveError(f"a value is a JSON {type(node).__name__}")
        kind_name = node.get("kind")
        if kind_name == "same":
            return self._same(node)
        kind = _KINDS.get(kind_name) if type(kind_name) is str else None
        if kind is None:
            raise ArchiveError(f"kind {kind_name!r} is unknown")
        check_fields(node, kind)
        if self._depth == MAX_DEPTH:
            raise ArchiveError(f"values are nested more than {MAX_DEPTH} levels deep")
        self._depth += 1
        if isinstance(kind, Container):
            value = kind.start(node, self)
            self._remember(node, value)
            kind.finish(value, node, self)
        else:
            value = kind.decode(node, self)
            self._remember(node, value)
        self._depth -= 1
        return value

    def take_array(self, node: Node, dtype: np.dtype) -> np.ndarray:
        """The array that ``add_array`` described; each can be taken once."""
        shape = node["shape"]
        if any(type(length) is not int or length < 0 for length in shape):
            raise ArchiveError(f"an array has shape {shape}")
        # Taken twice, one member would fill the memory as often as the file mentions it.
        if node["member"] not in self._unread:
            raise ArchiveError(f"array {node['member']} is missing or used twice")
        self._unread.remove(node["member"])
        return self._archive.array(node["member"], dtype, tuple(shape), node["order"])

    def check_all_read(self) -> None:
        """Refuse arrays that nothing refers to."""
        if self._unread:
            raise ArchiveError(f"nothing refers to the arrays {sorted(self._unread)}")

    def _same(self, node: Node) -> Any:
        if node.keys() != {"kind", "id"} or type(node["id"]) is not int:
            raise ArchiveError("a reference to an earlier value is malformed")
        if node["id"] not in self._shared:
            raise ArchiveError(f"no earlier value has id {node['id']}")
        return self._shared[node["id"]]

    def _remember(self, node: Node, value: Any) -> None:
        if "id" in node:
            if type(node["id"]) is not int or node["id"] in self._shared:
                raise ArchiveError(f"id {node['id']!r} is malformed or given twice")
            self._shared[node["id"]] = value


def check_fields(node: Node, kind: Kind) -> None:
    """Refuse missing, surplus and wrongly typed fields."""
    fields = node.keys() - {"kind", "id"}
    if fields != kind.fields.keys():
        raise ArchiveError(f"{kind.name} has the fields {sorted(fields)}")
    for name, expected in kind.fields.items():
        # Exact types: True is no array number.
        if expected is not object and type(node[name]) is not expected:
            raise ArchiveError(f"{name!r} of {kind.name} is no {expected.__name__}")
