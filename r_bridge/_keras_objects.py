"""Keras objects of R: described by class and arguments, or kept here under a key.

R holds no Python object. A layer, a loss, an optimizer is a description: the name of the class and
the arguments that the user gave. Models, and the tensors and shared layers of functional models,
are kept here under a key that no other process uses; R holds, beside the key, all from which a
model can be revived.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import logging
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_cnn import forget_unused, import_keras

from ._dispatch import command

# Where classes are looked for: nothing else of Keras can be named by R.
_MODULES = (
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "regularizers",
)
# R counts dimensions, that of the rows first, from 1; a constraint's axis is one of a weight array,
# and is Keras's.
_COUNTED_FROM_1 = ("axis", "axes")
_WITH_ROWS = ("layers", "losses", "metrics")

# Each model is traced by itself: that is as it should be.
logging.getLogger("tensorflow").addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)


@dataclass(frozen=True)
class _Entry:
    """An object, and what is worked out from it and goes with it."""

    value: Any
    beside: dict[Any, Any] = field(default_factory=dict)


# Process numbers come again: a key must not name the object of another session.
_TOKEN = secrets.token_hex(8)
_KEPT: dict[str, _Entry] = {}
_NUMBERS = itertools.count(1)


class NotKept(LookupError):
    """A key of another process, or of an object that has been released."""


def keep(value: Any, key: str | None = None) -> str:
    """Keep an object for R, which names it by the key that is returned.

    Under the key of an object that has changed, or whose place it takes, it is another one:
    nothing is beside it.
    """
    if key is None:
        key = f"{_TOKEN}-{next(_NUMBERS)}"
    _KEPT[key] = _Entry(value)
    return key


def kept(key: str) -> Any:
    """The object of a key."""
    return _entry(key).value


def beside(key: str) -> dict[Any, Any]:
    """What is worked out from the object of a key and goes with it."""
    return _entry(key).beside


def _entry(key: str) -> _Entry:
    if key not in _KEPT:
        raise NotKept("It was made by a Python that has ended: define it again.")
    return _KEPT[key]


@command
def release(keys: Any) -> None:
    """Forget what R no longer has a name for."""
    for key in np.atleast_1d(keys):
        entry = _KEPT.pop(key, None)
        if entry is not None and isinstance(entry.value, import_keras().layers.Layer):
            del entry
            forget_unused()


@command
def clear_keras_session() -> None:
    """Let Keras number layers from the start again, and give back what it holds."""
    keras = import_keras()
    keras.utils.clear_session()


@command
def set_keras_seed(seed: int) -> None:
    """Seed Python's, NumPy's and Keras's streams."""
    keras = import_keras()
    keras.utils.set_random_seed(int(seed))


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Let initializers and layers made in this block draw their seeds from ``seed``.

    Keras draws them from Python's own stream, which is left where it was.
    """
    before = random.getstate()
    if seed is not None:
        random.seed(int(seed))
    try:
        yield
    finally:
        random.setstate(before)


def made(value: Any) -> Any:
    """The object of a description or key, and of all those inside of it; plain values stay."""
    if isinstance(value, dict):
        if "keras_key" in value:
            return kept(value["keras_key"])
        if "keras_class" in value:
            return _constructed(value["keras_class"], value.get("arguments") or {})
        return {name: made(item) for name, item in value.items()}
    if isinstance(value, list):
        return [made(item) for item in value]
    return value


def class_of(name: str) -> Any:
    """The class, or function that makes a layer, that R calls e.g. "layers.Dense"."""
    keras = import_keras()
    module, _, class_name = name.rpartition(".")
    if module not in _MODULES:
        raise LookupError(f"{name!r} is no class of Keras that R may name.")
    found = keras
    for part in (*module.split("."), class_name):
        found = getattr(found, part)
    return found


def _constructed(name: str, arguments: dict[str, Any]) -> Any:
    found = class_of(name)
    arguments = dict(arguments)
    if name.split(".")[0] in _WITH_ROWS:
        for axis in _COUNTED_FROM_1:
            if axis in arguments:
                arguments[axis] = _counted_from_0(arguments[axis])
    if name.startswith("optimizers.") and arguments.get("decay") is not None:
        arguments = _with_schedule(found, arguments)
    return found(**fitting(found, arguments))


def _with_schedule(optimizer: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """What older editions call ``decay``: a rate that is divided by ``1 + decay * steps``."""
    keras = import_keras()
    decay = float(arguments.pop("decay"))
    default = inspect.signature(optimizer).parameters["learning_rate"].default
    rate = arguments.get("learning_rate", default)
    if decay == 0:
        return arguments
    schedule = keras.optimizers.schedules.InverseTimeDecay(float(rate), 1, decay)
    return arguments | {"learning_rate": schedule}


def fitting(function: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """R's numbers as the kinds of number that a signature wants; inner objects made."""
    parameters = inspect.signature(function).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    return {
        name: _fitting(name, made(value), defaults.get(name)) for name, value in arguments.items()
    }


def _fitting(name: str, value: Any, default: Any) -> Any:
    if name.endswith("shape") and value is not None:
        return shape_of(value)
    if isinstance(default, float) and isinstance(value, int | float) and value is not True:
        return float(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return _whole(value)


def _whole(value: Any) -> Any:
    """R writes 3 for a number of any kind: whole ones are integers for Python."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return tuple(_whole(item) for item in value.tolist())
    return value


def _counted_from_0(value: Any) -> Any:
    if value is None:
        return None
    numbers = [int(number) for number in np.atleast_1d(value)]
    if 0 in numbers:
        raise ValueError("axis counts from 1, the dimension of the rows; -1 is the last one.")
    numbers = [number - 1 if number > 0 else number for number in numbers]
    return numbers[0] if np.ndim(value) == 0 else tuple(numbers)


def shape_of(value: Any) -> tuple[int | None, ...]:
    """A shape: a number or several, NA or NULL for a dimension of any length."""
    if isinstance(value, np.ma.MaskedArray):
        value = value.tolist()
    items = value if isinstance(value, list) else np.atleast_1d(value).tolist()
    return tuple(
        None if item is None or item != item or isinstance(item, np.ma.MaskedArray) else int(item)
        for item in items
    )
