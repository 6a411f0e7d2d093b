"""Small fits by the engine, and the same fits by Keras's own `train_on_batch`."""

from contextlib import contextmanager
from functools import wraps

import numpy as np

from sklearn_cnn import backends, families
from sklearn_cnn.architectures import dense
from sklearn_cnn.backends import Executor, ProgramCache
from sklearn_cnn.training import Objective, Plan, Progress, Rows, loop, train
from sklearn_cnn.training.optimizers import describe_solver

EXECUTORS = [Executor.XLA, Executor.GRAPH, Executor.SERIAL, Executor.VARIABLES]
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
# scikit-learn's defaults.
NUMBERS = {
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}


@contextmanager
def on(executor, monkeypatch):
    """Let plans run on ``executor``, in a program cache of their own."""
    with monkeypatch.context() as patch:
        patch.setattr(
            backends.current(), "executor", lambda xla, **_: executor if xla else Executor.GRAPH
        )
        patch.setattr(loop, "PROGRAMS", ProgramCache())
        yield


def network(dtype="float64", hidden_layer_sizes=(5,), **settings):
    return dense((6,), 3, "softmax", hidden_layer_sizes=hidden_layer_sizes, dtype=dtype, **settings)


def some_rows(n=40, dtype="float64", *, weighted=False, seed=0, shape=(6,), units=3):
    rng = np.random.RandomState(seed)
    x = rng.normal(size=(n, *shape)).astype(dtype)
    y = np.eye(units, dtype=dtype)[rng.randint(units, size=n)]
    return Rows(x, y, rng.uniform(0.5, 2.0, n).astype(dtype) if weighted else None)


def plan_for(architecture, solver="adam", rate=0.01, learning_rate="constant", **settings):
    settings = {"batch_size": 10, "max_iter": 2, "tol": -np.inf, "seed": 3, **settings}
    return Plan(
        architecture,
        Objective(families.multinomial(), "accuracy"),
        describe_solver(solver, learning_rate, rate, NUMBERS),
        dropout=architecture.dropout,
        **settings,
    )


def start(architecture, seed=0):
    with backends.current().precision(architecture.dtype):
        return Progress(architecture.draw(np.random.RandomState(seed)))


def fitted(plan, rows, trainer=train, seed=0, **keywords):
    """Result of a fit from the architecture's own weights."""
    rng = np.random.RandomState(seed)
    return trainer(plan, start(plan.architecture), rows, rng, **keywords)


def batches(plan, rows, seed=0):
    """The numbers of the rows of each batch, epoch after epoch."""
    orders, _ = loop.epoch_orders(
        np.random.RandomState(seed), np.arange(rows.n_rows), plan.max_iter, plan.shuffle
    )
    for order in orders:
        for first in range(0, rows.n_rows, plan.batch_size):
            yield order[first : first + plan.batch_size]


def in_its_precision(oracle):
    """Let ``oracle(plan, ...)`` compute in the float type of its plan: Keras on JAX has 32 bits."""

    @wraps(oracle)
    def run(plan, *arguments):
        with backends.current().precision(plan.architecture.dtype):
            return oracle(plan, *arguments)

    return run


@in_its_precision
def trained_on_batches(plan, rows, optimizer):
    """Weights after Keras's `train_on_batch` on the batches of ``plan``.

    Keras divides a weighted loss by the number of rows: weights are scaled to an average of 1.
    """
    import keras

    dtype = plan.architecture.dtype
    model = plan.architecture.build(linear_output=True)
    model.set_weights(start(plan.architecture).weights)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, dtype=dtype)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    optimizer.build(model.trainable_variables)
    for numbers in batches(plan, rows):
        weight = None
        if rows.weight is not None:
            weight = rows.weight[numbers]
            weight = weight / weight.mean()
        model.train_on_batch(rows.x[numbers], rows.y[numbers], sample_weight=weight)
    optimizer.finalize_variable_values(model.trainable_variables)
    return model.get_weights()


def largest_difference(first, second):
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))
