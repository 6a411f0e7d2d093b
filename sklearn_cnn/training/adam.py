"""Adam in the form of Keras's, without Keras's variables.

The optimizer of most fits. Keras's keeps its state in variables, which TensorFlow makes one
operation after the other: 30 ms of the first fit in a process, although programs hand all state in
and read none of it from there.
"""

from typing import Any

import numpy as np
from keras import backend, config, ops


class Adam:
    """The method of Kingma & Ba (2015), as a pure function of its state.

    Its state is laid out as that of `keras.optimizers.Adam`: iteration, learning rate, then the
    two moments of each array of weights.

    Parameters
    ----------
    shapes : list of tuple of int
        Of the arrays of weights.
    dtype : str
        Of weights and moments.
    direct : bool
        Compute square roots as powers, for which TensorFlow asks no second compiler and XLA makes
        the same instruction.

    Attributes
    ----------
    variables : list of ndarray
        The state before the first step.
    run_time_rate, beta_1, beta_2, epsilon : tensor
        Of a step: set before it.

    References
    ----------
    Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    """

    use_ema = False

    run_time_rate: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any

    def __init__(self, shapes: list[tuple[int, ...]], dtype: str, *, direct: bool):
        self.direct = direct
        counter = np.zeros((), backend.standardize_dtype("int"))
        self.variables = [counter, np.zeros((), config.floatx())]
        self.variables += [np.zeros(shape, dtype) for shape in shapes for _ in range(2)]

    def stateless_apply(self, state: list, gradients: list, weights: list) -> tuple[list, list]:
        """Weights and state after one step."""
        iteration, rate, *moments = state
        steps = ops.cast(iteration + 1, weights[0].dtype)
        # The moments start at 0 and are too small at first.
        size = self.run_time_rate * self._root(1 - ops.power(self.beta_2, steps))
        size = size / (1 - ops.power(self.beta_1, steps))
        new_weights, new_state = [], [iteration + 1, rate]
        of_arrays = zip(weights, gradients, moments[::2], moments[1::2], strict=True)
        for weight, gradient, mean, square in of_arrays:
            mean = mean + (gradient - mean) * (1 - self.beta_1)
            square = square + (ops.square(gradient) - square) * (1 - self.beta_2)
            new_weights.append(weight - mean * size / (self._root(square) + self.epsilon))
            new_state += [mean, square]
        return new_weights, new_state

    def _root(self, array):
        return ops.power(array, 0.5) if self.direct else ops.sqrt(array)
