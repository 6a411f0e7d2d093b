"""What Keras computes of a network in float64 keeps its digits on every backend."""

import pytest

from sklearn_cnn import backends


@pytest.fixture(autouse=True)
def in_float64():
    with backends.current().precision("float64"):
        yield
