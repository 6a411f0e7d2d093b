"""Threads, workers and forks: a fit gives what it gives alone, or says at once that it cannot."""

import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from tests._estimators import NAMES, data_for, quick, response, weights_of
from tests._problems import problem, small_pictures

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def same_bits(first, second):
    return all(map(np.array_equal, weights_of(first), weights_of(second)))


def at_once(functions):
    """Results of functions that start in threads of their own at the same moment."""
    barrier = threading.Barrier(len(functions))

    def start(function):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(start, functions))


@pytest.mark.parametrize("name", NAMES)
def test_fits_in_threads_give_what_they_give_alone(name):
    """The same program runs in all threads, with other weights, rows and dropout."""
    X, y = data_for(quick(name))
    estimators = [
        quick(name, random_state=seed, dropout=0.2, batch_size=16, max_iter=8) for seed in range(4)
    ]
    rows = [np.arange(len(X)) % 4 != part for part in range(4)]
    y_of = [None if y is None else y[mask] for mask in rows]

    def fit(part):
        return clone(estimators[part]).fit(X[rows[part]], y_of[part])

    alone = [fit(part) for part in range(4)]
    together = at_once([lambda part=part: fit(part) for part in range(4)])
    assert all(map(same_bits, alone, together))


def test_fits_of_different_networks_in_threads_give_what_they_give_alone():
    def fit(name):
        X, y = data_for(quick(name))
        # Widths that no other test has: the programs are compiled in the threads.
        return quick(name, hidden_layer_sizes=(11,), max_iter=4).fit(X, y)

    together = at_once([lambda name=name: fit(name) for name in NAMES])
    alone = [fit(name) for name in NAMES]
    assert all(map(same_bits, alone, together))


@pytest.mark.parametrize("name", NAMES)
def test_predictions_in_threads_are_those_of_one(name):
    X, y = data_for(quick(name))
    estimator = quick(name).fit(X, y)
    expected = response(estimator, X)
    for found in at_once([lambda: [response(estimator, X) for _ in range(20)]] * 4):
        assert all(np.array_equal(each, expected) for each in found)


def test_joblib_may_run_fits_in_threads():
    data = problem("two classes")
    mlp = quick("MLPClassifier")
    with parallel_config("threading", n_jobs=2):
        threads = cross_validate(mlp, data.X, data.y, cv=4, return_estimator=True)
    alone = cross_validate(mlp, data.X, data.y, cv=4, return_estimator=True)
    assert all(map(same_bits, threads["estimator"], alone["estimator"]))


@pytest.mark.slow
def test_worker_processes_give_what_one_process_gives():
    """Two workers import TensorFlow, which takes most of the time of this test."""
    data, (pictures, kinds) = problem("two classes"), small_pictures()
    mlp, cnn = quick("MLPClassifier", dropout=0.2), quick("CNNClassifier", dropout=0.2)
    for estimator, X, y in [(mlp, data.X, data.y), (cnn, pictures, kinds)]:
        options = {"cv": 4, "return_estimator": True}
        alone = cross_validate(estimator, X, y, n_jobs=1, **options)
        workers = cross_validate(estimator, X, y, n_jobs=2, **options)
        assert_array_equal(workers["test_score"], alone["test_score"])
        for theirs, ours in zip(workers["estimator"], alone["estimator"], strict=True):
            assert_allclose(response(theirs, X), response(ours, X), rtol=1e-5, atol=1e-6)
    fitted = clone(cnn).fit(pictures, kinds)
    there = Parallel(n_jobs=2)(delayed(response)(fitted, pictures) for _ in range(2))
    assert_allclose(there[1], response(fitted, pictures), rtol=1e-6)


def run(code, *, timeout=120):
    """Run code in a process of its own; its last line is what it says."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


FORK = """
    import os, sys, time
    import numpy as np
    from sklearn_cnn import CNNClassifier, MLPClassifier

    X, y = np.random.RandomState(0).normal(size=(20, 4)), np.arange(20) % 2
    mlp, cnn = MLPClassifier((3,), max_iter=2), CNNClassifier((2,), hidden_layer_sizes=(3,))

    def in_child(function):
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                said = repr(function())
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            os.write(write, said.encode())
            os._exit(0)
        os.close(write)
        started = time.monotonic()
        with os.fdopen(read) as pipe:
            said = pipe.read()
        os.wait()
        return said, time.monotonic() - started
"""


def test_a_fit_in_a_forked_child_is_an_error_at_once():
    code = """
    mlp.fit(X, y), cnn.fit(X, y)
    for fit in (lambda: mlp.fit(X, y), lambda: cnn.fit(X, y), lambda: cnn.predict(X)):
        said, seconds = in_child(fit)
        assert said.startswith("RuntimeError: This process ("), said
        assert "was forked from process" in said and "'loky'" in said, said
        assert seconds < 5, seconds
    # A dense network predicts without a backend, in a child too.
    said, seconds = in_child(lambda: mlp.predict(X).tolist())
    assert said == repr(mlp.predict(X).tolist()), said
    # The parent is none the worse.
    mlp.fit(X, y), cnn.predict(X)
    """
    run(textwrap.dedent(FORK) + textwrap.dedent(code))


def test_a_child_that_was_forked_before_the_backend_started_may_fit():
    code = """
    assert "tensorflow" not in sys.modules
    said, seconds = in_child(lambda: mlp.fit(X, y).n_iter_)
    assert said == "2", said
    """
    run(textwrap.dedent(FORK) + textwrap.dedent(code))


def test_the_first_fit_of_a_process_prints_writes_and_sets_nothing(tmp_path):
    """The backend is imported by it, and on PyTorch and JAX Keras imports TensorFlow as well."""
    done = run(
        f"""
        import os, sys
        os.chdir({str(tmp_path)!r})
        os.environ["TMPDIR"] = {str(tmp_path)!r}
        import numpy as np
        from sklearn_cnn import CNNClassifier, MLPClassifier, import_keras
        before, limits = dict(os.environ), np.geterr()
        X, y = np.random.RandomState(0).normal(size=(20, 4)), np.arange(20) % 2
        MLPClassifier((3,), max_iter=50).fit(X, y).predict(X)
        CNNClassifier((2,), hidden_layer_sizes=(3,)).fit(X, y).predict(X)
        assert import_keras().backend.backend() in sys.modules
        assert dict(os.environ) == before, set(os.environ.items()) ^ set(before.items())
        assert np.geterr() == limits
        assert os.listdir() == [], os.listdir()
        """
    )
    assert done.stdout == ""
    assert done.stderr == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_leaves_keras_as_it_was(name):
    import keras

    before = (
        keras.config.floatx(),
        keras.config.image_data_format(),
        keras.config.dtype_policy().name,
        keras.config.is_traceback_filtering_enabled(),
    )
    X, y = data_for(quick(name))
    for dtype in ("float32", "float64"):
        quick(name, dtype=dtype).fit(X, y)
    assert before == (
        keras.config.floatx(),
        keras.config.image_data_format(),
        keras.config.dtype_policy().name,
        keras.config.is_traceback_filtering_enabled(),
    )
