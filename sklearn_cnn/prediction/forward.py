"""Batched forward passes: NumPy for dense networks, cached programs for the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_cnn import backends
from sklearn_cnn.architectures import decoder as decoder_of
from sklearn_cnn.architectures import dense_layers, numpy_activation
from sklearn_cnn.backends import PROGRAMS, Executor
from sklearn_cnn.compat import training_argument

# One batch shape for all rows: how a caller splits them changes no bit of the result, and no
# number of rows compiles anew.
_BATCH = 64
# Rows of a sparse X are made dense in blocks of at most this many bytes.
_DENSE_BYTES = 64 * 2**20
_DENSE = ("dense", "dense_autoencoder")
_EPSILON = 1e-3  # Keras's BatchNormalization


def outputs(architecture, weights: list[np.ndarray], X: Any, part: str = "network") -> np.ndarray:
    """Linear outputs of the network, shape (n_samples, units), or those of a part of it.

    Parameters
    ----------
    architecture : Architecture
    weights : list of ndarray
        In the order of ``model.weights``.
    X : ndarray, sparse matrix, or dict or list of ndarray
        Rows of the shape that the part takes.
    part : {"network", "encoder", "decoder"}, default="network"
        The encoder ends with the activation of the code.
    """
    if architecture.function in _DENSE and not isinstance(X, dict | list):
        forward = _numpy_pass(architecture, weights, part)
        if forward is not None:
            return forward(X)
    layers = ("code",) if part == "encoder" else ()
    decoder = part == "decoder"
    parts = [
        compiled_pass(architecture, weights, block, layers, decoder=decoder)[0]
        for block in dense_blocks(X, architecture.dtype)
    ]
    rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return rows.reshape(len(rows), -1)


def dense_blocks(X: Any, dtype: str) -> Iterator[Any]:
    """X itself, or its dense blocks if it is sparse."""
    if not sparse.issparse(X):
        yield X
        return
    n_rows = max(1, _DENSE_BYTES // (max(1, X.shape[1]) * np.dtype(dtype).itemsize))
    for start in range(0, max(1, X.shape[0]), n_rows):
        yield X[start : start + n_rows].toarray()


def _numpy_pass(architecture, weights, part):
    """A forward pass without Keras, or None where an activation has no NumPy form."""
    layers = dense_layers(architecture)
    functions = [numpy_activation(layer.activation) for layer in layers]
    functions[-1] = _as_it_is
    if None in functions:
        return None
    names = [layer.name for layer in layers]
    start = names.index("code") + 1 if part == "decoder" else 0
    stop = names.index("code") + 1 if part == "encoder" else len(layers)
    n_arrays = [6 if layer.batch_normalization else 2 for layer in layers]

    def run(X):
        remaining = iter(weights[sum(n_arrays[:start]) :])
        hidden = X if sparse.issparse(X) else X.reshape(len(X), -1)
        for layer, activation in zip(layers[start:stop], functions[start:stop], strict=True):
            hidden = hidden @ next(remaining)
            hidden = hidden.toarray() if sparse.issparse(hidden) else hidden
            hidden += next(remaining)
            if layer.batch_normalization:
                scale, offset, mean, variance = (next(remaining) for _ in range(4))
                hidden = (hidden - mean) * (scale / np.sqrt(variance + _EPSILON)) + offset
            hidden = activation(hidden)
        return hidden

    return run


def _as_it_is(hidden: np.ndarray) -> np.ndarray:
    return hidden


@dataclass(frozen=True)
class ForwardShape:
    """All that shapes a compiled forward pass."""

    architecture: Any
    layers: tuple[str, ...] = ()  # their activations instead of the output
    decoder: bool = False  # from the code to the output


class Forward:
    """A compiled forward pass over batches of one shape."""

    def __init__(self, shape: ForwardShape, backend):
        import keras

        self.backend, self.dtype = backend, shape.architecture.dtype
        model = shape.architecture.build(linear_output=not shape.layers)
        place = {id(variable): number for number, variable in enumerate(model.weights)}
        if shape.decoder:
            model = decoder_of(model)
        elif shape.layers:
            inner = [model.get_layer(layer).output for layer in shape.layers]
            model = keras.Model(model.inputs, inner)
        self.model = model
        # Programs take weights in the order of ``model.weights``, which is not that of the two
        # lists that a stateless call takes, and a part of the network needs some of them only.
        self.needed = [place[id(variable)] for variable in model.weights]
        self._run = backend.compile(self._forward, Executor.GRAPH)

    def _forward(self, weights, x):
        values = {id(v): value for v, value in zip(self.model.weights, weights, strict=True)}
        trainable = [values[id(v)] for v in self.model.trainable_variables]
        others = [values.get(id(v), v) for v in self.model.non_trainable_variables]
        training = training_argument(self.model, False)
        output, _ = self.model.stateless_call(trainable, others, x, **training)
        return list(output) if isinstance(output, list | tuple) else [output]

    def __call__(self, weights: list, X: Any) -> list[np.ndarray]:
        """Outputs of all rows, one array a layer."""
        array = self.backend.array
        weights = [array(weights[number]) for number in self.needed]
        n_rows = len(_first(X))
        batches = []
        for start in range(0, max(n_rows, 1), _BATCH):
            x = _map(lambda part: array(self._batch(part[start : start + _BATCH])), X)  # noqa: B023
            batches.append([np.asarray(output) for output in self._run(weights, x)])
        return [np.concatenate(parts)[:n_rows] for parts in zip(*batches, strict=True)]

    def _batch(self, rows: np.ndarray) -> np.ndarray:
        """Rows in the dtype and number that the program was compiled for."""
        if rows.dtype.kind == "f":
            rows = rows.astype(self.dtype, copy=False)
        return _padded(rows)


def compiled_pass(
    architecture,
    weights: list[np.ndarray],
    X: Any,
    layers: tuple[str, ...] = (),
    *,
    decoder: bool = False,
) -> list[np.ndarray]:
    """Linear outputs for dense X, or the activations of each of the ``layers``."""
    backend = backends.current()
    shape = ForwardShape(architecture, layers, decoder)
    with backend.precision(architecture.dtype):
        program = PROGRAMS.get(shape, lambda: Forward(shape, backend))
        return program(weights, X)


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
