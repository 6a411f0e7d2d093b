"""What is said while a network trains."""

import math
import sys

from .stopping import Reason


class Lines:
    """scikit-learn's lines, one or two an epoch.

    Parameters
    ----------
    tol : float
    patience : float
    early_stopping : bool
    """

    every_epoch = True

    def __init__(self, *, tol: float, patience: float, early_stopping: bool):
        self._what = "Validation score" if early_stopping else "Training loss"
        self._stall = (
            f"{self._what} did not improve more than tol={tol:f} for {patience} consecutive epochs."
        )
        self._rate: float | None = None

    def epoch_ends(self, epoch: int, logs: dict[str, float], run) -> bool:
        """Print the epoch's loss and score."""
        print(f"Iteration {epoch + 1}, loss = {logs['loss']:.8f}")
        if "score" in logs:
            print(f"Validation score: {logs['score']:f}")
        rate = float(run.watch.rate)
        if math.isclose(rate, logs["learning_rate"] / 5, rel_tol=1e-5):
            print(f"{self._stall} Setting learning rate to {rate:f}")
        return False

    def ends(self, reason: Reason) -> None:
        """Print why training ended before ``max_iter``."""
        if reason is Reason.STALLED:
            print(f"{self._stall} Stopping.")
        elif reason is Reason.RATE_TOO_SMALL:
            print(f"{self._stall} Learning rate too small. Stopping.")

    def iteration_ends(self, iteration: int, loss: float) -> None:
        """Print an iteration of L-BFGS."""
        print(f"Iteration {iteration + 1}, loss = {loss:.8f}")


class Meter:
    """One line that is written over (``verbose=1``), or a table of epochs (``verbose=2``).

    Parameters
    ----------
    max_iter : int
    table : bool
    """

    every_epoch = True

    def __init__(self, max_iter: int, *, table: bool):
        self.max_iter = max_iter
        self.table = table
        self._begun = False

    def epoch_ends(self, epoch: int, logs: dict[str, float], run) -> bool:
        """Show the epoch's numbers."""
        columns = {name: value for name, value in logs.items() if name != "learning_rate"}
        if not self.table:
            numbers = "  ".join(f"{name} {value:.4f}" for name, value in columns.items())
            sys.stdout.write(f"\rEpoch {epoch + 1}/{self.max_iter}  {numbers}   ")
            sys.stdout.flush()
        else:
            if not self._begun:
                print("epoch  " + "  ".join(f"{name:>12}" for name in columns))
            print(f"{epoch + 1:5d}  " + "  ".join(f"{v:12.6g}" for v in columns.values()))
        self._begun = True
        return False

    def ends(self, reason: Reason) -> None:
        """Close the line, and say why training ended before ``max_iter``."""
        if self._begun and not self.table:
            print()
        if reason in (Reason.STALLED, Reason.RATE_TOO_SMALL):
            print("Training ended: no more progress.")

    def iteration_ends(self, iteration: int, loss: float) -> None:
        """Show an iteration of L-BFGS."""
        self.epoch_ends(iteration, {"loss": loss}, None)


class Listeners:
    """Several listeners as one."""

    def __init__(self, listeners: list):
        self.listeners = listeners

    @property
    def every_epoch(self) -> bool:
        """Whether any of them wants to hear of every epoch."""
        return any(listener.every_epoch for listener in self.listeners)

    def begins(self, progress) -> None:
        """Tell those who want to know from where training starts."""
        for listener in self.listeners:
            if hasattr(listener, "begins"):
                listener.begins(progress)

    def epoch_ends(self, epoch: int, logs: dict[str, float], run) -> bool:
        """Tell each of them; any may end training."""
        stops = [listener.epoch_ends(epoch, logs, run) for listener in self.listeners]
        return any(stops)

    def ends(self, reason: Reason) -> None:
        """Tell each of them that training has ended."""
        for listener in self.listeners:
            listener.ends(reason)

    def final_weights(self):
        """Weights that one of them set after the last epoch, or None."""
        for listener in self.listeners:
            weights = getattr(listener, "weights_at_end", None)
            if weights is not None:
                return weights
        return None

    def iteration_ends(self, iteration: int, loss: float) -> None:
        """Tell each of them of an iteration of L-BFGS."""
        for listener in self.listeners:
            listener.iteration_ends(iteration, loss)
