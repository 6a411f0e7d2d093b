"""How the output of a user's network is read: as probabilities, as logits, as numbers."""

import inspect
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sklearn_cnn import families
from sklearn_cnn.architectures.given import GivenArchitecture
from sklearn_cnn.families import Family
from sklearn_cnn.training import Objective
from sklearn_cnn.training.losses import KerasLoss, describe_loss

from ._targets import NUMBERS_BY_NAME, is_probability_loss


class Reading(NamedTuple):
    """What a network is trained on, and what its output means."""

    objective: Objective
    network: GivenArchitecture
    gives_probabilities: bool = False

    def showing_own_output(self) -> "Reading":
        """The same, metrics that the user wrote being shown the model's own output."""
        own = str(self.network.output_activation)
        if own == self.objective.family.activation:
            return self
        return self._replace(objective=replace(self.objective, own_activation=own))


def family_of_labels(kind: str, n_columns: int, n_units: int | None = None) -> Family:
    """The family of labels of scikit-learn's ``type_of_target`` ``kind``."""
    if kind.startswith("multilabel"):
        return families.get("multilabel")
    two_units = n_units is not None and n_units > 1
    return families.multinomial() if n_columns > 1 or two_units else families.binomial()


def read_labels(
    network: GivenArchitecture, kind: str, n_classes: int, n_columns: int, loss: Any, sees: Any
) -> Reading:
    """Read the output of a classifier's network.

    Parameters
    ----------
    network : GivenArchitecture
    kind : str
        ``type_of_target`` of y.
    n_classes, n_columns : int
        Number of labels, and of columns of the encoded y: one for two classes.
    loss : str, Family, Keras loss or None
        None is the loss of the family.
    sees : callable
        ``sees()`` is "softmax" or "sigmoid" if a look at the outputs shows probabilities, else
        None; asked only where the network itself does not tell.
    """
    units = network.units
    _check_label_units(units, kind, n_classes, n_columns)
    canonical = family_of_labels(kind, n_columns, units)
    own = isinstance(loss, Family) or loss is None or loss == "log_loss"
    ends_in, in_network = network.ends_in, network.output_activation == "linear"
    if ends_in is None and not getattr(loss, "from_logits", False):
        ends_in = sees()
    if units == 1 and ends_in == "softmax":
        raise ValueError(
            "The model ends in a softmax over one unit, which is always 1. Use 'sigmoid', or two "
            "units."
        )
    multilabel = kind.startswith("multilabel")
    is_probability = ends_in in ("softmax", "sigmoid")
    activation = ends_in if is_probability and not in_network else "linear"
    network = network if activation == ends_in else replace(network, output_activation="linear")
    if own:
        family = _label_family(loss, canonical)
        if not is_probability or activation == family.activation:
            return Reading(Objective(family, "accuracy"), network, True)
        if isinstance(loss, Family) and ends_in != family.activation:
            raise ValueError(
                f"loss={loss} needs a model that ends in {family.activation!r} or in a linear "
                f"layer, which is the linear predictor then. It ends in {ends_in!r}."
            )
        # Probabilities of another kind, or ones that cannot be traced back to a linear output.
        name = "categorical_crossentropy" if ends_in == "softmax" else "binary_crossentropy"
        described = describe_loss(name, classifier=True, activation=str(activation))
        return Reading(_labels_objective(described, multilabel), network, True)
    learns_probabilities = is_probability_loss(loss) and not is_users_own(loss)
    compared = response = str(activation)
    if not is_probability and (learns_probabilities or is_users_own(loss) or _is_hinge(loss)):
        response = canonical.activation
        compared = response if learns_probabilities else "linear"
    described = describe_loss(loss, classifier=True, activation=compared)
    if response != compared:
        described = replace(described, activation=response, compared=compared)
    gives = (is_probability or response != "linear") and not _is_hinge(loss)
    return Reading(_labels_objective(described, multilabel), network, gives)


def _labels_objective(loss: KerasLoss, multilabel: bool) -> Objective:
    threshold = 0.5 if loss.activation == "linear" else 0.0
    return Objective(loss, "accuracy", threshold=threshold, multilabel=multilabel)


def _label_family(loss: Any, canonical: Family) -> Family:
    if not isinstance(loss, Family):
        return canonical
    if loss.name not in ("binomial", "multinomial", "multilabel"):
        raise ValueError(
            f"loss={loss} is for numbers, but y holds labels: use binomial() or multinomial(), or "
            "a regressor."
        )
    if loss.name != canonical.name:
        raise ValueError(
            f"loss={loss} does not fit the model and y, which ask for {canonical!r}: one output "
            "unit is binomial, more are multinomial."
        )
    return loss


def _check_label_units(units: int, kind: str, n_classes: int, n_columns: int) -> None:
    if kind.startswith("multilabel"):
        if units != n_columns:
            raise ValueError(
                f"The model has {_units(units)}, but each row of y has {n_columns} labels: it "
                f"needs {n_columns} units with 'sigmoid'."
            )
    elif n_columns == 1:
        if units not in (1, 2):
            raise ValueError(
                f"The model has {_units(units)}, but y has {n_classes} classes: it needs one unit "
                "with 'sigmoid', or two with 'softmax'."
            )
    elif units != n_columns:
        raise ValueError(
            f"The model has {_units(units)}, but y has {n_classes} classes: it needs {n_classes} "
            "units with 'softmax'. A function that names the argument n_outputs is told."
        )


def _units(units: int) -> str:
    return "1 output unit" if units == 1 else f"{units} output units"


def is_users_own(loss: Any) -> bool:
    """Whether a loss was written by the user: it wants the output as it is."""
    if isinstance(loss, str):
        return False
    where = loss if inspect.isroutine(loss) or isinstance(loss, type) else type(loss)
    return not str(getattr(where, "__module__", "")).startswith("keras.")


def _is_hinge(loss: Any) -> bool:
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    name = getattr(loss, "__name__", "") if name is None else name
    return "hinge" in str(name)


def read_numbers(
    network: GivenArchitecture, target: np.ndarray, loss: Any, *, score: str = "r2"
) -> Reading:
    """Read the output of a regressor's network, or of one that reproduces its input."""
    if loss is None:
        loss = families.gaussian()
    if isinstance(loss, str) and loss in NUMBERS_BY_NAME:
        loss = NUMBERS_BY_NAME[loss]()
    units, n_columns = network.units, target.shape[1]
    if isinstance(loss, Family):
        n_columns = loss.units(n_columns)
    if units != n_columns:
        several = f", each with {n_columns // target.shape[1]} quantiles"
        raise ValueError(
            f"The model has {_units(units)}, but each row of y has {target.shape[1]} numbers"
            f"{several if n_columns > target.shape[1] else ''}. A function that names the argument "
            "n_outputs is told."
        )
    if not isinstance(loss, Family):
        network = replace(network, output_activation="linear")
        described = describe_loss(loss, classifier=False, activation="linear")
        shape = network.output_shape
        described = replace(described, row_shape=shape if len(shape) != 1 else ())
        return Reading(Objective(described, score), network)
    family: Any = loss
    if family.name == "negative_binomial" and family.theta is None:
        family = family.with_theta(1.0)
    family.check_target(target)
    if network.output_activation != family.activation:
        network = replace(network, output_activation="linear")
        if network.ends_in not in ("linear", None) and family.activation != "linear":
            raise ValueError(
                f"loss={family} needs a model that ends in {family.activation!r} or in a linear "
                f"unit, which is the linear predictor then. It ends in {network.ends_in!r}."
            )
    return Reading(Objective(family, "none" if family.name == "pinball" else score), network)


def look_at_outputs(model: Any, rows: Any) -> str | None:
    """Whether a model's outputs stay probabilities however large X is: which, or None.

    The last resort for subclassed models, which do not tell how they end.
    """
    from keras import ops

    def scaled(part, factor):
        return factor * part if part.dtype.kind == "f" else part

    outputs = []
    for factor in (1.0, 10.0, -10.0):
        if isinstance(rows, dict):
            x: Any = {name: scaled(part, factor) for name, part in rows.items()}
        else:
            x = [scaled(p, factor) for p in rows] if isinstance(rows, list) else None
        output = model(scaled(rows, factor) if x is None else x, training=False)
        output = output[0] if isinstance(output, list | tuple) else output
        output = ops.convert_to_numpy(output)
        outputs.append(output.reshape(len(output), -1))
    values = np.concatenate(outputs).astype(np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        return None
    if values.shape[1] > 1 and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return "softmax"
    return "sigmoid" if values.any() else None
