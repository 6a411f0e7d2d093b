"""What all estimators share: scikit-learn's checks, every argument, the Keras model, callbacks."""

import copy
import functools
import inspect
import pickle

import keras
import numpy as np
import pytest
import sklearn.neural_network
from keras.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from numpy.testing import assert_allclose
from sklearn.base import clone, is_classifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_cnn.training.progress import Lines
from tests._estimators import (
    AS_KERAS_ROUNDS,
    ESTIMATORS,
    NAMES,
    PERCEPTRONS,
    data_for,
    quick,
    response,
    weights_of,
)
from tests._problems import problem, small_pictures

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def fitted(estimator, **options):
    X, y = data_for(estimator)
    return estimator.fit(X, y, **options)


def same(first, second):
    return len(first) == len(second) and all(map(np.array_equal, first, second))


class Counter(Callback):
    """Counts the epochs of all fits."""

    calls = 0

    def on_epoch_end(self, epoch, logs=None):
        Counter.calls += 1


def architecture(estimator, printed):
    return estimator.architecture_


def weights(estimator, printed):
    return [weight.tobytes() for weight in weights_of(estimator)]


def epochs(estimator, printed):
    return estimator.n_iter_


def recorded(estimator, printed):
    return sorted(estimator.history_)


def computed_in(estimator, printed):
    return estimator.architecture_.dtype, {weight.dtype.name for weight in weights_of(estimator)}


def shown(estimator, printed):
    return printed


def called(estimator, printed):
    return Counter.calls


SGD = {"solver": "sgd"}
LBFGS = {"solver": "lbfgs"}
STOPPING = {"early_stopping": True, "max_iter": 30}
LABELS = STOPPING | {"tol": 0.02, "n_iter_no_change": 2, "learning_rate_init": 0.05}
ABSOLUTE = STOPPING | {"loss": "mean_absolute_error", "tol": 0, "n_iter_no_change": 5}
PICTURE_FILTERS = {"filters": (3,), "kernel_size": 2}
# Parameter: another value, the settings under which it acts, and where its effect is seen. Where
# estimators differ, a dict by the name of the estimator.
EFFECTS = {
    "hidden_layer_sizes": ((5, 4), {}, architecture),
    "activation": ("tanh", {}, weights),
    "solver": ("rmsprop", {}, weights),
    "alpha": (3.0, {}, weights),
    "batch_size": (7, {}, weights),
    "learning_rate": ("invscaling", SGD, weights),
    "learning_rate_init": (0.03, {}, weights),
    "power_t": (0.1, {**SGD, "learning_rate": "invscaling"}, weights),
    "max_iter": (5, {}, epochs),
    "shuffle": (False, {"batch_size": 10}, weights),
    "random_state": (1, {}, weights),
    "tol": (5.0, {"max_iter": 20, "n_iter_no_change": 2}, epochs),
    "verbose": (True, {}, shown),
    "warm_start": (True, {}, weights),
    "momentum": (0.5, SGD, weights),
    "nesterovs_momentum": (False, SGD, weights),
    "early_stopping": (True, {}, weights),
    "validation_fraction": (0.4, {"early_stopping": True}, weights),
    "beta_1": (0.5, {}, weights),
    "beta_2": (0.9, {}, weights),
    "epsilon": (0.1, {}, weights),
    "n_iter_no_change": (2, {"max_iter": 20, "tol": 5.0}, epochs),
    "max_fun": (4, {**LBFGS, "max_iter": 30, "tol": 0.0}, epochs),
    "loss": {
        "MLPClassifier": ("binary_focal_crossentropy", {}, weights),
        "CNNClassifier": ("binary_focal_crossentropy", {}, weights),
        "MLPRegressor": ("huber", {}, weights),
        "CNNRegressor": ("huber", {}, weights),
        "Autoencoder": ("mean_absolute_error", {}, weights),
    },
    "dropout": (0.5, {}, weights),
    "batch_normalization": (True, {}, architecture),
    "l1": (1.0, {}, weights),
    "kernel_initializer": ("he_uniform", {}, weights),
    "class_weight": ({"no": 5.0}, {}, weights),
    "callbacks": (Counter, {}, called),
    "metrics": (["mse"], {}, recorded),
    "monitor": {
        "MLPClassifier": ("loss", LABELS, epochs),
        "CNNClassifier": ("loss", LABELS, epochs),
        # R2 and the squared error rank epochs alike.
        "MLPRegressor": ("loss", ABSOLUTE | {"learning_rate_init": 0.1}, epochs),
        "CNNRegressor": (
            "loss",
            # Backends draw other networks; from this seed the two stop apart on each of them.
            ABSOLUTE
            | {
                "learning_rate_init": 0.3,
                "learning_rate": "constant",
                "n_iter_no_change": 3,
                "random_state": 7,
            },
            epochs,
        ),
    },
    "dtype": ("float32", {}, computed_in),
    # From this seed on no backend is the first of the starts the best.
    "n_init": (8, {**LBFGS, "max_iter": 2, "random_state": 5}, weights),
    "standardize": (True, {}, weights),
    "filters": ((3, 2), {}, architecture),
    "kernel_size": (2, PICTURE_FILTERS | {"kernel_size": 3}, architecture),
    "strides": (2, PICTURE_FILTERS, architecture),
    "padding": ("valid", PICTURE_FILTERS, architecture),
    "pool_size": (3, PICTURE_FILTERS, architecture),
    "pooling": ("average", PICTURE_FILTERS, architecture),
    "architecture": ("lenet5", {}, architecture),
    "input_shape": {
        "CNNClassifier": ((3, 2, 1), PICTURE_FILTERS, architecture),
        "CNNRegressor": ((5, 1, 1), PICTURE_FILTERS, architecture),
        "Autoencoder": ((5, 1, 1), PICTURE_FILTERS, architecture),
    },
    "n_components": (3, {}, architecture),
    "code_activation": ("tanh", {}, architecture),
}
ARGUMENTS = [(name, parameter) for name in NAMES for parameter in quick(name).get_params()]


@pytest.mark.parametrize(("name", "parameter"), ARGUMENTS)
def test_every_argument_is_kept_and_obeyed(name, parameter, capsys):
    effect = EFFECTS[parameter]
    value, settings, seen_in = effect[name] if isinstance(effect, dict) else effect
    before = quick(name, **settings)
    after = clone(before).set_params(**{parameter: value})
    assert before.get_params()[parameter] != value
    for kept in (clone(after), copy.deepcopy(after), pickle.loads(pickle.dumps(after))):
        assert kept.get_params()[parameter] == value
    outcomes = []
    for estimator in (before, after):
        Counter.calls = 0
        X, y = data_for(estimator)
        if parameter == "architecture":
            X = np.resize(X, (len(X), 28, 28))
        estimator.fit(X, y)
        if parameter == "warm_start":
            estimator.fit(X, y)
        outcomes.append(seen_in(estimator, capsys.readouterr().out))
    assert outcomes[0] != outcomes[1]
    assert clone(after).get_params()[parameter] == value  # fit changes no argument


@pytest.mark.parametrize("name", NAMES)
def test_default_arguments_are_plain_values(name):
    defaults = type(quick(name))().get_params().values()
    plain = (bool, int, float, str, type(None))
    assert all(
        isinstance(value, plain) or all(type(entry) is int for entry in value) for value in defaults
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_constructor_only_stores(name):
    cls = type(quick(name))
    parameters = inspect.signature(cls).parameters
    marks = {parameter: object() for parameter in parameters}
    assert vars(cls(**marks)) == marks


@pytest.mark.parametrize("name", NAMES)
def test_fit_keeps_the_arguments_that_were_given(name):
    given = {
        "solver": keras.optimizers.Nadam(0.01),
        "callbacks": [EarlyStopping("loss", patience=1)],
        "metrics": [keras.metrics.MeanSquaredError()],
    }
    estimator = quick(name, **given)
    before = dict(estimator.get_params())
    fitted(estimator)
    after = estimator.get_params()
    assert all(after[parameter] is before[parameter] for parameter in before)
    assert given["solver"].built is False
    assert given["callbacks"][0].stopped_epoch == 0
    assert given["metrics"][0].result() == 0


def rows_of(estimator):
    """X of the estimator as its Keras model takes it."""
    X, _ = data_for(estimator)
    return X[..., None] if "CNN" in type(estimator).__name__ else X


def compare_with_model(estimator):
    """The model's own predictions and ours."""
    X, _ = data_for(estimator)
    output = estimator.model_.predict(rows_of(estimator), verbose=0)
    if is_classifier(estimator):
        return output.ravel(), estimator.predict_proba(X)[:, 1]
    if hasattr(estimator, "predict"):
        return output.ravel(), estimator.predict(X)
    return output, estimator.reconstruct(X)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_a_keras_model_that_predicts_what_we_predict(name):
    estimator = fitted(quick(name))
    assert isinstance(estimator.model_, keras.Model)
    assert estimator.model_ is estimator.model_
    assert_allclose(*compare_with_model(estimator), **AS_KERAS_ROUNDS)


def test_the_model_of_pictures_predicts_what_we_predict():
    X, y = small_pictures()
    cnn = quick("CNNClassifier", dropout=0.3, batch_normalization=True).fit(X, y)
    output = cnn.model_.predict(X[..., None], verbose=0)
    assert_allclose(output.ravel(), cnn.predict_proba(X)[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_can_be_looked_at_and_saved(name, tmp_path):
    estimator = fitted(quick(name))
    lines = []
    estimator.model_.summary(print_fn=lines.append)
    assert f"{estimator.model_.count_params():,}" in "\n".join(lines)
    estimator.model_.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    expected = estimator.model_.predict(rows_of(estimator), verbose=0)
    assert_allclose(loaded.predict(rows_of(estimator), verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize("looked_at_before", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_weights_set_on_the_model_show_in_our_predictions(name, looked_at_before):
    estimator = fitted(quick(name))
    X, _ = data_for(estimator)
    if looked_at_before:
        response(estimator, X)
    before = response(estimator, X)
    estimator.model_.set_weights([weight * 0.5 for weight in weights_of(estimator)])
    assert np.abs(response(estimator, X) - before).max() > 1e-6
    assert_allclose(*compare_with_model(estimator), **AS_KERAS_ROUNDS)


@pytest.mark.parametrize("name", NAMES)
def test_training_the_model_shows_in_our_predictions_and_goes_on_in_partial_fit(name):
    estimator = fitted(quick(name, learning_rate_init=1e-12))
    X, y = data_for(estimator)
    model = estimator.model_
    model.compile("sgd", "mse")
    output = model.predict(rows_of(estimator), verbose=0)
    model.fit(rows_of(estimator), np.zeros_like(output), epochs=2, verbose=0)
    assert_allclose(*compare_with_model(estimator), **AS_KERAS_ROUNDS)
    trained = weights_of(estimator)
    estimator.partial_fit(X, y)
    for before, after in zip(trained, weights_of(estimator), strict=True):
        assert_allclose(after, before, atol=1e-6)


def as_the_model_keeps(estimator, arrays):
    return [array.astype(estimator.model_.weights[0].dtype) for array in arrays]


@pytest.mark.parametrize("cls", PERCEPTRONS)
def test_coefficients_are_the_weights_of_the_model_and_may_be_edited(cls):
    mlp = fitted(quick(cls.__name__))
    X, _ = data_for(mlp)
    assert same(mlp.model_.get_weights()[0::2], as_the_model_keeps(mlp, mlp.coefs_))
    assert same(mlp.model_.get_weights()[1::2], as_the_model_keeps(mlp, mlp.intercepts_))
    before = response(mlp, X)
    mlp.coefs_[0][:] *= 2
    mlp.intercepts_[1] += 1
    assert np.abs(response(mlp, X) - before).max() > 1e-6
    assert_allclose(*compare_with_model(mlp), **AS_KERAS_ROUNDS)
    mlp.model_.set_weights([weight / 3 for weight in weights_of(mlp)])
    assert same(mlp.model_.get_weights()[0::2], mlp.coefs_)
    mlp.coefs_ = [np.ones_like(coef) for coef in mlp.coefs_]
    mlp.intercepts_ = [np.zeros_like(intercept) for intercept in mlp.intercepts_]
    assert_allclose(*compare_with_model(mlp), **AS_KERAS_ROUNDS)
    assert set(np.unique(mlp.model_.get_weights()[0])) == {1.0}


@pytest.mark.parametrize("cls", PERCEPTRONS)
def test_coefficients_of_another_shape_are_refused(cls):
    mlp = fitted(quick(cls.__name__))
    before = weights_of(mlp)
    with pytest.raises(ValueError, match="coefs_ must be arrays of shapes \\[\\(., .+ Got \\[\\("):
        mlp.coefs_ = [coef.T for coef in mlp.coefs_]
    with pytest.raises(ValueError, match="intercepts_ must be arrays of shapes"):
        mlp.intercepts_ = mlp.intercepts_[:1]
    assert same(weights_of(mlp), before)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_in_no_pickle_and_no_copy_shares_it(name):
    estimator = fitted(quick(name))
    before, state = pickle.dumps(estimator), set(vars(estimator))
    model = estimator.model_
    assert pickle.dumps(estimator) == before
    assert b"keras.src" not in before
    assert set(vars(estimator)) == state
    twin = copy.deepcopy(estimator)
    assert twin.model_ is not model
    twin.model_.set_weights([weight * 0 for weight in weights_of(twin)])
    assert not same(weights_of(twin), weights_of(estimator))
    assert not hasattr(clone(estimator), "model_")


@pytest.mark.parametrize("name", NAMES)
def test_a_new_fit_makes_a_new_model_and_leaves_the_old_one_alone(name):
    estimator = fitted(quick(name))
    model = estimator.model_
    before = model.get_weights()
    fitted(estimator.set_params(random_state=1))
    assert estimator.model_ is not model
    assert same(model.get_weights(), before)
    assert not same(weights_of(estimator), before)


class Journal(Callback):
    """Writes down which hooks are called, and with which logs."""

    entries: list = []

    def on_train_begin(self, logs=None):
        Journal.entries.append("train begins")

    def on_train_end(self, logs=None):
        Journal.entries.append("train ends")

    def on_epoch_begin(self, epoch, logs=None):
        Journal.entries.append(f"epoch {epoch} begins")

    def on_epoch_end(self, epoch, logs=None):
        Journal.entries.append((f"epoch {epoch} ends", dict(logs)))


@pytest.mark.parametrize(
    "callbacks",
    [Journal, Journal(), functools.partial(Journal), [Journal], (Journal(),)],
    ids=["class", "instance", "function", "list of class", "tuple of instance"],
)
@pytest.mark.parametrize("name", ["MLPClassifier", "CNNRegressor", "Autoencoder"])
def test_callbacks_hear_what_keras_tells_them(name, callbacks):
    Journal.entries = []
    estimator = fitted(quick(name, max_iter=2, callbacks=callbacks, metrics="mse"))
    hooks = [entry if isinstance(entry, str) else entry[0] for entry in Journal.entries]
    assert hooks == [
        "train begins",
        "epoch 0 begins",
        "epoch 0 ends",
        "epoch 1 begins",
        "epoch 1 ends",
        "train ends",
    ]
    logs = [entry[1] for entry in Journal.entries if not isinstance(entry, str)]
    assert [log["loss"] for log in logs] == estimator.loss_curve_
    assert [log["mse"] for log in logs] == estimator.history_["mse"]


def test_callbacks_hear_of_the_validation_data():
    data = problem("two classes")
    Journal.entries = []
    mlp = quick("MLPClassifier", callbacks=Journal, metrics="accuracy")
    mlp.fit(data.X, data.y, X_val=data.X[:30], y_val=data.y[:30])
    logs = [entry[1] for entry in Journal.entries if not isinstance(entry, str)]
    assert set(logs[0]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert [log["val_loss"] for log in logs] == mlp.history_["val_loss"]


@pytest.mark.parametrize("name", NAMES)
def test_callbacks_change_nothing_that_they_do_not_touch(name):
    settings = {"max_iter": 8, "batch_size": 16, "dropout": 0.2}
    heard = fitted(quick(name, callbacks=LambdaCallback(), **settings))
    alone = fitted(quick(name, **settings))
    for a, b in zip(weights_of(heard), weights_of(alone), strict=True):
        assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_callbacks_see_the_weights_of_the_moment(name):
    seen = []

    class Look(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    estimator = fitted(quick(name, callbacks=Look))
    assert len(seen) == 3
    assert same(seen[-1], weights_of(estimator))
    assert not same(seen[0], seen[1])


@pytest.mark.parametrize("name", NAMES)
def test_keras_early_stopping_stops_and_restores_the_best_weights(name):
    """The loss rises once the rate does; the best epoch is the fourth."""
    rises = LearningRateScheduler(lambda epoch: 1e-3 if epoch < 4 else 3.0)
    stops = EarlyStopping("loss", patience=2, restore_best_weights=True)
    estimator = fitted(quick(name, solver="sgd", callbacks=[rises, stops], max_iter=30, tol=0))
    best = int(np.argmin(estimator.loss_curve_))
    assert estimator.n_iter_ == best + 3 < 30
    shorter = fitted(quick(name, solver="sgd", max_iter=best + 1, callbacks=[rises]))
    assert same(weights_of(estimator), weights_of(shorter))
    assert stops.stopped_epoch == 0  # the user's object is a template


def test_keras_early_stopping_watches_validation_data():
    data = problem("two classes")
    stops = EarlyStopping("val_loss", min_delta=10.0, patience=3)
    mlp = quick("MLPClassifier", callbacks=stops, max_iter=50)
    mlp.fit(data.X, data.y, X_val=data.X[:20], y_val=data.y[:20])
    assert mlp.n_iter_ == 4


def test_a_rate_on_a_plateau_is_reduced():
    reduces = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)
    mlp = fitted(quick("MLPRegressor", callbacks=reduces, max_iter=6, learning_rate_init=0.08))
    assert_allclose(mlp.history_["learning_rate"], [0.08, 0.08, 0.04, 0.02, 0.01, 0.005])


def test_a_schedule_of_rates_is_obeyed():
    rates = [0.1, 0.03, 0.01]
    schedule = LearningRateScheduler(lambda epoch: rates[epoch])
    scheduled = fitted(quick("MLPRegressor", solver="sgd", callbacks=schedule))
    assert_allclose(scheduled.history_["learning_rate"], rates)
    steps = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1], rates)
    by_step = fitted(quick("MLPRegressor", solver="sgd", learning_rate=steps))
    for a, b in zip(weights_of(scheduled), weights_of(by_step), strict=True):
        assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("solver", ["adam", "sgd", keras.optimizers.RMSprop(0.02)])
def test_a_cosine_rate_falls_to_zero_over_the_epochs(solver):
    options = {"solver": solver, "learning_rate_init": 0.02, "max_iter": 8, "tol": 0.0}
    mlp = fitted(quick("MLPRegressor", learning_rate="cosine", **options))
    rates = 0.01 * (1 + np.cos(np.pi * np.arange(8) / 8))
    assert_allclose(mlp.history_["learning_rate"], rates)
    schedule = LearningRateScheduler(lambda epoch: float(rates[epoch]))
    by_hand = fitted(quick("MLPRegressor", callbacks=schedule, **options))
    for a, b in zip(weights_of(mlp), weights_of(by_hand), strict=True):
        assert_allclose(a, b, rtol=1e-6, atol=1e-8)


def test_a_cosine_rate_starts_again_with_each_fit_and_is_constant_in_partial_fit():
    mlp = quick("MLPRegressor", learning_rate="cosine", warm_start=True, max_iter=2)
    fitted(fitted(mlp))
    mlp.partial_fit(*data_for(mlp)).partial_fit(*data_for(mlp))
    whole, half = mlp.learning_rate_init, mlp.learning_rate_init / 2
    assert_allclose(mlp.history_["learning_rate"], [whole, half, whole, half, whole, whole])


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_a_rate_that_has_ended_at_zero_is_no_lack_of_convergence():
    fitted(quick("MLPRegressor", learning_rate="cosine"))


class HearsBatches(Callback):
    """Needs ``keras.Model.fit``."""

    def on_train_batch_end(self, batch, logs=None):
        pass


NAMED_SCHEDULES = [("adam", "cosine"), ("sgd", "cosine"), ("sgd", "invscaling")]


@pytest.mark.parametrize("others", [[], [HearsBatches]], ids=["engine", "Keras fit"])
@pytest.mark.parametrize(("solver", "schedule"), NAMED_SCHEDULES)
def test_the_rate_that_a_callback_sets_wins_over_a_schedule_by_name(solver, schedule, others):
    rates = [0.01, 0.01, 0.03, 0.03, 0.02]
    options = {"solver": solver, "max_iter": 5, "learning_rate_init": 0.01}
    scheduler = LearningRateScheduler(lambda epoch: rates[epoch])
    both = quick("MLPRegressor", learning_rate=schedule, callbacks=[*others, scheduler], **options)
    alone = quick("MLPRegressor", callbacks=[*others, scheduler], **options)
    assert_allclose(fitted(both).history_["learning_rate"], rates)
    for a, b in zip(weights_of(both), weights_of(fitted(alone)), strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=1e-8)  # callbacks know the rate in float32
    assert both._optimizer.learning_rate == pytest.approx(rates[-1])


@pytest.mark.parametrize("others", [[], [HearsBatches]], ids=["engine", "Keras fit"])
def test_a_falling_rate_falls_until_a_callback_sets_it(others):
    reduces = ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=10.0)
    options = {"learning_rate_init": 0.08, "max_iter": 6, "callbacks": [*others, reduces]}
    mlp = fitted(quick("MLPRegressor", learning_rate="cosine", **options))
    falling = 0.04 * (1 + np.cos(np.pi * np.arange(6) / 6))
    expected = [*falling[:3], falling[3] / 2, falling[3] / 2, falling[3] / 4]
    assert_allclose(mlp.history_["learning_rate"], expected, rtol=1e-6)


@pytest.mark.parametrize("others", [[], [HearsBatches]], ids=["engine", "Keras fit"])
def test_a_rate_that_is_set_before_the_first_epoch_stays(others):
    class Sets(Callback):
        def on_train_begin(self, logs=None):
            self.model.optimizer.learning_rate = 0.04

    mlp = fitted(quick("MLPRegressor", learning_rate="cosine", callbacks=[*others, Sets]))
    assert_allclose(mlp.history_["learning_rate"], 0.04, rtol=1e-6)


def test_two_fits_with_the_same_callback_object_are_the_same_fit():
    stops = EarlyStopping("loss", patience=1, min_delta=0.05)
    mlp = quick("MLPClassifier", callbacks=[stops], max_iter=40)
    first = fitted(mlp).n_iter_, weights_of(mlp)
    second = fitted(mlp).n_iter_, weights_of(mlp)
    assert first[0] == second[0] < 40
    assert same(first[1], second[1])


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupt_keeps_the_model_so_far(name):
    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    interrupted = quick(name, max_iter=10, callbacks=LambdaCallback(on_epoch_end=interrupt))
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        fitted(interrupted)
    assert interrupted.n_iter_ == 2
    assert len(interrupted.loss_curve_) == 2
    shorter = fitted(quick(name, max_iter=2))
    for a, b in zip(weights_of(interrupted), weights_of(shorter), strict=True):
        assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_an_interrupt_of_lbfgs_keeps_the_model_so_far(monkeypatch):
    def interrupt(self, iteration, loss):
        if iteration == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Lines, "iteration_ends", interrupt)
    mlp = quick("MLPRegressor", solver="lbfgs", max_iter=50, verbose=True)
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        fitted(mlp)
    assert mlp.n_iter_ == 3
    shorter = fitted(quick("MLPRegressor", solver="lbfgs", max_iter=3))
    assert_allclose(mlp.coefs_[0], shorter.coefs_[0])


@pytest.mark.parametrize("watching", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_history_has_a_number_for_each_epoch(name, watching):
    estimator = fitted(quick(name, metrics=["mse"], early_stopping=watching))
    names = {"loss", "learning_rate", "seconds", "mse"}
    assert set(estimator.history_) == (names | {"val_loss", "val_mse"} if watching else names)
    assert all(len(column) == estimator.n_iter_ for column in estimator.history_.values())
    assert all(type(value) is float for column in estimator.history_.values() for value in column)
    assert estimator.history_["loss"] == estimator.loss_curve_
    assert estimator.loss_ == estimator.loss_curve_[-1]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_printed_unless_it_is_asked_for(name, solver, capfd):
    settings = {"solver": solver, "early_stopping": solver == "adam"}
    estimator = fitted(quick(name, **settings))
    X, _ = data_for(estimator)
    response(estimator, X)
    _ = estimator.model_
    assert capfd.readouterr() == ("", "")


VERBOSE = {
    "adam": {},
    "stalls": {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 20},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 20},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 1e-4,
        "tol": 10.0,
        "n_iter_no_change": 1,
        "max_iter": 20,
    },
}


@pytest.mark.parametrize("settings", VERBOSE.values(), ids=VERBOSE)
@pytest.mark.parametrize("cls", PERCEPTRONS)
def test_the_perceptrons_print_scikit_learns_lines(cls, settings, capsys):
    ours = quick(cls.__name__, verbose=True, **settings)
    theirs = getattr(sklearn.neural_network, cls.__name__)()
    theirs.set_params(**{name: ours.get_params()[name] for name in theirs.get_params()})
    fitted(theirs)
    expected = capsys.readouterr().out
    fitted(ours)
    assert capsys.readouterr().out == expected
    assert expected.startswith("Iteration 1, loss = ")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("MLP")])
def test_the_others_print_one_line_or_a_table(name, capsys):
    fitted(quick(name, verbose=1))
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert line.count("\rEpoch ") == 3
    assert "\rEpoch 3/3  loss " in line
    fitted(quick(name, verbose=2, metrics="mse"))
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["epoch", "loss", "mse"]
    assert [int(row.split()[0]) for row in rows] == [1, 2, 3]
