"""Keras models of R: compiled, trained, asked for predictions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._batches import Batches, endless, failures_of, inputs_in_order, once
from ._conversation import Conversation
from ._convert import Factor, Frame
from ._dispatch import command, command_that_asks_for_interrupts
from ._keras_objects import kept, made
from ._model_state import reply_of, state_of_model
from ._prediction import predict_batch, predicts_such
from ._texts import as_texts


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
    return reply_of(model, key)


def inputs_of(x: Any) -> Any:
    """Arrays as Keras takes them, or batches; R's names for what it cannot take."""
    if isinstance(x, dict):
        if "keras_key" in x:
            return kept(x["keras_key"])
        return {name: inputs_of(part) for name, part in x.items()}
    if isinstance(x, list):
        return [inputs_of(part) for part in x]
    if isinstance(x, Frame | Factor) or not isinstance(x, np.ndarray):
        raise TypeError(
            f"Data must be arrays or matrices of numbers, or lists of them. Got a "
            f"{type(x).__name__.lower()}."
        )
    return as_texts(x) if x.dtype == object else x


def _rows_of(model: Any, x: Any) -> Any:
    """What R gave as rows of a model; says in a sentence what Keras would say on a page."""
    is_text = isinstance(x, np.ndarray) and x.dtype == object
    x = inputs_of(x)
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
        yield (inputs_of(x), _targets(y), *[np.ravel(part) for part in weight])


def _targets(y: Any) -> Any:
    return None if y is None else inputs_of(y)


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
            np.ravel(part) if number == 2 else inputs_of(part)
            for number, part in enumerate(validation)
        )
    elif isinstance(validation, dict):
        steps = settings.pop("validation_steps", None)
        settings["validation_data"] = once(inputs_of(validation), steps)
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
        "state": state_of_model(model, structure=False),
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
    return {"values": _numbers(logs, model), "state": state_of_model(model, structure=False)}


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
    if not (isinstance(x, np.ndarray) and predicts_such(key, x)):
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
