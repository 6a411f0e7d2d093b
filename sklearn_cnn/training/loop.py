"""The host's part of training: orders of rows, calls of the program, what listeners are told."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, Executor
from sklearn_cnn.encoding import RowsOf

from .interrupts import interrupts_wait
from .losses import ScalarLossError
from .plan import Fit, Plan, Progress, Result, Rows
from .stopping import Reason, Rule, Watch, held_at

# A call of the program lasts at most about this long, so that interrupts are heard.
_CALL_SECONDS = 0.05
_EPOCHS_A_CALL = (50, 10, 1)
# Rough costs by which calls are sized and executors chosen; measured on one core.
_STEP_SECONDS = 3e-5
_FLOPS = 5e10
_VALIDATION_CELLS = 4_000_000
# Sparse rows are made dense a segment at a time, of at most this many bytes.
SEGMENT_BYTES = 64 * 2**20


class Listener(Protocol):
    """Who is told after each epoch, and may end training."""

    @property
    def every_epoch(self) -> bool:
        """Whether it wants to hear of each epoch, so that no call may run several."""

    def epoch_ends(self, epoch: int, logs: dict[str, float], run: Any) -> bool:
        """Whether to stop; ``run.weights()`` gives the weights of this moment."""


def bucket(n: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, 16, 24 ...: few shapes for many numbers of rows."""
    power = 1 << max(0, (n - 1).bit_length())
    return power * 3 // 4 if power >= 4 and n <= power * 3 // 4 else power


def rounded_up(n: int) -> int:
    """``n`` or a little more, an eighth at most: few shapes for many numbers."""
    step = 1 << max(0, n.bit_length() - 4)
    return -(-n // step) * step


def epoch_orders(
    rng: np.random.RandomState, order: np.ndarray, n_epochs: int, shuffle: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of ``n_epochs`` epochs and the last of them.

    scikit-learn's rule: each epoch shuffles the order of the epoch before.
    """
    orders = np.empty((n_epochs, len(order)), dtype=np.int32)
    for epoch in range(n_epochs):
        if shuffle:
            permutation = np.arange(len(order))
            rng.shuffle(permutation)
            order = order[permutation]
        orders[epoch] = order
    return orders, order


Trainer = Callable[[Sequence[Fit], Listener | None], Sequence[Result | None]]
# Who else may train the fits of this thread.
_TRAINER: ContextVar[Trainer | None] = ContextVar("trainer", default=None)


@contextmanager
def trained_by(trainer: Trainer):
    """Offer the fits of this block to ``trainer``, which returns None for those it leaves alone."""
    before = _TRAINER.set(trainer)
    try:
        yield
    finally:
        _TRAINER.reset(before)


def current_trainer() -> Trainer | None:
    """Who else may train the fits of this thread."""
    return _TRAINER.get()


def train(
    plan: Plan,
    progress: Progress,
    rows: Rows,
    rng: np.random.RandomState,
    *,
    validation: Rows | None = None,
    listener: Listener | None = None,
    order: np.ndarray | None = None,
    callbacks: Sequence = (),
) -> Result:
    """Train from ``progress`` on ``rows``; changes none of its arguments but ``rng``.

    Parameters
    ----------
    order : ndarray of int, default=None
        The order of rows that an earlier call ended with, from which shuffling goes on.
    callbacks : sequence of keras.callbacks.Callback, default=()
        Those that must hear of every batch. They, and whatever compiled epochs cannot express,
        make ``keras.Model.fit`` do the work.
    """
    fit = Fit(plan, progress, rows, rng, validation, order)
    trainer = current_trainer()
    if trainer is not None and not callbacks:
        (result,) = trainer([fit], listener)
        if result is not None:
            return result
    return train_alone(fit, listener, callbacks)


def train_alone(fit: Fit, listener: Listener | None = None, callbacks: Sequence = ()) -> Result:
    """Train as :func:`train` does, without offering the fit to anybody else."""
    from .keras_fit import train_with_keras

    backend = backends.current()
    plan, progress, rng = fit.plan, fit.progress, fit.rng
    rows = with_own_inputs(fit.rows)
    arguments: dict[str, Any] = {
        "validation": fit.validation,
        "listener": listener,
        "order": fit.order,
    }
    if not backend.compiles or callbacks or plan.architecture.has_own_train_step:
        return train_with_keras(plan, progress, rows, rng, callbacks=callbacks, **arguments)
    before = rng.get_state()
    try:
        return _train_compiled(plan, progress, rows, rng, backend, **arguments)
    except ScalarLossError:
        rng.set_state(before)
        return train_with_keras(plan, progress, rows, rng, **arguments)


def with_own_inputs(rows: Rows) -> Rows:
    """Rows of an array that fits share, copied; others as they are."""
    return rows._replace(x=np.asarray(rows.x)) if isinstance(rows.x, RowsOf) else rows


def _train_compiled(
    plan: Plan, progress: Progress, rows: Rows, rng, backend, *, validation, listener, order
) -> Result:
    from .epochs import Epochs
    from .plain_epochs import PlainEpochs, PlainRun

    shape = program_shape(plan, rows, validation, backend, listener)
    program_class, run_class = (PlainEpochs, PlainRun) if shape.is_plain else (Epochs, Run)
    with backend.precision(plan.architecture.dtype):
        program = PROGRAMS.get(
            shape, lambda: program_class(shape, backend), xla=shape.executor is Executor.XLA
        )
        if sparse.issparse(rows.x):
            from .segments import SegmentedRun as run_class
        run = run_class(plan, program, progress, rows, validation, backend)
        if order is not None and len(order) == rows.n_rows:
            run.order = order
        try:
            with interrupts_wait() as raise_interrupt:
                run.to_the_end(rng, listener, raise_interrupt)
        except KeyboardInterrupt:
            run.reason = Reason.INTERRUPTED
        return run.result()


def program_shape(plan: Plan, rows: Rows, validation: Rows | None, backend, listener):
    """All that shapes the program of a fit."""
    from .epochs import ProgramShape

    n_rows, batch_size = rows.n_rows, plan.batch_size
    interact = plan.architecture.rows_interact
    in_segments = sparse.issparse(rows.x)
    if batch_size >= n_rows and not interact and not in_segments:
        batch_size = bucket(n_rows)  # one batch: masked rows cost less than another program
    remainder = n_rows % batch_size if interact else 0
    n_steps = -(-n_rows // batch_size)
    size = sum(math.prod(parameter.shape) for parameter in plan.architecture.parameters)
    step_flops = 6.0 * size * batch_size
    epoch_seconds = n_steps * (_STEP_SECONDS + step_flops / _FLOPS)
    chosen = partial(
        backend.executor,
        dense=plan.architecture.wants_xla,
        n_steps=float(n_steps) * plan.max_iter,
        step_flops=step_flops,
    )
    executor = chosen(xla=True)
    n_epochs = 1
    every_epoch = in_segments or (listener and listener.every_epoch)
    if not every_epoch and executor is not Executor.VARIABLES:
        n_epochs = _epochs_a_call(_CALL_SECONDS / epoch_seconds, plan.max_iter)
    validation_bucket = validation_batch = 0
    if validation is not None:
        validation_bucket = bucket(validation.n_rows)
        cells = math.prod(plan.architecture.input_shape)
        validation_batch = validation_bucket
        while validation_batch * cells > _VALIDATION_CELLS and validation_batch % 2 == 0:
            validation_batch //= 2
        if in_segments:
            validation_bucket = validation_batch
    row_bucket = bucket(n_rows)
    if in_segments:
        row_bucket = batch_size * segment_batches(plan, n_rows, batch_size)
    shape = ProgramShape(
        architecture=plan.architecture,
        objective=plan.objective,
        optimizer=plan.solver.description,
        metrics=plan.metrics,
        units=rows.y.shape[1],
        batch_size=batch_size,
        row_bucket=row_bucket,
        remainder=remainder,
        n_epochs=n_epochs,
        weighted=rows.weight is not None,
        offset=rows.offset is not None,
        l2=plan.alpha > 0,
        l1=plan.l1 > 0,
        validation_bucket=validation_bucket,
        validation_batch=validation_batch,
        watched=plan.watched,
        validation_offset=validation is not None and validation.offset is not None,
        keep_best=plan.keep_best,
        policy=plan.policy,
        executor=executor,
    )
    if executor is Executor.XLA and shape not in PROGRAMS and not PROGRAMS.may_compile_xla():
        from dataclasses import replace

        shape = replace(shape, executor=chosen(xla=False))
    return shape


def _epochs_a_call(affordable: float, max_iter: int) -> int:
    """The most epochs that a call may run; of three values, so that programs stay few."""
    if max_iter == 1:
        return 1
    return next((n for n in _EPOCHS_A_CALL if n <= affordable), 1)


def segment_batches(plan: Plan, n_rows: int, batch_size: int) -> int:
    """Batches of sparse rows that are made dense at a time."""
    itemsize = np.dtype(plan.architecture.dtype).itemsize
    row_bytes = math.prod(plan.architecture.input_shape) * itemsize
    whole = -(-n_rows // batch_size)
    return max(1, min(whole, SEGMENT_BYTES // (row_bytes * batch_size)))


def padded_rows(
    rows: Rows, n: int, dtype: np.dtype, backend, *, optional_weight: bool = False
) -> Any:
    """Rows on the device, filled up to ``n`` with rows of weight 0.

    With ``optional_weight``, rows without weights stay without: who takes them by their numbers
    never asks for padding.
    """
    from .epochs import Data

    def pad(array, dtype=None):
        array = np.asarray(array)
        padded = np.zeros((n, *array.shape[1:]), dtype=dtype or array.dtype)
        padded[: len(array)] = array
        return backend.array(padded)

    if isinstance(rows.x, dict):
        x: Any = {name: pad(part) for name, part in rows.x.items()}
    else:
        x = [pad(part) for part in rows.x] if isinstance(rows.x, list | tuple) else pad(rows.x)
    weight = rows.weight
    if weight is None and not optional_weight:
        weight = np.ones(rows.n_rows)
    return Data(
        x,
        pad(rows.y, dtype),
        None if weight is None else pad(weight, dtype),
        None if rows.offset is None else pad(rows.offset, dtype),
    )


class Run:
    """One fit in the middle: device arrays, and what has been recorded."""

    def __init__(self, plan: Plan, program, progress: Progress, rows: Rows, validation, backend):
        import keras

        from .epochs import Best
        from .steps.supervised import State

        self.plan, self.program, self.backend = plan, program, backend
        self.n_rows = rows.n_rows
        self.order = np.arange(rows.n_rows)
        self.dtype = np.dtype(plan.architecture.dtype)
        self.samples_before = progress.samples
        array = backend.array
        state = initial_state(program, plan, progress)
        self.state = State(
            self._on_device(state.trainable),
            [array(value) for value in state.non_trainable],
            [array(slot) for slot in state.slots],
            array(state.step),
        )
        rate = plan.solver.rate if progress.rate is None else progress.rate
        self.watch = Watch(
            best=self._number(progress.best),
            stalled=array(np.int32(progress.stalled)),
            rate=self._number(rate),
            samples=self._number(progress.samples),
            reason=array(np.int32(Reason.RUNNING)),
        )
        self.best = Best(self.state.trainable, self.state.non_trainable)
        if not plan.keep_best:
            self.best = Best([], [])
        self.score_totals = array(score_totals(plan, validation))
        numbers, rule = run_time_inputs(plan)
        self._numbers = keras.tree.map_structure(array, numbers)
        self._rule = keras.tree.map_structure(array, rule)
        if progress.held:
            self.set_rate(float(rate))
        self._load(rows, validation)
        self.records: list[np.ndarray] = []
        self.seconds: list[float] = []
        self.n_epochs = 0
        self.reason = Reason.RUNNING

    def _load(self, rows: Rows, validation: Rows | None) -> None:
        shape = self.program.shape
        self.data = padded_rows(
            rows, shape.row_bucket, self.dtype, self.backend, optional_weight=True
        )
        self.validation = None
        if validation is not None:
            self.validation = padded_rows(
                validation, shape.validation_bucket, self.dtype, self.backend
            )

    def _on_device(self, packed):
        if isinstance(packed, list):
            return [self.backend.array(part) for part in packed]
        return self.backend.array(packed)

    def to_the_end(
        self,
        rng: np.random.RandomState,
        listener: Listener | None,
        raise_interrupt: Callable[[], None],
    ) -> None:
        """Call the program until the rule, a listener or ``max_iter`` ends training."""
        while self.reason is Reason.RUNNING:
            n_epochs = min(self.program.shape.n_epochs, self.plan.max_iter - self.n_epochs)
            before = rng.get_state() if self.plan.shuffle else None
            orders, last = epoch_orders(rng, self.order, n_epochs, self.plan.shuffle)
            n_done = self._call(orders, n_epochs)
            if n_done < n_epochs and before is not None:
                rng.set_state(before)  # as if the epochs that did not run had not been drawn
                _, last = epoch_orders(rng, self.order, n_done, True)
            self.order = last
            if self.reason is Reason.RUNNING and self.n_epochs >= self.plan.max_iter:
                self.reason = Reason.MAX_ITER
            if listener and listener.every_epoch:
                stop = listener.epoch_ends(self.n_epochs - 1, self.last_logs(), self)
                if stop and self.reason in (Reason.RUNNING, Reason.MAX_ITER):
                    self.reason = Reason.CALLBACK
            raise_interrupt()

    def _call(self, orders: np.ndarray, n_epochs: int) -> int:
        shape, array = self.program.shape, self.backend.array
        length = -(-shape.row_bucket // shape.batch_size) * shape.batch_size
        length += shape.batch_size if shape.remainder else 0
        padded = np.full((shape.n_epochs, length), -1, dtype=np.int32)
        padded[: len(orders), : self.n_rows] = orders
        whole = self.n_rows // shape.batch_size
        n_batches = whole if shape.remainder else -(-self.n_rows // shape.batch_size)
        controls = self._controls(n_batches, n_epochs, self.n_rows)
        started = time.perf_counter()
        self.state, self.watch, self.best, records, n_done = self.program.run(
            self.state, self.watch, self.best, self.data, self.validation, array(padded), controls
        )
        self._note(np.asarray(records)[: int(n_done)], time.perf_counter() - started)
        return int(n_done)

    def _note(self, records: np.ndarray, seconds: float) -> None:
        """Keep what a call reported of its epochs."""
        self.records.extend(records)
        self.seconds.extend([seconds / len(records)] * len(records))
        self.n_epochs += len(records)
        self.reason = Reason(int(self.watch.reason))

    def _controls(self, n_batches: int, n_epochs: int, in_call: int):
        """Inputs of a call whose epochs pass over ``in_call`` rows."""
        from .epochs import Controls

        shape, array = self.program.shape, self.backend.array
        last = shape.batch_size
        if not shape.remainder and n_batches:
            last = in_call - (n_batches - 1) * shape.batch_size
        return Controls(
            array(np.int32(n_batches)),
            array(np.int32(n_epochs)),
            self._count(self.n_rows),
            self._count(last),
            self._numbers,
            self._rule,
            self.score_totals,
        )

    def _count(self, n: int):
        from .epochs import Count

        return Count(self._number(n), self._number(1 / n))

    def _number(self, value: float):
        return self.backend.array(self.dtype.type(value))

    def last_logs(self) -> dict[str, float]:
        """The last epoch's numbers by name."""
        return {
            name: float(value)
            for name, value in zip(self.program.columns, self.records[-1], strict=True)
        }

    def weights(self) -> list[np.ndarray]:
        """The weights of this moment, in the order of ``model.weights``."""
        return self._join(self.state.trainable, self.state.non_trainable)

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Go on from other weights."""
        trainable, non_trainable = self.program.network.split(weights, self.plan.seed)
        seeds = self.state.non_trainable
        self.state = self.state._replace(
            trainable=self._on_device(self.program.rule.pack(trainable)),
            non_trainable=[
                self.backend.array(new) if i not in self.program.network.seeds else old
                for i, (new, old) in enumerate(zip(non_trainable, seeds, strict=True))
            ],
        )

    def set_rate(self, rate: float) -> None:
        """Go on at another learning rate, which schedules that go by a name leave as it is."""
        self.watch = self.watch._replace(rate=self._number(rate))
        held = {name: self._number(value) for name, value in held_at(rate).items()}
        self._rule = self._rule._replace(**held)

    def _join(self, trainable, non_trainable) -> list[np.ndarray]:
        return joined(self.program, trainable, non_trainable)

    def result(self) -> Result:
        """The outcome, in NumPy arrays."""
        samples = self.samples_before + self.n_rows * self.n_epochs
        return outcome(
            self.program,
            self.state,
            self.watch,
            self.best if self.plan.keep_best else None,
            records=self.records,
            seconds=self.seconds,
            samples=samples,
            reason=self.reason,
            order=self.order,
        )


def initial_state(program, plan: Plan, progress: Progress):
    """Where training starts, as NumPy arrays in the layout of the program."""
    from .steps.supervised import State

    trainable, non_trainable = program.network.split(progress.weights, plan.seed)
    if progress.slots is None:
        slots = program.rule.initial_slots(trainable)
    else:
        slots = program.rule.earlier_slots(progress.slots)
    return State(program.rule.pack(trainable), non_trainable, slots, np.int32(progress.step))


def run_time_inputs(plan: Plan):
    """The numbers of a step and those of the stopping rule, as NumPy scalars."""
    from .steps.supervised import Numbers

    number = np.dtype(plan.architecture.dtype).type
    numbers = Numbers(
        alpha=number(plan.alpha),
        l1=number(plan.l1),
        dropout=number(plan.dropout),
        key=np.int32(plan.seed),
        rate=number(0.0),  # of the epoch: filled in by the program
        optimizer=tuple(number(value) for value in plan.solver.numbers),
    )
    rule = Rule(
        tol=number(plan.tol),
        relative_tol=number(plan.relative_tol),
        patience=number(plan.patience),
        rate_init=number(plan.solver.rate),
        power_t=number(plan.power_t),
        starts=number(plan.cosine[0]),
        ends=number(plan.cosine[1]),
    )
    return numbers, rule


def score_totals(plan: Plan, validation: Rows | None) -> np.ndarray:
    """What sums of scores over the validation rows are measured against."""
    dtype = np.dtype(plan.architecture.dtype)
    if validation is None:
        return np.ones(1, dtype)
    weight = np.ones(validation.n_rows) if validation.weight is None else validation.weight
    return plan.objective.score_totals(validation.y, weight.astype(dtype)).astype(dtype)


def joined(program, trainable, non_trainable) -> list[np.ndarray]:
    """Weights in the order of ``model.weights``, from the layout of the program."""
    packed = isinstance(trainable, list)
    host = [np.asarray(part) for part in trainable] if packed else np.asarray(trainable)
    parts = program.rule.unpack(host)
    return program.network.join(parts, [np.asarray(value) for value in non_trainable])


def outcome(program, state, watch, best, *, records, seconds, samples, reason, order) -> Result:
    """The result of a fit that ended in ``state``."""
    history: dict[str, list[Any]] = {name: [] for name in program.columns}
    for record in records:
        for name, value in zip(program.columns, record, strict=True):
            history[name].append(float(value))
    history["seconds"] = list(seconds)
    progress = Progress(
        weights=joined(program, program.rule.ending(state), state.non_trainable),
        slots=[np.asarray(slot) for slot in state.slots],
        step=int(state.step),
        best=float(watch.best),
        stalled=int(watch.stalled),
        rate=float(watch.rate),
        samples=samples,
    )
    return Result(
        progress=progress,
        best_weights=None if best is None else joined(program, *best),
        reason=reason,
        n_epochs=len(records),
        history=history,
        executor=program.shape.executor.value,
        order=order,
    )
