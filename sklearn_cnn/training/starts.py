"""Several starts of one fit: trained as one program where they can be, and which is the best."""

from collections.abc import Callable, Sequence

import numpy as np

from .interrupts import interrupts_wait
from .loop import current_trainer
from .plan import Fit, Result
from .stopping import Reason

# Steps, of all starts, from which their program is worth compiling: it takes 0.5 s more than that
# of one. 10 starts of 13-5-1, 6000 steps, then took 0.12 s stacked and 0.57 s one by one; 10 starts
# of 64-100-10, 11,400 steps, 0.27 and 0.43 s. Not asked of what is compiled: the same fit is to
# have the same bits whatever came before it.
_STEPS_WORTH_STACKING = 5000


def train_starts(
    fits: Sequence[Fit],
    together: Callable[[Sequence[Fit]], Sequence[Result | None]] | None,
    alone: Callable[[Fit], Result],
) -> list[Result | None]:
    """Train fits that differ in where they start. Ctrl-C ends all of them.

    Parameters
    ----------
    fits : sequence of Fit
    together : callable or None
        Trains all of them, and returns None for those that must be trained alone.
    alone : callable
        Trains one.

    Returns
    -------
    list of Result or None
        In the order of ``fits``; None for a start that an interrupt left untrained.
    """
    results: list[Result | None] = [None] * len(fits)
    if together is not None:
        results = list(together(fits))
    for number, fit in enumerate(fits):
        if any(result is not None and was_interrupted(result) for result in results):
            break
        if results[number] is None:
            results[number] = alone(fit)
    return results


def train_as_one(fits: Sequence[Fit]) -> Sequence[Result | None]:
    """Train starts as one program where that is sooner done; None for those to train alone.

    Within a task of a fused call they join the program of all tasks.
    """
    trainer = current_trainer()
    if trainer is not None:
        return trainer(fits, None)
    plan, rows = fits[0].plan, fits[0].rows
    results: list[Result | None] = [None] * len(fits)
    n_steps = len(fits) * plan.max_iter * -(-rows.n_rows // plan.batch_size)
    if len(fits) == 1 or n_steps < _STEPS_WORTH_STACKING:
        return results
    from .fusing import can_be_fused, train_together

    if not can_be_fused(plan, rows, None):
        return results
    try:
        with interrupts_wait() as raise_interrupt:
            results = train_together(fits, stopped=lambda: raise_interrupt.has_come)
            raise_interrupt()
    except KeyboardInterrupt:
        if all(result is None for result in results):
            raise
    return results


def was_interrupted(result: Result) -> bool:
    """Whether Ctrl-C ended a fit."""
    return result.reason is Reason.INTERRUPTED


def best_start(results: Sequence[Result | None]) -> int:
    """The number of the best: the lowest watched value, or where nothing is, the lowest loss.

    The first of equals. One that went astray is the best only if all did.
    """
    ranks = [(_rank(result), k) for k, result in enumerate(results) if result is not None]
    return min(ranks)[1]


def _rank(result: Result) -> tuple[bool, float]:
    if result.best_weights is not None:
        weights, value = result.best_weights, result.progress.best
    else:
        losses = result.history["loss"]
        weights, value = result.progress.weights, losses[-1] if losses else np.inf
    finite = np.isfinite(value) and all(np.isfinite(weight).all() for weight in weights)
    return not finite or result.reason is Reason.NOT_FINITE, value if finite else np.inf
