"""scikit-learn's perceptrons and ours, turned into each other."""

import numpy as np
import pytest
import sklearn.neural_network as theirs
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import sklearn_cnn as ours
from tests._estimators import AS_KERAS_ROUNDS

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_REG, Y_REG = make_regression(60, 4, n_targets=2, random_state=0)
X_MULTI, Y_MULTI = make_multilabel_classification(60, random_state=0)
PROBLEMS = {
    "multiclass": ("MLPClassifier", X_IRIS, np.array(["a", "b", "c"])[Y_IRIS], {}),
    "binary": ("MLPClassifier", X_IRIS[:100], Y_IRIS[:100], {"activation": "logistic"}),
    "multilabel": ("MLPClassifier", X_MULTI, Y_MULTI, {"solver": "lbfgs"}),
    "regression": ("MLPRegressor", X_REG, Y_REG[:, 0], {"early_stopping": True}),
    "several outputs": ("MLPRegressor", X_REG, Y_REG, {"activation": "tanh"}),
    "counts": ("MLPRegressor", X_REG, np.round(np.abs(Y_REG[:, 0]) / 50), {"loss": "poisson"}),
}


def small(module, problem):
    name, X, y, params = PROBLEMS[problem]
    perceptron = getattr(module, name)(
        hidden_layer_sizes=(6,), max_iter=5, random_state=0, **params
    )
    return perceptron.fit(X, y), X, y


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("problem", PROBLEMS)
def test_from_sklearn_predicts_the_same_and_goes_on_training(problem):
    source, X, y = small(theirs, problem)
    copy = ours.from_sklearn(source)
    np.testing.assert_array_equal(copy.predict(X), source.predict(X))
    before = [coef.copy() for coef in source.coefs_]
    if source.solver != "lbfgs" and not source.early_stopping:
        copy.partial_fit(X, y)
        assert copy.t_ == source.t_ + len(X)
    for old, coef in zip(before, source.coefs_, strict=True):
        np.testing.assert_array_equal(old, coef)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("problem", PROBLEMS)
def test_to_sklearn_predicts_the_same(problem):
    fitted, X, _ = small(ours, problem)
    copy = fitted.to_sklearn()
    assert type(copy).__module__.startswith("sklearn.")
    np.testing.assert_array_equal(copy.coefs_[0], fitted.coefs_[0])
    if problem in ("regression", "several outputs", "counts"):
        assert_allclose(copy.predict(X), fitted.predict(X), rtol=1e-6)
    else:
        assert_allclose(copy.predict_proba(X), fitted.predict_proba(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_to_keras_is_a_copy_that_predicts_the_same():
    fitted, X, _ = small(ours, "multiclass")
    model = fitted.to_keras()
    assert_allclose(
        model.predict(X, verbose=0), fitted.predict_proba(X), rtol=AS_KERAS_ROUNDS["rtol"]
    )
    before = fitted.predict_proba(X)
    model.set_weights([0 * weight for weight in model.get_weights()])
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


@pytest.mark.filterwarnings("ignore")
def test_what_scikit_learn_cannot_hold_is_named():
    fitted = ours.MLPClassifier((4,), batch_normalization=True, activation="elu", max_iter=2)
    with pytest.raises(ValueError, match=r"no batch normalisation and no activation='elu'.*keras"):
        fitted.fit(X_IRIS, Y_IRIS).to_sklearn()


def test_from_sklearn_takes_fitted_perceptrons_only():
    with pytest.raises(TypeError, match="Got LogisticRegression"):
        ours.from_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        ours.from_sklearn(theirs.MLPClassifier())
