"""L-BFGS: SciPy's quasi-Newton search on the compiled loss of all rows, in float64."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, Executor

from .plan import Plan, Progress, Result, Rows
from .stopping import Reason

# Rows pass through the network in blocks of at most this many numbers.
_BLOCK_CELLS = 8_000_000


@dataclass(frozen=True)
class LossShape:
    """All that shapes a compiled loss of all rows."""

    architecture: Any
    objective: Any
    row_bucket: int
    block: int
    offset: bool
    l2: bool
    l1: bool


class FullLoss:
    """Loss and gradient of all rows as functions of one vector of weights."""

    def __init__(self, shape: LossShape, backend):
        from .network import Network
        from .steps.supervised import SupervisedLoss

        self.shape = shape
        self.backend = backend
        self.network = Network(shape.architecture)
        self.loss = SupervisedLoss(self.network, shape.objective, backend, l2=shape.l2, l1=shape.l1)
        self.run = backend.compile(self._run, Executor.GRAPH)

    def _run(self, vector, non_trainable, data, numbers):
        from keras import ops

        from .epochs import rows_from

        trainable = self.network.unflatten(vector)

        def block(carry, i):
            loss_sum, gradient_sum, total = carry
            batch = type(data)(*(rows_from(part, i * size, size) for part in data))
            weight = ops.sum(batch.weight)
            loss, gradients, _, _ = self.loss.data_gradient(trainable, non_trainable, batch, None)
            present = weight > 0  # a block of padding rows has no mean
            loss = ops.where(present, loss * weight, ops.zeros_like(loss))
            gradient = self.network.flatten(gradients)
            gradient = ops.where(present, gradient * weight, ops.zeros_like(gradient))
            return loss_sum + loss, gradient_sum + gradient, total + weight

        size = self.shape.block
        zero = ops.zeros((), vector.dtype)
        carry = (zero, ops.zeros_like(vector), zero)
        n_blocks = self.shape.row_bucket // size
        if n_blocks == 1:
            carry = block(carry, 0)
        else:
            carry = self.backend.fold(block, carry, n_blocks, Executor.GRAPH)
        loss, gradient, total = carry
        loss, gradients = self.loss.add_penalty(
            loss / total, self.network.unflatten(gradient / total), trainable, numbers, total
        )
        return loss, self.network.flatten(gradients)


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
    from .loop import bucket

    backend = backends.current()
    architecture = replace(plan.architecture, dtype="float64")
    cells = max(int(np.prod(architecture.input_shape)), 1)
    block = row_bucket = bucket(rows.n_rows)
    while block * cells > _BLOCK_CELLS and block % 2 == 0:
        block //= 2
    shape = LossShape(
        architecture=architecture,
        objective=plan.objective,
        row_bucket=row_bucket,
        block=block,
        offset=rows.offset is not None,
        l2=plan.alpha > 0,
        l1=plan.l1 > 0,
    )
    with backend.precision("float64"):
        program = PROGRAMS.get(shape, lambda: FullLoss(shape, backend))
        return _minimise(plan, program, progress, rows, max_fun, listener)


def _minimise(plan: Plan, program: FullLoss, progress: Progress, rows, max_fun, listener):
    from .loop import padded_rows
    from .steps.supervised import Numbers

    array = program.backend.array
    data = padded_rows(rows, program.shape.row_bucket, np.dtype("float64"), program.backend)
    trainable, non_trainable = program.network.split(
        [weight.astype(np.float64) for weight in progress.weights], plan.seed
    )
    non_trainable = [array(value) for value in non_trainable]
    zero = array(np.float64(0))
    numbers = Numbers(
        alpha=array(np.float64(plan.alpha)),
        l1=array(np.float64(plan.l1)),
        dropout=zero,
        key=zero,
        rate=zero,
        optimizer=(),
    )
    losses: list[float] = []

    def loss_and_gradient(vector):
        loss, gradient = program.run(array(vector), non_trainable, data, numbers)
        return float(loss), np.asarray(gradient)

    last = np.concatenate([np.ravel(weight) for weight in trainable])

    def after_iteration(intermediate_result):
        nonlocal last
        last = intermediate_result.x.copy()
        losses.append(float(intermediate_result.fun))
        if listener is not None:
            listener.iteration_ends(len(losses) - 1, losses[-1])

    reason, report = Reason.STALLED, None
    try:
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
        for weight in program.network.join(pieces, [np.asarray(v) for v in non_trainable])
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
