"""Training through ``keras.Model.fit``, for what compiled epochs cannot express.

That is a loss of whole batches, a model with a ``train_step`` of its own, callbacks that want to
hear of every batch, and PyTorch. Batches, their order, weights, penalties, rates and the stopping
rule are those of :func:`sklearn_cnn.training.train`, and so are the trained weights.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops
from scipy import sparse

from sklearn_cnn import backends
from sklearn_cnn.compat import scheduled_rate, set_rate_variable

from .interrupts import interrupts_wait
from .loop import epoch_orders
from .losses import KerasLoss
from .network import Network, as_rows
from .noise import Draw, drawing
from .plan import Plan, Progress, Result, Rows
from .stopping import Reason, Rule, Watch, after_epoch, held_at

# Validation rows pass through the network in batches of this many.
_VALIDATION_BATCH = 1024


def train_with_keras(
    plan: Plan,
    progress: Progress,
    rows: Rows,
    rng: np.random.RandomState,
    *,
    validation: Rows | None = None,
    listener: Any = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    order: np.ndarray | None = None,
) -> Result:
    """Train from ``progress`` on ``rows`` as :func:`~sklearn_cnn.training.train` does.

    Parameters
    ----------
    plan, progress, rows, rng, validation, listener, order
        As for :func:`~sklearn_cnn.training.train`.
    callbacks : sequence of keras.callbacks.Callback
        The fit's own copies; their hooks are called around batches and epochs.

    Returns
    -------
    Result
    """
    backend = backends.current()
    with backend.precision(plan.architecture.dtype):
        trained = _OwnStep(plan) if plan.architecture.has_own_train_step else _Wrapped(plan)
        trained.start(progress, rows)
        batches = _Batches(rows, plan.batch_size, trained)
        if order is not None and len(order) == rows.n_rows:
            batches.order = order
        run = _Run(plan, trained, progress, batches, rng, validation, listener)
        try:
            with backend.own_stream(plan.seed), interrupts_wait() as raise_interrupt:
                between = keras.callbacks.LambdaCallback(
                    on_train_batch_end=lambda batch, logs: raise_interrupt()
                )
                trained.model.fit(
                    batches,
                    epochs=plan.max_iter,
                    callbacks=[run, *callbacks, between],
                    shuffle=False,
                    verbose=0,
                )
        except KeyboardInterrupt:
            run.reason = Reason.INTERRUPTED
        return run.result()


class _Batches(keras.utils.PyDataset):
    """The batches of an epoch in the order that was drawn for it."""

    def __init__(self, rows: Rows, batch_size: int, trained):
        super().__init__()
        self.rows, self.batch_size, self.trained = rows, batch_size, trained
        self.order = np.arange(rows.n_rows)

    def __len__(self) -> int:
        return math.ceil(self.rows.n_rows / self.batch_size)

    def __getitem__(self, index: int):
        numbers = self.order[index * self.batch_size :][: self.batch_size]
        return self.trained.batch(take_rows(self.rows, numbers))


def take_rows(rows: Rows, numbers: Any) -> Rows:
    """Some of the rows; sparse ones become dense."""

    def taken(part):
        if isinstance(part, dict):
            return {name: taken(array) for name, array in part.items()}
        if isinstance(part, list | tuple):
            return [taken(array) for array in part]
        if part is None:
            return None
        return part[numbers].toarray() if sparse.issparse(part) else part[numbers]

    return Rows(*(taken(part) for part in rows))


class _Objective(keras.Model):
    """A network as ``fit`` trains it: linear outputs in training, responses in prediction."""

    def __init__(self, plan: Plan, network: Network):
        super().__init__(name=network.model.name, dtype=plan.architecture.dtype)
        self.network = network.model
        self._plan = plan
        kernels = [
            variable
            for variable, is_kernel in zip(network.trainable, network.penalised, strict=True)
            if is_kernel
        ]
        self._kernels = lambda: kernels  # as a list Keras would take them for weights of its own
        dtype = plan.architecture.dtype
        self._loss_of_epoch = keras.metrics.Mean(name="loss", dtype=dtype)
        self._own_metrics = [metric.build(dtype) for metric in plan.metrics]
        # Counts batches for dropout. Of all variables only those of such a generator are part of
        # every backend's state and not of the model's weights.
        self.counter = keras.random.SeedGenerator(0)

    def call(self, inputs, training=False):
        if not training:
            return self._plan.objective.respond(self.network(inputs, training=False))
        step = ops.cast(self.counter.next()[1], "int32")
        rate = None if self._plan.architecture.has_own_rates else self._plan.dropout
        with drawing(Draw(ops.convert_to_tensor(self._plan.seed, "int32"), step, rate)):
            return as_rows(self.network(inputs, training=True))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        plan, family = self._plan, self._plan.objective.family
        output = y_pred if y.get("offset") is None else y_pred + y["offset"]
        n_rows = ops.cast(ops.shape(output)[0], output.dtype)
        total = n_rows if sample_weight is None else ops.sum(sample_weight)
        data_loss = batch_loss(family, y["target"], output, sample_weight, total)
        other = sum(self.losses, start=0.0) + penalty(plan, self._kernels(), total)
        reported = family.loss_scale(plan.architecture.units) * data_loss + other
        self._loss_of_epoch.update_state(reported, sample_weight=n_rows)
        return data_loss + other

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        output = y_pred if y.get("offset") is None else y_pred + y["offset"]
        update_metrics(self._plan, self._own_metrics, y["target"], output, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self):
        return {m.name: m.result() for m in (self._loss_of_epoch, *self._own_metrics)}

    def get_layer(self, name=None, index=None):
        return self.network.get_layer(name, index)

    def save(self, filepath, **options):
        """Save the network itself, which loads without this class."""
        model = self._plan.architecture.build()
        model.set_weights(self.network.get_weights())
        model.save(filepath, **options)


def batch_loss(family, y, output, weight, total):
    """The weighted mean of the rows' losses, or the one number that a loss gives for a batch."""
    values = family.values(y, output) if isinstance(family, KerasLoss) else family.loss(y, output)
    if len(values.shape) == 0:
        return values
    return ops.sum(values if weight is None else weight * values) / total


def penalty(plan: Plan, kernels: list, total):
    """The penalties on kernels, divided by the weight of the batch's rows."""
    value = 0.0
    if plan.alpha > 0:
        value += 0.5 * plan.alpha * sum(ops.sum(ops.square(kernel)) for kernel in kernels) / total
    if plan.l1 > 0:
        value += plan.l1 * sum(ops.sum(ops.abs(kernel)) for kernel in kernels) / total
    return value


def update_metrics(plan: Plan, metrics: list, y, output, weight) -> None:
    """Count a batch in ``metrics``."""
    numbers = ops.argmax(y, axis=-1) if y.shape[-1] > 1 else y
    for description, metric in zip(plan.metrics, metrics, strict=True):
        target = numbers if description.sparse else y
        shown = plan.objective.shown_to(description, output)
        metric.update_state(target, shown, sample_weight=weight)


class _Wrapped:
    """The network of a plan inside a model whose loss is the plan's objective."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.network = Network(plan.architecture, with_values=True)
        self.model = _Objective(plan, self.network)
        self.linear = self.network.model

    def start(self, progress: Progress, rows: Rows) -> None:
        """Take the weights and the optimizer's state of ``progress``."""
        if rows.weight is not None and np.ptp(rows.weight) > 0:
            _check_rows_can_be_weighted(self.plan, rows)
        self.linear.set_weights(progress.weights)
        for number, index in enumerate(self.network.seeds):
            self.network.non_trainable[index].assign([self.plan.seed + number, 0])
        self.optimizer = _optimizer(self.plan, self.network.trainable, progress)
        self.model.counter.state.assign([0, progress.step])
        self.model.compile(optimizer=self.optimizer)

    def batch(self, rows: Rows):
        """A batch as ``fit`` takes it."""
        y = {"target": rows.y}
        if rows.offset is not None:
            y["offset"] = rows.offset.astype(rows.y.dtype, copy=False)
        return _triple(rows.x, y, rows.weight, rows.y.dtype)

    def logs(self, logs: dict[str, float]) -> dict[str, float]:
        """The epoch's numbers by the names of the history."""
        return {
            m.name: float(m.result()) for m in (self.model._loss_of_epoch, *self.model._own_metrics)
        }


class _OwnStep:
    """A user's model that has a ``train_step`` of its own.

    Its step sees the model as it is, rows and targets, and weights that average 1 in each batch,
    so that a loss which divides by the number of rows has the plan's weighted mean. The compiled
    loss is the plan's; penalties are added where the step asks for ``compute_loss``.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.model = self.linear = plan.architecture.build()
        self.model.compute_loss = self._compute_loss
        names = [variable.path.split("/")[-1] for variable in self.model.trainable_variables]
        self._kernels = [
            variable
            for variable, name in zip(self.model.trainable_variables, names, strict=True)
            if "kernel" in name
        ]
        self._mean_weight = 1.0

    def start(self, progress: Progress, rows: Rows) -> None:
        """Take the weights and the optimizer's state of ``progress``."""
        if rows.offset is not None:
            raise ValueError(
                "offset has no place in a model with its own train_step: it is added to the "
                "linear output, which only the model knows. Fit without an offset."
            )
        if rows.weight is not None:
            self._mean_weight = float(np.mean(rows.weight))
        self.model.set_weights(progress.weights)
        self.optimizer = _optimizer(self.plan, self.model.trainable_variables, progress)
        dtype = self.plan.architecture.dtype
        self.model.compile(
            optimizer=self.optimizer,
            loss=self._rows_loss,
            weighted_metrics=[metric.build(dtype) for metric in self.plan.metrics],
        )

    def _rows_loss(self, y, response):
        response = as_rows(response)
        family, activation = self.plan.objective.family, self.plan.architecture.output_activation
        if not isinstance(family, KerasLoss):
            return family.loss(y, linear_predictor(response, activation))
        if activation != "linear":  # the model itself has computed what the loss compares
            family = replace(family, activation="linear", compared=None)
        return family.values(y, response)

    def _compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = type(self.model).compute_loss(self.model, x, y, y_pred, sample_weight, training)
        # Of weights that average 1 the step knows their ratios only; their size is that of all.
        total = ops.cast(ops.shape(y_pred)[0], y_pred.dtype) * self._mean_weight
        return loss + penalty(self.plan, self._kernels, total)

    def batch(self, rows: Rows):
        """A batch as ``fit`` takes it."""
        weight = rows.weight
        if weight is not None:
            weight = weight * (len(weight) / weight.sum())
        return _triple(rows.x, rows.y, weight, rows.y.dtype)

    def logs(self, logs: dict[str, float]) -> dict[str, float]:
        """The epoch's numbers by the names of the history; the loss first."""
        logs = {name: float(value) for name, value in logs.items() if not name.startswith("val_")}
        loss = logs.get("loss", next(iter(logs.values()), 0.0))
        return {"loss": loss} | logs


def linear_predictor(response, activation: str):
    """The inverse of an output activation, where the linear output is not at hand."""
    tiny = 1e-7 if str(response.dtype) == "float32" else 1e-15
    if activation == "softmax":
        return ops.log(ops.maximum(response, tiny))
    if activation == "sigmoid":
        response = ops.clip(response, tiny, 1 - tiny)
        return ops.log(response) - ops.log1p(-response)
    return ops.log(ops.maximum(response, tiny)) if activation == "exponential" else response


def _triple(x, y, weight, dtype):
    return (x, y) if weight is None else (x, y, weight.astype(dtype, copy=False))


def _check_rows_can_be_weighted(plan: Plan, rows: Rows) -> None:
    family, few = plan.objective.family, take_rows(rows, np.arange(min(2, rows.n_rows)))
    if not isinstance(family, KerasLoss):
        return
    y = ops.convert_to_tensor(few.y)
    if len(family.values(y, ops.zeros_like(y)).shape) == 0:
        raise ValueError(
            f"loss={family.name!r} returns one number for a batch: its rows cannot be weighted. "
            "Return one loss for each row, or fit without sample_weight and class_weight."
        )


def _optimizer(plan: Plan, variables: list, progress: Progress):
    """The plan's optimizer, its rate in the network's precision, in the state of ``progress``."""
    description = plan.solver.description
    optimizer = description.build(lambda optimizer_class: optimizer_class)
    number = np.dtype(plan.architecture.dtype).type  # Keras makes float32 of Python's numbers
    for name, value in zip(description.run_time, plan.solver.numbers, strict=True):
        setattr(optimizer, name, number(value))
    rate = None
    if not description.own_rate:
        rate = plan.solver.rate if progress.rate is None else progress.rate
        rate = set_rate_variable(optimizer, rate, plan.architecture.dtype)
    optimizer.build(variables)
    slots = progress.slots or []
    shapes = [tuple(variable.shape) for variable in optimizer.variables]
    # Compiled epochs may have kept all weights in one vector: such slots cannot go on here.
    if shapes == [np.shape(slot) for slot in slots]:
        for variable, slot in zip(optimizer.variables, slots, strict=True):
            if variable is not rate:
                variable.assign(slot)
    return optimizer


class _Run(keras.callbacks.Callback):
    """Between epochs of ``fit``: orders, validation, the stopping rule, what is recorded."""

    def __init__(self, plan, trained, progress, batches, rng, validation, listener):
        super().__init__()
        self.plan, self.trained, self.batches, self.rng = plan, trained, batches, rng
        self.validation, self.listener = validation, listener
        self.progress = progress
        self.dtype = np.dtype(plan.architecture.dtype)
        self.reason = Reason.RUNNING
        self.records: list[dict[str, float]] = []
        self.seconds: list[float] = []
        self.best_weights = progress.weights if plan.keep_best else None
        self.watch = Watch(
            best=float(progress.best),
            stalled=int(progress.stalled),
            rate=float(plan.solver.rate if progress.rate is None else progress.rate),
            samples=float(progress.samples),
            reason=int(Reason.RUNNING),
        )
        numbers = (plan.tol, plan.relative_tol, plan.patience, plan.solver.rate, plan.power_t)
        self.rule = Rule(*numbers, *plan.cosine)
        if progress.held:
            self._hold(self.watch.rate)
        if validation is not None:
            weight = validation.weight
            weight = np.ones(validation.n_rows) if weight is None else weight
            self._validation_weight = weight.astype(self.dtype)
            self._totals = plan.objective.score_totals(validation.y, self._validation_weight)

    @property
    def n_epochs(self) -> int:
        return len(self.records)

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()
        orders, _ = epoch_orders(self.rng, self.batches.order, 1, self.plan.shuffle)
        self.batches.order = orders[0]

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        if not self.plan.solver.description.own_rate:  # a callback may have changed it
            rate = float(np.asarray(self.trained.optimizer.learning_rate))
            if rate != self.dtype.type(self.watch.rate):
                self._hold(rate)
        trained = self.trained.logs(logs)
        record = {"loss": trained.pop("loss"), "learning_rate": self._rate(), **trained}
        watched = record["loss"]
        if self.validation is not None:
            record |= self._validate()
            value = {"loss": "loss", "val_loss": "val_loss", "score": "score"}[self.plan.watched]
            watched = -record["score"] if value == "score" else record[value]
            logs.update({n: v for n, v in record.items() if n.startswith("val_")})
        logs["loss"] = record["loss"]
        self.records.append(record)
        self._apply_rule(watched, record["loss"])
        self.seconds.append(time.perf_counter() - self._started)
        if self.reason is Reason.RUNNING and self.n_epochs >= self.plan.max_iter:
            self.reason = Reason.MAX_ITER
        if self.listener and self.listener.every_epoch:
            stop = self.listener.epoch_ends(epoch, dict(record), self)
            if stop and self.reason in (Reason.RUNNING, Reason.MAX_ITER):
                self.reason = Reason.CALLBACK
        if self.reason is not Reason.RUNNING:
            self.model.stop_training = True

    def _rate(self) -> float:
        """The learning rate of the last step."""
        if not self.plan.solver.description.own_rate:
            return self.watch.rate
        optimizer = self.trained.optimizer
        return float(ops.convert_to_numpy(scheduled_rate(optimizer, optimizer.variables[0] - 1)))

    def _apply_rule(self, watched: float, loss: float) -> None:
        plan = self.plan
        rule = Rule(*(self._tensor(number) for number in self.rule))
        watch = self.watch._replace(
            best=self._tensor(self.watch.best),
            stalled=ops.convert_to_tensor(self.watch.stalled, "int32"),
            rate=self._tensor(self.watch.rate),
            samples=self._tensor(self.watch.samples),
            reason=ops.convert_to_tensor(self.watch.reason, "int32"),
        )
        n_rows = self._tensor(self.batches.rows.n_rows)
        watch, improved = after_epoch(
            watch, self._tensor(watched), self._tensor(loss), n_rows, rule, plan.policy
        )
        self.watch = Watch(*(ops.convert_to_numpy(value).item() for value in watch))
        if plan.policy in ("invscaling", "adaptive", "cosine"):
            self.trained.optimizer.learning_rate = self.watch.rate
        if plan.keep_best and bool(improved):
            self.best_weights = self.weights()
        self.reason = Reason(self.watch.reason)

    def _tensor(self, number: float):
        return ops.convert_to_tensor(number, self.plan.architecture.dtype)

    def _validate(self) -> dict[str, float]:
        """Validation loss without penalties, score and metrics."""
        plan, rows = self.plan, self.validation
        family = plan.objective.family
        metrics = [metric.build(plan.architecture.dtype) for metric in plan.metrics]
        loss, score, total = 0.0, 0.0, 0.0
        for start in range(0, rows.n_rows, _VALIDATION_BATCH):
            numbers = np.arange(start, min(start + _VALIDATION_BATCH, rows.n_rows))
            part = take_rows(rows, numbers)
            weight = ops.convert_to_tensor(self._validation_weight[numbers])
            y = ops.convert_to_tensor(part.y.astype(self.dtype, copy=False))
            output = as_rows(ops.convert_to_tensor(self.trained.linear.predict_on_batch(part.x)))
            if isinstance(self.trained, _OwnStep) and not isinstance(family, KerasLoss):
                output = linear_predictor(output, plan.architecture.output_activation)
            if part.offset is not None:
                output = output + ops.convert_to_tensor(part.offset.astype(self.dtype))
            size = float(ops.sum(weight))
            loss += size * float(batch_loss(family, y, output, weight, ops.sum(weight)))
            score = score + ops.convert_to_numpy(plan.objective.score_sums(y, output, weight))
            total += size
            update_metrics(plan, metrics, y, output, weight)
        sums, totals = (ops.convert_to_tensor(part) for part in (score, self._totals))
        return {
            "val_loss": family.loss_scale(plan.architecture.units) * loss / total,
            "score": float(plan.objective.finish_score(sums, totals)),
            **{f"val_{metric.name}": float(metric.result()) for metric in metrics},
        }

    def weights(self) -> list[np.ndarray]:
        """The weights of this moment, in the order of ``model.weights``."""
        return [np.array(weight) for weight in self.trained.linear.get_weights()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Go on from other weights."""
        self.trained.linear.set_weights(weights)

    def set_rate(self, rate: float) -> None:
        """Go on at another learning rate, which schedules that go by a name leave as it is."""
        self.trained.optimizer.learning_rate = rate
        self._hold(rate)

    def _hold(self, rate: float) -> None:
        self.watch = self.watch._replace(rate=rate)
        self.rule = self.rule._replace(**held_at(rate))

    def result(self) -> Result:
        """The outcome, in NumPy arrays."""
        if self.reason in (Reason.RUNNING, Reason.MAX_ITER):
            ended_early = self.n_epochs < self.plan.max_iter
            self.reason = Reason.CALLBACK if ended_early else Reason.MAX_ITER
        names = list(dict.fromkeys(name for record in self.records for name in record))
        missing = float("nan")
        history = {n: [record.get(n, missing) for record in self.records] for n in names}
        history["seconds"] = self.seconds
        optimizer = self.trained.optimizer
        n_steps = self.n_epochs * len(self.batches)
        progress = Progress(
            weights=self.weights(),
            slots=[np.array(np.asarray(variable)) for variable in optimizer.variables],
            step=self.progress.step + n_steps,
            best=self.watch.best,
            stalled=self.watch.stalled,
            rate=self.watch.rate,
            samples=self.progress.samples + self.batches.rows.n_rows * self.n_epochs,
        )
        return Result(
            progress=progress,
            best_weights=self.best_weights,
            reason=self.reason,
            n_epochs=self.n_epochs,
            history=history,
            executor="keras",
            order=self.batches.order,
        )
