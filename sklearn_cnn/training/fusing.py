"""Many fits as few programs: who can share one, how they are stacked, what each ends with.

Nothing here knows of threads that wait or of joblib: :func:`train_together` is handed the fits and
returns their results.
"""

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, Executor
from sklearn_cnn.encoding import RowsOf

from .common_rows import common_rows, n_distinct
from .free_memory import free_memory
from .loop import (
    Listener,
    bucket,
    epoch_orders,
    initial_state,
    outcome,
    program_shape,
    rounded_up,
    run_time_inputs,
    score_totals,
)
from .losses import ScalarLossError
from .plan import Fit, Plan, Progress, Result, Rows
from .stopping import Reason, Watch
from .widths import Widening, clusters, n_weights, open_widths

# A call of the program lasts at most about this long, so that an end is heard.
_CALL_SECONDS = 0.2
_EPOCHS_A_CALL = (50, 20, 10, 5, 2)
_ORDER_BYTES = 32 * 2**20


class Speed(NamedTuple):
    """Rough costs of a step, by which calls are sized."""

    step: float  # seconds, whatever the step holds
    network: float  # seconds of each network
    flops: float  # products and sums a second


_ONE_CORE = Speed(2e-5, 1e-6, 3e10)
# An H100 took 76 us a step of 100 networks 64-100-10 in batches of 32, 404 of 1000.
_GPU = Speed(4e-5, 2.2e-7, 1e13)
# Fits whose epochs have fewer batches than this share of the longest go into another program.
_ALIKE = 0.6
# What a program for the networks that still train must save to be worth compiling.
_COMPILE_SECONDS = 1.0
# The same for convolutions, which XLA compiles in 4 s, saving about 0.8 ms a step.
_STEPS_WORTH_STACKING_CONVOLUTIONS = 5000
# Products of a step beyond which convolutions one by one, by oneDNN, are faster on a CPU.
_LARGEST_CONVOLUTIONS = 30_000_000
# What training holds of each weight, besides the optimizer's slots: itself, its gradient, the best.
_COPIES_OF_WEIGHTS = 4
# 256 networks 64-100-10 took 1.2 s in pieces of 128, 0.97 s in pieces of 32; 8x8 convnets 1.2 ms
# a step and network in pieces of 4, 1.6 in pieces of 8 and 1.7 in pieces of 2.
_CACHE_BYTES = 6 * 2**20
_LEAST_IN_CACHE = 8
_LEAST_CONVNETS_IN_CACHE = 4


def can_be_fused(plan: Plan, rows: Rows, listener: Listener | None) -> bool:
    """Whether a fit may share a program with others."""
    backend = backends.current()
    if not backend.compiles or sparse.issparse(rows.x) or (listener and listener.every_epoch):
        return False
    architecture = plan.architecture
    if architecture.has_own_train_step:
        return False
    if architecture.wants_xla:
        return True
    n_connections = _connections(architecture)
    if n_connections is None:
        return False
    return not backend.on_cpu or n_connections * plan.batch_size <= _LARGEST_CONVOLUTIONS


@lru_cache(maxsize=256)
def _connections(architecture) -> int | None:
    """Products that a row costs, or None where a layer has no form that can be stacked."""
    from sklearn_cnn.architectures.anatomy import layer_table

    from .stackable import is_stackable

    with backends.current().precision(architecture.dtype):
        if not is_stackable(architecture.build()):
            return None
        return sum(row.connections for row in layer_table(architecture))


def train_together(
    fits: Sequence[Fit],
    *,
    memory: int | None = None,
    n_programs: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Result | None]:
    """Train the fits that can share a program, each as it would be alone.

    Parameters
    ----------
    fits : sequence of Fit
        Each passes :func:`can_be_fused`. Only their ``rng`` are advanced.
    memory : int, default=None
        Bytes that the programs which run at a time may take; None: half of what is free where
        they run.
    n_programs : int, default=None
        Programs that run at a time; None: as many as there are cores, or one that fills a GPU.
    stopped : callable, default=never
        Asked between calls; where it says so, training ends as if interrupted.

    Returns
    -------
    list of Result or None
        In the order of ``fits``; None for a fit that must be trained alone.
    """
    backend = backends.current()
    n_programs = n_programs or (os.cpu_count() or 1 if backend.on_cpu else 1)
    if memory is None:
        memory = (backend.free_memory() or free_memory()) // 2
    results: list[Result | None] = [None] * len(fits)
    groups = [group for group in grouped(fits) if _is_worthwhile(group, fits)]
    pieces: list[Piece] = []
    for group in groups:
        pieces += split(group, fits, -(-n_programs // len(groups)), memory // n_programs)

    def run(piece: Piece) -> None:
        own = [fits[number] for number in piece.numbers]
        states = [fit.rng.get_state() for fit in own]
        try:
            ended = Stack(piece, own, stopped).to_the_end()
        except Exception as error:
            for fit, state in zip(own, states, strict=True):
                fit.rng.set_state(state)
            if not isinstance(error, ScalarLossError):  # which no compiled program can train
                _say_why_alone(own, error)
            return
        for number, result in zip(piece.numbers, ended, strict=True):
            results[number] = result

    pieces = [piece for piece in pieces if len(piece.numbers) > 1]
    if len(pieces) == 1:
        run(pieces[0])
    elif pieces:
        with ThreadPoolExecutor(min(n_programs, len(pieces))) as pool:
            list(pool.map(run, pieces))
    return results


def _is_worthwhile(group: "Piece", fits: Sequence[Fit]) -> bool:
    """Whether the fits are sooner done as one, compiling included."""
    if len(group.numbers) == 1:
        return False
    architecture = group.shape.architecture
    if architecture.wants_xla or backends.current().stacks_convolutions:
        return True
    if group.shape.executor is not Executor.XLA:
        return False
    steps = [_n_batches(fits[k], group.shape) * fits[k].plan.max_iter for k in group.numbers]
    return sum(steps) >= _STEPS_WORTH_STACKING_CONVOLUTIONS


def _say_why_alone(fits: Sequence[Fit], error: Exception) -> None:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    warnings.warn(
        f"{len(fits)} networks are trained one by one: they could not be made one program "
        f"({type(error).__name__}: {reason[:200]}).",
        stacklevel=2,
    )


class Piece(NamedTuple):
    """Fits, by their numbers, that become one stack."""

    numbers: list[int]
    shape: Any  # ProgramShape that serves all of them
    n_networks: int  # that the program has room for
    rooms: tuple[int, ...] = ()  # distinct arrays of each kind that it has room for
    even: bool = False  # whether all have as many batches an epoch
    masked: bool = False  # whether some lack units that others have
    length: int = 0  # rows for which each of the common arrays has room


def grouped(fits: Sequence[Fit]) -> list[Piece]:
    """Which fits can share a program: those alike in all that shapes it but for the rows.

    Networks of unequal widths share one where that takes less time than to compile several. Batch
    sizes do not: a batch of 32 rows beside one of 128 would cost what 128 cost, in four times as
    many steps. That took 1.7 to 2.3 times as long as two programs, and the first time, with one
    program less to compile, as long as they.
    """
    backend = backends.current()
    by_kind: dict[Any, list[tuple[int, Any]]] = {}
    for number, fit in enumerate(fits):
        shape = program_shape(fit.plan, fit.rows, fit.validation, backend, None)
        # The rows that fill up a smaller batch must not count in a batch normalisation.
        one_batch = shape.batch_size >= fit.rows.n_rows and not shape.architecture.rows_interact
        kind = replace(
            shape,
            architecture=open_widths(fit.plan) or shape.architecture,
            batch_size=0 if one_batch else shape.batch_size,
            row_bucket=0,
            n_epochs=0,
            weighted=False,
            l2=False,
            l1=False,
            validation_bucket=min(shape.validation_bucket, 1),
            validation_batch=0,
            executor=Executor.XLA,
        )
        by_kind.setdefault((kind, _row_shapes(fit.rows.x)), []).append((number, shape))
    pieces = []
    for members in by_kind.values():
        members.sort(key=lambda member: -member[1].row_bucket)
        while members:
            longest = members[0][1]
            alike = [m for m in members if m[1].row_bucket >= _ALIKE * longest.row_bucket]
            members = members[len(alike) :]
            alike.sort(key=lambda member: member[0])
            pieces += _by_width(alike, fits, backend)
    return pieces


def _by_width(members: list[tuple[int, Any]], fits: Sequence[Fit], backend) -> list[Piece]:
    """Pieces of fits that are alike but for the widths of their layers."""
    numbers = [number for number, _ in members]
    n_steps = [-(-fits[k].rows.n_rows // shape.batch_size) for k, shape in members]
    n_steps = [n * fits[k].plan.max_iter for n, k in zip(n_steps, numbers, strict=True)]
    batch_size = members[0][1].batch_size

    def seconds(architecture, places: list[int]) -> float:
        speed = _speed(backend)
        share = _share_of_step(speed, n_weights(architecture), batch_size)
        work = sum(n_steps[place] for place in places)
        return _COMPILE_SECONDS + speed.step * max(n_steps[p] for p in places) + share * work

    return [
        _piece([members[place] for place in places], fits, backend, architecture)
        for architecture, places in clusters(
            [fits[number].plan.architecture for number in numbers], seconds
        )
    ]


def _row_shapes(x) -> Any:
    if isinstance(x, RowsOf):
        return x.shape[1:], x.dtype.str, bucket(len(x.array))
    if isinstance(x, dict):
        return tuple((name, _row_shapes(part)) for name, part in x.items())
    if isinstance(x, list | tuple):
        return tuple(_row_shapes(part) for part in x)
    return x.shape[1:], x.dtype.str


def _piece(members: list[tuple[int, Any]], fits: Sequence[Fit], backend, architecture) -> Piece:
    numbers = [number for number, _ in members]
    shapes = [shape for _, shape in members]
    plans = [fits[number].plan for number in numbers]
    row_bucket = max(shape.row_bucket for shape in shapes)
    batch_size = max(shape.batch_size for shape in shapes)
    n_steps = sum(
        -(-fits[number].rows.n_rows // batch_size) * fits[number].plan.max_iter
        for number in numbers
    )
    validation = max(shape.validation_bucket for shape in shapes)
    shape = replace(
        shapes[0],
        architecture=architecture,
        batch_size=batch_size,
        row_bucket=row_bucket,
        weighted=any(shape.weighted for shape in shapes),
        l2=any(shape.l2 for shape in shapes),
        l1=any(shape.l1 for shape in shapes),
        validation_bucket=validation,
        validation_batch=validation,
        executor=backend.executor(
            dense=True, n_steps=n_steps, step_flops=math.inf, xla=PROGRAMS.may_compile_xla()
        ),
    )
    shape = replace(shape, n_epochs=max(plan.max_iter for plan in plans))
    masked = any(plan.architecture != architecture for plan in plans)
    x = fits[numbers[0]].rows.x
    length = bucket(len(x.array)) if isinstance(x, RowsOf) else row_bucket
    return Piece(numbers, shape, len(numbers), masked=masked, length=length)


def split(group: Piece, fits: Sequence[Fit], n_pieces: int, memory: int) -> list[Piece]:
    """A group in at least ``n_pieces`` equal pieces, each within ``memory`` bytes."""
    n = len(group.numbers)
    first = fits[group.numbers[0]]
    rounds = 1
    if backends.current().on_cpu:
        # More networks than have room in a core's cache are slower in one piece than in several.
        rounds = -(-n // (n_pieces * networks_in_cache(group.shape, first)))
    most = max(1, int((memory - shared_bytes(first)) // bytes_of_network(group.shape, first)))
    n_pieces = max(min(n_pieces * rounds, n // 2), -(-n // most), 1)
    pieces = []
    for part in np.array_split(np.array(group.numbers), n_pieces):
        room = rounded_up(-(-n // n_pieces))
        numbers = [int(number) for number in part]
        pieces.append(group._replace(numbers=numbers, n_networks=room))
    # One program for all pieces: the same room for rows in each.
    weighted = group.shape.weighted
    counts = [n_distinct([fits[k] for k in piece.numbers], weighted=weighted) for piece in pieces]
    rooms = tuple(bucket(max(1, *numbers)) for numbers in zip(*counts, strict=True))
    even = len({_n_batches(fits[k], group.shape) for k in group.numbers}) == 1
    return [piece._replace(shape=_sized(piece, fits), rooms=rooms, even=even) for piece in pieces]


def _n_batches(fit: Fit, shape) -> int:
    """Whole batches an epoch; the last may be filled up where no remainder follows."""
    whole, rest = divmod(fit.rows.n_rows, shape.batch_size)
    return whole + bool(rest and not shape.remainder)


def shared_bytes(fit: Fit) -> int:
    """Memory for rows that is taken once, however many networks there are."""
    x = fit.rows.x
    return x.array.nbytes if isinstance(x, RowsOf) else 0


def networks_in_cache(shape, fit: Fit) -> int:
    """Networks of which a core steps fastest through all at once."""
    each, architecture = _state_bytes(shape, fit), shape.architecture
    if architecture.wants_xla:
        return max(_LEAST_IN_CACHE, _CACHE_BYTES // each)
    itemsize = np.dtype(architecture.dtype).itemsize
    each += itemsize * shape.batch_size * _numbers_of_row(architecture)
    return max(_LEAST_CONVNETS_IN_CACHE, _CACHE_BYTES // each)


def bytes_of_network(shape, fit: Fit) -> int:
    """Memory that one more network takes in a stack."""
    architecture = shape.architecture
    itemsize = np.dtype(architecture.dtype).itemsize
    widths = math.prod(architecture.input_shape)
    if architecture.wants_xla:
        widths += sum(p.fan_out for p in architecture.parameters if p.role == "bias")
    else:
        widths += _numbers_of_row(architecture)
    rows = 3 * shape.batch_size + shape.validation_bucket
    # Rows count as if no two fits had the same: how many do is known when they are stacked.
    data = shape.row_bucket * (math.prod(architecture.input_shape) + shape.units + 1)
    if isinstance(fit.rows.x, RowsOf):
        data = shape.row_bucket
    return _state_bytes(shape, fit) + itemsize * (rows * widths + data)


def _state_bytes(shape, fit: Fit) -> int:
    """Weights of a network, their copies and what the optimizer keeps of them."""
    parameters = shape.architecture.parameters
    n_weights = sum(math.prod(parameter.shape) for parameter in parameters)
    slots = 2 if fit.progress.slots is None else len(fit.progress.slots)
    itemsize = np.dtype(shape.architecture.dtype).itemsize
    return itemsize * n_weights * (_COPIES_OF_WEIGHTS + slots)


@lru_cache(maxsize=256)
def _numbers_of_row(architecture) -> int:
    """Patches and outputs of all layers for one row."""
    from sklearn_cnn.architectures.anatomy import layer_table

    with backends.current().precision(architecture.dtype):
        layers = layer_table(architecture)
    return sum(
        math.prod(one.output_shape) + one.connections // one.output_shape[-1] for one in layers
    )


def _sized(piece: Piece, fits: Sequence[Fit]):
    """The shape with as many epochs a call as its time and its orders allow."""
    shape, n = piece.shape, piece.n_networks
    speed = _speed(backends.current())
    n_steps = -(-shape.row_bucket // shape.batch_size)
    share = _share_of_step(speed, n_weights(shape.architecture), shape.batch_size)
    affordable = _CALL_SECONDS / (n_steps * (speed.step + n * share))
    affordable = min(affordable, _ORDER_BYTES / (4 * n * shape.row_bucket), shape.n_epochs)
    n_epochs = next((n for n in _EPOCHS_A_CALL if n <= affordable), 1)
    return replace(shape, n_epochs=n_epochs)


def _speed(backend) -> Speed:
    return _ONE_CORE if backend.on_cpu else _GPU


def _share_of_step(speed: Speed, n_weights: int, batch_size: int) -> float:
    """Seconds that one more network adds to a step."""
    return speed.network + 6 * n_weights * batch_size / speed.flops


class Stack:
    """Fits in the middle, as one: device arrays with a leading axis of networks.

    Parameters
    ----------
    piece : Piece
    fits : list of Fit
        Those of the piece. Free places are filled with copies of the first that never train.
    stopped : callable
        Whether to end now.
    """

    def __init__(self, piece: Piece, fits: list[Fit], stopped: Callable[[], bool]):
        self.backend = backends.current()
        self.fits, self.stopped = fits, stopped
        self.piece, self.shape = piece, piece.shape
        self.dtype = np.dtype(self.shape.architecture.dtype)
        # Which fit each network of the program is; places beyond are free.
        self.fit_of = list(range(len(fits)))
        self.results: list[Result | None] = [None] * len(fits)
        self._take_program(piece.n_networks)
        unshuffled = {n: np.arange(n) for n in {fit.rows.n_rows for fit in fits}}
        self.orders = [_first_order(fit, unshuffled) for fit in fits]
        self.n_epochs = np.zeros(len(fits), dtype=int)
        self.reasons = [Reason.RUNNING] * len(fits)
        self.records: list[list[np.ndarray]] = [[] for _ in fits]
        self.seconds: list[list[float]] = [[] for _ in fits]

    def _take_program(self, n_networks: int) -> None:
        from .stacked import StackedEpochs

        key = self._key(n_networks)
        self.n_networks = n_networks
        with self.backend.precision(self.dtype.name):
            self.program = PROGRAMS.get(
                key,
                lambda: StackedEpochs(key, self.backend),
                xla=self.shape.executor is Executor.XLA,
            )

    def _key(self, n_networks: int):
        from .stacked import StackShape

        piece = self.piece
        return StackShape(
            self.shape, n_networks, piece.rooms, piece.even, piece.masked, piece.length
        )

    def to_the_end(self) -> list[Result | None]:
        """Train until every network has stopped."""
        with self.backend.precision(self.dtype.name):
            self._load()
            while Reason.RUNNING in self.reasons:
                if self.stopped():
                    self.reasons = [reason or Reason.INTERRUPTED for reason in self.reasons]
                    break
                seconds = self._call()
                self._shrink(seconds)
            self._end(range(len(self.fit_of)))
            return self.results

    def _load(self) -> None:
        """Everything that the program takes, on the device."""
        from .epochs import Best

        fits, array = self._filled(self.fits), self.backend.array
        states = [
            initial_state(self.program, fit.plan, progress)
            for fit, progress in zip(fits, self._filled(self._wide_progress()), strict=True)
        ]
        self.state = _stacked(states, array)
        self.watch = _stacked([self._watch(fit) for fit in fits], array)
        self.best = Best([], [])
        if self.shape.keep_best:
            self.best = Best(self.state.trainable, self.state.non_trainable)
        reasons = np.full(self.n_networks, int(Reason.MAX_ITER), np.int32)
        reasons[: len(self.fits)] = int(Reason.RUNNING)
        self.watch = self.watch._replace(reason=array(reasons))
        shape = self.shape
        self.data, self.places = common_rows(
            [fit.rows for fit in fits],
            self.piece.length,
            self.piece.rooms[:4],
            self.backend,
            weighted=shape.weighted,
        )
        self.validation, self.validation_places = (), ()
        if shape.validation_bucket:
            self.validation, self.validation_places = common_rows(
                [fit.validation for fit in fits],
                shape.validation_bucket,
                self.piece.rooms[4:],
                self.backend,
                weighted=True,
            )
        self.numbers, self.rule, self.totals = self._inputs(fits)

    def _wide_progress(self) -> list[Progress]:
        """Where each fit starts, in the widths of the program."""
        if not self.piece.masked:
            return [fit.progress for fit in self.fits]
        self.widenings = [Widening(self.program, fit.progress.weights) for fit in self.fits]
        return [
            widening.widen(fit.progress)
            for widening, fit in zip(self.widenings, self.fits, strict=True)
        ]

    def _filled(self, items: list) -> list:
        return items + items[:1] * (self.n_networks - len(items))

    def _watch(self, fit: Fit) -> Watch:
        rate = fit.plan.solver.rate if fit.progress.rate is None else fit.progress.rate
        number = self.dtype.type
        return Watch(
            best=number(fit.progress.best),
            stalled=np.int32(fit.progress.stalled),
            rate=number(rate),
            samples=number(fit.progress.samples),
            reason=np.int32(Reason.RUNNING),
        )

    def _inputs(self, fits: list[Fit]):
        array = self.backend.array
        numbers, rules = zip(*(run_time_inputs(fit.plan) for fit in fits), strict=True)
        if self.piece.masked:
            present = self._filled([widening.present() for widening in self.widenings])
            numbers = tuple(
                one._replace(present=mask) for one, mask in zip(numbers, present, strict=True)
            )
        totals = [score_totals(fit.plan, fit.validation) for fit in fits]
        return _stacked(list(numbers), array), _stacked(list(rules), array), array(np.stack(totals))

    def _call(self) -> float:
        """A call of the program; returns the seconds of one of its epochs."""
        from .epochs import Controls, Count

        shape, array = self.shape, self.backend.array
        n_epochs = np.zeros(self.n_networks, dtype=np.int32)
        n_rows = np.ones(self.n_networks, dtype=np.int32)
        n_batches = np.zeros(self.n_networks, dtype=np.int32)
        size = shape.batch_size
        n_whole = self.program.n_whole_batches
        length = n_whole * size + (size if shape.remainder else 0)
        orders = np.full((shape.n_epochs, self.n_networks, length), -1, dtype=np.int32)
        before: dict[int, Any] = {}
        known: dict[tuple, tuple] = {}
        drawn: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for k, number in enumerate(self.fit_of):
            fit = self.fits[number]
            n_rows[k] = fit.rows.n_rows
            n_batches[k] = _n_batches(fit, self.shape)
            if self.reasons[number] is not Reason.RUNNING:
                continue
            n_epochs[k] = min(shape.n_epochs, fit.plan.max_iter - self.n_epochs[number])
            before[k] = fit.rng.get_state()
            drawn[k] = self._drawn(number, before[k], int(n_epochs[k]), known)
            whole = n_batches[k] * size if shape.remainder else n_rows[k]
            rows = drawn[k][0]
            if isinstance(fit.rows.x, RowsOf):
                rows = fit.rows.x.numbers[rows]
            orders[: n_epochs[k], k, :whole] = rows[:, :whole]
            if shape.remainder:
                rest = rows[:, whole:]
                orders[: n_epochs[k], k, n_whole * size : n_whole * size + rest.shape[1]] = rest
        count = Count(array(n_rows.astype(self.dtype)), array((1 / n_rows).astype(self.dtype)))
        controls = Controls(
            n_batches=array(n_batches),
            n_epochs=array(n_epochs),
            n_rows=count,
            last_batch=count,  # here each step counts its rows
            numbers=self.numbers,
            rule=self.rule,
            score_totals=self.totals,
        )
        started = time.perf_counter()
        self.state, self.watch, self.best, records, n_done = self.program.run(
            self.state,
            self.watch,
            self.best,
            self.data,
            self.validation,
            self.places,
            self.validation_places,
            array(orders),
            controls,
        )
        records, n_done = np.asarray(records), np.asarray(n_done)
        reasons = np.asarray(self.watch.reason)
        seconds = time.perf_counter() - started
        for k, (_, last) in drawn.items():
            number = self.fit_of[k]
            share, reason = seconds / n_done.sum(), Reason(int(reasons[k]))
            self._note(number, records[: n_done[k], k], share, reason)
            if n_done[k] < n_epochs[k] and self.fits[number].plan.shuffle:
                # As if the epochs that did not run had not been drawn.
                rng = self.fits[number].rng
                rng.set_state(before[k])
                _, last = epoch_orders(rng, self.orders[number], n_done[k], True)
            self.orders[number] = last
        return seconds / n_done.max()

    def _shrink(self, epoch_seconds: float) -> None:
        """Go on with a smaller program when half of the networks have stopped, if it pays."""
        running = [
            k for k, number in enumerate(self.fit_of) if self.reasons[number] is Reason.RUNNING
        ]
        n_networks = rounded_up(len(running))
        if not running or 2 * n_networks > self.n_networks:
            return
        if self._key(n_networks) not in PROGRAMS:
            # Those that have not stopped may do as many epochs again.
            numbers = [self.fit_of[k] for k in running]
            left = max(self.fits[n].plan.max_iter - self.n_epochs[n] for n in numbers)
            epochs = min(left, max(self.n_epochs[n] for n in numbers))
            saved = epochs * epoch_seconds * (1 - n_networks / self.n_networks)
            if saved < 2 * _COMPILE_SECONDS or not PROGRAMS.may_compile_xla():
                return
        import keras

        self._end([k for k in range(len(self.fit_of)) if k not in running])
        kept = np.array(running + running[:1] * (n_networks - len(running)))
        free = np.arange(n_networks) >= len(running)

        def shrunk(tree):
            return keras.tree.map_structure(
                lambda array: self.backend.array(np.asarray(array)[kept]), tree
            )

        self.state, self.watch, self.best = shrunk((self.state, self.watch, self.best))
        reasons = np.where(free, np.int32(Reason.MAX_ITER), np.asarray(self.watch.reason))
        self.watch = self.watch._replace(reason=self.backend.array(reasons))
        self.numbers, self.rule, self.totals = shrunk((self.numbers, self.rule, self.totals))
        self.places = shrunk(self.places)
        self.validation_places = shrunk(self.validation_places)
        self.fit_of = [self.fit_of[k] for k in running]
        self._take_program(n_networks)

    def _drawn(self, number: int, state: Any, n_epochs: int, known: dict):
        """Orders of a network's next epochs; those of equal seeds are drawn once."""
        rng, order = self.fits[number].rng, self.orders[number]
        if not self.fits[number].plan.shuffle:
            return epoch_orders(rng, order, n_epochs, False)
        key = state[1].tobytes(), state[2:], id(order), n_epochs
        if key in known:
            drawn, after = known[key]
            rng.set_state(after)
        else:
            drawn = epoch_orders(rng, order, n_epochs, True)
            known[key] = drawn, rng.get_state()
        return drawn

    def _note(self, number: int, records: np.ndarray, seconds: float, reason: Reason) -> None:
        """Keep what a call reported of the epochs of a fit."""
        self.records[number].extend(records)
        self.seconds[number].extend([seconds] * len(records))
        self.n_epochs[number] += len(records)
        if reason is Reason.RUNNING and self.n_epochs[number] >= self.fits[number].plan.max_iter:
            reason = Reason.MAX_ITER
        self.reasons[number] = reason

    def _end(self, networks) -> None:
        """Keep the results of some networks of the program."""
        import keras

        host = keras.tree.map_structure(np.asarray, (self.state, self.watch, self.best))
        for k in networks:
            number = self.fit_of[k]
            fit = self.fits[number]
            state, watch, best = keras.tree.map_structure(lambda array, k=k: array[k], host)
            result = outcome(
                self.program,
                state,
                watch,
                best if self.shape.keep_best else None,
                records=self.records[number],
                seconds=self.seconds[number],
                samples=fit.progress.samples + fit.rows.n_rows * int(self.n_epochs[number]),
                reason=self.reasons[number],
                order=self.orders[number],
            )
            if self.piece.masked:
                result = self.widenings[number].narrow(result)
            self.results[number] = result


def _first_order(fit: Fit, unshuffled: dict[int, np.ndarray]) -> np.ndarray:
    if fit.order is not None and len(fit.order) == fit.rows.n_rows:
        return fit.order
    return unshuffled[fit.rows.n_rows]


def _stacked(values: list, array: Callable) -> Any:
    """Nested tuples and lists of arrays, one on top of the other."""
    import keras

    return keras.tree.map_structure(lambda *parts: array(np.stack(parts)), *values)
