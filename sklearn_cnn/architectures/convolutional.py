"""Convolutional networks for signals, pictures and volumes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._description import Architecture, Blueprint, register, settings
from ._names import unknown
from .activations import activation_name, keras_activation
from .dense import DenseLayer, layer_sizes, stack_hidden

_PADDINGS = ("same", "valid", "replicate", "reflect")
_POOLINGS = {"max": "MaxPooling", "average": "AveragePooling"}
# How NumPy calls the margins that Keras's convolutions do not know.
_MARGINS = {"replicate": "edge", "reflect": "reflect"}


def convolutional(
    input_shape: Sequence[int],
    units: int,
    output_activation: Any,
    *,
    filters: int | Sequence[int] = (32, 64),
    kernel_size: Any = 3,
    strides: Any = 1,
    padding: str = "same",
    pool_size: Any = 2,
    pool_strides: Any = None,
    pool_padding: str = "valid",
    pooling: str | None = "max",
    shared_weights: bool = True,
    hidden_layer_sizes: int | Sequence[int] = (64,),
    activation: Any = "relu",
    dropout: float = 0.0,
    batch_normalization: bool = False,
    dtype: str = "float32",
) -> Architecture:
    """Describe convolutions with pooling, followed by dense layers.

    `kernel_size`, `strides`, `pool_size` and `pool_strides` are an int, one int an axis, one int
    a layer, or for each layer an int or one int an axis. A flat sequence as long as the picture
    has axes is read as one int an axis, as Keras reads it.

    Parameters
    ----------
    input_shape : tuple of int
        (length, channels), (height, width, channels) or (depth, height, width, channels).
    units : int
        Output units.
    output_activation : str
        Activation of the output layer.
    filters : int or sequence of int, default=(32, 64)
        Feature maps of each convolution.
    kernel_size : int or sequence, default=3
        Size of the filters.
    strides : int or sequence, default=1
        Steps from one place of a filter to the next.
    padding : {"same", "valid", "replicate", "reflect"}, default="same"
        Margins: zeros, none, the nearest value, or the picture mirrored at its edge.
    pool_size : int or sequence, default=2
        Size of the pooling windows. An axis shorter than its window is not pooled.
    pool_strides : int or sequence, default=None
        Steps from window to window; None: the window's size, so that windows do not overlap.
    pool_padding : {"valid", "same"}, default="valid"
        Whether windows that hang over the edge are left out or kept.
    pooling : {"max", "average"} or None, default="max"
        What stands for the values of a window; None: no pooling.
    shared_weights : bool, default=True
        False: every place has filters of its own (locally connected layers).
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of each dense layer between the convolutions and the output.
    activation : str or callable, default="relu"
        Activation of the convolutions and hidden layers.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of each dense layer silenced in training.
    batch_normalization : bool, default=False
        Normalise each convolution and hidden layer before its activation.
    dtype : {"float32", "float64"}, default="float32"
        What every layer computes in.

    Returns
    -------
    Architecture

    Examples
    --------
    >>> cifar = convolutional((32, 32, 3), 10, "softmax", filters=(32, 64, 64),
    ...                       padding="valid", pool_size=(2, 2, 1))
    >>> cifar["pool_size"]
    ((2, 2), (2, 2), (1, 1))
    """
    input_shape = picture_shape(input_shape)
    n_axes, sizes = len(input_shape) - 1, layer_sizes(filters, "filters")
    if padding not in _PADDINGS:
        raise ValueError(unknown("padding", padding, _PADDINGS))
    if pool_padding not in ("same", "valid"):
        raise ValueError(unknown("pool_padding", pool_padding, ("same", "valid")))
    check_pooling(pooling, n_axes, dtype)
    pool_size = per_layer(pool_size, len(sizes), n_axes, "pool_size")
    architecture = Architecture(
        function="convolutional",
        input_shape=input_shape,
        units=int(units),
        output_activation=activation_name(output_activation, "output_activation"),
        dtype=dtype,
        settings=settings(
            filters=sizes,
            kernel_size=per_layer(kernel_size, len(sizes), n_axes, "kernel_size"),
            strides=per_layer(strides, len(sizes), n_axes, "strides"),
            padding=padding,
            pool_size=pool_size,
            pool_strides=pool_size
            if pool_strides is None
            else per_layer(pool_strides, len(sizes), n_axes, "pool_strides"),
            pool_padding=pool_padding,
            pooling=pooling,
            shared_weights=bool(shared_weights),
            hidden_layer_sizes=layer_sizes(hidden_layer_sizes),
            activation=activation_name(activation),
            batch_normalization=bool(batch_normalization),
        ),
        dropout=float(dropout),
    )
    convolutions(architecture)
    return architecture


def picture_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of a signal, picture or volume with channels."""
    shape = tuple(int(size) for size in input_shape)
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise ValueError(
            f"input_shape must be (length, channels), (height, width, channels) or "
            f"(depth, height, width, channels), all at least 1. Got {shape}."
        )
    return shape


def check_pooling(pooling: str | None, n_axes: int, dtype: str) -> None:
    """ValueError where the pooling is unknown, or TensorFlow lacks it."""
    if pooling is not None and pooling not in _POOLINGS:
        raise ValueError(unknown("pooling", pooling, _POOLINGS))
    if n_axes == 3 and pooling is not None and dtype == "float64":
        # TensorFlow's MaxPool3D and AvgPool3D know no doubles on a CPU.
        raise ValueError(
            "dtype='float64' has no pooling of volumes. Use dtype='float32' or pooling=None."
        )


def per_layer(value: Any, n_layers: int, n_axes: int, parameter: str) -> tuple:
    """One tuple of ``n_axes`` ints for each layer."""
    if isinstance(value, list | tuple | np.ndarray):
        if len(value) == n_axes and all(np.ndim(item) == 0 for item in value):
            rows = [value] * n_layers
        elif len(value) == n_layers:
            rows = [[item] * n_axes if np.ndim(item) == 0 else item for item in value]
        else:
            rows = []
    else:
        rows = [[value] * n_axes] * n_layers
    if len(rows) != n_layers or any(len(row) != n_axes for row in rows):
        raise ValueError(
            f"{parameter} must be an int, one int for each of {n_axes} axes, or one entry for "
            f"each of {n_layers} layers. Got {value!r}."
        )
    listed = tuple(tuple(int(size) for size in row) for row in rows)
    if any(size < 1 for row in listed for size in row):
        raise ValueError(f"{parameter} must be at least 1. Got {value!r}.")
    return listed


class Convolution(NamedTuple):
    """One convolution with its pooling, and the sizes of what goes in and comes out."""

    name: str
    filters: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pool: tuple[int, ...]
    pool_strides: tuple[int, ...]
    size_in: tuple[int, ...]
    size_convolved: tuple[int, ...]
    size_out: tuple[int, ...]


def convolutions(architecture: Architecture) -> list[Convolution]:
    """The convolutions of an architecture; ValueError where a filter does not fit."""
    size, found = architecture.input_shape[:-1], []
    for i, filters in enumerate(architecture["filters"]):
        kernel, strides = architecture["kernel_size"][i], architecture["strides"][i]
        valid = architecture["padding"] == "valid"
        if valid and any(k > n for k, n in zip(kernel, size, strict=True)):
            raise ValueError(
                f"kernel_size {by(kernel)} of layer {i + 1} is larger than its input, {by(size)}, "
                f"with padding='valid'. Use padding='same', smaller kernels, fewer layers or "
                f"larger pictures than input_shape={architecture.input_shape}."
            )
        convolved = places(size, kernel, strides, valid=valid)
        # An axis shorter than the window is left as it is.
        pool, pool_strides = architecture["pool_size"][i], architecture["pool_strides"][i]
        pooled = [architecture["pooling"] and n >= p for n, p in zip(convolved, pool, strict=True)]
        pool = tuple(p if yes else 1 for p, yes in zip(pool, pooled, strict=True))
        pool_strides = tuple(s if yes else 1 for s, yes in zip(pool_strides, pooled, strict=True))
        out = places(convolved, pool, pool_strides, valid=architecture["pool_padding"] == "valid")
        found.append(
            Convolution(
                f"conv_{i}", filters, kernel, strides, pool, pool_strides, size, convolved, out
            )
        )
        size = out
    return found


def by(sizes: Sequence[int]) -> str:
    """Sizes as people write them: ``3x5``."""
    return "x".join(map(str, sizes))


def places(size, window, strides, *, valid: bool) -> tuple[int, ...]:
    """How many places a window takes along each axis: (W - F + 2P)/S + 1."""
    return tuple(
        (n - k) // s + 1 if valid else -(-n // s)
        for n, k, s in zip(size, window, strides, strict=True)
    )


def margins(size, window, strides, size_out) -> list[tuple[int, int]]:
    """Rows before and after each axis that "same" adds, as Keras shares them out."""
    pairs = []
    for n, k, s, out in zip(size, window, strides, size_out, strict=True):
        total = max((out - 1) * s + k - n, 0)
        pairs.append((total // 2, total - total // 2))
    return pairs


def stack_convolution(x, layer: Convolution, architecture: Architecture):
    """Convolution, then batch normalisation, activation and pooling as the settings ask."""
    from keras import layers

    dtype, n_axes = architecture.dtype, len(layer.kernel)
    activation = keras_activation(architecture["activation"])
    normalize = architecture["batch_normalization"]
    padding = architecture["padding"]
    inside = {"activation": None if normalize else activation, "name": layer.name, "dtype": dtype}
    if padding in _MARGINS:
        x, padding = _with_margins(x, layer, _MARGINS[padding]), "valid"
    if architecture["shared_weights"]:
        x = getattr(layers, f"Conv{n_axes}D")(
            layer.filters, layer.kernel, layer.strides, padding=padding, **inside
        )(x)
    else:
        x = _locally_connected(x, layer, padding, inside)
    if normalize:
        x = layers.BatchNormalization(name=f"{layer.name}_normalization", dtype=dtype)(x)
        x = layers.Activation(activation, name=f"{layer.name}_activation", dtype=dtype)(x)
    if any(size > 1 for size in layer.pool + layer.pool_strides):
        x = getattr(layers, f"{_POOLINGS[architecture['pooling']]}{n_axes}D")(
            layer.pool,
            layer.pool_strides,
            padding=architecture["pool_padding"],
            name=layer.name.replace("conv", "pool"),
            dtype=dtype,
        )(x)
    return x


def stack_head(x, architecture: Architecture, output_activation):
    """Flatten, then dense layers with dropout before each."""
    from keras import layers

    dtype, normalize = architecture.dtype, architecture["batch_normalization"]
    x = layers.Flatten(name="flatten", dtype=dtype)(x)
    dense_layers = [
        DenseLayer(f"hidden_{i}", units, architecture["activation"], normalize)
        for i, units in enumerate(architecture["hidden_layer_sizes"])
    ]
    for layer in [*dense_layers, DenseLayer("output", architecture.units, output_activation)]:
        if architecture.has_dropout:
            x = layers.Dropout(architecture.dropout, name=f"{layer.name}_dropout", dtype=dtype)(x)
        x = stack_hidden(x, layer, architecture)
    return x


def _build(architecture: Architecture, output_activation):
    import keras

    inputs = x = keras.Input(architecture.input_shape, dtype=architecture.dtype, name="input")
    for layer in convolutions(architecture):
        x = stack_convolution(x, layer, architecture)
    x = stack_head(x, architecture, output_activation)
    return keras.Model(inputs, x, name="convolutional")


def _with_margins(x, layer: Convolution, mode: str):
    """The picture with margins made of its own values.

    Taken by number with an operation of Keras's own, so that a saved model loads without us.
    """
    from keras import ops

    pairs = margins(layer.size_in, layer.kernel, layer.strides, layer.size_convolved)
    for axis, (n, margin) in enumerate(zip(layer.size_in, pairs, strict=True), start=1):
        if any(margin):
            rows = np.pad(np.arange(n), margin, mode=mode)  # type: ignore[call-overload]
            x = ops.take(x, rows.tolist(), axis=axis)
    return x


def _locally_connected(x, layer: Convolution, padding: str, inside: dict):
    """A convolution whose filters differ from place to place."""
    from keras import initializers, layers, ops

    n_axes = len(layer.kernel)
    if padding == "same":
        pairs = margins(layer.size_in, layer.kernel, layer.strides, layer.size_convolved)
        x = ops.pad(x, [(0, 0), *pairs, (0, 0)])
    for axis, (k, s, out) in enumerate(
        zip(layer.kernel, layer.strides, layer.size_convolved, strict=True)
    ):
        rows = s * np.arange(out)[:, None] + np.arange(k)
        x = ops.take(x, rows.tolist(), axis=1 + 2 * axis)
    # Axes of x: row, then place and offset for each axis of the picture, then channel.
    place, offset = "abc"[:n_axes], "ijk"[:n_axes]
    patches = "".join(p + o for p, o in zip(place, offset, strict=True))
    window = int(np.prod(layer.kernel))
    # Glorot and Bengio (2010) with the connections of one unit; Keras would count all places.
    bound = float(np.sqrt(6 / (window * (x.shape[-1] + layer.filters))))
    local = layers.EinsumDense(
        f"n{patches}y,{place}{offset}yz->n{place}z",
        output_shape=(*layer.size_convolved, layer.filters),
        bias_axes=f"{place}z",
        kernel_initializer=initializers.RandomUniform(-bound, bound),
        **inside,
    )
    # What a convolution says of itself, and its receptive field is found by.
    local.kernel_size, local.strides = layer.kernel, layer.strides
    return local(x)


register("convolutional", Blueprint(_build))
