"""What a network looks like, before any Keras model exists.

A description is small, hashable and equal to every other description of the same network: it is
the key under which compiled programs are kept. How a model of each kind is built stands beside
the function that describes it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from sklearn_cnn import compat

from ._names import unknown

# The layers that Keras ships name their weights so; any other name is "other".
_ROLES = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "scale",
    "beta": "offset",
    "moving_mean": "moving_mean",
    "moving_variance": "moving_variance",
}


@dataclass(frozen=True)
class Parameter:
    """One weight array of a network.

    Parameters
    ----------
    path : str
        Layer and name, as in ``keras.Variable.path``: ``"hidden_0/kernel"``.
    shape : tuple of int
        Shape of the array.
    role : {"kernel", "bias", "scale", "offset", "moving_mean", "moving_variance", "other"}
        What the array does in its layer.
    trainable : bool
        Whether the solver changes it.
    fan_in, fan_out : int
        Connections into and out of a unit of the layer, as Keras's initializers count them.
    initializer : str or None
        Keras initializer: a name, or its configuration as JSON where it has settings.
    """

    path: str
    shape: tuple[int, ...]
    role: str
    trainable: bool
    fan_in: int
    fan_out: int
    initializer: str | None


@dataclass(frozen=True)
class Architecture:
    """A network as a value: equal, hashable, picklable, and able to build its Keras model.

    Made by the functions of this room, such as :func:`~sklearn_cnn.architectures.dense`.

    Parameters
    ----------
    function : str
        Name of the function that made the description.
    input_shape : tuple of int
        Shape of one row of X.
    units : int
        Output units.
    output_activation : str
        Activation of the last layer.
    dtype : {"float32", "float64"}, default="float32"
        What every layer computes in.
    settings : tuple of (str, object) pairs, default=()
        What else was asked for, sorted by name.
    dropout : float in [0, 1), default=0.0
        Share of units silenced in training. Compiled programs take it as an input, so it has
        no part in equality; whether there is dropout at all (`has_dropout`) does.

    Examples
    --------
    >>> from sklearn_cnn.architectures import dense
    >>> small = dense((4,), 3, "softmax", hidden_layer_sizes=(8,))
    >>> [(parameter.path, parameter.shape) for parameter in small.parameters]
    [('hidden_0/kernel', (4, 8)), ('hidden_0/bias', (8,)), ('output/kernel', (8, 3)), \
('output/bias', (3,))]
    >>> small == dense([4], 3, "softmax", hidden_layer_sizes=8)
    True
    """

    function: str
    input_shape: tuple[int, ...]
    units: int
    output_activation: Any
    dtype: str = "float32"
    settings: tuple[tuple[str, Any], ...] = ()
    has_dropout: bool = field(init=False)
    dropout: float = field(default=0.0, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "has_dropout", self.dropout > 0)

    def __getitem__(self, setting: str) -> Any:
        return dict(self.settings)[setting]

    def build(self, *, linear_output: bool = False):
        """A new functional Keras model, its initial weights always the same.

        Parameters
        ----------
        linear_output : bool, default=False
            Leave the output activation out. The weights are the same, in the same order.

        Returns
        -------
        keras.Model
        """
        activation = "linear" if linear_output else self.output_activation
        with compat.seeded_keras(0):
            return self._blueprint.build(self, activation)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The weights in the order of ``model.weights``."""
        return _parameters(self)

    @property
    def n_parameters(self) -> int:
        """Number of weights, moving statistics included."""
        return sum(prod(parameter.shape) for parameter in self.parameters)

    @property
    def rows_interact(self) -> bool:
        """Whether the rows of a batch influence each other in training."""
        return any(parameter.role == "moving_mean" for parameter in self.parameters)

    @property
    def has_known_layers(self) -> bool:
        """Whether all layers are Keras's own, whose weights are made from a shape."""
        # A layer as an activation stands there by its configuration, and may be anybody's.
        return not any(isinstance(v, str) and v.startswith("{") for _, v in self.settings)

    @property
    def has_own_train_step(self) -> bool:
        """Whether the model is trained by a rule of its own."""
        return False

    @property
    def has_own_rates(self) -> bool:
        """Whether its dropout layers keep their own rates, instead of the one of `dropout`."""
        return False

    @property
    def wants_xla(self) -> bool:
        """Whether XLA serves the network on a CPU: dense ones gain, convolutions lose."""
        return self._blueprint.wants_xla

    def draw(self, rng: np.random.RandomState, kernel_initializer=None) -> list[np.ndarray]:
        """Initial weights in the order of ``model.weights``; no model is built for them.

        Parameters
        ----------
        rng : numpy.random.RandomState
            The only source of randomness; it is advanced.
        kernel_initializer : str, dict or keras.initializers.Initializer, default=None
            Draws the kernels, biases being zero then. None means the architecture's own rule.

        Returns
        -------
        list of ndarray
        """
        if kernel_initializer is None and self._blueprint.draw is not None:
            return self._blueprint.draw(self, rng)
        return draw_with_keras(self, rng, kernel_initializer)

    def get_config(self) -> dict[str, Any]:
        """The description in plain values that JSON keeps."""
        for name, value in (("output_activation", self.output_activation), *self.settings):
            if callable(value):
                raise TypeError(
                    f"{name}={value!r} has no name that a file could keep. Decorate it with "
                    f"keras.saving.register_keras_serializable()."
                )
        return {
            "function": self.function,
            "input_shape": list(self.input_shape),
            "units": self.units,
            "output_activation": self.output_activation,
            "dtype": self.dtype,
            "settings": dict(self.settings),
            "dropout": self.dropout,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Architecture":
        """The description that :meth:`get_config` wrote."""
        if config["function"] not in _BLUEPRINTS:
            raise ValueError(unknown("function", config["function"], _BLUEPRINTS))
        config = {name: _frozen(value) for name, value in config.items() if name != "settings"} | {
            "settings": settings(**config["settings"])
        }
        return cls(**config)

    @property
    def _blueprint(self) -> "Blueprint":
        return _BLUEPRINTS[self.function]


@dataclass(frozen=True)
class Blueprint:
    """How the networks of one function are made.

    Parameters
    ----------
    build : callable
        ``build(architecture, output_activation) -> keras.Model``.
    parameters : callable, default=None
        ``parameters(architecture) -> iterable of Parameter``; None: read from one built model.
    draw : callable, default=None
        ``draw(architecture, rng) -> list of ndarray``; None: the Keras initializers of the
        parameters.
    dense_layers : callable, default=None
        ``dense_layers(architecture) -> list of DenseLayer``; None: there are other layers.
    wants_xla : bool, default=False
        See :attr:`Architecture.wants_xla`.
    """

    build: Callable[[Architecture, Any], Any]
    parameters: Callable[[Architecture], Iterator[Parameter]] | None = None
    draw: Callable[[Architecture, np.random.RandomState], list[np.ndarray]] | None = None
    dense_layers: Callable[[Architecture], list] | None = None
    wants_xla: bool = False


_BLUEPRINTS: dict[str, Blueprint] = {}


def register(function: str, blueprint: Blueprint) -> None:
    """Make the descriptions of ``function`` buildable."""
    _BLUEPRINTS[function] = blueprint


def settings(**values: Any) -> tuple[tuple[str, Any], ...]:
    """Settings as sorted, hashable pairs."""
    return tuple((name, _frozen(values[name])) for name in sorted(values))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


@lru_cache(maxsize=256)
def _parameters(architecture: Architecture) -> tuple[Parameter, ...]:
    blueprint = architecture._blueprint
    if blueprint.parameters is not None:
        return tuple(blueprint.parameters(architecture))
    return parameters_of_model(architecture.build())


def parameters_of_model(model) -> tuple[Parameter, ...]:
    """The weights of a built Keras model, in the order of ``model.weights``."""
    return tuple(
        Parameter(
            path=variable.path,
            shape=tuple(variable.shape),
            role=_ROLES.get(variable.name, "other"),
            trainable=bool(variable.trainable),
            **dict(zip(("fan_in", "fan_out"), _fans(layer, variable), strict=True)),
            initializer=_initializer_of(layer, variable.name),
        )
        for layer in model.layers
        for variable in layer.weights
    )


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Connections into and out of a unit, from the shape of its kernel."""
    if len(shape) < 2:
        return (prod(shape), prod(shape))
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _fans(layer, variable) -> tuple[int, int]:
    kernel = getattr(layer, "kernel", None)
    return fans(tuple((variable if kernel is None else kernel).shape))


def _initializer_of(layer, name: str) -> str | None:
    initializer = getattr(layer, f"{name}_initializer", None)
    if initializer is None:
        return None
    from keras import initializers

    return json.dumps(initializers.serialize(initializer), sort_keys=True)


def draw_with_keras(
    architecture: Architecture, rng: np.random.RandomState, kernel_initializer=None
) -> list[np.ndarray]:
    """Values of Keras's own initializers, seeded from ``rng``."""
    values = []
    for parameter in architecture.parameters:
        initializer = parameter.initializer
        if kernel_initializer is not None and parameter.role == "kernel":
            initializer = kernel_initializer
        elif kernel_initializer is not None and parameter.role == "bias":
            initializer = "zeros"
        value = _seeded(initializer, rng)(parameter.shape, dtype=architecture.dtype)
        values.append(_as_numpy(value, architecture.dtype))
    return values


def _seeded(initializer: Any, rng: np.random.RandomState) -> Callable:
    """A Keras initializer whose open seed is drawn from ``rng``; a seed of its own is kept."""
    from keras import initializers

    if isinstance(initializer, str) and initializer.startswith("{"):
        initializer = json.loads(initializer)
    seed = int(rng.randint(np.iinfo(np.int32).max))
    with compat.seeded_keras(seed):
        try:
            found = initializers.get(initializer)
        except ValueError:
            known = [name for name in vars(initializers) if _is_initializer_name(name)]
            raise ValueError(unknown("kernel_initializer", initializer, known)) from None
    if isinstance(found, initializers.Initializer):
        config = found.get_config()
        if config.get("seed", 0) is None:
            return type(found).from_config(config | {"seed": seed})
    return found


def _is_initializer_name(name: str) -> bool:
    return (
        name.islower()
        and not name.startswith("_")
        and name not in {"get", "serialize", "deserialize"}
    )


def _as_numpy(value: Any, dtype: str) -> np.ndarray:
    from keras import ops

    return np.array(ops.convert_to_numpy(value), dtype=dtype)
