import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from keras import layers, models, ops

from sklearn_cnn import backends
from sklearn_cnn.backends import Executor
from sklearn_cnn.training.noise import Draw, drawing, uniform, with_counted_noise

from ._fits import EXECUTORS, fitted, largest_difference, network, on, plan_for, some_rows

N = 40_000
keys = integers(0, 2**31 - 1)


def numbers(key=1, step=0, layer=1, shape=(N,), dtype="float64"):
    draw = Draw(ops.convert_to_tensor(key, "int32"), ops.convert_to_tensor(step, "int32"))
    return ops.convert_to_numpy(uniform(draw, layer, shape, dtype))


@given(key=keys, step=integers(0, 10**6), layer=integers(1, 20))
def test_numbers_are_uniform(key, step, layer):
    drawn = numbers(key, step, layer)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / N)
    assert abs(drawn.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / N)
    counts, _ = np.histogram(drawn, bins=64, range=(0, 1))
    assert ((counts - N / 64) ** 2 / (N / 64)).sum() < 130  # chi2(63): 1 in 1e6


@pytest.mark.parametrize("other", [{"step": 1}, {"layer": 2}, {"key": 2}])
@given(key=integers(3, 2**31 - 2), step=integers(2, 10**6))
def test_steps_layers_and_networks_draw_independently(other, key, step):
    settings = {"key": key, "step": step, "layer": 1}
    first = numbers(**settings)
    second = numbers(**settings | {name: settings[name] + 1 for name in other})
    for lag in (0, 1, 7):
        correlation = np.corrcoef(first[lag:], second[: N - lag])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(N)


def test_neighbouring_positions_are_independent():
    drawn = numbers(shape=(200, 200))
    for lagged in (drawn[1:], drawn[:, 1:]):
        pairs = np.stack([drawn[: len(lagged), : lagged.shape[1]].ravel(), lagged.ravel()])
        assert abs(np.corrcoef(pairs)[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_mask_depends_on_key_step_and_layer_alone_not_on_what_computes_it(executor):
    def function(key, step):
        return uniform(Draw(key, step), 3, (5, 7), "float32")

    backend = backends.current()
    compiled = backend.compile(function, executor)
    key, step = backend.array(np.int32(2**31 - 1)), backend.array(np.int32(9))
    expected = numbers(2**31 - 1, 9, 3, (5, 7), "float32")
    np.testing.assert_array_equal(np.asarray(compiled(key, step)), expected)


SCRIPT = """
import json, numpy as np
from sklearn_cnn import backends
backend = backends.current()
from keras import ops
from sklearn_cnn.training.noise import Draw, uniform
with backend.precision("float32"):
    numbers = backend.array(np.int32(77)), backend.array(np.int32(5))
    drawn = backend.compile(lambda *n: uniform(Draw(*n), 2, (4, 3), "float32"), None)(*numbers)
print(json.dumps(np.asarray(drawn).tolist()))
"""


def test_jax_draws_the_same_numbers():
    command = [sys.executable, "-c", SCRIPT]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    drawn = np.array(json.loads(done.stdout), dtype="float32")
    np.testing.assert_array_equal(drawn, numbers(77, 5, 2, (4, 3), "float32"))


def output_of(layer, inputs, *, rate=None, step=0, training=True):
    model = with_counted_noise(models.Sequential([layers.Input(inputs.shape[1:]), layer]))
    draw = Draw(ops.convert_to_tensor(1, "int32"), ops.convert_to_tensor(step, "int32"), rate)
    with drawing(draw):
        return ops.convert_to_numpy(model(inputs, training=training))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_silences_its_share_and_keeps_the_expected_activation(rate):
    inputs = np.full((400, 100), 3.0, dtype="float32")
    output = output_of(layers.Dropout(rate), inputs)
    share = (output == 0).mean()
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / N)
    np.testing.assert_allclose(output[output != 0], 3.0 / (1 - rate), rtol=1e-5)
    assert abs(output.mean() - 3.0) < 5 * 3.0 * np.sqrt(rate / (1 - rate) / N)


def test_the_rate_is_an_input():
    inputs = np.ones((400, 100), dtype="float32")
    output = output_of(layers.Dropout(0.5), inputs, rate=0.2)
    assert abs((output == 0).mean() - 0.2) < 0.01


def test_another_step_silences_other_units():
    inputs = np.ones((200, 200), dtype="float32")
    first, second = (output_of(layers.Dropout(0.5), inputs, step=step) == 0 for step in (1, 2))
    assert abs((first & second).mean() - 0.25) < 0.02


def test_spatial_dropout_silences_whole_maps():
    inputs = np.ones((300, 8, 20), dtype="float32")
    output = output_of(layers.SpatialDropout1D(0.3), inputs)
    assert (output == output[:, :1]).all()
    assert abs((output == 0).mean() - 0.3) < 5 * np.sqrt(0.21 / 6000)


def test_gaussian_noise_has_the_deviation_that_was_asked_for():
    inputs = np.full((400, 100), 2.0, dtype="float32")
    noise = output_of(layers.GaussianNoise(0.5), inputs) - 2.0
    assert abs(noise.mean()) < 5 * 0.5 / np.sqrt(N)
    assert abs(noise.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * N)
    assert abs((np.abs(noise) < 0.5).mean() - 0.6827) < 0.012


@pytest.mark.parametrize(
    "layer", [layers.Dropout(0.5), layers.SpatialDropout1D(0.5), layers.GaussianNoise(0.5)]
)
def test_prediction_is_without_noise(layer):
    inputs = np.random.RandomState(0).normal(size=(4, 3, 2)).astype("float32")
    np.testing.assert_array_equal(output_of(layer, inputs, training=False), inputs)


def test_the_users_model_keeps_its_own_layers():
    model = models.Sequential([layers.Input((3,)), layers.Dropout(0.5), layers.Dense(2)])
    counted = with_counted_noise(model)
    assert type(model.layers[0]) is layers.Dropout
    assert type(counted.layers[0]) is not layers.Dropout
    assert [w.shape for w in counted.weights] == [w.shape for w in model.weights]


def test_the_same_seed_trains_the_same_network_and_another_seed_another(monkeypatch):
    rows = some_rows()
    with on(Executor.GRAPH, monkeypatch):
        first, again, other = (
            fitted(plan_for(network(dropout=0.5), seed=seed), rows).progress.weights
            for seed in (1, 1, 2)
        )
    assert largest_difference(first, again) == 0
    assert largest_difference(first, other) > 1e-3
