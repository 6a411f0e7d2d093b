"""What is minimised and how a fit is scored while it runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_cnn.architectures import keras_activation


@dataclass(frozen=True)
class Objective:
    """A family (or a Keras loss) with the score that early stopping watches.

    Parameters
    ----------
    family : Family or KerasLoss
        Row losses ``loss(y, output)``, ``loss_scale(units)``, ``activation``.
    score : {"accuracy", "r2", "none"}
        scikit-learn's score of the estimator.
    threshold : float, default=0.0
        Output of a single unit above which the positive class is predicted: 0 for a linear
        predictor, 0.5 for a probability.
    multilabel : bool, default=False
        Whether a Keras loss compares several labels a row; families know by themselves.
    own_activation : str or None, default=None
        Activation to the output of a user's own model, where this is not the response: metrics
        that the user wrote see it, as Keras shows it to them.
    """

    family: Any
    score: str
    threshold: float = 0.0
    multilabel: bool = False
    own_activation: str | None = None

    def shown_to(self, metric, output):
        """What a metric compares with the target."""
        if metric.is_users and self.own_activation is not None:
            return keras_activation(self.own_activation)(output)
        return self.respond(output)

    def respond(self, output):
        """Probabilities or means of a network's output."""
        return keras_activation(self.family.activation)(output)

    def score_sums(self, y, output, weight):
        """Vector of sums over rows from which :meth:`finish_score` computes the score."""
        from keras import ops

        if self.score == "accuracy":
            multilabel = self.multilabel or self.family.name == "multilabel"
            if output.shape[-1] == 1 or multilabel:
                hit = ops.equal(output > self.threshold, y > 0.5)
                hit = ops.all(hit, axis=-1)
            else:
                hit = ops.equal(ops.argmax(output, axis=-1), ops.argmax(y, axis=-1))
            return ops.reshape(ops.sum(weight * ops.cast(hit, weight.dtype)), (1,))
        if self.score == "r2":
            return ops.sum(weight[:, None] * ops.square(y - self.respond(output)), axis=0)
        return ops.zeros((1,), dtype=weight.dtype)

    def score_size(self, units: int) -> int:
        """Length of the vector of :meth:`score_sums`."""
        return units if self.score == "r2" else 1

    def score_totals(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """What the sums are measured against: the weight, or the total sum of squares."""
        if self.score == "r2":
            mean = np.average(y, axis=0, weights=weight)
            return np.sum(weight[:, None] * (y - mean) ** 2, axis=0)
        return np.array([np.sum(weight)], dtype=y.dtype)

    def finish_score(self, sums, totals):
        """Accuracy, or R2 averaged over outputs as scikit-learn's ``r2_score`` defines it."""
        from keras import ops

        if self.score != "r2":
            return sums[0] / totals[0]
        safe = ops.where(totals == 0, ops.ones_like(totals), totals)
        constant = ops.where(sums == 0, ops.ones_like(sums), ops.zeros_like(sums))
        return ops.mean(ops.where(totals == 0, constant, 1 - sums / safe))
