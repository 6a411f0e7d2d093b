"""Estimators, and the small objects that they and the networks are described by.

An object is written as the name of its class and its state, the dictionary that ``pickle`` would
take from ``__getstate__``. Coming back, it is made without its constructor and given that state.
``__setstate__`` runs for our classes and for trusted ones; scikit-learn's objects get their
attributes set, so that no method of theirs meets what a stranger wrote.
"""

import copyreg
from enum import Enum
from typing import Any

import sklearn
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from ._archive import ArchiveError
from ._callbacks import LEFT_OUT, is_callback
from ._keras import is_registered
from ._references import (
    is_compiled_class,
    is_estimator_class,
    is_record_class,
    name_of,
    record_fields,
    untrusted,
)
from ._tree import Container, Decoder, Encoder, Kind, Node

# Attributes that hold callbacks: one that cannot be saved is left out, the estimator is not.
_CALLBACKS = ("callbacks", "_skl_callbacks")

# A user's class or function beside the configuration in which it occurs.
_CALLED = "sklearn_cnn.architectures.given.Named"

# Rebuilds from two arrays the interpolation that its state leaves out.
_OWN_SETSTATE = "IsotonicRegression"


class _Object(Container):
    """An estimator, or a part of one such as a scorer."""

    name = "object"
    fields = {"class": str, "state": dict}

    def accepts(self, value: Any) -> bool:
        cls = type(value)
        if cls.__module__.partition(".")[0] in ("sklearn", "sklearn_cnn"):
            return is_estimator_class(cls)
        # Of others: estimators, and what pickle would take apart into class and attributes.
        return issubclass(cls, BaseEstimator) or _is_plain_object(value)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        cls = type(value)
        state = cls.__getstate__(value) or {}  # type: ignore[call-arg]
        if type(state) is not dict or not all(type(key) is str for key in state):
            raise encoder.refusal("has a __getstate__ that returns no dictionary of names")
        nodes = {}
        for key, item in state.items():
            if key == "_sklearn_version":
                continue
            if key in _CALLBACKS and isinstance(value, BaseEstimator):
                nodes[key] = encoder.encode(_without_lost_callbacks(item, encoder), f".{key}")
            else:
                nodes[key] = encoder.encode(item, f".{key}")
        return {"class": reference(value, encoder), "state": nodes}

    def start(self, node: Node, decoder: Decoder) -> Any:
        cls = decoder.trusted.estimator_class(node["class"])
        if cls.__module__.startswith("sklearn.") and issubclass(cls, BaseEstimator):
            decoder.sklearn_estimators[cls.__name__] = None
        return object.__new__(cls)

    def finish(self, value: Any, node: Node, decoder: Decoder) -> None:
        cls = type(value)
        state = {key: decoder.decode(item) for key, item in node["state"].items()}
        for key in state.keys() & set(_CALLBACKS):
            state[key] = _without(LEFT_OUT, state[key])
        setstate = getattr(cls, "__setstate__", BaseEstimator.__setstate__)
        is_sklearns = cls.__module__.partition(".")[0] == "sklearn"
        if is_sklearns and cls.__name__ == _OWN_SETSTATE:
            state["_sklearn_version"] = sklearn.__version__
            setstate(value, state)
        elif not is_sklearns and setstate is not BaseEstimator.__setstate__:
            setstate(value, state)
        else:
            for key in state:
                _check_attribute(cls, key)
            vars(value).update(state)


class _Record(Kind):
    """A dataclass or named tuple: the architecture of a network, the family of a response."""

    name = "record"
    fields = {"class": str, "fields": dict}

    def accepts(self, value: Any) -> bool:
        cls = type(value)
        if cls.__module__.startswith("sklearn.") or not is_record_class(cls):
            return False
        # A fitted estimator that happens to be a dataclass has attributes beside its fields.
        known = {field.name for field in getattr(cls, "__dataclass_fields__", {}).values()}
        return vars(value).keys() <= known if hasattr(value, "__dict__") else True

    def encode(self, value: Any, encoder: Encoder) -> Node:
        if f"{type(value).__module__}.{type(value).__qualname__}" == _CALLED:
            encoder.configurations.custom_names.add(value.name)
        return {
            "class": reference(value, encoder),
            "fields": {
                name: encoder.encode(getattr(value, name), f".{name}")
                for name in record_fields(type(value))
            },
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        cls = decoder.trusted.record_class(node["class"])
        if unknown := node["fields"].keys() - set(record_fields(cls)):
            raise ArchiveError(f"{node['class']} has no {', '.join(sorted(unknown))}")
        record = cls(**{key: decoder.decode(item) for key, item in node["fields"].items()})
        if f"{cls.__module__}.{cls.__qualname__}" == _CALLED:
            # What stands here is called to make a model, with arguments from the file.
            if not decoder.trusted.has(record.value) and not is_registered(record.value):
                raise untrusted(str(record.name))
            decoder.configurations.custom_names.add(record.name)
        return record


class _Enumeration(Kind):
    name = "enumeration"
    fields = {"class": str, "member": str}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Enum)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"class": reference(value, encoder), "member": value.name}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return decoder.trusted.enumeration(node["class"])[node["member"]]


class _Bunch(Kind):
    """scikit-learn's dictionary whose keys are attributes, as in ``named_estimators_``."""

    name = "bunch"
    fields = {"items": object}

    def accepts(self, value: Any) -> bool:
        return type(value) is Bunch

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"items": encoder.encode(dict(value))}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        return Bunch(**decoder.decode(node["items"]))


class _Compiled(Kind):
    """Loss functions in scikit-learn's linear models: compiled, but made from a few numbers."""

    name = "compiled"
    fields = {"class": str, "arguments": list}

    def accepts(self, value: Any) -> bool:
        return is_compiled_class(type(value)) and value.__reduce__()[0] is type(value)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        _, arguments = value.__reduce__()
        return {"class": reference(value, encoder), "arguments": list(arguments)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        if any(type(argument) is not float for argument in node["arguments"]):
            raise ArchiveError("a compiled object is made from something that is no float")
        return decoder.trusted.compiled_class(node["class"])(*node["arguments"])


def reference(value: Any, encoder: Encoder) -> str:
    """The name of the class of ``value``."""
    try:
        return name_of(type(value))
    except ValueError as error:
        raise encoder.refusal(f"is of a class that {error}") from error


def _is_plain_object(value: Any) -> bool:
    cls = type(value)
    default = cls.__reduce__ is object.__reduce__ and cls.__reduce_ex__ is object.__reduce_ex__
    if not default or not hasattr(value, "__dict__") or callable(value):
        return False
    try:
        make, arguments, _, *items = value.__reduce_ex__(4)
    except TypeError:
        return False
    is_plain = make is copyreg.__newobj__  # type: ignore[attr-defined]
    return is_plain and arguments == (cls,) and items == [None, None]


def _without_lost_callbacks(callbacks: Any, encoder: Encoder) -> Any:
    """``callbacks`` without those that no archive can hold; a warning names each."""
    lost = []
    for callback in callbacks if type(callbacks) in (list, tuple) else [callbacks]:
        if callback is None or is_callback(callback):
            error = encoder.try_encode(callback, ".callbacks")
        else:
            name = getattr(callback, "__name__", type(callback).__name__)
            error = ArchiveError(f"{name} is none of Keras's callbacks that settings describe")
        if error is not None:
            encoder.warnings.append(f"A callback is left out of the file: {error}")
            lost.append(callback)
    for callback in lost:
        callbacks = _without(callback, callbacks)
    return callbacks


def _without(left_out: Any, callbacks: Any) -> Any:
    if type(callbacks) in (list, tuple):
        return type(callbacks)(callback for callback in callbacks if callback is not left_out)
    return None if callbacks is left_out else callbacks


def _check_attribute(cls: type, key: str) -> None:
    """Refuse a state that would put something in the place of a method."""
    for base in cls.__mro__:
        if key in vars(base) and hasattr(type(vars(base)[key]), "__get__"):
            raise ArchiveError(f"the state of a {cls.__name__} replaces its method {key}")


KINDS = (_Enumeration(), _Record(), _Bunch(), _Compiled(), _Object())
