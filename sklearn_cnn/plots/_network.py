"""What displays ask of an estimator, and the convolutions that they find in it."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted


def check_is_network(estimator: Any, display: type) -> None:
    """NotFittedError before ``fit``, TypeError where there is no network of ours to look at."""
    check_is_fitted(estimator)
    if hasattr(estimator, "architecture_"):
        return
    name, hint = type(estimator).__name__, ""
    for inside in ("best_estimator_", "estimator_", "steps"):
        if hasattr(estimator, inside):
            part = "[-1]" if inside == "steps" else f".{inside}"
            hint = f" Pass the network in it: {display.__name__}.from_estimator(fitted{part}, ...)."
            break
    raise TypeError(f"{display.__name__} draws fitted networks of sklearn_cnn. Got {name}.{hint}")


def convolutions(estimator: Any, layers: Any, display: type) -> dict[str, np.ndarray]:
    """Kernels of the convolutions, or of those that ``layers`` names, by layer.

    Returns
    -------
    dict of ndarray of shape (*window, maps_in, maps_out)
        In the order of computation; of a depthwise convolution ``maps_in`` is 1.
    """
    model = estimator.model_
    kernels = {layer.name: _kernel(layer) for layer in model.layers}
    found = {name: kernel for name, kernel in kernels.items() if kernel is not None}
    network = type(estimator).__name__
    if not found:
        raise ValueError(
            f"This {network} has no convolution, and {display.__name__} draws convolutions. Its "
            f"layers are {', '.join(map(repr, kernels))}."
        )
    if layers is None:
        return found
    wanted = [layers] if isinstance(layers, str) else list(layers)
    missing = [layer for layer in wanted if layer not in found]
    if missing:
        raise ValueError(
            f"layers names {', '.join(map(repr, missing))}, but the convolutions of this "
            f"{network} are {', '.join(map(repr, found))}."
        )
    return {layer: found[layer] for layer in wanted}


def _kernel(layer) -> np.ndarray | None:
    from keras import layers, ops

    def array(weight) -> np.ndarray:
        return np.array(ops.convert_to_numpy(weight))

    if isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D):
        return _one_map_in(array(layer.depthwise_kernel))
    if isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D):
        return _one_map_in(array(layer.kernel))
    if isinstance(layer, layers.Conv1DTranspose | layers.Conv2DTranspose | layers.Conv3DTranspose):
        return np.swapaxes(array(layer.kernel), -1, -2)
    if isinstance(layer, layers.Conv1D | layers.Conv2D | layers.Conv3D):
        return array(layer.kernel)
    return None


def _one_map_in(kernel: np.ndarray) -> np.ndarray:
    return kernel.reshape(*kernel.shape[:-2], 1, -1)


def activated(model: Any, name: str) -> str:
    """The last of the normalisation and activation layers that alone follow a convolution."""
    import keras
    from keras import layers

    after = (
        layers.BatchNormalization,
        layers.Activation,
        layers.ReLU,
        layers.LeakyReLU,
        layers.PReLU,
        layers.ELU,
    )
    followers: dict[int, list] = {}
    for operation in model.operations[1:]:
        for tensor in keras.tree.flatten(operation.input):
            followers.setdefault(id(tensor), []).append(operation)
    layer = model.get_layer(name)
    while True:
        next_layers = followers.get(id(layer.output), [])
        if len(next_layers) != 1 or not isinstance(next_layers[0], after):
            return layer.name
        layer = next_layers[0]
