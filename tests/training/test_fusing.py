import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_cnn import backends
from sklearn_cnn.training import Objective, Plan, Reason, fusing, train
from sklearn_cnn.training.fusing import (
    can_be_fused,
    grouped,
    rounded_up,
    split,
    train_together,
)
from sklearn_cnn.training.loop import trained_by
from sklearn_cnn.training.plan import Fit
from sklearn_cnn.training.stacked import StackedEpochs

from ._fits import TOLERANCE, largest_difference, network, plan_for, some_rows, start


@pytest.fixture(autouse=True)
def every_stack_is_possible():
    """A group that could not be fused would be trained one by one, with a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* one by one")
        yield


def fit_of(plan, rows, seed=0, validation=None):
    rng = np.random.RandomState(seed)
    return Fit(plan, start(plan.architecture, seed), rows, rng, validation)


def alone(fit):
    return train(fit.plan, fit.progress, fit.rows, fit.rng, validation=fit.validation)


def assert_same_results(make_fits, tolerance=1e-12, **settings):
    """The fits end fused as they do one by one; returns what they ended with."""
    fits, singles = make_fits(), make_fits()
    results = train_together(fits, **settings)
    for fit, single, result in zip(fits, singles, results, strict=True):
        expected = alone(single)
        assert result.reason is expected.reason
        assert result.n_epochs == expected.n_epochs
        assert result.history.keys() == expected.history.keys()
        for name in set(expected.history) - {"seconds"}:
            assert_allclose(
                result.history[name], expected.history[name], rtol=tolerance * 10, err_msg=name
            )
        ours, theirs = result.progress, expected.progress
        assert largest_difference(ours.weights, theirs.weights) < tolerance
        assert largest_difference(ours.slots, theirs.slots) < tolerance
        assert (ours.step, ours.stalled, ours.samples) == (
            theirs.step,
            theirs.stalled,
            theirs.samples,
        )
        assert_allclose([ours.best, ours.rate], [theirs.best, theirs.rate], rtol=10 * tolerance)
        if expected.best_weights is None:
            assert result.best_weights is None
        else:
            assert largest_difference(result.best_weights, expected.best_weights) < tolerance
        assert_array_equal(result.order, expected.order)
        assert fit.rng.randint(2**31) == single.rng.randint(2**31)
    return results


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("solver", "rate", "policy"),
    [
        ("adam", 0.01, "constant"),
        ("sgd", 0.1, "constant"),
        ("sgd", 0.1, "invscaling"),
        ("sgd", 0.1, "adaptive"),
        ("adam", 0.01, "cosine"),
        ("rmsprop", 0.01, "constant"),
        ("nadam", 0.01, "constant"),
    ],
)
def test_fused_fits_end_as_they_do_one_by_one(solver, rate, policy, dtype):
    """Seeds, rates, penalties, epochs and rows differ between the networks."""

    def fits():
        return [
            fit_of(
                replace(
                    plan_for(
                        network(dtype),
                        solver,
                        rate * (1 + k),
                        alpha=0.1 * (1 + k),
                        l1=0.01 * (5 - k),
                        max_iter=4 + k,
                    ),
                    policy=policy,
                    cosine=(0, 320),
                    patience=2,
                    tol=0.5 if k == 4 else -np.inf,
                ),
                some_rows(40 - k, dtype, weighted=k == 2, seed=k % 2),
                seed=k,
            )
            for k in range(5)
        ]

    results = assert_same_results(fits, 5 * TOLERANCE[dtype])
    assert {result.executor for result in results} <= {"xla", "graph"}
    assert results[4].reason is (Reason.MAX_ITER if policy == "adaptive" else Reason.STALLED)


def test_dropout_draws_the_same_masks_fused_and_alone():
    def fits():
        return [
            fit_of(
                plan_for(network(dropout=0.2 + 0.1 * k), max_iter=5, seed=k), some_rows(), seed=k
            )
            for k in range(3)
        ]

    assert_same_results(fits)


def test_batch_normalisation_sees_whole_batches_and_keeps_its_statistics():
    """35 rows in batches of 10 leave a batch of 5, which must not be padded."""

    def fits():
        architecture = network(batch_normalization=True)
        return [
            fit_of(plan_for(architecture, max_iter=4), some_rows(n, seed=n), seed=n)
            for n in (35, 45, 35)
        ]

    assert len(grouped(fits())) == 1
    assert_same_results(fits, 1e-10)


@pytest.mark.parametrize("watched", ["score", "val_loss"])
def test_each_network_stops_on_its_own_and_keeps_its_best_weights(watched):
    from sklearn_cnn.training.metrics import describe_metrics

    def fits():
        metrics = describe_metrics(["accuracy"], score="accuracy", units=3)
        return [
            fit_of(
                replace(
                    plan_for(network(), rate=0.3 / (1 + k), max_iter=60, tol=1e-3),
                    patience=1 + 3 * k,
                    watched=watched,
                    keep_best=True,
                    metrics=metrics,
                ),
                some_rows(seed=k),
                seed=k,
                validation=some_rows(10 + k, seed=9, weighted=k == 1),
            )
            for k in range(4)
        ]

    results = assert_same_results(fits)
    assert len({result.n_epochs for result in results}) > 1


def test_a_stack_shrinks_when_networks_have_stopped(monkeypatch):
    """Epochs differ, so that 8 networks become 4, then 2; each ends as it would alone."""
    monkeypatch.setattr(fusing, "_COMPILE_SECONDS", 0.0)
    sizes = []
    take_program = fusing.Stack._take_program

    def noted(stack, n_networks):
        sizes.append(n_networks)
        take_program(stack, n_networks)

    monkeypatch.setattr(fusing.Stack, "_take_program", noted)

    def fits():
        epochs = [30, 60, 400, 30, 700, 30, 60, 60]
        return [
            fit_of(
                replace(
                    plan_for(network(), max_iter=n, alpha=0.1 * k),
                    keep_best=True,
                    watched="score",
                    patience=1000,
                ),
                some_rows(seed=k),
                seed=k,
                validation=some_rows(10, seed=k),
            )
            for k, n in enumerate(epochs, 1)
        ]

    assert_same_results(fits, 1e-9, n_programs=1)
    assert sizes == [8, 2, 1]


def test_regression_scores_are_those_of_each_networks_own_rows():
    from sklearn_cnn import families
    from sklearn_cnn.architectures import dense

    def fits():
        architecture = dense((6,), 2, "linear", hidden_layer_sizes=(5,), dtype="float64")
        made = []
        for k in range(3):
            base = plan_for(architecture, max_iter=10)
            plan = replace(
                base,
                objective=Objective(families.gaussian(), "r2"),
                watched="score",
                keep_best=True,
            )
            rows, held_out = some_rows(30, seed=k, units=2), some_rows(12, seed=5 + k, units=2)
            made.append(fit_of(plan, rows, seed=k, validation=held_out))
        return made

    assert_same_results(fits)


def test_a_loss_that_is_not_finite_ends_one_network_and_no_other():
    def fits():
        rows = some_rows()
        wild = rows._replace(x=rows.x * 1e200)
        return [
            fit_of(plan_for(network(activation="linear"), "sgd", max_iter=8), data, seed=k)
            for k, data in enumerate([rows, wild, rows])
        ]

    results = train_together(fits())
    reasons = [result.reason for result in results]
    assert reasons == [Reason.MAX_ITER, Reason.NOT_FINITE, Reason.MAX_ITER]
    for k in (0, 2):
        expected = alone(fits()[k])
        assert largest_difference(results[k].progress.weights, expected.progress.weights) < 1e-12


def test_a_stack_goes_on_from_slots_rate_and_order_of_an_earlier_fit():
    plan = plan_for(network(), "sgd", max_iter=3, learning_rate="constant")
    rows = some_rows()

    def later_fits():
        fits = []
        for seed in range(3):
            first = fit_of(plan, rows, seed)
            result = alone(first)
            fits.append(Fit(plan, result.progress, rows, first.rng, order=result.order))
        return fits

    results = train_together(later_fits())
    for fit, result in zip(later_fits(), results, strict=True):
        expected = train(fit.plan, fit.progress, fit.rows, fit.rng, order=fit.order)
        assert largest_difference(result.progress.weights, expected.progress.weights) < 1e-12


@pytest.mark.parametrize("n_programs", [1, 2, 3])
def test_results_do_not_depend_on_how_the_stack_is_cut(n_programs):
    def fits():
        return [fit_of(plan_for(network(), rate=0.01 * (1 + k)), some_rows(), k) for k in range(7)]

    assert_same_results(fits, n_programs=n_programs)


def test_full_batches_of_unequal_folds_share_a_program():
    def fits():
        return [
            fit_of(plan_for(network(), batch_size=n, max_iter=5), some_rows(n), seed=n)
            for n in (31, 33, 36)
        ]

    assert len(grouped(fits())) == 1
    assert_same_results(fits)


def test_full_batches_of_unequal_folds_with_batch_normalisation_do_not():
    """Rows that fill up the smaller batch would count in its means."""

    def fits():
        architecture = network(batch_normalization=True)
        return [
            fit_of(plan_for(architecture, batch_size=n, max_iter=5), some_rows(n), seed=n)
            for n in (31, 36, 36, 31)
        ]

    assert [piece.numbers for piece in grouped(fits())] == [[0, 3], [1, 2]]
    assert_same_results(fits, tolerance=1e-10)


def test_fits_that_differ_in_structure_are_grouped_apart():
    rows = some_rows()
    fits = [
        fit_of(plan, rows)
        for plan in (
            plan_for(network()),
            plan_for(network(activation="tanh")),
            plan_for(network(), "sgd"),
            plan_for(network(), rate=0.5, alpha=1.0),
            plan_for(network(dropout=0.5)),
        )
    ]
    assert [piece.numbers for piece in grouped(fits)] == [[0, 3], [1], [2], [4]]
    results = train_together(fits)
    assert [result is None for result in results] == [False, True, True, False, True]


def test_short_fits_do_not_wait_for_long_ones():
    """A learning curve's smallest sample would step as often as its largest."""
    fits = [fit_of(plan_for(network()), some_rows(n)) for n in (400, 40, 390, 45)]
    assert [piece.numbers for piece in grouped(fits)] == [[0, 2], [1, 3]]


def test_a_program_fills_a_gpu_where_cores_each_have_their_own(monkeypatch):
    stacks = []
    take_program = fusing.Stack._take_program

    def noted(stack, n_networks):
        stacks.append(n_networks)
        take_program(stack, n_networks)

    monkeypatch.setattr(fusing.Stack, "_take_program", noted)
    monkeypatch.setattr(fusing.os, "cpu_count", lambda: 2)
    fits = [fit_of(plan_for(network(), max_iter=2), some_rows(), k) for k in range(40)]
    train_together(fits)
    assert stacks == [20, 20]
    stacks.clear()
    monkeypatch.setattr(type(backends.current()), "on_cpu", False)
    train_together(fits)
    assert stacks == [40]


@pytest.mark.parametrize(("room", "n_programs"), [(None, 1), (20, 4)])
def test_half_of_the_memory_of_a_gpu_is_used(monkeypatch, room, n_programs):
    fits = [fit_of(plan_for(network(), max_iter=2), some_rows(), k) for k in range(40)]
    left = room and room * fusing.bytes_of_network(grouped(fits)[0].shape, fits[0])
    monkeypatch.setattr(type(backends.current()), "on_cpu", False)
    monkeypatch.setattr(type(backends.current()), "free_memory", lambda self: left)
    pieces = []
    cut = fusing.split
    monkeypatch.setattr(fusing, "split", lambda *given: pieces.append(cut(*given)) or pieces[-1])
    train_together(fits)
    assert len(pieces[0]) == n_programs


def test_memory_bounds_the_networks_of_a_program():
    fits = [fit_of(plan_for(network()), some_rows()) for _ in range(40)]
    (group,) = grouped(fits)
    assert [len(piece.numbers) for piece in split(group, fits, 2, 2**40)] == [20, 20]
    from sklearn_cnn.training.fusing import bytes_of_network

    each = bytes_of_network(group.shape, fits[0])
    pieces = split(group, fits, 2, 10 * each)
    assert max(piece.n_networks for piece in pieces) <= 10
    assert sorted(number for piece in pieces for number in piece.numbers) == list(range(40))


@given(n=integers(1, 5000))
def test_places_in_a_program_are_few_and_seldom_empty(n):
    size = rounded_up(n)
    assert n <= size <= n * 9 / 8
    assert rounded_up(size) == size


def test_sizes_of_programs_are_few():
    assert len({rounded_up(n) for n in range(1, 1025)}) <= 64


def test_an_end_from_outside_leaves_what_was_trained():
    calls = []

    def stopped():
        calls.append(True)
        return len(calls) > 1

    fits = [fit_of(plan_for(network(), max_iter=5000), some_rows(), seed) for seed in range(3)]
    results = train_together(fits, n_programs=1, stopped=stopped)
    for seed, (fit, result) in enumerate(zip(fits, results, strict=True)):
        assert result.reason is Reason.INTERRUPTED
        assert 0 < result.n_epochs < 5000
        expected = alone(fit_of(replace(fit.plan, max_iter=result.n_epochs), fit.rows, seed))
        assert largest_difference(result.progress.weights, expected.progress.weights) < 1e-12


def test_what_cannot_be_stacked_is_left_alone_and_said(monkeypatch):
    def refuse(*arguments):
        raise NotImplementedError("No stacked form of this layer.")

    monkeypatch.setattr(StackedEpochs, "_train_all", refuse)
    plan = plan_for(network(hidden_layer_sizes=(7,)), max_iter=2)
    fits = [fit_of(plan, some_rows(), seed) for seed in range(2)]
    states = [fit.rng.get_state()[1].copy() for fit in fits]
    with pytest.warns(UserWarning, match=r"2 networks .* one by one: .* No stacked form"):
        assert train_together(fits) == [None, None]
    for fit, state in zip(fits, states, strict=True):
        assert_array_equal(fit.rng.get_state()[1], state)


def test_who_must_hear_of_every_epoch_is_not_fused():
    class Listener:
        every_epoch = True

    plan = plan_for(network())
    assert can_be_fused(plan, some_rows(), None)
    assert not can_be_fused(plan, some_rows(), Listener())


def test_a_trainer_is_offered_the_fits_of_its_block_only():
    plan, rows = plan_for(network()), some_rows()
    offered = []

    def trainer(fits, listener):
        offered.extend(fits)
        return [None if len(offered) == 1 else "the trainer's own"]

    with trained_by(trainer):
        left = alone(fit_of(plan, rows))
        taken = alone(fit_of(plan, rows))
    after = alone(fit_of(plan, rows))
    assert isinstance(offered[0].plan, Plan)
    assert len(offered) == 2
    assert taken == "the trainer's own"
    assert largest_difference(left.progress.weights, after.progress.weights) == 0
