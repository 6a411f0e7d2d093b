"""Keras objects among the parameters: optimizers, losses, whole models.

They are kept by their configuration, as Keras itself keeps them, and models with their weights.
A configuration from a file is read in Keras's safe mode, and only after a look of our own: safe
mode can be switched off for a whole process, it lets layers read files that they name, and a few
numbers can describe layers that fill all memory.

Keras is imported only if the file holds one of its objects.
"""

import copy
import functools
import inspect
import json
import re
import secrets
import sys
import threading
from collections.abc import Collection, Iterator
from types import FunctionType
from typing import Any

from sklearn_cnn.compat import compile_arguments, seeded_keras

from ._archive import ArchiveError
from ._references import untrusted
from ._tree import Decoder, Encoder, Kind, Node

# Namespaces of Keras in which classes and functions are parameters.
_NAMESPACES = (
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "optimizers.schedules",
    "regularizers",
)
_BASES = (
    "Layer",
    "DTypePolicy",
    "constraints.Constraint",
    "initializers.Initializer",
    "losses.Loss",
    "metrics.Metric",
    "optimizers.Optimizer",
    "optimizers.schedules.LearningRateSchedule",
    "regularizers.Regularizer",
)

# Where configurations may take classes from, and what they may not take.
_MODULES = re.compile(
    r"keras(\.(activations|constraints|dtype_policies|initializers|layers|losses|metrics|models"
    r"|optimizers|optimizers\.schedules|quantizers|random|regularizers"
    r"|src\.models\.functional|src\.ops\.\w+))?"
)
_SHORT_FORMS = ("constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")
_IN_KERAS = frozenset({"DTypePolicy", "FloatDTypePolicy", "Functional", "Model", "Sequential"})
# They run saved graphs, pickled modules or functions of other libraries.
_REFUSED = frozenset({"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"})
# They make objects of whatever configurations they are called with.
_READERS = frozenset({"deserialize", "get"})
# Callbacks that neither write files nor use the network nor call functions.
HARMLESS_CALLBACKS = frozenset(
    {"EarlyStopping", "ReduceLROnPlateau", "SwapEMAWeights", "TerminateOnNaN"}
)
_VALUES = frozenset(
    {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"}
)


class _Name(Kind):
    """A class or function of Keras, or one registered with it."""

    name = "keras name"
    fields = {"name": str}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, type | FunctionType) and keras_name(value) is not None

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"name": keras_name(value)}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        import keras

        namespace, _, name = node["name"].removeprefix("keras.").rpartition(".")
        if node["name"].startswith("keras.") and namespace in _NAMESPACES:
            found = getattr(_attribute(keras, namespace), name)
            allowed = _is_harmless(found) or decoder.trusted.has(found)
        else:
            found = keras.saving.get_registered_object(node["name"])
            allowed = isinstance(found, type | FunctionType)
        if not allowed:
            raise _unregistered(node["name"]) if found is None else untrusted(node["name"])
        return found


class _KerasObject(Kind):
    """An instance by its configuration; layers with their weights, models with their compile."""

    name = "keras"
    fields = {"config": dict, "weights": list, "compiled": object}

    def accepts(self, value: Any) -> bool:
        keras = sys.modules.get("keras")
        return keras is not None and isinstance(
            value, tuple(_attribute(keras, base) for base in _BASES)
        )

    def encode(self, value: Any, encoder: Encoder) -> Node:
        import keras

        weights = value.get_weights() if isinstance(value, keras.Layer) else []
        # As the user passed them: in a configuration losses would lose some of their arguments.
        compiled = compile_arguments(value) if isinstance(value, keras.Model) else {}
        try:
            config = _complete(value, keras.saving.serialize_keras_object(value))
            config = json.loads(json.dumps(config, allow_nan=False))
            check_config(config)
            _check_shapes(config, weights)
        except (ArchiveError, NotImplementedError, TypeError, ValueError) as error:
            raise encoder.refusal(
                f"is a {type(value).__name__} whose configuration cannot be saved: {error}"
            ) from error
        return {
            "config": config,
            "weights": [
                encoder.encode(weight, f".weights[{n}]") for n, weight in enumerate(weights)
            ],
            "compiled": encoder.encode(compiled, ".compile"),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        import keras

        config = node["config"]
        weights = [decoder.decode(weight) for weight in node["weights"]]
        check_config(config)
        _check_shapes(config, weights)
        compiled = decoder.decode(node["compiled"])
        # The seeds that a configuration leaves open must not come from Python's global stream.
        with seeded_keras(secrets.randbits(31)):
            value = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if not self.accepts(value):
            raise ArchiveError(f"a Keras object is a {type(value).__name__}")
        if isinstance(value, keras.Layer):
            value.set_weights(weights)
            for layer in _layers(value):
                # Layers that were adapted to data compute with what follows from their weights.
                if hasattr(layer, "finalize_state"):
                    layer.finalize_state()
        if compiled:
            # Of the base class: what arguments a user's own compile had, Keras does not keep.
            keras.Model.compile(value, **compiled)
        return value


def _complete(value: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration, with arguments that Keras forgets: the delta of Huber's loss."""
    config = {key: item for key, item in config.items() if key != "compile_config"}
    arguments = config["config"]
    kept = vars(value) | getattr(value, "_fn_kwargs", {})
    for name in inspect.signature(type(value)).parameters:
        if name in kept and name not in arguments and isinstance(kept[name], int | float | str):
            arguments[name] = kept[name]
    return config


def check_config(config: Any, custom_names: Collection[str] = ()) -> None:
    """Refuse a configuration that names anything but layers, losses and the like.

    Names of ``custom_names`` are of classes and functions that the user vouches for.
    """
    if isinstance(config, list | tuple):
        for item in config:
            check_config(item, custom_names)
    if not isinstance(config, dict):
        return
    for item in config.values():
        check_config(item, custom_names)
    if config.get("class_name") == "__lambda__" or _is_lambda_activation(config):
        raise ArchiveError("a lambda in a Keras object is code; register a named function instead")
    if "class_name" not in config or config["class_name"] in _VALUES:
        return
    import keras

    name, inner = config["class_name"], config.get("config")
    # Exactly the name that Keras looks up first; null is none, whatever the class is called.
    custom = inner if name == "function" else config.get("registered_name", name)
    if type(custom) is str and custom in custom_names:
        return
    if name == "function":
        # Keras looks for this name among the registered ones, then in its own modules.
        if keras.saving.get_registered_object(inner) is None and not _is_public_function(inner):
            raise _unregistered(inner)
        return
    cls = _class_of(config)
    if cls is None:
        raise _unregistered(config.get("registered_name") or name)
    if cls.__name__ in _REFUSED:
        raise ArchiveError(f"a configuration of Keras holds a {name}")
    if type(inner) is dict and isinstance(inner.get("vocabulary"), str):
        raise ArchiveError(f"a {name} of Keras reads the file {inner['vocabulary']!r}")
    if cls is keras.layers.Lambda and not _is_named_function(inner):
        raise ArchiveError("a Lambda layer of Keras holds code; register a named function instead")


def _class_of(config: dict[str, Any]) -> type | None:
    """The class that a configuration names, if Keras has it or somebody registered it."""
    import keras

    name, module = config["class_name"], config.get("module")
    found = keras.saving.get_registered_object(config.get("registered_name", name))
    if found is None and "module" not in config and type(name) is str:
        # The short form of initializers and the like; of layers an old reader would take it.
        spaces = (_attribute(keras, space) for space in _SHORT_FORMS)
        found = next((vars(space)[name] for space in spaces if name in vars(space)), None)
    elif found is None and type(module) is str and _MODULES.fullmatch(module):
        if module == "keras" and name not in _IN_KERAS:
            return None
        if module.startswith("keras.src."):
            # Operations of functional models: Keras itself looks them up in their module.
            found = vars(sys.modules[module]).get(name) if module in sys.modules else None
        else:
            found = getattr(_attribute(keras, module.partition(".")[2]), name, None)
    return found if isinstance(found, type) else None


def _is_harmless(found: Any) -> bool:
    """Whether a public class or function of Keras may be made or called with any arguments."""
    import keras

    name = getattr(found, "__name__", "")
    if isinstance(found, FunctionType):
        return not name.startswith("_") and name not in _READERS
    return (
        isinstance(found, type)
        and name not in _REFUSED
        and not issubclass(found, keras.callbacks.Callback | keras.layers.Lambda)
    ) or found in _harmless_callbacks()


def _harmless_callbacks() -> set[type]:
    import keras

    return {getattr(keras.callbacks, name) for name in HARMLESS_CALLBACKS}


def _is_lambda_activation(config: dict[str, Any]) -> bool:
    """Whether this is code, arguments and closure, which ``keras.activations`` leaves bare."""
    value = config.get("value")
    return config.keys() == {"value"} and type(value) is list and len(value) == 3


def _is_named_function(config: Any) -> bool:
    function = config.get("function") if type(config) is dict else None
    return type(function) is dict and function.get("class_name") == "function"


def _is_public_function(name: Any) -> bool:
    import keras

    return type(name) is str and any(
        isinstance(getattr(_attribute(keras, space), name, None), FunctionType)
        for space in ("activations", "constraints", "initializers", "losses", "metrics")
    )


def _check_shapes(config: dict[str, Any], weights: list[Any]) -> None:
    """Refuse a layer whose weights do not have the shapes of ``weights``.

    Keras describes the layer without making weights: what is refused here takes no memory.
    """
    shapes: list[tuple[int, ...]] = []
    failure: list[Exception] = []

    def describe() -> None:
        import keras

        try:
            with keras.StatelessScope(initialize_variables=False), seeded_keras(0):
                layer = keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)
            shapes.extend(tuple(weight.shape) for weight in layer.weights)
        except Exception as error:
            failure.append(error)

    if _is_layer(config):
        # Keras lists the variables that wait for their values, and makes them when the next
        # scope ends. The list belongs to the thread, and is forgotten with it.
        thread = threading.Thread(target=describe)
        thread.start()
        thread.join()
    if failure:
        # Keras repeats the whole configuration, level by level; the cause comes last.
        *_, cause = str(failure[0]).strip().splitlines() or [repr(failure[0])]
        raise ArchiveError(f"Keras does not take a configuration: {cause[:300]}") from failure[0]
    if shapes != [getattr(weight, "shape", None) for weight in weights]:
        raise ArchiveError(f"the configuration of a layer asks for weights of shapes {shapes}")


def _is_layer(config: dict[str, Any]) -> bool:
    import keras

    cls = _class_of(config)
    return cls is not None and issubclass(cls, keras.Layer)


def _layers(layer: Any) -> Iterator[Any]:
    yield layer
    wrapped = [layer.layer] if hasattr(layer, "layer") else []
    for inner in [*getattr(layer, "layers", []), *wrapped]:
        yield from _layers(inner)


def keras_name(value: Any) -> str | None:
    """The name of a class or function in Keras's public namespaces, or in its registry."""
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    name: str = value.__name__
    for namespace in _NAMESPACES:
        if getattr(_attribute(keras, namespace), name, None) is value:
            return f"keras.{namespace}.{name}"
    registered = keras.saving.get_registered_name(value)
    return registered if keras.saving.get_registered_object(registered) is value else None


def is_registered(value: Any) -> bool:
    """Whether ``value`` is a class or function that somebody registered with Keras."""
    name = keras_name(value) if isinstance(value, type | FunctionType) else None
    return name is not None and not name.startswith("keras.")


def _attribute(keras: Any, path: str) -> Any:
    return functools.reduce(getattr, filter(None, path.split(".")), keras)


def _unregistered(name: Any) -> ArchiveError:
    return ArchiveError(
        f"Keras does not know {name!r}. Register it with "
        "@keras.saving.register_keras_serializable(), and import its module before load."
    )


KINDS = (_Name(), _KerasObject())
