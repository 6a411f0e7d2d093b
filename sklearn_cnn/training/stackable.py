"""Convolutions and pooling in a form that can be stacked over networks, and that XLA computes well.

TensorFlow stacks no convolution whose filters differ between networks. As patches and one matrix
product it stacks, and XLA, whose own convolutions are slow on a CPU, computes it well. The twins
have the weights of the layers for which they stand, and their results but for rounding.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from itertools import chain, product
from typing import Any

from keras import layers, models, ops

# Bytes of the patches of a batch beyond which a convolution alone stays what it is.
_MOST_PATCHES = 2**30

# Layers that need no twin: what they compute is stacked operation by operation.
_AS_THEY_ARE = (
    layers.InputLayer,
    layers.Dense,
    layers.EinsumDense,
    layers.Activation,
    layers.BatchNormalization,
    layers.Flatten,
    layers.Reshape,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.GaussianNoise,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.Rescaling,
    layers.Concatenate,
    layers.Add,
    layers.ReLU,
    layers.LeakyReLU,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
)


def _places(length: tuple[int, ...], padding: str, size, strides, dilation):
    """For each axis the padding before and after, and how many windows there are."""
    for n, k, s, d in zip(length, size, strides, dilation, strict=True):
        reach = d * (k - 1) + 1
        if padding == "same":
            n_windows = -(-n // s)
            needed = max((n_windows - 1) * s + reach - n, 0)
            yield needed // 2, needed - needed // 2, n_windows
        else:
            yield 0, 0, (n - reach) // s + 1


def _windows(x, places, size, strides, dilation, fill: float) -> list:
    """For each position in a window, its value in all windows."""
    if any(before or after for before, after, _ in places):
        widths = [(0, 0), *((before, after) for before, after, _ in places), (0, 0)]
        x = ops.pad(x, widths, constant_values=fill)
    found = []
    for position in product(*(range(k) for k in size)):
        cut: list[Any] = [slice(None)]
        for p, s, d, (_, _, n) in zip(position, strides, dilation, places, strict=True):
            cut.append(slice(p * d, p * d + (n - 1) * s + 1, s))
        found.append(x[tuple(cut)])
    return found


@cache
def _maximum_of_blocks(size: tuple[int, ...]) -> Callable:
    """Maxima of windows that lie side by side and cover all of an array.

    The gradient goes back in one pass. As a sum of padded arrays XLA would compute what comes from
    above, a convolution's gradient, once for each position of a window: 8x8 convnets took 1.4 ms a
    step and network instead of 1.1.
    """
    windows_of = partial(_windows, size=size, strides=size, dilation=(1,) * len(size), fill=0.0)

    @ops.custom_gradient
    def maximum(x):
        lengths = [n // k for n, k in zip(x.shape[1:-1], size, strict=True)]
        result, *others = windows_of(x, [(0, 0, n) for n in lengths])
        place = ops.zeros_like(result, "int32")
        for number, window in enumerate(others, 1):
            # Of equal values the first gets the gradient, as in Keras's own pooling.
            larger = window > result
            result, place = ops.where(larger, window, result), ops.where(larger, number, place)
        of_window = (-1, *chain.from_iterable((n, 1) for n in lengths), x.shape[-1])
        within = (1, *chain.from_iterable((1, k) for k in size), 1)

        def gradient(upstream):
            numbers = ops.reshape(ops.arange(math.prod(size), dtype="int32"), within)
            chosen = ops.equal(ops.reshape(place, of_window), numbers)
            spread = ops.where(chosen, ops.reshape(upstream, of_window), 0.0)
            return ops.reshape(spread, (-1, *x.shape[1:]))

        return result, gradient

    return maximum


@cache
def _twins() -> dict[type, type]:
    """Each Keras layer that cannot be stacked, with its twin that can."""

    class Windowed:
        def windows(self, inputs, size, dilation, fill):
            lengths = inputs.shape[1:-1]
            places = list(_places(lengths, self.padding, size, self.strides, dilation))
            return _windows(inputs, places, size, self.strides, dilation, fill)

    class PatchConvolution(Windowed):
        def call(self, inputs):
            windows = self.windows(inputs, self.kernel_size, self.dilation_rate, 0.0)
            patches = ops.concatenate(windows, axis=-1)
            shape = patches.shape
            rows = ops.reshape(patches, (-1, shape[-1]))
            outputs = ops.matmul(rows, ops.reshape(self.kernel, (shape[-1], self.filters)))
            outputs = ops.reshape(outputs, (-1, *shape[1:-1], self.filters))
            if self.use_bias:
                outputs = outputs + self.bias
            return outputs if self.activation is None else self.activation(outputs)

    class WindowPooling(Windowed):
        fill = 0.0

        def call(self, inputs):
            ones = (1,) * len(self.pool_size)
            windows = self.windows(inputs, self.pool_size, ones, self.fill)
            result = windows[0]
            for window in windows[1:]:
                result = self.merge(result, window)
            return self.finish(result)

    class WindowMaximum(WindowPooling):
        fill = -float("inf")

        def call(self, inputs):
            size, lengths = tuple(self.pool_size), inputs.shape[1:-1]
            whole = all(n % k == 0 for n, k in zip(lengths, size, strict=True))
            if whole and tuple(self.strides) == size:
                return _maximum_of_blocks(size)(inputs)
            return super().call(inputs)

        def merge(self, result, window):
            # Of equal values the first gets the gradient, as in Keras's own pooling.
            return ops.where(window > result, window, result)

        def finish(self, result):
            return result

    class WindowAverage(WindowPooling):
        def merge(self, result, window):
            return result + window

        def finish(self, result):
            n = 1
            for k in self.pool_size:
                n *= k
            return result / n

    kinds = [
        (PatchConvolution, (layers.Conv1D, layers.Conv2D)),
        (WindowMaximum, (layers.MaxPooling1D, layers.MaxPooling2D)),
        (WindowAverage, (layers.AveragePooling1D, layers.AveragePooling2D)),
    ]
    return {
        layer: type(layer.__name__, (kind, layer), {}) for kind, found in kinds for layer in found
    }


def is_stackable(model: models.Model) -> bool:
    """Whether every layer of a model has a form that can be stacked."""
    from sklearn_cnn.architectures.given import is_graph

    return is_graph(model) and all(
        _has_twin(layer) or type(layer) in _AS_THEY_ARE for layer in _layers_of(model)
    )


def suits_patches(architecture, backend, n_rows: int) -> bool:
    """Whether a network alone, ``n_rows`` rows at a time, is sooner trained with its twins.

    JAX on a CPU took 375 ms a step of 64 pictures of 28x28 with XLA's convolutions, and 22 with
    twins. Layers without a twin stay what they are.
    """
    if architecture.wants_xla or not backend.convolves_in_patches:
        return False
    from sklearn_cnn.architectures.given import is_graph

    model = architecture.build()
    # Keras's own layers can be made again from their settings; of others nobody knows.
    if not is_graph(model) or any(
        not type(layer).__module__.startswith("keras.") for layer in _layers_of(model)
    ):
        return False
    with_twins = [layer for layer in _layers_of(model) if _has_twin(layer)]
    n_bytes = (8 if architecture.dtype == "float64" else 4) * n_rows
    return 0 < n_bytes * sum(map(_numbers_in_patches, with_twins)) <= _MOST_PATCHES


def _numbers_in_patches(layer) -> int:
    """Numbers of all windows of one row."""
    window = layer.pool_size if hasattr(layer, "pool_size") else layer.kernel_size
    return math.prod((*layer.output.shape[1:-1], *window, layer.input.shape[-1]))


def _layers_of(model: models.Model) -> list:
    return model._flatten_layers(include_self=False)


def _has_twin(layer) -> bool:
    if type(layer) not in _twins():
        return False
    if layer.data_format != "channels_last" or getattr(layer, "groups", 1) != 1:
        return False
    # Averages at the border count the real entries only.
    return not (type(layer).__name__.startswith("Average") and layer.padding == "same")


def in_stackable_form(model: models.Model) -> models.Model:
    """A copy of a model, in which the twins stand for the layers that have one."""
    twins = _twins()

    def twin(layer):
        layer_class = twins[type(layer)] if _has_twin(layer) else type(layer)
        copied = layer_class.from_config(layer.get_config())
        if hasattr(layer, "counter"):
            copied.counter = layer.counter
        return copied

    return models.clone_model(model, clone_function=twin)
