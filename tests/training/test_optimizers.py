import json

import numpy as np
import pytest
from keras import optimizers
from keras.optimizers import schedules
from numpy.testing import assert_allclose
from scipy.special import softmax

from sklearn_cnn.backends import Executor
from sklearn_cnn.training.optimizers import describe_solver, solver_names
from sklearn_cnn.training.steps import supervised

from ._fits import (
    NUMBERS,
    TOLERANCE,
    batches,
    fitted,
    largest_difference,
    network,
    on,
    plan_for,
    some_rows,
    start,
    trained_on_batches,
)

# Keras keeps rates and betas in float32; these are the same numbers there and in float64.
RATE = 2.0**-6
BETAS = {"beta_1": 0.875, "beta_2": 0.9921875}
RHO = {"rho": 0.875, "epsilon": 2.0**-20}
ADAM = {**BETAS, "epsilon": 2.0**-20}
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(RATE),
    "sgd, momentum": lambda: optimizers.SGD(RATE, momentum=0.875),
    "sgd, nesterov": lambda: optimizers.SGD(RATE, momentum=0.875, nesterov=True),
    "sgd, clipnorm": lambda: optimizers.SGD(RATE, clipnorm=0.25),
    "sgd, global clipnorm": lambda: optimizers.SGD(RATE, global_clipnorm=0.25),
    "sgd, clipvalue": lambda: optimizers.SGD(RATE, clipvalue=0.03125),
    "sgd, weight decay": lambda: optimizers.SGD(RATE, momentum=0.875, weight_decay=0.25),
    "sgd, accumulation": lambda: optimizers.SGD(RATE, gradient_accumulation_steps=3),
    "sgd, ema": lambda: optimizers.SGD(RATE, use_ema=True, ema_momentum=0.875),
    "sgd, schedule": lambda: optimizers.SGD(schedules.ExponentialDecay(RATE, 2, 0.5)),
    "sgd, loss scale": lambda: optimizers.SGD(RATE, loss_scale_factor=8.0),
    "rmsprop": lambda: optimizers.RMSprop(RATE, **RHO),
    "rmsprop, centered": lambda: optimizers.RMSprop(RATE, momentum=0.5, centered=True, **RHO),
    "adagrad": lambda: optimizers.Adagrad(RATE, 0.125, epsilon=2.0**-20),
    "adadelta": lambda: optimizers.Adadelta(1.0, **RHO),
    "adam": lambda: optimizers.Adam(RATE, **ADAM),
    "adam, amsgrad": lambda: optimizers.Adam(RATE, amsgrad=True, **ADAM),
    "adam, schedule": lambda: optimizers.Adam(schedules.CosineDecay(RATE, 6), **ADAM),
    "adam, clipnorm": lambda: optimizers.Adam(RATE, clipnorm=0.25, **ADAM),
    "adam, accumulation": lambda: optimizers.Adam(RATE, gradient_accumulation_steps=2, **ADAM),
    "adam, accumulation and clipping": lambda: optimizers.Adam(
        RATE, gradient_accumulation_steps=2, global_clipnorm=0.125, weight_decay=0.25, **ADAM
    ),
    "adam, ema now and then": lambda: optimizers.Adam(
        RATE, use_ema=True, ema_momentum=0.875, ema_overwrite_frequency=3, **ADAM
    ),
    "adamw": lambda: optimizers.AdamW(RATE, weight_decay=0.25, **ADAM),
    "adamax": lambda: optimizers.Adamax(RATE, **ADAM),
    "nadam": lambda: optimizers.Nadam(RATE, **ADAM),
    "ftrl": lambda: optimizers.Ftrl(RATE, initial_accumulator_value=0.125),
    "lion": lambda: optimizers.Lion(RATE, **BETAS),
    "lamb": lambda: optimizers.Lamb(RATE, **ADAM),
    "adafactor": lambda: optimizers.Adafactor(RATE),
    "muon": lambda: optimizers.Muon(RATE),
}
# Keras's own mixes the two types there.
FLOAT32_ONLY = {"muon"}


def same_as_train_on_batch(name, dtype, executor, monkeypatch):
    plan = plan_for(network(dtype), OPTIMIZERS[name](), batch_size=16)
    rows = some_rows(dtype=dtype, weighted=True)
    with on(executor, monkeypatch):
        result = fitted(plan, rows)
    assert result.executor == executor.value
    expected = trained_on_batches(plan, rows, OPTIMIZERS[name]())
    assert largest_difference(result.progress.weights, expected) < TOLERANCE[dtype]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - FLOAT32_ONLY))
def test_two_epochs_in_the_graph_end_where_train_on_batch_ends(name, monkeypatch):
    same_as_train_on_batch(name, "float64", Executor.GRAPH, monkeypatch)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - FLOAT32_ONLY))
def test_so_they_do_with_each_weight_by_itself_updated_in_place(name, monkeypatch):
    monkeypatch.setattr(supervised, "LARGEST_FLAT", 0)
    same_as_train_on_batch(name, "float64", Executor.VARIABLES, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_so_they_do_in_float32_compiled_by_xla(name, monkeypatch):
    same_as_train_on_batch(name, "float32", Executor.XLA, monkeypatch)


@pytest.mark.skipif(not hasattr(optimizers, "ScheduleFreeAdamW"), reason="Keras is older")
def test_schedule_free_adamw_averages_as_its_paper_says(monkeypatch):
    """On TensorFlow, Keras's own step reads the sequence z after it has changed."""
    optimizer = optimizers.ScheduleFreeAdamW(RATE, **ADAM)
    plan = plan_for(network(hidden_layer_sizes=()), optimizer, batch_size=16)
    rows = some_rows()
    with on(Executor.GRAPH, monkeypatch):
        kernel, bias = fitted(plan, rows).progress.weights

    beta_1, beta_2 = BETAS.values()
    x = z = y = np.concatenate([np.ravel(weight) for weight in start(plan.architecture).weights])
    velocity = np.zeros_like(z)
    for t, numbers in enumerate(batches(plan, rows), start=1):
        gradient = softmax_gradient(y, rows.x[numbers], rows.y[numbers])
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        z = z - RATE * gradient / (np.sqrt(velocity / (1 - beta_2**t)) + ADAM["epsilon"])
        x = x + (z - x) / t
        y = beta_1 * x + (1 - beta_1) * z
    assert_allclose(np.concatenate([kernel.ravel(), bias]), y, rtol=1e-10)


def softmax_gradient(vector, x, y):
    kernel, bias = vector[:18].reshape(6, 3), vector[18:]
    error = (softmax(x @ kernel + bias, axis=1) - y) / len(x)
    return np.concatenate([(x.T @ error).ravel(), error.sum(axis=0)])


def test_every_optimizer_of_keras_is_tested():
    tested = {type(make()).__name__.lower() for make in OPTIMIZERS.values()}
    assert set(solver_names()) - {"schedulefreeadamw"} == tested


def test_scaling_of_the_loss_is_for_half_precision_and_left_out(monkeypatch):
    scaled = optimizers.LossScaleOptimizer(optimizers.Adam(RATE, **ADAM))
    assert describe(scaled) == describe(optimizers.Adam(RATE, **ADAM))


@pytest.mark.parametrize("name", solver_names())
def test_a_name_stands_for_the_optimizer_that_is_made_without_arguments(name):
    optimizer_class = solver_names()[name]
    by_name, by_instance = describe(name), describe(optimizer_class(0.001))
    same = {"momentum", "nesterov", "beta_1", "beta_2", "epsilon"}  # what the estimator passes
    configs = [json.loads(solver.description.config) for solver in (by_name, by_instance)]
    for config in configs:
        config["exclude_layers"] = config.get("exclude_layers") or []  # muon's: None or []
    expected, got = ({k: v for k, v in c.items() if k not in same} for c in reversed(configs))
    assert got == expected
    assert by_name.description.optimizer_class is optimizer_class


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_adam_without_extras_is_computed_by_the_engine(name):
    assert describe(OPTIMIZERS[name]()).description.is_plain_adam == (name == "adam")


@pytest.mark.parametrize(
    "extra",
    [
        {"amsgrad": True},
        {"weight_decay": 0.25},
        {"clipnorm": 0.5},
        {"global_clipnorm": 0.5},
        {"clipvalue": 0.5},
        {"use_ema": True},
        {"gradient_accumulation_steps": 2},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_adam_with_an_extra_is_left_to_keras(extra):
    assert not describe(optimizers.Adam(RATE, **extra)).description.is_plain_adam


def test_an_optimizer_that_derives_from_adam_is_left_to_keras():
    class Adam(optimizers.Adam):
        pass

    assert not describe(Adam(RATE)).description.is_plain_adam


def describe(solver, learning_rate="constant"):
    return describe_solver(solver, learning_rate, 0.001, NUMBERS)


@pytest.mark.parametrize("name", ["sgd", "Adam", "RMSprop", "nadam"])
def test_names_are_keras_classes_with_the_rate_that_is_asked_for(name):
    solver = describe(name)
    assert solver.rate == 0.001
    assert solver.description.optimizer_class.__name__.lower() == name.lower()


def test_adam_has_the_epsilon_of_scikit_learn_and_other_names_the_defaults_of_keras():
    assert describe("adam").numbers == (0.9, 0.999, 1e-8)
    assert describe("nadam").numbers == (0.9, 0.999, 1e-7)


def test_numbers_make_no_new_program_and_structure_does():
    assert describe(optimizers.Adam(0.1)).description == describe("adam").description
    assert describe(optimizers.Adam(0.1, beta_1=0.5)).description == describe("adam").description
    assert describe(optimizers.Adam(0.1, amsgrad=True)).description != describe("adam").description
    assert describe(optimizers.SGD(0.1)).description != describe("sgd").description  # no momentum


def test_of_a_users_own_optimizer_nothing_is_known_whatever_its_name():
    class Adam(optimizers.Adam):
        pass

    description = describe(Adam(0.1)).description
    assert not description.elementwise
    assert description.run_time == ()
    assert description.starts_from_weights


def test_an_unknown_name_is_answered_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"solver='adm' is unknown.*Did you mean 'adam'\?"):
        describe("adm")


def test_the_history_shows_the_rate_of_a_schedule(monkeypatch):
    schedule = schedules.PiecewiseConstantDecay([4, 9], [0.5, 0.25, 0.125])
    plan = plan_for(network(), "sgd", learning_rate=schedule, policy="own", max_iter=4)
    with on(Executor.GRAPH, monkeypatch):
        result = fitted(plan, some_rows())  # four batches an epoch
    # Those of the batches 4, 8, 12 and 16; Keras counts from 0.
    assert result.history["learning_rate"] == [0.5, 0.25, 0.125, 0.125]
