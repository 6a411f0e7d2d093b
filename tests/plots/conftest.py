"""Small fitted networks that several displays are shown."""

import numpy as np
import pytest

from sklearn_cnn import Autoencoder, CNNClassifier


@pytest.fixture(scope="session")
def pictures():
    """Pictures 6 x 6 with a bright row or a bright column, and which of the two."""
    rng = np.random.RandomState(0)
    X, y = rng.uniform(size=(40, 6, 6)), np.where(np.arange(40) % 2, "column", "row")
    X[y == "row", 2] += 2
    X[y == "column", :, 2] += 2
    return X, y


@pytest.fixture(scope="session")
def cnn(pictures):
    return CNNClassifier(filters=(4, 5), batch_size=10, max_iter=2, random_state=0).fit(*pictures)


@pytest.fixture(scope="session")
def normalised_cnn(pictures):
    """Red, green and blue come in; each convolution is normalised, then activated."""
    X, y = pictures
    return CNNClassifier(
        filters=(4, 5), batch_normalization=True, batch_size=10, max_iter=2, random_state=0
    ).fit(np.stack([X, X, X], axis=-1), y)


@pytest.fixture(scope="session")
def autoencoder(pictures):
    X = pictures[0].reshape(40, 36)
    return Autoencoder(3, hidden_layer_sizes=(8,), max_iter=3, random_state=0).fit(X)
