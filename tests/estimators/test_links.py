"""Families with other links than their canonical one, against scikit-learn and closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats

from sklearn_cnn import MLPClassifier, MLPRegressor, families
from tests._estimators import AS_KERAS_ROUNDS

RNG = np.random.RandomState(0)
X = RNG.normal(size=(300, 2))
ETA = 0.4 + X @ [0.8, -0.5]
EXACT = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0, "tol": 1e-9, "max_iter": 2000}


def most_likely(log_likelihood):
    design = np.column_stack([np.ones(len(X)), X])
    start = np.array([1.0, 0.0, 0.0])
    found = optimize.minimize(lambda b: -log_likelihood(design @ b), start, tol=1e-10)
    return found.x


def coefficients(network):
    return np.concatenate([network.intercepts_[0], network.coefs_[0].ravel()])


@pytest.mark.parametrize("link", ["probit", "cloglog"])
def test_binary_links_have_the_most_likely_coefficients(link):
    family = families.binomial(link)
    y = RNG.binomial(1, family.mean(ETA))
    fitted = MLPClassifier(loss=family, random_state=0, **EXACT).fit(X, y)

    def log_likelihood(eta):
        return stats.bernoulli.logpmf(y, np.clip(family.mean(eta), 1e-12, 1 - 1e-12)).sum()

    assert_allclose(coefficients(fitted), most_likely(log_likelihood), atol=2e-3)
    response = fitted.model_.predict(X, verbose=0).ravel()
    assert_allclose(fitted.predict_proba(X)[:, 1], response, rtol=AS_KERAS_ROUNDS["rtol"])


@pytest.mark.parametrize("link", ["identity", "sqrt"])
def test_count_links_have_the_most_likely_coefficients(link):
    family = families.poisson(link)
    y = RNG.poisson(family.mean(ETA + 4))
    fitted = MLPRegressor(loss=family, random_state=0, **EXACT).fit(X, y)

    def log_likelihood(eta):
        return stats.poisson.logpmf(y, np.maximum(family.mean(np.maximum(eta, 1e-3)), 1e-9)).sum()

    assert_allclose(coefficients(fitted), most_likely(log_likelihood), atol=2e-3)


def test_an_inverse_link_predicts_means():
    family = families.gamma("inverse")
    mean = 1 / (2 + 0.3 * X[:, 0])
    y = RNG.gamma(50, mean / 50)
    fitted = MLPRegressor(loss=family, random_state=0, **EXACT).fit(X, y)
    assert_allclose(coefficients(fitted), [2, 0.3, 0], atol=0.1)
    assert_allclose(fitted.predict(X), 1 / (coefficients(fitted)[0] + X @ coefficients(fitted)[1:]))
