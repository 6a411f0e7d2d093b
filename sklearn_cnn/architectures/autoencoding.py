"""Autoencoders: an encoder, a small code, and the encoder's mirror image as decoder."""

from collections.abc import Sequence
from math import prod
from typing import Any

from ._description import Architecture, Blueprint, register, settings
from ._names import unknown
from .activations import activation_name, keras_activation
from .convolutional import (
    Convolution,
    check_pooling,
    convolutions,
    margins,
    per_layer,
    picture_shape,
    stack_convolution,
)
from .dense import DenseLayer, dense_parameters, layer_sizes, stack_hidden

CODE = "code"


def dense_autoencoder(
    input_shape: Sequence[int],
    *,
    hidden_layer_sizes: int | Sequence[int] = (100,),
    n_components: int = 2,
    activation: Any = "relu",
    code_activation: Any = "linear",
    output_activation: Any = "linear",
    dropout: float = 0.0,
    batch_normalization: bool = False,
    dtype: str = "float32",
) -> Architecture:
    """Describe an autoencoder of dense layers.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one row, and of the output.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of the encoder's hidden layers; the decoder has them in reverse.
    n_components : int, default=2
        Units of the code.
    activation : str or callable, default="relu"
        Activation of the hidden layers.
    code_activation : str or callable, default="linear"
        Activation of the code. A ReLU code can die.
    output_activation : str or callable, default="linear"
        Activation of the reconstruction.
    dropout : float in [0, 1), default=0.0
        Share of the units of each hidden layer silenced in training.
    batch_normalization : bool, default=False
        Normalise each hidden layer before its activation.
    dtype : {"float32", "float64"}, default="float32"
        What every layer computes in.

    Returns
    -------
    Architecture

    Examples
    --------
    >>> from sklearn_cnn.architectures import dense_layers
    >>> deep = dense_autoencoder((64,), hidden_layer_sizes=(64, 128, 64), activation="tanh")
    >>> [layer.units for layer in dense_layers(deep)]
    [64, 128, 64, 2, 64, 128, 64, 64]
    """
    shape = tuple(int(size) for size in input_shape)
    return Architecture(
        function="dense_autoencoder",
        input_shape=shape,
        units=prod(shape),
        output_activation=activation_name(output_activation, "output_activation"),
        dtype=dtype,
        settings=settings(
            hidden_layer_sizes=layer_sizes(hidden_layer_sizes),
            n_components=_n_components(n_components),
            activation=activation_name(activation),
            code_activation=activation_name(code_activation, "code_activation"),
            batch_normalization=bool(batch_normalization),
        ),
        dropout=float(dropout),
    )


def convolutional_autoencoder(
    input_shape: Sequence[int],
    *,
    filters: int | Sequence[int] = (32, 64),
    kernel_size: Any = 3,
    strides: Any = 1,
    padding: str = "same",
    pool_size: Any = 2,
    pooling: str | None = "max",
    hidden_layer_sizes: int | Sequence[int] = (),
    n_components: int = 2,
    activation: Any = "relu",
    code_activation: Any = "linear",
    output_activation: Any = "linear",
    dropout: float = 0.0,
    batch_normalization: bool = False,
    dtype: str = "float32",
) -> Architecture:
    """Describe an autoencoder of signals, pictures or volumes.

    The decoder undoes layer by layer what the encoder does: pooling by repeating values, a
    convolution by a transposed one, and it gives back exactly the size that came in.

    Parameters
    ----------
    input_shape : tuple of int
        (length, channels), (height, width, channels) or (depth, height, width, channels).
    filters, kernel_size, strides, pool_size, pooling
        The encoder's convolutions, as in :func:`~sklearn_cnn.architectures.convolutional`.
    padding : {"same", "valid"}, default="same"
        Margins of the convolutions.
    hidden_layer_sizes : int or sequence of int, default=()
        Dense layers between the convolutions and the code; the decoder has them in reverse.
    n_components : int, default=2
        Units of the code.
    activation : str or callable, default="relu"
        Activation of the convolutions and hidden layers.
    code_activation : str or callable, default="linear"
        Activation of the code.
    output_activation : str or callable, default="linear"
        Activation of the reconstruction.
    dropout : float in [0, 1), default=0.0
        Share of the units of each dense hidden layer silenced in training.
    batch_normalization : bool, default=False
        Normalise each convolution and hidden layer before its activation.
    dtype : {"float32", "float64"}, default="float32"
        What every layer computes in.

    Returns
    -------
    Architecture

    Examples
    --------
    >>> convolutional_autoencoder((13, 9, 1), filters=(8, 4)).build().output_shape
    (None, 13, 9, 1)
    """
    shape = picture_shape(input_shape)
    n_axes, sizes = len(shape) - 1, layer_sizes(filters, "filters")
    if not sizes:
        raise ValueError("filters must name at least one convolution. Got none.")
    if padding not in ("same", "valid"):
        raise ValueError(unknown("padding", padding, ("same", "valid")))
    check_pooling(pooling, n_axes, dtype)
    pool_size = per_layer(pool_size, len(sizes), n_axes, "pool_size")
    architecture = Architecture(
        function="convolutional_autoencoder",
        input_shape=shape,
        units=prod(shape),
        output_activation=activation_name(output_activation, "output_activation"),
        dtype=dtype,
        settings=settings(
            filters=sizes,
            kernel_size=per_layer(kernel_size, len(sizes), n_axes, "kernel_size"),
            strides=per_layer(strides, len(sizes), n_axes, "strides"),
            padding=padding,
            pool_size=pool_size,
            pool_strides=pool_size,
            # Values at the edge are not left out: they are to be given back.
            pool_padding="same",
            pooling=pooling,
            shared_weights=True,
            hidden_layer_sizes=layer_sizes(hidden_layer_sizes),
            n_components=_n_components(n_components),
            activation=activation_name(activation),
            code_activation=activation_name(code_activation, "code_activation"),
            batch_normalization=bool(batch_normalization),
        ),
        dropout=float(dropout),
    )
    convolutions(architecture)
    return architecture


def encoder(model):
    """The part of an autoencoder's Keras model from the input to the code; weights are shared.

    Examples
    --------
    >>> encoder(dense_autoencoder((64,), n_components=3).build()).output_shape
    (None, 3)
    """
    import keras

    return keras.Model(model.input, model.get_layer(CODE).output, name="encoder")


def decoder(model):
    """The part of an autoencoder's Keras model from the code to the output; weights are shared.

    Examples
    --------
    >>> decoder(dense_autoencoder((64,), n_components=3).build()).output_shape
    (None, 64)
    """
    import keras

    names = [layer.name for layer in model.layers]
    code = model.get_layer(CODE)
    inputs = x = keras.Input(code.output.shape[1:], dtype=code.dtype, name=f"{CODE}_input")
    for layer in model.layers[names.index(CODE) + 1 :]:
        x = layer(x)
    return keras.Model(inputs, x, name="decoder")


def _n_components(n_components: int) -> int:
    if n_components < 1:
        raise ValueError(f"n_components must be at least 1. Got {n_components}.")
    return int(n_components)


def _dense_layers(architecture: Architecture) -> list[DenseLayer]:
    output = DenseLayer("output", architecture.units, architecture.output_activation)
    return [*_inner_layers(architecture), output]


def _inner_layers(architecture: Architecture, *last: int) -> list[DenseLayer]:
    """Hidden layers, code, hidden layers in reverse and the ``last`` of the decoder."""
    sizes = architecture["hidden_layer_sizes"]

    def hidden(part: str, sizes: Sequence[int]) -> list[DenseLayer]:
        rest = architecture["batch_normalization"], architecture.has_dropout
        return [
            DenseLayer(f"{part}_{i}", units, architecture["activation"], *rest)
            for i, units in enumerate(sizes)
        ]

    code = DenseLayer(CODE, architecture["n_components"], architecture["code_activation"])
    return [*hidden("encoder", sizes), code, *hidden("decoder", (*sizes[::-1], *last))]


def _build_dense(architecture: Architecture, output_activation):
    import keras
    from keras import layers

    shape, dtype = architecture.input_shape, architecture.dtype
    inputs = x = keras.Input(shape, dtype=dtype, name="input")
    if len(shape) > 1:
        x = layers.Flatten(name="flatten", dtype=dtype)(x)
    *inner, output = _dense_layers(architecture)
    for layer in inner:
        x = stack_hidden(x, layer, architecture)
    x = stack_hidden(x, output._replace(activation=output_activation), architecture)
    if len(shape) > 1:
        x = layers.Reshape(shape, name="reshape", dtype=dtype)(x)
    return keras.Model(inputs, x, name="dense_autoencoder")


def _build_convolutional(architecture: Architecture, output_activation):
    import keras
    from keras import layers

    shape, dtype = architecture.input_shape, architecture.dtype
    stack = convolutions(architecture)
    inputs = x = keras.Input(shape, dtype=dtype, name="input")
    for layer in stack:
        x = stack_convolution(x, layer, architecture)
    smallest = tuple(x.shape[1:])
    x = layers.Flatten(name="flatten", dtype=dtype)(x)
    for dense_layer in _inner_layers(architecture, prod(smallest)):
        x = stack_hidden(x, dense_layer, architecture)
    x = layers.Reshape(smallest, name="reshape", dtype=dtype)(x)
    for i in range(len(stack) - 1, 0, -1):
        x = _undone(x, stack[i], stack[i - 1].filters, f"decoder_conv_{i}", architecture)
        if architecture["batch_normalization"]:
            name = f"decoder_conv_{i}_normalization"
            x = layers.BatchNormalization(name=name, dtype=dtype)(x)
        x = _activated(x, f"decoder_conv_{i}", architecture["activation"], dtype)
    x = _undone(x, stack[0], shape[-1], "output", architecture)
    x = _activated(x, "output", output_activation, dtype)
    return keras.Model(inputs, x, name="convolutional_autoencoder")


def _undone(x, layer: Convolution, filters: int, name: str, architecture: Architecture):
    """The pooling and the convolution of a layer backwards, each to the size that it had."""
    from keras import layers

    n_axes, dtype = len(layer.kernel), architecture.dtype
    if any(size > 1 for size in layer.pool):
        size = layer.pool if n_axes > 1 else layer.pool[0]
        up = getattr(layers, f"UpSampling{n_axes}D")
        x = up(size, name=f"{name}_upsampling", dtype=dtype)(x)
        before = [
            front
            for front, _ in margins(layer.size_convolved, layer.pool, layer.pool, layer.size_out)
        ]
        x = _fitted(x, layer.size_convolved, before, f"{name}_upsampling", dtype)
    transposed = getattr(layers, f"Conv{n_axes}DTranspose")
    padding = architecture["padding"]
    x = transposed(filters, layer.kernel, layer.strides, padding, name=name, dtype=dtype)(x)
    before = [0] * n_axes
    if padding == "same":
        # Keras's transposed convolution belongs to an input of all its strides; ours was shorter.
        ours = margins(layer.size_in, layer.kernel, layer.strides, layer.size_convolved)
        before = [
            front - max(k - s, 0) // 2
            for (front, _), k, s in zip(ours, layer.kernel, layer.strides, strict=True)
        ]
    return _fitted(x, layer.size_in, before, name, dtype)


def _fitted(x, size: Sequence[int], before: Sequence[int], name: str, dtype: str):
    """Cut to ``size``, ``before`` rows of them in front; zeros where rows are missing."""
    from keras import layers

    excess = [have - want for have, want in zip(x.shape[1:-1], size, strict=True)]
    cut = tuple((b, n - b) if n > 0 else (0, 0) for n, b in zip(excess, before, strict=True))
    missing = tuple((0, max(-n, 0)) for n in excess)
    for kind, pairs in (("Cropping", cut), ("ZeroPadding", missing)):
        if any(map(any, pairs)):
            layer = getattr(layers, f"{kind}{len(size)}D")
            x = layer(
                pairs if len(size) > 1 else pairs[0], name=f"{name}_{kind.lower()}", dtype=dtype
            )(x)
    return x


def _activated(x, name: str, activation: Any, dtype: str):
    from keras import layers

    activation = keras_activation(activation)
    return layers.Activation(activation, name=f"{name}_activation", dtype=dtype)(x)


register(
    "dense_autoencoder",
    Blueprint(_build_dense, dense_parameters, dense_layers=_dense_layers, wants_xla=True),
)
register("convolutional_autoencoder", Blueprint(_build_convolutional))
