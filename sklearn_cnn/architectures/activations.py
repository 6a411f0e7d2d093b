"""Activations: the names that users may write, their Keras functions and their NumPy forms."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, ndtr, softmax

from sklearn_cnn.families import OWN_ACTIVATIONS
from sklearn_cnn.families import keras_activation as link_activation

from ._names import unknown

# Keras 3.15 computes other numbers than the paper; prediction must say what training saw.
_WITHOUT_NUMPY = {"sparsemax"}

# scikit-learn's spellings and Keras's second ones.
_ALIASES = {
    "identity": "linear",
    "logistic": "sigmoid",
    "swish": "silu",
    "hard_swish": "hard_silu",
}


def activation_name(activation: Any, parameter: str = "activation") -> Any:
    """The one hashable form under which an activation stands in a description.

    Parameters
    ----------
    activation : str or callable
        A name of scikit-learn's or Keras's, a function of ``keras.activations``, a function
        registered with Keras, or a Keras layer such as ``keras.layers.LeakyReLU(0.1)``.
    parameter : str, default="activation"
        The parameter that an error names.

    Returns
    -------
    str or callable
        Keras's name; for a registered function its registered name, for a layer its
        configuration as JSON. An unregistered function stays what it is.

    Examples
    --------
    >>> activation_name("logistic")
    'sigmoid'
    >>> activation_name("rleu")
    Traceback (most recent call last):
        ...
    ValueError: activation='rleu' is unknown. Known names: ... Did you mean 'relu'?
    """
    if isinstance(activation, str):
        name = _ALIASES.get(activation, activation)
        # Registered functions are named "package>name", layers by their configuration.
        if name in _names() | OWN_ACTIVATIONS or ">" in name or name.startswith("{"):
            return name
        raise ValueError(unknown(parameter, activation, {*_names(), *_ALIASES}))
    if not callable(activation):
        raise TypeError(
            f"{parameter} must be the name of an activation or a callable. Got {activation!r}."
        )
    return _name_of_callable(activation)


def _names() -> set[str]:
    return {*_NUMPY, *_WITHOUT_NUMPY}


def _name_of_callable(activation: Callable) -> Any:
    from keras import layers, saving

    name = getattr(activation, "__name__", None)
    if str(getattr(activation, "__module__", "")).startswith("keras.") and name in _names():
        return name
    if isinstance(activation, layers.Layer):
        layer = saving.serialize_keras_object(activation)
        # Keras numbers the layers of a process: the name tells nothing of what they compute.
        layer["config"].pop("name", None)
        return json.dumps(layer, sort_keys=True)
    if name is None:
        return activation
    registered = saving.get_registered_name(activation)
    return activation if saving.get_registered_object(registered) is None else registered


def keras_activation(activation: Any) -> Callable:
    """The Keras function of an activation in the form of :func:`activation_name`."""
    from keras import activations, saving

    if isinstance(activation, str) and activation.startswith("{"):
        return saving.deserialize_keras_object(json.loads(activation), safe_mode=True)
    if isinstance(activation, str) and ">" in activation:
        found = saving.get_registered_object(activation)
        if found is None:
            raise ValueError(
                f"The activation {activation!r} is not registered in this process. Import the "
                f"module that registers it with keras.saving.register_keras_serializable()."
            )
        return found
    if activation in OWN_ACTIVATIONS:
        return link_activation(activation)
    return activations.get(activation)


def numpy_activation(activation: Any) -> Callable[[np.ndarray], np.ndarray] | None:
    """The activation as a NumPy function of the last axis, or None where there is none.

    It returns a new array of the dtype of its argument.

    Examples
    --------
    >>> numpy_activation("relu")(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return _NUMPY.get(_ALIASES.get(activation, activation))


def is_unitwise(activation: Any) -> bool:
    """Whether it is known to give each unit a value that depends on its own input only."""
    return activation in _NUMPY.keys() - {"softmax", "log_softmax"}


def _elu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.expm1(np.minimum(x, 0))


def _selu(x: np.ndarray) -> np.ndarray:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * (np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(x, 0)


def _hard_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(x / 6 + 0.5, 0, 1)


def _softmax(x: np.ndarray) -> np.ndarray:
    return softmax(x, axis=-1)


_NUMPY: dict[Any, Callable[[np.ndarray], np.ndarray]] = {
    "celu": _elu,
    "elu": _elu,
    "exponential": np.exp,
    "gelu": lambda x: x * ndtr(x),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, np.zeros_like(x)),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": lambda x: np.where(x > 0, x, x * x.dtype.type(0.2)),
    "linear": np.array,
    "log_sigmoid": lambda x: -_softplus(-x),
    "log_softmax": lambda x: log_softmax(x, axis=-1),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": _selu,
    "sigmoid": expit,
    "silu": lambda x: x * expit(x),
    "soft_shrink": lambda x: x - np.clip(x, -0.5, 0.5),
    "softmax": _softmax,
    "softplus": _softplus,
    "softsign": lambda x: x / (np.abs(x) + 1),
    "sparse_plus": lambda x: np.where(x < 1, np.square(np.maximum(x + 1, 0)) / 4, x),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "squareplus": lambda x: (x + np.sqrt(np.square(x) + 4)) / 2,
    "tanh": np.tanh,
    "tanh_shrink": lambda x: x - np.tanh(x),
}
