"""Epochs that end with their loss alone: the program holds batches only, the host judges.

XLA compiles each small piece of code by itself, 13 ms of two cores each on the CPU. Sums, records
and the stopping rule of an epoch were a third of the pieces of a small network's program: its first
fit took 0.74 s with them, and takes 0.50 s. Where training ends within a call, the call is made
again for the epochs up to there.
"""

import math
import time
from typing import Any

import numpy as np
from keras import ops

from .epochs import Data, Epochs
from .loop import Run
from .steps.supervised import Numbers
from .stopping import ON_HOST, Reason, Rule, Watch, after_epoch


class PlainEpochs(Epochs):
    """The program of a shape whose epochs are plain.

    Attributes
    ----------
    run : callable
        ``run(state, losses, data, order, inverses, n_batches, numbers)`` returns
        ``(state, losses)``: ``n_batches`` of however many epochs stand one after the other in
        ``order``; ``inverses`` has 1 / the rows of each, ``losses`` takes its mean loss.
    """

    def __init__(self, shape, backend):
        super().__init__(shape, backend)
        self.run = backend.compile(self._run_batches, shape.executor, shape)

    def _run_batches(self, state, losses, data: Data, order, inverses, n_batches, numbers: Numbers):
        size = self.shape.batch_size
        start, iterations = state.step, state.slots[0]

        def step(carry, i):
            state, losses = carry
            batch = self._batch(
                data,
                ops.slice(order, (i * size,), (size,)),
                ops.reshape(ops.slice(inverses, (i,), (1,)), ()),
            )
            passed = iterations + ops.cast(i, iterations.dtype)
            state = state._replace(step=start + i, slots=[passed, *state.slots[1:]])
            state, _, loss = self.rule.step(state, [], batch, numbers)
            # The host counts: a counter that is carried is one more piece of code.
            state = state._replace(step=start, slots=[iterations, *state.slots[1:]])
            return state, ops.slice_update(losses, (i,), ops.reshape(loss, (1,)))

        return self.backend.fold(step, (state, losses), n_batches, self.shape.executor)


class PlainRun(Run):
    """A fit whose epochs the host ends."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.watch = Watch(*map(_on_host, self.watch))
        shape = self.program.shape
        self._n_batches = -(-self.n_rows // shape.batch_size)
        self._rows_of_batches = np.full(self._n_batches, shape.batch_size)
        self._rows_of_batches[-1] -= self._n_batches * shape.batch_size - self.n_rows
        # Batches for which a call has room.
        self._room = -(-shape.row_bucket // shape.batch_size) * shape.n_epochs

    def _call(self, orders: np.ndarray, n_epochs: int) -> int:
        started = time.perf_counter()
        before, rule = self.state, Rule(*map(_on_host, self._rule))
        n_rows, policy = self.dtype.type(self.n_rows), self.program.shape.policy
        records: list[Any] = []
        with np.errstate(over="ignore", invalid="ignore"):  # the rule looks for what diverges
            for loss in self._losses(orders):
                records.append((loss, self.watch.rate))
                self.watch, _ = after_epoch(self.watch, loss, loss, n_rows, rule, policy, ON_HOST)
                if self.watch.reason != Reason.RUNNING:
                    break
        if len(records) < n_epochs:  # the same once more, up to where training ends
            self.state = before
            self._losses(orders[: len(records)])
        self._note(np.array(records), time.perf_counter() - started)
        return len(records)

    def _losses(self, orders: np.ndarray) -> np.ndarray:
        """Train on rows in these orders; the loss of each epoch."""
        array, size = self.backend.array, self.program.shape.batch_size
        of_epochs = len(orders), self._n_batches
        n_batches = math.prod(of_epochs)
        order = np.full((self._room, size), -1, dtype=np.int32)
        order[:n_batches].reshape(len(orders), -1)[:, : self.n_rows] = orders
        inverses = np.ones(self._room, self.dtype)
        inverses[:n_batches] = np.tile(1 / self._rows_of_batches, len(orders))
        self.state, losses = self.program.run(
            self.state,
            array(np.zeros(self._room, self.dtype)),
            self.data,
            array(order.ravel()),
            array(inverses),
            array(np.int32(n_batches)),
            self._numbers._replace(rate=array(self.watch.rate)),
        )
        step, (iterations, *slots) = self.state.step, self.state.slots
        self.state = self.state._replace(
            step=array(np.asarray(step) + np.int32(n_batches)),
            slots=[array(np.asarray(iterations) + n_batches), *slots],
        )
        losses = np.asarray(losses)[:n_batches].reshape(of_epochs)
        # Summed in the order and the precision of a program.
        sums = np.add.accumulate(losses * self._rows_of_batches.astype(self.dtype), axis=1)
        return sums[:, -1] * self.dtype.type(1 / self.n_rows)


def _on_host(value):
    return np.asarray(value)[()]
