"""``loss="pinball"``: scikit-learn's quantile regression is the oracle."""

import pickle

import joblib
import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.model_selection import cross_val_score

import sklearn_cnn
from sklearn_cnn import CNNRegressor, KerasRegressor, MLPClassifier, MLPRegressor, families
from sklearn_cnn.families import pinball
from tests.estimators.test_common import weights_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, (300, 2))
Y = 1 + X @ [2.0, -1.0] + (1 + 0.5 * X[:, 0]) * RNG.gumbel(size=300)
QUANTILES = (0.1, 0.5, 0.9)
QUICK = {"hidden_layer_sizes": (5,), "max_iter": 10, "random_state": 0}
# The pinball loss has kinks: the rate must fall for the weights to settle.
LINEAR = {
    "hidden_layer_sizes": (),
    "alpha": 0,
    "learning_rate_init": 0.05,
    "learning_rate": "cosine",
    "batch_size": 50,
    "max_iter": 200,
    "tol": 0,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}


def regressor(quantiles=QUANTILES, **settings):
    return MLPRegressor(loss=pinball(quantiles), **QUICK | settings)


def test_without_hidden_layer_it_is_quantile_regression():
    network = regressor(**LINEAR).fit(X, Y)
    predicted = network.predict(X)
    for place, quantile in enumerate(QUANTILES):
        line = QuantileRegressor(quantile=quantile, alpha=0).fit(X, Y)
        assert_allclose(network.coefs_[0][:, place], line.coef_, atol=0.05)
        assert_allclose(network.intercepts_[0][place], line.intercept_, atol=0.03)
        least = mean_pinball_loss(Y, line.predict(X), alpha=quantile)
        assert mean_pinball_loss(Y, predicted[:, place], alpha=quantile) < 1.002 * least


def test_weights_of_rows_weigh_the_quantiles():
    weight = RNG.uniform(0, 3, 300)
    network = regressor(0.8, **LINEAR).fit(X, Y, sample_weight=weight)
    line = QuantileRegressor(quantile=0.8, alpha=0).fit(X, Y, sample_weight=weight)
    losses = [
        mean_pinball_loss(Y, fit.predict(X), alpha=0.8, sample_weight=weight)
        for fit in (network, line)
    ]
    assert losses[0] < 1.003 * losses[1]


def test_the_share_of_responses_below_a_quantile_is_what_it_says():
    predicted = regressor((0.05, 0.5, 0.95), **LINEAR).fit(X, Y).predict(X)
    shares = np.mean(Y[:, np.newaxis] < predicted, axis=0)
    assert_allclose(shares, (0.05, 0.5, 0.95), atol=0.02)


def test_the_name_alone_gives_a_median_and_an_interval_of_nine_in_ten():
    network = MLPRegressor(loss="pinball", **QUICK).fit(X, Y)
    assert_array_equal(network.predict(X), regressor((0.05, 0.5, 0.95)).fit(X, Y).predict(X))


@pytest.mark.parametrize(
    ("quantiles", "y", "shape"),
    [
        (0.5, Y, (300,)),
        ([0.5], Y, (300,)),
        (0.5, np.c_[Y, -Y], (300, 2)),
        (QUANTILES, Y, (300, 3)),
        (QUANTILES, np.c_[Y, -Y], (300, 2, 3)),
    ],
)
def test_predictions_have_a_last_axis_of_quantiles(quantiles, y, shape):
    network = regressor(quantiles).fit(X, y)
    assert network.predict(X).shape == shape
    assert network.n_outputs_ == np.prod(shape[1:], initial=1)


def test_several_outputs_have_quantiles_of_their_own():
    outputs = np.c_[Y, -2 * Y]
    predicted = regressor(**LINEAR).fit(X, outputs).predict(X)
    for place in range(2):
        for number, quantile in enumerate(QUANTILES):
            y, found = outputs[:, place], predicted[:, place, number]
            line = QuantileRegressor(quantile=quantile, alpha=0).fit(X, y).predict(X)
            least = mean_pinball_loss(y, line, alpha=quantile)
            assert mean_pinball_loss(y, found, alpha=quantile) < 1.005 * least


def test_quantiles_do_not_cross_though_outputs_of_the_model_may():
    network = regressor((0.4, 0.5, 0.6)).fit(X, Y)
    raw = network.model_.predict(X, verbose=0)
    assert (np.diff(raw, axis=1) < 0).any()
    assert_allclose(network.predict(X), np.sort(raw, axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("y", [Y, np.c_[Y, Y**2]], ids=["one output", "two outputs"])
@pytest.mark.parametrize("quantiles", [0.7, QUANTILES])
def test_the_score_is_scikit_learns_d2_over_quantiles(quantiles, y):
    weight = RNG.uniform(size=300)
    network = regressor(quantiles).fit(X, y)
    predicted = network.predict(X).reshape(*y.shape, -1)
    expected = np.mean(
        [
            d2_pinball_score(y, predicted[..., k], alpha=share, sample_weight=weight)
            for k, share in enumerate(np.atleast_1d(quantiles))
        ]
    )
    assert network.score(X, y, sample_weight=weight) == pytest.approx(expected)


def test_validation_scores_are_minus_the_loss():
    network = regressor(early_stopping=True).fit(X, Y)
    assert_array_equal(network.validation_scores_, np.negative(network.history_["val_loss"]))
    network = regressor().fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    losses = [
        mean_pinball_loss(Y[200:], found, alpha=share)
        for found, share in zip(
            network.model_.predict(X[200:], verbose=0).T, QUANTILES, strict=True
        )
    ]
    assert min(network.history_["val_loss"]) == pytest.approx(sum(losses), rel=1e-5)


def test_the_offset_is_added_to_each_quantile():
    offset = RNG.normal(size=(300, 2))
    y = np.c_[Y, -Y]
    for standardize in (False, True):
        with_offset = regressor(standardize=standardize).fit(X, y + offset, offset=offset)
        plain = regressor(standardize=standardize).fit(X, y)
        assert_allclose(with_offset.predict(X), plain.predict(X), rtol=1e-7)
        expected = plain.predict(X) + offset[:, :, np.newaxis]
        assert_allclose(with_offset.predict(X, offset=offset), expected, rtol=1e-7)


def test_quantiles_are_in_the_units_of_a_target_that_is_standardised():
    near = regressor(standardize=True).fit(X, Y).predict(X)
    far = regressor(standardize=True).fit(X, 500 + 1e4 * Y).predict(X)
    assert_allclose(far, 500 + 1e4 * near, rtol=1e-8)


def test_lbfgs_and_every_other_solver_lower_the_loss():
    for solver in ("lbfgs", "sgd", "rmsprop"):
        network = regressor(solver=solver, max_iter=100, learning_rate_init=0.03).fit(X, Y)
        assert network.score(X, Y) > 0.1


def test_fused_fits_are_those_one_by_one():
    alone = cross_val_score(regressor(), X, Y, cv=3)
    with joblib.parallel_config("fused", n_jobs=-1):
        fused = cross_val_score(regressor(), X, Y, cv=3)
    assert_allclose(fused, alone, rtol=1e-8)


def test_pictures_and_models_of_ones_own_have_quantiles_too():
    pictures = RNG.normal(size=(40, 6, 6))
    y = pictures.mean(axis=(1, 2))
    cnn = CNNRegressor((2,), hidden_layer_sizes=(3,), loss="pinball", max_iter=2)
    assert cnn.fit(pictures, y).predict(pictures).shape == (40, 3)

    def network(n_outputs):
        return keras.Sequential([keras.layers.Dense(n_outputs)])

    own = KerasRegressor(network, loss="pinball", max_iter=2).fit(X, Y)
    assert own.predict(X).shape == (300, 3)
    assert own.score(X, Y) <= 1
    one_unit = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="each with 3 quantiles"):
        KerasRegressor(one_unit, loss="pinball").fit(X, Y)


def test_quantiles_survive_pickles_and_files(tmp_path):
    network = regressor().fit(X, Y)
    network.save(tmp_path / "network")
    for kept in (pickle.loads(pickle.dumps(network)), sklearn_cnn.load(tmp_path / "network")):
        assert_array_equal(kept.predict(X), network.predict(X))
        kept.partial_fit(X, Y)
        assert len(weights_of(kept)) == len(weights_of(network))


def test_a_classifier_has_no_quantiles():
    with pytest.raises(ValueError, match="is for numbers, but y holds labels"):
        MLPClassifier(loss=pinball()).fit(X, Y > 0)


@pytest.mark.parametrize(
    "quantiles", [0.0, 1.0, (0.9, 0.1), (0.5, 0.5), (), -1, [0.2, 1.2], np.nan]
)
def test_quantiles_are_numbers_between_0_and_1_that_rise(quantiles):
    with pytest.raises(ValueError, match="quantiles of pinball must be a number between 0 and 1"):
        pinball(quantiles)


def test_its_configuration_makes_the_same_family():
    family = pinball([0.2, 0.8])
    assert families.get(family.config()) == family
    assert families.get({"name": "pinball", "quantiles": [0.2, 0.8]}) == family
    assert hash(family) == hash(pinball((0.2, 0.8)))


def test_the_likelihood_is_that_of_the_asymmetric_laplace_distribution():
    y, mu, scale, share = RNG.normal(size=9), RNG.normal(size=9), 0.7, 0.3
    kappa = np.sqrt(share / (1 - share))
    spread = scale / np.sqrt(share * (1 - share))
    expected = stats.laplace_asymmetric.logpdf(y, kappa, loc=mu, scale=spread).sum()
    assert pinball(share).log_likelihood(y, mu, dispersion=scale) == pytest.approx(expected)


def test_several_quantiles_have_no_deviance_in_common():
    with pytest.raises(ValueError, match="Take them one by one"):
        pinball().deviance([1.0], [2.0])
