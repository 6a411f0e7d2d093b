import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.utils import shuffle

from sklearn_cnn.backends import PROGRAMS, Executor
from sklearn_cnn.training import Progress, Reason, bucket, train
from sklearn_cnn.training.loop import epoch_orders

from ._fits import (
    EXECUTORS,
    TOLERANCE,
    fitted,
    largest_difference,
    network,
    on,
    plan_for,
    some_rows,
    start,
)

seeds = integers(0, 2**32 - 1)


@given(n=integers(1, 300), n_epochs=integers(1, 5), seed=seeds)
def test_an_epoch_visits_every_row_once(n, n_epochs, seed):
    orders, last = epoch_orders(np.random.RandomState(seed), np.arange(n), n_epochs, True)
    assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(n), (n_epochs, 1)))
    assert_array_equal(last, orders[-1])


@given(n=integers(1, 300), n_epochs=integers(1, 5), seed=seeds)
def test_orders_are_scikit_learns_shuffles_of_the_order_before(n, n_epochs, seed):
    """As in `MLPClassifier._fit_stochastic`."""
    rng, reference = np.random.RandomState(seed), np.random.RandomState(seed)
    orders, _ = epoch_orders(rng, np.arange(n), n_epochs, True)
    expected = np.arange(n)
    for order in orders:
        expected = shuffle(expected, random_state=reference)
        assert_array_equal(order, expected)
    assert rng.randint(2**31) == reference.randint(2**31)


@given(n=integers(1, 50), seed=seeds)
def test_without_shuffling_rows_come_as_they_are_and_nothing_is_drawn(n, seed):
    rng = np.random.RandomState(seed)
    orders, _ = epoch_orders(rng, np.arange(n), 3, False)
    assert_array_equal(orders, np.tile(np.arange(n), (3, 1)))
    assert rng.randint(2**31) == np.random.RandomState(seed).randint(2**31)


@given(n=integers(1, 10_000_000))
def test_buckets_are_few_and_at_most_half_empty(n):
    size = bucket(n)
    assert n <= size < 2 * n or n == size == 1
    assert bucket(size) == size
    power = 1 << (size.bit_length() - 1)
    assert size in (power, power + power // 2)


@pytest.mark.parametrize("early", [False, True])
def test_the_stream_of_random_numbers_ends_where_scikit_learns_does(early):
    """Epochs that a call might have run, but did not, have drawn nothing."""
    rows = some_rows(60)
    tol, patience = (10.0, 2) if early else (0.0, 100)
    stream = np.random.RandomState(0)
    mlp = MLPClassifier(
        (5,), batch_size=20, max_iter=25, random_state=stream, tol=tol, n_iter_no_change=patience
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(rows.x, rows.y.argmax(axis=1))
    rng = np.random.RandomState(0)
    plan = plan_for(network(), batch_size=20, max_iter=25, tol=tol, patience=patience)
    result = train(plan, Progress(plan.architecture.draw(rng)), rows, rng)
    assert result.n_epochs == mlp.n_iter_
    assert rng.randint(2**31) == stream.randint(2**31)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_all_executors_end_with_the_same_weights(batch_size, dtype, monkeypatch):
    plan = plan_for(
        network(dtype, dropout=0.25), batch_size=batch_size, max_iter=4, alpha=0.1, l1=0.01
    )
    rows = some_rows(dtype=dtype, weighted=True)
    weights = []
    for executor in EXECUTORS:
        with on(executor, monkeypatch):
            result = fitted(plan, rows)
        assert result.executor == executor.value
        weights.append(result.progress.weights)
    for others in weights[1:]:
        assert largest_difference(weights[0], others) < TOLERANCE[dtype]


def test_epochs_in_one_call_are_epochs_one_by_one(monkeypatch):
    class Listener:
        every_epoch = True

        def __init__(self):
            self.heard = []

        def epoch_ends(self, epoch, logs, run):
            self.heard.append((epoch, logs["loss"]))
            return False

    plan, rows = plan_for(network(), max_iter=30), some_rows()
    listener = Listener()
    with on(Executor.GRAPH, monkeypatch):
        together = fitted(plan, rows)
        one_by_one = fitted(plan, rows, listener=listener)
    assert largest_difference(together.progress.weights, one_by_one.progress.weights) == 0
    assert together.history["loss"] == one_by_one.history["loss"]
    assert listener.heard == list(enumerate(one_by_one.history["loss"]))


def test_fits_of_one_epoch_each_are_one_fit_of_all():
    plan, rows = plan_for(network(dropout=0.5), max_iter=6), some_rows()
    rng = np.random.RandomState(0)
    whole = train(plan, start(plan.architecture), rows, rng)
    rng, progress, order = np.random.RandomState(0), start(plan.architecture), None
    for _ in range(6):
        part = plan_for(network(dropout=0.5), max_iter=1)
        result = train(part, progress, rows, rng, order=order)
        progress, order = result.progress, result.order
    assert largest_difference(whole.progress.weights, progress.weights) < 1e-12
    assert progress.samples == whole.progress.samples == 6 * 40
    assert progress.step == whole.progress.step


def test_nothing_that_is_handed_over_is_changed():
    plan, rows, progress = plan_for(network()), some_rows(weighted=True), start(network())
    before = [array.copy() for array in (*progress.weights, *rows[:3])]
    train(plan, progress, rows, np.random.RandomState(0))
    for array, copy in zip((*progress.weights, *rows[:3]), before, strict=True):
        assert_array_equal(array, copy)
    assert progress.slots is None


def test_other_numbers_need_no_other_program():
    rows = some_rows()
    plans = [
        plan_for(network(dropout=0.1), rate=0.01, alpha=0.1, max_iter=20),
        plan_for(network(dropout=0.4), rate=0.5, alpha=2.0, max_iter=15),
    ]
    fitted(plans[0], rows)
    n_programs = len(PROGRAMS)
    fitted(plans[1], rows)
    fitted(plans[1], some_rows(45))  # in the same bucket
    assert len(PROGRAMS) == n_programs


def test_an_interrupt_keeps_what_was_trained(monkeypatch):
    class Impatient:
        every_epoch = True

        def epoch_ends(self, epoch, logs, run):
            if epoch == 2:
                raise KeyboardInterrupt
            return False

    plan = plan_for(network(), max_iter=10)
    result = fitted(plan, some_rows(), listener=Impatient())
    assert result.reason is Reason.INTERRUPTED
    assert result.n_epochs == 3
    expected = fitted(plan_for(network(), max_iter=3), some_rows())
    assert largest_difference(result.progress.weights, expected.progress.weights) < 1e-12


def test_a_listener_may_change_weights_and_rate_and_stop():
    class Meddling:
        every_epoch = True

        def epoch_ends(self, epoch, logs, run):
            if epoch == 0:
                run.set_weights([np.zeros_like(weight) for weight in run.weights()])
                run.set_rate(0.0)
            return epoch == 1

    result = fitted(plan_for(network(), "sgd", max_iter=10), some_rows(), listener=Meddling())
    assert result.reason is Reason.CALLBACK
    assert result.history["learning_rate"] == [0.01, 0.0]
    # Momentum still moves the weights, the rate no longer does.
    assert_allclose(result.history["loss"][1], np.log(3), rtol=0.2)
