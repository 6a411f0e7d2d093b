"""What each layer of a network makes: shapes, weights, connections, receptive fields."""

from math import prod
from typing import NamedTuple

from ._description import Architecture


class LayerRow(NamedTuple):
    """One line of :func:`layer_table`."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    connections: int
    receptive_field: tuple[int, ...]


def layer_table(architecture: Architecture) -> list[LayerRow]:
    """Every layer of an architecture, in the order of computation.

    Parameters
    ----------
    architecture : Architecture
        Any description; its model is built once.

    Returns
    -------
    list of LayerRow
        Name, Keras class, shape of the output of one row, number of weights, number of
        connections (biases counted as connections), and the side of the part of the picture
        that one unit sees, along each axis.

    Examples
    --------
    >>> from sklearn_cnn.architectures import dense
    >>> for row in layer_table(dense((64,), 10, "softmax", hidden_layer_sizes=(100,))):
    ...     print(row.name, row.output_shape, row.parameters)
    hidden_0 (100,) 6500
    output (10,) 1010
    """
    model = architecture.build()
    fields = _receptive_fields(model, architecture.input_shape)
    return [
        LayerRow(
            name=layer.name,
            type=type(layer).__name__,
            output_shape=tuple(layer.output.shape[1:]),
            parameters=layer.count_params(),
            connections=_connections(layer),
            receptive_field=fields[layer.name],
        )
        for layer in model.layers[1:]
    ]


def receptive_field(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The part of the picture that one unit of each layer sees: its side along each axis.

    The side is 1 + sum (k - 1) prod strides over the windows k up to the layer. It may be longer
    than the picture, where it covers margins; a dense layer sees the whole picture.

    Examples
    --------
    >>> from sklearn_cnn.architectures import convolutional
    >>> network = convolutional((12, 12, 1), 2, "softmax", filters=(8, 8), pooling=None)
    >>> receptive_field(network)
    {'conv_0': (3, 3), 'conv_1': (5, 5), 'flatten': (5, 5), 'hidden_0': (12, 12), \
'output': (12, 12)}
    """
    return {row.name: row.receptive_field for row in layer_table(architecture)}


def _receptive_fields(model, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """By layer name; an operation that is no layer passes on what it gets."""
    import keras

    whole = input_shape if len(input_shape) == 1 else input_shape[:-1]
    seen = {id(model.inputs[0]): ((1,) * len(whole), (1,) * len(whole))}
    fields = {}
    for operation in model.operations[1:]:
        sources = [seen[id(tensor)] for tensor in keras.tree.flatten(operation.input)]
        field = tuple(max(sides) for sides in zip(*(source[0] for source in sources), strict=True))
        jump = tuple(max(steps) for steps in zip(*(source[1] for source in sources), strict=True))
        window = _window(operation, whole)
        if window is None:
            field, jump = whole, (0,) * len(whole)
        else:
            field = tuple(
                side + (k - 1) * step for side, k, step in zip(field, window[0], jump, strict=True)
            )
            jump = tuple(step * s for step, s in zip(jump, window[1], strict=True))
        seen[id(operation.output)] = field, jump
        fields[operation.name] = field
    return fields


def _window(operation, whole):
    """Window and strides of an operation; None where each unit sees all of its input."""
    from keras import layers

    if isinstance(operation, layers.Dense):
        return None
    strides = getattr(operation, "strides", None)
    window = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    if strides is None or window is None:
        return (1,) * len(whole), (1,) * len(whole)
    dilation = getattr(operation, "dilation_rate", (1,) * len(whole))
    return tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)), strides


def _connections(layer) -> int:
    """Inputs, biases included, that the units of a layer take together."""
    from keras import layers

    if hasattr(layer, "pool_size"):
        return prod(layer.output.shape[1:]) * prod(layer.pool_size)
    if isinstance(layer, layers.EinsumDense):
        # Filters of one place are used once. The coefficient of a pooled map weighs connections
        # that the pooling has counted: its bias alone is new.
        return layer.count_params() if layer.kernel.ndim > 1 else prod(layer.output.shape[1:])
    return prod(layer.output.shape[1:-1]) * layer.count_params()
