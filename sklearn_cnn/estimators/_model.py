"""The Keras model of a fitted estimator, held in step with its weight arrays."""

import threading
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

_LOCK = threading.RLock()
# Outside the estimators: predict must not change ``__dict__``, and models are not pickled.
# With each, the estimator's weights that it was given last and what it held of them then, which
# is less where they are float64 and the user's program has float32 only.
_MODELS: WeakKeyDictionary[Any, tuple[Any, list[np.ndarray], list[np.ndarray]]] = (
    WeakKeyDictionary()
)


def model_of(estimator: Any):
    """The model, built at first access, with the estimator's weights of this moment."""
    from sklearn_cnn import backends

    backends.start()
    with _LOCK:
        pull(estimator)
        if estimator not in _MODELS:
            _MODELS[estimator] = (_build(estimator), [], [])
        model, given, _ = _MODELS[estimator]
        weights = estimator._weights
        if not _same(given, weights):
            model.set_weights(weights)
            _MODELS[estimator] = (model, _copies(weights), model.get_weights())
        return model


def new_model(estimator: Any):
    """A model of its own, with the estimator's weights of this moment."""
    with _LOCK:
        pull(estimator)
        model = _build(estimator)
        model.set_weights(estimator._weights)
        return model


def _build(estimator: Any):
    """A model in the float type that the user's own program computes in."""
    from sklearn_cnn import backends

    architecture = estimator.architecture_
    dtype = backends.current().dtype_outside(architecture.dtype)
    return replace(architecture, dtype=dtype).build()


def pull(estimator: Any) -> None:
    """Take over what the user has done to ``model_``: training, ``set_weights``."""
    if estimator not in _MODELS:
        return
    with _LOCK:
        model, _, held = _MODELS[estimator]
        current = model.get_weights()
        if held and not _same(held, current):
            for array, value in zip(estimator._weights, current, strict=True):
                array[...] = value
            _MODELS[estimator] = (model, _copies(estimator._weights), current)


def forget(estimator: Any) -> None:
    """Drop the model: the estimator has other weights now, perhaps another network."""
    _MODELS.pop(estimator, None)


def _copies(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [array.copy() for array in arrays]


def _same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)
    )
