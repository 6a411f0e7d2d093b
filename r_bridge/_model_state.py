"""What R holds of a Keras model, and what it gets of its weights.

A model lives here under a key, and R holds all from which it can be revived: its configuration,
its weights, the state of its optimizer. A command that changes a model replies with these.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import keep, kept


def state_of_model(model: Any, *, structure: bool = True) -> dict[str, Any]:
    """What R needs to revive a model; without its structure after training alone."""
    state: dict[str, Any] = {"weights": None, "optimizer": None}
    if model.built:
        state["weights"] = _bytes_of(model.weights)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        state["optimizer"] = _bytes_of(optimizer.variables)
    if structure:
        keras = import_keras()
        state["config"] = json.dumps(keras.saving.serialize_keras_object(model))
    return state


def _bytes_of(variables: list) -> bytes:
    return b"".join([np.ascontiguousarray(variable.numpy()).tobytes() for variable in variables])


def _set_from_bytes(variables: list, content: bytes) -> None:
    sizes = [np.dtype(str(v.dtype)).itemsize * int(np.prod(v.shape)) for v in variables]
    if sum(sizes) != len(content):
        raise ValueError(
            f"The model has {sum(sizes)} bytes of weights, but {len(content)} were kept: it was "
            "made by another release of Keras."
        )
    start = 0
    for variable, size in zip(variables, sizes, strict=True):
        values = np.frombuffer(content[start : start + size], str(variable.dtype))
        variable.assign(values.reshape(variable.shape))
        start += size


def reply_of(model: Any, key: str | None = None) -> dict[str, Any]:
    """What a command replies that makes a model, or changes the one of a key."""
    return {"key": keep(model, key), "state": state_of_model(model)}


@command
def revive_model(state: dict[str, Any]) -> str:
    """Make a model again from what R kept; returns its key."""
    keras = import_keras()
    model = keras.saving.deserialize_keras_object(json.loads(state["config"]), safe_mode=True)
    if state["weights"] is not None:
        _set_from_bytes(model.weights, state["weights"])
        for layer in model._flatten_layers():
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
    if state["optimizer"] is not None:
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        _set_from_bytes(model.optimizer.variables, state["optimizer"])
    return keep(model)


def model_or_layer(key: str, layer: str | None) -> Any:
    """A model, or its layer of a name."""
    model = kept(key)
    return model if layer is None else model.get_layer(layer)


@command
def get_weights_of(key: str, layer: str | None = None) -> list[np.ndarray]:
    """Weights as arrays."""
    return [np.atleast_1d(weight) for weight in model_or_layer(key, layer).get_weights()]


@command
def set_weights_of(key: str, weights: list, layer: str | None = None) -> dict[str, Any]:
    """Put other weights in the place of those of a model or layer."""
    owner = model_or_layer(key, layer)
    before = owner.get_weights()
    if len(weights) == len(before):
        weights = [
            np.reshape(new, np.shape(old)) if np.size(new) == np.size(old) else new
            for new, old in zip(weights, before, strict=True)
        ]
    owner.set_weights([np.asarray(weight) for weight in weights])
    return state_of_model(kept(key), structure=False)
