"""``standardize=True``: scikit-learn's scalers around the network are the oracle."""

import copy
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from keras.callbacks import Callback
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_cnn
from sklearn_cnn import MLPClassifier, MLPRegressor, diagnose, families
from sklearn_cnn.estimators._hints import ScaleWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.RandomState(0)
SCALES = np.array([1.0, 3e3, 1e-3, 20.0])
X = RNG.normal([0, 5e3, 0.1, -4], SCALES, (80, 4))
SIGNAL = (X / SCALES) @ [1.0, -2.0, 0.5, 1.0]
NUMBERS = 4e4 + 7e3 * np.tanh(SIGNAL - SIGNAL.mean()) + RNG.normal(0, 500, 80)
OUTPUTS = np.column_stack([NUMBERS, 1e-3 * SIGNAL])
LABELS = np.where(SIGNAL.mean() < SIGNAL, "high", "low")
WEIGHT = RNG.uniform(0.2, 2, 80)
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 0, "learning_rate_init": 0.02}

LBFGS = {"solver": "lbfgs"}
VARIATIONS = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "lbfgs": LBFGS,
    "no hidden layer": {"hidden_layer_sizes": ()},
    "two hidden layers": {"hidden_layer_sizes": (6, 5)},
    "batch normalisation": {"batch_normalization": True},
    "dropout": {"dropout": 0.3},
    "penalties": {"alpha": 1.0, "l1": 0.1},
}


def classifier(**settings):
    return MLPClassifier(**QUICK | settings)


def regressor(**settings):
    return MLPRegressor(**QUICK | settings)


class Recorder(Callback):
    """Notes the weights after each epoch."""

    seen: list = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.get_weights())


def scaled_outside(network):
    """What users of scikit-learn write."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network), transformer=StandardScaler()
    )


@pytest.mark.parametrize("settings", [{}, LBFGS], ids=["adam", "lbfgs"])
def test_a_classifier_is_that_of_a_pipeline_with_a_scaler(settings):
    ours = classifier(standardize=True, **settings).fit(X, LABELS)
    pipeline = make_pipeline(StandardScaler(), classifier(**settings)).fit(X, LABELS)
    assert_allclose(ours.predict_proba(X), pipeline.predict_proba(X), rtol=1e-8, atol=1e-12)
    assert_allclose(ours.loss_, pipeline[-1].loss_)


@pytest.mark.parametrize("settings", VARIATIONS.values(), ids=VARIATIONS)
def test_a_regressor_is_that_of_scalers_around_x_and_y(settings):
    ours = regressor(standardize=True, **settings).fit(X, OUTPUTS)
    theirs = scaled_outside(regressor(**settings)).fit(X, OUTPUTS)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


@pytest.mark.parametrize("loss", ["huber", families.gaussian()])
def test_losses_of_differences_have_their_target_scaled(loss):
    ours = regressor(standardize=True, loss=loss).fit(X, NUMBERS)
    theirs = scaled_outside(regressor(loss=loss)).fit(X, NUMBERS)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


@pytest.mark.parametrize("loss", ["poisson", "mean_squared_logarithmic_error"])
def test_the_target_of_other_losses_is_left_as_it_is(loss):
    y = np.abs(SIGNAL) + 0.1
    ours = regressor(standardize=True, loss=loss).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), regressor(loss=loss)).fit(X, y)
    assert_allclose(ours.predict(X), pipeline.predict(X), rtol=1e-8)


def test_the_drop_in_classes_do_not_standardise_unless_asked():
    assert MLPClassifier().standardize is False
    assert MLPRegressor().standardize is False


def test_weights_of_rows_are_weights_of_the_moments():
    """Weight 2 is the row twice and weight 0 the row absent, exactly with lbfgs."""
    weight = np.tile([1, 2, 0, 1], 20)
    weighted = regressor(solver="lbfgs", standardize=True, max_iter=5)
    weighted.fit(X, NUMBERS, sample_weight=weight)
    rows = np.repeat(np.arange(80), weight)
    repeated = regressor(solver="lbfgs", standardize=True, max_iter=5)
    repeated.fit(X[rows], NUMBERS[rows])
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


def test_weights_of_classes_are_weights_of_the_moments():
    by_class = classifier(standardize=True, class_weight={"high": 3.0}).fit(X, LABELS)
    by_row = classifier(standardize=True)
    by_row.fit(X, LABELS, sample_weight=np.where(LABELS == "high", 3.0, 1.0))
    assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_scaled_and_not_centred(form, solver):
    thin = np.where(RNG.uniform(size=X.shape) < 0.3, X, 0)
    ours = regressor(standardize=True, solver=solver).fit(form(thin), NUMBERS)
    theirs = TransformedTargetRegressor(
        make_pipeline(StandardScaler(with_mean=False), regressor(solver=solver)),
        transformer=StandardScaler(),
    )
    theirs.fit(form(thin), NUMBERS)
    assert_allclose(ours.predict(form(thin)), theirs.predict(form(thin)), rtol=1e-8)
    assert_allclose(ours.predict(thin), ours.predict(form(thin)), rtol=1e-12)


def test_sparse_and_dense_rows_may_take_turns_in_partial_fit():
    ours = regressor(standardize=True)
    other = regressor(standardize=True)
    for number in range(4):
        rows = X[number * 20 : number * 20 + 20]
        y = NUMBERS[number * 20 : number * 20 + 20]
        ours.partial_fit(sparse.csr_matrix(rows) if number % 2 else rows, y)
        other.partial_fit(rows, y)
    assert_allclose(ours.predict(X), other.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_columns_and_a_constant_target_leave_the_network_finite(dtype):
    constant = np.column_stack([X, np.full(80, 7.0), np.zeros(80)]).astype(dtype)
    ours = regressor(standardize=True, max_iter=100).fit(constant, np.full(80, 5.0, dtype))
    assert_allclose(ours.predict(constant), 5.0, atol=0.3)
    theirs = scaled_outside(regressor()).fit(constant, NUMBERS.astype(dtype))
    ours = regressor(standardize=True).fit(constant, NUMBERS.astype(dtype))
    assert ours.predict(constant).dtype == dtype
    assert_allclose(ours.predict(constant), theirs.predict(constant), rtol=2e-4)


def test_coefficients_are_on_the_scale_of_the_data():
    """Without hidden layer and penalty they are those of least squares, in the data's units."""
    y = 4e4 + X @ [3.0, 0.1, 2e3, -1.0]
    ours = regressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-10, max_iter=500, standardize=True
    ).fit(X, y)
    assert_allclose(ours.coefs_[0].ravel(), [3.0, 0.1, 2e3, -1.0], rtol=1e-5)
    assert_allclose(ours.intercepts_[0], 4e4, rtol=1e-5)


@pytest.mark.parametrize("batch_normalization", [False, True])
def test_the_keras_model_takes_the_data_as_they_are(batch_normalization):
    ours = regressor(standardize=True, batch_normalization=batch_normalization).fit(X, NUMBERS)
    for model in (ours.model_, ours.to_keras()):
        # Keras's predict hands over float32.
        assert_allclose(model.predict(X, verbose=0).ravel(), ours.predict(X), rtol=1e-5)


def test_the_network_goes_to_scikit_learn_as_it_is():
    ours = regressor(standardize=True).fit(X, NUMBERS)
    assert_allclose(ours.to_sklearn().predict(X), ours.predict(X), rtol=1e-9)


def test_what_is_done_to_the_model_counts_when_training_goes_on():
    ours = regressor(standardize=True).fit(X, NUMBERS)
    ours.model_.set_weights([np.zeros_like(weight) for weight in ours.model_.get_weights()])
    assert_allclose(ours.predict(X), 0.0)
    ours.partial_fit(X, NUMBERS)
    assert np.abs(ours.predict(X)).max() < 0.2 * np.abs(NUMBERS).max()


def test_a_hundred_calls_of_partial_fit_are_a_fit_of_a_hundred_epochs():
    settings = {"standardize": True, "tol": 0.0, "n_iter_no_change": 1000}
    at_once = regressor(max_iter=100, **settings).fit(X, NUMBERS)
    by_calls = regressor(**settings)
    for _ in range(100):
        by_calls.partial_fit(X, NUMBERS)
    assert_allclose(by_calls.predict(X), at_once.predict(X), rtol=1e-7)


def test_partial_fit_counts_every_row_that_it_has_seen():
    ours = regressor(standardize=True, learning_rate_init=1e-12)
    for part in (slice(0, 30), slice(30, 50), slice(50, 80)):
        ours.partial_fit(X[part], NUMBERS[part], sample_weight=WEIGHT[part])
    whole = StandardScaler().fit(X, sample_weight=WEIGHT)
    assert_allclose(ours._scaling.inputs.mean_, whole.mean_)
    assert_allclose(ours._scaling.inputs.scale_, whole.scale_)


def test_moments_that_change_do_not_change_predictions():
    ours = regressor(standardize=True, learning_rate_init=1e-12)
    ours.partial_fit(X[:40], NUMBERS[:40])
    before = ours.predict(X)
    ours.partial_fit(10 * X[40:] + 3, 5 * NUMBERS[40:])
    assert_allclose(ours.predict(X), before, rtol=1e-6)


def test_a_pickle_in_the_middle_of_partial_fit_goes_on_alike():
    ours = classifier(standardize=True).partial_fit(X[:40], LABELS[:40], classes=["high", "low"])
    for other in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours)):
        other.partial_fit(X[40:], LABELS[40:])
        expected = copy.deepcopy(ours).partial_fit(X[40:], LABELS[40:])
        assert_array_equal(other.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_warm_start_goes_on_from_the_weights_of_before(solver):
    ours = regressor(standardize=True, solver=solver, warm_start=True, max_iter=8)
    first = ours.fit(X, NUMBERS).loss_
    ours.set_params(max_iter=1).fit(X, NUMBERS)
    assert ours.loss_ <= first * 1.01
    ours.set_params(standardize=False, learning_rate_init=1e-12)
    before = ours.predict(X)
    if solver == "adam":
        assert_allclose(ours.fit(X, NUMBERS).predict(X), before, rtol=1e-6)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_validation_rows_are_scaled_by_the_moments_of_the_training_rows(make):
    y = LABELS if make is classifier else NUMBERS
    train, held = slice(0, 60), slice(60, 80)
    ours = make(standardize=True).fit(X[train], y[train], X_val=X[held], y_val=y[held])
    scaler = StandardScaler().fit(X[train])
    target = y if make is classifier else (y - y[train].mean()) / y[train].std()
    theirs = make().fit(
        scaler.transform(X[train]),
        target[train],
        X_val=scaler.transform(X[held]),
        y_val=target[held],
    )
    assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-7)
    assert_allclose(ours.history_["val_loss"], theirs.history_["val_loss"], rtol=1e-8)
    best = max(ours.validation_scores_)
    assert_allclose(ours.score(X[held], y[held]), best, rtol=1e-7)


def test_early_stopping_does_not_look_at_the_rows_that_are_kept_aside():
    before = X.copy()
    ours = regressor(standardize=True, early_stopping=True, validation_fraction=0.25)
    ours.fit(X, NUMBERS)
    assert ours._scaling.inputs.n_samples_seen_ == 60
    assert ours.best_validation_score_ > 0
    assert_array_equal(before, X)


def test_the_offset_is_in_the_units_of_the_target():
    offset = 1e4 * RNG.normal(size=80)
    y = NUMBERS + offset
    ours = regressor(standardize=True).fit(X, y, offset=offset)
    plain = regressor(standardize=True).fit(X, NUMBERS)
    assert_allclose(ours.predict(X), plain.predict(X), rtol=1e-8)
    assert_allclose(ours.predict(X, offset=offset), plain.predict(X) + offset, rtol=1e-8)


def test_a_saved_network_predicts_alike_without_tensorflow(tmp_path):
    ours = regressor(standardize=True).fit(X, NUMBERS)
    path = tmp_path / "network"
    ours.save(path)
    np.save(tmp_path / "X.npy", X)
    script = (
        "import sys, numpy as np, sklearn_cnn\n"
        f"found = sklearn_cnn.load({str(path)!r}).predict(np.load({str(tmp_path / 'X.npy')!r}))\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
        f"np.save({str(tmp_path / 'found.npy')!r}, found)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert_array_equal(np.load(tmp_path / "found.npy"), ours.predict(X))
    loaded = sklearn_cnn.load(path)
    assert_array_equal(
        loaded.partial_fit(X, NUMBERS).predict(X), ours.partial_fit(X, NUMBERS).predict(X)
    )


@pytest.mark.filterwarnings("ignore::sklearn_cnn.estimators._hints.ScaleWarning")
def test_a_search_finds_the_same_fused_and_alone():
    grid = {"standardize": [True, False], "learning_rate_init": [0.1, 0.03]}
    search = GridSearchCV(classifier(max_iter=30), grid, cv=3)
    alone = clone(search).fit(X, LABELS)
    with joblib.parallel_config("fused", n_jobs=-1):
        fused = clone(search).fit(X, LABELS)
    assert fused.best_params_["standardize"] is True
    assert_array_equal(fused.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_callbacks_of_keras_see_the_weights_of_standardised_rows():
    ours = regressor(standardize=True, callbacks=Recorder).fit(X, NUMBERS)
    assert_allclose(ours._scaling.for_data(Recorder.seen[-1])[0], ours.coefs_[0])


def test_nothing_is_hinted_at_and_nothing_diagnosed_where_scales_are_mended():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScaleWarning)
        ours = regressor(standardize=True, max_iter=60).fit(X, NUMBERS * 1e3)
    found = diagnose(ours, X, NUMBERS * 1e3)
    assert found.scale_ratio < 1.1
    assert not [advice for advice in found.advice if "scale" in advice.lower()]
    assert_allclose(found.loss, ours.loss_, rtol=0.2)


def test_the_hint_names_the_option():
    with pytest.warns(ScaleWarning, match="standardize=True.*standardize=True"):
        regressor(max_iter=1).fit(X, NUMBERS * 1e3)
