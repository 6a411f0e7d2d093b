"""Warnings point at the user's line."""

import warnings

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_cnn import CNNClassifier, MLPClassifier, MLPRegressor

RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 4)) * [1, 1, 1, 1e5]
Y = X[:, 0] > 0


def calls():
    """What warns: each on a line of its own, which the warning must name."""
    return {
        "max_iter": lambda: MLPClassifier((2,), max_iter=1).fit(X[:, :3], Y),
        "scales": lambda: MLPRegressor(hidden_layer_sizes=(2,), max_iter=1).fit(X, Y * 1.0),
        "batch size": lambda: MLPClassifier((2,), max_iter=1, batch_size=90).fit(X[:, :3], Y),
        "lbfgs": lambda: MLPClassifier((9,), max_iter=1, solver="lbfgs").fit(X[:, :3], Y),
        "partial_fit": lambda: MLPClassifier((2,), batch_size=90).partial_fit(X, Y, classes=[0, 1]),
        "shape": lambda: CNNClassifier((2,), max_iter=1, input_shape=(2, 2)).fit(X, Y),
        "pipeline": lambda: make_pipeline(
            FunctionTransformer(), MLPClassifier((2,), max_iter=1)
        ).fit(X[:, :3], Y),
        "search": lambda: GridSearchCV(MLPClassifier((2,), max_iter=1), {"alpha": [1.0]}, cv=2).fit(
            X[:, :3], Y
        ),
    }


@pytest.mark.parametrize("name", calls())
def test_a_warning_names_the_line_that_called_fit(name):
    call = calls()[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    ours = [one for one in caught if issubclass(one.category, UserWarning)]
    assert ours
    lines = range(call.__code__.co_firstlineno, call.__code__.co_firstlineno + 4)
    for one in ours:
        assert (one.filename, one.lineno in lines) == (__file__, True), one.message


def test_a_warning_in_a_worker_has_no_line_of_the_users_and_comes_all_the_same():
    with (
        joblib.parallel_config("threading", n_jobs=2),
        pytest.warns(ConvergenceWarning, match="Maximum iterations"),
    ):
        GridSearchCV(MLPClassifier((2,), max_iter=1), {"alpha": [1.0]}, cv=2).fit(X[:, :3], Y)
