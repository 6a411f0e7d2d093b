"""Keras models of R are put together here, layer by layer, and changed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import fitting, keep, kept, made, seeded, shape_of
from ._model_state import reply_of

# Settings of a layer that say what its model takes, as R and older editions of Keras have them.
_OF_THE_INPUT = ("input_shape", "batch_input_shape", "input_dim", "input_length")


@command
def new_sequential(
    layers: Any = None,
    name: str | None = None,
    first_input: dict[str, Any] | None = None,
    seed: Any = None,
) -> dict[str, Any]:
    """A sequential model, of layers or still empty."""
    keras = import_keras()
    model = keras.Sequential(name=name)
    if first_input:
        model.add(keras.Input(**_input_arguments(first_input)))
    with seeded(seed):
        for layer in layers or []:
            _add(model, layer)
    return reply_of(model)


@command
def add_layer(key: str, layer: dict[str, Any], seed: Any = None) -> dict[str, Any]:
    """Add a layer, or a whole model, to a sequential model."""
    model = kept(key)
    with seeded(seed):
        _add(model, layer)
    return reply_of(model, key)


def _add(model: Any, layer: dict[str, Any]) -> None:
    keras = import_keras()
    shape, weights, layer = _apart(layer)
    built = made(layer)
    if shape is not None:
        if model.layers:
            raise ValueError("input_shape belongs to the first layer of a model.")
        model.add(keras.Input(**shape))
    model.add(built)
    if weights is not None:
        built.set_weights([np.asarray(weight) for weight in weights])


def _apart(layer: dict[str, Any]) -> tuple[dict[str, Any] | None, list | None, dict[str, Any]]:
    """The input and the weights that a layer's description speaks of, and the layer's own part."""
    if "keras_class" not in layer:
        return None, None, layer
    is_embedding = layer["keras_class"] == "layers.Embedding"
    arguments = dict(layer.get("arguments") or {})
    taken = [name for name in _OF_THE_INPUT if not (is_embedding and name == "input_dim")]
    given = {name: arguments.pop(name, None) for name in taken}
    given = {name: value for name, value in given.items() if value is not None}
    batch_size = arguments.pop("batch_size", None)
    weights = None if is_embedding else arguments.pop("weights", None)
    layer = {**layer, "arguments": arguments}
    if not given:
        return None, weights, layer
    if "batch_input_shape" in given:
        return {"batch_shape": shape_of(given["batch_input_shape"])}, weights, layer
    if "input_shape" in given:
        shape = shape_of(given["input_shape"])
    else:
        shape = shape_of(given.get("input_length", [])) + shape_of(given.get("input_dim", []))
    return {"shape": shape, "batch_size": batch_size and int(batch_size)}, weights, layer


def _input_arguments(given: dict[str, Any]) -> dict[str, Any]:
    keras = import_keras()
    given = {name: value for name, value in given.items() if value is not None}
    for name in ("shape", "batch_shape"):
        if name in given:
            given[name] = shape_of(given[name])
    if given.get("dtype") == "string" and keras.backend.backend() != "tensorflow":
        raise ValueError(
            "A network that takes texts needs TensorFlow, but KERAS_BACKEND is "
            f"'{keras.backend.backend()}'. Call the layer of layer_text_vectorization() on the "
            "texts, and give the network the numbers."
        )
    return fitting(keras.Input, given) | {
        name: given[name] for name in ("shape", "batch_shape") if name in given
    }


@command
def new_input(arguments: dict[str, Any]) -> dict[str, Any]:
    """An input of a functional model."""
    keras = import_keras()
    return _described_tensor(keras.Input(**_input_arguments(arguments)))


@command
def new_layer(layer: dict[str, Any]) -> str:
    """A layer that is applied more than once."""
    return keep(made(_apart(layer)[2]))


@command
def apply_layer(layer: dict[str, Any], inputs: Any, seed: Any = None) -> Any:
    """What a layer, or a model, makes of tensors."""
    weights = None
    if "keras_class" in layer:
        _, weights, layer = _apart(layer)
    with seeded(seed):
        applied = made(layer)
        result = applied(made(inputs))
    if weights is not None:
        applied.set_weights([np.asarray(weight) for weight in weights])
    if isinstance(result, list | tuple):
        return {"tensors": [_described_tensor(tensor) for tensor in result]}
    return _described_tensor(result)


def _described_tensor(tensor: Any) -> dict[str, Any]:
    return {
        "key": keep(tensor),
        "shape": [None if size is None else int(size) for size in tensor.shape],
        "dtype": str(tensor.dtype),
        "name": tensor.name,
    }


@command
def new_functional(inputs: Any, outputs: Any, name: str | None = None) -> dict[str, Any]:
    """A model from its inputs to its outputs."""
    keras = import_keras()
    return reply_of(keras.Model(made(inputs), made(outputs), name=name))


@command
def tensor_of_model(key: str, which: str, layer: str | None = None) -> Any:
    """Input or output of a model, or of one of its layers."""
    owner = kept(key)
    if layer is not None:
        owner = owner.get_layer(layer)
    found = getattr(owner, which)
    if isinstance(found, list | tuple):
        return {"tensors": [_described_tensor(tensor) for tensor in found]}
    return _described_tensor(found)


@command
def pop_layer_of(key: str) -> dict[str, Any]:
    """Remove the last layer of a sequential model."""
    model = kept(key)
    model.pop()
    return reply_of(model, key)


@command
def set_trainable(
    key: str, trainable: bool, layer: str | None = None, first: Any = None, last: Any = None
) -> dict[str, Any]:
    """Freeze or unfreeze a model, one of its layers, or those from `first` to `last`."""
    model = kept(key)
    if layer is not None:
        model.get_layer(layer).trainable = trainable
    elif first is None and last is None:
        model.trainable = trainable
    else:
        names = [each.name for each in model.layers]
        start = 0 if first is None else _place(first, names)
        stop = len(names) - 1 if last is None else _place(last, names)
        if trainable:
            model.trainable = True
        for number, each in enumerate(model.layers):
            inside = start <= number <= stop
            if trainable:
                each.trainable = inside
            elif inside:
                each.trainable = False
    return reply_of(model, key)


def _place(layer: Any, names: list[str]) -> int:
    if isinstance(layer, str):
        if layer not in names:
            raise ValueError(f"There is no layer {layer!r}; there are {', '.join(names)}.")
        return names.index(layer)
    place = int(layer)
    return place - 1 if place > 0 else len(names) + place


@command
def clone_model_of(key: str, seed: Any = None) -> dict[str, Any]:
    """A model of the same structure with weights of its own."""
    keras = import_keras()
    with seeded(seed):
        return reply_of(keras.models.clone_model(kept(key)))


@command
def fresh_model(key: str, seed: Any = None) -> dict[str, Any]:
    """A model of the same structure, compiled in the same way, as if never trained."""
    keras = import_keras()
    described = keras.saving.serialize_keras_object(kept(key))
    with seeded(seed):
        return reply_of(keras.saving.deserialize_keras_object(described, safe_mode=True))


@command
def model_from_config(config: str, class_name: str, seed: Any = None) -> dict[str, Any]:
    """A model of a configuration, with new weights."""
    keras = import_keras()
    found = {"Sequential": keras.Sequential}.get(class_name, keras.Model)
    with seeded(seed):
        return reply_of(found.from_config(json.loads(config)))
