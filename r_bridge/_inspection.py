"""What a Keras model of R sees: activations, patterns of filters, maps of class activation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import kept
from ._models import inputs_of

# Filters whose patterns are drawn at once.
_FILTERS_AT_ONCE = 16


@command
def activations_of(key: str, x: Any, layers: Any, batch_size: Any = None) -> dict[str, np.ndarray]:
    """Outputs of layers for rows, by the layers' names."""
    keras = import_keras()
    model = kept(key)
    names = [str(name) for name in np.atleast_1d(layers)]
    inner = keras.Model(model.inputs, [_layer(model, name).output for name in names])
    size = 32 if batch_size is None else int(batch_size)
    outputs = inner.predict(inputs_of(x), batch_size=size, verbose=0)
    return dict(zip(names, outputs if len(names) > 1 else [outputs], strict=True))


def _layer(model: Any, name: str) -> Any:
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ValueError(f"There is no layer {name!r}; there are {', '.join(names)}.")
    return model.get_layer(name)


@command
def filter_patterns_of(
    key: str, layer: str, filters: Any, shape: Any, steps: int, step_size: float, seed: int
) -> np.ndarray:
    """Pictures that a filter answers most to, by gradient ascent from grey noise.

    Each step moves a picture by `step_size` along its gradient, scaled to length one [1]_.

    References
    ----------
    .. [1] Erhan et al., "Visualizing higher-layer features of a deep network", Université de
       Montréal, technical report 1341 (2009); Chollet, "Deep Learning with R", section 5.4.2.
    """
    keras = import_keras()
    ops = keras.ops
    model = kept(key)
    found = _layer(model, layer)
    inner = keras.Model(model.inputs, found.output)
    n_filters = found.output.shape[-1]
    numbers = np.atleast_1d(filters).astype(np.int32) - 1
    if not ((numbers >= 0) & (numbers < n_filters)).all():
        raise ValueError(f"filters must be from 1 to {n_filters}, the filters of {layer!r}.")
    shape = _picture_shape(model, shape)
    rng = np.random.default_rng(int(seed))
    at_once = min(_FILTERS_AT_ONCE, len(numbers))

    def strength(pictures: Any, wanted: Any) -> Any:
        answers = inner(pictures, training=False)
        answers = ops.mean(ops.reshape(answers, (at_once, -1, n_filters)), axis=1)
        return ops.sum(ops.take_along_axis(answers, wanted, axis=1))

    def ascend(pictures: Any, wanted: Any) -> Any:
        gradient = _gradient(strength, pictures, wanted)
        length = ops.norm(ops.reshape(gradient, (at_once, -1)), axis=1)
        scale = step_size / ops.maximum(length, 1e-12)
        return pictures + gradient * ops.reshape(scale, (-1, *[1] * len(shape)))

    step = _compiled(ascend)
    patterns = []
    for start in range(0, len(numbers), at_once):
        # The last pictures are followed by others that nobody asked for: one program serves all.
        wanted = np.zeros((at_once, 1), np.int32)
        some = numbers[start : start + at_once]
        wanted[: len(some), 0] = some
        pictures = np.full((at_once, *shape), 0.5, np.float32)
        pictures[: len(some)] += 0.05 * rng.standard_normal((len(some), *shape))
        pictures, wanted = ops.convert_to_tensor(pictures), ops.convert_to_tensor(wanted)
        for _ in range(int(steps)):
            pictures = step(pictures, wanted)
        patterns.append(ops.convert_to_numpy(pictures)[: len(some)])
    return np.concatenate(patterns)


def _picture_shape(model: Any, shape: Any) -> tuple[int, ...]:
    if shape is not None:
        return tuple(int(size) for size in np.atleast_1d(shape))
    declared = model.inputs[0].shape[1:]
    if None in declared:
        raise ValueError("The model takes pictures of any size: say which by input_shape.")
    return tuple(declared)


@command
def gradcam_of(key: str, x: Any, layer: str | None = None, class_index: Any = None) -> np.ndarray:
    """Where in each picture the network sees a class; one map a picture, from 0 to 1 [1]_.

    References
    ----------
    .. [1] Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
       localization", ICCV 2017, 618-626.
    """
    ops = import_keras().ops
    model = kept(key)
    found = _last_convolution(model) if layer is None else _layer(model, layer)
    below, above = _in_two(model, found)
    features = below(ops.convert_to_tensor(inputs_of(x)))
    scores = ops.convert_to_numpy(above(features))
    if class_index is None:
        wanted = scores.argmax(axis=-1)
    else:
        wanted = np.broadcast_to(np.asarray(class_index, dtype=np.int64) - 1, len(scores))
        if not ((wanted >= 0) & (wanted < scores.shape[-1])).all():
            raise ValueError(f"class_index must be from 1 to {scores.shape[-1]}.")

    def score(features: Any) -> Any:
        chosen = ops.one_hot(wanted.astype(np.int32), scores.shape[-1])
        return ops.sum(above(features) * chosen)

    gradient = _gradient(score, features)
    weights = ops.mean(gradient, axis=(1, 2), keepdims=True)
    maps = ops.convert_to_numpy(ops.relu(ops.sum(features * weights, axis=-1)))
    highest = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(highest > 0, highest, 1)


def _in_two(model: Any, layer: Any) -> tuple[Callable, Callable]:
    """The model up to a layer, and from its output on."""
    keras = import_keras()
    if not isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, layer.output), keras.Model(layer.output, model.outputs[0])
    # A layer of a sequential model keeps the output of the day when it was added.
    place = model.layers.index(layer) + 1

    def through(layers: list, x: Any) -> Any:
        for each in layers:
            x = each(x)
        return x

    return partial(through, model.layers[:place]), partial(through, model.layers[place:])


def _last_convolution(model: Any) -> Any:
    for layer in reversed(model.layers):
        if "Conv" in type(layer).__name__ and len(layer.output.shape) == 4:
            return layer
    raise ValueError("The model has no layer of two-dimensional convolutions: name one by layer.")


def _gradient(function: Callable, x: Any, *arguments: Any) -> Any:
    """Of a number by an array, as the backend of Keras computes it."""
    backend = import_keras().backend.backend()
    if backend == "jax":
        import jax

        return jax.grad(function)(x, *arguments)
    if backend == "torch":
        import torch

        x = x.detach().requires_grad_()
        return torch.autograd.grad(function(x, *arguments), x)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x, *arguments)
    return tape.gradient(value, x)


def _compiled(function: Callable) -> Callable:
    backend = import_keras().backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "torch":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)
