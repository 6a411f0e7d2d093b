"""Dense networks: every unit sees every unit of the layer before."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ._description import Architecture, Blueprint, Parameter, register, settings
from .activations import activation_name, is_unitwise, keras_activation


def dense(
    input_shape: Sequence[int],
    units: int,
    output_activation: Any,
    *,
    hidden_layer_sizes: int | Sequence[int] = (100,),
    activation: Any = "relu",
    dropout: float = 0.0,
    batch_normalization: bool = False,
    dtype: str = "float32",
) -> Architecture:
    """Describe a multi-layer perceptron.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one row; more than one axis is flattened.
    units : int
        Output units.
    output_activation : str
        Activation of the output layer.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; ``()`` is a generalised linear model.
    activation : str or callable, default="relu"
        Activation of the hidden layers.
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
    >>> dense((64,), 10, "softmax", hidden_layer_sizes=(128, 128)).n_parameters
    26122
    """
    return Architecture(
        function="dense",
        input_shape=tuple(int(size) for size in input_shape),
        units=int(units),
        output_activation=activation_name(output_activation, "output_activation"),
        dtype=dtype,
        settings=settings(
            hidden_layer_sizes=layer_sizes(hidden_layer_sizes),
            activation=activation_name(activation),
            batch_normalization=bool(batch_normalization),
        ),
        dropout=float(dropout),
    )


class DenseLayer(NamedTuple):
    """One dense layer of a network that has no others."""

    name: str
    units: int
    activation: Any
    batch_normalization: bool = False
    dropout: bool = False


def dense_layers(architecture: Architecture) -> list[DenseLayer] | None:
    """The layers of a dense network, or None where it has others.

    Together with the weights they are all that a forward pass in NumPy needs. Rows of more than
    one axis are flattened before the first layer.
    """
    layers = architecture._blueprint.dense_layers
    return None if layers is None else layers(architecture)


def works_unit_by_unit(architecture: Architecture) -> bool:
    """Whether it is a perceptron whose hidden units know nothing of others in their layer."""
    if architecture.function != "dense" or not architecture["hidden_layer_sizes"]:
        return False
    return is_unitwise(architecture["activation"])


def with_hidden_sizes(architecture: Architecture, sizes: Sequence[int]) -> Architecture:
    """The same perceptron with other hidden layers."""
    changed = dict(architecture.settings) | {"hidden_layer_sizes": layer_sizes(sizes)}
    return replace(architecture, settings=settings(**changed))


def layer_sizes(sizes: int | Sequence[int], parameter: str = "hidden_layer_sizes") -> tuple:
    """Layer sizes as a tuple of positive ints."""
    listed = [int(size) for size in np.atleast_1d(np.asarray(sizes, dtype=object))]
    if any(size <= 0 for size in listed):
        raise ValueError(f"{parameter} must be > 0, got {listed}.")
    return tuple(listed)


def stack_hidden(x, layer: DenseLayer, architecture: Architecture):
    """Dense, then batch normalisation, activation and dropout where the layer has them."""
    from keras import layers

    kind: dict[str, Any] = {"dtype": architecture.dtype}
    activation = keras_activation(layer.activation)
    if layer.batch_normalization:
        x = layers.Dense(layer.units, name=layer.name, **kind)(x)
        x = layers.BatchNormalization(name=f"{layer.name}_normalization", **kind)(x)
        x = layers.Activation(activation, name=f"{layer.name}_activation", **kind)(x)
    else:
        x = layers.Dense(layer.units, activation=activation, name=layer.name, **kind)(x)
    if layer.dropout:
        x = layers.Dropout(architecture.dropout, name=f"{layer.name}_dropout", **kind)(x)
    return x


def dense_parameters(architecture: Architecture) -> Iterator[Parameter]:
    """The weights of a stack of dense layers, found without Keras."""
    fan_in = prod(architecture.input_shape)
    for layer in dense_layers(architecture) or []:
        fans = {"fan_in": fan_in, "fan_out": layer.units}
        shape = (fan_in, layer.units)
        yield Parameter(f"{layer.name}/kernel", shape, "kernel", True, **fans, initializer=GLOROT)
        yield Parameter(
            f"{layer.name}/bias", (layer.units,), "bias", True, **fans, initializer="zeros"
        )
        if layer.batch_normalization:
            for name, role, trainable, initializer in _NORMALIZATION:
                yield Parameter(
                    f"{layer.name}_normalization/{name}",
                    (layer.units,),
                    role,
                    trainable,
                    layer.units,
                    layer.units,
                    initializer,
                )
        fan_in = layer.units


GLOROT = "glorot_uniform"
_NORMALIZATION = [
    ("gamma", "scale", True, "ones"),
    ("beta", "offset", True, "zeros"),
    ("moving_mean", "moving_mean", False, "zeros"),
    ("moving_variance", "moving_variance", False, "ones"),
]


def _layers(architecture: Architecture) -> list[DenseLayer]:
    hidden = [
        DenseLayer(
            f"hidden_{i}",
            units,
            architecture["activation"],
            architecture["batch_normalization"],
            architecture.has_dropout,
        )
        for i, units in enumerate(architecture["hidden_layer_sizes"])
    ]
    return [*hidden, DenseLayer("output", architecture.units, architecture.output_activation)]


def _build(architecture: Architecture, output_activation):
    import keras
    from keras import layers

    dtype = architecture.dtype
    inputs = x = keras.Input(architecture.input_shape, dtype=dtype, name="input")
    if len(architecture.input_shape) > 1:
        x = layers.Flatten(name="flatten", dtype=dtype)(x)
    *hidden, output = _layers(architecture)
    for layer in hidden:
        x = stack_hidden(x, layer, architecture)
    x = stack_hidden(x, output._replace(activation=output_activation), architecture)
    return keras.Model(inputs, x, name="dense")


def _draw(architecture: Architecture, rng: np.random.RandomState) -> list[np.ndarray]:
    """scikit-learn's rule, number by number: weights, then biases, a layer at a time."""
    # Glorot and Bengio (2010) ask for 6 with tanh; scikit-learn takes 2 for logistic units.
    factor = 2.0 if architecture["activation"] == "sigmoid" else 6.0
    weights = []
    for parameter in architecture.parameters:
        if parameter.role in {"kernel", "bias"}:
            bound = np.sqrt(factor / (parameter.fan_in + parameter.fan_out))
            values = rng.uniform(-bound, bound, parameter.shape)
        else:
            values = np.full(parameter.shape, 1.0 if parameter.initializer == "ones" else 0.0)
        weights.append(values.astype(architecture.dtype, copy=False))
    return weights


register("dense", Blueprint(_build, dense_parameters, _draw, _layers, wants_xla=True))
