"""Keras objects among the parameters: shared by clones and copies, pickled by class and settings.

A fit describes a user's model, loss, optimizer and metrics, and never changes them, so that
estimators may share them. Keras itself copies and pickles objects by the name of their class, and
does not find a class again that is not registered with it.
"""

import copy
import sys
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator


class KerasObjects(BaseEstimator):
    """A mixin for estimators with Keras objects among their parameters."""

    def __sklearn_clone__(self):
        kept = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if _holds_keras_object(value)
        }
        bare = object.__new__(type(self))
        vars(bare).update(vars(self) | dict.fromkeys(kept))
        clone = super(KerasObjects, bare).__sklearn_clone__()
        vars(clone).update({name: copy.copy(v) if _is_group(v) else v for name, v in kept.items()})
        return clone

    def __deepcopy__(self, memo):
        other = object.__new__(type(self))
        memo[id(self)] = other
        for name, value in vars(self).items():
            shared = _holds_keras_object(value)
            vars(other)[name] = value if shared else copy.deepcopy(value, memo)
        return other

    def __reduce__(self):
        # Not in __getstate__: files without pickle keep Keras objects in a form of their own.
        return _restored, (type(self), _each(_packed, self.__getstate__()))


def _restored(cls: type, state: dict[str, Any]) -> Any:
    estimator: Any = object.__new__(cls)
    estimator.__setstate__(_each(_unpacked, state))
    return estimator


def _is_group(value: Any) -> bool:
    return type(value) in (list, tuple, dict)


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """``function`` of a value, or of each value in lists, tuples and dictionaries."""
    if type(value) is dict:
        return {key: _each(function, item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_each(function, item) for item in value)
    return function(value)


def _holds_keras_object(value: Any) -> bool:
    if type(value) is dict:
        return any(_holds_keras_object(item) for item in value.values())
    if type(value) in (list, tuple):
        return any(_holds_keras_object(item) for item in value)
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(
        value, keras.Layer | keras.losses.Loss | keras.metrics.Metric | keras.optimizers.Optimizer
    )


class _Packed:
    """A Keras object in the form in which it is pickled."""

    def __init__(self, make: Callable, *arguments: Any):
        self.make, self.arguments = make, arguments


def _unpacked(value: Any) -> Any:
    return value.make(*value.arguments) if isinstance(value, _Packed) else value


def _packed(value: Any) -> Any:
    if not _holds_keras_object(value):
        return value
    import keras

    if isinstance(value, keras.Model):
        return _pack_model(value)
    if isinstance(value, keras.losses.Loss):
        return _Packed(_loss, type(value), vars(value))
    if type(value) is keras.metrics.MeanMetricWrapper:
        return _Packed(_mean_metric, value._fn, value.name, value.dtype, dict(value._fn_kwargs))
    if isinstance(value, keras.Layer):
        return value
    return _Packed(_configured, type(value), value.get_config())


def _loss(cls: Any, attributes: dict[str, Any]) -> Any:
    loss = cls.__new__(cls)
    vars(loss).update(attributes)
    return loss


def _mean_metric(function: Callable, name: str, dtype: str, arguments: dict[str, Any]) -> Any:
    import keras

    return keras.metrics.MeanMetricWrapper(function, name=name, dtype=dtype, **arguments)


def _configured(cls: Any, config: dict[str, Any]) -> Any:
    return cls.from_config(config)


def _pack_model(model: Any) -> _Packed:
    from sklearn_cnn.architectures.given import recipe, weights_of_copies
    from sklearn_cnn.compat import compile_arguments

    shapes = model.get_build_config() if model.built else None
    compiled = _each(_packed, compile_arguments(model))
    return _Packed(_model, recipe(model), shapes, weights_of_copies(model), compiled)


def _model(source: Any, shapes: dict | None, weights: list, compiled: dict[str, Any]) -> Any:
    import keras

    model = source.make()
    if shapes and not model.built:
        model.build_from_config(shapes)
        model.built = True
    model.set_weights(weights)
    if compiled:
        # A user's own compile has arguments of its own, which Keras does not keep.
        keras.Model.compile(model, **_each(_unpacked, compiled))
    return model
