import json

import pytest

from tests.backends._processes import run

SCRIPT = """
import gc, json
import numpy as np
from sklearn_cnn import backends
from sklearn_cnn.backends import Executor
from tests.training._fits import fitted, network, plan_for, some_rows

backend = backends.current()
rows = some_rows(60, "float32")

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

sizes = []
for i in range(300):
    shape = i % 20
    executor = (Executor.XLA, Executor.SERIAL)[shape % 2]
    backend.executor = lambda **_: executor
    plan = plan_for(network("float32", hidden_layer_sizes=(shape + 1,), dropout=0.1))
    assert fitted(plan, rows, seed=i).executor == executor.value
    if i in (99, 299):
        sizes.append(resident())
print(json.dumps(sizes))
"""


@pytest.mark.slow
def test_three_hundred_fits_of_twenty_networks_take_the_memory_of_a_hundred():
    after_100, after_300 = json.loads(run(SCRIPT, PYTHONPATH=".").stdout)
    assert after_300 - after_100 < 10


MANY_SHAPES = """
import gc, json
from tests.training._fits import fitted, network, plan_for, some_rows
from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, Executor, tensorflow

backends.current().executor = lambda **_: Executor.GRAPH
PROGRAMS.max_size = 20
tensorflow._OBJECTS_BETWEEN_CLEANINGS = 20
rows = some_rows(60, "float32")

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

sizes = []
for i in range(160):
    fitted(plan_for(network("float32", hidden_layer_sizes=(i + 1,)), max_iter=1), rows)
    if i % 40 == 39:  # often enough that garbage waiting to be collected does not count
        sizes.append(resident())
assert len(PROGRAMS) == 20
print(json.dumps(sizes))
"""


@pytest.mark.slow
def test_graphs_that_are_no_longer_kept_are_given_back():
    """Kept, each of the 80 takes a megabyte; TensorFlow itself holds on to a fifth of that."""
    sizes = json.loads(run(MANY_SHAPES, PYTHONPATH=".", KERAS_BACKEND="tensorflow").stdout)
    assert sizes[3] - sizes[1] < 40, sizes


MANY_MODELS = """
import gc, json
import numpy as np
from sklearn_cnn import fit_keras_model
import keras

x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
y = x[:, :1]

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

sizes = []
for i in range(260):
    layers = [keras.Input((8,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    fit_keras_model(model, x, y, epochs=2)
    if i in (128, 256):  # as long after a cleaning
        sizes.append(resident())
print(json.dumps(sizes))
"""


@pytest.mark.slow
def test_models_that_are_gone_are_given_back():
    """Kept, the 128 between take 100 MB; what waits for garbage collection takes up to 25."""
    sizes = json.loads(run(MANY_MODELS, PYTHONPATH=".", KERAS_BACKEND="tensorflow").stdout)
    assert sizes[1] - sizes[0] < 50, sizes
