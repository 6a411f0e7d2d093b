"""What R shows of a Keras model: its layers, their sizes, how they hang together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from ._dispatch import command
from ._keras_objects import kept
from ._model_state import model_or_layer


@command
def describe_model(key: str) -> dict[str, Any]:
    """Names, classes and sizes of a model's layers."""
    model = kept(key)
    return {
        "name": model.name,
        "class": type(model).__name__,
        "built": bool(model.built),
        "compiled": bool(getattr(model, "compiled", False)),
        "layers": [_described_layer(layer) for layer in model.layers],
        "edges": _edges(model),
        "trainable": bool(model.trainable),
    }


def _edges(model: Any) -> list[tuple[str, str]]:
    """Which layer's output goes into which layer."""
    layers = model.get_config().get("layers", [])
    names = [layer["config"]["name"] for layer in layers]
    if not any("inbound_nodes" in layer for layer in layers):
        return list(itertools.pairwise(names))
    return [
        (source, layer["config"]["name"])
        for layer in layers
        for source in dict.fromkeys(_sources(layer["inbound_nodes"]))
    ]


def _sources(nodes: Any) -> Iterator[str]:
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
            return
        nodes = list(nodes.values())
    if isinstance(nodes, list):
        for node in nodes:
            yield from _sources(node)


def _described_layer(layer: Any) -> dict[str, Any]:
    shape = getattr(layer, "output", None)
    shape = None if shape is None or isinstance(shape, list | tuple | dict) else shape.shape
    return {
        "name": layer.name,
        "class": type(layer).__name__,
        "output_shape": None if shape is None else [None if s is None else int(s) for s in shape],
        "n_weights": int(layer.count_params()) if layer.built else None,
        "trainable": bool(layer.trainable),
    }


@command
def summarise_model(key: str, line_length: Any = None) -> list[str]:
    """Keras's table of a model, line by line."""
    lines: list[str] = []
    model = kept(key)
    length = None if line_length is None else int(line_length)
    model.summary(line_length=length, print_fn=lambda text, **_: lines.append(text))
    return "\n".join(lines).splitlines()


@command
def count_weights(key: str, layer: str | None = None) -> int:
    """Number of weights of a model or layer."""
    return int(model_or_layer(key, layer).count_params())


@command
def find_layer(key: str, name: str | None = None, index: Any = None) -> dict[str, Any]:
    """A layer by its name, or by its place, counted from 1."""
    model = kept(key)
    if name is not None:
        return _described_layer(model.get_layer(name))
    place = int(index)
    n_layers = len(model.layers)
    if not 1 <= abs(place) <= n_layers:
        raise ValueError(f"index must be from 1 to {n_layers}, or from -{n_layers} to -1.")
    return _described_layer(model.layers[place - 1 if place > 0 else place])


@command
def config_of(key: str, layer: str | None = None) -> dict[str, Any]:
    """The configuration of a model or layer, as JSON, and the name of its class."""
    owner = model_or_layer(key, layer)
    return {"class": type(owner).__name__, "config": json.dumps(owner.get_config())}
