"""A Keras model as a pure function of its weights."""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
from keras import ops

from sklearn_cnn.compat import seeded_keras, training_argument, without_values

from .direct_layers import with_direct_layers
from .noise import Draw, drawing, with_counted_noise
from .stackable import in_stackable_form


class Network:
    """The model of an architecture, called with weights that are handed in.

    Parameters
    ----------
    architecture : Architecture
        Its model is built here, once: programs own their weights, and the model has none.
    patches : bool, default=False
        Compute convolutions as patches and one product, which can be stacked over networks.
    direct : bool, default=False
        Compute dense layers in operations that XLA takes without another compiler's help.
    with_values : bool, default=False
        Whether the model's own variables must have values, because Keras trains them.
    """

    def __init__(
        self,
        architecture,
        *,
        patches: bool = False,
        direct: bool = False,
        with_values: bool = False,
    ):
        self.architecture = architecture
        self.direct = direct
        valued = with_values or not architecture.has_known_layers
        made = nullcontext() if valued else without_values()
        with made, seeded_keras(0):  # layers of the copy draw the seeds that they leave open
            self.model = with_counted_noise(architecture.build(linear_output=True))
            if patches:
                self.model = in_stackable_form(self.model)
            if direct:
                self.model = with_direct_layers(self.model)
        self.trainable = list(self.model.trainable_variables)
        self.non_trainable = list(self.model.non_trainable_variables)
        self.penalised: list[Any] = [
            "kernel" in variable.path.split("/")[-1] for variable in self.trainable
        ]
        places = {id(v): (True, i) for i, v in enumerate(self.trainable)}
        places |= {id(v): (False, i) for i, v in enumerate(self.non_trainable)}
        self._places = [places[id(variable)] for variable in self.model.weights]
        weights = {id(variable) for variable in self.model.weights}
        self.seeds = [i for i, v in enumerate(self.non_trainable) if id(v) not in weights]

    def split(self, weights: list[np.ndarray], seed: int) -> tuple[list, list]:
        """Weights in the order of ``model.weights`` as (trainable, non-trainable).

        The states of Keras's own seed generators, which are no weights, start from ``seed``.
        """
        trainable: list[Any] = [None] * len(self.trainable)
        non_trainable: list[Any] = [None] * len(self.non_trainable)
        for (is_trainable, i), weight in zip(self._places, weights, strict=True):
            (trainable if is_trainable else non_trainable)[i] = weight
        for number, i in enumerate(self.seeds):
            dtype = np.dtype(str(self.non_trainable[i].dtype))
            non_trainable[i] = np.array([(seed + number) % 2**31, 0], dtype=dtype)
        return trainable, non_trainable

    def join(self, trainable: list, non_trainable: list) -> list[np.ndarray]:
        """The inverse of :meth:`split`, as NumPy arrays that nobody else holds."""
        return [
            np.array((trainable if is_trainable else non_trainable)[i])
            for is_trainable, i in self._places
        ]

    def __call__(self, trainable, non_trainable, x, *, draw: Draw | None = None):
        """Output, new non-trainable values and the sum of the layers' own penalties."""
        with drawing(draw):
            output, non_trainable, penalties = self.model.stateless_call(
                trainable,
                non_trainable,
                x,
                return_losses=True,
                **training_argument(self.model, draw is not None),
            )
        output = ops.cast(as_rows(output), self.architecture.dtype)
        return output, non_trainable, sum(penalties, start=0.0)

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the trainable variables."""
        return [tuple(variable.shape) for variable in self.trainable]

    @property
    def size(self) -> int:
        """Number of trainable weights."""
        return sum(int(np.prod(shape)) for shape in self.shapes())

    def kernel_mask(self) -> np.ndarray:
        """1 where the vector of :meth:`flatten` holds a kernel, 0 elsewhere."""
        shares = [
            np.full(int(np.prod(shape)), float(penalised), dtype=self.architecture.dtype)
            for shape, penalised in zip(self.shapes(), self.penalised, strict=True)
        ]
        return np.concatenate(shares)

    def flatten(self, trainable) -> Any:
        """Trainable arrays as one vector."""
        return ops.concatenate([_in_shape(array, (-1,)) for array in trainable])

    def unflatten(self, vector) -> list:
        """One vector as trainable arrays: tensors of a tensor, views of a NumPy array."""
        pieces, start = [], 0
        for shape in self.shapes():
            size = math.prod(shape)
            # Outside of programs NumPy cuts: JAX would compile each slice.
            if isinstance(vector, np.ndarray):
                piece = vector[start : start + size]
            else:
                piece = ops.slice(vector, (start,), (size,))
            pieces.append(_in_shape(piece, shape))
            start += size
        return pieces


def _in_shape(array, shape: tuple[int, ...]):
    if len(array.shape) == len(shape) == 1:
        return array
    return array.reshape(shape) if isinstance(array, np.ndarray) else ops.reshape(array, shape)


def as_rows(output):
    """The output of a network, a picture too, as one row of numbers a sample, as targets are."""
    output = output[0] if isinstance(output, list | tuple) else output
    return output if len(output.shape) == 2 else ops.reshape(output, (ops.shape(output)[0], -1))
