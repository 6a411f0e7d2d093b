"""A pytest plugin: scikit-learn's perceptrons are ours before its tests import them."""

import pytest
import sklearn.neural_network

import sklearn_cnn

sklearn.neural_network.MLPClassifier = sklearn_cnn.MLPClassifier
sklearn.neural_network.MLPRegressor = sklearn_cnn.MLPRegressor


@pytest.fixture(autouse=True)
def _classes_under_test_are_ours(request):
    module = request.module
    assert module.MLPClassifier is sklearn_cnn.MLPClassifier
    assert module.MLPRegressor is sklearn_cnn.MLPRegressor
