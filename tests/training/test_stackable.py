import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose

from sklearn_cnn import backends
from sklearn_cnn.architectures import convolutional, dense, named_architecture
from sklearn_cnn.architectures.given import Input, given
from sklearn_cnn.backends import Executor
from sklearn_cnn.training import fusing, train
from sklearn_cnn.training.fusing import can_be_fused, train_together
from sklearn_cnn.training.plan import Fit
from sklearn_cnn.training.stackable import in_stackable_form, is_stackable, suits_patches

from ._fits import largest_difference, on, plan_for, some_rows, start

LAYERS = {
    "plain": ((7, 6, 2), lambda: layers.Conv2D(3, 3)),
    "same": ((7, 6, 2), lambda: layers.Conv2D(3, (3, 2), padding="same", activation="tanh")),
    "strides": ((7, 6, 2), lambda: layers.Conv2D(3, 3, strides=2, padding="same")),
    "uneven strides": ((7, 6, 2), lambda: layers.Conv2D(3, 2, strides=(2, 1), use_bias=False)),
    "dilation": ((9, 8, 2), lambda: layers.Conv2D(3, 3, dilation_rate=2, padding="same")),
    "signal": ((9, 2), lambda: layers.Conv1D(4, 3, strides=2, activation="relu")),
    "signal, same": ((9, 2), lambda: layers.Conv1D(4, 4, padding="same")),
    "max": ((7, 6, 2), lambda: layers.MaxPooling2D(2)),
    "max, same": ((7, 6, 2), lambda: layers.MaxPooling2D(3, strides=2, padding="same")),
    "max, signal": ((9, 2), lambda: layers.MaxPooling1D(2)),
    "max, side by side": ((6, 8, 2), lambda: layers.MaxPooling2D((3, 2))),
    "max, signal, side by side": ((9, 2), lambda: layers.MaxPooling1D(3)),
    "average": ((7, 6, 2), lambda: layers.AveragePooling2D((2, 3))),
    "average, signal": ((9, 2), lambda: layers.AveragePooling1D(3, strides=1)),
}


def model_of(shape, make):
    inputs = keras.Input(shape, dtype="float64")
    layer = make()
    layer = type(layer).from_config(layer.get_config() | {"dtype": "float64"})
    outputs = layers.Flatten(dtype="float64")(layer(inputs))
    return keras.Model(inputs, layers.Dense(2, dtype="float64")(outputs))


@pytest.mark.parametrize("name", LAYERS)
def test_a_twin_computes_what_keras_does_and_its_gradients(name):
    backend = backends.current()
    with backend.precision("float64"):
        model = model_of(*LAYERS[name])
        twin = in_stackable_form(model)
        twin.set_weights(model.get_weights())
        assert is_stackable(model)
        assert [w.shape for w in twin.weights] == [w.shape for w in model.weights]
        # Whole numbers, so that pools hold equal values.
        x = np.random.RandomState(0).randint(-2, 3, (4, *model.input_shape[1:])).astype("float64")

        def loss(weights, network):
            output, _ = network.stateless_call(weights, [], ops.convert_to_tensor(x))
            return ops.sum(ops.square(output)), output

        found = []
        for network in (model, twin):
            weights = [ops.convert_to_tensor(w) for w in model.get_weights()]
            (_, output), gradients = backend.value_and_grad(
                lambda w, network=network: loss(w, network)
            )(weights)
            found.append([np.asarray(part) for part in (output, *gradients)])
        for ours, theirs in zip(found[1], found[0], strict=True):
            assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Conv2D(4, 3, groups=2),
        lambda: layers.AveragePooling2D(2, padding="same"),
        lambda: layers.DepthwiseConv2D(3),
        layers.LayerNormalization,
    ],
)
def test_layers_without_a_twin_are_known(layer):
    inputs = keras.Input((6, 6, 2))
    assert not is_stackable(keras.Model(inputs, layer()(inputs)))


class InPatches:
    """The backend in use, on which convolutions are quicker as patches."""

    convolves_in_patches = True

    def __init__(self):
        self.backend = backends.current()

    def __getattr__(self, name):
        return getattr(self.backend, name)


@pytest.mark.parametrize(
    "architecture",
    [
        convolutional((6, 6, 1), 3, "softmax", filters=(3, 2), dropout=0.2, dtype="float64"),
        convolutional(
            (9, 2), 3, "softmax", filters=(3,), batch_normalization=True, dtype="float64"
        ),
        named_architecture("lenet5")((32, 32, 1), 3, "softmax", dropout=0.0, dtype="float64"),
    ],
    ids=["pictures", "signals", "with layers that have no twin"],
)
def test_a_network_alone_trains_in_patches_as_without(architecture, monkeypatch):
    plan = plan_for(architecture, batch_size=8, max_iter=2)
    rows = some_rows(20, shape=architecture.input_shape)
    results = []
    for backend in (backends.current(), InPatches()):
        with on(Executor.GRAPH, monkeypatch), monkeypatch.context() as patch:
            patch.setattr(backends, "current", lambda backend=backend: backend)
            assert suits_patches(architecture, backend, 8) == backend.convolves_in_patches
            results.append(train(plan, start(architecture), rows, np.random.RandomState(0)))
    ours, theirs = (result.progress.weights for result in results)
    assert largest_difference(ours, theirs) < 1e-10


def test_what_gains_nothing_by_patches_or_cannot_be_copied_stays_as_it_is():
    class OwnLayer(layers.Layer):
        def call(self, inputs):
            return inputs

    backend = InPatches()
    convnet = convolutional((28, 28, 1), 3, "softmax")
    assert suits_patches(convnet, backend, 64)
    assert not suits_patches(convnet, backend, 20_000)  # gigabytes of patches
    assert not suits_patches(dense((6,), 3, "softmax"), backend, 64)
    unknown = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), OwnLayer()])
    unknown.add(layers.Flatten())
    assert not suits_patches(given(unknown, [Input(None, (6, 6, 1), "float32")]), backend, 64)


def test_convolutional_networks_end_fused_as_they_do_one_by_one(monkeypatch):
    monkeypatch.setattr(fusing, "_STEPS_WORTH_STACKING_CONVOLUTIONS", 0)
    architecture = convolutional(
        (6, 6, 1),
        3,
        "softmax",
        filters=(3,),
        hidden_layer_sizes=(5,),
        dtype="float64",
        dropout=0.2,
    )
    plan = plan_for(architecture, batch_size=8, max_iter=20)
    rows = some_rows(40, shape=(6, 6, 1))
    fits = [
        Fit(plan, start(architecture, seed), rows, np.random.RandomState(seed)) for seed in range(2)
    ]
    assert can_be_fused(plan, rows, None)
    with on(Executor.XLA, monkeypatch):
        results = train_together(fits)
    for seed, result in enumerate(results):
        assert result.executor == "xla"
        expected = train(plan, start(architecture, seed), rows, np.random.RandomState(seed))
        assert_allclose(result.history["loss"], expected.history["loss"], rtol=1e-9)
        assert largest_difference(result.progress.weights, expected.progress.weights) < 1e-10


def test_convolutional_networks_are_stacked_a_few_at_a_time():
    """More of them than have room in a core's cache take longer, each."""
    architecture = convolutional((8, 8, 1), 10, "softmax", filters=(32, 64), hidden_layer_sizes=())
    rows = some_rows(64, "float32", shape=(8, 8, 1), units=10)
    plan = plan_for(architecture, batch_size=32, max_iter=2)
    fits = [
        Fit(plan, start(architecture, seed), rows, np.random.RandomState(seed))
        for seed in range(15)
    ]
    (group,) = fusing.grouped(fits)
    pieces = fusing.split(group, fits, 2, 2**40)
    assert [len(piece.numbers) for piece in pieces] == [4, 4, 4, 3]
    assert {piece.n_networks for piece in pieces} == {4}


def test_large_convolutions_and_short_fits_are_left_alone_on_a_cpu():
    large = convolutional((28, 28, 1), 10, "softmax", filters=(32, 64), hidden_layer_sizes=(64,))
    rows = some_rows(64, "float32", shape=(28, 28, 1), units=10)
    assert not can_be_fused(plan_for(large, batch_size=64), rows, None)
    small = convolutional((6, 6, 1), 3, "softmax", filters=(2,), hidden_layer_sizes=(3,))
    plan, rows = plan_for(small), some_rows(20, "float32", shape=(6, 6, 1))
    fits = [Fit(plan, start(small), rows, np.random.RandomState(0)) for _ in range(2)]
    alone = [result is None for result in train_together(fits)]
    assert alone == [not backends.current().stacks_convolutions] * 2
