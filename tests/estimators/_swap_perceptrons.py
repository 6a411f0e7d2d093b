"""A pytest plugin: scikit-learn's perceptrons are ours before its tests import them."""

import sklearn.neural_network

import sklearn_cnn


# Not at import: pytest imports every module when it looks for examples in docstrings.
def pytest_configure():
    sklearn.neural_network.MLPClassifier = sklearn_cnn.MLPClassifier
    sklearn.neural_network.MLPRegressor = sklearn_cnn.MLPRegressor


def pytest_collection_finish(session):
    for item in session.items:
        assert item.module.MLPClassifier is sklearn_cnn.MLPClassifier
        assert item.module.MLPRegressor is sklearn_cnn.MLPRegressor
