"""Keras objects among the parameters."""

import copy
import json
import random
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_array_equal

from sklearn_cnn.persistence import ArchiveError, load, save

from ._attacks import nothing_happens, read_members, write_members, write_object
from ._holder import Holder


@keras.saving.register_keras_serializable("tests")
class Doubling(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


@keras.saving.register_keras_serializable("tests")
def halved(x):
    return x / 2


class Unregistered(layers.Layer):
    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units = units
        self.hidden = layers.Dense(units)

    def call(self, inputs):
        return self.hidden(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "archive.zip"


def table():
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(5, "relu", kernel_regularizer=keras.regularizers.L2(0.1)),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, dtype="float64"),
        ]
    )


def pictures():
    inputs = keras.Input((8, 8, 1))
    x = layers.MaxPooling2D()(layers.Conv2D(3, 3, activation="relu")(inputs))
    x = layers.Flatten()(x) * 2 + 1
    model = keras.Model(inputs, layers.Dense(2, activation=halved)(keras.ops.tanh(x)))
    model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0), "mse", metrics=["mae"])
    return model


def words():
    inputs = keras.Input((5,), dtype="int32")
    x = layers.Bidirectional(layers.LSTM(3))(layers.Embedding(10, 4)(inputs))
    return keras.Model(inputs, layers.Dense(1)(Doubling()(x)))


def attention():
    inputs = keras.Input((5, 4))
    x = layers.MultiHeadAttention(2, 3)(inputs, inputs)
    return keras.Model(inputs, layers.GRU(3)(layers.LayerNormalization()(x)))


def normalized():
    scaler = layers.Normalization()
    scaler.adapt(np.arange(12.0).reshape(4, 3))
    return keras.Sequential(
        [keras.Input((3,)), scaler, layers.SpectralNormalization(layers.Dense(3))]
    )


def subclassed():
    model = Subclassed(4)
    model(np.zeros((1, 3), "float32"))
    return model


@pytest.mark.parametrize("make", [table, pictures, words, attention, normalized, subclassed])
def test_a_model_computes_the_same(there_and_back, make):
    model = make()
    back = there_and_back(Holder(model), trusted=[Holder]).model
    shape = tuple(size or 3 for size in (model.input_shape if make != subclassed else (3, 3)))
    inputs = np.random.RandomState(0).randint(0, 9, shape)
    assert_array_equal(back(inputs), model(inputs))
    assert [w.dtype for w in back.weights] == [w.dtype for w in model.weights]
    assert type(back) is type(model)


def test_what_a_model_was_compiled_with_comes_back(there_and_back):
    model = pictures()
    back = there_and_back(model)
    assert back.loss == "mse"
    assert isinstance(back.optimizer, keras.optimizers.Adam)
    assert back.optimizer.clipnorm == 1.0
    assert float(back.optimizer.learning_rate) == pytest.approx(0.01)
    X, y = np.random.RandomState(0).rand(4, 8, 8, 1), np.ones((4, 2))
    assert back.evaluate(X, y, verbose=0) == model.evaluate(X, y, verbose=0)


def test_arguments_that_keras_forgets_come_back(there_and_back):
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile(loss=keras.losses.Huber(delta=0.25))
    y, prediction = np.zeros((3, 1)), np.ones((3, 1))
    for loss in (there_and_back(keras.losses.Huber(delta=0.25)), there_and_back(model).loss):
        assert float(loss(y, prediction)) == 0.25 * (1 - 0.125)
    assert there_and_back(keras.initializers.Identity(gain=3.0)).gain == 3.0


def test_a_model_that_is_not_built_comes_back_unbuilt(there_and_back):
    assert not there_and_back(keras.Sequential([layers.Dense(3)])).built


def test_a_model_that_occurs_twice_is_one_model(there_and_back):
    model = table()
    back = there_and_back([model, Holder(model)], trusted=[Holder])
    assert back[1].model is back[0]


@pytest.mark.parametrize(
    "value",
    [
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        keras.optimizers.AdamW(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), weight_decay=0.01
        ),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        keras.metrics.AUC(num_thresholds=50),
        keras.initializers.HeNormal(seed=3),
        keras.regularizers.L1L2(0.1, 0.2),
        keras.constraints.MaxNorm(2),
        keras.optimizers.schedules.CosineDecay(0.1, 10),
        keras.DTypePolicy("mixed_float16"),
        layers.Dense(3, "tanh"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_object_comes_back_with_its_configuration(there_and_back, value):
    back = there_and_back(value)
    assert type(back) is type(value)
    assert back.get_config() == value.get_config()


@pytest.mark.parametrize(
    "value",
    [
        keras.optimizers.Adam,
        keras.callbacks.EarlyStopping,
        keras.losses.MeanSquaredError,
        keras.losses.mean_squared_error,
        keras.activations.relu,
        keras.ops.abs,
        halved,
        Doubling,
    ],
    ids=lambda value: value.__name__,
)
def test_classes_and_functions_come_back_as_they_are(there_and_back, value):
    assert there_and_back([value])[0] is value


def test_a_layer_that_nobody_registered_is_refused(path):
    model = keras.Sequential([keras.Input((2,)), Unregistered()])
    with pytest.raises(
        ArchiveError, match=r"model is a Sequential .*'Unregistered'.*@keras\.saving\.register_k"
    ):
        save(Holder(model), path)
    assert not path.exists()


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_lambda_in_a_model_is_refused(path):
    for layer in (layers.Lambda(lambda x: x), layers.Dense(1, activation=lambda x: x)):
        with pytest.raises(ArchiveError, match="cannot be saved: a lambda .* register a named"):
            save(keras.Sequential([keras.Input((2,)), layer]), path)


def test_a_lambda_layer_of_a_registered_function_comes_back(there_and_back):
    model = keras.Sequential([keras.Input((2,)), layers.Lambda(halved)])
    assert_array_equal(there_and_back(model)(np.ones((1, 2))), [[0.5, 0.5]])


def test_loading_draws_nothing_from_global_streams(there_and_back):
    model = table()
    before = random.getstate(), np.random.get_state()[1].tolist()
    there_and_back(model)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


@pytest.fixture
def configuration(path):
    save(table(), path)
    manifest, arrays = read_members(path)

    def with_layer(**changes):
        forged = copy.deepcopy(manifest)
        forged["object"]["config"]["config"]["layers"][1].update(changes)
        write_members(path, forged, arrays)
        return path

    return with_layer


LAMBDA_CODE = "4wEAAAAAAAAAAAAAAAEAAAACAAAAQwAAAHMEAAAAfABTACkBTqkAKQHaAXhyAQAAAHIBAAAA"


@pytest.mark.parametrize("safe_mode_is_off", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {"module": "os", "class_name": "system", "config": {"command": "true"}},
        {"module": "builtins", "class_name": "eval", "config": {}},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///x"}},
        {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
        {"module": "keras.models", "class_name": "load_model", "config": {"filepath": "x"}},
        {"module": "keras.saving", "class_name": "load_model", "config": {"filepath": "x"}},
        {"module": "keras.src.saving.saving_lib", "class_name": "os", "config": {}},
        {"module": "keras.src.export.tfsm_layer", "class_name": "TFSMLayer", "config": {}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "x"}},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "x"}},
        {"module": "keras.layers", "class_name": "JaxLayer", "config": {}},
        {
            "module": "keras.layers",
            "class_name": "StringLookup",
            "config": {"vocabulary": "/etc/passwd"},
        },
        {
            "module": "keras.layers",
            "class_name": "TextVectorization",
            "config": {"vocabulary": "/etc/passwd"},
        },
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"function": {"class_name": "__lambda__", "config": {"code": LAMBDA_CODE}}},
        },
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"function": [LAMBDA_CODE, None, None], "function_type": "lambda"},
        },
        {"class_name": "__lambda__", "config": {"value": LAMBDA_CODE}},
        {"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": []},
        {"class_name": "function", "module": "os", "config": "system"},
        {"class_name": "function", "module": "keras.utils", "config": "get_file"},
        {"class_name": ["Dense"]},
        {"module": ["keras.layers"]},
        {"module": None},
        {"module": "keras.layers..core"},
        {"module": "keras.layers.core.dense"},
        {"registered_name": {"a": 1}},
        {"config": None},
        {"config": {"units": "many"}},
        {"config": {"units": 3, "activation": "os.system"}},
        {"config": {"units": 3, "activation": {"class_name": "function", "config": "eval"}}},
    ],
    ids=lambda changes: json.dumps(changes)[:70],
)
def test_a_configuration_that_asks_for_more_than_layers_is_refused(
    configuration, changes, safe_mode_is_off
):
    path = configuration(**changes)
    if safe_mode_is_off:
        keras.config.enable_unsafe_deserialization()
    try:
        with nothing_happens(), pytest.raises(ArchiveError):
            load(path)
    finally:
        keras.src.saving.serialization_lib.global_state.set_global_attribute(
            "safe_mode_saving", None
        )


def test_a_layer_without_module_does_not_go_through_the_legacy_reader(path):
    save(table(), path)
    manifest, arrays = read_members(path)
    del manifest["object"]["config"]["config"]["layers"][1]["module"]
    write_members(path, manifest, arrays)
    with pytest.raises(ArchiveError):
        load(path)


@pytest.mark.parametrize("units", [7, 10**5, 10**9, 10**18])
def test_a_layer_larger_than_its_weights_is_refused_before_it_is_made(configuration, units):
    path = configuration(
        config={"name": "dense", "units": units},
        build_config={"input_shape": [None, 10**6]},
    )
    with pytest.raises(ArchiveError, match="asks for weights of shapes|does not take"):
        load(path)
    # What was described is not made later either.
    with keras.StatelessScope():
        pass


@pytest.mark.parametrize(
    "node",
    [
        {"kind": "keras", "config": {}, "weights": [], "compiled": None},
        {
            "kind": "keras",
            "config": {"class_name": "__bytes__", "config": {"value": "a"}},
            "weights": [],
            "compiled": None,
        },
        {
            "kind": "keras",
            "config": {"class_name": "__tensor__", "config": {}},
            "weights": [],
            "compiled": None,
        },
        {"kind": "keras callback", "class": "LambdaCallback", "arguments": {}},
        {"kind": "keras callback", "class": "os", "arguments": {}},
        {"kind": "keras callback", "class": "EarlyStopping", "arguments": {"model": 1}},
        {"kind": "keras callback", "class": "EarlyStopping", "arguments": {"min_delta": "a"}},
        {"kind": "keras name", "name": "keras.optimizers.os"},
        {"kind": "keras name", "name": "keras.utils.get_file"},
        {"kind": "keras name", "name": "keras.layers.__name__"},
        {"kind": "keras name", "name": "tests>nothing"},
    ],
    ids=lambda node: json.dumps(node)[:70],
)
def test_a_malformed_keras_object_is_refused(path, node):
    write_object(path, node)
    with nothing_happens(), pytest.raises(ArchiveError):
        load(path)


def test_keras_is_imported_only_for_keras_objects(path, tmp_path):
    other = tmp_path / "other.zip"
    save({"weights": np.zeros(3)}, path)
    save(keras.optimizers.Adam(), other)
    script = f"""
        import sys
        from sklearn_cnn import load
        load({str(path)!r})
        assert "keras" not in sys.modules and "tensorflow" not in sys.modules
        print(type(load({str(other)!r})).__name__)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "Adam", run.stderr
