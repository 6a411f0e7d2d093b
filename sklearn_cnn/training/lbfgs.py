"""L-BFGS: SciPy's quasi-Newton search on the compiled loss of all rows, in float64."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize, sparse

from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, Executor

from .interrupts import interrupts_wait
from .plan import Plan, Progress, Result, Rows
from .stopping import Reason

# Rows pass through the network in blocks of at most this many numbers.
_BLOCK_CELLS = 8_000_000


@dataclass(frozen=True)
class LossShape:
    """All that shapes a compiled loss of rows."""

    architecture: Any
    objective: Any
    n_rows: int  # of a call
    block: int  # of these pass through the network at a time
    offset: bool


class LossSums:
    """Loss and gradient, summed over rows, as functions of one vector of weights."""

    def __init__(self, shape: LossShape, backend):
        from .network import Network
        from .stackable import suits_patches
        from .steps.supervised import SupervisedLoss

        self.shape = shape
        self.backend = backend
        patches = suits_patches(shape.architecture, backend, shape.block)
        self.network = Network(shape.architecture, patches=patches)
        self.loss = SupervisedLoss(self.network, shape.objective, backend, l2=False, l1=False)
        self.run = backend.compile(self._run, Executor.GRAPH)

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
        kernels = self.kernels * vector
        loss += 0.5 * self.plan.alpha * float(kernels @ kernels)
        loss += self.plan.l1 * float(np.abs(kernels).sum())
        gradient += self.plan.alpha * kernels + self.plan.l1 * np.sign(kernels)
        return loss / self.total, gradient / self.total


def train_lbfgs(
    plan: Plan, progress: Progress, rows: Rows, *, max_fun: int, listener=None
) -> tuple[Result, Any]:
    """Minimise the loss of all rows; also SciPy's own report.

    Raises
    ------
    ValueError
        With dropout or batch normalisation, whose loss is no function of the weights alone.
    """
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
    shape = LossShape(architecture, plan.objective, n_rows, block, rows.offset is not None)
    with backend.precision("float64"):
        program = PROGRAMS.get(shape, lambda: LossSums(shape, backend))
        return _minimise(plan, program, progress, rows, max_fun, listener)


def _minimise(plan: Plan, program: LossSums, progress: Progress, rows, max_fun, listener):
    trainable, non_trainable = program.network.split(
        [weight.astype(np.float64) for weight in progress.weights], plan.seed
    )
    full_loss = FullLoss(plan, program, rows, non_trainable)
    losses: list[float] = []

    last = np.concatenate([np.ravel(weight) for weight in trainable])

    def after_iteration(intermediate_result):
        nonlocal last
        last = intermediate_result.x.copy()
        losses.append(float(intermediate_result.fun))
        if listener is not None:
            listener.iteration_ends(len(losses) - 1, losses[-1])
        raise_interrupt()

    reason, report = Reason.STALLED, None
    try:
        with interrupts_wait() as raise_interrupt:
            report = optimize.minimize(
                full_loss,
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
        for weight in program.network.join(pieces, non_trainable)
    ]
    result = Result(
        progress=Progress(weights=weights),
        best_weights=None,
        reason=reason,
        n_epochs=len(losses) if report is None else int(report.nit),
        history={"loss": losses},
        executor="scipy",
    )
    return result, report
