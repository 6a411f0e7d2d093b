"""Gradient descent on the loss of rows: the learning rule of every supervised network."""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from keras import Variable, ops

from sklearn_cnn.compat import places_of_averages, scheduled_rate

from ..adam import Adam
from ..network import Network
from ..noise import Draw

# One optimizer loop over one vector saves more than slicing costs, but only for small networks:
# at 784-512-10 the slices cost 4200 us a step against 1400 with separate tensors.
LARGEST_FLAT = 100_000


def in_one_vector(optimizer, trainable: list) -> bool:
    """Whether trainable variables, and the slots of each kind, are carried as one vector."""
    size = sum(math.prod(variable.shape) for variable in trainable)
    return optimizer.elementwise and 0 < size <= LARGEST_FLAT and not _any_constrained(trainable)


def _any_constrained(trainable: list) -> bool:
    """Whether Keras's optimizers put weights back into a range after each step."""
    return any(variable.constraint is not None for variable in trainable)


class State(NamedTuple):
    """All that training changes."""

    trainable: Any  # list of arrays; one vector where the optimizer works element by element
    non_trainable: Any
    slots: Any  # the optimizer's variables
    step: Any  # int32, counts batches for the counter of dropout


class Batch(NamedTuple):
    """Rows of one step. Padding rows weigh 0."""

    x: Any
    y: Any
    weight: Any
    offset: Any  # added to the linear output, or None
    inverse: Any  # 1 / sum of weights: a product is compiled into its user, a quotient stands alone


class Numbers(NamedTuple):
    """Run-time inputs of a step: changing them compiles nothing."""

    alpha: Any
    l1: Any
    dropout: Any
    key: Any
    rate: Any
    optimizer: Any  # values of the optimizer's own run-time numbers, e.g. betas
    present: Any = ()  # 1 for weights in one vector that are there, 0 for others; () if all are


class SupervisedLoss:
    """The loss of a batch and its gradients.

    Parameters
    ----------
    network : Network
    objective : Objective
    backend : Backend
    l2, l1 : bool
        Whether the penalties are part of the program.
    """

    def __init__(self, network: Network, objective, backend, *, l2: bool, l1: bool):
        self.network = network
        self.objective = objective
        self.l2, self.l1 = l2, l1
        # For each array of weights whether it is penalised; a mask for weights in one vector.
        self.penalised = network.penalised
        self._value_and_grad = backend.value_and_grad(self._batch_loss)
        self._forward = backend.pullback(self._outputs)

    def _outputs(self, trainable, non_trainable, batch, draw):
        """Output and, if there are any, the layers' own penalties; new non-trainable values."""
        output, non_trainable, own_penalties = self.network(
            trainable, non_trainable, batch.x, draw=draw
        )
        output = output if batch.offset is None else output + batch.offset
        there_are_none = isinstance(own_penalties, float)
        return [output] if there_are_none else [output, own_penalties], non_trainable

    def _batch_loss(self, trainable, non_trainable, batch, draw):
        outputs, non_trainable = self._outputs(trainable, non_trainable, batch, draw)
        output, *own_penalties = outputs
        losses = self.objective.family.loss(batch.y, output)
        loss = ops.sum(batch.weight * losses) * batch.inverse
        return sum(own_penalties, start=loss), (outputs, non_trainable)

    def _from_residuals(self, trainable, non_trainable, batch, draw):
        """The same with its gradients, where the slope of a row's loss is mean - y.

        Not for other losses: those of Keras look back through a last softmax at what it was made
        of, and have no slope at its result.
        """
        outputs, non_trainable, pull = self._forward(trainable, non_trainable, batch, draw)
        output, *own_penalties = outputs
        losses, mean = self.objective.family.loss_and_mean(batch.y, output)
        loss = ops.sum(batch.weight * losses) * batch.inverse
        share = ops.expand_dims(batch.weight * batch.inverse, -1)
        # As a product with the difference, XLA would compute it once for each of its users.
        slope = mean * share - batch.y * share
        gradients = pull([slope, *map(ops.ones_like, own_penalties)])
        return (sum(own_penalties, start=loss), (outputs, non_trainable)), gradients

    def data_gradient(self, trainable, non_trainable, batch, draw):
        """Reported loss without penalties on kernels, gradients, output, non-trainable values.

        scikit-learn reports the mean over outputs of squared errors and descends their sum.
        """
        family = self.objective.family
        gradient = self._from_residuals if family.slope_is_residual else self._value_and_grad
        (loss, (outputs, non_trainable)), gradients = gradient(
            trainable, non_trainable, batch, draw
        )
        output, *own_penalties = outputs
        scale, own = family.loss_scale(output.shape[-1]), sum(own_penalties)
        loss = loss if scale == 1 else scale * (loss - own) + own
        return loss, gradients, output, non_trainable

    def add_penalty(self, loss, gradients, weights, numbers: Numbers, inverse):
        """Loss and gradients with the penalties on kernels, over the rows' weight."""
        gradients = list(gradients)
        for i, (weight, penalised) in enumerate(zip(weights, self.penalised, strict=True)):
            if penalised is False:
                continue
            kernel = weight if penalised is True else weight * penalised
            if self.l2:
                share = numbers.alpha * inverse
                loss = loss + share * _sum_of_squares(kernel) * 0.5
                gradients[i] = gradients[i] + kernel * share
            if self.l1:
                share = numbers.l1 * inverse
                loss = loss + share * ops.sum(ops.abs(kernel))
                gradients[i] = gradients[i] + ops.sign(kernel) * share
        return loss, gradients


class Supervised(SupervisedLoss):
    """The learning rule of a network, an objective and an optimizer.

    Parameters
    ----------
    network, objective, backend, l2, l1
        As in :class:`SupervisedLoss`.
    optimizer : OptimizerDescription
    metrics : tuple of MetricDescription
    """

    def __init__(self, network: Network, objective, optimizer, backend, *, l2, l1, metrics=()):
        super().__init__(network, objective, backend, l2=l2, l1=l1)
        self.flat = in_one_vector(optimizer, network.trainable)
        self.metrics = [metric.build(network.architecture.dtype) for metric in metrics]
        self._metric_descriptions = metrics
        self._optimizer_description = optimizer
        self.optimizer = self._built(optimizer, backend)
        self._slots: list[np.ndarray] | None = None
        if self.flat:
            self.penalised = [network.kernel_mask()]

    def _built(self, description, backend):
        """The optimizer, built for the arrays that training carries."""
        network, dtype = self.network, self.network.architecture.dtype
        shapes = [(network.size,)] if self.flat else network.shapes()
        if description.is_plain_adam and not _any_constrained(network.trainable):
            return Adam(shapes, dtype, direct=network.direct)
        optimizer = description.build(backend.pure_optimizer)
        if self.flat:
            optimizer.build([Variable(ops.zeros(*shapes, dtype), name="weights")])
        else:
            optimizer.build(network.trainable)
        return optimizer

    def initial_slots(self, trainable: list[np.ndarray]) -> list:
        """The optimizer's variables before the first step, as NumPy arrays."""
        if self._optimizer_description.starts_from_weights:
            optimizer = self._optimizer_description.build(lambda cls: cls)
            dtype = self.network.architecture.dtype
            optimizer.build([Variable(weight, dtype=dtype) for weight in trainable])
            return [np.asarray(variable) for variable in optimizer.variables]
        if self._slots is None:
            self._slots = [np.asarray(variable) for variable in self.optimizer.variables]
        return list(self._slots)

    def earlier_slots(self, slots: list[np.ndarray]) -> list:
        """Those of an earlier fit, maybe on another backend: not all count in int64."""
        types = zip(slots, self._slot_dtypes, strict=True)
        return [np.asarray(slot, dtype=dtype) for slot, dtype in types]

    @functools.cached_property
    def _slot_dtypes(self) -> list[np.dtype]:
        return [np.asarray(variable).dtype for variable in self.optimizer.variables]

    def ending(self, state: State) -> Any:
        """The weights that training ends with: averages, where the optimizer keeps them."""
        if not self.optimizer.use_ema:
            return state.trainable
        return [state.slots[place] for place in places_of_averages(self.optimizer)]

    def rate(self, state: State, rate):
        """The learning rate of the last step."""
        if not self._optimizer_description.own_rate:
            return rate
        return scheduled_rate(self.optimizer, state.slots[0] - 1)

    def initial_metrics(self) -> list:
        """The metrics' variables at the start of an epoch."""
        return [[ops.zeros(v.shape, v.dtype) for v in metric.variables] for metric in self.metrics]

    def pack(self, trainable: list[np.ndarray]) -> Any:
        """NumPy arrays in the layout in which this rule carries them."""
        if not self.flat:
            return list(trainable)
        return np.concatenate([np.ravel(array) for array in trainable])

    def unpack(self, trainable) -> list:
        """The inverse of :meth:`pack`."""
        return self.network.unflatten(trainable) if self.flat else trainable

    def step(self, state: State, metrics, batch, numbers: Numbers):
        """One step on one batch: the new state, the new metric values, the batch's loss."""
        trainable = self.unpack(state.trainable)
        own_rates = self.network.architecture.has_own_rates
        draw = Draw(numbers.key, state.step, None if own_rates else numbers.dropout)
        loss, gradients, output, non_trainable = self.data_gradient(
            trainable, state.non_trainable, batch, draw
        )
        weights = [state.trainable] if self.flat else state.trainable
        if self.flat:
            gradients = [self.network.flatten(gradients)]
            if not isinstance(numbers.present, tuple):
                gradients[0] = gradients[0] * numbers.present
        if self.l2 or self.l1:
            loss, gradients = self.add_penalty(loss, gradients, weights, numbers, batch.inverse)
        self._optimizer_description.set_numbers(self.optimizer, numbers.rate, numbers.optimizer)
        weights, slots = self.optimizer.stateless_apply(state.slots, gradients, weights)
        trainable = weights[0] if self.flat else weights
        metrics = self.update_metrics(metrics, batch.y, output, batch.weight)
        return State(trainable, non_trainable, slots, state.step + 1), metrics, loss

    def update_metrics(self, values, y, output, weight):
        """Metric variables after one more batch."""
        if not self.metrics:
            return values
        numbers = ops.argmax(y, axis=-1) if y.shape[-1] > 1 else y
        return [
            list(
                metric.stateless_update_state(
                    value,
                    numbers if described.sparse else y,
                    self.objective.shown_to(described, output),
                    sample_weight=weight,
                )
            )
            for metric, described, value in zip(
                self.metrics, self._metric_descriptions, values, strict=True
            )
        ]

    def metric_results(self, values, dtype: str) -> list:
        """Scalars of the metrics' variables."""
        return [
            ops.cast(metric.stateless_result(value), dtype)
            for metric, value in zip(self.metrics, values, strict=True)
        ]


def _sum_of_squares(array):
    # Of a vector as a product of vectors, which calls a library: XLA would compile three kernels.
    return ops.dot(array, array) if len(array.shape) == 1 else ops.sum(ops.square(array))
