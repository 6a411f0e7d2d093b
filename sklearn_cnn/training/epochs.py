"""Compiled epochs: every batch, the validation score and the stopping rule in one program."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from keras import ops

from sklearn_cnn.backends import Executor

from .network import Network
from .stackable import suits_patches
from .steps.supervised import Batch, Numbers, State, Supervised
from .stopping import Rule, after_epoch


@dataclass(frozen=True)
class ProgramShape:
    """All that shapes compiled code, and nothing else: the key of the program cache."""

    architecture: Any
    objective: Any
    optimizer: Any
    metrics: tuple
    units: int
    batch_size: int
    row_bucket: int
    remainder: int  # rows of the last batch where they must not be padded, else 0
    n_epochs: int  # at most this many a call
    weighted: bool
    offset: bool
    l2: bool
    l1: bool
    validation_bucket: int
    validation_batch: int
    watched: str  # "loss", "score" or "val_loss"
    validation_offset: bool
    keep_best: bool
    policy: str
    executor: Executor

    @property
    def is_plain(self) -> bool:
        """Whether an epoch ends with its loss alone, so that the host may end it."""
        more = self.remainder or self.metrics or self.validation_bucket or self.keep_best
        return not more and self.policy == "constant" and self.executor is Executor.XLA


class Data(NamedTuple):
    """Rows, padded to a bucket. Padding rows weigh 0."""

    x: Any
    y: Any
    weight: Any
    offset: Any  # added to the linear output, or None


class Best(NamedTuple):
    """The best weights so far and the epoch, counted within the call, that found them."""

    trainable: Any
    non_trainable: Any


class Sums(NamedTuple):
    """What the batches of an epoch add up."""

    loss: Any  # of batches, each times its rows
    metrics: Any


class ValidationSums(NamedTuple):
    """What the batches of a validation add up."""

    loss: Any  # of rows, weighted
    weight: Any
    score: Any
    metrics: Any


class Controls(NamedTuple):
    """Run-time inputs of a call."""

    n_batches: Any  # whole batches; a remainder comes after them
    n_epochs: Any
    n_rows: "Count"  # of an epoch
    last_batch: "Count"  # rows of the last of the whole batches, which may be padded
    numbers: Numbers
    rule: Rule
    score_totals: Any


class Count(NamedTuple):
    """A number of rows and what to multiply by instead of dividing.

    A product is compiled into the code that uses it, a quotient becomes code of its own.
    """

    n: Any
    inverse: Any


class Epochs:
    """The program of a shape.

    Attributes
    ----------
    run : callable
        ``run(state, watch, best, data, validation, orders, controls)`` returns
        ``(state, watch, best, records, n_done)``; ``records`` has one row an epoch and the
        columns ``columns``.
    train_segment, validate_segment, end_epoch : callable
        The parts of an epoch, for rows that do not fit into memory as dense arrays.
    """

    def __init__(self, shape: ProgramShape, backend):
        self.shape = shape
        self.backend = backend
        self.network = self._network(backend)
        self.rule = Supervised(
            self.network,
            shape.objective,
            shape.optimizer,
            backend,
            l2=shape.l2,
            l1=shape.l1,
            metrics=shape.metrics,
        )
        self.dtype = shape.architecture.dtype
        names = [metric.name for metric in shape.metrics]
        self.columns = ["loss", "learning_rate", *names]
        if shape.validation_bucket:
            self.columns += ["val_loss", "score", *(f"val_{name}" for name in names)]
        self.run = backend.compile(self._run, shape.executor, shape)
        # The same in parts, for rows that come one segment after the other.
        self.train_segment = backend.compile(self._train, shape.executor, shape)
        self.validate_segment = backend.compile(self._validate, Executor.GRAPH)
        self.end_epoch = backend.compile(self._end, Executor.GRAPH)

    def _network(self, backend) -> Network:
        architecture = self.shape.architecture
        patches = suits_patches(architecture, backend, self.shape.batch_size)
        return Network(architecture, patches=patches, direct=self._direct(backend))

    def _direct(self, backend) -> bool:
        return backend.lowers_slowly and self.shape.executor is Executor.XLA

    def _run(self, state, watch, best, data, validation, orders, controls):
        if self.shape.n_epochs == 1:
            state, watch, best, record = self._epoch(
                state, watch, best, data, validation, orders[0], controls
            )
            return state, watch, best, record[None], ops.cast(1, "int32")
        records = ops.zeros((self.shape.n_epochs, len(self.columns)), self.dtype)

        def running(epoch, state, watch, best, records):
            return ops.logical_and(epoch < controls.n_epochs, ops.equal(watch.reason, 0))

        def body(epoch, state, watch, best, records):
            state, watch, best, record = self._epoch(
                state, watch, best, data, validation, orders[epoch], controls
            )
            records = ops.slice_update(records, (epoch, epoch * 0), record[None])
            return epoch + 1, state, watch, best, records

        start = ops.cast(0, "int32")
        n_done, state, watch, best, records = ops.while_loop(
            running, body, (start, state, watch, best, records)
        )
        return state, watch, best, records, n_done

    def _epoch(self, state, watch, best, data, validation, order, controls):
        state, sums = self._train(state, self.no_sums(), data, order, watch.rate, controls)
        validation_sums = None
        if self.shape.validation_bucket:
            validation_sums = self._validate(state, self.no_validation_sums(), validation)
        return self._end(state, watch, best, sums, validation_sums, controls)

    def no_sums(self) -> Sums:
        """What an epoch adds up, before its first batch."""
        return Sums(ops.zeros((), self.dtype), self.rule.initial_metrics())

    def no_validation_sums(self) -> ValidationSums:
        """What a validation adds up, before its first batch."""
        size = self.shape.objective.score_size(self.shape.units)
        zero = ops.zeros((), self.dtype)
        return ValidationSums(
            zero, zero, ops.zeros((size,), self.dtype), self.rule.initial_metrics()
        )

    def _train(self, state: State, sums: Sums, data: Data, order, rate, controls: Controls):
        """The batches of ``order``."""
        numbers = controls.numbers._replace(rate=rate)
        size, n_batches = self.shape.batch_size, controls.n_batches

        def step(carry, i, length, count: Count):
            state, sums = carry
            rows = ops.slice(order, (i * size,), (length,))
            batch = self._batch(data, rows, count.inverse)
            state, metrics, loss = self.rule.step(state, sums.metrics, batch, numbers)
            return state, Sums(sums.loss + loss * count.n, metrics)

        def whole_step(carry, i):
            is_last = ops.equal(i, n_batches - 1)
            whole = (ops.convert_to_tensor(value, self.dtype) for value in (size, 1 / size))
            pairs = zip(controls.last_batch, whole, strict=True)
            return step(carry, i, size, Count(*(ops.where(is_last, *pair) for pair in pairs)))

        carry = self.backend.fold(whole_step, (state, sums), n_batches, self.shape.executor)
        if self.shape.remainder:
            length = self.shape.remainder
            carry = step(carry, n_batches, length, Count(length, 1 / length))
        return carry

    def _batch(self, data: Data, rows, inverse) -> Batch:
        """Rows ``rows`` of the data, -1 for none; ``inverse`` is 1 / the number of real ones."""
        present = ops.cast(rows >= 0, self.dtype)
        rows = ops.maximum(rows, 0)

        def taken(part):
            return _map(lambda array: self.backend.take(array, rows), part)

        weight = present
        if data.weight is not None:
            weight = taken(data.weight) * present
            inverse = 1 / ops.sum(weight)
        return Batch(taken(data.x), taken(data.y), weight, taken(data.offset), inverse)

    def _validate(self, state: State, sums: ValidationSums, data: Data) -> ValidationSums:
        """Losses (without penalties), scores and metrics of rows, batch by batch."""
        size = self.shape.validation_batch
        trainable = self.rule.unpack(state.trainable)

        def step(sums, i):
            rows = Data(*(rows_from(part, i * size, size) for part in data))
            return self.validation_step(trainable, state.non_trainable, sums, rows)

        n_steps = self.shape.validation_bucket // size
        if n_steps == 1:
            return step(sums, 0)
        # Nothing to update in place: the sums are loop variables on every executor.
        return self.backend.fold(step, sums, n_steps, Executor.GRAPH)

    def validation_step(self, trainable, non_trainable, sums: ValidationSums, rows: Data):
        """What ``rows`` add to the sums of a validation."""
        x, y, weight, offset = rows
        objective = self.shape.objective
        output, _, _ = self.network(trainable, non_trainable, x)
        output = output if offset is None else output + offset
        return ValidationSums(
            sums.loss + ops.sum(weight * objective.family.loss(y, output)),
            sums.weight + ops.sum(weight),
            sums.score + objective.score_sums(y, output, weight),
            self.rule.update_metrics(sums.metrics, y, output, weight),
        )

    def _end(self, state, watch, best, sums: Sums, validation_sums, controls: Controls):
        """The end of an epoch: its record, the stopping rule, the best weights."""
        loss = sums.loss * controls.n_rows.inverse
        rate = self.rule.rate(state, watch.rate)
        record = [loss, rate, *self.rule.metric_results(sums.metrics, self.dtype)]
        watched = loss
        if validation_sums is not None:
            objective = self.shape.objective
            scale = objective.family.loss_scale(self.shape.units)
            val_loss = scale * validation_sums.loss / validation_sums.weight
            score = objective.finish_score(validation_sums.score, controls.score_totals)
            record += [val_loss, score]
            record += self.rule.metric_results(validation_sums.metrics, self.dtype)
            watched = {"loss": loss, "val_loss": val_loss, "score": -score}[self.shape.watched]
        watch, improved = after_epoch(
            watch, watched, loss, controls.n_rows.n, controls.rule, self.shape.policy
        )
        if self.shape.keep_best:
            best = Best(
                _choose(improved, state.trainable, best.trainable),
                _choose(improved, state.non_trainable, best.non_trainable),
            )
        record = ops.stack([ops.cast(column, self.dtype) for column in record])
        return state, watch, best, record


def rows_from(part, start, size):
    """Rows ``start`` to ``start + size`` of an array, or of each of several."""

    def cut(array):
        zeros = (start * 0,) * (len(array.shape) - 1)  # JAX wants indices of one type
        return ops.slice(array, (start, *zeros), (size, *array.shape[1:]))

    return _map(cut, part)


def _map(function, part):
    """Apply to an array, or to each array of a dict or list of inputs."""
    if isinstance(part, dict):
        return {name: function(array) for name, array in part.items()}
    if isinstance(part, list | tuple):
        return [function(array) for array in part]
    return None if part is None else function(part)


def _choose(condition, new, old):
    if isinstance(new, list | tuple):
        return [ops.where(condition, n, o) for n, o in zip(new, old, strict=True)]
    return ops.where(condition, new, old)
