"""Several starts of one fit: as one after another, the best kept."""

import signal
import threading

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris, make_regression
from sklearn.model_selection import cross_validate

from sklearn_cnn import Autoencoder, CNNClassifier, MLPClassifier, MLPRegressor
from sklearn_cnn.estimators import _base
from sklearn_cnn.training import Reason, fusing, lbfgs, starts
from sklearn_cnn.training.loop import train_alone
from sklearn_cnn.training.plan import Fit
from sklearn_cnn.training.starts import best_start, train_as_one, train_starts

from ._fits import fitted, network, plan_for, some_rows, start

pytestmark = [
    pytest.mark.filterwarnings(
        "error:.*trained one by one",
        "error:.*dtype float64 requested",
        "ignore::sklearn.exceptions.ConvergenceWarning",
    ),
    pytest.mark.usefixtures("ctrl_c_is_heard"),
]
X, y = load_iris(return_X_y=True)
WEIGHTS = np.random.RandomState(0).poisson(1.0, len(y)).astype(float)


@pytest.fixture
def groups(groups, monkeypatch):
    """The groups, where starts are trained together however short they are."""
    monkeypatch.setattr(starts, "_STEPS_WORTH_STACKING", 0)
    return groups


def mlp(**settings):
    settings = {"max_iter": 6, "batch_size": 32, "n_init": 4, "random_state": 0, **settings}
    return MLPClassifier((4,), **settings)


def one_by_one(estimator, monkeypatch, **arguments):
    with monkeypatch.context() as patch:
        patch.setattr(starts, "_STEPS_WORTH_STACKING", np.inf)
        patch.setattr(_base, "train_lbfgs_starts", lambda fits, max_fun: [None] * len(fits))
        return estimator.fit(X, y, **arguments)


def assert_same(one, other, rtol=1e-7):
    for ours, theirs in zip(one._weights, other._weights, strict=True):
        assert_allclose(ours, theirs, rtol=rtol, atol=rtol)
    assert one.n_iter_ == other.n_iter_
    assert one.history_.keys() == other.history_.keys()
    for name in one.history_.keys() - {"seconds"}:
        assert_allclose(one.history_[name], other.history_[name], rtol=rtol, err_msg=name)


@pytest.mark.parametrize(
    ("estimator", "arguments"),
    [
        (mlp(solver="sgd", learning_rate_init=0.05), {}),
        (mlp(solver="adam", learning_rate_init=0.05), {}),
        (mlp(solver="rmsprop"), {"sample_weight": WEIGHTS}),
        (mlp(solver="sgd", learning_rate="adaptive", dropout=0.3), {}),
        (mlp(early_stopping=True, max_iter=40, n_iter_no_change=2, tol=0.01), {}),
        (mlp(monitor="loss"), {"X_val": X[::3], "y_val": y[::3]}),
        (mlp(max_iter=60, n_iter_no_change=2, tol=0.02), {"sample_weight": WEIGHTS}),
        (mlp(standardize=True), {}),
        (CNNClassifier(input_shape=(2, 2, 1), filters=(2,), max_iter=2, n_init=3), {}),
        (Autoencoder(n_components=1, max_iter=4, batch_size=20, n_init=3), {}),
    ],
)
def test_starts_end_as_they_do_one_by_one(estimator, arguments, groups, monkeypatch):
    estimator.set_params(random_state=0)
    if isinstance(estimator, CNNClassifier):
        monkeypatch.setattr(fusing, "_STEPS_WORTH_STACKING_CONVOLUTIONS", 0)
        estimator.set_params(dtype="float64")
    together = clone(estimator).fit(X, y, **arguments)
    assert groups == [estimator.n_init]
    alone = one_by_one(clone(estimator), monkeypatch, **arguments)
    assert groups == [estimator.n_init]
    assert_same(together, alone)


@pytest.mark.parametrize("settings", [{}, {"alpha": 0.1, "l1": 0.01}, {"tol": 1e-2}])
def test_starts_of_lbfgs_end_bit_by_bit_as_they_do_one_by_one(settings, monkeypatch):
    estimator = mlp(solver="lbfgs", max_iter=60, n_init=5, **settings)
    monkeypatch.setattr(lbfgs, "_MOST_SEARCHES", 3)
    together = clone(estimator).fit(X, y, sample_weight=WEIGHTS)
    alone = one_by_one(clone(estimator), monkeypatch, sample_weight=WEIGHTS)
    assert_same(together, alone, rtol=0 if fusing.backends.current().name != "jax" else 1e-6)


def test_the_best_of_the_fits_that_their_seeds_name_is_kept(groups):
    """The oracle: a fit for each of the seeds."""
    Xr, yr = make_regression(80, 3, noise=5.0, random_state=0)
    settings = {"hidden_layer_sizes": 5, "batch_size": 20, "max_iter": 5}
    best = MLPRegressor(**settings, n_init=5, random_state=7).fit(Xr, yr)
    assert groups == [5]
    seeds = [7, *np.random.RandomState(7).randint(np.iinfo(np.int32).max, size=4)]
    fits = [MLPRegressor(**settings, random_state=int(seed)).fit(Xr, yr) for seed in seeds]
    expected = min(fits, key=lambda fit: fit.loss_)
    assert_allclose(best.coefs_[0], expected.coefs_[0], rtol=1e-9)
    assert_allclose(best.loss_curve_, expected.loss_curve_, rtol=1e-9)
    # What comes after goes on with that start's stream of random numbers.
    assert_allclose(
        best.partial_fit(Xr, yr).coefs_[0], expected.partial_fit(Xr, yr).coefs_[0], rtol=1e-9
    )


def test_with_early_stopping_all_starts_watch_the_same_rows(groups):
    """More starts are never worse, which holds only on one and the same part of the rows."""
    settings = {"early_stopping": True, "max_iter": 8, "learning_rate_init": 0.03}
    scores = [mlp(n_init=n, **settings).fit(X, y).best_validation_score_ for n in (1, 3, 6)]
    assert groups == [3, 6]
    assert scores == sorted(scores)


def test_random_states_are_left_as_one_start_leaves_them(groups):
    """An instance is advanced as by ``n_init=1``, and NumPy's own stream not at all."""
    states = []
    for n_init in (1, 3):
        rng = np.random.RandomState(0)
        before = np.random.get_state()[1].copy()
        mlp(n_init=n_init, random_state=rng).fit(X, y)
        assert_array_equal(np.random.get_state()[1], before)
        states.append(rng.get_state()[1:3])
    assert_array_equal(states[0][0], states[1][0])
    assert states[0][1] == states[1][1]


def test_a_start_that_diverges_fails_alone(groups):
    plan, rows = plan_for(network(), solver="sgd", max_iter=4), some_rows()

    def fits():
        found = [
            Fit(plan, start(plan.architecture, seed), rows, np.random.RandomState(seed))
            for seed in range(3)
        ]
        found[0].progress.weights = [1e200 * weight for weight in found[0].progress.weights]
        return found

    together = train_starts(fits(), train_as_one, train_alone)
    alone = train_starts(fits(), None, train_alone)
    assert groups == [3]
    assert [result.reason is Reason.NOT_FINITE for result in together] == [True, False, False]
    for one, other in zip(together[1:], alone[1:], strict=True):
        for ours, theirs in zip(one.progress.weights, other.progress.weights, strict=True):
            assert_allclose(ours, theirs, rtol=1e-9)
    losses = [result.history["loss"][-1] for result in together]
    assert best_start(together) == best_start(alone) == 1 + int(losses[2] < losses[1])


def test_where_all_starts_diverge_the_error_is_that_of_one(groups):
    wild = {"solver": "sgd", "activation": "identity", "learning_rate_init": 1e200}
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        mlp(**wild).fit(X, y)
    assert groups == [4]


def test_of_equal_starts_the_first_is_the_best():
    plan, rows = plan_for(network()), some_rows()
    results = [fitted(plan, rows) for _ in range(3)]
    assert best_start([None, *results]) == 1


def test_fits_that_go_on_start_once(groups, monkeypatch):
    together = mlp(warm_start=True).fit(X, y)
    coefs = together.coefs_[0].copy()
    again = one_by_one(mlp(warm_start=True), monkeypatch)
    for one in (together, again):
        one.set_params(max_iter=3).fit(X, y)
        one.partial_fit(X, y)
    assert groups == [4]
    assert np.abs(together.coefs_[0] - coefs).max() > 0
    assert_same(together, again)
    assert len(together.loss_curve_) == 6 + 3 + 1


def test_short_fits_are_not_worth_a_program(monkeypatch):
    offered = []
    monkeypatch.setattr(fusing, "train_together", lambda fits, **_: offered.append(fits))
    few = mlp(max_iter=2).fit(X, y)
    assert offered == []
    assert few.n_iter_ == 2


def test_those_who_hear_of_epochs_hear_of_all_starts(groups, capsys):
    """Lines as scikit-learn prints them, one start after the other; the fit is the same."""
    told = mlp(n_init=3, verbose=True).fit(X, y)
    assert capsys.readouterr().out.count("Iteration 6,") == 3
    assert groups == []
    silent = mlp(n_init=3).fit(X, y)
    assert_same(told, silent)
    mlp(n_init=3).set_callbacks(ProgressBar()).fit(X, y)
    assert groups == [3]


def test_starts_in_a_fused_search_join_the_program_of_all(groups):
    estimator = mlp(n_init=3)
    with joblib.parallel_config("fused"):
        found = cross_validate(estimator, X, y, cv=4, return_estimator=True)
    assert groups == [12]
    groups.clear()
    expected = cross_validate(estimator, X, y, cv=4, return_estimator=True)
    assert groups == [3, 3, 3, 3]
    assert_allclose(found["test_score"], expected["test_score"])
    for one, other in zip(found["estimator"], expected["estimator"], strict=True):
        assert_same(one, other)


def test_starts_beyond_the_memory_are_trained_in_parts(groups, monkeypatch):
    sizes = []
    stack = fusing.Stack

    def noted(piece, fits, stopped):
        sizes.append(len(fits))
        return stack(piece, fits, stopped)

    expected = mlp(n_init=8).fit(X, y)
    monkeypatch.setattr(fusing, "Stack", noted)
    monkeypatch.setattr(fusing, "free_memory", lambda: 2**18)
    found = mlp(n_init=8).fit(X, y)
    assert sum(sizes) == 8
    assert len(sizes) > 2
    assert_same(found, expected)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("verbose", [False, True])
def test_ctrl_c_ends_all_starts_and_keeps_the_best_so_far(solver, verbose, groups, monkeypatch):
    Xr, yr = np.random.RandomState(0).normal(size=(40, 3)), np.arange(40.0)
    endless = MLPRegressor(
        hidden_layer_sizes=3,
        solver=solver,
        n_init=3,
        max_iter=10**7,
        max_fun=10**9,
        n_iter_no_change=np.inf,
        tol=1e-300,
        verbose=verbose,
        random_state=0,
    )
    if solver == "lbfgs":  # whose searches come to an end
        endless.set_params(n_init=5000)
    else:  # not interrupted while it is compiled
        clone(endless).set_params(max_iter=100, verbose=False).fit(Xr, yr)
        groups.clear()
    main = threading.main_thread().ident
    timer = threading.Timer(2.0, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    before = threading.active_count()
    with pytest.warns(UserWarning, match="interrupted by user"):
        endless.fit(Xr, yr)
    timer.join()
    assert threading.active_count() <= before
    assert endless.n_iter_ > 0
    assert np.isfinite(endless.predict(Xr)).all()


def test_an_error_of_a_program_ends_all_searches(monkeypatch):
    def fails(self, vectors):
        raise RuntimeError("No memory.")

    monkeypatch.setattr(lbfgs.FullLoss, "of_several", fails)
    before = threading.active_count()
    with pytest.raises(RuntimeError, match=r"No memory\."):
        mlp(solver="lbfgs").fit(X, y)
    assert threading.active_count() == before


def test_lbfgs_starts_once_from_weights_that_are_there():
    one = mlp(solver="lbfgs", warm_start=True, max_iter=5).fit(X, y)
    start = one.loss_
    one.fit(X, y)
    assert one.loss_ <= start
    assert len(one.history_["loss"]) <= 5
