"""Loss of given rows at given weights, and its gradient: nothing is trained."""

from dataclasses import replace

import numpy as np

from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS

from .lbfgs import LossShape, LossSums
from .loop import bucket, padded_rows
from .objective import Objective
from .plan import Rows

# Rows that pass through the network at a time: a convolution makes much of each.
_BLOCK = 256


def loss_and_gradients(
    architecture, objective: Objective, weights: list[np.ndarray], rows: Rows
) -> tuple[float, dict[str, np.ndarray]]:
    """Weighted mean loss of rows without penalties, dropout off, and its gradient.

    Parameters
    ----------
    architecture : Architecture
    objective : Objective
    weights : list of ndarray
        In the order of ``model.weights``.
    rows : Rows
        Dense; they are computed with in float64, so that small gradients are no rounding errors.

    Returns
    -------
    loss : float
    gradients : dict of ndarray
        By path of the weight, such as ``"hidden_0/kernel"``; trainable weights only.
    """
    backend = backends.current()
    architecture = replace(architecture, dtype="float64")
    n_rows = bucket(rows.n_rows)
    block = n_rows
    while block > _BLOCK:
        block //= 2
    shape = LossShape(architecture, objective, n_rows, block, rows.offset is not None)
    with backend.precision("float64"):
        program = PROGRAMS.get(shape, lambda: LossSums(shape, backend))
        network = program.network
        trainable, others = network.split([w.astype(np.float64) for w in weights], 0)
        vector = np.concatenate([np.ravel(weight) for weight in trainable])
        data = padded_rows(rows, n_rows, np.dtype("float64"), backend)
        others = [backend.array(value) for value in others]
        loss, gradient = program.run(backend.array(vector), others, data)
    total = float(rows.n_rows if rows.weight is None else np.sum(rows.weight))
    paths = [variable.path for variable in network.trainable]
    pieces = network.unflatten(np.asarray(gradient) / total)
    return float(loss) / total, dict(zip(paths, pieces, strict=True))
