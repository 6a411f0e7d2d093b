"""The Keras model of a fitted estimator, held in step with its weight arrays."""

import threading
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

_LOCK = threading.RLock()
# Outside the estimators: predict must not change ``__dict__``, and models are not pickled.
_MODELS: WeakKeyDictionary[Any, tuple[Any, list[np.ndarray]]] = WeakKeyDictionary()


def model_of(estimator: Any):
    """The model, built at first access, with the estimator's weights of this moment."""
    from sklearn_cnn import backends

    backends.start()
    with _LOCK:
        pull(estimator)
        with backends.current().precision(estimator.architecture_.dtype):
            if estimator not in _MODELS:
                _MODELS[estimator] = (estimator.architecture_.build(), [])
            model, pushed = _MODELS[estimator]
            weights = estimator._weights
            if not _same(pushed, weights):
                model.set_weights(weights)
                _MODELS[estimator] = (model, [weight.copy() for weight in weights])
        return model


def pull(estimator: Any) -> None:
    """Take over what the user has done to ``model_``: training, ``set_weights``."""
    if estimator not in _MODELS:
        return
    with _LOCK:
        model, pushed = _MODELS[estimator]
        current = model.get_weights()
        if pushed and not _same(pushed, current):
            for array, value in zip(estimator._weights, current, strict=True):
                array[...] = value
            _MODELS[estimator] = (model, current)


def forget(estimator: Any) -> None:
    """Drop the model: the estimator has other weights now, perhaps another network."""
    _MODELS.pop(estimator, None)


def _same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)
    )
