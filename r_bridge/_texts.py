"""Layers that turn texts into numbers, for R."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import kept, made

_WORDS_AT_ONCE = 256


@command
def adapt_layer(layer: dict[str, Any], data: Any) -> dict[str, Any]:
    """Arguments with which the layer is made as if it had seen the data.

    A layer that has only seen data would lose what it learned in every configuration of its model.
    """
    adapted = made(layer)
    x = as_texts(data) if _is_text(data) else np.asarray(data)
    adapted.adapt(x)
    arguments = dict(layer["arguments"])
    if layer["keras_class"] == "layers.TextVectorization":
        words = [str(word) for word in adapted.get_vocabulary(include_special_tokens=False)]
        arguments["vocabulary"] = np.array(words, dtype=object)
        if arguments.get("output_mode") == "tf_idf":
            arguments["idf_weights"] = _weights_of(adapted, words)
    else:
        for name, value in (("mean", adapted.mean), ("variance", adapted.variance)):
            value = np.asarray(value, dtype=np.float64)
            arguments[name] = value.reshape([size for size in value.shape if size != 1] or [1])
    return arguments


def _weights_of(layer: Any, words: list[str]) -> np.ndarray:
    """What each word counts: a text of it alone says it, in the column of the word."""
    keras = import_keras()
    first = len(layer.get_vocabulary()) - len(words)
    weights = []
    for start in range(0, len(words), _WORDS_AT_ONCE):
        some = words[start : start + _WORDS_AT_ONCE]
        counted = keras.ops.convert_to_numpy(layer(as_texts(some)))
        weights.append(counted[np.arange(len(some)), first + start + np.arange(len(some))])
    return np.concatenate(weights).astype(np.float64)


@command
def vocabulary_of(key: str, include_special_tokens: bool = True) -> np.ndarray:
    """Words of a layer, in the order of their numbers."""
    words = kept(key).get_vocabulary(include_special_tokens=include_special_tokens)
    return np.array([str(word) for word in words], dtype=object)


@command
def call_layer(key: str, x: Any) -> np.ndarray:
    """What a layer makes of values."""
    keras = import_keras()
    result = kept(key)(as_texts(x) if _is_text(x) else np.asarray(x))
    return keras.ops.convert_to_numpy(result)


def _is_text(x: Any) -> bool:
    return isinstance(x, str) or (isinstance(x, np.ndarray) and x.dtype == object)


def as_texts(x: Any) -> Any:
    """Strings as a tensor of TensorFlow, which alone has such."""
    import tensorflow as tf

    return tf.convert_to_tensor(np.atleast_1d(np.asarray(x, dtype=object)).astype(str))
