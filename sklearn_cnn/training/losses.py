"""Losses of Keras and of users, as losses of rows."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .optimizers import unknown_name

# Keras's losses that look at differences between y and prediction only, functions and classes.
_OF_DIFFERENCES = {
    *("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"),
    *("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh"),
}


@dataclass(frozen=True)
class KerasLoss:
    """A Keras loss in the place of a family.

    Parameters
    ----------
    source : str, Instance or callable
        JSON of a Keras loss, an unregistered loss, or a function ``(y_true, y_pred) -> rows``.
    activation : str
        Keras activation from the network's linear output to the response.
    two_columns : bool
        Whether one output unit ``p`` is handed over as the probabilities ``(1 - p, p)``.
    sparse : bool
        Whether the loss takes class numbers instead of one-hot rows.
    compared : str or None
        Activation from the linear output to what the loss compares, where that is not the
        response: a user's loss may want the numbers that are read as logits.
    row_shape : tuple of int
        Shape of a row as the loss sees it, such as that of a picture; empty for flat rows.
    """

    source: Any
    activation: str
    name: str
    two_columns: bool = False
    sparse: bool = False
    compared: str | None = None
    row_shape: tuple[int, ...] = ()

    slope_is_residual: ClassVar[bool] = False

    @property
    def equivariant(self) -> bool:
        """Whether a response that is shifted or scaled has its predictions shifted or scaled."""
        if not isinstance(self.source, str) or self.activation != "linear":
            return False
        found = json.loads(self.source)
        if isinstance(found, dict):
            found = found["class_name"] if found["module"] == "keras.losses" else None
        return found in _OF_DIFFERENCES

    def units(self, n_outputs: int) -> int:
        """Output units for ``n_outputs`` columns of y."""
        return n_outputs

    def loss_scale(self, units: int) -> float:
        """Keras losses are reported as they are."""
        return 1.0

    def loss(self, y, output):
        """Losses of rows, shape (n,)."""
        rows = self.values(y, output)
        if len(rows.shape) == 0:
            raise ScalarLossError(
                f"loss {self.name!r} returned one number for a batch. It must return one number a "
                "row, so that rows can be weighted: take means over the last axis only."
            )
        return rows

    def values(self, y, output):
        """Losses of rows, or the one number that a user's loss returns for a batch."""
        from keras import activations, ops

        response = activations.get(self.compared or self.activation)(output)
        if self.two_columns and response.shape[-1] == 1:
            response = ops.concatenate([1 - response, response], axis=-1)
            y = ops.concatenate([1 - y, y], axis=-1)
        if self.sparse:
            y = ops.argmax(y, axis=-1)
        if self.row_shape:
            y = ops.reshape(y, (-1, *self.row_shape))
            response = ops.reshape(response, (-1, *self.row_shape))
        values = _loss_function(self.source)(y, response)
        axes = tuple(range(1, len(values.shape)))
        return ops.cast(ops.mean(values, axis=axes) if axes else values, output.dtype)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        """The response of linear outputs."""
        from sklearn_cnn.architectures import numpy_activation

        function = numpy_activation(self.activation)
        if function is None:
            raise ValueError(f"The activation {self.activation!r} has no form in NumPy.")
        return function(eta)

    def check_target(self, y) -> None:
        """Any target that the loss itself accepts."""


class ScalarLossError(TypeError):
    """A user's loss returned one number for a batch: rows cannot be weighted apart."""


class Instance:
    """An object of a class that Keras does not know: itself in keys, its attributes in pickles."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Instance) and self.value is other.value

    def __hash__(self):
        return id(self.value)

    def __reduce__(self):
        # Keras would pickle the name of the class and not find it again.
        return _instance, (type(self.value), vars(self.value))


def _instance(cls: type, attributes: dict) -> Instance:
    value: Any = object.__new__(cls)
    vars(value).update(attributes)
    return Instance(value)


def _loss_function(source: Any):
    import keras

    if isinstance(source, str):
        loss = keras.losses.deserialize(json.loads(source))
        return loss.call if isinstance(loss, keras.losses.Loss) else loss
    return source.value.call if isinstance(source, Instance) else source


def describe_loss(loss: Any, *, classifier: bool, activation: str) -> KerasLoss:
    """The :class:`KerasLoss` of a name, class, instance or function."""
    import keras

    found: Any
    name: Any
    if isinstance(loss, str):
        try:
            found = keras.losses.get(loss)
        except ValueError:
            raise ValueError(unknown_name("loss", loss, loss_names(classifier))) from None
        name = loss.lower()
    else:
        found = loss() if isinstance(loss, type) else loss
        name = getattr(found, "name", None) or getattr(found, "__name__", type(found).__name__)
    source = found
    if not isinstance(found, keras.losses.Loss) and found.__module__.startswith("keras."):
        source = json.dumps(found.__name__)  # a pickle finds it again in any release
    if isinstance(found, keras.losses.Loss):
        source = Instance(found)
        if getattr(found, "from_logits", False) is True and activation != "linear":
            # The response is computed here, whatever the network's output was.
            found = type(found).from_config(found.get_config() | {"from_logits": False})
        serialised = keras.losses.serialize(found)
        if keras.saving.get_registered_object(serialised.get("registered_name") or "") or str(
            serialised.get("module", "")
        ).startswith("keras"):
            source = json.dumps(serialised, sort_keys=True)
    lowered = name.lower().replace("_", "")
    sparse = classifier and lowered.startswith("sparse")
    categorical = classifier and (sparse or lowered.startswith(("categorical", "kl", "kullback")))
    return KerasLoss(source, activation, name, two_columns=categorical, sparse=sparse)


def loss_names(classifier: bool) -> list[str]:
    """Names that ``loss=`` takes."""
    import keras

    own = ["log_loss"] if classifier else ["squared_error", "poisson", "pinball"]
    functions = [
        name
        for name, value in vars(keras.losses).items()
        if callable(value) and not isinstance(value, type) and name.islower()
    ]
    return own + [name for name in functions if name not in ("get", "serialize", "deserialize")]
