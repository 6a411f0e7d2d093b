"""When training ends, and which weights are kept: one rule, on the host and in programs."""

import math
import operator
from enum import IntEnum
from types import SimpleNamespace
from typing import Any, NamedTuple

# What of keras.ops the rule uses, for single numbers: NumPy's own functions take ten times as long.
ON_HOST = SimpleNamespace(
    cast=lambda value, dtype: dtype.type(value),
    cos=math.cos,
    logical_and=lambda first, second: first and second,
    logical_not=operator.not_,
    maximum=max,
    where=lambda condition, first, second: first if condition else second,
    zeros_like=lambda value: type(value)(0),
)

# scikit-learn's: an adaptive rate at or below this is not lowered further, training ends.
LOWEST_ADAPTIVE_RATE = 1e-6


class Reason(IntEnum):
    """Why training ended. The numbers are what compiled programs return."""

    RUNNING = 0
    STALLED = 1
    RATE_TOO_SMALL = 2
    NOT_FINITE = 3
    MAX_ITER = 4
    INTERRUPTED = 5
    CALLBACK = 6


class Watch(NamedTuple):
    """What the stopping rule remembers between epochs; scalars or 0-d arrays."""

    best: Any  # lowest watched value so far
    stalled: Any  # epochs in a row without progress
    rate: Any  # learning rate of the next epoch
    samples: Any  # rows seen since the optimizer was made, for "invscaling"
    reason: Any


class Rule(NamedTuple):
    """The numbers of the stopping rule."""

    tol: Any
    relative_tol: Any
    patience: Any
    rate_init: Any
    power_t: Any
    starts: Any = 0.0  # rows seen when a cosine rate begins to fall
    ends: Any = 1.0  # and when it is zero


def held_at(rate: float) -> dict[str, float]:
    """Numbers of a :class:`Rule` whose named schedule leaves the rate that a callback has set.

    "adaptive" has nothing to be held: it lowers whatever the rate is.
    """
    return {"rate_init": rate, "power_t": 0.0, "ends": math.inf}


def after_epoch(watch: Watch, value, loss, n_samples, rule: Rule, policy: str, xp=None):
    """The watch after an epoch that ended with ``value``; lower is better.

    Parameters
    ----------
    value : scalar
        What is watched: the training loss, the validation loss or minus the validation score.
    loss : scalar
        Training loss; training ends when it is not finite.
    policy : {"constant", "invscaling", "adaptive", "cosine", "own"}
        What becomes of the learning rate.
    xp : namespace, default=keras.ops
        What computes: ``ON_HOST`` where all numbers are NumPy's scalars.

    Returns
    -------
    watch : Watch
    improved : bool
        Whether ``value`` is a new best.
    """
    import keras

    xp = keras.ops if xp is None else xp
    samples = watch.samples + n_samples
    threshold = rule.tol + rule.relative_tol * xp.where(
        _is_finite(watch.best), xp.maximum(watch.best, -watch.best), xp.zeros_like(watch.best)
    )
    stalled = xp.where(value > watch.best - threshold, watch.stalled + 1, watch.stalled * 0)
    improved = value < watch.best
    best = xp.where(improved, value, watch.best)
    rate = watch.rate
    if policy == "invscaling":
        rate = rule.rate_init / (samples + 1) ** rule.power_t
    if policy == "cosine":
        done = (samples - rule.starts) / (rule.ends - rule.starts)
        rate = 0.5 * rule.rate_init * (1 + xp.cos(math.pi * done))
    patience_over = xp.cast(stalled, rate.dtype) > rule.patience
    reason = xp.where(patience_over, watch.reason * 0 + int(Reason.STALLED), watch.reason)
    if policy == "adaptive":
        at_bottom = watch.rate <= LOWEST_ADAPTIVE_RATE
        lowered = xp.logical_and(patience_over, xp.logical_not(at_bottom))
        rate = xp.where(lowered, watch.rate / 5.0, watch.rate)
        stalled = xp.where(lowered, stalled * 0, stalled)
        reason = xp.where(lowered, watch.reason, reason)
        reason = xp.where(
            xp.logical_and(patience_over, at_bottom),
            watch.reason * 0 + int(Reason.RATE_TOO_SMALL),
            reason,
        )
    reason = xp.where(_is_finite(loss), reason, watch.reason * 0 + int(Reason.NOT_FINITE))
    return Watch(best, stalled, rate, samples, reason), improved


def _is_finite(value):
    # TensorFlow hands isfinite and abs to XLA by way of another compiler: 7 ms each.
    return (value > -math.inf) & (value < math.inf)
