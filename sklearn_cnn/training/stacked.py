"""Epochs of many networks in one program: the epoch of one, over a leading axis of networks."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import ops

from .epochs import Data, Epochs, ProgramShape, Sums, ValidationSums, _map
from .network import Network
from .steps.supervised import Batch


@dataclass(frozen=True)
class StackShape:
    """All that shapes the program of a stack: the key of the program cache.

    Parameters
    ----------
    epoch : ProgramShape
        What an epoch of each of the networks is.
    n_networks : int
    rooms : tuple of int
        Distinct arrays for which the common ones have room.
    even : bool
        Whether all networks have as many batches an epoch.
    masked : bool
        Whether some networks lack some of the units.
    length : int
        Rows for which each of the common arrays has room.
    """

    epoch: ProgramShape
    n_networks: int
    rooms: tuple
    even: bool
    masked: bool
    length: int


class Places(NamedTuple):
    """Where in the common arrays the rows of a network begin."""

    x: Any
    y: Any
    weight: Any
    offset: Any


class StackedEpochs(Epochs):
    """The program of a stack.

    Each argument and result of :class:`Epochs` has a leading axis of networks, but for the data:
    these lie one after the other in common arrays, each once, and ``places`` tells each network
    where its own begin. A network that has stopped, or has fewer batches or epochs than others,
    keeps its state.

    Attributes
    ----------
    run : callable
        ``run(state, watch, best, data, validation, places, validation_places, orders, controls)``
        returns ``(state, watch, best, records, n_done)``; ``orders`` has the axes epoch, network,
        row, ``records`` epoch, network, column.
    """

    def __init__(self, shape: StackShape, backend):
        self.n_networks, self.even = shape.n_networks, shape.even
        super().__init__(shape.epoch, backend)
        self.run = backend.compile(self._run_stack, shape.epoch.executor, shape)

    def _network(self, backend) -> Network:
        architecture = self.shape.architecture
        as_they_are = backend.stacks_convolutions and not backend.convolves_in_patches
        patches = not (architecture.wants_xla or as_they_are)
        return Network(architecture, patches=patches, direct=self._direct(backend))

    def _run_stack(
        self, state, watch, best, data, validation, places, validation_places, orders, controls
    ):
        n_epochs = self.shape.n_epochs
        records = ops.zeros((n_epochs, self.n_networks, len(self.columns)), self.dtype)
        n_done = ops.zeros((self.n_networks,), "int32")

        def trains(epoch, watch):
            return ops.logical_and(epoch < controls.n_epochs, ops.equal(watch.reason, 0))

        def any_trains(epoch, state, watch, best, records, n_done):
            return ops.any(trains(epoch, watch))

        def body(epoch, state, watch, best, records, n_done):
            training = trains(epoch, watch)
            state, watch, best, record = self._epoch_of_all(
                training,
                (state, watch, best),
                (data, places),
                (validation, validation_places),
                orders[epoch],
                controls,
            )
            records = ops.slice_update(records, (epoch, epoch * 0, epoch * 0), record[None])
            return epoch + 1, state, watch, best, records, n_done + ops.cast(training, "int32")

        start = ops.cast(0, "int32")
        _, state, watch, best, records, n_done = ops.while_loop(
            any_trains, body, (start, state, watch, best, records, n_done)
        )
        return state, watch, best, records, n_done

    def _epoch_of_all(self, training, before, data, validation, order, controls):
        state, watch, best = before
        n_batches = ops.where(training, controls.n_batches, controls.n_batches * 0)
        state, sums = self._train_all(
            training, state, *data, order, watch.rate, controls, n_batches
        )
        validation_sums: Any = ()
        if self.shape.validation_bucket:
            validation_sums = self._validate_all(state, *validation)

        def end(training, state, watch, best, sums, validation_sums, controls):
            _, new_watch, new_best, record = self._end(
                state, watch, best, sums, validation_sums or None, controls
            )
            watch, best = _keep(training, (new_watch, new_best), (watch, best))
            return watch, best, record

        watch, best, record = self.backend.stacked(end)(
            training, state, watch, best, sums, validation_sums, controls
        )
        return state, watch, best, record

    def _train_all(self, training, state, data: Data, places, order, rate, controls, n_batches):
        size = self.shape.batch_size
        numbers = controls.numbers._replace(rate=rate)

        def step_of_one(present, state, sums, rows, numbers, places):
            batch, n_real = self._batch_of_one(data, rows, places)
            new_state, metrics, loss = self.rule.step(state, sums.metrics, batch, numbers)
            new = new_state, Sums(sums.loss + loss * n_real, metrics)
            # To choose at every step costs a copy of the state: a third of the time of a step.
            return new if self.even else _keep(present, new, (state, sums))

        def step(carry, i, n_rows=size, takes_part=None):
            state, sums = carry
            rows = ops.slice(order, (i * 0, i * size), (self.n_networks, n_rows))
            present = i < n_batches if takes_part is None else takes_part
            return self.backend.stacked(step_of_one)(present, state, sums, rows, numbers, places)

        start = carry = state, self._for_all(self.no_sums())
        n_steps = ops.max(n_batches)
        carry = self.backend.fold(step, carry, n_steps, self.shape.executor)
        if self.shape.remainder:
            # What remains stands behind the place of the last whole batch of all networks.
            last = ops.cast(self.n_whole_batches, "int32")
            carry = step(carry, last, self.shape.remainder, training)
        if self.even:
            carry = self.backend.stacked(_keep)(training, carry, start)
        return carry

    @property
    def n_whole_batches(self) -> int:
        """Whole batches for which an order has room."""
        return -(-self.shape.row_bucket // self.shape.batch_size)

    def _batch_of_one(self, data: Data, rows, places: Places):
        present = ops.cast(rows >= 0, self.dtype)
        rows = ops.maximum(rows, 0)
        x, y, weight, offset = self._taken(data, rows, places)
        weight = present if weight is None else weight * present
        return Batch(x, y, weight, offset, 1 / ops.sum(weight)), ops.sum(present)

    def _taken(self, data: Data, rows, places: Places) -> Data:
        return Data(
            *(
                _map(lambda array, place=place: self.backend.take(array, rows + place), part)
                for part, place in zip(data, places, strict=True)
            )
        )

    def _validate_all(self, state, data: Data, places: Places):
        size = self.shape.validation_batch
        positions = ops.arange(size, dtype="int32")

        def validate_one(state, sums, places, start):
            part = self._taken(data, start + positions, places)
            return self._validation_step(state, sums, part)

        def step(sums, i):
            starts = ops.full((self.n_networks,), 0, "int32") + i * size
            return self.backend.stacked(validate_one)(state, sums, places, starts)

        sums = self._for_all(self.no_validation_sums())
        n_steps = self.shape.validation_bucket // size
        if n_steps == 1:
            return step(sums, 0)
        return self.backend.fold(step, sums, n_steps, self.shape.executor)

    def _validation_step(self, state, sums: ValidationSums, part: Data) -> ValidationSums:
        trainable = self.rule.unpack(state.trainable)
        return self.validation_step(trainable, state.non_trainable, sums, part)

    def _for_all(self, sums):
        n = self.n_networks
        return keras.tree.map_structure(
            lambda array: ops.broadcast_to(array[None], (n, *array.shape)), sums
        )


def _keep(condition, new, old):
    """``new`` where ``condition`` holds, array by array through tuples and lists."""
    if isinstance(new, tuple) and hasattr(new, "_fields"):
        return type(new)(*(_keep(condition, n, o) for n, o in zip(new, old, strict=True)))
    if isinstance(new, list | tuple):
        return type(old)(_keep(condition, n, o) for n, o in zip(new, old, strict=True))
    return ops.where(condition, new, old)
