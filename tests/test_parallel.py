"""Searches, cross-validations and ensembles under the backend "fused": as one after another."""

import threading
import time
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, StackingClassifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_cnn.parallel
from sklearn_cnn import CNNClassifier, KerasClassifier, MLPClassifier, MLPRegressor, fit_many
from sklearn_cnn.training import fusing

X, y = load_iris(return_X_y=True)
RATES = [0.003, 0.01, 0.03]

pytestmark = [
    pytest.mark.filterwarnings(
        "error:.*trained one by one", "ignore::sklearn.exceptions.ConvergenceWarning"
    ),
    pytest.mark.usefixtures("ctrl_c_is_heard"),
]


def network(**settings):
    settings = {"batch_size": 20, "max_iter": 6, "learning_rate_init": 0.01, **settings}
    return MLPClassifier((4,), random_state=0, **settings)


def pipeline(**settings):
    return make_pipeline(StandardScaler(), network(**settings))


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 10
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def grid_search():
    search = GridSearchCV(pipeline(), {"mlpclassifier__learning_rate_init": RATES}, cv=4)
    search.fit(X, y)
    return search.cv_results_["mean_test_score"], search.best_index_, search.predict_proba(X)


def randomized_search():
    space = {"alpha": [1e-4, 1e-2, 1.0], "hidden_layer_sizes": [(3,), (5,)], "dropout": [0.0, 0.2]}
    search = RandomizedSearchCV(network(), space, n_iter=5, cv=3, random_state=0).fit(X, y)
    return search.cv_results_["mean_test_score"], search.best_index_


def search_of_widths():
    sizes = [(3,), (6,), (9,), (4, 4), (2, 7)]
    search = GridSearchCV(network(activation="logistic"), {"hidden_layer_sizes": sizes}, cv=3)
    search.fit(X, y)
    return (
        search.cv_results_["mean_test_score"],
        search.best_index_,
        *(search.best_estimator_.coefs_),
    )


def halving_search():
    search = HalvingGridSearchCV(
        network(),
        {"learning_rate_init": RATES},
        cv=3,
        resource="max_iter",
        max_resources=12,
        min_resources=3,
        factor=2,
        random_state=0,
    ).fit(X, y)
    return search.cv_results_["mean_test_score"], search.best_index_


def cross_validation():
    found = cross_validate(pipeline(), X, y, cv=5, return_estimator=True, return_train_score=True)
    fitted = [estimator[-1] for estimator in found["estimator"]]
    return (
        found["test_score"],
        found["train_score"],
        [est.coefs_[0] for est in fitted],
        [est.loss_curve_ for est in fitted],
        [est.n_iter_ for est in fitted],
    )


def cross_validated_predictions():
    return (cross_val_predict(pipeline(), X, y, cv=4, method="predict_proba"),)


def curve_of_learning():
    return learning_curve(
        network(), X, y, cv=3, train_sizes=[0.5, 1.0], shuffle=True, random_state=0
    )


def curve_of_validation():
    return validation_curve(network(), X, y, param_name="alpha", param_range=[0.01, 1.0], cv=3)


def permutation_test():
    return permutation_test_score(network(), X, y, cv=3, n_permutations=4, random_state=0)[:2]


def bagging():
    bag = BaggingClassifier(network(), n_estimators=4, random_state=0).fit(X, y)
    return (bag.predict_proba(X),)


def bagged_regression():
    Xr, yr = make_regression(60, 4, noise=1.0, random_state=0)
    base = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, batch_size=20)
    return (BaggingRegressor(base, n_estimators=3, random_state=0).fit(Xr, yr).predict(Xr),)


def several_outputs():
    targets = np.column_stack([y == 0, y == 1])
    fitted = MultiOutputClassifier(network()).fit(X, targets)
    return (np.array(fitted.predict_proba(X)),)


def one_against_the_rest():
    return (OneVsRestClassifier(network()).fit(X, y).predict_proba(X),)


def stacking():
    members = [("a", network()), ("b", pipeline(alpha=0.1))]
    return (StackingClassifier(members, cv=3).fit(X, y).predict_proba(X),)


def nested():
    inner = GridSearchCV(network(), {"learning_rate_init": RATES}, cv=3)
    return (cross_validate(inner, X, y, cv=3)["test_score"],)


def columns():
    transformer = make_column_transformer((StandardScaler(), [0, 1]), remainder="passthrough")
    return (cross_validate(make_pipeline(transformer, network()), X, y, cv=3)["test_score"],)


def early_stopping():
    estimator = network(early_stopping=True, max_iter=40, n_iter_no_change=2, tol=1e-2)
    found = cross_validate(estimator, X, y, cv=4, return_estimator=True)
    return (
        [est.n_iter_ for est in found["estimator"]],
        [est.coefs_[1] for est in found["estimator"]],
        [est.best_validation_score_ for est in found["estimator"]],
    )


# What runs, and the number of fits that must have met at least once.
TOOLS = {
    grid_search: 12,
    randomized_search: 15,
    search_of_widths: 15,
    halving_search: 9,
    cross_validation: 5,
    cross_validated_predictions: 4,
    curve_of_learning: 6,
    curve_of_validation: 6,
    permutation_test: 4,
    bagging: 4,
    bagged_regression: 3,
    several_outputs: 2,
    one_against_the_rest: 3,
    stacking: 6,
    nested: 27,
    columns: 3,
    early_stopping: 4,
}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_fused_results_are_the_sequential_ones(tool, groups):
    with joblib.parallel_config("fused"):
        fused = tool()
    assert max(groups) == TOOLS[tool]
    groups.clear()
    sequential = tool()
    assert groups == []
    for ours, theirs in zip(fused, sequential, strict=True):
        if isinstance(theirs, list):
            for one, other in zip(ours, theirs, strict=True):
                assert_allclose(one, other, rtol=1e-7, atol=1e-9)
        else:
            assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("n_jobs", [None, -1, 2, 3, 8])
@pytest.mark.parametrize("pre_dispatch", ["2*n_jobs", "all", 1])
def test_groups_are_as_large_as_n_jobs_allows(n_jobs, pre_dispatch, groups):
    with joblib.parallel_config("fused"):
        search = GridSearchCV(
            network(),
            {"alpha": [0.1, 1.0]},
            cv=4,
            n_jobs=n_jobs,
            pre_dispatch=pre_dispatch,
            refit=False,
        ).fit(X, y)
    assert sum(groups) == 8
    widest = 8 if n_jobs in (None, -1) else n_jobs
    assert max(groups) == (1 if pre_dispatch == 1 else widest)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_one_job_is_sequential(groups):
    with joblib.parallel_config("fused", n_jobs=1):
        cross_validate(network(), X, y, cv=3)
    assert groups == []


def test_float32_weights_agree_after_twenty_epochs():
    narrow = X.astype("float32")

    def coefficients():
        found = cross_validate(
            pipeline(max_iter=20, dropout=0.1), narrow, y, cv=4, return_estimator=True
        )
        return [estimator[-1].coefs_[0] for estimator in found["estimator"]]

    with joblib.parallel_config("fused"):
        fused = coefficients()
    for ours, theirs in zip(fused, coefficients(), strict=True):
        assert ours.dtype == theirs.dtype == np.float32
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_a_failing_candidate_fails_alone(groups):
    grid = {"hidden_layer_sizes": [(3,), "nonsense", (4,)]}
    with joblib.parallel_config("fused"), pytest.warns(FitFailedWarning, match="3 fits failed"):
        search = GridSearchCV(network(), grid, cv=3, error_score=-1.0).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1.0
    assert (scores[[0, 2]] > 0).all()
    assert groups == [6]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_candidate_that_diverges_fails_alone():
    grid = {"learning_rate_init": [0.01, 1e200]}
    search = GridSearchCV(network(solver="sgd", activation="identity"), grid, cv=3)
    with joblib.parallel_config("fused"), pytest.warns(FitFailedWarning, match="3 fits failed"):
        search.fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"][1])
    with pytest.warns(FitFailedWarning):
        expected = clone(search).fit(X, y)
    assert search.best_score_ == expected.best_score_


class Fails(TransformerMixin, BaseEstimator):
    """A transformer that fails, after a while, where the first row of iris is missing."""

    def __init__(self, wait=0.05):
        self.wait = wait

    def fit(self, X, y=None):
        time.sleep(self.wait)
        if not (X[:, :4] == [5.1, 3.5, 1.4, 0.2]).all(axis=1).any():
            raise ValueError("This fold is not to my taste.")
        return self

    def transform(self, X):
        return X


def test_an_exception_in_preprocessing_holds_nobody_up(groups):
    model = make_pipeline(Fails(), network())
    with joblib.parallel_config("fused"), pytest.warns(FitFailedWarning):
        scores = cross_validate(model, X, y, cv=5)["test_score"]
    assert np.isnan(scores).tolist() == [True, False, False, False, False]
    assert groups == [4]


def test_an_error_that_is_raised_ends_the_search():
    model = make_pipeline(Fails(), network(max_iter=100_000, tol=0.0))
    with (
        joblib.parallel_config("fused"),
        pytest.raises(ValueError, match="not to my taste"),
    ):
        cross_validate(model, X, y, cv=5, error_score="raise")
    with joblib.parallel_config("fused"):
        assert len(cross_validate(network(), X, y, cv=3)["test_score"]) == 3


def test_an_interrupt_ends_the_search_and_its_threads():
    """What Ctrl-C does: a signal to the main thread while networks train."""
    import _thread

    model = network(max_iter=1_000_000, tol=0.0, n_iter_no_change=np.inf)
    timer = threading.Timer(3.0, _thread.interrupt_main)
    timer.start()
    started = time.monotonic()
    with joblib.parallel_config("fused"), pytest.raises(KeyboardInterrupt):
        cross_validate(model, X, y, cv=4)
    assert time.monotonic() - started < 120
    timer.join()


def test_what_cannot_be_fused_is_trained_alone_beside_the_rest(groups, capsys):
    """L-BFGS, networks that print each epoch, and other estimators."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    grid = {
        "model": [
            network(),
            network(solver="lbfgs"),
            network(verbose=True),
            LogisticRegression(),
        ]
    }
    with joblib.parallel_config("fused"):
        search = GridSearchCV(
            Pipeline([("model", LogisticRegression())]), grid, cv=3, refit=False
        ).fit(X, y)
    assert groups == [3]
    expected = clone(search).fit(X, y).cv_results_["mean_test_score"]
    assert_allclose(search.cv_results_["mean_test_score"], expected)
    assert "Iteration 6" in capsys.readouterr().out


def test_filters_of_warnings_are_as_they_were():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        before = list(warnings.filters)
        with joblib.parallel_config("fused"):
            cross_validate(network(), X, y, cv=4)
        assert warnings.filters == before


def test_progress_names_the_networks_in_flight(capsys):
    with joblib.parallel_config("fused", verbose=1):
        GridSearchCV(network(), {"alpha": [0.1]}, cv=4, refit=False).fit(X, y)
    assert "4 networks in flight" in capsys.readouterr().err


def test_data_that_fill_memory_narrow_a_call(monkeypatch):
    from sklearn_cnn.training import free_memory

    class Work:
        items = [(None, (X,), {"y": y, "again": X})]

    monkeypatch.setattr(free_memory, "free_memory", lambda: 2 * 3 * 10 * (X.nbytes + y.nbytes))
    assert sklearn_cnn.parallel.tasks_in_memory(Work()) == 10
    monkeypatch.setattr(free_memory, "free_memory", lambda: 0)
    assert sklearn_cnn.parallel.tasks_in_memory(Work()) == 2


def test_results_may_come_one_by_one(groups):
    parallel = joblib.Parallel(n_jobs=4, backend="fused", return_as="generator")
    fitted = parallel(joblib.delayed(network().fit)(X, y + 0 * k) for k in range(6))
    curves = [next(fitted).loss_curve_ for _ in range(6)]
    assert all(curve == curves[0] for curve in curves)
    assert sum(groups) == 6


def test_fit_many_fits_what_it_is_given(groups):
    Xr, yr = make_regression(80, 5, noise=1.0, random_state=0)
    estimators = [
        make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=8, random_state=seed)
        )
        for seed in range(4)
    ]
    copies = [clone(estimator) for estimator in estimators]
    fitted = fit_many((estimator, Xr, yr) for estimator in estimators)
    assert groups == [4]
    assert all(one is other for one, other in zip(fitted, estimators, strict=True))
    for one, copy in zip(fitted, copies, strict=True):
        assert_allclose(one.predict(Xr), copy.fit(Xr, yr).predict(Xr), rtol=1e-7)


def test_fit_many_hands_over_weights():
    weights = [np.random.RandomState(seed).poisson(1.0, len(y)) for seed in range(3)]
    fitted = fit_many((network(), X, y, {"sample_weight": weight}) for weight in weights)
    for one, weight in zip(fitted, weights, strict=True):
        expected = network().fit(X, y, sample_weight=weight)
        assert_allclose(one.coefs_[0], expected.coefs_[0], rtol=1e-9)


BOOTSTRAP = [np.random.RandomState(seed).randint(len(X), size=len(X)) for seed in range(3)]


@pytest.mark.parametrize(
    "estimator",
    [
        network(),
        network(dtype="float32"),
        network(early_stopping=True),
        MLPClassifier((4,), solver="lbfgs", max_iter=6, random_state=0),
        MLPClassifier((4,), batch_normalization=True, max_iter=3, random_state=0),
        CNNClassifier(input_shape=(2, 2, 1), filters=(2,), max_iter=2, random_state=0),
        KerasClassifier(max_iter=3, random_state=0),
        pipeline(),
    ],
)
def test_rows_of_one_array_are_as_good_as_copies(estimator):
    """Row numbers, some twice, counted from the end too; a mask; all in one call."""
    rows = [*BOOTSTRAP, np.arange(-100, 0), np.arange(len(X)) % 3 > 0]
    fitted = fit_many((clone(estimator), X, y, chosen) for chosen in rows)
    for one, chosen in zip(fitted, rows, strict=True):
        expected = clone(estimator).fit(X[chosen], y[chosen])
        assert_allclose(one.predict_proba(X), expected.predict_proba(X), rtol=1e-5)


def test_rows_come_with_their_weights_whatever_container_holds_them():
    weights = np.random.RandomState(0).poisson(1.0, len(y)).astype(float)
    frame, target = pd.DataFrame(X), pd.Series(y)
    arguments = {"sample_weight": weights}
    fitted = fit_many(
        [(network(), X, y, chosen, arguments) for chosen in BOOTSTRAP]
        + [(network(), frame, target, chosen, arguments) for chosen in BOOTSTRAP]
    )
    for one, chosen in zip(fitted, BOOTSTRAP * 2, strict=True):
        expected = network().fit(X[chosen], y[chosen], sample_weight=weights[chosen])
        assert_allclose(one.coefs_[0], expected.coefs_[0], rtol=1e-8)


def test_replicates_of_a_large_array_take_little_memory(monkeypatch):
    """What reaches the engine refers to one array, and the program's has room for it once."""
    large = np.random.RandomState(0).normal(size=(1000, 50))
    held, pools = [], []
    train_together, common_rows = fusing.train_together, fusing.common_rows
    monkeypatch.setattr(
        fusing,
        "train_together",
        lambda fits, **settings: held.extend(fits) or train_together(fits, **settings),
    )

    def noted(*arguments, **settings):
        data, places = common_rows(*arguments, **settings)
        pools.append(tuple(data.x.shape))
        return data, places

    monkeypatch.setattr(fusing, "common_rows", noted)
    replicates = [np.random.RandomState(seed).randint(1000, size=1000) for seed in range(12)]
    one = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, random_state=0)
    fit_many((clone(one), large, large[:, 0], rows) for rows in replicates)
    assert len(held) == 12
    assert all(fit.rows.x.array is large for fit in held)
    assert set(pools) == {(1024, 50)}


def test_fit_many_refuses_what_it_cannot_fit():
    estimator = network()
    with pytest.raises(TypeError, match=r"The same MLPClassifier object .* Pass clone"):
        fit_many([(estimator, X, y), (estimator, X, y)])
    with pytest.raises(TypeError, match=r"must be a tuple .* Got MLPClassifier\."):
        fit_many([(estimator,)])
    with pytest.raises(TypeError, match=r"one array of row numbers .* Got ndarray, int\."):
        fit_many([(estimator, X, y, BOOTSTRAP[0], 3)])
    with pytest.raises(ValueError, match=r"one entry a row of X, 150\. Got 2\."):
        fit_many([(estimator, X, y, [True, False])])
    with pytest.raises(IndexError, match=r"Row 150 is to be fitted on, but X has 150 rows\."):
        fit_many([(estimator, X, y, [0, 150])])


class Trouble(TransformerMixin, BaseEstimator):
    """A transformer that waits, fails or does neither, as its parameters say."""

    def __init__(self, fails=False, seconds=0.0):
        self.fails = fails
        self.seconds = seconds

    def fit(self, X, y=None):
        time.sleep(self.seconds)
        if self.fails:
            raise ValueError("As asked.")
        return self

    def transform(self, X):
        return X


def random_search(rng):
    """A search whose candidates fail, stall, differ in structure or stop early, at random."""
    network = MLPClassifier((3,), batch_size=25, random_state=int(rng.randint(1000)))
    grid = {
        "trouble__fails": [False] if rng.rand() < 0.5 else [False, True],
        "trouble__seconds": [0.0] if rng.rand() < 0.7 else [0.0, 0.02],
        "network__max_iter": [int(rng.randint(1, 12))],
        "network__early_stopping": [bool(rng.rand() < 0.3)],
        "network__n_iter_no_change": [int(rng.randint(1, 4))],
        "network__learning_rate_init": list(rng.choice([0.001, 0.01, 0.1], 1 + rng.randint(2))),
        "network__solver": ["adam", "sgd"] if rng.rand() < 0.3 else ["adam"],
        "network__hidden_layer_sizes": [(3,), (5,)] if rng.rand() < 0.3 else [(3,)],
    }
    search = GridSearchCV(
        make_named(network),
        grid,
        cv=int(rng.randint(2, 5)),
        refit=False,
        n_jobs=[None, 2, 3, 7][rng.randint(4)],
        pre_dispatch=["2*n_jobs", "all", 3][rng.randint(3)],
        error_score="raise" if rng.rand() < 0.1 else np.nan,
    )
    return search, rng.rand() < 0.1


def make_named(network):
    from sklearn.pipeline import Pipeline

    return Pipeline([("trouble", Trouble()), ("network", network)])


def outcome(search):
    """Mean scores, or the name of the error."""
    try:
        return search.fit(X, y).cv_results_["mean_test_score"]
    except (ValueError, KeyboardInterrupt) as error:
        return type(error).__name__


def stress(n_searches, seed):
    import _thread

    rng = np.random.RandomState(seed)
    for _ in range(n_searches):
        search, is_interrupted = random_search(rng)
        timer = threading.Timer(rng.uniform(0.0, 0.3), _thread.interrupt_main)
        found = None
        try:
            if is_interrupted:
                timer.start()
            with joblib.parallel_config("fused"):
                found = outcome(search)
            if is_interrupted:
                timer.join()
                time.sleep(0.01)
        except KeyboardInterrupt:  # before the search began, or after its end
            pass
        if found is None or (isinstance(found, str) and found == "KeyboardInterrupt"):
            continue
        expected = outcome(clone(search).set_params(n_jobs=1))
        if isinstance(expected, str):
            assert found == expected
        else:
            assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize(
    ("n_searches", "seed"),
    [(8, 0), pytest.param(500, 1, marks=[pytest.mark.nightly, pytest.mark.timeout(7200)])],
)
def test_random_searches_end_as_they_do_one_by_one(n_searches, seed):
    """Failures, waits, interrupts and early stops: no deadlock, no thread left, no difference."""
    stress(n_searches, seed)


def test_autoencoders_and_users_models_are_fused_where_their_layers_allow_it(groups):
    from sklearn_cnn import Autoencoder, KerasClassifier

    def build(input_shape, n_outputs):
        import keras

        layers = [keras.Input(input_shape), keras.layers.Dense(4, "tanh")]
        return keras.Sequential([*layers, keras.layers.Dense(n_outputs, "softmax")])

    for make in (
        lambda seed: Autoencoder(n_components=1, max_iter=4, batch_size=20, random_state=seed),
        lambda seed: KerasClassifier(build, max_iter=4, batch_size=20, random_state=seed),
    ):
        groups.clear()
        fitted = fit_many((make(seed), X, y) for seed in range(3))
        assert groups == [3]
        for seed, one in enumerate(fitted):
            expected = make(seed).fit(X, y)
            for ours, theirs in zip(
                one.model_.get_weights(), expected.model_.get_weights(), strict=True
            ):
                assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
