"""Networks that users bring along: a Keras model, or a function that makes one.

What the user passes is a template and is never changed. A description holds what independent
copies can be made from: the configuration that Keras keeps of a model, with the user's own classes
and functions, or, for a model without one, a function to call.
"""

import inspect
import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from sklearn_cnn import compat

from ._description import _ROLES, Architecture, Parameter, _fans, _initializer_of
from .activations import numpy_activation

# Layers whose rows know nothing of each other; of any other layer nothing is known.
_ROW_BY_ROW = frozenset(
    "InputLayer Dense EinsumDense Embedding Masking Activation ReLU LeakyReLU PReLU ELU Softmax "
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout "
    "AlphaDropout Flatten Reshape Permute RepeatVector ZeroPadding1D ZeroPadding2D ZeroPadding3D "
    "Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D Rescaling Resizing "
    "CenterCrop Normalization CategoryEncoding Discretization LayerNormalization "
    "GroupNormalization RMSNormalization UnitNormalization Conv1D Conv2D Conv3D Conv1DTranspose "
    "Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D DepthwiseConv1D "
    "DepthwiseConv2D MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D "
    "AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D SimpleRNN LSTM GRU RNN "
    "SimpleRNNCell LSTMCell GRUCell StackedRNNCells ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional "
    "TimeDistributed Attention AdditiveAttention MultiHeadAttention GroupQueryAttention Add "
    "Subtract Multiply Average Maximum Minimum Concatenate Dot Identity".split()
)
_DENSE = frozenset("InputLayer Dense Dropout Activation ReLU Flatten Sequential Functional".split())
# Layers that may draw at random while they are trained.
_NOISY = frozenset(
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout "
    "AlphaDropout".split()
)
# Layers whose activation is the last thing that they do.
_ENDS_WITH_ACTIVATION = frozenset(
    "Dense EinsumDense Activation Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose "
    "Conv3DTranspose SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D".split()
)
_LOOKUPS = frozenset(("IntegerLookup", "StringLookup"))
_PLAIN = (bool, int, float, str, type(None), np.number)


class UnsuitableModel(ValueError):
    """A model that no estimator can train."""


class CannotCopy(UnsuitableModel):
    """A model from which no independent copy can be made."""


@dataclass(frozen=True)
class Input:
    """One input of a network.

    Parameters
    ----------
    name : str or None
        Its name, where a network takes several.
    shape : tuple of int
        Shape of a row.
    dtype : str
        Type of the numbers that it takes: whole ones for embeddings.
    """

    name: str | None
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Named:
    """A user's class or function under the name that a configuration has for it.

    Functions are equal if they do the same: one that is defined inside another function, which
    makes it anew at each call, is the same function still.
    """

    name: str
    value: Any

    def __eq__(self, other):
        return (
            isinstance(other, Named)
            and self.name == other.name
            and _meaning(self.value) == _meaning(other.value)
        )

    def __hash__(self):
        return hash((self.name, getattr(self.value, "__code__", self.value)))


def _meaning(value: Any) -> Any:
    if not isinstance(value, FunctionType):
        return value
    cells = [_meaning(cell.cell_contents) for cell in value.__closure__ or ()]
    return value.__code__, value.__defaults__, value.__kwdefaults__, cells, value.__module__


@dataclass(frozen=True)
class Configured:
    """A model that Keras can make from its configuration.

    Parameters
    ----------
    config : str
        JSON of ``keras.saving.serialize_keras_object``, less how the model was compiled.
    custom : tuple of Named
        The user's classes and functions in it.
    """

    config: str
    custom: tuple[Named, ...] = ()

    def __repr__(self):
        config = json.loads(self.config)
        layers = config["config"].get("layers", [])
        names = [_short(layer) for layer in layers if layer["class_name"] != "InputLayer"]
        return f"{config['class_name']}({', '.join(names)})"

    def make(self, dtype: str | None = None):
        """A new model, in a float type of its own or in ``dtype``."""
        import keras

        config = json.loads(self.config)
        if dtype is not None:
            config = _in_dtype(config, dtype)
        custom = {named.name: named.value for named in self.custom}
        with compat.keras_defaults(dtype):
            return keras.saving.deserialize_keras_object(config, custom, safe_mode=True)


def _short(layer: dict[str, Any]) -> str:
    """A layer's class, and what says most of its size."""
    config = layer["config"]
    size = next((config[name] for name in ("units", "filters", "rate") if name in config), None)
    return layer["class_name"] if size is None else f"{layer['class_name']} {size}"


@dataclass(frozen=True)
class Made:
    """A model that a function, or a class, makes.

    Parameters
    ----------
    function : Named
        What to call.
    key : tuple
        Its arguments in a form that can be compared.
    arguments : dict
        The arguments.
    """

    function: Named
    key: tuple
    arguments: dict[str, Any] = field(compare=False)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.function.name}({arguments})"

    def make(self, dtype: str | None = None):
        """A new model, made under the default float type ``dtype``."""
        with compat.keras_defaults(dtype):
            return self.function.value(**self.arguments)


@dataclass(frozen=True)
class _Facts:
    """What is known of a network once one was built."""

    output_shape: tuple[int, ...]  # of a row
    activation: str  # the last thing that happens, where it can be left out, else "linear"
    ends_in: str | None  # name of the last activation, "linear", or None where nobody knows
    wants_whole_numbers: bool
    rows_interact: bool
    is_dense: bool
    is_noisy: bool
    has_own_train_step: bool
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class GivenArchitecture(Architecture):
    """A network that a user brought along, as a value. Made by :func:`given`.

    Parameters
    ----------
    source : Configured or Made
        What copies are made from.
    inputs : tuple of Input
        Its inputs.
    container : {"array", "list", "dict"}, default="array"
        The form in which the network takes them.
    own_dtype : str
        Float type of the source, where `dtype` is another one.
    noisy : bool
        Whether there are layers that draw at random while they are trained.
    start : tuple of ndarray or None
        Initial weights, where these are more than a draw of the layers' initializers.
    """

    source: Any = None
    inputs: tuple[Input, ...] = ()
    container: str = "array"
    own_dtype: str = "float32"
    noisy: bool = False
    start: tuple[np.ndarray, ...] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "has_dropout", self.noisy)

    def build(self, *, linear_output: bool = False):
        """A new model, independent of the template; see :meth:`Architecture.build`."""
        with compat.seeded_keras(0):
            model = self._make()
        if linear_output and self.output_activation != "linear":
            from keras import activations

            _last_layer(model).activation = activations.linear
        return model

    def _make(self):
        dtype = None if self.dtype == self.own_dtype else self.dtype
        return built(self.source.make(dtype), self.inputs, self.container)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The weights in the order of ``model.weights``."""
        return self._facts.parameters

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of a row of output."""
        return self._facts.output_shape

    @property
    def rows_interact(self) -> bool:
        """False only where every layer is known to take each row by itself."""
        return self._facts.rows_interact

    @property
    def has_own_rates(self) -> bool:
        """The layers of a user's model keep their dropout rates."""
        return True

    @property
    def has_known_layers(self) -> bool:
        """A user's layers may do anything."""
        return False

    @property
    def has_own_train_step(self) -> bool:
        """Whether the model's class trains it in another way than Keras does."""
        return self._facts.has_own_train_step

    @property
    def wants_xla(self) -> bool:
        """Whether there are dense layers only."""
        return self._facts.is_dense

    @property
    def ends_in(self) -> str | None:
        """The activation that the output comes from, "linear", or None where nobody knows."""
        return self._facts.ends_in

    @property
    def _facts(self) -> _Facts:
        return _facts(self.source, self.inputs, self.container)

    def draw(self, rng: np.random.RandomState, kernel_initializer=None) -> list[np.ndarray]:
        """Initial weights: those that came with the network, else drawn by its initializers."""
        if self.start is not None:
            return [weight.astype(self.dtype) for weight in self.start]
        with compat.seeded_keras(_seed(rng)):
            weights = self._make().get_weights()
        return [weight.astype(self.dtype) for weight in weights]

    def arrange(self, X: Any) -> Any:
        """X in the form, shapes and kinds of number that the network takes.

        Parameters
        ----------
        X : ndarray, or dict or list of ndarray
            Columns of a table are dealt out to several inputs in their order.

        Raises
        ------
        ValueError
            If the rows of X do not have the numbers that the network takes.
        """
        parts = self._parts(X)
        arranged = []
        for expected, part in zip(self.inputs, parts, strict=True):
            if prod(part.shape[1:]) != prod(expected.shape):
                what = "the model" if expected.name is None else f"input {expected.name!r}"
                raise ValueError(
                    f"Each row of X holds {prod(part.shape[1:])} numbers, in shape "
                    f"{part.shape[1:]}, but {what} takes rows of shape {expected.shape}, "
                    f"{prod(expected.shape)} numbers. Reshape X, or correct the model's input."
                )
            part = part.reshape(len(part), *expected.shape)
            if expected.dtype.startswith(("int", "uint")):
                part = part.astype(expected.dtype, copy=False)
            elif part.dtype.kind != "f":
                part = part.astype(self.dtype)
            arranged.append(part)
        if self.container == "dict":
            return {str(i.name): part for i, part in zip(self.inputs, arranged, strict=True)}
        return arranged if self.container == "list" else arranged[0]

    def _parts(self, X: Any) -> list[np.ndarray]:
        names = [expected.name for expected in self.inputs]
        if isinstance(X, Mapping):
            if set(X) != set(names):
                raise ValueError(
                    f"X has the inputs {', '.join(map(repr, X))}, but the model takes "
                    f"{', '.join(map(repr, names))}."
                )
            return [X[name] for name in names]
        if isinstance(X, list | tuple):
            if len(X) != len(names):
                raise ValueError(
                    f"X has {len(X)} inputs, but the model takes {len(names)}: "
                    f"{', '.join(map(repr, names))}."
                )
            return list(X)
        if len(names) == 1:
            return [X]
        sizes = [prod(expected.shape) for expected in self.inputs]
        if X.ndim != 2 or X.shape[1] != sum(sizes):
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but the model takes {len(names)} inputs with "
                f"{', '.join(map(str, sizes))} numbers. Pass a dict or a list of arrays, or a "
                f"table of {sum(sizes)} columns, which are dealt out in this order."
            )
        return np.split(X, np.cumsum(sizes)[:-1], axis=1)

    def get_config(self) -> dict[str, Any]:
        """A user's network has no short form in plain values."""
        raise TypeError(
            "A network that was brought along is kept as its Keras configuration, in `source`."
        )


def given(
    template: Any,
    inputs: Sequence[Input],
    container: str = "array",
    *,
    dtype: str | None = None,
    maker: Made | None = None,
    fresh: bool = False,
) -> GivenArchitecture:
    """Describe the network of a Keras model.

    Parameters
    ----------
    template : keras.Model
        Built or not; it is not changed.
    inputs : sequence of Input
        What rows look like. An input that the model itself declares goes before.
    container : {"array", "list", "dict"}, default="array"
        Form in which the rows come.
    dtype : {"float32", "float64"}, default=None
        Float type of every layer; None leaves them as they are.
    maker : Made, default=None
        What made the template; copies come from there if Keras cannot configure them.
    fresh : bool, default=False
        Whether the template was made for this description alone and may be built in place.

    Returns
    -------
    GivenArchitecture
        Its initial weights are those of the template, if that is built.

    Raises
    ------
    CannotCopy
        If the model cannot be made a second time.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
    >>> network = given(model, [Input(None, (4,), "float32")])
    >>> [parameter.shape for parameter in network.parameters], network.output_activation
    ([(4, 8), (8,), (8, 3), (3,)], 'softmax')
    >>> model.built
    False
    """
    _check_one_input(template, inputs)
    rows, container = _declared_inputs(template, tuple(inputs), container)
    source = source_of(template, rows, container, maker)
    if fresh:
        built(template, rows, container)
    own_dtype = dtype_of(template)
    if own_dtype is None:
        own_dtype = dtype_of(built(source.make(), rows, container)) or "float32"
    facts = _facts(source, rows, container)
    if facts.wants_whole_numbers and len(rows) == 1:
        rows = (replace(rows[0], dtype="int32"),)
        facts = _facts(source, rows, container)
    start = _start_of(template, facts) if template.built and template.weights else None
    single = len(rows) == 1
    return GivenArchitecture(
        function="given",
        input_shape=rows[0].shape if single else (sum(prod(i.shape) for i in rows),),
        units=prod(facts.output_shape),
        output_activation=facts.activation,
        dtype=dtype or own_dtype,
        source=source,
        inputs=rows,
        container=container,
        own_dtype=own_dtype,
        noisy=facts.is_noisy,
        start=start,
    )


def _check_one_input(template: Any, inputs: Sequence[Input]) -> None:
    import keras

    if isinstance(template, keras.Sequential) and len(inputs) > 1:
        raise UnsuitableModel(
            f"X holds {len(inputs)} inputs, but the model is a Sequential, which takes one. Pass a "
            "functional model with as many inputs, or one array."
        )


def dtype_of(model: Any) -> str | None:
    """Float type of a model's weights, or None as long as it has none."""
    for variable in model.weights:
        name = str(variable.dtype)
        if name.startswith(("float", "bfloat")):
            return name
    return None


def built(model: Any, inputs: tuple[Input, ...], container: str):
    """The model itself, with weights."""
    import keras

    if isinstance(model, keras.Sequential):
        if not model.built:
            model.build((None, *inputs[0].shape))
    elif not model.built or not is_graph(model):
        # Some layers of a subclassed model may have waited for numbers, built or not.
        model(_zeros(inputs, container))
    return model


def is_graph(model: Any) -> bool:
    """Whether Keras knows the layers of a model and how they are joined."""
    import keras

    return isinstance(model, keras.Sequential) or type(model).__name__ == "Functional"


def _declared_inputs(template, inputs: tuple[Input, ...], container: str):
    """The inputs that a functional or sequential model was defined with."""
    if not is_graph(template) or not template.built:
        return inputs, container
    tensors = template.inputs
    known = len(inputs) == len(tensors)
    if isinstance(getattr(template, "_inputs_struct", None), dict) and container != "dict":
        container = "dict"
    elif container == "array" and len(tensors) > 1:
        container = "list"
    declared = []
    for number, tensor in enumerate(tensors):
        shape = tuple(tensor.shape[1:])
        if None in shape:  # any length
            if not known:
                raise ValueError(
                    f"The model's input {tensor.name!r} has the open shape {shape}: pass X as a "
                    f"list or dict of {len(tensors)} arrays."
                )
            shape = _named(inputs, tensor.name, number).shape
        declared.append(Input(tensor.name if len(tensors) > 1 else None, shape, str(tensor.dtype)))
    if len(tensors) == 1 and container == "dict":
        declared = [replace(declared[0], name=tensors[0].name)]
    return tuple(declared), container


def _named(inputs: tuple[Input, ...], name: str, number: int) -> Input:
    return next((i for i in inputs if i.name == name), inputs[number])


def source_of(
    model: Any, inputs: tuple[Input, ...], container: str, maker: Made | None = None
) -> Configured | Made:
    """What copies of ``model`` are made from.

    Raises
    ------
    CannotCopy
        If nothing is known from which Keras could make the model again.
    """
    import keras

    kind = type(model).__name__
    if type(model).get_config is not keras.Model.get_config:
        try:
            source = _configured(model)
            _facts(source, inputs, container)
            return source
        except UnsuitableModel:
            raise
        except (NotImplementedError, TypeError, ValueError) as error:
            if maker is None:
                raise CannotCopy(
                    f"Keras cannot make the {kind} given as model a second time from its "
                    f"configuration: {_first_line(error)} Correct its get_config(), or pass a "
                    "function that makes the model instead."
                ) from error
    if maker is not None:
        return maker
    made = _made_from_attributes(model)
    if made is not None and _is_copy(made.make(), model, inputs, container):
        return made
    raise CannotCopy(
        f"The {kind} given as model cannot be made a second time: Keras does not keep the "
        "arguments of a subclassed model. Give the class a get_config(), or pass the class, or a "
        "function that makes the model, instead."
    )


def recipe(model: Any) -> Configured | Made:
    """What a model that may have no weights yet is made from, as :func:`source_of` finds it."""
    import keras

    if type(model).get_config is not keras.Model.get_config:
        try:
            return _configured(model)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise CannotCopy(
                f"Keras has no configuration of this {type(model).__name__}: {_first_line(error)}"
            ) from error
    found = _made_from_attributes(model)
    if found is None or not _is_copy(found.make(), model, (), "array"):
        raise CannotCopy(
            f"This {type(model).__name__} has no get_config(), and Keras does not keep the "
            "arguments of a subclassed model."
        )
    return found


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Keras repeats the configuration; what went wrong comes last.
    return f"{lines[-1][:200].rstrip('.')}." if lines else ""


def _configured(model: Any) -> Configured:
    import keras

    with warnings.catch_warnings():
        # Of lambdas, which are replaced below.
        warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
        config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    layers = list(model._flatten_layers(include_self=True, recursive=True))
    custom: dict[str, Named] = {}
    for value in _used(layers):
        for name in {_keras_name(value), value.__name__}:
            named = Named(name, value)
            if custom.setdefault(name, named) != named:
                raise ValueError(f"it holds several functions named {name!r}")
    states = {layer.name: layer for layer in layers if _has_state(layer)}
    for layer in layers:
        for attribute, value in vars(layer).items():
            if _is_lambda(value):
                name = _lambda_name(layer.name, attribute)
                custom[name] = Named(name, value)
    config = _with_state(config, states, custom)
    return Configured(
        json.dumps(config, sort_keys=True), tuple(custom[name] for name in sorted(custom))
    )


def _keras_name(value: Any) -> str:
    import keras

    return keras.saving.get_registered_name(value)


def _used(layers: list) -> Iterable[Any]:
    """The classes and functions in layers that are not Keras's own."""
    for layer in layers:
        for value in (layer, *vars(layer).values()):
            if isinstance(value, FunctionType | BuiltinFunctionType):
                found: Any = value
            elif hasattr(value, "get_config") and not isinstance(value, type):
                found = type(value)
            else:
                continue
            # Methods that Keras wraps in every layer are functions too.
            inside = str(found.__module__).split(".")[0] in ("keras", "tensorflow", "builtins")
            is_method = isinstance(found, FunctionType) and hasattr(type(layer), found.__name__)
            if not (inside or is_method or _is_lambda(found)):
                yield found


def _is_lambda(value: Any) -> bool:
    return isinstance(value, FunctionType) and value.__name__ == "<lambda>"


def _lambda_name(layer: str, attribute: str) -> str:
    return f"lambda:{layer}.{attribute}"


def _has_state(layer: Any) -> bool:
    """Whether a layer holds what was adapted to data, outside of its weights or configuration."""
    name = type(layer).__name__
    if name == "Normalization":
        return layer.built and layer.input_mean is None
    return name in _LOOKUPS and layer.input_vocabulary is None


def _with_state(config: Any, states: dict[str, Any], custom: dict[str, Named]) -> Any:
    """A configuration that holds what layers were adapted to, and no code."""
    if isinstance(config, list):
        return [_with_state(item, states, custom) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: _with_state(item, states, custom) for key, item in config.items()}
    inner = config.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    if name is None:
        return config
    if name in states and config.get("class_name") == type(states[name]).__name__:
        layer = states[name]
        if config["class_name"] == "Normalization":
            inner["mean"] = layer.adapt_mean.numpy().tolist()
            inner["variance"] = layer.adapt_variance.numpy().tolist()
        else:
            words = layer.get_vocabulary(include_special_tokens=False)
            inner["vocabulary"] = [getattr(word, "item", lambda w=word: w)() for word in words]
    for key in inner:
        # Code in a configuration loses the names around it, and may not be loaded from files.
        if _lambda_name(name, key) in custom:
            inner[key] = {
                "module": "builtins",
                "class_name": "function",
                "config": _lambda_name(name, key),
                "registered_name": "function",
            }
    return config


def _made_from_attributes(model: Any) -> Made | None:
    """A call of the model's class with the arguments that it kept under their names."""
    arguments = {}
    for name, parameter in inspect.signature(type(model)).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in vars(model) or hasattr(type(model), name):
            value = getattr(model, name)
            if not (_is_plain(value) or callable(value)) or hasattr(value, "weights"):
                return None
            arguments[name] = value
        elif parameter.default is parameter.empty:
            return None
    return made(type(model), arguments)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return isinstance(value, _PLAIN)


def made(function: Callable, arguments: dict[str, Any]) -> Made:
    """A call as a source of models."""
    key = tuple((name, _comparable(arguments[name])) for name in sorted(arguments))
    return Made(Named(getattr(function, "__name__", repr(function)), function), key, arguments)


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((name, _comparable(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(_comparable(item) for item in value)
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), value.tobytes()
    if isinstance(value, FunctionType):
        return Named(value.__name__, value)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value).__name__, value


def _is_copy(copy: Any, model: Any, inputs, container: str) -> bool:
    """Whether two subclassed models agree in all that can be seen from outside."""
    import keras

    if inputs:
        built(copy, inputs, container)
    with compat.keras_defaults():
        usual = keras.Model()
        usual.compile(loss="mse")
    for name, value in vars(model).items():
        if name.startswith("_") or name in vars(usual) or not _is_plain(value):
            continue
        if vars(copy).get(name, copy) != value:
            return False
    if model.built and inputs:
        kinds = [(tuple(v.shape), v.trainable) for v in model.weights]
        if kinds != [(tuple(v.shape), v.trainable) for v in copy.weights]:
            return False
    return _leaves(model) == _leaves(copy)


def _leaves(model: Any) -> list:
    """Types and settings of the innermost layers."""
    leaves = []
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if not layer._flatten_layers(include_self=False, recursive=False):
            config = layer.get_config()
            config.pop("name", None)
            config.pop("batch_shape", None)
            leaves.append((type(layer), config))
    return leaves


@lru_cache(maxsize=256)
def _facts(source: Any, inputs: tuple[Input, ...], container: str) -> _Facts:
    import keras

    with compat.seeded_keras(0):
        model = built(source.make(), inputs, container)
    output_shape = _output_shape(model, inputs, container)
    layers = list(model._flatten_layers(include_self=True, recursive=True))
    is_graph = all(_is_known(layer) for layer in layers)
    names = {type(layer).__name__ for layer in layers}
    last = _last_layer(model)
    ends_in = None if last is None else _activation_of(last)
    separable = ends_in is not None and ends_in != "linear" and _is_separable(model, last, ends_in)
    first = next((layer for layer in layers if not _is_container(layer)), None)
    return _Facts(
        output_shape=output_shape,
        activation=ends_in if separable and ends_in is not None else "linear",
        ends_in=ends_in,
        wants_whole_numbers=type(first).__name__ in ("Embedding", *_LOOKUPS),
        rows_interact=not is_graph,
        is_dense=is_graph and names <= _DENSE,
        is_noisy=bool(names & _NOISY)
        or any(getattr(layer, rate, 0) for layer in layers for rate in ("dropout",)),
        has_own_train_step=any(
            getattr(type(model), name) is not getattr(keras.Model, name)
            for name in ("train_step", "compute_loss")
        ),
        parameters=_parameters(model, layers),
    )


_RETURNS_DICT = (
    "The model returns a dict. It must return one array: make a model of the output that y "
    "belongs to."
)


def _output_shape(model: Any, inputs: tuple[Input, ...], container: str) -> tuple[int, ...]:
    outputs: Any = None
    if is_graph(model):
        if type(model).__name__ == "Functional" and isinstance(model.output, dict):
            raise UnsuitableModel(_RETURNS_DICT)
        outputs = [tuple(tensor.shape) for tensor in model.outputs]
    if outputs is None or any(None in shape[1:] for shape in outputs):
        output = model(_zeros(inputs, container))
        if isinstance(output, dict):
            raise UnsuitableModel(_RETURNS_DICT)
        outputs = output if isinstance(output, list | tuple) else [output]
        outputs = [tuple(tensor.shape) for tensor in outputs]
    if len(outputs) != 1:
        raise UnsuitableModel(
            f"The model has {len(outputs)} outputs, of shapes {', '.join(map(str, outputs))}. It "
            "must have one: make a model of the one that y belongs to, or join them."
        )
    return outputs[0][1:]


def _zeros(inputs: tuple[Input, ...], container: str) -> Any:
    """Two rows in the form that a model takes."""
    zeros = [np.zeros((2, *i.shape), i.dtype) for i in inputs]
    if container == "dict":
        return {str(i.name): part for i, part in zip(inputs, zeros, strict=True)}
    return zeros if container == "list" else zeros[0]


def _is_container(layer: Any) -> bool:
    return type(layer).__name__ in ("Sequential", "Functional", "InputLayer")


def _is_known(layer: Any) -> bool:
    """Whether it is a layer of Keras that takes each row by itself."""
    name = type(layer).__name__
    if not type(layer).__module__.startswith("keras."):
        return False
    if getattr(layer, "activity_regularizer", None) is not None or getattr(
        layer, "stateful", False
    ):
        return False
    if name == "Functional":
        return all(hasattr(operation, "weights") for operation in layer.operations)
    if name == "Concatenate" and layer.axis == 0:
        return False
    return name == "Sequential" or name in _ROW_BY_ROW


def _last_layer(model: Any):
    """The layer that the output comes from, or None where only the user's code knows."""
    import keras

    if isinstance(model, keras.Sequential):
        return model.layers[-1]
    if type(model).__name__ == "Functional":
        return model.outputs[0]._keras_history.operation
    return None


def _activation_of(layer: Any) -> str | None:
    """Name of the activation that a layer ends with, "linear" if none."""
    name = type(layer).__name__
    if not type(layer).__module__.startswith("keras."):
        return None
    if name == "Softmax":
        return "softmax" if layer.axis == -1 else None
    if name in _ENDS_WITH_ACTIVATION:
        return getattr(layer.activation, "__name__", None)
    if name in ("Sequential", "Functional"):
        return _activation_of(_last_layer(layer))
    # Recurrent layers use their activation on the way; others have none.
    return "linear" if name in _ROW_BY_ROW else None


def _is_separable(model: Any, layer: Any, activation: str) -> bool:
    """Whether leaving the last activation out changes nothing before it."""
    return (
        type(layer).__name__ in _ENDS_WITH_ACTIVATION
        and str(getattr(layer.activation, "__module__", "")).startswith("keras.")
        and numpy_activation(activation) is not None
        and layer.activity_regularizer is None
        and len(layer._inbound_nodes) <= 1
    )


def _parameters(model: Any, layers: list) -> tuple[Parameter, ...]:
    owners = {id(v): layer for layer in layers for v in layer._trainable_variables}
    owners |= {id(v): layer for layer in layers for v in layer._non_trainable_variables}
    parameters = []
    for variable in model.weights:
        owner = owners.get(id(variable), model)
        fan_in, fan_out = _fans(owner, variable)
        parameters.append(
            Parameter(
                path=variable.path,
                shape=tuple(variable.shape),
                role=_ROLES.get(variable.name, "other"),
                trainable=bool(variable.trainable),
                fan_in=fan_in,
                fan_out=fan_out,
                initializer=_initializer_of(owner, variable.name),
            )
        )
    return tuple(parameters)


def _start_of(template: Any, facts: _Facts) -> tuple[np.ndarray, ...]:
    """The template's weights, if they fit the copies."""
    weights = weights_of_copies(template)
    shapes = [weight.shape for weight in weights]
    expected = [parameter.shape for parameter in facts.parameters]
    if shapes != expected:
        raise CannotCopy(
            f"The configuration of the {type(template).__name__} given as model makes another "
            f"model: weights of shapes {expected} instead of {shapes}. Correct its get_config(), "
            "or pass a function that makes the model."
        )
    return tuple(weights)


def weights_of_copies(model: Any) -> list[np.ndarray]:
    """A model's weights, less those that became settings of the copies."""
    from keras import ops

    dropped = {
        id(variable)
        for layer in model._flatten_layers(include_self=True, recursive=True)
        if _has_state(layer)
        for variable in layer.weights
    }
    return [
        np.array(ops.convert_to_numpy(variable))
        for variable in model.weights
        if id(variable) not in dropped
    ]


def _in_dtype(config: Any, dtype: str) -> Any:
    """A configuration in which every layer computes in ``dtype``."""
    if isinstance(config, list):
        return [_in_dtype(item, dtype) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return dtype
    return {
        key: dtype
        if key == "dtype" and isinstance(item, str) and item.startswith(("float", "mixed"))
        else _in_dtype(item, dtype)
        for key, item in config.items()
    }


def _seed(rng: np.random.RandomState) -> int:
    return int(rng.randint(np.iinfo(np.int32).max))
