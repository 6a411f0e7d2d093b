"""How training went: loss, scores and metrics by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from ._axes import panels
from ._network import check_is_network

# Told apart in grey too: dark and solid, light and dashed.
_TRAINING = {"color": "#08306b", "linestyle": "-"}
_VALIDATION = {"color": "#f58518", "linestyle": "--"}
# Recorded, but no measure of how well the network does.
_NOT_DRAWN = ("learning_rate", "seconds")
_LABELS = {"r2": "R²", "acc": "Accuracy", "auc": "AUC", "mae": "MAE", "mape": "MAPE", "mse": "MSE"}


class HistoryDisplay:
    """Loss, scores and metrics of a network by epoch, training and validation in one picture.

    Use :meth:`from_estimator` to make one. `plot` gives each quantity its own panel, training
    solid and dark, validation dashed and light, and marks the epoch whose weights were kept.

    Parameters
    ----------
    history : dict of sequence of float
        One value an epoch. ``"val_loss"`` is drawn beside ``"loss"``, and so for every metric.
    best_epoch : int or None, default=None
        Epoch, counted from 1, whose weights were kept; None where those of the last were.
    step : str, default="epoch"
        What one value stands for.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels, one a quantity, from top to bottom.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure that holds them.
    lines_ : dict of matplotlib Line2D
        The lines by name of the quantity: ``"loss"``, ``"val_loss"`` ...
    best_lines_ : list of matplotlib Line2D
        Vertical lines at the best epoch, one a panel; empty without.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_cnn import HistoryDisplay, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier(max_iter=20, early_stopping=True, random_state=0).fit(X, y)
    >>> display = HistoryDisplay.from_estimator(mlp)
    >>> list(display.lines_)
    ['loss', 'val_loss', 'val_accuracy']
    """

    __module__ = "sklearn_cnn"

    def __init__(
        self,
        *,
        history: Mapping[str, Sequence[float]],
        best_epoch: int | None = None,
        step: str = "epoch",
    ):
        self.history = history
        self.best_epoch = best_epoch
        self.step = step

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        training_kwargs: dict[str, Any] | None = None,
        validation_kwargs: dict[str, Any] | None = None,
    ) -> "HistoryDisplay":
        """Draw the history of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted network of this package.
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for each quantity, or one that is divided among them.
        training_kwargs, validation_kwargs : dict, default=None
            Passed to ``matplotlib``'s ``plot`` for the lines of training and validation.

        Returns
        -------
        HistoryDisplay
        """
        check_is_network(estimator, cls)
        history = dict(estimator.history_)
        scores = getattr(estimator, "validation_scores_", None)
        name = _score_name(estimator)
        if scores is not None and name is not None:
            history.setdefault(f"val_{name}", list(scores))
        step = "iteration" if estimator.solver == "lbfgs" else "epoch"
        return cls(history=history, best_epoch=_best_epoch(estimator), step=step).plot(
            ax, training_kwargs=training_kwargs, validation_kwargs=validation_kwargs
        )

    def plot(
        self,
        ax: Any = None,
        *,
        training_kwargs: dict[str, Any] | None = None,
        validation_kwargs: dict[str, Any] | None = None,
    ) -> "HistoryDisplay":
        """Draw a panel for each quantity.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for each quantity, or one that is divided among them.
        training_kwargs, validation_kwargs : dict, default=None
            Passed to ``matplotlib``'s ``plot`` for the lines of training and validation.

        Returns
        -------
        HistoryDisplay
            Itself, with ``axes_``, ``figure_`` and ``lines_``.
        """
        from matplotlib.ticker import MaxNLocator

        names = [name for name in self.history if name not in _NOT_DRAWN]
        quantities = list(dict.fromkeys(name.removeprefix("val_") for name in names))
        self.figure_, self.axes_ = panels(
            ax, len(quantities), columns=1, panel=(6.4, 4.8 if len(quantities) == 1 else 2.9)
        )
        self.ax_ = self.axes_[0]
        self.lines_, self.best_lines_ = {}, []
        for axes, quantity in zip(self.axes_, quantities, strict=True):
            for name, label, style in (
                (quantity, "training", _TRAINING | (training_kwargs or {})),
                (f"val_{quantity}", "validation", _VALIDATION | (validation_kwargs or {})),
            ):
                if name not in self.history:
                    continue
                values = np.asarray(self.history[name], dtype=float)
                marker = {"marker": "o"} if len(values) == 1 else {}
                (self.lines_[name],) = axes.plot(
                    np.arange(1, len(values) + 1), values, **{"label": label, **marker, **style}
                )
            if self.best_epoch is not None:
                self.best_lines_.append(
                    axes.axvline(
                        self.best_epoch,
                        color="0.5",
                        linestyle=":",
                        label=f"weights kept: {self.step} {self.best_epoch}",
                    )
                )
            axes.set_ylabel(_sentence(quantity))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend()
        self.axes_[-1].set_xlabel(_sentence(self.step))
        return self


def _score_name(estimator: Any) -> str | None:
    """What the validation scores of an estimator are."""
    if is_classifier(estimator):
        return "accuracy"
    return "r2" if is_regressor(estimator) else None


def _best_epoch(estimator: Any) -> int | None:
    """The first epoch, counted from 1, that no other surpassed; None without validation data."""
    watched = estimator.history_.get("val_loss")
    if watched is None:
        return None
    if estimator.monitor == "score":
        watched = [-score for score in estimator.validation_scores_]
    finite = np.where(np.isfinite(watched), watched, np.inf)
    return int(np.argmin(finite)) + 1 if np.isfinite(finite).any() else None


def _sentence(name: str) -> str:
    """A name of Keras as a label: "mean_absolute_error" as "Mean absolute error"."""
    if name in _LABELS:
        return _LABELS[name]
    words = name.replace("_", " ")
    return words if any(letter.isupper() for letter in words) else words.capitalize()
