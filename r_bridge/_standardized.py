"""A network with its standardisation, to be refitted with it on every part of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ._networks import convolutional_network
from ._perceptrons import all_epochs_are_wanted, fit_rows, perceptron

_MAKERS = {"mlp": perceptron, "cnn": convolutional_network}


class StandardizedNetwork(BaseEstimator):
    """A network that standardises columns and response on the rows it is fitted to.

    As R's ``mlp()`` does it: population standard deviations, without weights.
    """

    def __init__(
        self,
        kind: str,
        family: dict[str, Any],
        settings: dict[str, Any],
        standardize: bool = False,
        standardize_response: bool = False,
    ):
        self.kind = kind
        self.family = family
        self.settings = settings
        self.standardize = standardize
        self.standardize_response = standardize_response

    def fit(self, X, y, sample_weight=None, offset=None):
        """Fit the network to standardised rows."""
        self.center_, self.scale_ = 0.0, 1.0
        if self.standardize:
            self.center_, self.scale_ = _location(X)
        self.response_center_, self.response_scale_ = 0.0, 1.0
        if self.standardize_response:
            y = y if offset is None else y - offset
            offset = None
            self.response_center_, self.response_scale_ = _location(y)
        network = _MAKERS[self.kind](self.family, self.settings)
        with all_epochs_are_wanted(network):
            fit_rows(
                network,
                (X - self.center_) / self.scale_,
                (y - self.response_center_) / self.response_scale_,
                sample_weight=sample_weight,
                offset=offset,
            )
        self.network_ = network
        return self

    def predict(self, X, offset=None):
        """Means of the response."""
        X = (X - self.center_) / self.scale_
        if not self.standardize_response:
            return self.network_.predict(X, offset=offset)
        mean = self.network_.predict(X) * self.response_scale_ + self.response_center_
        return mean if offset is None else mean + offset

    def score(self, X, y, sample_weight=None, offset=None):
        """Minus the mean deviance: the weighted mean over rows."""
        mean = self.predict(X, offset=offset)
        total = len(y) if sample_weight is None else np.sum(sample_weight)
        return -self.network_.loss.deviance(y, mean, sample_weight) / total


def _location(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of columns; one that does not vary has no scale."""
    center = values.mean(axis=0)
    scale = values.std(axis=0)
    return center, np.where(scale > 1e-12 * np.maximum(np.abs(center), 1e-300), scale, 1.0)
