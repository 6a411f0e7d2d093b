"""L-BFGS: SciPy's quasi-Newton search on the compiled loss of all rows, in float64."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize, sparse

from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, Executor

from .blas_threads import one_blas_thread
from .interrupts import PendingInterrupt, interrupts_wait
from .plan import Fit, Plan, Progress, Result, Rows
from .rendezvous import Rendezvous
from .stopping import Reason

# Rows pass through networks in blocks of at most this many numbers.
_BLOCK_CELLS = 8_000_000
# Searches that meet. Of 50 starts of 12-2-1 on 506 rows 5.2 s one by one became 1.3 s.
_MOST_SEARCHES = 64
# Networks that a program computes side by side, within the numbers of a block.
_AT_A_TIME = 8


@dataclass(frozen=True)
class LossShape:
    """All that shapes a compiled loss of rows."""

    architecture: Any
    objective: Any
    n_rows: int  # of a call
    block: int  # of these pass through the network at a time
    offset: bool
    n_networks: int = 1  # for which there is room


class LossSums:
    """Loss and gradient, summed over rows, as functions of one vector of weights, or of several.

    Attributes
    ----------
    run : callable
        ``run(vector, non_trainable, data)``, or with room for several networks
        ``run(vectors, n, non_trainable, data)`` of the first ``n``.
    """

    def __init__(self, shape: LossShape, backend):
        from .network import Network
        from .stackable import suits_patches
        from .steps.supervised import SupervisedLoss

        self.shape = shape
        self.backend = backend
        patches = suits_patches(shape.architecture, backend, shape.block)
        self.network = Network(shape.architecture, patches=patches)
        self.loss = SupervisedLoss(self.network, shape.objective, backend, l2=False, l1=False)
        of_one = shape.n_networks == 1
        self.run = backend.compile(self._run if of_one else self._run_each, Executor.GRAPH)

    def _run_each(self, vectors, n, non_trainable, data):
        from keras import ops

        # Not stacked: then each search goes its way bit by bit as it goes alone. It takes no
        # longer: 1.3 s and 1.4 s for 50 starts of 12-2-1, 1.9 and 1.8 s for 10 of 12-20-1.
        cells = self.shape.block * int(np.prod(self.shape.architecture.input_shape))
        return self.backend.each(
            lambda i: self._run(vectors[i], non_trainable, data),
            n,
            (ops.zeros_like(vectors[:, 0]), ops.zeros_like(vectors)),
            max(1, min(_AT_A_TIME, _BLOCK_CELLS // max(cells, 1))),
        )

    def _run(self, vector, non_trainable, data):
        from keras import ops

        from .epochs import rows_from
        from .steps.supervised import Batch

        trainable = self.network.unflatten(vector)
        size = self.shape.block

        def block(carry, i):
            loss_sum, gradient_sum = carry
            part = type(data)(*(rows_from(field, i * size, size) for field in data))
            weight = ops.sum(part.weight)
            batch = Batch(*part, 1 / weight)
            loss, gradients, _, _ = self.loss.data_gradient(trainable, non_trainable, batch, None)
            gradient = self.network.flatten(gradients)
            present = weight > 0  # a block of padding rows has no mean
            loss = ops.where(present, loss * weight, ops.zeros_like(loss))
            gradient = ops.where(present, gradient * weight, ops.zeros_like(gradient))
            return loss_sum + loss, gradient_sum + gradient

        carry = (ops.zeros((), vector.dtype), ops.zeros_like(vector))
        n_blocks = self.shape.n_rows // size
        if n_blocks == 1:
            return block(carry, 0)
        return self.backend.fold(block, carry, n_blocks, Executor.GRAPH)


class FullLoss:
    """Mean loss of all rows with the penalties, and its gradient, for SciPy."""

    def __init__(self, plan: Plan, program: LossSums, rows: Rows, non_trainable: list):
        self.plan, self.program, self.rows = plan, program, rows
        self.array = program.backend.array
        self.non_trainable = [self.array(value) for value in non_trainable]
        self.total = float(rows.n_rows if rows.weight is None else np.sum(rows.weight))
        self.kernels = program.network.kernel_mask()
        self._data = None if sparse.issparse(rows.x) else self._load(rows)

    def _load(self, rows: Rows):
        from .loop import padded_rows

        n_rows = self.program.shape.n_rows
        return padded_rows(rows, n_rows, np.dtype("float64"), self.program.backend)

    def _segments(self):
        if self._data is not None:
            yield self._data
            return
        size = self.program.shape.n_rows
        for start in range(0, self.rows.n_rows, size):
            part = Rows(
                *(None if field is None else field[start : start + size] for field in self.rows)
            )
            yield self._load(part._replace(x=part.x.toarray()))

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss and gradient at ``vector``."""
        loss, gradient = 0.0, np.zeros_like(vector)
        on_device = self.array(vector)
        for data in self._segments():
            loss_sum, gradient_sum = self.program.run(on_device, self.non_trainable, data)
            loss += float(loss_sum)
            gradient += np.asarray(gradient_sum)
        return self._mean(vector, loss, gradient)

    def of_several(self, vectors: Sequence[np.ndarray]) -> list[tuple[float, np.ndarray]]:
        """Loss and gradient at each of the vectors, in one call of the program."""
        points = np.zeros((self.program.shape.n_networks, len(self.kernels)))
        points[: len(vectors)] = vectors
        losses, gradients = self.program.run(
            self.array(points), self.array(np.int32(len(vectors))), self.non_trainable, self._data
        )
        losses, gradients = np.asarray(losses), np.asarray(gradients)
        return [
            self._mean(vector, float(losses[k]), gradients[k].copy())
            for k, vector in enumerate(vectors)
        ]

    def _mean(self, vector: np.ndarray, loss: float, gradient: np.ndarray):
        """With the penalties, of the sums over rows."""
        kernels = self.kernels * vector
        loss += 0.5 * self.plan.alpha * float(kernels @ kernels)
        loss += self.plan.l1 * float(np.abs(kernels).sum())
        gradient += self.plan.alpha * kernels + self.plan.l1 * np.sign(kernels)
        return loss / self.total, gradient / self.total


def train_lbfgs(fit: Fit, *, max_fun: int, listener=None) -> Result:
    """Minimise the loss of all rows.

    Raises
    ------
    ValueError
        With dropout or batch normalisation, whose loss is no function of the weights alone.
    """
    with backends.current().precision("float64"), one_blas_thread():
        loss = _full_loss(fit)
        return _minimise(loss, loss, fit, max_fun, listener=listener)


def train_lbfgs_starts(fits: Sequence[Fit], *, max_fun: int) -> list[Result | None]:
    """Minimise from several starts, each as :func:`train_lbfgs` does.

    The searches run in threads and meet where they want the loss: of all it is one call.

    Parameters
    ----------
    fits : sequence of Fit
        Alike but for their weights; their rows are dense.
    max_fun : int
        Of each.

    Returns
    -------
    list of Result or None
        In the order of ``fits``; None for a start that Ctrl-C left untrained.
    """
    precision = backends.current().precision
    n_searches = min(len(fits), _MOST_SEARCHES)
    results: list[Result | None] = [None] * len(fits)
    left = deque(range(len(fits)))
    failed = threading.Event()
    with precision("float64"), one_blas_thread():
        loss = _full_loss(fits[0], n_searches)
        meeting = Rendezvous(n_searches, loss.of_several)

        def search(raise_interrupt: PendingInterrupt) -> None:
            def stop_if_all_do() -> None:
                if raise_interrupt.has_come or failed.is_set():
                    raise KeyboardInterrupt

            # Who leaves may have to compute for those who wait: within the precision.
            with precision("float64"), ExitStack() as at_the_end, suppress(IndexError):
                at_the_end.callback(meeting.leave)
                while not (raise_interrupt.has_come or failed.is_set()):
                    number = left.popleft()
                    results[number] = _minimise(
                        loss, meeting, fits[number], max_fun, between=stop_if_all_do
                    )

        try:
            with interrupts_wait() as raise_interrupt, ThreadPoolExecutor(n_searches) as pool:
                searches = [pool.submit(search, raise_interrupt) for _ in range(n_searches)]
                try:
                    for one in searches:
                        one.result()
                except BaseException:
                    failed.set()
                    raise
                raise_interrupt()
        except KeyboardInterrupt:
            if not any(results):
                raise
    return results


def _full_loss(fit: Fit, n_networks: int = 1) -> FullLoss:
    plan, rows = fit.plan, fit.rows
    if plan.architecture.has_dropout or plan.architecture.rows_interact:
        raise ValueError(
            "solver='lbfgs' needs a loss that is a function of the weights alone: it goes with "
            "dropout=0 and batch_normalization=False. Use 'adam' or 'sgd', or leave these out."
        )
    from .loop import SEGMENT_BYTES, bucket

    backend = backends.current()
    architecture = replace(plan.architecture, dtype="float64")
    cells = max(int(np.prod(architecture.input_shape)), 1)
    n_rows = bucket(rows.n_rows)
    if sparse.issparse(rows.x):
        n_rows = max(1, min(n_rows, SEGMENT_BYTES // (8 * cells)))
    block = n_rows
    while block * cells > _BLOCK_CELLS and block % 2 == 0:
        block //= 2
    offset = rows.offset is not None
    shape = LossShape(architecture, plan.objective, n_rows, block, offset, n_networks)
    program = PROGRAMS.get(shape, lambda: LossSums(shape, backend))
    return FullLoss(plan, program, rows, _split(program, fit)[1])


def _split(program: LossSums, fit: Fit) -> tuple[list, list]:
    return program.network.split(
        [weight.astype(np.float64) for weight in fit.progress.weights], fit.plan.seed
    )


def _minimise(
    loss: FullLoss,
    loss_and_gradient: Callable,
    fit: Fit,
    max_fun: int,
    *,
    listener=None,
    between: Callable[[], None] = lambda: None,
) -> Result:
    """A search; ``between`` iterations it may be ended by KeyboardInterrupt."""
    plan = fit.plan
    trainable, non_trainable = _split(loss.program, fit)
    losses: list[float] = []

    last = np.concatenate([np.ravel(weight) for weight in trainable])

    def after_iteration(intermediate_result):
        nonlocal last
        last = intermediate_result.x.copy()
        losses.append(float(intermediate_result.fun))
        if listener is not None:
            listener.iteration_ends(len(losses) - 1, losses[-1])
        between()
        raise_interrupt()

    reason, report = Reason.STALLED, None
    try:
        with interrupts_wait() as raise_interrupt:
            report = optimize.minimize(
                loss_and_gradient,
                last,
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={"maxfun": max_fun, "maxiter": plan.max_iter, "gtol": plan.tol},
            )
        last = report.x
        if not losses or losses[-1] != report.fun:
            losses.append(float(report.fun))
        losses = losses[: max(report.nit, 1)]
        losses[-1] = float(report.fun)
        if not np.isfinite(report.fun):
            reason = Reason.NOT_FINITE
    except KeyboardInterrupt:
        reason = Reason.INTERRUPTED
    pieces, start = [], 0
    for weight in trainable:
        pieces.append(last[start : start + weight.size].reshape(weight.shape))
        start += weight.size
    weights = [
        weight.astype(plan.architecture.dtype)
        for weight in loss.program.network.join(pieces, non_trainable)
    ]
    return Result(
        progress=Progress(weights=weights),
        best_weights=None,
        reason=reason,
        n_epochs=len(losses) if report is None else int(report.nit),
        history={"loss": losses},
        executor="scipy",
        report=report,
    )
