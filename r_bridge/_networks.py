"""Networks that R keeps as an archive: convolutional ones and autoencoders.

R holds the bytes of the archive and the weights as one flat vector, and sends the vector with each
request: what it says counts, so that predictions follow coefficients that were changed in R. The
archive is sent only where it is not known here yet.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from ._dispatch import command
from ._perceptrons import (
    all_epochs_are_wanted,
    fit_rows,
    held_back,
    history,
    rows_of_fit,
)

# Revived networks, the last used last.
_REVIVED: OrderedDict[str, Revived] = OrderedDict()
_MOST_REVIVED = 16


class NotRevivedError(LookupError):
    """The archive of this key has to be sent."""


class Revived:
    """A fitted estimator, and the flat vector of its weights of this moment."""

    def __init__(self, estimator: Any):
        self.estimator = estimator
        self.flat = _flat(estimator.model_.get_weights())

    def follow(self, coefficients: np.ndarray) -> None:
        """Take over weights that R has changed."""
        coefficients = np.atleast_1d(coefficients).astype(self.flat.dtype)
        if np.array_equal(coefficients, self.flat, equal_nan=True):
            return
        if coefficients.shape != self.flat.shape:
            raise ValueError(
                f"The network has {len(self.flat)} coefficients, but {len(coefficients)} came."
            )
        model, at, weights = self.estimator.model_, 0, []
        for weight in model.get_weights():
            piece = coefficients[at : at + weight.size]
            weights.append(piece.reshape(weight.shape, order="F"))
            at += weight.size
        model.set_weights(weights)
        self.flat = coefficients


def convolutional_network(family: dict[str, Any], settings: dict[str, Any]) -> Any:
    """An unfitted convolutional network for a family of R, with R's vectors as arguments."""
    from sklearn_cnn import CNNRegressor, families

    return CNNRegressor(loss=families.get(family), **_sizes_as_tuples(settings))


@command
def fit_convolutional(
    x: np.ndarray,
    y: np.ndarray,
    family: dict[str, Any],
    settings: dict[str, Any],
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    validation: dict[str, Any] | None = None,
    validation_split: float = 0.0,
) -> dict[str, Any]:
    """Fit a convolutional network to an encoded response."""
    network = convolutional_network(family, settings)
    rows = held_back(len(x), validation_split, settings["random_state"])
    with all_epochs_are_wanted(network):
        fit_rows(network, **rows_of_fit(x, y, weights, offset, rows, validation))
    return {**_handed_over(network), "mean": network.predict(x, offset=offset)}


@command
def fit_autoencoder(
    x: np.ndarray,
    settings: dict[str, Any],
    weights: np.ndarray | None = None,
    family: str = "gaussian",
    validation_split: float = 0.0,
) -> dict[str, Any]:
    """Fit an autoencoder to rows or pictures."""
    from sklearn_cnn import Autoencoder, families

    loss = "squared_error" if family == "gaussian" else families.get(family)
    network = Autoencoder(loss=loss, **_sizes_as_tuples(settings))
    rows = held_back(len(x), validation_split, settings["random_state"])
    fitted = rows_of_fit(x, None, weights, None, rows)
    del fitted["offset"]
    with all_epochs_are_wanted(network):
        fit_rows(network, **fitted)
    codes = network.transform(x)
    return {
        **_handed_over(network),
        "codes": codes,
        "reconstructions": network.inverse_transform(codes),
    }


@command
def network_mean(
    key: str, coefficients: np.ndarray, x: np.ndarray, archive: bytes | None = None
) -> np.ndarray:
    """Means of the response for new rows, without offset."""
    return _revive(key, archive, coefficients).predict(x)


@command
def network_codes(
    key: str, coefficients: np.ndarray, x: np.ndarray, archive: bytes | None = None
) -> np.ndarray:
    """Codes of rows, one column a component."""
    return _revive(key, archive, coefficients).transform(x)


@command
def network_decode(
    key: str, coefficients: np.ndarray, codes: np.ndarray, archive: bytes | None = None
) -> np.ndarray:
    """Rows rebuilt from codes."""
    return _revive(key, archive, coefficients).inverse_transform(codes)


def _revive(key: str, archive: bytes | None, coefficients: np.ndarray) -> Any:
    if key not in _REVIVED:
        if archive is None:
            raise NotRevivedError(key)
        _remember(key, _from_bytes(archive))
    _REVIVED.move_to_end(key)
    revived = _REVIVED[key]
    revived.follow(coefficients)
    return revived.estimator


def _remember(key: str, estimator: Any) -> None:
    _REVIVED[key] = Revived(estimator)
    while len(_REVIVED) > _MOST_REVIVED:
        _REVIVED.popitem(last=False)


def _handed_over(network: Any) -> dict[str, Any]:
    """What R keeps of a fitted network."""
    archive = _to_bytes(network)
    key = hashlib.sha256(archive).hexdigest()
    _remember(key, network)
    model = network.model_
    trainable = {id(variable) for variable in model.trainable_variables}
    return {
        "archive": archive,
        "key": key,
        "coefficients": _REVIVED[key].flat,
        "parameters": [
            {
                "name": "/".join(variable.path.split("/")[-2:]),
                "shape": np.array(variable.shape, dtype=np.int32),
                "trainable": id(variable) in trainable,
            }
            for variable in model.weights
        ],
        "layers": _layers(model),
        "iterations": network.n_iter_,
        "history": history(network),
    }


def _layers(model: Any) -> dict[str, np.ndarray]:
    """The table that ``model.summary()`` prints."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    return {
        "layer": np.array([layer.name for layer in layers], dtype=object),
        "kind": np.array([type(layer).__name__ for layer in layers], dtype=object),
        "output": np.array([_dimensions(layer.output.shape[1:]) for layer in layers], dtype=object),
        "parameters": np.array([layer.count_params() for layer in layers]),
    }


def _dimensions(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _to_bytes(network: Any) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "network"
        network.save(path)
        return path.read_bytes()


def _from_bytes(archive: bytes) -> Any:
    import sklearn_cnn

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "network"
        path.write_bytes(archive)
        return sklearn_cnn.load(path)


def _flat(weights: list[np.ndarray]) -> np.ndarray:
    """All weights, each array in R's order, so that R can give it its dimensions."""
    return np.concatenate([np.empty(0, np.float32), *[w.ravel(order="F") for w in weights]])


def _sizes_as_tuples(settings: dict[str, Any]) -> dict[str, Any]:
    """R's vectors are arrays here; the estimators' sizes are plain numbers and tuples."""
    return {
        name: tuple(value.tolist()) if isinstance(value, np.ndarray) else value
        for name, value in settings.items()
    }
