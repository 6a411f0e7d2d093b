"""Losses of Keras and of users, as losses of rows."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .optimizers import unknown_name


@dataclass(frozen=True)
class KerasLoss:
    """A Keras loss in the place of a family.

    Parameters
    ----------
    source : str, type or callable
        JSON of a Keras loss, or a function ``(y_true, y_pred) -> rows``.
    activation : str
        Keras activation from the network's linear output to what the loss compares.
    two_columns : bool
        Whether one output unit ``p`` is handed over as the probabilities ``(1 - p, p)``.
    sparse : bool
        Whether the loss takes class numbers instead of one-hot rows.
    """

    source: Any
    activation: str
    name: str
    two_columns: bool = False
    sparse: bool = False

    def units(self, n_outputs: int) -> int:
        """Output units for ``n_outputs`` columns of y."""
        return n_outputs

    def loss_scale(self, units: int) -> float:
        """Keras losses are reported as they are."""
        return 1.0

    def loss(self, y, output):
        """Losses of rows, shape (n,)."""
        from keras import activations, ops

        response = activations.get(self.activation)(output)
        if self.two_columns and response.shape[-1] == 1:
            response = ops.concatenate([1 - response, response], axis=-1)
            y = ops.concatenate([1 - y, y], axis=-1)
        if self.sparse:
            y = ops.argmax(y, axis=-1)
        rows = _loss_function(self.source)(y, response)
        if len(rows.shape) == 0:
            raise ScalarLossError(self.name)
        axes = tuple(range(1, len(rows.shape)))
        return ops.cast(ops.mean(rows, axis=axes) if axes else rows, output.dtype)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        """The response of linear outputs."""
        from sklearn_cnn.architectures.activations import numpy_activation

        return numpy_activation(self.activation)(eta)

    def check_target(self, y) -> None:
        """Any target that the loss itself accepts."""


class ScalarLossError(TypeError):
    """A user's loss returned one number for a batch: rows cannot be weighted apart."""


def _loss_function(source: Any):
    import keras

    if isinstance(source, str):
        loss = keras.losses.deserialize(json.loads(source))
        return loss.call if isinstance(loss, keras.losses.Loss) else loss
    return source.call if isinstance(source, keras.losses.Loss) else source


def describe_loss(loss: Any, *, classifier: bool, activation: str) -> KerasLoss:
    """The :class:`KerasLoss` of a name, class, instance or function."""
    import keras

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
    if isinstance(found, keras.losses.Loss):
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

    own = ["log_loss"] if classifier else ["squared_error", "poisson"]
    functions = [
        name
        for name, value in vars(keras.losses).items()
        if callable(value) and not isinstance(value, type) and name.islower()
    ]
    return own + [name for name in functions if name not in ("get", "serialize", "deserialize")]
