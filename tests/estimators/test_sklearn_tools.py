"""scikit-learn's tools around our estimators: pipelines, searches, ensembles, routing."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.neural_network
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import set_config
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_cnn import Autoencoder, CNNClassifier, MLPClassifier, MLPRegressor
from tests._estimators import NAMES, PERCEPTRONS, data_for, quick, response, weights_of
from tests._problems import digits, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSIFIERS = [name for name in NAMES if is_classifier(quick(name))]
REGRESSORS = [name for name in NAMES if is_regressor(quick(name))]


def people(n=80):
    rng = np.random.RandomState(0)
    return {
        "age": rng.randint(18, 80, n),
        "income": rng.lognormal(10, 1, n),
        "town": rng.choice(["Ulm", "Bonn", "Kiel"], n),
        "member": rng.uniform(size=n) < 0.5,
    }


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
@pytest.mark.parametrize("name", NAMES)
def test_a_network_stands_at_the_end_of_a_pipeline_of_columns(name, frame):
    table = frame(people())
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["age", "income"]),
            ("words", OneHotEncoder(sparse_output=False), ["town"]),
            ("flags", "passthrough", ["member"]),
        ]
    )
    y = people()["town"] if is_classifier(quick(name)) else people()["age"] / 50
    pipeline = make_pipeline(columns, quick(name)).fit(table, y)
    assert pipeline[-1].n_features_in_ == 6
    assert response(pipeline, table).shape[0] == 80
    assert 0 < len(repr(pipeline)) < 2000
    assert "ColumnTransformer" in pipeline._repr_html_()


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
@pytest.mark.parametrize("name", NAMES)
def test_frames_are_arrays_with_names(name, frame):
    X, y = data_for(quick(name))
    columns = [f"x{i}" for i in range(X.shape[1])]
    table = pd.DataFrame(X, columns=columns)
    table = table if frame is pd.DataFrame else pl.from_pandas(table)
    series = y if y is None else (pd.Series(y) if frame is pd.DataFrame else pl.Series(y))
    named = quick(name).fit(table, series)
    plain = quick(name).fit(X, y)
    assert_array_equal(named.feature_names_in_, columns)
    assert_array_equal(response(named, table), response(plain, X))


@pytest.mark.parametrize("cls", PERCEPTRONS)
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_rows_train_the_network_of_dense_ones(cls, container):
    X, y = data_for(quick(cls.__name__))
    X = np.where(np.abs(X) < 0.7, 0.0, X)
    weight = np.linspace(0, 1, len(X))
    options = {"early_stopping": True, "batch_size": 16}
    dense = quick(cls.__name__, **options).fit(X, y, sample_weight=weight)
    thin = quick(cls.__name__, **options).fit(container(X), y, sample_weight=weight)
    for a, b in zip(weights_of(dense), weights_of(thin), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert_allclose(response(thin, container(X)), response(dense, X), rtol=1e-9)


def test_flat_rows_become_pictures_behind_a_scaler():
    X, y = digits()
    flat = make_pipeline(StandardScaler(), quick("CNNClassifier", input_shape=(8, 8, 1)))
    flat.fit(X[:200], y[:200])
    shaped = make_pipeline(
        StandardScaler(),
        FunctionTransformer(lambda rows: rows.reshape(-1, 8, 8)),
        quick("CNNClassifier"),
    )
    shaped.fit(X[:200], y[:200])
    assert_array_equal(flat.predict_proba(X[:50]), shaped.predict_proba(X[:50]))


@pytest.mark.parametrize("transform", ["default", "pandas", "polars"])
def test_codes_have_names_and_the_container_that_was_asked_for(transform):
    X, _ = data_for(quick("Autoencoder"))
    autoencoder = quick("Autoencoder", n_components=3).set_output(transform=transform).fit(X)
    names = ["autoencoder0", "autoencoder1", "autoencoder2"]
    assert list(autoencoder.get_feature_names_out()) == names
    codes = autoencoder.transform(X)
    if transform == "default":
        assert type(codes) is np.ndarray
    else:
        assert list(codes.columns) == names
        assert type(codes).__module__.split(".")[0] == transform
    both = FeatureUnion([("codes", autoencoder), ("pca", PCA(1))]).fit(X)
    assert list(both.get_feature_names_out()) == [*(f"codes__{n}" for n in names), "pca__pca0"]


def test_a_grid_search_finds_what_loops_find():
    data = problem("two classes")
    grid = {"mlpclassifier__hidden_layer_sizes": [(), (4,)], "mlpclassifier__alpha": [0.001, 10.0]}
    pipeline = make_pipeline(StandardScaler(), quick("MLPClassifier", max_iter=30))
    search = GridSearchCV(pipeline, grid, cv=3).fit(data.X, data.y)
    for parameters, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        candidate = clone(pipeline).set_params(**parameters)
        assert cross_val_score(candidate, data.X, data.y, cv=3).mean() == pytest.approx(score)
    refitted = clone(pipeline).set_params(**search.best_params_).fit(data.X, data.y)
    assert_array_equal(search.predict_proba(data.X), refitted.predict_proba(data.X))


def test_a_search_goes_over_solvers_activations_losses_and_widths():
    data = problem("numbers")
    space = {
        "solver": ["adam", "sgd", "rmsprop", "nadam", "lbfgs"],
        "activation": ["relu", "tanh", "gelu"],
        "hidden_layer_sizes": [(3,), (4, 2), ()],
        "loss": ["squared_error", "huber"],
        "learning_rate_init": [0.001, 0.01],
    }
    search = RandomizedSearchCV(
        quick("MLPRegressor"), space, n_iter=6, cv=2, random_state=0, error_score="raise"
    )
    search.fit(data.X, data.y)
    assert len({str(p) for p in search.cv_results_["params"]}) == 6
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("resource", ["max_iter", "n_samples"])
def test_halving_searches_spend_epochs_or_rows(resource):
    data = problem("ten classes")
    search = HalvingRandomSearchCV(
        quick("MLPClassifier"),
        {"learning_rate_init": [0.0001, 0.001, 0.01, 0.1]},
        resource=resource,
        min_resources=5 if resource == "max_iter" else 60,
        max_resources=20 if resource == "max_iter" else "auto",
        cv=2,
        factor=2,
        random_state=0,
    )
    search.fit(data.X, data.y)
    assert search.best_params_["learning_rate_init"] > 0.001
    if resource == "max_iter":
        assert search.best_estimator_.max_iter == 20


@pytest.mark.parametrize("name", NAMES)
def test_cross_validation_and_learning_curves_run(name):
    X, y = data_for(quick(name))
    assert np.isfinite(cross_val_score(quick(name), X, y, cv=3)).all()
    sizes, train, test = learning_curve(quick(name), X, y, cv=2, train_sizes=[0.5, 1.0])
    assert sizes.tolist() == [22, 45]
    assert np.isfinite(train).all()
    assert np.isfinite(test).all()


def test_predictions_across_folds_have_the_columns_of_all_classes():
    data = problem("ten classes")
    probabilities = cross_val_predict(
        quick("MLPClassifier"), data.X, data.y, cv=3, method="predict_proba"
    )
    assert probabilities.shape == (200, 10)


AROUND_CLASSIFIERS = {
    "calibration": lambda e: CalibratedClassifierCV(e, cv=2),
    "calibration of weights": lambda e: CalibratedClassifierCV(e, cv=2, method="isotonic"),
    "bagging": lambda e: BaggingClassifier(e, n_estimators=3, random_state=0),
    "boosting": lambda e: AdaBoostClassifier(e, n_estimators=3, random_state=0),
    "stacking": lambda e: StackingClassifier([("a", e), ("b", clone(e))], cv=2),
    "one against the rest": OneVsRestClassifier,
}


@pytest.mark.parametrize("around", AROUND_CLASSIFIERS.values(), ids=AROUND_CLASSIFIERS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_ensembles_of_classifiers_learn(name, around):
    data = problem("ten classes")
    rows = data.y < 3
    ensemble = around(quick(name, max_iter=30, learning_rate_init=0.02))
    ensemble.fit(data.X[rows], data.y[rows])
    assert ensemble.score(data.X[rows], data.y[rows]) > 0.9


AROUND_REGRESSORS = {
    "bagging": lambda e: BaggingRegressor(e, n_estimators=3, random_state=0),
    "boosting": lambda e: AdaBoostRegressor(e, n_estimators=3, random_state=0),
    "voting": lambda e: VotingRegressor([("a", e), ("b", clone(e))]),
    "transformed target": lambda e: TransformedTargetRegressor(e, transformer=StandardScaler()),
    "one for each output": MultiOutputRegressor,
}


@pytest.mark.parametrize("around", AROUND_REGRESSORS.values(), ids=AROUND_REGRESSORS)
@pytest.mark.parametrize("name", REGRESSORS)
def test_ensembles_of_regressors_learn(name, around):
    data = problem("numbers")
    y = data.y[:, None] if around is AROUND_REGRESSORS["one for each output"] else data.y
    ensemble = around(quick(name, max_iter=60, learning_rate_init=0.02)).fit(data.X, y)
    assert ensemble.score(data.X, y) > 0.7


def test_boosting_weighs_rows_as_it_does_with_any_other_estimator():
    """The first network is fitted with equal weights, the second with those of its errors."""
    data = problem("two classes")
    options = {"max_iter": 30, "learning_rate_init": 0.01}
    boosted = AdaBoostClassifier(quick("MLPClassifier", **options), n_estimators=2, random_state=0)
    boosted.fit(data.X, data.y)
    first, second = boosted.estimators_
    alone = quick("MLPClassifier", **options, random_state=first.random_state)
    alone.fit(data.X, data.y, sample_weight=np.full(90, 1 / 90))
    assert_allclose(first.coefs_[0], alone.coefs_[0])
    wrong = first.predict(data.X) != data.y
    error = wrong.mean()
    weight = np.where(wrong, (1 - error) / error, 1.0) / 90
    again = quick("MLPClassifier", **options, random_state=second.random_state)
    again.fit(data.X, data.y, sample_weight=weight / weight.sum())
    assert_allclose(second.coefs_[0], again.coefs_[0], rtol=1e-5)


def test_permutation_importance_finds_the_column_that_matters():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(100, 3))
    mlp = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit(X, 2 * X[:, 1])
    importance = permutation_importance(mlp, X, 2 * X[:, 1], random_state=0).importances_mean
    assert importance.argmax() == 1
    assert_allclose(importance[[0, 2]], 0, atol=1e-6)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_partial_dependence_can_be_drawn(name):
    X, y = data_for(quick(name))
    estimator = quick(name).fit(X, y)
    display = PartialDependenceDisplay.from_estimator(estimator, X, [0, (0, 1)], grid_resolution=5)
    assert display.axes_.size == 2


@pytest.fixture
def routing():
    set_config(enable_metadata_routing=True)
    yield
    set_config(enable_metadata_routing=False)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("name", NAMES)
def test_sample_weights_reach_the_network_through_a_pipeline(name):
    X, y = data_for(quick(name))
    weight = np.linspace(0.1, 2, len(X))
    inner = quick(name).set_fit_request(sample_weight=True)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, inner).fit(X, y, sample_weight=weight)
    alone = quick(name).fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    for a, b in zip(weights_of(pipeline[-1]), weights_of(alone), strict=True):
        assert_array_equal(a, b)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_validation_data_are_transformed_on_their_way_through_a_pipeline(name):
    X, y = data_for(quick(name))
    X, X_val, y, y_val = X[:60], X[60:], y[:60], y[60:]
    inner = quick(name, max_iter=10).set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", inner)], transform_input=["X_val"])
    pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    alone = quick(name, max_iter=10)
    alone.fit(scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val)
    assert pipeline[-1].history_["val_loss"] == alone.history_["val_loss"]
    for a, b in zip(weights_of(pipeline[-1]), weights_of(alone), strict=True):
        assert_array_equal(a, b)


@pytest.mark.usefixtures("routing")
def test_validation_data_with_other_rows_than_x_are_whole_in_every_fold():
    """As many rows as X has would be sliced by the folds: early_stopping is for searches."""
    data = problem("two classes")
    X, X_val, y, y_val = data.X[:60], data.X[60:], data.y[:60], data.y[60:]
    inner = quick("MLPClassifier").set_fit_request(X_val=True, y_val=True)
    search = GridSearchCV(inner, {"alpha": [0.1, 1.0]}, cv=2, refit=True)
    search.fit(X, y, X_val=X_val, y_val=y_val)
    alone = clone(search.best_estimator_).fit(X, y, X_val=X_val, y_val=y_val)
    assert search.best_estimator_.history_["val_loss"] == alone.history_["val_loss"]


@pytest.mark.parametrize("data", ["two classes", "ten classes"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_are_there_and_there_is_no_decision_function_to_be_wrong(name, data):
    """As in scikit-learn's MLP: scorers that take either find the probabilities."""
    X, y = problem(data).X, problem(data).y
    classifier = quick(name).fit(X, y)
    probabilities = classifier.predict_proba(X)
    assert_array_equal(classifier.classes_, np.unique(y))
    assert probabilities.shape == (len(X), len(classifier.classes_))
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert_allclose(np.exp(classifier.predict_log_proba(X)), probabilities, rtol=1e-6)
    assert_array_equal(classifier.classes_[probabilities.argmax(axis=1)], classifier.predict(X))
    assert not hasattr(classifier, "decision_function")
    assert not hasattr(sklearn.neural_network.MLPClassifier(), "decision_function")
    shown = probabilities if data == "ten classes" else probabilities[:, 1]
    expected = roc_auc_score(y, shown, multi_class="ovr")
    scorer = get_scorer("roc_auc" if data == "two classes" else "roc_auc_ovr")
    assert scorer(classifier, X, y) == expected


STEPWISE = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    "dropout": {"dropout": 0.3},
    "batch normalisation": {"batch_normalization": True},
    "nadam": {"solver": "nadam"},
    "given order": {"shuffle": False},
}


def trained_by_calls(estimator, X, y, calls, between=lambda e: e, **options):
    first = {"classes": np.unique(y)} if is_classifier(estimator) else {}
    for call in range(calls):
        estimator.partial_fit(X, y, **options, **(first if call == 0 else {}))
        estimator = between(estimator)
    return estimator


@pytest.mark.parametrize("settings", STEPWISE.values(), ids=STEPWISE)
@pytest.mark.parametrize("name", NAMES)
def test_calls_of_partial_fit_are_the_epochs_of_fit(name, settings):
    X, y = data_for(quick(name))
    options = {"dtype": "float64", "batch_size": 16, "learning_rate": "constant"} | settings
    options["max_iter"] = 30 if settings else 100
    if "tol" not in settings:
        options |= {"tol": 0.0, "n_iter_no_change": np.inf}
    else:
        options["max_iter"] = 12
    whole = quick(name, **options).fit(X, y)
    steps = trained_by_calls(quick(name, **options), X, y, options["max_iter"])
    for a, b in zip(weights_of(steps), weights_of(whole), strict=True):
        assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    assert_allclose(steps.loss_curve_, whole.loss_curve_, rtol=1e-7)
    assert steps.t_ == whole.t_
    assert steps._optimizer.learning_rate == pytest.approx(whole._optimizer.learning_rate)


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.3}, STEPWISE["adaptive"]])
@pytest.mark.parametrize("name", NAMES)
def test_partial_fit_goes_on_after_a_pickle_as_if_nothing_had_been(name, settings):
    X, y = data_for(quick(name))
    estimator = quick(name, batch_size=16, **settings)
    through = trained_by_calls(
        clone(estimator), X, y, 4, between=lambda e: pickle.loads(pickle.dumps(e))
    )
    straight = trained_by_calls(clone(estimator), X, y, 4)
    for a, b in zip(weights_of(through), weights_of(straight), strict=True):
        assert_array_equal(a, b)
    assert through.loss_curve_ == straight.loss_curve_


def test_partial_fit_takes_batches_of_a_stream():
    X, y = digits()
    options = {"random_state": 0, "learning_rate_init": 0.01, "batch_size": 150}
    ours = MLPClassifier((20,), **options)
    theirs = sklearn.neural_network.MLPClassifier((20,), **options)
    for start in range(0, 1500, 150):
        rows = slice(start, start + 150)
        for estimator in (ours, theirs):
            estimator.partial_fit(X[rows], y[rows], classes=np.arange(10))
    assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9, atol=1e-12)
    assert ours.t_ == theirs.t_ == 1500


def test_a_stream_of_pictures_and_codes_is_learnt_too():
    X, y = digits(pictures=True)
    options = {"random_state": 0, "learning_rate_init": 0.01, "batch_size": 15}
    cnn = CNNClassifier((8,), hidden_layer_sizes=(20,), **options)
    codes = Autoencoder(4, (20,), **options)
    for start in range(0, 1500, 150):
        rows = slice(start, start + 150)
        cnn.partial_fit(X[rows], y[rows], classes=np.arange(10))
        codes.partial_fit(X[rows].reshape(-1, 64))
    assert cnn.score(X[1500:], y[1500:]) > 0.7
    assert codes.loss_curve_[-1] < 0.7 * codes.loss_curve_[0]
