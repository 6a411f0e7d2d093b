"""Keras optimizers described by what shapes a program, apart from their run-time numbers."""

import difflib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# Numbers that an optimizer only multiplies with, so that they may be inputs of a program.
_RUN_TIME_NUMBERS = {
    "SGD": ("momentum",),
    "Adam": ("beta_1", "beta_2", "epsilon"),
    "AdamW": ("beta_1", "beta_2", "epsilon"),
    "Nadam": ("beta_1", "beta_2", "epsilon"),
    "Adamax": ("beta_1", "beta_2", "epsilon"),
    "Lion": ("beta_1", "beta_2"),
    "RMSprop": ("rho", "epsilon", "momentum"),
    "Adagrad": ("epsilon",),
    "Adadelta": ("rho", "epsilon"),
}
# Their step treats each weight alone: all weights may stand in one vector.
_ELEMENTWISE = {
    "SGD",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Ftrl",
    "Lion",
}
# What Adam may do besides; without any of it the engine computes Adam itself.
_EXTRAS_OF_ADAM = {
    *("amsgrad", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue"),
    *("use_ema", "gradient_accumulation_steps"),
}


@dataclass(frozen=True)
class OptimizerDescription:
    """Class and structure of an optimizer: hashable, made before any optimizer is.

    Parameters
    ----------
    optimizer_class : type
        A Keras optimizer class.
    config : str
        Its configuration as JSON, less the run-time numbers.
    run_time : tuple of str
        Names of the numbers that a step receives.
    own_rate : bool
        Whether the rate comes from the optimizer's own schedule.
    elementwise : bool
        Whether each weight is updated without regard to the others.
    starts_from_weights : bool
        Whether its variables may begin with values of the weights.
    is_plain_adam : bool
        Whether it is Keras's Adam and does nothing besides.
    """

    optimizer_class: type
    config: str
    run_time: tuple[str, ...]
    own_rate: bool
    elementwise: bool
    starts_from_weights: bool = False
    is_plain_adam: bool = False

    def build(self, pure_class: Callable[[type], Any]):
        """An optimizer whose ``stateless_apply`` is a pure function."""
        return pure_class(self.optimizer_class).from_config(json.loads(self.config))

    def set_numbers(self, optimizer, rate, values) -> None:
        """Hand the run-time numbers of a step to ``optimizer``."""
        if not self.own_rate:
            optimizer.__dict__["run_time_rate"] = rate
        for name, value in zip(self.run_time, values, strict=True):
            optimizer.__dict__[name] = _Positive(value) if name == "momentum" else value


class _Positive:
    """A tensor in the place of a number that optimizers compare with 0 while they are traced."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __ne__(self, other):
        return True

    def __gt__(self, other):
        return True

    def __tf_tensor__(self, dtype=None, name=None):
        return self.tensor

    def __jax_array__(self):
        return self.tensor


@dataclass(frozen=True)
class Solver:
    """An optimizer with its numbers: what ``solver=`` stands for."""

    description: OptimizerDescription
    rate: float
    numbers: tuple[float, ...]


def solver_names() -> dict[str, type]:
    """Keras's optimizers by lower-case name."""
    import keras

    skipped = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}
    return {
        name.lower(): value
        for name, value in vars(keras.optimizers).items()
        if isinstance(value, type)
        and issubclass(value, keras.optimizers.Optimizer)
        and name not in skipped
    }


def describe_solver(solver: Any, learning_rate: Any, learning_rate_init: float, numbers: dict):
    """The :class:`Solver` that an estimator's arguments ask for.

    Parameters
    ----------
    solver : str or keras.optimizers.Optimizer
    learning_rate : str or keras.optimizers.schedules.LearningRateSchedule
    learning_rate_init : float
    numbers : dict
        ``momentum``, ``nesterovs_momentum``, ``beta_1``, ``beta_2``, ``epsilon``.
    """
    import keras

    if isinstance(solver, keras.optimizers.LossScaleOptimizer):
        solver = solver.inner_optimizer  # scaling is for half precision, in which nothing is here
    if isinstance(solver, keras.optimizers.Optimizer):
        optimizer_class = type(solver)
        config = solver.get_config()
    else:
        names = solver_names()
        key = str(solver).lower()
        if key not in names:
            raise ValueError(unknown_name("solver", solver, [*names, "lbfgs"]))
        optimizer_class = names[key]
        config = _default_config(optimizer_class)
        if key == "sgd":
            config["momentum"] = float(numbers.get("momentum", 0.0))
            config["nesterov"] = bool(numbers.get("nesterovs_momentum", False))
        elif key == "adam":
            config |= {name: numbers[name] for name in ("beta_1", "beta_2", "epsilon")}
        config["learning_rate"] = learning_rate_init
    rate = config.pop("learning_rate")
    if not isinstance(rate, dict):
        # An optimizer instance keeps its rate in float32: 0.001 was meant, not 0.00100000005.
        rate = rate if rate == learning_rate_init else float(str(np.float32(rate)))
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = keras.saving.serialize_keras_object(learning_rate)
    return _solver(optimizer_class, config, rate)


def _default_config(optimizer_class: type) -> dict:
    """Configuration of a Keras optimizer made without arguments.

    Making one takes 5 ms, a tenth of a fit on small data.
    """
    parameters = inspect.signature(optimizer_class).parameters.items()
    return {name: p.default for name, p in parameters if p.default is not p.empty}


def _solver(optimizer_class: type, config: dict, rate: Any) -> Solver:
    # Of a user's own optimizer nothing is known, whatever its name.
    name = optimizer_class.__name__ if optimizer_class.__module__.startswith("keras.") else ""
    # Without momentum an optimizer has no slot for it: another structure, no number.
    run_time = tuple(
        number
        for number in _RUN_TIME_NUMBERS.get(name, ())
        if number != "momentum" or config["momentum"]
    )
    values = tuple(float(config[number]) for number in run_time)
    config |= dict.fromkeys(run_time, 0.5)
    config.pop("name", None)
    config["loss_scale_factor"] = None  # the loss is not scaled: there is nothing to undo
    own_rate = isinstance(rate, dict)  # a serialised schedule
    config["learning_rate"] = rate if own_rate else 0.0
    elementwise = name in _ELEMENTWISE and not (config.get("clipnorm") or config.get("use_ema"))
    description = OptimizerDescription(
        optimizer_class,
        json.dumps(config, sort_keys=True),
        run_time,
        own_rate,
        elementwise,
        starts_from_weights=name not in _ELEMENTWISE | {"Lamb", "Adafactor", "Muon"},
        is_plain_adam=name == "Adam"
        and not own_rate
        and not any(config.get(extra) for extra in _EXTRAS_OF_ADAM),
    )
    return Solver(description, float("nan") if own_rate else float(rate), values)


def unknown_name(parameter: str, value: Any, known) -> str:
    """The message for a name that is not known."""
    names = sorted({str(name) for name in known})
    message = f"{parameter}={value!r} is unknown. Known names: {', '.join(map(repr, names))}."
    by_lower_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(str(value).lower(), by_lower_case, n=1)
    return f"{message} Did you mean {by_lower_case[close[0]]!r}?" if close else message
