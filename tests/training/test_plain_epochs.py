import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_cnn.backends import Executor
from sklearn_cnn.training import Reason
from sklearn_cnn.training.epochs import ProgramShape
from sklearn_cnn.training.loop import program_shape

from ._fits import TOLERANCE, fitted, largest_difference, network, on, plan_for, some_rows


class EachEpoch:
    """A listener for whose sake a call of the program runs one epoch."""

    every_epoch = True

    def epoch_ends(self, epoch, logs, run):
        return False


def on_xla(monkeypatch):
    return on(Executor.XLA, monkeypatch)


def in_programs_only(monkeypatch):
    """Let programs end their epochs themselves."""
    monkeypatch.setattr(ProgramShape, "is_plain", False)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 7, "alpha": 0.1, "l1": 0.01},
        {"batch_size": 64, "max_iter": 9},
        {"solver": "sgd", "shuffle": False},
        {"solver": "rmsprop", "batch_size": 1},
    ],
)
def test_programs_that_end_their_epochs_give_the_same(settings, weighted, dtype, monkeypatch):
    rows = some_rows(dtype=dtype, weighted=weighted)
    plan = plan_for(network(dtype), **{"max_iter": 12, **settings})
    with on_xla(monkeypatch):
        plain = fitted(plan, rows)
    in_programs_only(monkeypatch)
    with on_xla(monkeypatch):
        expected = fitted(plan, rows)
    tolerance = 20 * TOLERANCE[dtype]
    assert largest_difference(plain.progress.weights, expected.progress.weights) < tolerance
    assert_allclose(plain.history["loss"], expected.history["loss"], rtol=tolerance)
    assert plain.history["learning_rate"] == expected.history["learning_rate"]
    assert plain.progress.step == expected.progress.step
    for slot, other in zip(plain.progress.slots, expected.progress.slots, strict=True):
        assert slot.dtype == other.dtype
        assert_allclose(slot, other, rtol=100 * tolerance, atol=tolerance)


@pytest.mark.parametrize("settings", [{"dropout": 0.4}, {}])
def test_calls_of_one_epoch_and_of_several_have_the_same_bits(settings, monkeypatch):
    rows, plan = some_rows(), plan_for(network(**settings), batch_size=7, max_iter=13)
    with on_xla(monkeypatch):
        several = fitted(plan, rows)
        one = fitted(plan, rows, listener=EachEpoch())
    assert several.history["loss"] == one.history["loss"]
    for weight, other in zip(several.progress.weights, one.progress.weights, strict=True):
        assert_array_equal(weight, other)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_fit_that_ends_within_a_call_has_the_weights_of_its_last_epoch(shuffle, monkeypatch):
    rows = some_rows()
    plan = plan_for(network(), max_iter=60, tol=2e-2, patience=2, shuffle=shuffle)
    with on_xla(monkeypatch):
        several = fitted(plan, rows)
        one = fitted(plan, rows, listener=EachEpoch())
    assert several.reason is one.reason is Reason.STALLED
    assert several.n_epochs == one.n_epochs < 60
    assert several.n_epochs % 10, "it is to end in the middle of a call"
    assert several.progress.step == one.progress.step == 4 * several.n_epochs
    assert_array_equal(several.order, one.order)
    for weight, other in zip(several.progress.weights, one.progress.weights, strict=True):
        assert_array_equal(weight, other)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_fit_that_diverges_within_a_call_ends_in_that_epoch(monkeypatch):
    rows = some_rows()
    rows.x[:] *= 1e150
    plan = plan_for(network(activation="relu"), "sgd", rate=1e200, max_iter=20)
    with on_xla(monkeypatch):
        several = fitted(plan, rows)
        one = fitted(plan, rows, listener=EachEpoch())
    assert several.reason is one.reason is Reason.NOT_FINITE
    assert several.n_epochs == one.n_epochs < 20


def test_a_later_fit_goes_on_with_the_slots_of_an_earlier_one(monkeypatch):
    rows, architecture = some_rows(), network()
    with on_xla(monkeypatch):
        whole = fitted(plan_for(architecture, max_iter=6, shuffle=False), rows)
        half = plan_for(architecture, max_iter=3, shuffle=False)
        first = fitted(half, rows)

        def from_first(plan, _, rows, rng):
            from sklearn_cnn.training import train

            return train(plan, first.progress, rows, rng)

        second = fitted(half, rows, from_first)
    for weight, other in zip(second.progress.weights, whole.progress.weights, strict=True):
        assert_array_equal(weight, other)


@pytest.mark.parametrize(
    ("settings", "plain"),
    [
        ({}, True),
        ({"policy": "adaptive"}, False),
        ({"keep_best": True}, False),
    ],
)
def test_epochs_are_plain_where_their_loss_alone_ends_them(settings, plain, monkeypatch):
    from sklearn_cnn import backends

    rows, plan = some_rows(), plan_for(network(), **settings)
    with on_xla(monkeypatch):
        shape = program_shape(plan, rows, None, backends.current(), None)
        assert shape.is_plain is plain
        with_validation = program_shape(plan, rows, some_rows(), backends.current(), None)
    assert not with_validation.is_plain
