import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import optimizers
from keras.optimizers import schedules
from numpy.testing import assert_allclose
from scipy import sparse

from sklearn_cnn import families
from sklearn_cnn.architectures import (
    convolutional,
    convolutional_autoencoder,
    dense,
    dense_autoencoder,
)
from sklearn_cnn.architectures.given import Input, given
from sklearn_cnn.training import Objective, Progress, Reason, Rows, train
from sklearn_cnn.training.keras_fit import train_with_keras
from sklearn_cnn.training.losses import describe_loss
from sklearn_cnn.training.metrics import describe_metrics

from ._fits import (
    fitted,
    largest_difference,
    network,
    plan_for,
    some_rows,
    start,
)

SAME = {"float32": 1e-5, "float64": 1e-10}


def trained_both_ways(plan, rows, **keywords):
    return fitted(plan, rows, **keywords), fitted(plan, rows, train_with_keras, **keywords)


def assert_same(first, second, tolerance=1e-10):
    assert largest_difference(first.progress.weights, second.progress.weights) < tolerance
    assert first.reason == second.reason
    assert first.history.keys() == second.history.keys()
    for name in first.history.keys() - {"seconds"}:
        assert_allclose(first.history[name], second.history[name], rtol=1e3 * tolerance, atol=1e-7)
    for name in ("step", "stalled", "samples"):
        assert getattr(first.progress, name) == getattr(second.progress, name)
    np.testing.assert_array_equal(first.order, second.order)


@pytest.mark.parametrize("dtype", SAME)
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize(
    ("sizes", "batch_size", "weighted", "alpha"),
    [((5,), 16, True, 0.5), ((5, 4), 40, False, 0.5), ((), 16, True, 0.0), ((5,), 1, False, 0.0)],
)
def test_fits_through_keras_are_compiled_fits(solver, sizes, batch_size, weighted, alpha, dtype):
    architecture = network(dtype, hidden_layer_sizes=sizes)
    plan = plan_for(architecture, solver, batch_size=batch_size, alpha=alpha, l1=alpha / 10)
    compiled, through_keras = trained_both_ways(plan, some_rows(dtype=dtype, weighted=weighted))
    assert through_keras.executor == "keras"
    assert_same(compiled, through_keras, SAME[dtype])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", SAME)
@pytest.mark.parametrize(
    ("solver", "sizes", "batch_size", "weighted", "alpha"),
    list(
        itertools.product(
            ["adam", "sgd", "rmsprop"],
            [(), (5,), (5, 4)],
            [1, 16, 40],
            [False, True],
            [0.0, 0.5],
        )
    ),
)
def test_so_they_are_in_every_combination(solver, sizes, batch_size, weighted, alpha, dtype):
    test_fits_through_keras_are_compiled_fits(solver, sizes, batch_size, weighted, alpha, dtype)


@pytest.mark.parametrize(
    ("solver", "settings"),
    [
        ("sgd", {"policy": "invscaling", "power_t": 0.3}),
        ("sgd", {"policy": "adaptive", "tol": 0.3, "patience": 1, "max_iter": 30}),
        ("adam", {"policy": "cosine", "cosine": (0, 80)}),
        ("adam", {"tol": 0.5, "patience": 2, "max_iter": 20}),
        (optimizers.SGD(schedules.CosineDecay(0.1, 20)), {"policy": "own"}),
        (optimizers.Adam(0.01, global_clipnorm=0.125, weight_decay=0.1), {}),
        (optimizers.SGD(0.5, clipnorm=0.125), {}),
        (optimizers.SGD(0.1, gradient_accumulation_steps=2), {}),
        (optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), {}),
        (optimizers.Lamb(0.1), {}),
        (optimizers.LossScaleOptimizer(optimizers.SGD(0.1)), {}),
        ("adam", {"shuffle": False}),
    ],
)
def test_rates_rules_and_structures_are_the_same(solver, settings):
    settings = {"max_iter": 5, **settings}
    compiled, through_keras = trained_both_ways(
        plan_for(network(), solver, **settings), some_rows()
    )
    # Keras keeps numbers of its own, such as a weight decay, in float32.
    assert_same(compiled, through_keras, 1e-8)


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"batch_normalization": True}])
def test_dropout_and_batch_normalisation_are_the_same(settings):
    plan = plan_for(network(**settings), optimizers.SGD(0.1), batch_size=16, max_iter=4)
    assert_same(*trained_both_ways(plan, some_rows()))


def test_convolutions_are_the_same():
    architecture = convolutional(
        (8, 8, 1), 3, "softmax", filters=(3,), hidden_layer_sizes=(4,), dropout=0.5, dtype="float64"
    )
    assert_same(*trained_both_ways(plan_for(architecture), some_rows(shape=(8, 8, 1))))


@pytest.mark.parametrize("autoencoder", [dense_autoencoder, convolutional_autoencoder])
def test_pictures_that_are_rebuilt_are_the_same(autoencoder):
    architecture = autoencoder((8, 8, 1), hidden_layer_sizes=(4,), dtype="float64")
    plan = plan_for(architecture, watched="val_loss")
    plan = replace(plan, objective=Objective(families.gaussian(), "r2"))
    rows, validation = some_rows(shape=(8, 8, 1)), some_rows(20, shape=(8, 8, 1), seed=1)
    rows, validation = (part._replace(y=part.x.reshape(-1, 64)) for part in (rows, validation))
    assert_same(*trained_both_ways(plan, rows, validation=validation))


@pytest.mark.parametrize("watched", ["score", "val_loss"])
def test_validation_metrics_and_best_weights_are_the_same(watched):
    metrics = describe_metrics(["accuracy", "mae"], score="accuracy", units=3)
    plan = plan_for(
        network(), rate=0.1, max_iter=15, patience=3, tol=1e-4,
        keep_best=True, watched=watched, metrics=metrics,
    )  # fmt: skip
    rows, validation = some_rows(50, weighted=True), some_rows(30, seed=1, weighted=True)
    compiled, through_keras = trained_both_ways(plan, rows, validation=validation)
    assert_same(compiled, through_keras)
    assert largest_difference(compiled.best_weights, through_keras.best_weights) < 1e-10
    assert {"val_loss", "val_accuracy", "val_mae", "score"} <= through_keras.history.keys()


def test_an_offset_is_added():
    rows = some_rows()._replace(offset=np.random.RandomState(2).normal(size=(40, 3)))
    assert_same(*trained_both_ways(plan_for(network()), rows))


def test_sparse_rows_are_made_dense_batch_by_batch():
    rows = some_rows()
    as_sparse = rows._replace(x=sparse.csr_matrix(rows.x))
    expected = fitted(plan_for(network()), rows, train_with_keras)
    assert_same(expected, fitted(plan_for(network()), as_sparse, train_with_keras), 1e-14)


def test_fits_of_one_epoch_each_are_one_fit_of_all():
    architecture, rows = network(dropout=0.5), some_rows()
    whole = fitted(plan_for(architecture, max_iter=4), rows, train_with_keras)
    rng, progress, order = np.random.RandomState(0), start(architecture), None
    for _ in range(4):
        plan = plan_for(architecture, max_iter=1)
        result = train_with_keras(plan, progress, rows, rng, order=order)
        progress, order = result.progress, result.order
    assert largest_difference(whole.progress.weights, progress.weights) < 1e-12


class BatchCounter(keras.callbacks.Callback):
    def __init__(self, stop_after=None):
        super().__init__()
        self.stop_after, self.batches, self.logs = stop_after, 0, []

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        if self.stop_after == epoch + 1:
            self.model.stop_training = True


def test_callbacks_hear_of_every_batch_and_see_the_history():
    counter, rows, validation = BatchCounter(), some_rows(), some_rows(20, seed=1)
    result = fitted(
        plan_for(network(), max_iter=3, watched="val_loss"),
        rows,
        callbacks=[counter],
        validation=validation,
    )
    assert result.executor == "keras"
    assert counter.batches == 3 * 4
    assert [logs["val_loss"] for logs in counter.logs] == result.history["val_loss"]
    assert_allclose([logs["loss"] for logs in counter.logs], result.history["loss"])


def test_a_callback_may_end_training():
    result = fitted(plan_for(network(), max_iter=9), some_rows(), callbacks=[BatchCounter(2)])
    assert result.n_epochs == 2
    assert result.reason is Reason.CALLBACK


def test_a_callback_may_change_the_rate():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 / (epoch + 1))
    plan = plan_for(network(), "sgd", max_iter=3)
    result = fitted(plan, some_rows(), callbacks=[schedule])
    assert_allclose(result.history["learning_rate"], [0.5, 0.25, 0.5 / 3])


def test_what_a_callback_sees_predicts_and_saves_the_network(tmp_path):
    rows, seen = some_rows(dtype="float32"), {}

    class Looking(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

        def on_train_end(self, logs=None):
            seen["response"] = self.model.predict(rows.x, verbose=0)
            self.model.save(tmp_path / "network.keras")

    result = fitted(plan_for(network("float32")), rows, callbacks=[Looking()])
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert_allclose(seen["response"].sum(axis=1), 1.0, rtol=1e-5)
    assert_allclose(loaded.predict(rows.x, verbose=0), seen["response"], rtol=1e-5)
    assert largest_difference(loaded.get_weights(), result.progress.weights) == 0


def classifying(loss):
    return Objective(describe_loss(loss, classifier=True, activation="softmax"), "accuracy")


def mean_of_batch(y, response):
    return keras.ops.mean(keras.ops.square(y - response))


def test_a_loss_of_batches_goes_through_keras():
    rows, settings = some_rows(), {"batch_size": 16}
    plan = plan_for(network(), **settings)
    of_rows = type(plan)(**{**vars(plan), "objective": classifying("mse")})
    of_batches = type(plan)(**{**vars(plan), "objective": classifying(mean_of_batch)})
    expected, result = fitted(of_rows, rows), fitted(of_batches, rows)
    assert result.executor == "keras"
    assert_same(expected, result)


def test_a_loss_of_batches_cannot_weight_rows():
    plan = plan_for(network())
    plan = type(plan)(**{**vars(plan), "objective": classifying(mean_of_batch)})
    with pytest.raises(ValueError, match="'mean_of_batch' returns one number for a batch"):
        fitted(plan, some_rows(weighted=True))
    fitted(plan, some_rows()._replace(weight=np.full(40, 2.0)))  # all the same: nothing to weight


class OwnStep(keras.Model):
    """Doubles the loss by hand, so that its steps can be told from others."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor
        self.dense = keras.layers.Dense(3)

    def call(self, inputs, training=False):
        return self.dense(inputs)

    def compute_loss(self, *arguments, **keywords):
        return self.factor * super().compute_loss(*arguments, **keywords)

    def train_step(self, *arguments):
        return super().train_step(*arguments)

    def get_config(self):
        return {"factor": self.factor}


def plan_for_model(model, **settings):
    architecture = given(model, [Input(None, (6,), "float32")])
    return plan_for(architecture, optimizers.SGD(0.125), **settings)


def fitted_model(model, rows, **settings):
    plan = plan_for_model(model, **settings)
    weights = [np.full(p.shape, 0.1, "float32") for p in plan.architecture.parameters]
    return train(plan, Progress(weights), rows, np.random.RandomState(0))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_models_own_step_is_taken_with_our_batches_and_weights(weighted):
    rows = some_rows(dtype="float32", weighted=weighted)
    expected = fitted_model(keras.Sequential([keras.layers.Dense(3)]), rows)
    result = fitted_model(OwnStep(), rows)
    assert expected.executor != result.executor == "keras"
    assert largest_difference(expected.progress.weights, result.progress.weights) < 1e-6
    assert_allclose(expected.history["loss"], result.history["loss"], rtol=1e-5)
    doubled = fitted_model(OwnStep(2.0), rows)
    assert largest_difference(doubled.progress.weights, result.progress.weights) > 1e-3


def test_penalties_are_added_to_the_loss_of_a_models_own_step():
    rows = some_rows(dtype="float32")
    expected = fitted_model(keras.Sequential([keras.layers.Dense(3)]), rows, alpha=2.0)
    result = fitted_model(OwnStep(), rows, alpha=2.0)
    assert largest_difference(expected.progress.weights, result.progress.weights) < 1e-6


def test_a_probability_is_turned_back_where_a_sequential_model_has_its_own_step():
    class OwnSequential(keras.Sequential):
        def train_step(self, *arguments):
            return super().train_step(*arguments)

    rows = some_rows(dtype="float32")
    expected = fitted_model(keras.Sequential([keras.layers.Dense(3, "softmax")]), rows)
    result = fitted_model(OwnSequential([keras.layers.Dense(3, "softmax")]), rows)
    assert result.executor == "keras"
    assert largest_difference(expected.progress.weights, result.progress.weights) < 1e-5


def test_an_offset_has_no_place_in_a_models_own_step():
    rows = some_rows(dtype="float32")._replace(offset=np.zeros((40, 3), "float32"))
    with pytest.raises(ValueError, match="offset has no place in a model with its own train_step"):
        fitted_model(OwnStep(), rows)


def test_families_other_than_softmax_are_trained_the_same():
    rng = np.random.RandomState(0)
    x = rng.normal(size=(40, 6))
    for family, y in (
        (families.gaussian(), rng.normal(size=(40, 2))),
        (families.poisson(), rng.poisson(2.0, size=(40, 2)).astype(float)),
    ):
        architecture = dense((6,), 2, family.activation, hidden_layer_sizes=(4,), dtype="float64")
        plan = plan_for(architecture, batch_size=16, alpha=0.1)
        plan = type(plan)(**{**vars(plan), "objective": Objective(family, "r2")})
        assert_same(*trained_both_ways(plan, Rows(x, y)))


def test_an_interrupt_keeps_what_was_trained():
    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.batches = getattr(self, "batches", 0) + 1
            if self.batches == 9:
                raise KeyboardInterrupt

    result = fitted(plan_for(network(), max_iter=5), some_rows(), callbacks=[Interrupting()])
    assert result.reason is Reason.INTERRUPTED
    assert result.n_epochs == 2
