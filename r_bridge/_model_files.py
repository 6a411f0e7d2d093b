"""Keras models of R in files: whole, or their weights, of older editions too."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import kept
from ._model_state import reply_of, state_of_model


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
        return _read(source, ".keras", lambda file: reply_of(load(file, compile=compiled)))
    with _without_advice():
        model = _read(source, ".h5", lambda file: keras.saving.load_model(file, compile=False))
    if compiled:
        _compile_as_written(model, source)
    return reply_of(model)


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
    return state_of_model(model, structure=False)


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
