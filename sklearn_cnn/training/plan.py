"""What a fit is going to do: values only, decided before anything is compiled."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Inputs, encoded targets, weights and offsets of rows; the last two may be None."""

    x: Any
    y: Any
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)


@dataclass(frozen=True)
class Plan:
    """A fit by mini-batches.

    Parameters
    ----------
    architecture : Architecture
    objective : Objective
    solver : Solver
        Optimizer, its rate and its numbers.
    metrics : tuple of MetricDescription
    batch_size, max_iter : int
    shuffle : bool
    alpha, l1, dropout : float
    tol, relative_tol : float
        Progress smaller than ``tol + relative_tol * |best|`` is none.
    patience : float
        Epochs without progress that are borne.
    watched : {"loss", "score", "val_loss"}
    keep_best : bool
    policy : {"constant", "invscaling", "adaptive", "cosine", "own"}
    power_t : float
    cosine : (float, float)
        Rows seen when a cosine rate begins to fall, and when it is zero.
    seed : int
        Key of dropout.
    """

    architecture: Any
    objective: Any
    solver: Any
    batch_size: int
    max_iter: int
    metrics: tuple = ()
    shuffle: bool = True
    alpha: float = 0.0
    l1: float = 0.0
    dropout: float = 0.0
    tol: float = 1e-4
    relative_tol: float = 0.0
    patience: float = 10
    watched: str = "loss"
    keep_best: bool = False
    policy: str = "constant"
    power_t: float = 0.5
    cosine: tuple[float, float] = (0.0, 1.0)
    seed: int = 0


@dataclass
class Progress:
    """Where training stands: all that a later ``partial_fit`` needs, in NumPy arrays."""

    weights: list[np.ndarray]
    slots: list[np.ndarray] | None = None
    step: int = 0
    best: float = float("inf")
    stalled: int = 0
    rate: float | None = None
    samples: int = 0
    held: bool = False  # a callback has set the rate: a named schedule leaves it


@dataclass(eq=False)
class Fit:
    """A fit that is ready to be trained: a plan, where it starts, and on which rows.

    Parameters
    ----------
    plan : Plan
    progress : Progress
    rows : Rows
    rng : numpy.random.RandomState
        Draws the orders of rows; the one thing that training changes.
    validation : Rows, default=None
    order : ndarray of int, default=None
        The order of rows from which shuffling goes on.
    """

    plan: Plan
    progress: Progress
    rows: Rows
    rng: np.random.RandomState
    validation: Rows | None = None
    order: np.ndarray | None = None


@dataclass
class Result:
    """The outcome of a fit, before an estimator makes attributes and warnings of it."""

    progress: Progress
    best_weights: list[np.ndarray] | None
    reason: Any
    n_epochs: int
    history: dict[str, list[float]] = field(default_factory=dict)
    executor: str = ""
    order: np.ndarray | None = None  # of rows in the last epoch
    report: Any = None  # SciPy's own, of L-BFGS

    def take_over(self, listener) -> None:
        """Take the weights that a callback left behind when training ended."""
        weights = listener.final_weights()
        if weights is not None:
            self.progress.weights, self.best_weights = weights, None
