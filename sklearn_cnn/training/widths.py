"""Dense networks of unequal widths in one program: the narrow ones get units that are not there.

The weights into and out of such a unit are 0, and their gradients are multiplied by 0, so that they
stay so. What it adds to the sums of other units is 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from sklearn_cnn.architectures import Architecture, with_hidden_sizes, works_unit_by_unit

from .loop import rounded_up
from .plan import Plan, Progress, Result


def open_widths(plan: Plan) -> Architecture | None:
    """The architecture without its widths, or None where no units may be added.

    Fits in which it is the same can share a program. Dropout is drawn by a unit's place among all
    of its layer.
    """
    architecture = plan.architecture
    if not plan.solver.description.elementwise or architecture.has_dropout:
        return None
    if not works_unit_by_unit(architecture):
        return None
    return with_hidden_sizes(architecture, (1,) * len(architecture["hidden_layer_sizes"]))


def wide_enough(architectures: Sequence[Architecture]) -> Architecture | None:
    """The architecture whose layers have room for those of all, or None if it is too large.

    Equal ones have room as they are. Others are rounded up by an eighth at most, so that programs
    stay few.
    """
    from .steps.supervised import LARGEST_FLAT

    first, *others = architectures
    if all(other == first for other in others):
        return first
    widths = zip(*(one["hidden_layer_sizes"] for one in architectures), strict=True)
    wide = with_hidden_sizes(first, tuple(rounded_up(max(layer)) for layer in widths))
    return wide if n_weights(wide) <= LARGEST_FLAT else None


def n_weights(architecture: Architecture) -> int:
    """How many weights training changes."""
    return sum(math.prod(p.shape) for p in architecture.parameters if p.trainable)


def clusters(
    widths: Sequence[Architecture], cost: Callable[[Architecture, list[int]], float]
) -> list[tuple[Architecture, list[int]]]:
    """Which of several architectures, by their numbers, become one program.

    Parameters
    ----------
    widths : sequence of Architecture
        Alike but for their widths.
    cost : callable
        ``cost(architecture, numbers)``: seconds of a program for those, compiling included.

    Returns
    -------
    list of (Architecture, list of int)
        From narrow to wide.
    """
    numbers: dict[Architecture, list[int]] = {}
    for number, architecture in enumerate(widths):
        numbers.setdefault(architecture, []).append(number)
    found = sorted(numbers.items(), key=lambda item: n_weights(item[0]))
    costs = [cost(*one) for one in found]
    while len(found) > 1:
        # Of neighbours, those that gain most by sharing.
        gains = []
        for i, (one, other) in enumerate(pairwise(found)):
            together = [*one[1], *other[1]]
            wide = wide_enough([widths[number] for number in together])
            if wide is not None:
                price = cost(wide, together)
                gains.append((costs[i] + costs[i + 1] - price, i, price, (wide, together)))
        if not gains:
            break
        gain, i, price, merged = max(gains, key=lambda one: one[0])
        if gain <= 0:
            break
        found[i : i + 2], costs[i : i + 2] = [merged], [price]
    return [(architecture, sorted(numbers)) for architecture, numbers in found]


class Widening:
    """Where the weights of a network lie among those of a wider one.

    Parameters
    ----------
    program : Epochs
        Of the wider network; its weights are one vector.
    weights : list of ndarray
        Of the narrower, in the order of ``model.weights``.
    """

    def __init__(self, program, weights: list[np.ndarray]):
        self.program = program
        own, _ = program.network.split(weights, 0)
        self.n_own = sum(array.size for array in own)
        places, start = [], 0
        for array, shape in zip(own, program.network.shapes(), strict=True):
            grid = np.indices(array.shape).reshape(array.ndim, -1)
            places.append(start + np.ravel_multi_index(tuple(grid), shape))
            start += math.prod(shape)
        self.places = np.concatenate(places)
        self.n_wide = start
        self._corners = [tuple(slice(n) for n in array.shape) for array in weights]

    def present(self) -> np.ndarray:
        """1 for each weight of the wider network that is one of the narrower, else 0."""
        present = np.zeros(self.n_wide, self.program.dtype)
        present[self.places] = 1
        return present

    def widen(self, progress: Progress) -> Progress:
        """Where the wider network starts."""
        variables = self.program.network.model.weights
        weights = []
        for array, corner, variable in zip(progress.weights, self._corners, variables, strict=True):
            wide = np.zeros(tuple(variable.shape), array.dtype)
            wide[corner] = array
            weights.append(wide)
        if progress.slots is None:
            return replace(progress, weights=weights)
        trainable, _ = self.program.network.split(weights, 0)
        slots = []
        for slot, initial in zip(
            progress.slots, self.program.rule.initial_slots(trainable), strict=True
        ):
            if slot.shape == (self.n_own,):
                wide = np.array(initial)
                wide[self.places] = slot
                slot = wide
            slots.append(slot)
        return replace(progress, weights=weights, slots=slots)

    def narrow(self, result: Result) -> Result:
        """What the narrower network ended with."""
        progress, best = result.progress, result.best_weights
        slots = [
            slot[self.places] if slot.shape == (self.n_wide,) else slot
            for slot in progress.slots or []
        ]
        progress = replace(progress, weights=self._cut(progress.weights), slots=slots)
        return replace(
            result, progress=progress, best_weights=None if best is None else self._cut(best)
        )

    def _cut(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        return [
            np.ascontiguousarray(array[corner])
            for array, corner in zip(weights, self._corners, strict=True)
        ]
