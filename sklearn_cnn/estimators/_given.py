"""What the estimators around a user's own model share: the model meets its data."""

import difflib
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from sklearn_cnn import backends, compat, families
from sklearn_cnn.architectures import dense
from sklearn_cnn.architectures.given import GivenArchitecture, Input, given, made
from sklearn_cnn.compat import HasMethods
from sklearn_cnn.encoding.several import Inputs, are_several
from sklearn_cnn.families import Family
from sklearn_cnn.training import Rows

from ._base import BaseNetwork
from ._keras_objects import KerasObjects
from ._readings import Reading, look_at_outputs, read_numbers

# What a function that makes models is told where it names it.
_TOLD = ("input_shape", "n_outputs", "family")
# Rows on which a subclassed model shows what its outputs are.
_ROWS_TO_LOOK_AT = 64


class GivenNetwork(KerasObjects, BaseNetwork):
    """What estimators around a user's model share; stands before a kind of `BaseNetwork`."""

    n_init = 1
    kernel_initializer = None
    _input_checks: dict = {"allow_nd": True}
    _target_checks: dict = {}
    _default_loss: str | None = None
    _parameter_constraints: dict = {
        "model": [callable, None],
        "model_params": [dict, None],
        "loss": [str, callable, Family, HasMethods(["call", "get_config"]), None],
        "solver": [str, HasMethods(["apply", "get_config"]), None],
        "metrics": "no_validation",
    }

    def get_params(self, deep=True):
        """Get parameters, with those of the model's function as ``model__name``.

        Parameters
        ----------
        deep : bool, default=True
            Whether to show the arguments of a function given as ``model``.

        Returns
        -------
        dict
            Names and values.
        """
        params = super().get_params(deep=deep)
        if deep:
            own = self._model_arguments()
            if isinstance(self.model_params, dict):
                own |= self.model_params
            params |= {f"model__{name}": value for name, value in own.items()}
        return params

    def set_params(self, **params):
        """Set parameters; ``model__name`` sets an argument of the model's function.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : object
            The estimator.
        """
        ours = {name: v for name, v in params.items() if not name.startswith("model__")}
        arguments = {name[7:]: v for name, v in params.items() if name.startswith("model__")}
        super().set_params(**ours)
        if arguments:
            self._check_model_arguments(arguments)
            self.model_params = {**(self.model_params or {}), **arguments}
        return self

    def _model_arguments(self) -> dict[str, Any]:
        """Arguments of the model's function that have defaults."""
        if is_model(self.model) or not callable(self.model):
            return {}
        return {
            name: parameter.default
            for name, parameter in _parameters_of(self.model).items()
            if parameter.default is not parameter.empty and name not in _TOLD
        }

    def _check_model_arguments(self, arguments: dict[str, Any]) -> None:
        shown = ", ".join(f"model__{name}" for name in arguments)
        if self.model is None or is_model(self.model):
            what = "None" if self.model is None else f"a finished {type(self.model).__name__}"
            raise ValueError(
                f"{shown}: these are arguments of a function that makes the model, but model is "
                f"{what}. Pass such a function as model."
            )
        parameters = _parameters_of(self.model)
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return
        for name in arguments:
            if name not in parameters:
                known = [n for n in parameters if n not in _TOLD]
                close = difflib.get_close_matches(name, known, n=1)
                advice = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(
                    f"Invalid parameter {'model__' + name!r} for {type(self).__name__}: "
                    f"{_name_of(self.model)} takes {', '.join(map(repr, known)) or 'none'}.{advice}"
                )

    def _validate(self, X, y, *, reset: bool):
        if are_several(X, _length(y)):
            X = self._check_several(X, reset=reset)
            y = validate_data(self, "no_validation", y, multi_output=True, **self._target_checks)
            check_consistent_length(X, y)
        else:
            X, y = validate_data(
                self,
                X,
                y,
                dtype="numeric",  # whole numbers stay: an embedding may want them
                multi_output=True,
                reset=reset,
                **self._input_checks,
                **self._target_checks,
            )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _check_several(self, X, *, reset: bool) -> Inputs:
        X = Inputs(X)
        for array in X.values():
            if array.dtype.kind not in "fiub":
                raise ValueError(
                    "Several inputs must be arrays of numbers. Got an array of "
                    f"{array.dtype}: encode it first."
                )
            assert_all_finite(array, input_name="X")
        if reset:
            self.__dict__.pop("n_features_in_", None)
            self.__dict__.pop("feature_names_in_", None)
        return X

    def _check_X(self, X):
        check_is_fitted(self)
        if are_several(X) and isinstance(self.architecture_, GivenArchitecture):
            return self._check_several(X, reset=False)
        X = validate_data(self, X, dtype="numeric", reset=False, **self._input_checks)
        shape = self.architecture_.input_shape
        if not isinstance(self.architecture_, GivenArchitecture) and X.shape[1:] != shape:
            raise ValueError(
                f"Each row of X has shape {X.shape[1:]}, but {type(self).__name__} was fitted on "
                f"rows of shape {shape}."
            )
        return X

    @staticmethod
    def _cast(x, dtype: str):
        def cast(part):
            return part.astype(dtype, copy=False) if part.dtype.kind == "f" else part

        if isinstance(x, dict):
            return {name: cast(part) for name, part in x.items()}
        return [cast(part) for part in x] if isinstance(x, list) else cast(x)

    def _split(self, rows: Rows, rng) -> tuple[Rows, Rows]:
        if not isinstance(rows.x, dict | list):
            return super()._split(rows, rng)
        training, validation = super()._split(rows._replace(x=Inputs(rows.x)), rng)
        return training._replace(x=training.x.arrays), validation._replace(x=validation.x.arrays)

    def _fit_rows(self, *arguments, **settings) -> None:
        try:
            super()._fit_rows(*arguments, **settings)
        finally:
            self.__dict__.pop("_compiled", None)

    def _describe(self, rows: Rows, validation: Rows | None, rng, first_pass: bool):
        dtype = self._wanted_dtype(rows.x)
        if self.model is None:
            if isinstance(rows.x, Inputs):
                raise ValueError("X holds several inputs: pass a model that takes them.")
            rows = rows._replace(x=rows.x.astype(dtype, copy=False))
            if validation is not None:
                validation = validation._replace(x=validation.x.astype(dtype, copy=False))
            return super()._describe(rows, validation, rng, first_pass)
        inputs, container = _inputs_of(rows.x)
        seed = int(rng.randint(np.iinfo(np.int32).max)) if first_pass else 0
        precision = backends.current().precision(dtype or "float32")
        with precision, compat.seeded_keras(seed):
            template, maker = self._template(inputs, container, rows.y, dtype)
            network = given(
                template, inputs, container, dtype=dtype, maker=maker, fresh=maker is not None
            )
        self._compiled = compat.compile_arguments(template)
        if self._compiled.get("loss_weights") is not None:
            raise ValueError(
                "The model was compiled with loss_weights. A model with one output has one loss: "
                "compile without them, and weight rows by sample_weight."
            )
        rows = rows._replace(x=network.arrange(_arrays(rows.x)))
        if validation is not None:
            validation = validation._replace(x=network.arrange(_arrays(validation.x)))

        def sees():
            model = template if template.built else network.build()
            return look_at_outputs(model, _head(rows.x))

        reading = self._read(network, rows.y, sees).showing_own_output()
        self._gives_probability = reading.gives_probabilities
        columns = reading.network.units
        rows = _in_columns(rows, columns)
        validation = None if validation is None else _in_columns(validation, columns)
        return rows, validation, reading.objective, reading.network

    def _wanted_dtype(self, X) -> str | None:
        """Float type that the network is to compute in, None for the model's own."""
        if self.dtype in ("float32", "float64"):
            return self.dtype
        return None if self.dtype is None and self.model is not None else str(float_type(X))

    def _computing_dtype(self, X) -> str:
        return str(X.dtype)

    def _architecture(self, input_shape, objective, units, dtype):
        return dense(input_shape, units, objective.family.activation, dtype=dtype)

    def _template(self, inputs, container: str, target: np.ndarray, dtype):
        """The user's model, or a new one from the user's function and how it was made."""
        import keras

        if isinstance(self.model, keras.Model):
            if self.model_params:
                raise ValueError(
                    "model_params are arguments of a function that makes the model, but model is "
                    f"a finished {type(self.model).__name__}. Pass such a function as "
                    "model, or leave model_params out."
                )
            return self.model, None
        family = self._family_told(target)
        shapes: Any = [i.shape for i in inputs]
        if container == "dict":
            shapes = {i.name: i.shape for i in inputs}
        told = {
            "input_shape": shapes[0] if container == "array" else shapes,
            "n_outputs": family.units(target.shape[1]),
            "family": family,
        }
        parameters = _parameters_of(self.model)
        self._check_model_arguments(self.model_params or {})
        arguments = {name: told[name] for name in _TOLD if name in parameters}
        maker = made(self.model, arguments | (self.model_params or {}))
        model = maker.make(dtype)
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"The function given as model must return a Keras model, but "
                f"{_name_of(self.model)} returned an object of type {type(model).__name__}."
            )
        return model, maker

    def _family_told(self, target: np.ndarray) -> Family:
        """The family that a function which makes models is told."""
        if self.loss == "pinball":
            return families.pinball()
        return self.loss if isinstance(self.loss, Family) else families.gaussian()

    def _read(self, network: GivenArchitecture, target: np.ndarray, sees) -> Reading:
        """What is minimised, and what the output means."""
        return read_numbers(network, target, self._loss_in_use())

    def _loss_in_use(self):
        loss = self.loss
        if loss is None:
            loss = vars(self).get("_compiled", {}).get("loss")
            if isinstance(loss, dict):
                loss = list(loss.values())
            loss = loss[0] if isinstance(loss, list | tuple) else loss
            if isinstance(loss, str):
                import keras

                loss = keras.losses.get(loss)  # "poisson" is Keras's here, not scikit-learn's
        return self._default_loss if loss is None and self.model is None else loss

    def _solver_in_use(self):
        if self.solver is not None:
            return self.solver
        optimizer = vars(self).get("_compiled", {}).get("optimizer")
        # Mixed precision wraps an optimizer in one that scales the loss.
        return "adam" if optimizer is None else getattr(optimizer, "inner_optimizer", optimizer)

    def _metrics_in_use(self):
        if self.metrics is not None:
            return self.metrics
        compiled = vars(self).get("_compiled", {})
        return [
            metric
            for name in ("metrics", "weighted_metrics")
            for metric in _flat(compiled.get(name))
        ]

    def _record(self, result, plan, *arguments) -> None:
        super()._record(result, plan, *arguments)
        if isinstance(self.architecture_, GivenArchitecture):
            # The weights are the estimator's now.
            self.architecture_ = replace(self.architecture_, start=None)

    def _raw_outputs(self, X) -> np.ndarray:
        # scikit-learn's MLP answers in the float type of X.
        return super()._raw_outputs(X).astype(float_type(X), copy=False)

    def _network_inputs(self, X):
        if isinstance(self.architecture_, GivenArchitecture):
            return self._cast(self.architecture_.arrange(_arrays(X)), self.architecture_.dtype)
        return X.astype(self.architecture_.dtype, copy=False)


def is_model(model: Any) -> bool:
    return hasattr(model, "get_weights") and not isinstance(model, type)


def _parameters_of(function: Any) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(function).parameters)
    return {name: p for name, p in parameters.items() if p.kind is not p.VAR_POSITIONAL}


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", repr(function))


def _length(y: Any) -> int | None:
    if getattr(y, "shape", ()):
        return y.shape[0]
    return len(y) if hasattr(y, "__len__") else None


def _arrays(X: Any) -> Any:
    return X.arrays if isinstance(X, Inputs) else X


def _inputs_of(X: Any) -> tuple[list[Input], str]:
    """What the rows of X look like, for a model that does not declare its inputs."""
    if not isinstance(X, Inputs):
        return [Input(None, X.shape[1:], "float32")], "array"
    container = "dict" if isinstance(X.arrays, dict) else "list"
    names = list(X.arrays) if isinstance(X.arrays, dict) else range(len(X.arrays))
    return [
        Input(
            str(name), array.shape[1:], str(array.dtype) if array.dtype.kind in "iu" else "float32"
        )
        for name, array in zip(names, X.values(), strict=True)
    ], container


def float_type(X: Any) -> np.dtype:
    """float32 if all of X is, else float64: what scikit-learn makes of every other type."""
    arrays = X.values() if isinstance(X, Inputs) else [X]
    floats = {array.dtype for array in arrays if array.dtype.kind == "f"}
    return np.dtype("float32" if floats == {np.dtype("float32")} else "float64")


def _in_columns(rows: Rows, n_columns: int) -> Rows:
    """Targets of two classes in two columns, where the network has two units for them."""
    if rows.y.dtype != bool or (rows.y.shape[1], n_columns) != (1, 2):
        return rows
    return rows._replace(y=np.hstack([~rows.y, rows.y]))


def labels_of_rows(binarizer: LabelBinarizer, target: np.ndarray) -> np.ndarray | None:
    """One label a row, by which rows can be stratified."""
    if binarizer.y_type_.startswith("multilabel"):
        return None
    return target if target.shape[1] == 1 else np.argmax(target, axis=1)


def _head(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: part[:_ROWS_TO_LOOK_AT] for name, part in x.items()}
    if isinstance(x, list):
        return [part[:_ROWS_TO_LOOK_AT] for part in x]
    return x[:_ROWS_TO_LOOK_AT]


def _flat(metrics: Any) -> list:
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    if isinstance(metrics, list | tuple):
        return [metric for item in metrics for metric in _flat(item)]
    return [metrics]
