"""Families against R's glm, scikit-learn's losses, scipy's distributions and finite differences."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn import _loss
from sklearn.base import clone
from sklearn.linear_model import PoissonRegressor
from sklearn.neural_network._base import LOSS_FUNCTIONS

from sklearn_cnn import families
from sklearn_cnn.families import (
    binomial,
    gamma,
    gaussian,
    get,
    keras_activation,
    multilabel,
    multinomial,
    negative_binomial,
    pinball,
    poisson,
)

ALL = [
    gaussian(),
    gaussian(link="log"),
    gaussian(link="inverse"),
    binomial(),
    binomial(link="probit"),
    binomial(link="cloglog"),
    multilabel(),
    multinomial(),
    poisson(),
    poisson(link="identity"),
    poisson(link="sqrt"),
    gamma(),
    gamma(link="inverse"),
    gamma(link="identity"),
    negative_binomial(theta=1.5),
    pinball(0.3),
]
POSITIVE_LINKS = {"identity", "sqrt", "inverse"}

X = np.array([0.1, 0.5, 0.9, 1.3, 1.7, 2.1, 2.5, 2.9, 3.3, 3.7])
W = np.array([1.0, 2, 1, 3, 2, 1, 1, 2, 1, 2])
Y = {
    "gaussian": np.array([1.2, 0.7, 2.3, 2.1, 3.8, 3.1, 4.4, 4.0, 5.6, 5.2]),
    "binomial": np.array([0.0, 1, 0, 0, 1, 0, 1, 1, 1, 1]),
    "poisson": np.array([0.0, 2, 1, 1, 3, 2, 6, 5, 9, 14]),
    "gamma": np.array([1.2, 0.7, 2.3, 2.1, 3.8, 3.1, 4.4, 4.0, 5.6, 5.2]),
    "negative_binomial": np.array([0.0, 5, 1, 7, 0, 12, 3, 1, 22, 9]),
}


def example(family, n_samples=7, n_outputs=2, seed=0, dtype="float64"):
    """Encoded responses and linear predictors that the family allows."""
    rng = np.random.RandomState(seed)
    eta = rng.uniform(-2, 2, (n_samples, n_outputs))
    if family.link in POSITIVE_LINKS and family.activation != "linear":
        eta = np.abs(eta) + 0.3
    y = {
        "gaussian": rng.normal(size=eta.shape),
        "binomial": rng.randint(0, 2, eta.shape),
        "multilabel": rng.randint(0, 2, eta.shape),
        "multinomial": np.eye(n_outputs)[rng.randint(0, n_outputs, n_samples)],
        "poisson": rng.poisson(2, eta.shape),
        "gamma": rng.gamma(2, 1, eta.shape) + 0.1,
        "negative_binomial": rng.poisson(3, eta.shape),
        "pinball": rng.normal(size=eta.shape),
    }[family.name]
    return y.astype(dtype), eta.astype(dtype)


def loss_and_gradient(family, y, eta, *, compiled=False):
    """Row losses and the gradient of their sum, from the Keras backend in use."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        with jax.enable_x64(True):
            y, eta = jax.numpy.asarray(y), jax.numpy.asarray(eta)
            both = jax.value_and_grad(lambda eta: family.loss(y, eta).sum())
            both = jax.jit(both) if compiled else both
            return np.asarray(family.loss(y, eta)), np.asarray(both(eta)[1])

    import tensorflow as tf

    @tf.function(jit_compile=compiled)
    def both(y, eta):
        with tf.GradientTape() as tape:
            tape.watch(eta)
            losses = family.loss(y, eta)
        return losses, tape.gradient(losses, eta)

    return [tensor.numpy() for tensor in both(tf.constant(y), tf.constant(eta))]


def r_example(family, coefficients):
    y = Y[family.name]
    return y, family.mean(coefficients[0] + coefficients[1] * X)


@pytest.mark.parametrize(
    ("family", "coefficients", "weighted", "log_likelihood", "deviance", "null", "dispersion"),
    [
        (
            gaussian(),
            (0.793030303030303, 1.28787878787879),
            False,
            -7.39610727084562,
            2.57006060606061,
            24.464,
            0.321257575757576,
        ),
        (
            gaussian(),
            (0.683928571428572, 1.29464285714286),
            True,
            -8.04461657785256,
            4.30919642857143,
            38.099375,
            0.538649553571428,
        ),
        (
            binomial(),
            (-1.89438750582691, 1.31965047190464),
            False,
            -4.90136567677508,
            9.80273135355017,
            13.4602333401851,
            1,
        ),
        (
            binomial(link="probit"),
            (-1.14320438146445, 0.808345867178297),
            False,
            -4.8571840992475,
            9.714368198495,
            13.4602333401851,
            1,
        ),
        (
            binomial(link="cloglog"),
            (-1.88088216912337, 0.970212865363066),
            False,
            -4.66618396200183,
            9.33236792400367,
            13.4602333401851,
            1,
        ),
        (
            binomial(),
            (-1.54255456935412, 1.20054374921711),
            True,
            -8.27147982505286,
            16.5429596501057,
            21.1700236210554,
            1,
        ),
        (
            poisson(),
            (-0.672896621203345, 0.877624906042218),
            False,
            -16.0857242634902,
            4.27174918390494,
            37.7350996006866,
            1,
        ),
        (
            poisson(),
            (-0.613635761391651, 0.857697574642053),
            True,
            -26.0893639928455,
            6.70403629981474,
            60.8387843953298,
            1,
        ),
        (
            poisson(link="sqrt"),
            (0.389338925290471, 0.779454887537563),
            False,
            -16.9453814589271,
            5.99106357477883,
            37.7350996006866,
            1,
        ),
        (
            gamma(),
            (0.155159548819577, 0.470645612125221),
            False,
            -11.5746414857383,
            0.775283461537022,
            3.29902582785329,
            0.083180786703475,
        ),
        (
            gamma(link="inverse"),
            (0.621529925820296, -0.129042382848493),
            False,
            -13.6268318200451,
            1.16123610429245,
            3.29902582785329,
            0.116454023905434,
        ),
        (
            gamma(),
            (0.108572604328137, 0.479834771199153),
            True,
            -19.1714111085422,
            1.44152905986571,
            5.44657498955845,
            0.161555865443462,
        ),
    ],
)
def test_figures_are_those_of_glm_in_r(
    family, coefficients, weighted, log_likelihood, deviance, null, dispersion
):
    """R 4.2: coef, logLik, deviance, null.deviance, dispersion of::

        fit <- glm(y ~ x, family = gaussian())   # and so on, also with weights = w
        logLik(fit); deviance(fit); fit$null.deviance; summary(fit)$dispersion

    with x, w and y as ``X``, ``W`` and ``Y`` above.
    """
    y, mu = r_example(family, coefficients)
    weight = W if weighted else None
    assert_allclose(family.log_likelihood(y, mu, weight), log_likelihood, rtol=1e-9)
    assert_allclose(family.deviance(y, mu, weight), deviance, rtol=1e-9)
    assert_allclose(family.null_deviance(y, weight), null, rtol=1e-9)
    # glm's iterations end at a relative change of 1e-8 of the deviance.
    assert_allclose(family.dispersion(y, mu, weight, df_residual=8), dispersion, rtol=1e-5)


@pytest.mark.parametrize(
    ("weighted", "theta", "coefficients", "log_likelihood", "deviance", "null"),
    [
        (
            False,
            1.08106459440553,
            (0.362099672840039, 1.12422909359174),
            -27.082294651993,
            11.4740312958757,
            14.9232109959163,
        ),
        (
            True,
            1.12218813555564,
            (0.835037959070157, 0.723706152352099),
            -43.6420010791821,
            18.6560548899286,
            21.1783322518748,
        ),
    ],
)
def test_negative_binomial_figures_are_those_of_glm_nb_in_r(
    weighted, theta, coefficients, log_likelihood, deviance, null
):
    """R 4.2: ``fit <- MASS::glm.nb(y ~ x, weights = w)`` with x = 0.2, 0.4 ... 2::

    fit$theta; logLik(fit); deviance(fit); fit$null.deviance; summary(fit)$dispersion
    """
    y, weight = Y["negative_binomial"], W if weighted else None
    family = negative_binomial(theta=theta)
    mu = family.mean(coefficients[0] + coefficients[1] * np.arange(1, 11) / 5)
    assert_allclose(negative_binomial().estimate_theta(y, mu, weight), theta, rtol=1e-4)
    assert_allclose(family.log_likelihood(y, mu, weight), log_likelihood, rtol=1e-9)
    assert_allclose(family.deviance(y, mu, weight), deviance, rtol=1e-9)
    assert_allclose(family.null_deviance(y, weight), null, rtol=1e-9)
    assert family.dispersion(y, mu, weight, df_residual=8) == 1


def test_multinomial_figures_are_those_of_multinom_in_r():
    """R 4.2: deviance 32.2141230871495, logLik -16.1070615435747 of::

    nnet::multinom(factor(c("a","b","c","a","b","c","c","a","b","c")) ~ x, weights = w,
                   reltol = 1e-14, maxit = 1000)
    """
    y = np.eye(3)[[0, 1, 2, 0, 1, 2, 2, 0, 1, 2]]
    eta = np.column_stack(
        [
            np.zeros(10),
            -0.0423426588236663 - 0.0882413487713905 * X,
            -1.9408242711273669 + 0.8331339657194129 * X,
        ]
    )
    mu = multinomial().mean(eta)
    assert_allclose(multinomial().deviance(y, mu, W), 32.2141230871495, rtol=1e-12)
    assert_allclose(multinomial().log_likelihood(y, mu, W), -16.1070615435747, rtol=1e-12)


def test_binomial_shares_with_trials_as_weights_count_arrangements():
    trials, share, mu = np.array([5.0, 10.0]), np.array([0.4, 0.7]), np.array([0.3, 0.6])
    expected = stats.binom.logpmf(trials * share, trials, mu).sum()
    assert_allclose(binomial().log_likelihood(share, mu, trials), expected)


@pytest.mark.parametrize("dispersion", [0.3, 2.0])
def test_log_likelihood_at_a_given_dispersion_is_that_of_the_distribution(dispersion):
    y, mu = Y["gamma"], np.full(10, 3.0)
    assert_allclose(
        gaussian().log_likelihood(y, mu, W, dispersion),
        stats.norm.logpdf(y, mu, np.sqrt(dispersion / W)).sum(),
    )
    assert_allclose(
        gamma().log_likelihood(y, mu, W, dispersion),
        W @ stats.gamma.logpdf(y, 1 / dispersion, scale=mu * dispersion),
    )


def test_log_likelihoods_of_counts_are_those_of_scipy():
    y, mu = Y["poisson"], np.linspace(0.5, 12, 10)
    assert_allclose(poisson().log_likelihood(y, mu, W), W @ stats.poisson.logpmf(y, mu))
    assert_allclose(
        negative_binomial(theta=2.5).log_likelihood(y, mu, W),
        W @ stats.nbinom.logpmf(y, 2.5, 2.5 / (2.5 + mu)),
    )


@pytest.mark.parametrize(
    ("family", "loss"),
    [
        (gaussian(), _loss.HalfSquaredError),
        (binomial(), _loss.HalfBinomialLoss),
        (poisson(), _loss.HalfPoissonLoss),
        (gamma(), _loss.HalfGammaLoss),
    ],
    ids=repr,
)
@pytest.mark.parametrize("seed", range(3))
def test_losses_and_gradients_are_those_of_scikit_learn(family, loss, seed):
    loss = loss()
    y, eta = example(family, 50, 1, seed)
    losses, gradient = loss_and_gradient(family, y, eta)
    y, eta = y.ravel(), eta.ravel()
    constant = loss.constant_to_optimal_zero(y) if family.name != "binomial" else 0.0
    expected_losses, expected_gradient = loss.loss_gradient(y, eta)
    assert_allclose(losses, expected_losses + constant, rtol=1e-12, atol=1e-14)
    assert_allclose(gradient.ravel(), expected_gradient, rtol=1e-12, atol=1e-14)


def test_multinomial_loss_and_gradient_are_those_of_scikit_learn():
    y, eta = example(multinomial(), 50, 4)
    losses, gradient = loss_and_gradient(multinomial(), y, eta)
    loss = _loss.HalfMultinomialLoss(n_classes=4)
    expected = loss.loss_gradient(y.argmax(axis=1).astype(float), eta)
    assert_allclose(losses, expected[0], rtol=1e-12)
    assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (gaussian(), "squared_error"),
        (multinomial(), "log_loss"),
        (multilabel(), "binary_log_loss"),
        (binomial(), "binary_log_loss"),
        (poisson(), "poisson"),
    ],
)
def test_weighted_mean_of_losses_is_what_the_mlp_of_scikit_learn_reports(family, name):
    y, eta = example(family, 40, 3)
    weight = np.random.RandomState(1).uniform(size=40)
    losses, _ = loss_and_gradient(family, y, eta)
    ours = family.loss_scale(3) * np.average(losses, weights=weight)
    assert_allclose(ours, LOSS_FUNCTIONS[name](y, family.mean(eta), weight), rtol=1e-12)


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_gradients_agree_with_finite_differences(family):
    y, eta = example(family, 20, 3)
    _, gradient = loss_and_gradient(family, y, eta)
    step = 1e-6
    for unit in range(3):
        shift = step * np.eye(3)[unit]
        above, _ = loss_and_gradient(family, y, eta + shift)
        below, _ = loss_and_gradient(family, y, eta - shift)
        assert_allclose(gradient[:, unit], (above - below) / (2 * step), rtol=1e-6, atol=1e-8)


RESIDUAL = [family for family in ALL if family.slope_is_residual]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", RESIDUAL, ids=repr)
def test_the_slope_is_the_residual_where_a_family_says_so(family, dtype):
    y, eta = example(family, n_samples=20, n_outputs=4, dtype=dtype)
    eta[0], eta[1] = [0, 200, -200, 5], 30  # far apart, and all far up
    losses, mean = (np.asarray(part) for part in loss_and_mean(family, y, eta))
    expected_losses, gradient = loss_and_gradient(family, y, eta)
    tolerance = {"rtol": 1e-12, "atol": 1e-14} if dtype == "float64" else {"atol": 1e-6}
    assert_allclose(losses, expected_losses, **tolerance)
    assert_allclose(mean - y, gradient, **tolerance)
    assert_allclose(mean, family.mean(eta), **tolerance)


def loss_and_mean(family, y, eta):
    import keras

    if keras.backend.backend() == "jax":
        import jax

        with jax.enable_x64(True):
            return family.loss_and_mean(jax.numpy.asarray(y), jax.numpy.asarray(eta))
    return family.loss_and_mean(*map(keras.ops.convert_to_tensor, (y, eta)))


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_loss_of_a_row_is_half_its_deviance(family):
    y, eta = example(family, 20, 3)
    losses, _ = loss_and_gradient(family, y, eta)
    expected = family.unit_deviance(y, family.mean(eta)).sum(axis=1) / 2
    assert_allclose(losses, expected, rtol=1e-9, atol=1e-12)


@given(
    family=st.sampled_from(ALL),
    n_samples=st.integers(1, 12),
    n_outputs=st.integers(1, 4),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_loss_is_zero_or_more_and_least_at_the_response(family, n_samples, n_outputs, seed):
    y, eta = example(family, n_samples, n_outputs, seed)
    mu = family.mean(eta)
    assert family.deviance(y, mu) >= 0
    if family.name in ("gaussian", "gamma"):
        assert_allclose(family.deviance(y, y), 0, atol=1e-12)


@given(seed=st.integers(0, 2**16), family=st.sampled_from(ALL))
@settings(max_examples=40, deadline=None)
def test_whole_weights_are_repeats_of_rows_in_the_deviance(seed, family):
    rng = np.random.RandomState(seed)
    y, eta = example(family, 9, 2, seed)
    mu, weight = family.mean(eta), rng.randint(0, 4, 9)
    repeats = np.repeat(np.arange(9), weight)
    assert_allclose(
        family.deviance(y, mu, weight), family.deviance(y[repeats], mu[repeats]), rtol=1e-9
    )
    if weight.any():
        assert_allclose(
            family.null_deviance(y, weight), family.null_deviance(y[repeats]), rtol=1e-9
        )


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_rows_of_weight_zero_do_not_count(family):
    y, eta = example(family, 9, 2)
    mu, weight = family.mean(eta), np.array([1, 0, 2, 0, 1, 1, 0, 3, 1])
    kept = weight > 0
    assert_allclose(
        family.log_likelihood(y, mu, weight),
        family.log_likelihood(y[kept], mu[kept], weight[kept]),
    )
    assert_allclose(
        family.dispersion(y, mu, weight), family.dispersion(y[kept], mu[kept], weight[kept])
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("family", ALL, ids=repr)
def test_no_gradient_is_nan_however_far_the_prediction_is(family, compiled, dtype):
    ends = np.array([-1e5, -500, -90, -30, -10, -1e-3, 0, 1e-3, 10, 30, 90, 500, 1e5], dtype)
    eta = np.column_stack([ends, np.zeros_like(ends)])
    for y in {"gamma": [0.5, 3.0]}.get(family.name, [0.0, 1.0]):
        target = np.column_stack([np.full_like(ends, y), np.full_like(ends, 1.0 - y)])
        losses, gradient = loss_and_gradient(family, np.maximum(target, 0), eta, compiled=compiled)
        assert losses.dtype == dtype
        assert gradient.dtype == dtype
        assert not np.isnan(losses).any()
        assert not np.isnan(gradient).any()


@pytest.mark.parametrize("family", [binomial(), multilabel(), multinomial()], ids=repr)
def test_certain_and_wrong_costs_the_distance(family):
    """Where scikit-learn's log_loss ends at -log(eps) = 36, ours goes on."""
    y = np.array([[1.0, 0.0]])
    eta = np.array([[-200.0, 200.0]]) if family.name == "multinomial" else [[-200.0, -800.0]]
    losses, gradient = loss_and_gradient(family, y, np.array(eta))
    assert_allclose(losses, 400.0 if family.name == "multinomial" else 200.0)
    assert_allclose(gradient[0, 0], -1.0)


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_rows_of_zeros_have_a_finite_loss(family):
    """Batches are padded with such rows, which weigh 0."""
    losses, gradient = loss_and_gradient(family, np.zeros((3, 2)), np.zeros((3, 2)))
    assert np.isfinite(losses).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_stacked_networks_have_the_losses_that_they_have_alone(family):
    pairs = [example(family, 6, 3, seed) for seed in range(4)]
    y, eta = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    together, gradient = loss_and_gradient(family, y, eta)
    for k, pair in enumerate(pairs):
        alone = loss_and_gradient(family, *pair)
        assert_allclose(together[k], alone[0], rtol=1e-13, atol=1e-15)
        assert_allclose(gradient[k], alone[1], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "family",
    [poisson(link="identity"), poisson(link="sqrt"), gamma(link="inverse"), gamma(link="identity")],
    ids=repr,
)
def test_outside_its_range_the_loss_leads_back(family):
    losses, gradient = loss_and_gradient(
        family, np.full((3, 1), 2.0), np.array([[-3.0], [-2.0], [-1.0]])
    )
    assert_allclose(np.diff(losses), -1.0)
    assert_array_equal(gradient, -1.0)
    assert np.isfinite(family.mean([-3.0])).all()


def test_probit_keeps_its_digits_in_both_tails():
    eta = np.linspace(-38, 8, 400)[:, np.newaxis]
    losses, gradient = loss_and_gradient(binomial(link="probit"), np.ones_like(eta), eta)
    assert_allclose(losses, -stats.norm.logcdf(eta).ravel(), rtol=1e-13, atol=1e-15)
    slope = -np.exp(stats.norm.logpdf(eta) - stats.norm.logcdf(eta))
    assert_allclose(gradient, slope, rtol=1e-12)


def test_cloglog_keeps_its_digits_for_small_probabilities():
    eta = np.linspace(-50, 3, 400)[:, np.newaxis]
    losses, _ = loss_and_gradient(binomial(link="cloglog"), np.ones_like(eta), eta)
    assert_allclose(losses, -np.log(-np.expm1(-np.exp(eta))).ravel(), rtol=1e-13)


def test_negative_binomial_of_large_theta_is_poisson():
    y, eta = example(poisson(), 30, 1)
    expected = loss_and_gradient(poisson(), y, eta)
    for dtype, theta, rtol in [("float64", 1e8, 1e-6), ("float32", 1e6, 1e-4)]:
        ours = loss_and_gradient(negative_binomial(theta), y.astype(dtype), eta.astype(dtype))
        assert_allclose(ours[0], expected[0], rtol=rtol, atol=10 * rtol)
        assert_allclose(ours[1], expected[1], rtol=rtol, atol=10 * rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", ALL, ids=repr)
def test_keras_activation_is_the_mean(family, dtype):
    import keras

    eta = np.linspace(-12, 12, 50, dtype=dtype).reshape(25, 2)
    if family.name == "gaussian":
        eta = eta / 4
    mean = family.mean(eta)
    activation = keras_activation(family.activation)
    computed = np.asarray(activation(keras.ops.convert_to_tensor(eta, dtype="float32")))
    assert mean.dtype == dtype
    assert_allclose(computed, mean, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_a_keras_model_that_ends_in_the_activation_is_saved_and_loaded(family, tmp_path):
    import keras

    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, keras_activation(family.activation))]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    X = np.ones((3, 2))
    assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@given(mu=st.floats(0.05, 40), theta=st.floats(0.3, 8), seed=st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_estimated_theta_has_the_greatest_likelihood(mu, theta, seed):
    y = np.random.RandomState(seed).negative_binomial(theta, theta / (theta + mu), 200)
    means = np.full(200, max(y.mean(), 0.01))
    best = negative_binomial().estimate_theta(y, means)
    at = negative_binomial(theta=best).log_likelihood(y, means)
    for factor in (0.9, 1.1):
        other = negative_binomial(theta=best * factor)
        assert at >= other.log_likelihood(y, means) - 1e-6 * abs(at)


def test_theta_of_counts_that_do_not_vary_is_the_upper_end():
    assert_allclose(negative_binomial().estimate_theta(np.full(9, 4), np.full(9, 4.0)), 1e6)


def test_variances_are_those_of_the_distributions():
    mu = np.array([0.2, 0.7])
    assert_allclose(gaussian().variance(mu), 1)
    assert_allclose(binomial().variance(mu), mu * (1 - mu))
    assert_allclose(multinomial().variance(mu), mu * (1 - mu))
    assert_allclose(poisson().variance(mu), mu)
    assert_allclose(gamma().variance(mu), mu**2)
    assert_allclose(negative_binomial(2.0).variance(mu), stats.nbinom.var(2, 2 / (2 + mu)))


def test_several_outputs_each_have_a_dispersion():
    y, eta = example(gaussian(), 20, 2)
    each = [gaussian().dispersion(y[:, k], eta[:, k], df_residual=18) for k in range(2)]
    assert_allclose(gaussian().dispersion(y, eta, df_residual=18), each)
    assert_allclose(
        gaussian().log_likelihood(y, eta),
        sum(gaussian().log_likelihood(y[:, k], eta[:, k]) for k in range(2)),
    )
    assert poisson().dispersion(np.abs(y), np.exp(eta)).shape == (2,)


def test_a_perfect_fit_has_infinite_likelihood_and_certainty_a_finite_deviance():
    y = np.array([0.0, 1.0, 1.0])
    assert gaussian().log_likelihood(y, y) == math.inf
    assert_allclose(binomial().deviance(y, y), 0, atol=1e-14)
    assert_allclose(binomial().deviance(1 - y, y), -6 * np.log(np.finfo(float).eps), rtol=1e-12)
    assert np.isfinite(binomial().log_likelihood(1 - y, y.astype("float32")))
    assert np.isfinite(poisson().deviance([1.0], [0.0]))
    assert_allclose(gamma().deviance([1e-9], np.float32([1e-9])), 0, atol=1e-12)
    for family in (poisson(), gamma(), negative_binomial(1.0)):
        assert np.isfinite(family.deviance([1.0], [np.inf]))


def test_poisson_regression_of_scikit_learn_has_our_deviance_as_its_score():
    y = Y["poisson"]
    model = PoissonRegressor(alpha=0, tol=1e-10, max_iter=500).fit(X[:, np.newaxis], y, W)
    mu = model.predict(X[:, np.newaxis])
    explained = 1 - poisson().deviance(y, mu, W) / poisson().null_deviance(y, W)
    assert_allclose(model.score(X[:, np.newaxis], y, W), explained)


@pytest.mark.parametrize(
    ("family", "y", "message"),
    [
        (poisson(), [0, 2, -1.5], r"poisson\(link='log'\) needs y >= 0, but y holds -1.5 \(row 2"),
        (gamma(), [1, 0.0], r"gamma\(link='log'\) needs y > 0, but y holds 0.0 \(row 1\)"),
        (binomial(), [0, 1, 2], r"binomial\(link='logit'\) needs 0 <= y <= 1, but y holds 2.0"),
        (multilabel(), [[0, 1], [1, 3]], r"multilabel\(\) needs 0 <= y <= 1, but y holds 3.0"),
        (negative_binomial(1.0), [-2.0], r"needs y >= 0, but y holds -2.0 \(row 0\)"),
        (gaussian(), [0.0, np.inf], r"gaussian\(link='identity'\) needs finite numbers"),
        (multinomial(), [[0, 1], [1, 1]], "but row 1 of y sums to 2.0"),
        (multinomial(), [[0, 1], [2, -1]], r"but y holds 2.0 \(row 1\)"),
    ],
)
def test_a_response_that_cannot_be_is_an_error_that_names_it(family, y, message):
    with pytest.raises(ValueError, match=message):
        family.check_target(y)


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_possible_responses_pass(family):
    family.check_target(example(family, 20, 3)[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: poisson(link="logit"), "link='logit' is unknown to poisson. Known names: 'ident"),
        (lambda: binomial(link="probti"), "Did you mean 'probit'?"),
        (lambda: negative_binomial(theta=0), "theta of negative_binomial must be a positive"),
        (lambda: negative_binomial(theta=math.nan), "Got nan"),
        (lambda: get("poison"), "family='poison' is unknown.*Did you mean 'poisson'?"),
        (lambda: get(3), "family=3 is unknown"),
        (lambda: get({"name": "poisson", "theta": 2}), "setting='theta' is unknown to poisson"),
        (lambda: negative_binomial().loss(1.0, 1.0), "theta of negative_binomial is not known"),
        (lambda: gaussian().deviance([1.0], [[1.0]]), r"y has shape \(1,\), but mu has shape"),
        (lambda: gaussian().deviance([1.0], [1.0], [1.0, 2.0]), "sample_weight has shape"),
    ],
)
def test_wrong_arguments_are_errors_that_say_what_is_right(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("family", ALL, ids=repr)
def test_families_are_values(family):
    for twin in (
        pickle.loads(pickle.dumps(family)),
        copy.deepcopy(family),
        clone(family, safe=False),
        get(family.config()),
    ):
        assert twin == family
        assert hash(twin) == hash(family)
        assert repr(twin) == repr(family)
    assert eval(repr(family), vars(families)) == family
    assert get(family) is family


def test_different_families_differ():
    assert len({*ALL, negative_binomial(theta=2.0), negative_binomial()}) == len(ALL) + 2
    assert negative_binomial().with_theta(3.0) == negative_binomial(theta=3.0)


def test_a_family_can_be_named_as_in_r():
    assert get("poisson") == get(poisson) == poisson()
    assert get("negative_binomial") == negative_binomial()


def test_families_and_their_means_need_no_keras():
    code = (
        "import sys, numpy; from sklearn_cnn.families import get;"
        "f = get('gamma'); f.mean(numpy.ones(2)); f.deviance([1.0], [2.0]); f.activation;"
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
