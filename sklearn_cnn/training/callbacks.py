"""Callbacks of Keras and of scikit-learn on the host, between compiled epochs."""

import contextlib
import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .stopping import Reason

# Library callbacks that override batch hooks without needing batches to do their work.
_EPOCH_CALLBACKS = {
    "EarlyStopping",
    "ReduceLROnPlateau",
    "ModelCheckpoint",
    "TensorBoard",
    "CSVLogger",
    "TerminateOnNaN",
    "BackupAndRestore",
    "LambdaCallback",
    "LearningRateScheduler",
    "History",
    "RemoteMonitor",
}
_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


def own_callbacks(callbacks: Any) -> list:
    """Fresh callbacks for one fit, from instances, classes and factories.

    The user's objects are templates: a fit never changes them.
    """
    if callbacks is None:
        return []
    if not isinstance(callbacks, list | tuple):
        callbacks = [callbacks]
    return [_own(callback) for callback in callbacks]


def _own(callback: Any):
    import keras

    if isinstance(callback, keras.callbacks.Callback):
        try:
            return copy.deepcopy(callback)
        except (TypeError, ValueError, NotImplementedError):
            return copy.copy(callback)  # holds what cannot be copied, such as an open file
    made = callback() if callable(callback) else None
    if not isinstance(made, keras.callbacks.Callback):
        raise TypeError(
            "callbacks must be Keras callbacks, classes of them or functions that return one. "
            f"Got {callback!r}."
        )
    return made


def needs_batches(callback: Any) -> bool:
    """Whether a callback must be called around every batch."""
    import keras

    cls = type(callback)
    if cls.__name__ == "ModelCheckpoint" and isinstance(callback.save_freq, int):
        return True
    if cls.__module__.startswith("keras.") and cls.__name__ in _EPOCH_CALLBACKS:
        return cls.__name__ == "LambdaCallback" and any(
            hook in callback.__dict__ for hook in _BATCH_HOOKS
        )
    base = keras.callbacks.Callback
    return any(getattr(cls, hook) is not getattr(base, hook) for hook in _BATCH_HOOKS)


class KerasCallbacks:
    """A listener that plays ``keras.Model.fit`` to Keras callbacks.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
    make_model : callable
        Returns a compiled model with the weights of the fit, for callbacks to look at.
    max_iter : int
    rate : float
    """

    every_epoch = True

    def __init__(self, callbacks: list, make_model: Callable, max_iter: int, rate: float):
        import keras

        self.model = make_model()
        self.model.stop_training = False
        with contextlib.suppress(TypeError):  # a schedule decides by itself
            self.model.optimizer.learning_rate = rate
        self._list = keras.callbacks.CallbackList(
            callbacks, add_history=False, add_progbar=False, model=self.model
        )
        self._list.set_params({"epochs": max_iter, "verbose": 0, "steps": None})
        self._max_iter = max_iter
        self._logs: dict[str, float] = {}
        self.weights_at_end: list | None = None

    def begins(self, progress) -> None:
        """Call the first hooks; what they change is where training starts."""
        self.model.set_weights(progress.weights)
        if progress.rate is not None:
            with contextlib.suppress(TypeError):
                self.model.optimizer.learning_rate = progress.rate
        rate = _rate(self.model)
        self._list.on_train_begin()
        self._list.on_epoch_begin(0)
        weights = self.model.get_weights()
        if not _same(weights, progress.weights):
            progress.weights = weights
        if _rate(self.model) != rate:
            progress.rate, progress.held = _rate(self.model), True

    def epoch_ends(self, epoch: int, logs: dict[str, float], run) -> bool:
        """Call the hooks with the model of this moment; take back what they changed."""
        self._logs = {
            name: _as_keras_has_it(value)
            for name, value in logs.items()
            if name not in ("learning_rate", "score")
        }
        weights = run.weights()
        self.model.set_weights(weights)
        with contextlib.suppress(TypeError):
            self.model.optimizer.learning_rate = float(run.watch.rate)
        rate = _rate(self.model)
        self._list.on_epoch_end(epoch, dict(self._logs))
        stop = bool(self.model.stop_training)
        if not stop and epoch + 1 < self._max_iter:
            self._list.on_epoch_begin(epoch + 1)
        self._take_back(run, weights, rate)
        return stop

    def _take_back(self, run, weights, rate) -> None:
        changed = self.model.get_weights()
        if not _same(changed, weights):
            run.set_weights(changed)
        new_rate = _rate(self.model)
        if new_rate is not None and new_rate != rate:
            run.set_rate(new_rate)

    def ends(self, reason: Reason) -> None:
        """Close files and restore best weights, as callbacks do when training ends."""
        before = self.model.get_weights()
        self._list.on_train_end(dict(self._logs))
        after = self.model.get_weights()
        if not _same(before, after):
            self.weights_at_end = after

    def iteration_ends(self, iteration: int, loss: float) -> None:
        """Iterations of L-BFGS are no epochs: callbacks are not called."""


class SklearnCallbacks:
    """A listener that reports every epoch to callbacks of ``sklearn.callback``.

    Parameters
    ----------
    estimator : estimator
    context : sklearn.callback.CallbackContext
        Task of the whole fit.
    fitted_attributes : callable
        Turns weights into the attributes of an estimator that was fitted until this moment.
    max_iter : int
    X, y, metadata
        What was handed to ``fit``.
    """

    every_epoch = True

    def __init__(
        self, estimator, context, fitted_attributes: Callable, max_iter: int, X, y, metadata
    ):
        self.estimator, self.context = estimator, context
        self._max_iter = max_iter
        self.fitted_attributes = fitted_attributes
        self._handed = {"X": X, "y": y, "metadata": metadata}
        self._epoch = self._begin()

    def _begin(self):
        epoch = self.context.subcontext(task_name="epoch")
        return epoch.call_on_fit_task_begin(estimator=self.estimator, **self._handed)

    def epoch_ends(self, epoch: int, logs: dict[str, float], run) -> bool:
        """Call the hooks; one that returns True ends training."""
        stop = self._epoch.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.fitted_attributes(run.weights()),
            **self._handed,
        )
        if not stop and epoch + 1 < self._max_iter:
            self._epoch = self._begin()
        return stop

    def ends(self, reason: Reason) -> None:
        """The estimator itself reports the end of the fit."""

    def iteration_ends(self, iteration: int, loss: float) -> None:
        """Iterations of L-BFGS are no epochs."""


def _same(first: list, second: list) -> bool:
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)


def _as_keras_has_it(value: float) -> float:
    """Callbacks compare logs in float32, and fail on finite numbers beyond it."""
    return math.copysign(math.inf, value) if abs(value) > np.finfo(np.float32).max else value


def _rate(model) -> float | None:
    try:
        return float(model.optimizer.learning_rate)
    except (TypeError, ValueError, AttributeError):
        return None
