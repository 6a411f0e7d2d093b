"""Weights of rows and classes, and offsets: weight 2 is the row twice, 0 the row absent."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.linear_model import PoissonRegressor
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_cnn import Autoencoder, CNNClassifier, MLPClassifier, MLPRegressor
from sklearn_cnn.families import poisson
from tests._estimators import NAMES, data_for, quick, weights_of
from tests._problems import problem, small_pictures

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# All rows in one batch, whose sum no order of rows changes but in the last bits.
FULL_BATCH = {
    "adam": {"batch_size": 1000, "shuffle": False},
    "sgd": {"batch_size": 1000, "shuffle": False, "solver": "sgd"},
    "lbfgs": {"solver": "lbfgs"},
}


@pytest.fixture(autouse=True)
def batches_larger_than_the_data_are_meant():
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        yield


def assert_same_weights(first, second, **tolerances):
    for a, b in zip(weights_of(first), weights_of(second), strict=True):
        assert_allclose(a, b, **{"rtol": 1e-9, "atol": 1e-10} | tolerances)


def fitted(name, X, y, sample_weight=None, **settings):
    estimator = quick(name, max_iter=6, alpha=0.1, **settings)
    return estimator.fit(X, y, sample_weight=sample_weight)


def taken(y, rows):
    return None if y is None else y[rows]


@pytest.mark.parametrize("solver", FULL_BATCH.values(), ids=FULL_BATCH)
@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_2_is_the_row_twice(name, solver):
    X, y = data_for(quick(name))
    times = np.random.RandomState(0).randint(1, 4, len(X))
    repeated = np.repeat(np.arange(len(X)), times)
    weighted = fitted(name, X, y, sample_weight=times, **solver)
    twice = fitted(name, X[repeated], taken(y, repeated), **solver)
    assert_same_weights(weighted, twice)
    assert_allclose(weighted.loss_, twice.loss_)


@pytest.mark.parametrize("batch_size", [7, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_0_is_the_row_absent_bit_for_bit(name, batch_size):
    X, y = data_for(quick(name))
    weight = np.random.RandomState(0).randint(0, 3, len(X)).astype(float)
    kept = np.flatnonzero(weight)
    settings = {"batch_size": batch_size, "early_stopping": False}
    zeros = fitted(name, X, y, sample_weight=weight, **settings)
    absent = fitted(name, X[kept], taken(y, kept), sample_weight=weight[kept], **settings)
    assert_same_weights(zeros, absent, rtol=0, atol=0)
    assert zeros.loss_curve_ == absent.loss_curve_
    assert zeros.t_ == absent.t_


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_of_1_are_none_bit_for_bit(name, solver, early_stopping):
    X, y = data_for(quick(name))
    settings = {"solver": solver, "early_stopping": early_stopping, "batch_size": 13}
    ones = fitted(name, X, y, sample_weight=np.ones(len(X)), **settings)
    none = fitted(name, X, y, **settings)
    assert_same_weights(ones, none, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_all_weights_times_a_constant_only_weaken_the_penalty(name):
    """The penalty is divided by the weight of a batch, so that weights are counts of rows."""
    X, y = data_for(quick(name))
    settings = {"max_iter": 5, "batch_size": 20}
    weighted = quick(name, alpha=0.3, **settings).fit(X, y, sample_weight=np.full(len(X), 3.0))
    plain = quick(name, alpha=0.1, **settings).fit(X, y)
    assert_same_weights(weighted, plain, rtol=1e-6)


def test_a_class_that_only_rows_of_weight_0_have_is_still_a_class():
    data = problem("ten classes")
    weight = (data.y != 3).astype(float)
    mlp = quick("MLPClassifier").fit(data.X, data.y, sample_weight=weight)
    assert_array_equal(mlp.classes_, np.arange(10))
    assert mlp.predict_proba(data.X).shape == (len(data.X), 10)


CLASS_WEIGHTS = {
    "dict": {"no": 3.0},
    "dict of all": {"no": 0.5, "yes": 2.0},
    "balanced": "balanced",
    "zero": {"no": 0.0},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS.values(), ids=CLASS_WEIGHTS)
@pytest.mark.parametrize("name", [name for name in NAMES if is_classifier(quick(name))])
def test_class_weights_are_sample_weights(name, class_weight, weighted):
    data = problem("two classes")
    X, y = data.X[:70], np.where(np.arange(70) < 50, "no", "yes")
    given = np.linspace(0.5, 2, 70) if weighted else None
    if class_weight == "balanced":  # each class has the same sum of weights
        given_or_1 = np.ones(70) if given is None else given
        sums = {label: given_or_1[y == label].sum() for label in ("no", "yes")}
        by_class = {label: given_or_1.sum() / (2 * total) for label, total in sums.items()}
        if not weighted:
            assert_allclose([by_class[label] for label in y], compute_sample_weight("balanced", y))
    else:
        by_class = {"yes": 1.0, "no": 1.0} | class_weight
    as_sample_weight = np.array([by_class[label] for label in y])
    as_sample_weight = as_sample_weight if given is None else as_sample_weight * given
    by_parameter = quick(name, class_weight=class_weight).fit(X, y, sample_weight=given)
    by_argument = quick(name).fit(X, y, sample_weight=as_sample_weight)
    assert_same_weights(by_parameter, by_argument)


def test_class_weights_of_several_labels_are_a_dict_for_each():
    data = problem("several labels")
    by_label = [{0: 1.0, 1: 2.0}, {1: 0.5}, {}, {0: 3.0}]
    expected = np.ones(len(data.X))
    for weights, column in zip(by_label, data.y.T, strict=True):
        expected *= [weights.get(label, 1.0) for label in column]
    by_parameter = quick("MLPClassifier", class_weight=by_label).fit(data.X, data.y)
    by_argument = quick("MLPClassifier").fit(data.X, data.y, sample_weight=expected)
    assert_same_weights(by_parameter, by_argument)


def test_class_weights_act_in_partial_fit_where_a_call_lacks_a_class():
    data = problem("two classes")
    rows = np.flatnonzero(data.y == "no")
    weighted = quick("MLPClassifier", class_weight={"yes": 5.0, "no": 2.0}, alpha=0.0)
    plain = quick("MLPClassifier", alpha=0.0)
    for estimator in (weighted, plain):
        estimator.partial_fit(data.X[rows], data.y[rows], classes=["no", "yes"])
    assert_same_weights(weighted, plain)  # a constant weight is divided out


def validation_loss_by_hand(mlp, X, y, weight):
    probability = mlp.predict_proba(X)[np.arange(len(X)), np.searchsorted(mlp.classes_, y)]
    return -np.average(np.log(probability), weights=weight)


@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 3, 30)], ids=["none", "weights"])
def test_weights_count_in_the_loss_and_score_of_validation_rows(weight):
    data = problem("two classes")
    X, X_val, y, y_val = data.X[:60], data.X[60:], data.y[:60], data.y[60:]
    mlp = quick("MLPClassifier", max_iter=1, metrics="accuracy")
    mlp.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    hits = mlp.predict(X_val) == y_val
    assert_allclose(mlp.validation_scores_, [np.average(hits, weights=weight)])
    assert_allclose(mlp.history_["val_accuracy"], [np.average(hits, weights=weight)])
    by_hand = validation_loss_by_hand(mlp, X_val, y_val, weight)
    assert_allclose(mlp.history_["val_loss"], [by_hand])


def test_class_weights_count_in_the_validation_loss_also_where_a_class_is_missing():
    data = problem("two classes")
    X, y = data.X[:60], data.y[:60]
    rows = 60 + np.flatnonzero(data.y[60:] == "yes")
    mlp = quick("MLPClassifier", max_iter=1, class_weight={"yes": 2.0, "no": 4.0})
    mlp.fit(X, y, X_val=data.X[rows], y_val=data.y[rows])
    by_hand = validation_loss_by_hand(mlp, data.X[rows], data.y[rows], None)
    assert_allclose(mlp.history_["val_loss"], [by_hand])


def test_balanced_classes_count_the_same_in_the_validation_loss():
    data = problem("two classes")
    y = np.where(np.arange(90) % 3 == 0, "no", "yes")
    X, X_val, y, y_val = data.X[:60], data.X[60:], y[:60], y[60:]
    mlp = quick("MLPClassifier", max_iter=1, class_weight="balanced")
    mlp.fit(X, y, X_val=X_val, y_val=y_val)
    weight = compute_sample_weight("balanced", y_val)
    assert_allclose(mlp.history_["val_loss"], [validation_loss_by_hand(mlp, X_val, y_val, weight)])


def test_rows_of_weight_0_are_in_no_validation_split():
    """Early stopping sees the same rows as if they had never come."""
    data = problem("two classes")
    weight = np.where(np.arange(90) % 4 == 0, 0.0, 1.5)
    kept = np.flatnonzero(weight)
    settings = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 8}
    zeros = quick("MLPClassifier", **settings).fit(data.X, data.y, sample_weight=weight)
    absent = quick("MLPClassifier", **settings)
    absent.fit(data.X[kept], data.y[kept], sample_weight=weight[kept])
    assert_same_weights(zeros, absent, rtol=0, atol=0)
    assert zeros.validation_scores_ == absent.validation_scores_


def test_integer_and_boolean_weights_are_numbers():
    data = problem("two classes")
    weight = np.arange(90) % 2
    fits = [
        quick("MLPClassifier").fit(data.X, data.y, sample_weight=weight.astype(dtype))
        for dtype in (float, np.float32, int, bool)
    ]
    for other in fits[1:]:
        assert_same_weights(fits[0], other, rtol=0, atol=0)


def test_user_losses_are_weighted_row_by_row():
    def absolute(y_true, y_pred):
        from keras import ops

        return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    data = problem("numbers")
    times = np.random.RandomState(0).randint(0, 4, len(data.X))
    repeated = np.repeat(np.arange(len(data.X)), times)
    for loss in (absolute, "mean_absolute_error", "huber"):
        settings = {"loss": loss, "max_iter": 6} | FULL_BATCH["adam"]
        weighted = quick("MLPRegressor", **settings).fit(data.X, data.y, sample_weight=times)
        twice = quick("MLPRegressor", **settings).fit(data.X[repeated], data.y[repeated])
        assert_same_weights(weighted, twice)


def test_weighted_pictures_weigh_as_repeated_ones():
    X, y = small_pictures(24)
    times = np.arange(24) % 3
    repeated = np.repeat(np.arange(24), times)
    settings = {"dtype": "float64", "max_iter": 4, **FULL_BATCH["adam"]}
    weighted = quick("CNNClassifier", **settings).fit(X, y, sample_weight=times)
    assert isinstance(weighted, CNNClassifier)
    twice = quick("CNNClassifier", **settings).fit(X[repeated], y[repeated])
    assert_same_weights(weighted, twice)


def test_the_reconstruction_score_is_weighted():
    data = problem("numbers")
    weight = np.linspace(0, 1, len(data.X))
    autoencoder = quick("Autoencoder").fit(data.X)
    assert isinstance(autoencoder, Autoencoder)
    errors = autoencoder.reconstruction_error(data.X)
    assert_allclose(
        autoencoder.score(data.X, sample_weight=weight), -np.average(errors, weights=weight)
    )


def optimum(cls, X, y, fixed=None, **settings):
    """Weights of a linear network at its optimum, the coefficient of the last column fixed."""
    mlp = cls(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, tol=1e-9, max_iter=2000, **settings)
    return mlp.set_params(random_state=0).fit(X, y, **({} if fixed is None else {"offset": fixed}))


def test_an_offset_is_a_column_with_coefficient_1():
    """log(exposure) in a model of counts, against its normal equations."""
    rng = np.random.RandomState(0)
    X, exposure = rng.normal(size=(200, 3)), rng.uniform(1, 20, 200)
    y = rng.poisson(exposure * np.exp(0.2 + X @ [0.3, -0.2, 0.1])).astype(float)
    mlp = optimum(MLPRegressor, X, y, np.log(exposure), loss="poisson")
    rate = mlp.predict(X, offset=np.log(exposure))
    assert_allclose(mlp.predict(X) * exposure, rate)
    # At the optimum of a model of counts the residuals sum to 0 in each column.
    assert_allclose(X.T @ (y - rate) / len(X), 0, atol=1e-4)
    assert_allclose(np.mean(y - rate), 0, atol=1e-4)


def test_an_offset_equals_rates_weighted_by_exposure():
    """Counts with offset log(exposure) and rates with weight exposure have one likelihood."""
    rng = np.random.RandomState(1)
    X, exposure = rng.normal(size=(150, 2)), rng.uniform(1, 5, 150)
    y = rng.poisson(exposure * np.exp(X @ [0.3, -0.5])).astype(float)
    with_offset = optimum(MLPRegressor, X, y, np.log(exposure), loss=poisson())
    rates = PoissonRegressor(alpha=0, tol=1e-9, max_iter=1000)
    rates.fit(X, y / exposure, sample_weight=exposure)
    assert_allclose(with_offset.coefs_[0].ravel(), rates.coef_, rtol=1e-4)
    assert_allclose(with_offset.intercepts_[0][0], rates.intercept_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_offset_in_regression_is_taken_from_y(solver):
    data = problem("several outputs")
    offset = np.random.RandomState(0).normal(size=data.y.shape)
    settings = {"solver": solver, "max_iter": 8, "batch_size": 30}
    with_offset = quick("MLPRegressor", **settings).fit(data.X, data.y, offset=offset)
    taken_off = quick("MLPRegressor", **settings).fit(data.X, data.y - offset)
    assert_same_weights(with_offset, taken_off, rtol=1e-7)
    assert_allclose(with_offset.predict(data.X, offset=offset), taken_off.predict(data.X) + offset)


def test_an_offset_moves_the_logit():
    data = problem("two classes")
    offset = np.random.RandomState(0).normal(size=len(data.X))
    mlp = optimum(MLPClassifier, data.X, data.y, offset)
    logit = data.X @ mlp.coefs_[0].ravel() + mlp.intercepts_[0] + offset
    assert_allclose(mlp.predict_proba(data.X, offset=offset)[:, 1], 1 / (1 + np.exp(-logit)))
    assert_array_equal(mlp.predict(data.X, offset=offset), np.where(logit > 0, "yes", "no"))
    log_odds = np.diff(mlp.predict_log_proba(data.X, offset=offset)).ravel()
    assert_allclose(log_odds, logit, rtol=1e-6)


def test_offsets_stay_with_their_rows():
    """Through shuffling, splitting for early stopping and dropping rows of weight 0."""
    data = problem("numbers")
    offset = np.random.RandomState(0).normal(size=len(data.X))
    weight = np.arange(len(data.X)) % 5
    settings = {"early_stopping": True, "validation_fraction": 0.2, "max_iter": 10}
    with_offset = quick("MLPRegressor", **settings, batch_size=16)
    with_offset.fit(data.X, data.y, sample_weight=weight, offset=offset)
    taken_off = quick("MLPRegressor", **settings, batch_size=16)
    taken_off.fit(data.X, data.y - offset, sample_weight=weight)
    assert_same_weights(with_offset, taken_off, rtol=1e-7)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_takes_weights(solver):
    data = problem("two classes")
    weight = np.random.RandomState(0).uniform(0.1, 5, len(data.X))
    plain = quick("MLPClassifier", solver=solver, early_stopping=True)
    weighted = quick("MLPClassifier", solver=solver, early_stopping=True)
    plain.fit(data.X, data.y)
    weighted.fit(data.X, data.y, sample_weight=weight)
    assert np.abs(weights_of(plain)[0] - weights_of(weighted)[0]).max() > 1e-4
