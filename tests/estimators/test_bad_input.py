"""Bad input: what the messages say, and that nothing half-fitted stays behind."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

from sklearn_cnn import CNNRegressor, MLPRegressor, families
from tests._estimators import NAMES, data_for, quick, response
from tests._problems import problem, small_pictures

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSIFIERS = [name for name in NAMES if is_classifier(quick(name))]
REGRESSORS = [name for name in NAMES if is_regressor(quick(name))]
PICTURES = [name for name in NAMES if name.startswith("CNN")]


def damaged(X, value):
    X = X.copy()
    X[3, 1] = value
    return X


def fit_with(estimator, X=None, y=None, **options):
    """Fit on good data but for what is given."""
    good_X, good_y = data_for(estimator)
    return estimator.fit(good_X if X is None else X, good_y if y is None else y, **options)


BAD_X = {
    "NaN": (lambda X: damaged(X, np.nan), "Input X contains NaN"),
    "infinity": (lambda X: damaged(X, np.inf), "Input X contains infinity or a value too large"),
    "no rows": (lambda X: X[:0], "Found array with 0 sample\\(s\\)"),
    "no columns": (lambda X: X[:, :0], "Found array with 0 feature\\(s\\)"),
    "one axis": (lambda X: X[:, 0], "Expected 2D array, got 1D array instead"),
    "words": (lambda X: np.full(X.shape, "a", object), "could not convert string to float: 'a'"),
    "complex": (lambda X: X + 1j, "Complex data not supported"),
}


@pytest.mark.parametrize(("damage", "message"), BAD_X.values(), ids=BAD_X)
@pytest.mark.parametrize("name", NAMES)
def test_bad_rows_are_refused_in_fit_and_nothing_stays(name, damage, message):
    estimator = quick(name)
    X, y = data_for(estimator)
    before = set(vars(estimator))
    bad = damage(X)
    with pytest.raises(ValueError, match=message):
        estimator.fit(bad, None if y is None else y[: len(bad)])
    assert set(vars(estimator)) == before


@pytest.mark.parametrize("which", ["NaN", "infinity", "no rows", "one axis", "words"])
@pytest.mark.parametrize("name", NAMES)
def test_bad_rows_are_refused_in_predict(name, which):
    damage, message = BAD_X[which]
    estimator = fit_with(quick(name))
    X, _ = data_for(estimator)
    with pytest.raises(ValueError, match=message):
        response(estimator, damage(X))


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_columns_is_refused_as_in_scikit_learn(name):
    estimator = fit_with(quick(name))
    X, _ = data_for(estimator)
    message = f"X has 3 features, but {name} is expecting {X.shape[1]} features as input."
    with pytest.raises(ValueError, match=message):
        response(estimator, X[:, :3])


@pytest.mark.parametrize("name", NAMES)
def test_other_names_of_columns_are_refused(name):
    estimator = quick(name)
    X, y = data_for(estimator)
    columns = [f"x{i}" for i in range(X.shape[1])]
    estimator.fit(pd.DataFrame(X, columns=columns), y)
    renamed = pd.DataFrame(X, columns=[*columns[:-1], "height"])
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- height"):
        response(estimator, renamed)


def test_tables_are_not_pictures():
    X, y = small_pictures()
    with pytest.raises(ValueError, match="Found array with dim 3, while dim <= 2 is required by M"):
        quick("MLPClassifier").fit(X, y)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_another_shape_are_refused(name):
    X, y = small_pictures()
    y = y if is_classifier(quick(name)) else np.arange(60.0)
    estimator = quick(name).fit(X, y)
    fitted_on = f"but {name} was fitted on rows of shape \\(6, 6, 1\\)."
    for other, shape in [
        (X[:, :5], "\\(5, 6, 1\\)"),
        (X[:, :, :5], "\\(6, 5, 1\\)"),
        (np.stack([X, X, X], axis=-1), "\\(6, 6, 3\\)"),
        (X.reshape(60, 36), "\\(36, 1\\)"),
    ]:
        with pytest.raises(ValueError, match=f"Each row of X has shape {shape}, {fitted_on}"):
            estimator.predict(other)


@pytest.mark.parametrize("name", PICTURES)
def test_flat_rows_must_fill_input_shape(name):
    X, y = small_pictures()
    y = y if is_classifier(quick(name)) else np.arange(60.0)
    message = (
        "X has 36 features, but input_shape=\\(8, 8, 1\\) needs 64. Pass 8 \\* 8 \\* 1 columns"
    )
    with pytest.raises(ValueError, match=message):
        quick(name, input_shape=(8, 8, 1)).fit(X.reshape(60, 36), y)
    with pytest.raises(ValueError, match="each a positive integer. Got \\(6, 0, 1\\)"):
        quick(name, input_shape=(6, 0, 1)).fit(X, y)
    with pytest.raises(ValueError, match="Got shape \\(60, 6, 6, 1, 1\\)"):
        quick(name).fit(X[:, :, :, None, None], y)


@pytest.mark.parametrize("name", [*PICTURES, "Autoencoder"])
def test_sparse_rows_are_refused_where_networks_need_dense_ones(name):
    X, y = data_for(quick(name))
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        quick(name).fit(sparse.csr_matrix(X), y)


def test_codes_of_another_width_are_refused():
    autoencoder = fit_with(quick("Autoencoder"))
    message = "X has 3 columns, but the code has n_components=2."
    with pytest.raises(ValueError, match=message):
        autoencoder.inverse_transform(np.ones((4, 3)))


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_y_of_another_length_is_refused(name):
    _, y = data_for(quick(name))
    with pytest.raises(ValueError, match="inconsistent numbers of samples: \\[90, 50\\]"):
        fit_with(quick(name), y=y[:50])


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_y_is_required(name):
    X, _ = data_for(quick(name))
    with pytest.raises(ValueError, match=f"This {name} estimator requires y to be passed"):
        quick(name).fit(X, None)


@pytest.mark.parametrize("name", REGRESSORS)
def test_bad_numbers_in_y_are_refused(name):
    y = problem("numbers").y
    for bad, message in [
        (np.where(np.arange(90) == 4, np.nan, y), "Input y contains NaN"),
        (np.where(np.arange(90) == 4, np.inf, y), "Input y contains infinity"),
        (np.full(90, "a", object), "could not convert string to float: 'a'"),
        (np.ones((90, 2, 2)), "Found array with dim 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_with(quick(name), y=bad)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_numbers_are_no_labels(name):
    with pytest.raises(ValueError, match="Unknown label type"):
        fit_with(quick(name), y=problem("numbers").y)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_partial_fit_refuses_labels_that_it_was_not_told(name):
    X, y = data_for(quick(name))
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        quick(name).partial_fit(X, y)
    estimator = quick(name).partial_fit(X, y, classes=["no", "yes"])
    weights = estimator.model_.get_weights()
    with pytest.raises(ValueError, match="`self.classes_` has \\['no' 'yes'\\]. 'y' has \\['maybe"):
        estimator.partial_fit(X, np.where(y == "no", "maybe", "yes"))
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        estimator.partial_fit(X, y, classes=["no", "maybe"])
    for before, after in zip(weights, estimator.model_.get_weights(), strict=True):
        assert_array_equal(before, after)


def test_targets_that_a_family_cannot_give_are_refused():
    for loss, message in [
        ("poisson", "poisson\\(link='log'\\) needs y >= 0, but y holds -1.6336"),
        (families.gamma(), "gamma\\(link='log'\\) needs y > 0, but y holds -1.6336"),
        (families.binomial(), "binomial\\(link='logit'\\) needs 0 <= y <= 1, but y holds 1.198"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_with(quick("MLPRegressor", loss=loss))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_families_that_do_not_fit_the_labels_are_refused(name):
    three = np.arange(90) % 3
    several = problem("several labels")
    for loss, X, y, message in [
        (families.gaussian(), None, None, "is for numbers, but y holds labels: use binomial\\(\\)"),
        (
            families.binomial(),
            None,
            three,
            "is for two classes, but y has 3: use multinomial\\(\\)",
        ),
        (
            families.multinomial(),
            several.X,
            several.y,
            "is for one label a row, but rows of y have",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_with(quick(name, loss=loss), X=X, y=y)


BAD_WEIGHTS = {
    "negative": (-np.ones(90), "Negative values in data passed to `sample_weight`"),
    "all zero": (np.zeros(90), "Sample weights must contain at least one non-zero number"),
    "too few": (np.ones(9), "sample_weight.shape == \\(9,\\), expected \\(90,\\)"),
    "two columns": (np.ones((90, 2)), "Sample weights must be 1D array or scalar, got 2D array"),
    "NaN": (np.full(90, np.nan), "Input sample_weight contains NaN"),
}


@pytest.mark.parametrize(("weight", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
@pytest.mark.parametrize("name", NAMES)
def test_bad_weights_are_refused(name, weight, message):
    with pytest.raises(ValueError, match=message):
        fit_with(quick(name), sample_weight=weight)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_bad_class_weights_are_refused(name):
    for class_weight, message in [
        ({"cat": 1.0}, "class_weight names 'cat', but y holds only 'no', 'yes'."),
        ({"no": -1.0}, "class_weight must hold finite numbers, 0 or more. Got -1.0 for 'no'."),
        ({"no": 0.0, "yes": 0.0}, "class_weight leaves no row with a weight above 0"),
        ("balance", "The 'class_weight' parameter of .* a str among {'balanced'} or None. Got 'ba"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_with(quick(name, class_weight=class_weight))
    several = problem("several labels")
    with pytest.raises(ValueError, match="class_weight has 1 dicts, but y has 4 outputs"):
        quick(name, class_weight=[{0: 1.0}]).fit(several.X, several.y)


BAD_OFFSETS = {
    "too few": (
        np.ones(3),
        "offset must have shape \\(90,\\) or \\(90, 1\\).* Got shape \\(3, 1\\)",
    ),
    "NaN": (np.full(90, np.nan), "offset must hold finite numbers"),
    "a word": ("exposure", "could not convert string to float: 'exposure'"),
}


@pytest.mark.parametrize(("offset", "message"), BAD_OFFSETS.values(), ids=BAD_OFFSETS)
@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_bad_offsets_are_refused(name, offset, message):
    with pytest.raises(ValueError, match=message):
        fit_with(quick(name), offset=offset)
    estimator = fit_with(quick(name))
    with pytest.raises(ValueError, match=message):
        estimator.predict(data_for(estimator)[0], offset=offset)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_validation_data_that_do_not_fit_are_refused(name):
    X, y = data_for(quick(name))
    for options, message in [
        ({"X_val": X}, "X_val came without y_val"),
        ({"y_val": y}, "y_val and sample_weight_val belong to validation rows, but X_val is None"),
        ({"sample_weight_val": np.ones(90)}, "belong to validation rows, but X_val is None"),
        ({"X_val": X[:, :3], "y_val": y}, f"X has 3 features, but {name} is expecting"),
        ({"X_val": X[:0], "y_val": y[:0]}, "Found array with 0 sample"),
        ({"X_val": X, "y_val": y[:4]}, "inconsistent numbers of samples"),
        ({"X_val": damaged(X, np.nan), "y_val": y}, "contains NaN"),
        (
            {"X_val": X, "y_val": y, "sample_weight_val": -np.ones(90)},
            "Negative values in data passed to `sample_weight`",
        ),
    ]:
        estimator = quick(name)
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, y, **options)
        assert not estimator.__sklearn_is_fitted__()


def test_validation_targets_must_be_those_of_training():
    X, y = data_for(quick("MLPClassifier"))
    with pytest.raises(ValueError, match="`y` has classes not in `self.classes_`"):
        quick("MLPClassifier").fit(X, y, X_val=X, y_val=np.where(y == "no", "maybe", y))
    X, y = data_for(quick("MLPRegressor"))
    with pytest.raises(ValueError, match="y_val must have as many outputs as y, 1. Got 2."):
        quick("MLPRegressor").fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


@pytest.mark.parametrize("name", NAMES)
def test_a_validation_split_needs_rows(name):
    X, y = data_for(quick(name))
    message = "validation set is too small|should be greater or equal to the number of classes"
    with pytest.raises(ValueError, match=message):
        quick(name, early_stopping=True).fit(X[:8], None if y is None else y[:8])


@pytest.mark.parametrize("name", NAMES)
def test_partial_fit_has_no_early_stopping(name):
    estimator = quick(name, early_stopping=True)
    X, y = data_for(estimator)
    first = {"classes": np.unique(y)} if is_classifier(estimator) else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        estimator.partial_fit(X, y, **first)
    assert not estimator.__sklearn_is_fitted__()


UNKNOWN_NAMES = {
    "activation": ("rleu", ["'logistic'", "'gelu'", "Did you mean 'relu'?"]),
    "solver": ("adamm", ["'lbfgs'", "'sgd'", "Did you mean 'adam'?"]),
    "loss": ("mean_squared_eror", ["'huber'", "Did you mean 'mean_squared_error'?"]),
    "metrics": ("accurracy", ["'AUC'", "Did you mean 'Accuracy'?"]),
    "kernel_initializer": ("he_norml", ["'glorot_uniform'", "Did you mean 'he_normal'?"]),
    "architecture": ("lenet6", ["'lenet'", "'lenet5'", "Did you mean 'lenet5'?"]),
    "code_activation": ("linaer", ["'identity'", "Did you mean 'linear'?"]),
}


@pytest.mark.parametrize("parameter", UNKNOWN_NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_name_is_answered_with_the_known_ones(name, parameter):
    estimator = quick(name)
    if parameter not in estimator.get_params():
        assert parameter in ("architecture", "code_activation")
        return
    value, expected = UNKNOWN_NAMES[parameter]
    with pytest.raises(ValueError, match="is unknown. Known names: ") as raised:
        fit_with(estimator.set_params(**{parameter: value}))
    message = str(raised.value)
    assert message.startswith(f"{parameter}={value!r}")
    assert all(part in message for part in expected), message
    assert not estimator.__sklearn_is_fitted__()


BAD_PARAMETERS = [
    ("MLPClassifier", {"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be > 0, got [4, 0]"),
    ("MLPRegressor", {"hidden_layer_sizes": -1}, "'hidden_layer_sizes' parameter of MLPRegressor"),
    ("MLPClassifier", {"hidden_layer_sizes": "big"}, "Got 'big' instead"),
    ("CNNClassifier", {"filters": (4, 0)}, "filters must be > 0, got [4, 0]"),
    ("CNNClassifier", {"kernel_size": 0}, "must be an array-like or an int in the range [1, inf)"),
    ("CNNClassifier", {"kernel_size": (3, 3, 3)}, "kernel_size must be an int, one int for each"),
    ("CNNRegressor", {"padding": "full"}, "Got 'full' instead"),
    ("CNNRegressor", {"pooling": "min"}, "Got 'min' instead"),
    (
        "CNNClassifier",
        {"kernel_size": 9, "padding": "valid"},
        "kernel_size 9 of layer 1 is larger than its input, 6, with padding='valid'",
    ),
    ("Autoencoder", {"n_components": 0}, "'n_components' parameter of Autoencoder must be an int"),
    ("MLPClassifier", {"dropout": 1.0}, "must be a float in the range [0.0, 1.0). Got 1.0 instead"),
    ("MLPRegressor", {"alpha": -1}, "must be a float in the range [0.0, inf). Got -1 instead"),
    ("MLPClassifier", {"batch_size": 0}, "'batch_size' parameter of MLPClassifier must be a str"),
    ("MLPClassifier", {"learning_rate": "slow"}, "Got 'slow' instead"),
    ("CNNClassifier", {"dtype": "float16"}, "'dtype' parameter of CNNClassifier must be a str"),
    ("MLPRegressor", {"monitor": "accuracy"}, "'monitor' parameter of MLPRegressor must be"),
    ("MLPRegressor", {"n_init": 0}, "'n_init' parameter of MLPRegressor must be an int"),
    ("MLPRegressor", {"metrics": [3]}, "metrics must be names, Keras metrics, classes of them"),
    ("MLPRegressor", {"callbacks": 3}, "callbacks must be Keras callbacks, classes of them or"),
    ("CNNRegressor", {"callbacks": ["EarlyStopping"]}, "Got 'EarlyStopping'"),
]


@pytest.mark.parametrize(
    ("name", "settings", "message"), BAD_PARAMETERS, ids=[f"{n} {s}" for n, s, _ in BAD_PARAMETERS]
)
def test_a_bad_parameter_is_named_with_what_it_must_be(name, settings, message):
    estimator = quick(name).set_params(**settings)
    with pytest.raises((ValueError, TypeError)) as raised:
        fit_with(estimator)
    assert message in str(raised.value)
    assert not estimator.__sklearn_is_fitted__()


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"batch_normalization": True}])
@pytest.mark.parametrize("name", NAMES)
def test_lbfgs_refuses_losses_that_are_no_function_of_the_weights(name, settings):
    with pytest.raises(ValueError, match="it goes with dropout=0 and batch_normalization=False"):
        fit_with(quick(name, solver="lbfgs", **settings))


@pytest.mark.parametrize("name", NAMES)
def test_lbfgs_has_no_partial_fit(name):
    estimator = quick(name, solver="lbfgs")
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match=f"'{name}' has no attribute 'partial_fit'") as raised:
        _ = estimator.partial_fit
    assert "lbfgs is not stochastic" in str(raised.value.__cause__)


@pytest.mark.parametrize("name", NAMES)
def test_warm_start_with_another_network_is_refused_and_keeps_the_fit(name):
    estimator = fit_with(quick(name, warm_start=True))
    before = response(estimator, data_for(estimator)[0])
    estimator.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match="now hidden_layer_sizes is \\(5,\\) instead of \\("):
        fit_with(estimator)
    assert_array_equal(response(estimator, data_for(estimator)[0]), before)


def test_warm_start_with_other_labels_or_columns_is_refused():
    estimator = fit_with(quick("MLPClassifier", warm_start=True))
    X, y = data_for(estimator)
    with pytest.raises(ValueError, match="`y` has the same classes as in the previous call to fit"):
        estimator.fit(X, np.where(y == "no", "nay", y))
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 6"):
        estimator.fit(X[:, :3], y)


DIVERGING = {"solver": "sgd", "learning_rate_init": 1e3, "activation": "identity", "max_iter": 30}
DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. "
)


@pytest.mark.parametrize("name", [*REGRESSORS, "Autoencoder"])
def test_a_loss_that_diverges_is_an_error_that_says_when_and_what_to_do(name):
    estimator = quick(name, **DIVERGING)
    X, _ = data_for(estimator)
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="non-finite parameter weights") as raised,
    ):
        fit_with(estimator)
    message = str(raised.value)
    assert message.startswith(DIVERGED)
    assert f"largest |X| {np.abs(X).max():.2g}, learning_rate_init 1000: scale X" in message
    assert "(Epoch " in message
    assert not estimator.__sklearn_is_fitted__()


def test_lbfgs_on_huge_numbers_is_an_error():
    data = problem("numbers")
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        quick("MLPRegressor", solver="lbfgs").fit(data.X * 1e200, data.y * 1e200)


@pytest.mark.parametrize("cls", [MLPRegressor, CNNRegressor])
def test_with_a_best_epoch_before_it_diverging_is_a_warning(cls):
    """The rate rises a thousandfold after three epochs."""
    from keras.callbacks import LearningRateScheduler

    data = problem("numbers")
    estimator = quick(
        cls.__name__,
        solver="sgd",
        activation="identity",
        learning_rate_init=0.001,
        early_stopping=True,
        max_iter=30,
        callbacks=LearningRateScheduler(lambda epoch: 0.001 if epoch < 3 else 1e6),
    )
    with (
        np.errstate(all="ignore"),
        pytest.warns(UserWarning, match="The best weights before that are kept"),
    ):
        estimator.fit(data.X, data.y)
    assert np.isnan(estimator.validation_scores_[-1])
    assert np.isfinite(estimator.best_validation_score_)
    assert np.isfinite(estimator.predict(data.X)).all()


def interrupted_by(error):
    from keras.callbacks import LambdaCallback

    def fail(epoch, logs):
        raise error

    return LambdaCallback(on_epoch_end=fail)


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_fit_survives_a_refit_that_fails(name):
    estimator = fit_with(quick(name))
    X, y = data_for(estimator)
    before, state = response(estimator, X), pickle.dumps(estimator)
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(damaged(X, np.nan), y)
    with pytest.raises(ValueError, match="rleu"):
        estimator.set_params(activation="rleu").fit(X, y)
    estimator.set_params(activation="relu", callbacks=interrupted_by(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        estimator.fit(X, y)
    estimator.set_params(callbacks=None)
    assert_array_equal(response(estimator, X), before)
    assert pickle.dumps(estimator) == state


@pytest.mark.parametrize("name", NAMES)
def test_a_failed_partial_fit_leaves_the_next_as_if_it_had_not_been(name):
    X, y = data_for(quick(name))
    first = {"classes": np.unique(y)} if is_classifier(quick(name)) else {}
    tried, untried = (quick(name, batch_size=16).partial_fit(X, y, **first) for _ in range(2))
    with pytest.raises(OSError, match="disk full"):
        tried.set_params(callbacks=interrupted_by(OSError("disk full"))).partial_fit(X, y)
    tried.set_params(callbacks=None)
    for estimator in (tried, untried):
        estimator.partial_fit(X, y)
    for a, b in zip(tried.model_.get_weights(), untried.model_.get_weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_before_fit_there_is_nothing(name):
    estimator = quick(name)
    X, _ = data_for(estimator)
    with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted yet"):
        response(estimator, X)
    for attribute in ("model_", "history_", "loss_curve_", "n_iter_"):
        assert not hasattr(estimator, attribute)


@pytest.mark.parametrize("name", NAMES)
def test_the_callers_arrays_are_not_changed(name):
    estimator = quick(name)
    X, y = (None if part is None else part.copy() for part in data_for(estimator))
    weight = np.linspace(0, 2, len(X))
    originals = X.copy(), None if y is None else y.copy(), weight.copy()
    for array in (X, y, weight):
        if array is not None:
            array.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        estimator.fit(X, y, sample_weight=weight)
        response(estimator, X)
    for array, original in zip((X, y, weight), originals, strict=True):
        if array is not None:
            assert_array_equal(array, original)
