"""Batched forward passes: NumPy for dense networks, cached programs for the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_cnn import backends
from sklearn_cnn.architectures import dense_layers, numpy_activation
from sklearn_cnn.backends import PROGRAMS, Executor

# One batch shape for all rows: how a caller splits them changes no bit of the result, and no
# number of rows compiles anew.
_BATCH = 64
# Rows of a sparse X are made dense in blocks of at most this many bytes.
_DENSE_BYTES = 64 * 2**20
_EPSILON = 1e-3  # Keras's BatchNormalization


def outputs(architecture, weights: list[np.ndarray], X: Any) -> np.ndarray:
    """Linear outputs of the network, shape (n_samples, units).

    Parameters
    ----------
    architecture : Architecture
    weights : list of ndarray
        In the order of ``model.weights``.
    X : ndarray, sparse matrix, or dict or list of ndarray
        Rows of the shape that the architecture takes.
    """
    if architecture.function == "dense" and not isinstance(X, dict | list):
        forward = _numpy_pass(architecture, weights)
        if forward is not None:
            return forward(X)
    parts = [
        _compiled_pass(architecture, weights, block)
        for block in dense_blocks(X, architecture.dtype)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def dense_blocks(X: Any, dtype: str) -> Iterator[Any]:
    """X itself, or its dense blocks if it is sparse."""
    if not sparse.issparse(X):
        yield X
        return
    n_rows = max(1, _DENSE_BYTES // (max(1, X.shape[1]) * np.dtype(dtype).itemsize))
    for start in range(0, max(1, X.shape[0]), n_rows):
        yield X[start : start + n_rows].toarray()


def _numpy_pass(architecture, weights):
    """A forward pass without Keras, or None where an activation has no NumPy form."""
    layers = dense_layers(architecture)
    activations = [numpy_activation(layer.activation) for layer in layers[:-1]]
    if None in activations:
        return None

    def run(X):
        remaining = iter(weights)
        hidden = X if sparse.issparse(X) else X.reshape(len(X), -1)
        for layer, activation in zip(layers, [*activations, None], strict=True):
            hidden = hidden @ next(remaining)
            hidden = hidden.toarray() if sparse.issparse(hidden) else hidden
            hidden += next(remaining)
            if layer.batch_normalization:
                scale, offset, mean, variance = (next(remaining) for _ in range(4))
                hidden = (hidden - mean) * (scale / np.sqrt(variance + _EPSILON)) + offset
            if activation is not None:
                hidden = activation(hidden)
        return hidden

    return run


@dataclass(frozen=True)
class ForwardShape:
    """All that shapes a compiled forward pass."""

    architecture: Any
    layer: str | None = None  # its activations instead of the output


class Forward:
    """A compiled forward pass over batches of one shape."""

    def __init__(self, shape: ForwardShape, backend):
        import keras

        self.backend = backend
        model = shape.architecture.build(linear_output=shape.layer is None)
        if shape.layer is not None:
            model = keras.Model(model.inputs, model.get_layer(shape.layer).output)
        self.model = model
        self.n_weights = len(model.weights)
        # Programs take weights in the order of ``model.weights``, which is not that of the two
        # lists that a stateless call takes.
        self._run = backend.compile(self._forward, Executor.GRAPH)

    def _forward(self, weights, x):
        values = {id(v): value for v, value in zip(self.model.weights, weights, strict=True)}
        trainable = [values[id(v)] for v in self.model.trainable_variables]
        others = [values.get(id(v), v) for v in self.model.non_trainable_variables]
        output, _ = self.model.stateless_call(trainable, others, x, training=False)
        return output

    def __call__(self, weights: list, X: Any) -> np.ndarray:
        """Outputs of all rows."""
        array = self.backend.array
        weights = [array(weight) for weight in weights]
        n_rows = len(_first(X))
        parts = []
        for start in range(0, max(n_rows, 1), _BATCH):
            x = _map(lambda part: array(_padded(part[start : start + _BATCH])), X)  # noqa: B023
            parts.append(np.asarray(self._run(weights, x)))
        return np.concatenate(parts)[:n_rows]


def _compiled_pass(architecture, weights, X, layer: str | None = None) -> np.ndarray:
    backend = backends.current()
    shape = ForwardShape(architecture, layer)
    with backend.precision(architecture.dtype):
        program = PROGRAMS.get(shape, lambda: Forward(shape, backend))
        return program(weights[: program.n_weights], X)


def _first(X: Any) -> Any:
    if isinstance(X, dict):
        return next(iter(X.values()))
    return X[0] if isinstance(X, list) else X


def _map(function, X: Any) -> Any:
    if isinstance(X, dict):
        return {name: function(part) for name, part in X.items()}
    return [function(part) for part in X] if isinstance(X, list) else function(X)


def _padded(rows: np.ndarray) -> np.ndarray:
    if len(rows) == _BATCH:
        return rows
    padded = np.zeros((_BATCH, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded
