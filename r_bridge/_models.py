"""Keras models of R: made, trained, asked, kept.

A model lives here under a key, and R holds all from which it can be revived: its configuration,
its weights, the state of its optimizer. A command that changes a model replies with these.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._batches import Batches, endless, failures_of, inputs_in_order, once
from ._conversation import Conversation
from ._convert import Factor, Frame
from ._dispatch import command, command_that_asks_for_interrupts
from ._keras_objects import fitting, forget_beside, keep, kept, made, seeded, shape_of
from ._prediction import predict_batch
from ._texts import as_texts

# Settings of a layer that say what its model takes, as R and older editions of Keras have them.
_OF_THE_INPUT = ("input_shape", "batch_input_shape", "input_dim", "input_length")


# -- what R keeps of a model ------------------------------------------------------------------


def _state(model: Any, *, structure: bool = True) -> dict[str, Any]:
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


def _reply(model: Any, key: str | None = None) -> dict[str, Any]:
    if key is not None:
        forget_beside(key)
    return {"key": keep(model) if key is None else key, "state": _state(model)}


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


# -- structure --------------------------------------------------------------------------------


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
    return _reply(model)


@command
def add_layer(key: str, layer: dict[str, Any], seed: Any = None) -> dict[str, Any]:
    """Add a layer, or a whole model, to a sequential model."""
    model = kept(key)
    with seeded(seed):
        _add(model, layer)
    return _reply(model, key)


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
    return _reply(keras.Model(made(inputs), made(outputs), name=name))


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
    return _reply(model, key)


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
    return _reply(model, key)


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
        return _reply(keras.models.clone_model(kept(key)))


@command
def fresh_model(key: str, seed: Any = None) -> dict[str, Any]:
    """A model of the same structure, compiled in the same way, as if never trained."""
    keras = import_keras()
    described = keras.saving.serialize_keras_object(kept(key))
    with seeded(seed):
        return _reply(keras.saving.deserialize_keras_object(described, safe_mode=True))


# -- what a model is --------------------------------------------------------------------------


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
    return int(_model_or_layer(key, layer).count_params())


def _model_or_layer(key: str, layer: str | None) -> Any:
    model = kept(key)
    return model if layer is None else model.get_layer(layer)


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
def get_weights_of(key: str, layer: str | None = None) -> list[np.ndarray]:
    """Weights as arrays."""
    return [np.atleast_1d(weight) for weight in _model_or_layer(key, layer).get_weights()]


@command
def set_weights_of(key: str, weights: list, layer: str | None = None) -> dict[str, Any]:
    """Put other weights in the place of those of a model or layer."""
    owner = _model_or_layer(key, layer)
    before = owner.get_weights()
    if len(weights) == len(before):
        weights = [
            np.reshape(new, np.shape(old)) if np.size(new) == np.size(old) else new
            for new, old in zip(weights, before, strict=True)
        ]
    owner.set_weights([np.asarray(weight) for weight in weights])
    return _state(kept(key), structure=False)


@command
def config_of(key: str, layer: str | None = None) -> dict[str, Any]:
    """The configuration of a model or layer, as JSON, and the name of its class."""
    owner = _model_or_layer(key, layer)
    return {"class": type(owner).__name__, "config": json.dumps(owner.get_config())}


@command
def model_from_config(config: str, class_name: str, seed: Any = None) -> dict[str, Any]:
    """A model of a configuration, with new weights."""
    keras = import_keras()
    found = {"Sequential": keras.Sequential}.get(class_name, keras.Model)
    with seeded(seed):
        return _reply(found.from_config(json.loads(config)))


# -- compile, fit, evaluate, predict ----------------------------------------------------------


@command
def compile_model(key: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give a model its optimizer, loss and metrics."""
    model = kept(key)
    arguments = {name: made(value) for name, value in arguments.items() if value is not None}
    for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
        if isinstance(arguments.get(name), np.ndarray):
            arguments[name] = arguments[name].tolist()
    if isinstance(arguments.get("metrics"), str):
        arguments["metrics"] = [arguments["metrics"]]
    model.compile(**arguments)
    return _reply(model, key)


def _inputs(x: Any) -> Any:
    """Arrays as Keras takes them, or batches; R's names for what it cannot take."""
    if isinstance(x, dict):
        if "keras_key" in x:
            return kept(x["keras_key"])
        return {name: _inputs(part) for name, part in x.items()}
    if isinstance(x, list):
        return [_inputs(part) for part in x]
    if isinstance(x, Frame | Factor) or not isinstance(x, np.ndarray):
        raise TypeError(
            f"Data must be arrays or matrices of numbers, or lists of them. Got a "
            f"{type(x).__name__.lower()}."
        )
    return as_texts(x) if x.dtype == object else x


def _rows_of(model: Any, x: Any) -> Any:
    """What R gave as rows of a model; says in a sentence what Keras would say on a page."""
    is_text = isinstance(x, np.ndarray) and x.dtype == object
    x = _inputs(x)
    if not (is_text or isinstance(x, np.ndarray)) or not model.built or len(model.inputs) != 1:
        return x
    taken = model.inputs[0]
    if is_text:
        if taken.dtype != "string":
            raise TypeError(
                "x holds texts, but the network takes numbers: layer_text_vectorization() makes "
                "numbers of texts."
            )
        return x
    given, wanted = _without_last_one(x.shape[1:]), _without_last_one(taken.shape[1:])
    if len(given) != len(wanted) or any(
        size is not None and size != found for size, found in zip(wanted, given, strict=True)
    ):
        raise ValueError(
            f"A row of x is {_dimensions(x.shape[1:])}, but the network takes rows of "
            f"{_dimensions(taken.shape[1:])}."
        )
    return x


def _without_last_one(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Keras adds a last dimension of one, or takes it away."""
    return tuple(shape[:-1]) if shape and shape[-1] == 1 else tuple(shape)


def _dimensions(shape: tuple[int | None, ...]) -> str:
    if not shape:
        return "one number"
    numbers = " x ".join("any" if size is None else str(size) for size in shape)
    return f"{numbers} numbers" if len(shape) == 1 else numbers


@command
def fit_model(
    key: str,
    x: Any,
    y: Any,
    settings: dict[str, Any],
    callbacks: Any = None,
    seed: Any = None,
    directory: str | None = None,
) -> dict[str, Any]:
    """Train a model; the history, and what R keeps."""
    _work_in(directory)
    model = kept(key)
    return _fitted(model, _rows_of(model, x), _targets(y), settings, callbacks or [], seed, None)


@command_that_asks_for_interrupts
def fit_model_with_r(
    key: str,
    x: Any,
    y: Any,
    settings: dict[str, Any],
    callbacks: Any = None,
    seed: Any = None,
    directory: str | None = None,
    generator: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Train a model in a conversation: callbacks, or the batches themselves, come from R."""
    _work_in(directory)

    def work(conversation: Conversation) -> dict[str, Any]:
        data, target = x, y
        options = dict(settings)
        if generator is not None:
            data, target = _batches_of(conversation, generator["x"]), None
            if generator.get("validation"):
                options["validation_data"] = _batches_of(conversation, generator["validation"])
        else:
            data, target = _rows_of(kept(key), x), _targets(y)
        return _fitted(kept(key), data, target, options, callbacks or [], seed, conversation)

    return Conversation(work).start()


def _work_in(directory: str | None) -> None:
    """Go where R is: callbacks write files by relative names."""
    if directory is not None and os.getcwd() != directory:
        os.chdir(directory)


def _batches_of(conversation: Conversation, function: str) -> Iterator:
    while True:
        batch = conversation.ask(function)
        if batch is None:
            return
        x, y, *weight = batch.values() if isinstance(batch, dict) else batch
        yield (_inputs(x), _targets(y), *[np.ravel(part) for part in weight])


def _targets(y: Any) -> Any:
    return None if y is None else _inputs(y)


def _fitted(
    model: Any,
    x: Any,
    y: Any,
    settings: dict[str, Any],
    callbacks: list,
    seed: Any,
    conversation: Conversation | None,
) -> dict[str, Any]:
    from sklearn_cnn import fit_keras_model

    names = [name for name in settings if name in _WHOLE]
    settings = settings | {n: int(settings[n]) for n in names if settings[n] is not None}
    settings = {name: value for name, value in settings.items() if value is not None}
    if settings.get("class_weight"):
        settings["class_weight"] = {
            int(name): float(weight) for name, weight in settings["class_weight"].items()
        }
    if "sample_weight" in settings:
        settings["sample_weight"] = np.ravel(settings["sample_weight"])
    seed = None if seed is None else int(seed)
    if isinstance(x, Batches):
        settings = {"steps_per_epoch": x.n_batches, "shuffle": False} | settings
        x = endless(x, seed)
    validation = settings.get("validation_data")
    if isinstance(validation, list):
        settings["validation_data"] = tuple(
            np.ravel(part) if number == 2 else _inputs(part)
            for number, part in enumerate(validation)
        )
    elif isinstance(validation, dict):
        steps = settings.pop("validation_steps", None)
        settings["validation_data"] = once(_inputs(validation), steps)
    with failures_of(x, settings.get("validation_data")):
        history = fit_keras_model(
            model,
            x,
            y,
            callbacks=[_callback(each, conversation) for each in callbacks],
            random_state=seed,
            **settings,
        )
    return {
        "history": {
            name: np.asarray(values, dtype=np.float64).reshape(-1)
            for name, values in _in_order(history.history, model).items()
        },
        "epoch": np.asarray(history.epoch, dtype=np.int32),
        "state": _state(model, structure=False),
    }


_WHOLE = (
    "batch_size",
    "epochs",
    "verbose",
    "initial_epoch",
    "steps_per_epoch",
    "validation_steps",
    "validation_batch_size",
    "validation_freq",
)


def _in_order(values: dict[str, Any], model: Any) -> dict[str, Any]:
    """Loss, metrics as they were given, then the same of validation rows, then the rest."""
    given = ["loss", *_metric_names(model)]
    order = [*given, *(f"val_{name}" for name in given)]
    known = {name: values[name] for name in order if name in values}
    if len(model.outputs) == 1:
        # Keras goes on reporting metrics of an earlier compile().
        values = {name: values[name] for name in ("learning_rate",) if name in values}
    return known | {name: value for name, value in values.items() if name not in known}


def _metric_names(model: Any) -> list[str]:
    compiled = model.get_compile_config() or {}
    names = []
    for metric in [*(compiled.get("metrics") or []), *(compiled.get("weighted_metrics") or [])]:
        if isinstance(metric, str):
            names.append(metric)
        elif isinstance(metric, dict):
            names.append(metric.get("config", {}).get("name"))
    return names


def _callback(description: dict[str, Any], conversation: Conversation | None) -> Any:
    """A callback; functions of R in it are asked in the conversation."""
    keras = import_keras()
    functions = description.get("functions")
    if not functions:
        return made(description)
    assert conversation is not None
    if description["keras_class"] == "callbacks.LearningRateScheduler":
        return keras.callbacks.LearningRateScheduler(
            lambda epoch, rate: float(conversation.ask(functions["schedule"], epoch, float(rate)))
        )
    return keras.callbacks.LambdaCallback(
        **{hook: _hook(conversation, name) for hook, name in functions.items()}
    )


def _hook(conversation: Conversation, name: str) -> Callable[..., None]:
    def hook(*arguments: Any, logs: Any = None) -> None:
        arguments = arguments if logs is None else (*arguments, logs)
        plain = [
            {key: float(value) for key, value in part.items()} if isinstance(part, dict) else part
            for part in arguments
        ]
        conversation.ask(name, *plain)

    return hook


@command
def value_of(measure: dict[str, Any], y_true: Any, y_pred: Any) -> Any:
    """What a loss or a metric says of predictions."""
    measured = made(measure)
    if hasattr(measured, "update_state"):
        measured.update_state(y_true, y_pred)
        return np.asarray(measured.result())
    return np.asarray(measured(y_true, y_pred))


@command
def train_on_batch_of(
    key: str, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
) -> dict[str, Any]:
    """One step on one batch."""
    model = kept(key)
    if class_weight:
        class_weight = {int(name): float(weight) for name, weight in class_weight.items()}
    weight = None if sample_weight is None else np.ravel(sample_weight)
    logs = model.train_on_batch(
        _rows_of(model, x), _targets(y), weight, class_weight=class_weight, return_dict=True
    )
    return {"values": _numbers(logs, model), "state": _state(model, structure=False)}


@command
def test_on_batch_of(key: str, x: Any, y: Any) -> dict[str, float]:
    """Loss and metrics of one batch."""
    model = kept(key)
    return _numbers(model.test_on_batch(_rows_of(model, x), _targets(y), return_dict=True), model)


@command
def evaluate_model(
    key: str,
    x: Any,
    y: Any = None,
    batch_size: Any = None,
    sample_weight: Any = None,
    steps: Any = None,
) -> dict[str, float]:
    """Loss and metrics on rows."""
    model = kept(key)
    if not getattr(model, "compiled", False):
        raise ValueError("The model is not compiled: call compile() with a loss and an optimizer.")
    x = _rows_of(model, x)
    if isinstance(x, Batches):
        x, batch_size = once(x, steps), None
    with failures_of(x):
        logs = model.evaluate(
            x,
            _targets(y),
            batch_size=None if batch_size is None else int(batch_size),
            sample_weight=None if sample_weight is None else np.ravel(sample_weight),
            verbose=0,
            return_dict=True,
        )
    return _numbers(logs, model)


def _numbers(logs: dict[str, Any], model: Any) -> dict[str, float]:
    return {name: float(value) for name, value in _in_order(logs, model).items()}


@command
def predict_model(key: str, x: Any, batch_size: Any = None, steps: Any = None) -> Any:
    """What a model makes of rows."""
    model = kept(key)
    x = _rows_of(model, x)
    if isinstance(x, Batches):
        x = inputs_in_order(x, steps)
        with failures_of(x):
            result = model.predict(x, verbose=0)
        return result if isinstance(result, dict) else _listed(result)
    first = next(iter(x.values())) if isinstance(x, dict) else x[0] if isinstance(x, list) else x
    size = 32 if batch_size is None else int(batch_size)
    # A loop over batches takes 30 ms to begin: one batch does without.
    if 0 < len(first) <= size:
        result = predict_batch(key, x)
    else:
        result = model.predict(x, batch_size=size, verbose=0)
    return result if isinstance(result, dict) else _listed(result)


def _listed(result: Any) -> Any:
    return [np.asarray(part) for part in result] if isinstance(result, list | tuple) else result


# -- files ------------------------------------------------------------------------------------


@command
def save_model_of(key: str, path: str, hdf5: bool = False, overwrite: bool = True) -> None:
    """Write a whole model to a file."""
    model, target = kept(key), _target(path, overwrite)
    suffix = ".h5" if hdf5 else ".keras"
    with _without_advice():
        _written(target, suffix, model.save)


@command
def load_model_from(path: str, compiled: bool = True) -> dict[str, Any]:
    """Read a whole model from a file."""
    keras = import_keras()
    source = _source(path)
    if not _is_hdf5(source):
        load = keras.saving.load_model
        return _read(source, ".keras", lambda file: _reply(load(file, compile=compiled)))
    with _without_advice():
        model = _read(source, ".h5", lambda file: keras.saving.load_model(file, compile=False))
    if compiled:
        _compile_as_written(model, source)
    return _reply(model)


def _compile_as_written(model: Any, source: Path) -> None:
    """Compile as an HDF5 file says: Keras fails at short names such as "mse" there."""
    import h5py

    keras = import_keras()
    with h5py.File(source) as content:
        written = content.attrs.get("training_config")
    if written is None:
        return
    config = json.loads(written)
    optimizer = config.pop("optimizer_config")
    known = ("loss", "metrics", "weighted_metrics", "loss_weights")
    arguments = {name: config[name] for name in known if config.get(name) is not None}
    losses, metrics = keras.losses.deserialize, keras.metrics.deserialize
    model.compile(
        optimizer=keras.optimizers.deserialize(optimizer),
        **{
            name: _object_or_name(value, losses if name == "loss" else metrics)
            for name, value in arguments.items()
        },
    )


def _object_or_name(value: Any, deserialize: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        return deserialize(value)
    if isinstance(value, dict):
        return {name: _object_or_name(part, deserialize) for name, part in value.items()}
    if isinstance(value, list):
        return [_object_or_name(part, deserialize) for part in value]
    return value


@command
def save_weights_of(key: str, path: str, overwrite: bool = True) -> None:
    """Write the weights of a model to a file."""
    model = kept(key)
    _written(_target(path, overwrite), ".weights.h5", model.save_weights)


@command
def load_weights_of(key: str, path: str, skip_mismatch: bool = False) -> dict[str, Any]:
    """Read the weights of a model from a file, older editions' too."""
    import h5py

    model, source = kept(key), _source(path)
    with h5py.File(source) as content:
        old = "layer_names" in content.attrs or "model_weights" in content
    suffix = ".h5" if old else ".weights.h5"
    with _without_advice():
        _read(source, suffix, lambda file: model.load_weights(file, skip_mismatch=skip_mismatch))
    return _state(model, structure=False)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Keras advises against HDF5, which does not bring back the optimizer's state."""
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            yield
    finally:
        log.setLevel(before)


def _target(path: str, overwrite: bool) -> Path:
    target = Path(path).expanduser()
    if target.exists() and not overwrite:
        raise FileExistsError(f"'{target}' exists: pass overwrite = TRUE to replace it.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no folder '{target.parent}' to write into.")
    return target


def _source(path: str) -> Path:
    source = Path(path).expanduser()
    if not source.is_file():
        raise FileNotFoundError(f"There is no file '{source}'.")
    return source


def _written(target: Path, suffix: str, write: Callable[[Path], Any]) -> None:
    """Keras insists on endings; R users name files as they like. Nothing half-written stays."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        draft = Path(folder) / f"draft{suffix}"
        write(draft)
        draft.replace(target)


def _read(source: Path, suffix: str, read: Callable[[Path], Any]) -> Any:
    if source.name.endswith(suffix):
        return read(source)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"copy{suffix}"
        shutil.copyfile(source, copy)
        return read(copy)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


# -- the session ------------------------------------------------------------------------------


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
