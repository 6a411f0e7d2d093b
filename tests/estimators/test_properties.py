"""Properties that hold for any data: shapes, dtypes, labels, weights, batches, seeds, copies."""

import copy
import io
import os
import pickle
import random
import subprocess
import sys
import warnings

import cloudpickle
import joblib
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer

from sklearn_cnn import CNNClassifier, MLPClassifier, MLPRegressor
from tests._estimators import NAMES, data_for, quick, response, weights_of
from tests._problems import problem, small_pictures

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]
# A fit is a tenth of a second: few examples each, other ones in the nightly run.
a_few = settings(
    max_examples=min(12, settings.default.max_examples),
    suppress_health_check=[
        *settings.default.suppress_health_check,
        HealthCheck.function_scoped_fixture,
    ],
)
MAX_ITER = 2


LABELS = {
    "words": ["bird", "cat", "dog", "emu"],
    "objects": np.array(["bird", "cat", "dog", "emu"], dtype=object),
    "numbers": [-5, 0, 3, 40],
    "small numbers": np.array([0, 1, 2, 3], dtype=np.uint8),
    "floats": [0.0, 1.0, 2.0, 7.0],
    "booleans": [False, True],
}


@st.composite
def tables(draw, max_rows=24):
    """X of any shape and dtype, some of its columns constant."""
    n, p = draw(st.integers(1, max_rows)), draw(st.integers(1, 5))
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    X = rng.normal(size=(n, p)) * draw(st.sampled_from([0.01, 1.0, 3.0]))
    X[:, rng.uniform(size=p) < 0.2] = draw(st.sampled_from([0.0, 1.0, -2.0]))
    dtype = draw(st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.uint8, bool]))
    return np.asarray(X if dtype in (np.float64, np.float32, np.float16) else np.abs(X), dtype)


@st.composite
def fits(draw):
    """Settings of a fit that any estimator takes."""
    return {
        "batch_size": draw(st.sampled_from([1, 3, 5, 20, 60])),
        "shuffle": draw(st.booleans()),
        "solver": draw(st.sampled_from(["adam", "sgd"])),
        "random_state": draw(st.integers(0, 2**32 - 1)),
        "max_iter": MAX_ITER,
    }


def weight_for(data, X):
    n = len(X)
    weights = data.draw(
        st.none() | st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=n, max_size=n)
    )
    if weights is None:
        return None
    weights[0] = 1.0
    return np.array(weights)


@pytest.mark.parametrize("name", ["MLPClassifier", "CNNClassifier"])
@a_few
@given(data=st.data(), X=tables(), options=fits(), labels=st.sampled_from(list(LABELS)))
def test_a_classifier_takes_any_rows_and_labels(name, data, X, options, labels):
    known = np.asarray(LABELS[labels])
    y = known[data.draw(st.lists(st.integers(0, len(known) - 1), min_size=len(X), max_size=len(X)))]
    estimator = quick(name, **options).fit(X, y, sample_weight=weight_for(data, X))
    assert_array_equal(estimator.classes_, np.unique(y))
    predicted = estimator.predict(X)
    assert predicted.dtype == LabelBinarizer().fit(y).classes_.dtype
    assert predicted.shape == y.shape
    assert set(predicted) <= set(estimator.classes_)
    probabilities = estimator.predict_proba(X)
    expected_dtype = np.float32 if X.dtype == np.float32 else np.float64
    assert probabilities.dtype == expected_dtype
    n_columns = max(2, len(estimator.classes_))
    assert probabilities.shape == (len(X), n_columns)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(probabilities).all()


@pytest.mark.parametrize("name", ["MLPRegressor", "CNNRegressor"])
@a_few
@given(data=st.data(), X=tables(), options=fits(), n_outputs=st.sampled_from([0, 1, 3]))
def test_a_regressor_takes_any_rows_and_targets(name, data, X, options, n_outputs):
    shape = (len(X), n_outputs) if n_outputs > 1 else (len(X),)
    dtype = data.draw(st.sampled_from([np.float64, np.float32, np.int32, bool]))
    y = (10 * np.random.RandomState(0).uniform(size=shape)).astype(dtype)
    estimator = quick(name, **options).fit(X, y, sample_weight=weight_for(data, X))
    predicted = estimator.predict(X)
    assert predicted.shape == shape
    assert predicted.dtype == (np.float32 if X.dtype == np.float32 else np.float64)
    assert np.isfinite(predicted).all()


@a_few
@given(X=tables(), options=fits(), n_components=st.integers(1, 4))
def test_an_autoencoder_takes_any_rows(X, options, n_components):
    estimator = quick("Autoencoder", n_components=n_components, **options).fit(X)
    codes = estimator.transform(X)
    assert codes.shape == (len(X), n_components)
    assert codes.dtype == (np.float32 if X.dtype == np.float32 else np.float64)
    assert estimator.inverse_transform(codes).shape == X.shape
    assert_allclose(
        estimator.inverse_transform(codes), estimator.reconstruct(X), rtol=1e-4, atol=1e-5
    )
    assert estimator.score(X) <= 0


@a_few
@given(data=st.data(), options=fits())
def test_a_cnn_takes_pictures_of_any_shape(data, options):
    shape = data.draw(st.lists(st.integers(1, 7), min_size=2, max_size=3))
    n = data.draw(st.integers(1, 8))
    X = np.random.RandomState(0).normal(size=(n, *shape))
    y = np.arange(n) % 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="input_shape=")
        cnn = quick("CNNClassifier", filters=(2, 3), **options).fit(X, y)
        flat = quick("CNNClassifier", filters=(2, 3), **options)
        flat.set_params(input_shape=cnn.architecture_.input_shape).fit(X.reshape(n, -1), y)
    assert_array_equal(flat.predict_proba(X.reshape(n, -1)), cnn.predict_proba(X))


@pytest.mark.parametrize("name", NAMES)
def test_one_row_is_enough(name):
    X, y = data_for(quick(name))
    estimator = quick(name).fit(X[:1], None if y is None else y[:1])
    assert response(estimator, X).shape[0] == len(X)
    if is_classifier(estimator):
        assert_array_equal(estimator.predict(X), np.full(len(X), y[0]))


def test_memory_order_and_views_of_rows_do_not_matter():
    data = problem("numbers")
    expected = quick("MLPRegressor").fit(data.X, data.y).predict(data.X)
    wide = np.repeat(data.X, 2, axis=1)
    for X in (np.asfortranarray(data.X), wide[:, ::2], data.X.astype(">f8"), data.X.tolist()):
        assert_array_equal(quick("MLPRegressor").fit(X, data.y).predict(data.X), expected)


@pytest.mark.parametrize("name", NAMES)
@a_few
@given(data=st.data())
def test_how_rows_are_split_for_predict_does_not_matter(name, data):
    estimator = fitted(name)
    X, _ = data_for(estimator)
    rows = data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=70))
    assert_allclose(response(estimator, X[rows]), response(estimator, X)[rows], rtol=1e-6)


_FITTED = {}


def fitted(name):
    if name not in _FITTED:
        X, y = data_for(quick(name))
        _FITTED[name] = quick(name).fit(X, y)
    return _FITTED[name]


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("name", NAMES)
@settings(parent=a_few, max_examples=4)
@given(seed=st.integers(0, 1000))
def test_with_full_batches_the_order_of_rows_does_not_matter(name, solver, seed):
    X, y = data_for(quick(name))
    weight = np.random.RandomState(seed + 1).uniform(0, 2, len(X))
    order = np.random.RandomState(seed).permutation(len(X))
    options = {"solver": solver, "shuffle": False, "batch_size": 1000, "max_iter": 5}
    straight = quick(name, **options).fit(X, y, sample_weight=weight)
    y_permuted = None if y is None else y[order]
    permuted = quick(name, **options).fit(X[order], y_permuted, sample_weight=weight[order])
    for a, b in zip(weights_of(straight), weights_of(permuted), strict=True):
        assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@a_few
@given(data=st.data(), seed=st.integers(0, 1000), batch_size=st.integers(1, 40))
def test_an_epoch_without_shuffling_goes_through_the_rows_in_their_order(data, seed, batch_size):
    """One epoch of a linear model, against the loop that everybody would write."""
    rng = np.random.RandomState(seed)
    n = data.draw(st.integers(1, 30))
    X, y, weight = rng.normal(size=(n, 3)), rng.normal(size=n), rng.uniform(0.1, 2, n)
    mlp = MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0,
        learning_rate_init=0.05,
        alpha=0.2,
        batch_size=batch_size,
        shuffle=False,
        max_iter=1,
        random_state=seed,
    )
    start = mlp.fit(X, y).set_params(learning_rate_init=1e-300, momentum=0).fit(X, y)
    w, b = start.coefs_[0].ravel().copy(), start.intercepts_[0].copy()
    for first in range(0, n, batch_size):
        rows = slice(first, first + batch_size)
        residual, total = X[rows] @ w + b - y[rows], weight[rows].sum()
        gradient = (weight[rows] * residual) @ X[rows] / total + 0.2 * w / total
        w, b = w - 0.05 * gradient, b - 0.05 * (weight[rows] @ residual) / total
    mlp.set_params(learning_rate_init=0.05).fit(X, y, sample_weight=weight)
    assert_allclose(mlp.coefs_[0].ravel(), w, rtol=1e-9)
    assert_allclose(mlp.intercepts_[0], b, rtol=1e-9)


def through_joblib(value):
    file = io.BytesIO()
    joblib.dump(value, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "pickle 2": lambda value: pickle.loads(pickle.dumps(value, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "joblib": through_joblib,
    "cloudpickle": lambda value: cloudpickle.loads(cloudpickle.dumps(value)),
}


@pytest.mark.parametrize("looked_at", [False, True])
@pytest.mark.parametrize("go", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_predicts_the_same_bits(name, go, looked_at):
    X, y = data_for(quick(name))
    estimator = quick(name).fit(X, y)
    if looked_at:
        estimator.model_.set_weights([0.5 * weight for weight in weights_of(estimator)])
    twin = go(estimator)
    assert_array_equal(response(twin, X), response(estimator, X))
    assert twin.get_params() == estimator.get_params()
    assert twin.history_ == estimator.history_
    assert twin.architecture_ == estimator.architecture_
    for a, b in zip(weights_of(twin), weights_of(estimator), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_is_as_large_as_its_weights(name):
    estimator = fitted(name)
    n_bytes = sum(weight.nbytes for weight in weights_of(estimator))
    # Weights and two moments of adam, random numbers, orders of rows and a few thousand bytes.
    assert len(pickle.dumps(estimator)) < 4 * n_bytes + 12_000


def test_a_pickle_predicts_in_another_process(tmp_path):
    estimators = [fitted(name) for name in NAMES]
    expected = [response(e, data_for(e)[0]) for e in estimators]
    (tmp_path / "fitted").write_bytes(pickle.dumps([(e, data_for(e)[0]) for e in estimators]))
    code = (
        "import pickle, sys\n"
        "from tests._estimators import response\n"
        "fitted = pickle.loads(open(sys.argv[1], 'rb').read())\n"
        "pickle.dump([response(*pair) for pair in fitted], open(sys.argv[1], 'wb'))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "fitted")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})
    for found, predicted in zip(
        pickle.loads((tmp_path / "fitted").read_bytes()), expected, strict=True
    ):
        assert_array_equal(found, predicted)


# Everything in a fit that draws.
RANDOM = {"dropout": 0.3, "early_stopping": True, "batch_size": 16, "validation_fraction": 0.2}


def random_fit(name, random_state, **options):
    X, y = data_for(quick(name))
    return quick(name, **{**RANDOM, "random_state": random_state} | options).fit(X, y)


def same_bits(first, second):
    return all(map(np.array_equal, weights_of(first), weights_of(second)))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bits_whatever_was_fitted_before(name):
    first = random_fit(name, 5)
    random_fit("MLPClassifier", 1, max_iter=7)
    np.random.uniform(size=3)
    random.random()
    random_fit(name, 6)
    assert same_bits(random_fit(name, 5), first)
    assert not same_bits(random_fit(name, 6), first)


@pytest.mark.parametrize("options", [{}, {"kernel_initializer": "he_normal"}])
@pytest.mark.parametrize("name", NAMES)
def test_numpys_global_seed_makes_fits_without_a_seed_repeatable(name, options):
    fits = []
    for _ in range(2):
        np.random.seed(3)
        fits.append([random_fit(name, None, **options), random_fit(name, None, **options)])
    assert same_bits(fits[0][0], fits[1][0])
    assert same_bits(fits[0][1], fits[1][1])
    assert not same_bits(*fits[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_random_state_instance_is_advanced(name):
    rng = np.random.RandomState(4)
    first, second = random_fit(name, rng), random_fit(name, rng)
    assert not same_bits(first, second)
    assert same_bits(random_fit(name, np.random.RandomState(4)), first)


def next_of_each_stream():
    numbers = [np.random.uniform(), random.random(), float(keras.random.uniform(()))]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        numbers.append(float(tf.random.uniform(())))
    if keras.backend.backend() == "torch":
        import torch

        numbers.append(float(torch.rand(())))
    return numbers


@pytest.mark.parametrize("options", [{}, {"kernel_initializer": "he_normal"}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("name", NAMES)
def test_a_fit_with_a_seed_disturbs_no_global_stream(name, options):
    if options.get("solver") == "lbfgs":
        options = {**options, "dropout": 0.0}
    keras.utils.set_random_seed(1)  # of NumPy, Python, Keras and its backend
    expected = next_of_each_stream()
    keras.utils.set_random_seed(1)
    estimator = random_fit(name, 7, **options)
    response(estimator, data_for(estimator)[0])
    _ = estimator.model_
    assert next_of_each_stream() == expected


def test_a_fit_is_the_same_bits_in_another_process():
    X, y = small_pictures()
    cnn = CNNClassifier((3,), hidden_layer_sizes=(4,), dropout=0.5, max_iter=2, random_state=0)
    mlp = MLPClassifier((5,), dropout=0.5, max_iter=2, random_state=0)
    here = [weights_of(cnn.fit(X, y)), weights_of(mlp.fit(X.reshape(60, 36), y))]
    code = (
        "import pickle, sys\n"
        "from tests.estimators.test_properties import *\n"
        "X, y = small_pictures()\n"
        f"cnn, mlp = {cnn!r}, {mlp!r}\n"
        "fits = [weights_of(cnn.fit(X, y)), weights_of(mlp.fit(X.reshape(60, 36), y))]\n"
        "sys.stdout.buffer.write(pickle.dumps(fits))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, check=True, env=environment, capture_output=True)
    for mine, theirs in zip(here, pickle.loads(done.stdout), strict=True):
        assert all(map(np.array_equal, mine, theirs))
