"""LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998) and the LeNet of the Theano tutorial."""

from collections.abc import Sequence
from math import prod
from typing import Any

from ._description import Architecture, Blueprint, fans, register, settings
from ._names import unknown
from .activations import activation_name, keras_activation

_SMALLEST_LENET5, _SMALLEST_LENET = 28, 16

# Table I of the paper: the maps of S2 that each map of C3 sees, by number of maps seen.
_CONNECTION_TABLE: list[list[tuple[int, ...]]] = [
    [(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)],
    [
        (0, 1, 2, 3),
        (1, 2, 3, 4),
        (2, 3, 4, 5),
        (0, 3, 4, 5),
        (0, 1, 4, 5),
        (0, 1, 2, 5),
        (0, 1, 3, 4),
        (1, 2, 4, 5),
        (0, 2, 3, 5),
    ],
    [(0, 1, 2, 3, 4, 5)],
]


def lenet5(
    input_shape: Sequence[int],
    units: int,
    output_activation: Any,
    *,
    subsampling: str = "average",
    connections: str = "full",
    output: str = "dense",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Architecture:
    """Describe LeNet-5: two convolutions with average pooling, a third that sees what is left.

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels), at least 28x28; less than 32x32 is padded with zeros to it.
    units : int
        Output units.
    output_activation : str
        Activation of the output layer.
    subsampling : {"average", "trainable"}, default="average"
        "trainable" gives each pooled map a coefficient and a bias, as the paper has it.
    connections : {"full", "table"}, default="full"
        Whether a map of C3 sees all maps of S2, or those of the paper's table.
    output : {"dense", "rbf"}, default="dense"
        "rbf": the squared distance of F6 to one prototype for each class, the smallest winning;
        probabilities are the softmax of minus the distance.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of the last two layers silenced in training.
    dtype : {"float32", "float64"}, default="float32"
        What every layer computes in.

    Returns
    -------
    Architecture

    References
    ----------
    .. [1] LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
           recognition", Proceedings of the IEEE 86 (1998), 2278-2324.

    Examples
    --------
    >>> lenet5((28, 28, 1), 10, "softmax").n_parameters
    61706
    """
    shape = _picture(input_shape, "lenet5", _SMALLEST_LENET5)
    for parameter, value, known in (
        ("subsampling", subsampling, ("average", "trainable")),
        ("connections", connections, ("full", "table")),
        ("output", output, ("dense", "rbf")),
    ):
        if value not in known:
            raise ValueError(unknown(parameter, value, known))
    activation = activation_name(output_activation, "output_activation")
    if output == "rbf" and activation != "softmax":
        raise ValueError(
            "output='rbf' has one prototype for each class and needs "
            f"output_activation='softmax'. Got {output_activation!r}."
        )
    return Architecture(
        function="lenet5",
        input_shape=shape,
        units=int(units),
        output_activation=activation,
        dtype=dtype,
        settings=settings(subsampling=subsampling, connections=connections, output=output),
        dropout=float(dropout),
    )


def lenet(
    input_shape: Sequence[int],
    units: int,
    output_activation: Any,
    *,
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Architecture:
    """Describe the LeNet of the Theano tutorial: 20 and 50 maps, max pooling, 500 tanh units.

    Kernels of the convolutions start in +-sqrt(6 / (fan_in + fan_out / 4)), where 4 is the area
    of the pooling windows; the output layer starts at zero.

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels), at least 16x16.
    units : int
        Output units.
    output_activation : str
        Activation of the output layer.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of the dense layers silenced in training.
    dtype : {"float32", "float64"}, default="float32"
        What every layer computes in.

    Returns
    -------
    Architecture

    Examples
    --------
    >>> lenet((28, 28, 1), 10, "softmax").n_parameters
    431080
    """
    return Architecture(
        function="lenet",
        input_shape=_picture(input_shape, "lenet", _SMALLEST_LENET),
        units=int(units),
        output_activation=activation_name(output_activation, "output_activation"),
        dtype=dtype,
        dropout=float(dropout),
    )


def _picture(input_shape: Sequence[int], name: str, smallest: int) -> tuple[int, ...]:
    shape = tuple(int(size) for size in input_shape)
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"{name} needs input_shape=(height, width, channels). Got {shape}.")
    if min(shape[:2]) < smallest:
        raise ValueError(
            f"{name} needs pictures of at least {smallest}x{smallest}, but "
            f"input_shape={shape} is {shape[0]}x{shape[1]}. Enlarge the pictures, or leave "
            f"architecture=None and choose filters."
        )
    return shape


def _build_lenet5(architecture: Architecture, output_activation):
    import keras
    from keras import layers

    kind: dict[str, Any] = {"dtype": architecture.dtype}
    inputs = x = keras.Input(architecture.input_shape, dtype=architecture.dtype, name="input")
    margins = [max(32 - size, 0) for size in architecture.input_shape[:2]]
    if any(margins):
        both_sides = tuple((margin // 2, margin - margin // 2) for margin in margins)
        x = layers.ZeroPadding2D(both_sides, name="padding", **kind)(x)
    x = layers.Conv2D(6, 5, activation="tanh", name="C1", **kind)(x)
    x = _subsampled(x, "S2", architecture)
    x = _third_layer(x, architecture)
    x = _subsampled(x, "S4", architecture)
    x = layers.Conv2D(120, 5, activation="tanh", name="C5", **kind)(x)
    x = layers.Flatten(name="flatten", **kind)(x)
    x = _dropped(x, "F6", architecture)
    x = layers.Dense(84, activation="tanh", name="F6", **kind)(x)
    x = _dropped(x, "output", architecture)
    if architecture["output"] == "dense":
        activation = keras_activation(output_activation)
        output = layers.Dense(architecture.units, activation, name="output", **kind)(x)
        return keras.Model(inputs, output, name="lenet5")
    from .layers import RadialBasis

    distance = RadialBasis(architecture.units, name="RBF", **kind)(x)
    score = layers.Rescaling(-1.0, name="nearness", **kind)(distance)
    output = layers.Activation(output_activation, name="output", **kind)(score)
    return keras.Model(inputs, output, name="lenet5")


def _subsampled(x, name: str, architecture: Architecture):
    from keras import layers

    dtype = architecture.dtype
    x = layers.AveragePooling2D(2, name=name, dtype=dtype)(x)
    if architecture["subsampling"] == "trainable":
        # A coefficient and a bias a map; Keras's own layer, so that a saved model loads anywhere.
        x = layers.EinsumDense(
            "nhwc,c->nhwc",
            output_shape=x.shape[1:],
            bias_axes="c",
            kernel_initializer="ones",
            name=f"{name}_coefficients",
            dtype=dtype,
        )(x)
    return layers.Activation("tanh", name=f"{name}_activation", dtype=dtype)(x)


def _third_layer(x, architecture: Architecture):
    from keras import layers, ops

    kind: dict[str, Any] = {"activation": "tanh", "dtype": architecture.dtype}
    if architecture["connections"] == "full":
        return layers.Conv2D(16, 5, name="C3", **kind)(x)
    parts = []
    for number, maps in enumerate(_CONNECTION_TABLE):
        seen = ops.take(x, [index for group in maps for index in group], axis=-1)
        convolution = layers.Conv2D(len(maps), 5, groups=len(maps), name=f"C3_{number}", **kind)
        parts.append(convolution(seen))
    return layers.Concatenate(name="C3", dtype=architecture.dtype)(parts)


def _dropped(x, name: str, architecture: Architecture):
    from keras import layers

    if not architecture.has_dropout:
        return x
    rate, dtype = architecture.dropout, architecture.dtype
    return layers.Dropout(rate, name=f"{name}_dropout", dtype=dtype)(x)


def _build_lenet(architecture: Architecture, output_activation):
    import keras
    from keras import layers

    kind: dict[str, Any] = {"dtype": architecture.dtype}
    inputs = x = keras.Input(architecture.input_shape, dtype=architecture.dtype, name="input")
    for number, filters in enumerate((20, 50)):
        x = layers.Conv2D(
            filters,
            5,
            kernel_initializer=_tutorial_initializer((5, 5, x.shape[-1], filters)),
            name=f"conv_{number}",
            **kind,
        )(x)
        x = layers.MaxPooling2D(2, name=f"pool_{number}", **kind)(x)
        x = layers.Activation("tanh", name=f"conv_{number}_activation", **kind)(x)
    x = layers.Flatten(name="flatten", **kind)(x)
    x = _dropped(x, "hidden_0", architecture)
    x = layers.Dense(500, activation="tanh", name="hidden_0", **kind)(x)
    x = _dropped(x, "output", architecture)
    x = layers.Dense(
        architecture.units,
        activation=keras_activation(output_activation),
        kernel_initializer="zeros",
        name="output",
        **kind,
    )(x)
    return keras.Model(inputs, x, name="lenet")


def _tutorial_initializer(shape: tuple[int, ...]):
    from keras import initializers

    fan_in, fan_out = fans(shape)
    bound = (6 / (fan_in + fan_out / prod((2, 2)))) ** 0.5
    return initializers.RandomUniform(-bound, bound)


register("lenet5", Blueprint(_build_lenet5))
register("lenet", Blueprint(_build_lenet))
