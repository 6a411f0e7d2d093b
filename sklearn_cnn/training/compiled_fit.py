"""``keras.Model.fit`` by compiled epochs, for a compiled Keras model that stays the user's own."""

import contextlib
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_cnn import backends, compat
from sklearn_cnn._warnings import warn
from sklearn_cnn.architectures.given import (
    Configured,
    GivenArchitecture,
    Input,
    UnsuitableModel,
    given,
)

from .callbacks import needs_batches
from .losses import describe_loss
from .metrics import MetricDescription, describe_metrics
from .objective import Objective
from .optimizers import OptimizerDescription, describe_solver
from .plan import Plan, Progress, Rows
from .stopping import Reason

# Class numbers become one-hot rows for compiled epochs: not more numbers of them than this.
_MOST_ONE_HOT = 50_000_000
_MODELS = ("Sequential", "Functional", "Model")


def fit_keras_model(
    model,
    x,
    y=None,
    *,
    batch_size: int = 32,
    epochs: int = 1,
    verbose: int = 0,
    callbacks: Sequence = (),
    validation_split: float = 0.0,
    validation_data=None,
    shuffle: bool = True,
    class_weight: dict | None = None,
    sample_weight=None,
    initial_epoch: int = 0,
    random_state: int | None = None,
    **more: Any,
):
    """Train a compiled Keras model in place, as its own ``fit`` does, by compiled epochs.

    The model, its optimizer and the history end where ``model.fit`` would leave them, given the
    same order of rows and the same dropout. What compiled epochs cannot express is done by
    ``model.fit`` itself: weighted rows, several outputs or outputs that are no rows of numbers,
    ``train_step`` and losses of the user's own, callbacks around batches, generators.

    Parameters
    ----------
    model : keras.Model
        Compiled; built or not.
    x : ndarray of shape (n_samples, ...), or list of them
        Rows; a list holds the inputs of a model that takes several.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets as the model's loss takes them.
    batch_size : int, default=32
        Rows a step.
    epochs : int, default=1
        The number of the last epoch.
    verbose : int, default=0
        1 or 2 print a line for each epoch.
    callbacks : sequence of keras.callbacks.Callback, default=()
        Called between epochs, with ``model`` itself.
    validation_split : float in [0, 1), default=0.0
        Share of the rows, the last ones, that are kept aside and evaluated after each epoch.
    validation_data : tuple (x, y) or (x, y, sample_weight), default=None
        Rows that are evaluated after each epoch instead.
    shuffle : bool, default=True
        Whether rows are drawn in a new order for each epoch.
    class_weight : dict, default=None
        Weights of class numbers.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of rows.
    initial_epoch : int, default=0
        The number of epochs that count as done.
    random_state : int, default=None
        Draws the orders of rows and dropout.
    **more
        Handed to ``model.fit``, which does the work then.

    Returns
    -------
    keras.callbacks.History
        Its ``history`` has the loss and the metrics of each epoch.

    Raises
    ------
    ValueError
        If the data do not fit the model, or it is not compiled.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from sklearn_cnn import fit_keras_model
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> history = fit_keras_model(model, x, x @ [1.0, 2.0], epochs=20, random_state=0)
    >>> model.get_weights()[0].round(3).ravel().tolist()
    [1.0, 2.0]
    >>> sorted(history.history)
    ['loss', 'mae']
    """
    import keras

    if not getattr(model, "compiled", False):
        raise ValueError("The model is not compiled: call compile() with a loss and an optimizer.")
    backends.current().forget_unused()
    callbacks = list(callbacks or ())
    history = keras.callbacks.History()
    if verbose:
        callbacks.append(epoch_lines(epochs))
    rng = np.random.RandomState(random_state)
    arguments = {"x": x, "y": y, "validation_data": validation_data}
    fit = None
    if not (more or class_weight or sample_weight is not None or _has_weights(validation_data)):
        fit = _CompiledFit.of(
            model, validation_split=validation_split, callbacks=callbacks, **arguments
        )
    if fit is not None:
        fit.run([*callbacks, history], rng, batch_size, epochs, initial_epoch, shuffle)
        return history
    with _seeded(random_state):
        try:
            model.fit(
                **arguments,
                batch_size=batch_size,
                epochs=epochs,
                verbose=0,
                callbacks=[*callbacks, history],
                validation_split=validation_split,
                shuffle=shuffle and not isinstance(x, Iterator),
                class_weight=class_weight,
                sample_weight=sample_weight,
                initial_epoch=initial_epoch,
                **more,
            )
        except KeyboardInterrupt:
            _warn_of_interrupt()
    return history


@contextlib.contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Let ``keras.Model.fit`` shuffle by ``seed``, and leave Python's and NumPy's streams alone."""
    import keras

    before = random.getstate(), np.random.get_state()
    if seed is not None:
        keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def _has_weights(validation_data: Any) -> bool:
    return isinstance(validation_data, tuple | list) and len(validation_data) > 2


def _warn_of_interrupt() -> None:
    warn("Training interrupted by user.")


class _CannotCompile(Exception):
    """Compiled epochs cannot express this fit."""


class _CompiledFit:
    """A fit that compiled epochs can do.

    Parameters
    ----------
    model : keras.Model
    network : GivenArchitecture
    rows, validation : Rows
    loss : KerasLoss
    metrics : tuple of MetricDescription
    """

    def __init__(self, model, network, rows, validation, loss, metrics):
        self.model = model
        self.network = network
        self.rows, self.validation = rows, validation
        self.loss, self.metrics = loss, metrics

    @classmethod
    def of(cls, model, *, x, y, validation_data, validation_split, callbacks):
        """The fit, or None where ``keras.Model.fit`` has to do it."""
        try:
            return cls._of(model, x, y, validation_data, validation_split, callbacks)
        except (_CannotCompile, UnsuitableModel):
            return None

    @classmethod
    def _of(cls, model, x, y, validation_data, validation_split, callbacks):
        import keras

        backends.start()
        compiled = compat.compile_arguments(model)
        loss = _one(compiled.get("loss"))
        optimizer = model.optimizer
        if (
            not backends.current().compiles
            or loss is None
            or isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            or compiled.get("loss_weights") is not None
            or compiled.get("weighted_metrics")
            or compiled.get("run_eagerly")
            or any(needs_batches(callback) for callback in callbacks)
            or any(getattr(layer, "stateful", False) for layer in model.layers)
        ):
            raise _CannotCompile
        inputs = x if isinstance(x, list | tuple) else [x]
        if y is None or not all(isinstance(part, np.ndarray) for part in [*inputs, y]):
            raise _CannotCompile
        if not model.built or not getattr(model, "inputs", None):
            if len(inputs) > 1:
                raise _CannotCompile
            model.build((None, *inputs[0].shape[1:]))
        network = _described(model, inputs)
        loss = _described_loss(loss, network.output_activation)
        several = network.units > 1
        metrics = _described_metrics(compiled.get("metrics"), loss, several)
        validation = None
        if validation_data is not None:
            validation = _rows(network, *validation_data[:2], loss)
        elif validation_split:
            split = math.floor(len(y) * (1.0 - validation_split))
            validation = _rows(network, _part(x, slice(split, None)), y[split:], loss)
            x, y = _part(x, slice(split)), y[:split]
        return cls(model, network, _rows(network, x, y, loss), validation, loss, metrics)

    def run(self, callbacks, rng, batch_size, epochs, initial_epoch, shuffle) -> None:
        """Train the model."""
        from .loop import train

        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        solver = describe_solver(optimizer, "constant", 0.001, {})
        state = _OptimizerState(optimizer, solver.description, self.model.trainable_variables)
        weights = self.model.get_weights()
        progress = Progress(weights, state.slots(), step=int(optimizer.iterations))
        if not solver.description.own_rate:
            progress.rate = solver.rate
        plan = Plan(
            architecture=self.network,
            objective=Objective(self.loss, "none"),
            solver=solver,
            metrics=self.metrics,
            batch_size=min(batch_size, self.rows.n_rows),
            max_iter=epochs - initial_epoch,
            shuffle=shuffle,
            tol=0.0,
            patience=math.inf,
            watched="loss",
            policy="own" if solver.description.own_rate else "constant",
            seed=int(rng.randint(np.iinfo(np.int32).max)),
        )
        if plan.max_iter <= 0:
            return
        told = _Told(self.model, callbacks, epochs, initial_epoch, self.validation is not None)
        told.begins(progress)
        result = train(
            plan,
            progress,
            self.rows,
            rng,
            validation=self.validation,
            listener=told if told.every_epoch else None,
        )
        self.model.set_weights(result.progress.weights)
        if not solver.description.own_rate:
            optimizer.learning_rate = result.progress.rate
        state.take(result.progress.slots or [])
        if not told.every_epoch:
            told.all_epochs(result)
        told.ends()
        if result.reason is Reason.INTERRUPTED:
            _warn_of_interrupt()
        elif result.reason is Reason.NOT_FINITE:
            warn(
                f"The loss was not finite in epoch {initial_epoch + result.n_epochs}, and training "
                "ended. Scale the inputs, or lower the learning rate."
            )


def _one(loss: Any) -> Any:
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, list | tuple):
        return loss[0] if len(loss) == 1 else None
    return loss


def _part(x: Any, rows: slice) -> Any:
    return [part[rows] for part in x] if isinstance(x, list | tuple) else x[rows]


def _described(model, inputs: list) -> GivenArchitecture:
    several = len(inputs) > 1
    container = "list" if several else "array"
    shapes = [
        Input(str(number) if several else None, array.shape[1:], "float32")
        for number, array in enumerate(inputs)
    ]
    try:
        network = given(model, shapes, container)
    except UnsuitableModel:
        raise
    except ValueError as error:
        raise _CannotCompile from error
    if (
        not isinstance(network.source, Configured)
        or network.container == "dict"
        or network.has_own_train_step
        or len(network.output_shape) != 1
        or len(network.parameters) != len(model.weights)
    ):
        raise _CannotCompile
    source = replace(network.source, config=_without_names(network.source.config))
    inputs_without_names = tuple(
        replace(i, name=None if i.name is None else str(number))
        for number, i in enumerate(network.inputs)
    )
    # Models that differ in their names alone share programs; keys hold no weights.
    return replace(network, source=source, inputs=inputs_without_names, start=None)


def _without_names(config: str) -> str:
    """A configuration whose models and layers are numbered from 0."""
    parsed = json.loads(config)
    names: dict[str, str] = {}

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            inner = part.get("config") or {}
            is_layer = str(part.get("module", "")).startswith(("keras.layers", "keras.src.models"))
            if (is_layer or part.get("class_name") in _MODELS) and "name" in inner:
                names.setdefault(inner["name"], f"part_{len(names)}")
            for value in part.values():
                collect(value)
        elif isinstance(part, list):
            for value in part:
                collect(value)

    def renamed(part: Any, key: str | None = None) -> Any:
        if isinstance(part, dict):
            return {name: renamed(value, name) for name, value in part.items()}
        if isinstance(part, list):
            return [renamed(value, "name") for value in part]
        return names.get(part, part) if key == "name" and isinstance(part, str) else part

    collect(parsed)
    return json.dumps(renamed(parsed), sort_keys=True)


def _described_loss(loss: Any, activation: str):
    import keras

    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if not isinstance(loss, keras.losses.Loss) and not callable(loss):
        raise _CannotCompile
    if not (getattr(loss, "__module__", "") or "").startswith("keras."):
        raise _CannotCompile
    if getattr(loss, "reduction", "sum_over_batch_size") not in (
        "sum_over_batch_size",
        "mean",
        "mean_with_sample_weight",
    ):
        raise _CannotCompile
    if getattr(loss, "from_logits", False) and activation != "linear":
        raise _CannotCompile
    described = describe_loss(loss, classifier=True, activation=activation)
    return replace(described, two_columns=False)


def _described_metrics(metrics: Any, loss, several: bool) -> tuple[MetricDescription, ...]:
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    if isinstance(metrics, str) or not isinstance(metrics, list | tuple | None):
        metrics = [metrics]
    if metrics and isinstance(metrics[0], list | tuple):
        metrics = [metric for part in metrics for metric in part]
    described = []
    for metric in metrics or []:
        name = metric if isinstance(metric, str) else None
        if isinstance(metric, type):
            raise _CannotCompile
        found = _fitting(metric, loss, several) if name else metric
        (one,) = describe_metrics([found], score="none", units=1)
        if one.is_users and not isinstance(one.source, str):
            raise _CannotCompile
        described.append(one if name is None else replace(one, name=name))
    names = [metric.name for metric in described]
    if len(set(names)) < len(names) or "loss" in names:
        raise _CannotCompile
    return tuple(described)


def _fitting(name: str, loss, several: bool) -> str:
    """The metric that Keras takes for a short name."""
    kind = "SparseCategorical" if loss.sparse else "Categorical"
    kind = kind if several else "Binary"
    if name.lower() in ("accuracy", "acc"):
        return f"{kind}Accuracy"
    if name.lower() in ("crossentropy", "ce"):
        return f"{kind}Crossentropy"
    return name


def _rows(network: GivenArchitecture, x: Any, y: np.ndarray, loss) -> Rows:
    x = network.arrange(x)
    n_rows = len(x[0]) if isinstance(x, list) else len(x)
    if len(y) != n_rows:
        raise ValueError(f"x has {n_rows} rows, but y has {len(y)}.")
    y = np.asarray(y)
    if y.ndim == 1:
        y = y[:, None]
    if y.dtype.kind not in "fiub":
        raise _CannotCompile
    if loss.sparse:
        y = _one_hot(y, network.units)
    elif y.ndim != 2 or y.shape[1] != network.units:
        raise _CannotCompile
    return Rows(_in_dtype(x, network.dtype), y.astype(network.dtype, copy=False))


def _one_hot(y: np.ndarray, units: int) -> np.ndarray:
    if y.shape[1:] != (1,) or len(y) * units > _MOST_ONE_HOT:
        raise _CannotCompile
    classes = y[:, 0].astype(np.int64)
    low, high = (int(classes.min()), int(classes.max())) if len(classes) else (0, 0)
    if low < 0 or high >= units:
        raise ValueError(
            f"y holds the class number {low if low < 0 else high}, but the model has {units} "
            f"output units, for the classes 0 to {units - 1}: classes count from 0."
        )
    rows = np.zeros((len(y), units), dtype=np.float32)
    rows[np.arange(len(y)), classes] = 1
    return rows


def _in_dtype(x: Any, dtype: str) -> Any:
    if isinstance(x, list):
        return [_in_dtype(part, dtype) for part in x]
    return x.astype(dtype, copy=False) if x.dtype.kind == "f" else x


class _OptimizerState:
    """An optimizer's variables in the layout in which compiled epochs keep them, and back.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built for the trainable variables of the model.
    description : OptimizerDescription
    trained : list of keras.Variable
        The trainable variables of the model.
    """

    def __init__(self, optimizer, description: OptimizerDescription, trained: list):
        import keras

        from .steps.supervised import in_one_vector

        self.optimizer = optimizer
        size = sum(math.prod(variable.shape) for variable in trained)
        # For each slot of compiled epochs the places among the optimizer's variables.
        self.places = [[place] for place in range(len(optimizer.variables))]
        if in_one_vector(description, trained):
            flat = description.build(lambda optimizer_class: optimizer_class)
            flat.build([keras.Variable(np.zeros(size, trained[0].dtype), name="weights")])
            self.places = list(self._places(flat.variables, len(trained)))

    def _places(self, slots: list, n_weights: int) -> Iterator[list[int]]:
        variables = self.optimizer.variables
        names = [variable.name for variable in variables]
        scalars = (place for place, variable in enumerate(variables) if not tuple(variable.shape))
        for slot in slots:
            if not tuple(slot.shape):  # a counter or a rate, in the same order
                yield [next(scalars)]
                continue
            ending = slot.name.removeprefix("weights")
            places = [place for place, name in enumerate(names) if name.endswith(ending)]
            if len(places) != n_weights:
                raise RuntimeError(f"The optimizer has {len(places)} variables {ending!r}.")
            yield places

    def slots(self) -> list[np.ndarray]:
        """The slots that compiled epochs start from."""
        from keras import ops

        values = [ops.convert_to_numpy(variable) for variable in self.optimizer.variables]
        return [
            values[places[0]]
            if len(places) == 1 and not values[places[0]].shape
            else self._joined([values[place] for place in places])
            for places in self.places
        ]

    def _joined(self, values: list[np.ndarray]) -> np.ndarray:
        if len(self.places) == len(self.optimizer.variables):
            return values[0]
        return np.concatenate([np.ravel(value) for value in values])

    def take(self, slots: list[np.ndarray]) -> None:
        """Leave the optimizer as compiled epochs left it."""
        variables = self.optimizer.variables
        rate = getattr(self.optimizer, "learning_rate", None)
        for places, slot in zip(self.places, slots, strict=True):
            start = 0
            flat = np.ravel(slot)
            for place in places:
                size = math.prod(variables[place].shape)
                if variables[place] is not rate:
                    variables[place].assign(
                        flat[start : start + size].reshape(variables[place].shape)
                    )
                start += size


class _Told:
    """A listener that plays ``keras.Model.fit`` to callbacks, with the user's own model.

    Parameters
    ----------
    model : keras.Model
    callbacks : list of keras.callbacks.Callback
        The last is the history, which so sees what the others report.
    epochs, initial_epoch : int
    validated : bool
        Whether there are validation rows.
    """

    def __init__(self, model, callbacks: list, epochs: int, initial_epoch: int, validated: bool):
        import keras

        self.model = model
        self.model.stop_training = False
        self.callbacks = keras.callbacks.CallbackList(
            callbacks, add_history=False, add_progbar=False, model=model
        )
        self.callbacks.set_params({"epochs": epochs, "verbose": 0, "steps": None})
        self.epochs, self.initial_epoch = epochs, initial_epoch
        # Keras counts the layers' penalties in the loss of validation rows too.
        self.penalised = validated and _is_penalised(model)
        self.every_epoch = len(callbacks) > 1 or self.penalised
        self.logs: dict[str, float] = {}

    def begins(self, progress: Progress) -> None:
        """Call the first hooks; what they change is where training starts."""
        self.callbacks.on_train_begin()
        self.callbacks.on_epoch_begin(self.initial_epoch)
        progress.weights = self.model.get_weights()
        if progress.rate is not None:
            progress.rate = _rate(self.model)

    def epoch_ends(self, epoch: int, logs: dict[str, float], run: Any) -> bool:
        """Call the hooks with the model of this moment; take back what they changed."""
        weights = run.weights()
        self.model.set_weights(weights)
        epoch += self.initial_epoch
        self.logs = _shown(logs)
        if self.penalised:
            self.logs["val_loss"] += sum(float(penalty) for penalty in self.model.losses)
        rate = _rate(self.model)
        self.callbacks.on_epoch_end(epoch, self.logs)
        if not self.model.stop_training and epoch + 1 < self.epochs:
            self.callbacks.on_epoch_begin(epoch + 1)
        changed = self.model.get_weights()
        if not all(map(np.array_equal, changed, weights)):
            run.set_weights(changed)
        if rate is not None and _rate(self.model) != rate:
            run.set_rate(_rate(self.model))
        return bool(self.model.stop_training)

    def all_epochs(self, result) -> None:
        """Tell the history of epochs that nobody had to hear of one by one."""
        for epoch in range(result.n_epochs):
            self.logs = _shown({name: values[epoch] for name, values in result.history.items()})
            self.callbacks.on_epoch_end(self.initial_epoch + epoch, self.logs)

    def ends(self) -> None:
        """Close files and restore best weights, as callbacks do when training ends."""
        self.callbacks.on_train_end(self.logs)


def _shown(logs: dict[str, float]) -> dict[str, float]:
    hidden = ("learning_rate", "score", "seconds")
    return {name: value for name, value in logs.items() if name not in hidden}


def _is_penalised(model) -> bool:
    return bool(model.losses)


def _rate(model) -> float | None:
    try:
        return float(model.optimizer.learning_rate)
    except (TypeError, ValueError):
        return None  # a schedule


def epoch_lines(epochs: int, write: Callable[[str], Any] = print):
    """A callback that writes one line an epoch."""
    import time

    import keras

    class EpochLines(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds = time.perf_counter() - self.started
            ordered = sorted(logs or {}, key=lambda name: (name[:4] == "val_", "loss" not in name))
            numbers = " - ".join(f"{name}: {logs[name]:.4g}" for name in ordered)
            write(f"Epoch {epoch + 1}/{epochs} - {seconds:.2g}s - {numbers}")

    return EpochLines()
