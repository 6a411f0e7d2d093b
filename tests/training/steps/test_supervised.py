import keras
import numpy as np
import pytest
from keras import ops, optimizers
from numpy.testing import assert_allclose

from sklearn_cnn import families
from sklearn_cnn.architectures import convolutional
from sklearn_cnn.backends import Executor
from sklearn_cnn.training import Objective, Progress, Rows, train
from sklearn_cnn.training.steps import supervised
from tests.training._fits import (
    EXECUTORS,
    TOLERANCE,
    batches,
    fitted,
    in_its_precision,
    largest_difference,
    network,
    on,
    plan_for,
    some_rows,
    start,
    trained_on_batches,
)

RATE = 2.0**-4  # the same number in float32, which Keras keeps rates in


def sgd():
    return optimizers.SGD(RATE)


@in_its_precision
def trained_with_penalty(plan, rows):
    """Keras's own steps on a loss written out as the documentation has it."""
    model = plan.architecture.build(linear_output=True)
    model.set_weights(start(plan.architecture).weights)
    kernels = [weight for weight in model.trainable_variables if weight.name == "kernel"]

    class Trainer(keras.Model):
        def __init__(self):
            super().__init__(dtype=plan.architecture.dtype)
            self.model = model

        def call(self, inputs, training=False):
            return self.model(inputs, training=training)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            rows_loss = ops.logsumexp(y_pred, axis=-1) - ops.sum(y * y_pred, axis=-1)
            loss = ops.sum(sample_weight * rows_loss)
            loss += plan.alpha / 2 * sum(ops.sum(kernel**2) for kernel in kernels)
            loss += plan.l1 * sum(ops.sum(ops.abs(kernel)) for kernel in kernels)
            return loss / ops.sum(sample_weight)

    trainer = Trainer()
    trainer.compile(sgd(), jit_compile=False)
    for numbers in batches(plan, rows):
        weight = np.ones(rows.n_rows) if rows.weight is None else rows.weight
        trainer.train_on_batch(rows.x[numbers], rows.y[numbers], weight[numbers])
    return model.get_weights()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalties", [{"alpha": 0.5}, {"l1": 0.25}, {"alpha": 0.5, "l1": 0.25}])
@pytest.mark.parametrize("largest_flat", [0, 100_000])
def test_penalties_are_divided_by_the_weight_of_the_batch(
    weighted, penalties, largest_flat, monkeypatch
):
    monkeypatch.setattr(supervised, "LARGEST_FLAT", largest_flat)
    plan = plan_for(network(), sgd(), batch_size=16, **penalties)  # 16, 16, 8
    rows = some_rows(weighted=weighted)
    with on(Executor.GRAPH, monkeypatch):
        weights = fitted(plan, rows).progress.weights
    assert largest_difference(weights, trained_with_penalty(plan, rows)) < 1e-12


def test_integer_weights_are_repeated_rows():
    rows = some_rows(30)
    counts = np.random.RandomState(1).randint(1, 4, 30)
    repeated = Rows(rows.x.repeat(counts, axis=0), rows.y.repeat(counts, axis=0))
    weighted = rows._replace(weight=counts.astype(float))
    plan = plan_for(network(), batch_size=100, max_iter=10, alpha=0.1)
    first, second = fitted(plan, weighted), fitted(plan, repeated)
    assert largest_difference(first.progress.weights, second.progress.weights) < 1e-10
    assert_allclose(first.history["loss"], second.history["loss"], rtol=1e-10)


def test_weights_of_one_are_no_weights():
    rows = some_rows()
    plan = plan_for(network(), batch_size=16, alpha=0.1)
    weighted = fitted(plan, rows._replace(weight=np.ones(40)))
    assert (
        largest_difference(weighted.progress.weights, fitted(plan, rows).progress.weights) < 1e-14
    )


@pytest.mark.parametrize("n", [40, 33, 47, 3])
def test_padding_rows_have_no_effect(n):
    """Rows beyond the data fill the bucket and the last batch; here they hold other numbers."""
    rows = some_rows(n, weighted=True)
    plan = plan_for(network(), sgd(), batch_size=16, alpha=0.1)
    expected = trained_with_penalty(plan, rows)
    assert largest_difference(fitted(plan, rows).progress.weights, expected) < 1e-12


@pytest.mark.parametrize("n", [40, 32, 33])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_batch_normalisation_sees_the_real_rows_alone(n, executor, monkeypatch):
    """The last batch is smaller and not filled up: 8, none, 1 row."""
    plan = plan_for(network(batch_normalization=True), sgd(), batch_size=16)
    rows = some_rows(n)
    with on(executor, monkeypatch):
        weights = fitted(plan, rows).progress.weights
    assert largest_difference(weights, trained_on_batches(plan, rows, sgd())) < 1e-7


PICTURES = {
    "plain": {},
    "no pooling": {"pooling": None, "strides": 2},
    "average": {"pooling": "average", "padding": "valid"},
    "batch normalisation": {"batch_normalization": True},
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolutions_train_as_train_on_batch_trains_them(name, dtype):
    architecture = convolutional(
        (8, 8, 1), 3, "softmax", filters=(3, 4), hidden_layer_sizes=(5,), dtype=dtype,
        **PICTURES[name],
    )  # fmt: skip
    plan = plan_for(architecture, sgd(), batch_size=16)
    rows = some_rows(dtype=dtype, shape=(8, 8, 1))
    result = fitted(plan, rows)
    expected = trained_on_batches(plan, rows, sgd())
    tolerance = 10 * TOLERANCE[dtype] if "normal" not in name else 1e-5
    assert largest_difference(result.progress.weights, expected) < tolerance


@pytest.mark.parametrize("units", [1, 3])
def test_the_reported_loss_of_squares_is_a_mean_over_outputs_and_the_descended_a_sum(units):
    """scikit-learn's rule; with one full batch both are plain to see."""
    from sklearn_cnn.architectures import dense

    rng = np.random.RandomState(0)
    architecture = dense((4,), units, "linear", hidden_layer_sizes=(), dtype="float64")
    rows = Rows(rng.normal(size=(20, 4)), rng.normal(size=(20, units)))
    kernel, bias = start(architecture).weights
    error = rows.x @ kernel + bias - rows.y
    plan = plan_for(architecture, sgd(), batch_size=20, max_iter=1, shuffle=False)
    plan = type(plan)(**{**vars(plan), "objective": Objective(families.gaussian(), "r2")})
    result = train(plan, start(architecture), rows, np.random.RandomState(0))
    assert_allclose(result.history["loss"], np.mean(error**2) / 2)
    assert_allclose(result.progress.weights[0], kernel - RATE * rows.x.T @ error / 20)


def test_an_offset_is_added_to_the_linear_output():
    rows = some_rows()
    offset = np.random.RandomState(1).normal(size=(40, 3))
    architecture = network(hidden_layer_sizes=())
    plan = plan_for(architecture, sgd(), batch_size=40, max_iter=1)
    # The same as three more columns of X whose weights are 1 and stay so.
    kernel, bias = start(architecture).weights
    output = rows.x @ kernel + bias + offset
    response = np.exp(output) / np.exp(output).sum(axis=1, keepdims=True)
    expected = kernel - RATE * rows.x.T @ (response - rows.y) / 40
    result = train(
        plan, Progress([kernel, bias]), rows._replace(offset=offset), np.random.RandomState(0)
    )
    assert_allclose(result.progress.weights[0], expected, rtol=1e-10)
