import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import booleans, floats, integers, lists, sampled_from
from keras import ops
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sklearn_cnn import backends
from sklearn_cnn.training import Progress, Reason, train
from sklearn_cnn.training.stopping import ON_HOST, Rule, Watch, after_epoch

from ._fits import fitted, network, plan_for, some_rows


def tensor(value, dtype="float64"):
    return ops.convert_to_tensor(value, dtype)


def number(value, dtype="float64"):
    return np.dtype(dtype).type(value)


def ours(values, losses, *, tol, patience, rate, policy, n_samples=10, power_t=0.5, on_host=False):
    """Epochs until the rule ends training, best epochs, and what is remembered then."""
    made, xp = (number, ON_HOST) if on_host else (tensor, None)
    watch = Watch(made(np.inf), made(0, "int32"), made(rate), made(0.0), made(0, "int32"))
    rule = Rule(*(made(setting) for setting in (tol, 0.0, patience, rate, power_t)))
    best_epochs = []
    for epoch, (value, loss) in enumerate(zip(values, losses, strict=True)):
        watch, improved = after_epoch(
            watch, made(value), made(loss), made(n_samples), rule, policy, xp
        )
        if bool(improved):
            best_epochs.append(epoch)
        if int(watch.reason):
            break
    return epoch + 1, best_epochs, watch


def scikit_learns(values, losses, *, tol, patience, rate, policy, n_samples=10, power_t=0.5):
    """`_fit_stochastic` and `SGDOptimizer` of scikit-learn 1.9, with lower values better."""
    best, stalled, t, reason, best_epochs = np.inf, 0, 0, Reason.RUNNING, []
    rate_init = rate
    for epoch, (value, loss) in enumerate(zip(values, losses, strict=True)):
        t += n_samples
        if value > best - tol:
            stalled += 1
        else:
            stalled = 0
        if value < best:
            best = value
            best_epochs.append(epoch)
        if policy == "invscaling":
            rate = rate_init / (t + 1) ** power_t
        if stalled > patience:
            if policy == "adaptive" and rate > 1e-6:
                rate /= 5.0
                stalled = 0
            else:
                reason = Reason.RATE_TOO_SMALL if policy == "adaptive" else Reason.STALLED
        if not np.isfinite(loss):
            reason = Reason.NOT_FINITE
        if reason:
            break
    return epoch + 1, best_epochs, Watch(best, stalled, rate, t, reason)


# Coarse values, so that equal ones and steps of exactly `tol` come up.
sequences = lists(integers(-20, 20).map(lambda n: n / 4), min_size=1, max_size=30)


@given(
    values=sequences,
    tol=sampled_from([-np.inf, 0.0, 0.25, 0.5]),
    patience=integers(0, 4),
    policy=sampled_from(["constant", "invscaling", "adaptive", "own"]),
    rate=sampled_from([0.5, 1e-3, 2e-6, 1e-6]),
    diverges=booleans(),
    on_host=booleans(),
)
def test_training_ends_when_scikit_learns_would(
    values, tol, patience, policy, rate, diverges, on_host
):
    losses = [float(value) for value in values]
    if diverges:
        losses[-1] = np.nan
    setting = {"tol": tol, "patience": patience, "rate": rate, "policy": policy}
    with backends.current().precision("float64"):
        n_epochs, best_epochs, watch = ours(values, losses, **setting, on_host=on_host)
    expected_epochs, expected_best, expected = scikit_learns(values, losses, **setting)
    assert n_epochs == expected_epochs
    assert best_epochs == expected_best
    for got, wanted in zip(watch, expected, strict=True):
        assert float(got) == pytest.approx(float(wanted), rel=1e-14)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_fits_end_in_the_same_epoch_as_scikit_learns(learning_rate):
    rows = some_rows(60)
    setting = {"tol": 1e-2, "n_iter_no_change": 2, "learning_rate_init": 0.05, "power_t": 0.3}
    mlp = MLPClassifier(
        (5,), solver="sgd", batch_size=20, max_iter=60, random_state=0, alpha=0.0,
        learning_rate=learning_rate, **setting,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(rows.x, rows.y.argmax(axis=1))
    plan = plan_for(
        network(), "sgd", rate=0.05, batch_size=20, max_iter=60, tol=1e-2, patience=2,
        policy=learning_rate, power_t=0.3,
    )  # fmt: skip
    result = fitted_like_scikit_learn(plan, rows)
    assert result.n_epochs == mlp.n_iter_
    np.testing.assert_allclose(result.history["loss"], mlp.loss_curve_, rtol=1e-10)


def fitted_like_scikit_learn(plan, rows):
    """One stream draws the weights and then the orders of rows."""
    rng = np.random.RandomState(0)
    return train(plan, Progress(plan.architecture.draw(rng)), rows, rng)


@given(best=floats(0.5, 100.0), share=sampled_from([0.0, 0.001, 0.1]))
def test_a_relative_tolerance_is_a_share_of_the_best(best, share):
    watch = Watch(*(tensor(v) for v in (best, 0.0, 0.1, 0.0)), tensor(0, "int32"))
    rule = Rule(*(tensor(number) for number in (0.0, share, 5.0, 0.1, 0.5)))
    for factor, stalled in ((1 - share - 1e-3, 0), (1 - share + 1e-3, 1)):
        value = tensor(best * factor)
        after, _ = after_epoch(watch, value, value, tensor(10.0), rule, "constant")
        assert int(after.stalled) == stalled


def test_a_loss_that_is_not_finite_ends_training_and_says_so():
    rows = some_rows()
    rows = rows._replace(x=rows.x * 1e160)
    result = fitted(plan_for(network(), "sgd", rate=1e150, max_iter=20), rows)
    assert result.reason is Reason.NOT_FINITE
    assert result.n_epochs < 20


def test_the_best_weights_are_those_of_the_best_epoch():
    backends.start()
    rows, validation = some_rows(60), some_rows(30, seed=1)
    settings = {"keep_best": True, "watched": "val_loss", "max_iter": 12, "patience": 100}
    plan = plan_for(network(), "sgd", rate=0.5, **settings)
    result = fitted(plan, rows, validation=validation)
    best_epoch = int(np.argmin(result.history["val_loss"]))
    shorter = plan_for(network(), "sgd", rate=0.5, **settings | {"max_iter": best_epoch + 1})
    expected = fitted(shorter, rows, validation=validation).progress.weights
    for got, wanted in zip(result.best_weights, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert result.progress.best == min(result.history["val_loss"])
