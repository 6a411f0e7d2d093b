"""Networks of unequal widths, trained as one program and one by one."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_cnn.architectures import with_hidden_sizes
from sklearn_cnn.training import train
from sklearn_cnn.training.fusing import grouped, train_together
from sklearn_cnn.training.plan import Fit
from sklearn_cnn.training.steps import supervised
from sklearn_cnn.training.widths import clusters, n_weights, open_widths, wide_enough

from ._fits import largest_difference, network, plan_for, some_rows, start

SIZES = [(3,), (7,), (4,), (7,)]


@pytest.fixture(autouse=True)
def every_stack_is_possible():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* one by one")
        yield


def fits_of(sizes, rows=None, solver="adam", architecture=None, **settings):
    architecture = architecture or {}
    return [
        Fit(
            plan := plan_for(
                network(hidden_layer_sizes=size, **architecture), solver, max_iter=4, **settings
            ),
            start(plan.architecture, seed),
            rows or some_rows(),
            np.random.RandomState(seed),
            settings.get("validation"),
        )
        for seed, size in enumerate(sizes)
    ]


def assert_as_alone(make, tolerance=1e-12):
    """One program holds all fits, and each ends as it does alone; returns what they end with."""
    fits, singles = make(), make()
    assert [piece.numbers for piece in grouped(fits)] == [list(range(len(fits)))]
    results = train_together(fits)
    for fit, single, result in zip(fits, singles, results, strict=True):
        alone = train(
            single.plan, single.progress, single.rows, single.rng, validation=single.validation
        )
        assert (result.reason, result.n_epochs) == (alone.reason, alone.n_epochs)
        assert_array_equal(fit.rng.get_state()[1], single.rng.get_state()[1])
        for name in alone.history.keys() - {"seconds"}:
            np.testing.assert_allclose(result.history[name], alone.history[name], rtol=1e-10)
        for ours, theirs in (
            (result.progress.weights, alone.progress.weights),
            (result.progress.slots, alone.progress.slots),
            (result.best_weights or [], alone.best_weights or []),
        ):
            assert [part.shape for part in ours] == [part.shape for part in theirs]
            assert all(part.flags.c_contiguous for part in ours)
            if ours:
                assert largest_difference(ours, theirs) < tolerance
    return results


# Of an inactive unit's input, 0, the functions make 0, one half, one and 0.69.
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "exponential", "softplus"])
def test_units_that_are_not_there_change_nothing(activation):
    assert_as_alone(lambda: fits_of(SIZES, architecture={"activation": activation}))


@pytest.mark.parametrize(
    "solver", ["sgd", "rmsprop", "adagrad", "adadelta", "nadam", "lion", "ftrl"]
)
def test_every_elementwise_solver_leaves_them_out(solver):
    assert_as_alone(lambda: fits_of(SIZES, solver=solver, architecture={"activation": "sigmoid"}))


def test_each_layer_has_the_width_of_its_widest():
    sizes = [(3, 9), (8, 2), (5, 5)]
    assert_as_alone(lambda: fits_of(sizes, architecture={"activation": "sigmoid"}))
    (piece,) = grouped(fits_of(sizes))
    assert piece.shape.architecture["hidden_layer_sizes"] == (8, 9)
    assert piece.masked


def test_penalties_weights_and_batch_normalisation_share_too():
    rows = some_rows(weighted=True)
    assert_as_alone(lambda: fits_of(SIZES, rows, alpha=0.1, l1=0.01))
    # Rounding is all the gradient of a bias that a normalisation takes away; Adam scales it up.
    assert_as_alone(lambda: fits_of(SIZES, architecture={"batch_normalization": True}), 1e-9)


def test_each_stops_on_its_own_and_keeps_its_best():
    def fits():
        made = fits_of([(3,), (7,), (12,)])
        return [
            replace_plan(fit, max_iter=60, patience=2, tol=1e-2, watched="val_loss", keep_best=True)
            for fit in made
        ]

    def replace_plan(fit, **settings):
        return Fit(
            replace(fit.plan, **settings),
            fit.progress,
            fit.rows,
            fit.rng,
            some_rows(20, seed=9),
        )

    results = assert_as_alone(fits)
    assert len({result.n_epochs for result in results}) > 1


@pytest.mark.parametrize("solver", ["adam", "adagrad", "ftrl"])
def test_training_goes_on_from_where_it_stood(solver):
    def later():
        fits = []
        for first in fits_of(SIZES, solver=solver):
            result = train(first.plan, first.progress, first.rows, first.rng)
            fits.append(replace(first, progress=result.progress, order=result.order))
        return fits

    results = train_together(later())
    for fit, result in zip(later(), results, strict=True):
        alone = train(fit.plan, fit.progress, fit.rows, fit.rng, order=fit.order)
        assert largest_difference(result.progress.weights, alone.progress.weights) < 1e-12
        assert largest_difference(result.progress.slots, alone.progress.slots) < 1e-12


def test_equal_widths_are_not_padded():
    (piece,) = grouped(fits_of([(7,), (7,)]))
    assert piece.shape.architecture["hidden_layer_sizes"] == (7,)
    assert not piece.masked


@pytest.mark.parametrize(
    ("architecture", "solver"),
    [
        ({"dropout": 0.5}, "adam"),  # drawn by a unit's place among all of its layer
        ({"activation": "softmax"}, "adam"),  # each unit is divided by the sum of all
        ({}, "lamb"),  # a step is as long as the layer's weights
    ],
)
def test_networks_whose_units_know_of_each_other_are_grouped_by_width(architecture, solver):
    fits = fits_of(SIZES, architecture=architecture, solver=solver)
    assert open_widths(fits[0].plan) is None
    assert [piece.numbers for piece in grouped(fits)] == [[0], [1, 3], [2]]


def test_depths_do_not_share():
    assert len(grouped(fits_of([(3,), (3, 3), (4,)]))) == 2


def test_networks_too_large_for_one_vector_do_not_share(monkeypatch):
    monkeypatch.setattr(supervised, "LARGEST_FLAT", 60)
    assert [piece.numbers for piece in grouped(fits_of([(3,), (9,), (4,)]))] == [[0, 2], [1]]


def test_long_fits_of_very_unequal_widths_do_not_share():
    """To compute units that are not there would take longer than to compile a program more."""
    short = fits_of([(10,), (2000,), (11,), (1900,)])
    long = [replace(fit, plan=replace(fit.plan, max_iter=100_000)) for fit in short]
    assert [piece.numbers for piece in grouped(short)] == [[0, 1, 2, 3]]
    assert [piece.numbers for piece in grouped(long)] == [[0, 2], [1, 3]]


def test_clusters_cost_least_of_all_ways_to_cut():
    """Against every cut of the widths in their order."""
    one = network()
    widths = [with_hidden_sizes(one, (n,)) for n in (4, 5, 30, 33, 90)]

    def cost(architecture, numbers):
        return 2000 + n_weights(architecture) * len(numbers)

    def total(found):
        return sum(cost(architecture, numbers) for architecture, numbers in found)

    cuts = []
    for cut in range(2**4):
        parts = [[0]]
        for i in range(1, 5):
            if cut >> (i - 1) & 1:
                parts.append([])
            parts[-1].append(i)
        cuts.append([(wide_enough([widths[i] for i in part]), part) for part in parts])
    found = clusters(widths, cost)
    assert 1 < len(found) < 5
    assert total(found) == min(map(total, cuts))
