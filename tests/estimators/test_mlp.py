"""The perceptrons: number for number scikit-learn's; what one without hidden layer is."""

import inspect

import numpy as np
import pytest
import sklearn.neural_network
from keras.callbacks import Callback
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)

import sklearn_cnn
from sklearn_cnn import MLPClassifier, MLPRegressor
from tests._estimators import PERCEPTRONS
from tests._problems import PROBLEMS, digits, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd without momentum": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "sgd without Nesterov": {"solver": "sgd", "nesterovs_momentum": False},
    "sgd invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.2,
        "power_t": 0.3,
    },
    # The rate is lowered several times, and training ends when it is too small.
    "sgd adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.3,
        "tol": 0.05,
        "n_iter_no_change": 1,
        "max_iter": 60,
    },
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "adam, other betas": {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4},
    "lbfgs": {"solver": "lbfgs", "alpha": 0.1},
}
VARIATIONS = {
    "identity": {"activation": "identity"},
    "logistic": {"activation": "logistic"},
    "tanh": {"activation": "tanh"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "three hidden layers": {"hidden_layer_sizes": (8, 4, 5)},
    "one number for a hidden layer": {"hidden_layer_sizes": 6},
    "strong penalty": {"alpha": 1.0},
    "given order": {"shuffle": False},
    "a batch for each row": {"batch_size": 1, "max_iter": 3},
    "full batch": {"batch_size": 200},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 40},
    "early stopping, larger share": {
        "early_stopping": True,
        "validation_fraction": 0.3,
        "solver": "sgd",
        "learning_rate_init": 0.1,
    },
    "stops for lack of progress": {"tol": 0.1, "n_iter_no_change": 2},
    "RandomState": {"random_state": np.random.RandomState(5)},
}


def both(name, **settings):
    """scikit-learn's estimator and ours with the same settings."""
    settings = {"hidden_layer_sizes": (12, 7), "batch_size": 32, "random_state": 7} | settings
    settings = {"max_iter": 20} | settings
    if isinstance(settings["random_state"], np.random.RandomState):
        return tuple(
            getattr(module, name)(**settings | {"random_state": np.random.RandomState(5)})
            for module in (sklearn.neural_network, sklearn_cnn)
        )
    return tuple(getattr(m, name)(**settings) for m in (sklearn.neural_network, sklearn_cnn))


def both_for(data, **settings):
    name = "MLPClassifier" if data.is_classification else "MLPRegressor"
    return both(name, **data.settings | settings)


def assert_same_network(theirs, ours, X, tol=1e-9):
    close = {"rtol": tol, "atol": tol}
    for name in ("coefs_", "intercepts_"):
        for expected, found in zip(getattr(theirs, name), getattr(ours, name), strict=True):
            assert found.dtype == expected.dtype
            assert_allclose(found, expected, **close)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert_allclose(ours.loss_, theirs.loss_, **close)
    if theirs.solver != "lbfgs":
        assert_allclose(ours.loss_curve_, theirs.loss_curve_, **close)
        assert_allclose(ours._optimizer.learning_rate, theirs._optimizer.learning_rate, rtol=1e-12)
        assert ours._no_improvement_count == theirs._no_improvement_count
        for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
            expected, found = getattr(theirs, name), getattr(ours, name)
            assert (found is None) == (expected is None), name
            if expected is not None:
                assert_allclose(found, expected, rtol=tol, atol=tol, err_msg=name)
    if hasattr(theirs, "classes_"):
        assert_array_equal(ours.classes_, theirs.classes_)
        assert_array_equal(ours.predict(X), theirs.predict(X))
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **close)
    else:
        assert_allclose(ours.predict(X), theirs.predict(X), **close)
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert ours.predict(X).shape == theirs.predict(X).shape


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("name", ["ten classes", "several outputs"])
def test_every_solver_trains_scikit_learns_network(name, solver):
    data = problem(name)
    theirs, ours = (e.fit(data.X, data.y) for e in both_for(data, **solver))
    assert_same_network(theirs, ours, data.X)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_kind_of_target_trains_scikit_learns_network(name, solver):
    data = problem(name)
    # Two runs of L-BFGS part where a line search meets a kink of ReLU, here after 19 iterations.
    settings = {"solver": solver, "max_iter": 15}
    theirs, ours = (e.fit(data.X, data.y) for e in both_for(data, **settings))
    assert_same_network(theirs, ours, data.X)


@pytest.mark.parametrize("variation", VARIATIONS.values(), ids=VARIATIONS)
@pytest.mark.parametrize("name", ["two classes", "numbers"])
def test_every_setting_means_what_it_means_in_scikit_learn(name, variation):
    data = problem(name)
    theirs, ours = (e.fit(data.X, data.y) for e in both_for(data, **variation))
    assert_same_network(theirs, ours, data.X)


@pytest.mark.parametrize("name", ["ten classes", "several labels"])
def test_early_stopping_splits_several_classes_and_labels_as_scikit_learn_does(name):
    data = problem(name)
    settings = {"early_stopping": True, "validation_fraction": 0.25, "learning_rate_init": 0.01}
    theirs, ours = (e.fit(data.X, data.y) for e in both_for(data, **settings))
    assert_same_network(theirs, ours, data.X)


def test_a_long_fit_in_compiled_code_trains_scikit_learns_network():
    """57 batches times 20 epochs are worth compiling with XLA."""
    X, y = digits()
    theirs, ours = (e.fit(X, y) for e in both("MLPClassifier", hidden_layer_sizes=(30,)))
    assert_same_network(theirs, ours, X)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("name", ["two classes", "several outputs"])
def test_sample_weights_weigh_as_in_scikit_learn(name, solver, early_stopping):
    data = problem(name)
    weight = np.random.RandomState(0).uniform(0.2, 3.0, len(data.X))
    settings = {"solver": solver, "early_stopping": early_stopping}
    theirs, ours = (e.fit(data.X, data.y, sample_weight=weight) for e in both_for(data, **settings))
    assert_same_network(theirs, ours, data.X)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("name", ["ten classes", "counts"])
def test_warm_start_goes_on_as_in_scikit_learn(name, solver):
    data = problem(name)
    theirs, ours = both_for(data, solver=solver, warm_start=True, max_iter=5)
    for _ in range(3):
        theirs.fit(data.X, data.y)
        ours.fit(data.X, data.y)
    assert_same_network(theirs, ours, data.X)


def test_warm_start_remembers_what_it_stopped_for_as_in_scikit_learn():
    data = problem("two classes")
    settings = {"warm_start": True, "tol": 0.05, "n_iter_no_change": 2, "learning_rate_init": 0.02}
    theirs, ours = both_for(data, **settings)
    for _ in range(3):
        theirs.fit(data.X, data.y)
        ours.fit(data.X, data.y)
    assert_same_network(theirs, ours, data.X)


def test_warm_start_with_early_stopping_keeps_the_best_weights_of_all_fits():
    """Where a later fit finds nothing better, scikit-learn returns its last weights instead."""
    data = problem("two classes")
    settings = {"early_stopping": True, "warm_start": True, "learning_rate_init": 0.05}
    mlp = both_for(data, n_iter_no_change=4, **settings)[1].fit(data.X, data.y)
    best, weights = mlp.best_validation_score_, [coef.copy() for coef in mlp.coefs_]
    mlp.set_params(learning_rate_init=1e-9).fit(data.X, data.y)
    assert mlp.best_validation_score_ == best
    for before, after in zip(weights, mlp.coefs_, strict=True):
        assert_array_equal(after, before)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["ten classes", "several labels", "several outputs"])
def test_partial_fit_on_full_batches_equals_scikit_learn(name, solver, weighted):
    data = problem(name)
    theirs, ours = both_for(data, solver=solver, batch_size=len(data.X), learning_rate_init=0.02)
    classes = np.arange(4) if data.y.ndim == 2 else np.unique(data.y)
    weight = np.linspace(0.5, 2, len(data.X)) if weighted else None
    for estimator in (theirs, ours):
        for call in range(10):
            first = {"classes": classes} if data.is_classification and call == 0 else {}
            estimator.partial_fit(data.X, data.y, sample_weight=weight, **first)
    assert_same_network(theirs, ours, data.X)


@pytest.mark.parametrize("solver", ["sgd invscaling", "adam"])
def test_partial_fit_after_fit_equals_scikit_learn(solver):
    data = problem("numbers")
    theirs, ours = both_for(data, batch_size=len(data.X), **SOLVERS[solver] | {"max_iter": 5})
    for estimator in (theirs, ours):
        estimator.fit(data.X, data.y)
        for rows in (slice(0, 60), slice(30, 90), slice(0, 90)):
            estimator.set_params(batch_size=len(data.X[rows])).partial_fit(
                data.X[rows], data.y[rows]
            )
    assert_same_network(theirs, ours, data.X)


@pytest.mark.parametrize("name", ["ten classes", "numbers"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_float32_gives_scikit_learns_network_to_its_precision(name, solver):
    data = problem(name)
    X = data.X.astype(np.float32)
    y = data.y if data.is_classification else data.y.astype(np.float32)
    theirs, ours = (e.fit(X, y) for e in both_for(data, solver=solver, max_iter=4))
    assert all(coef.dtype == np.float32 for coef in ours.coefs_)
    if solver == "lbfgs":  # theirs then has coefficients in float64
        theirs.coefs_ = [coef.astype(np.float32) for coef in theirs.coefs_]
        theirs.intercepts_ = [intercept.astype(np.float32) for intercept in theirs.intercepts_]
    assert_same_network(theirs, ours, X, tol=2e-5)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["two classes", "several outputs"])
def test_one_epoch_a_call_ends_where_many_epochs_a_call_end(name, early_stopping):
    """A callback asks for one epoch a call; the numbers must not know."""
    data = problem(name)
    settings = {"tol": 0.02, "n_iter_no_change": 3, "learning_rate_init": 0.02, "max_iter": 100}
    settings["early_stopping"] = early_stopping
    many = both_for(data, **settings)[1]
    single = clone(many).set_params(callbacks=Callback)
    assert_same_network(many.fit(data.X, data.y), single.fit(data.X, data.y), data.X, tol=1e-12)
    assert 3 < many.n_iter_ < 100


@pytest.mark.parametrize("cls", PERCEPTRONS)
def test_the_signature_begins_with_scikit_learns(cls):
    assert_begins_with(getattr(sklearn.neural_network, cls.__name__), cls)


@pytest.mark.parametrize("cls", PERCEPTRONS)
def test_the_signature_of_every_method_begins_with_scikit_learns(cls):
    theirs = getattr(sklearn.neural_network, cls.__name__)
    methods = [name for name, value in inspect.getmembers(theirs, inspect.isfunction)]
    for method in [name for name in methods if not name.startswith("_")]:
        assert_begins_with(getattr(theirs, method), getattr(cls, method))


def assert_begins_with(theirs, ours):
    """Ours has their parameters, in their order and with their defaults, then its own."""
    expected = list(inspect.signature(theirs).parameters.values())
    found = list(inspect.signature(ours).parameters.values())[: len(expected)]
    # Metadata routing adds set_fit_request and its kin, whose arguments are keywords only.
    if all(p.kind is p.KEYWORD_ONLY for p in expected[1:]) and theirs.__name__.startswith("set_"):
        expected, found = sorted(expected, key=str), sorted(found, key=str)
        assert {p.name for p in expected} <= set(inspect.signature(ours).parameters)
        return
    assert [(p.name, p.kind, p.default) for p in found] == [
        (p.name, p.kind, p.default) for p in expected
    ]


def test_a_fitted_network_has_the_attributes_of_scikit_learns():
    data = problem("two classes")
    theirs, ours = (e.fit(data.X, data.y) for e in both_for(data, early_stopping=True))
    public = {name for name in dir(theirs) if not name.startswith("_")}
    assert public <= set(dir(ours))


@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
def test_without_hidden_layer_is_ridge(alpha):
    """Both minimise ||y - Xw - b||^2 + alpha ||w||^2."""
    data = problem("numbers")
    mlp = converged(MLPRegressor, alpha=alpha).fit(data.X, data.y)
    ridge = Ridge(alpha=alpha).fit(data.X, data.y)
    assert_allclose(mlp.coefs_[0].ravel(), ridge.coef_, rtol=1e-3)
    assert_allclose(mlp.intercepts_[0][0], ridge.intercept_, rtol=1e-3, atol=1e-6)


def test_without_hidden_layer_and_penalty_is_linear_regression():
    data = problem("several outputs")
    mlp = converged(MLPRegressor, alpha=0).fit(data.X, data.y)
    linear = LinearRegression().fit(data.X, data.y)
    assert_allclose(mlp.coefs_[0].T, linear.coef_, rtol=1e-3)
    assert_allclose(mlp.intercepts_[0], linear.intercept_, atol=1e-3)


@pytest.mark.parametrize("name", ["two classes", "ten classes"])
def test_without_hidden_layer_is_logistic_regression(name):
    """Both minimise the sum of log losses + ||W||^2 / (2 C), with alpha = 1 / C."""
    data = problem(name)
    mlp = converged(MLPClassifier, alpha=5.0).fit(data.X, data.y)
    logistic = LogisticRegression(C=0.2, tol=1e-8, max_iter=5000).fit(data.X, data.y)
    assert_allclose(mlp.coefs_[0].T, logistic.coef_, atol=1e-3)
    # Softmax leaves one constant free: intercepts are compared up to it.
    found, expected = mlp.intercepts_[0], logistic.intercept_
    free = 0.0 if name == "two classes" else 1.0
    assert_allclose(found - free * found.mean(), expected - free * expected.mean(), atol=1e-3)


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_without_hidden_layer_is_poisson_regression(alpha):
    """Both minimise half the mean deviance; ours adds alpha / (2 n) ||w||^2, theirs alpha / 2."""
    data = problem("counts")
    n = len(data.X)
    mlp = converged(MLPRegressor, loss="poisson", alpha=alpha * n).fit(data.X, data.y)
    poisson = PoissonRegressor(alpha=alpha, tol=1e-8, max_iter=1000).fit(data.X, data.y)
    assert_allclose(mlp.coefs_[0].ravel(), poisson.coef_, rtol=1e-3, atol=1e-6)
    assert_allclose(mlp.intercepts_[0][0], poisson.intercept_, rtol=1e-3)


def test_without_hidden_layer_and_with_l1_is_lasso():
    """Lasso's objective is ours divided by n; steps of falling size settle at its kinks."""
    data = problem("numbers")
    n = len(data.X)
    lasso = Lasso(alpha=0.1).fit(data.X, data.y)
    mlp = MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        learning_rate="invscaling",
        learning_rate_init=1.0,
        n_iter_no_change=np.inf,
        batch_size=n,
        alpha=0,
        l1=0.1 * n,
        tol=0,
        max_iter=3000,
    ).fit(data.X, data.y)
    assert_allclose(mlp.coefs_[0].ravel(), lasso.coef_, atol=1e-3)
    assert_allclose(mlp.intercepts_[0][0], lasso.intercept_, atol=1e-3)


def converged(cls, **settings):
    settings = {"solver": "lbfgs", "tol": 1e-8, "max_iter": 5000, "random_state": 0} | settings
    return cls(hidden_layer_sizes=(), **settings)
