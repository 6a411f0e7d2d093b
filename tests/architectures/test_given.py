"""Descriptions of networks that users bring along: copies, equality, what is known of them."""

import copy
import pickle

import cloudpickle
import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_cnn.architectures.given import (
    CannotCopy,
    Input,
    UnsuitableModel,
    given,
    made,
    recipe,
)

ROW = [Input(None, (4,), "float32")]
X = np.random.RandomState(0).normal(size=(6, 4)).astype("float32")


def sequential(units=5, built=True):
    front = [layers.Input((4,))] if built else []
    hidden = layers.Dense(units, activation="relu")
    return keras.Sequential([*front, hidden, layers.Dense(3, activation="softmax")])


def functional():
    """A branch, a shared layer, a batch normalisation."""
    inputs = keras.Input((4,))
    shared = layers.Dense(4, activation="tanh")
    left, right = shared(inputs), layers.BatchNormalization()(shared(shared(inputs)))
    joined = layers.Concatenate()([left, right])
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(joined))


class Keeps(keras.Model):
    """Keeps its arguments under their names, as scikit-learn's estimators do."""

    def __init__(self, units=8, rate=0.0):
        super().__init__()
        self.units, self.rate = units, rate
        self.hidden = layers.Dense(units, activation="relu")
        self.dropout = layers.Dropout(rate)
        self.end = layers.Dense(3, activation="softmax")

    def call(self, inputs, training=False):
        return self.end(self.dropout(self.hidden(inputs), training=training))


class Forgets(keras.Model):
    """Keeps none of its arguments."""

    def __init__(self, n=8):
        super().__init__()
        self.hidden = layers.Dense(n)

    def call(self, inputs):
        return self.hidden(inputs)


@keras.saving.register_keras_serializable("tests.architectures")
class Registered(keras.Model):
    def __init__(self, n, **settings):
        super().__init__(**settings)
        self.hidden = layers.Dense(n)

    def call(self, inputs):
        return self.hidden(inputs)

    def get_config(self):
        return {**super().get_config(), "n": self.hidden.units}


def square(x):
    return x * x


class Doubling(layers.Layer):
    """A layer of the user's, registered nowhere."""

    def __init__(self, factor=2.0, **settings):
        super().__init__(**settings)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def of_own_parts():
    double, end = Doubling(3.0), layers.Dense(2)
    return keras.Sequential([layers.Input((4,)), layers.Dense(3, activation=square), double, end])


def with_lambdas():
    factor = 2.0
    return keras.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, activation=lambda x: factor * x),
            layers.Lambda(lambda x: keras.ops.abs(x) + factor),
            layers.Dense(2),
        ]
    )


def normalising():
    normalisation = layers.Normalization()
    normalisation.adapt(100 + 20 * X)
    return keras.Sequential(
        [layers.Input((4,)), normalisation, layers.Dropout(0.5), layers.Dense(2)]
    )


def kept():
    model = Keeps(6, 0.25)
    model(X)
    return model


def registered():
    model = Registered(5)
    model(X)
    return model


TEMPLATES = [
    sequential,
    functional,
    kept,
    registered,
    of_own_parts,
    with_lambdas,
    normalising,
]


def copy_of(network):
    model = network.build()
    model.set_weights(network.draw(np.random.RandomState(0)))
    return model


@pytest.mark.parametrize("make", TEMPLATES)
def test_a_copy_computes_what_the_template_computes(make):
    template = make()
    model = copy_of(given(template, ROW))
    assert model is not template
    assert_array_equal(model(X), template(X))
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert not np.array_equal(model(X), template(X))


@pytest.mark.parametrize("make", TEMPLATES)
def test_the_template_is_not_changed(make):
    template = make()
    before = [keras.ops.convert_to_numpy(w) for w in template.weights], set(vars(template))
    network = given(template, ROW)
    network.build(linear_output=True)
    copy_of(network)
    for old, variable in zip(before[0], template.weights, strict=True):
        assert_array_equal(old, variable)
    assert set(vars(template)) == before[1]


@pytest.mark.parametrize("make", TEMPLATES)
def test_networks_of_the_same_kind_are_equal_and_survive_pickles(make):
    network = given(make(), ROW)
    again = cloudpickle.loads(cloudpickle.dumps(network))
    assert again == network
    assert hash(again) == hash(network)
    assert copy.deepcopy(network) == network
    if make is not with_lambdas:
        assert pickle.loads(pickle.dumps(network)) == network
    assert_array_equal(copy_of(again)(X), copy_of(network)(X))


def test_other_layers_classes_or_functions_are_other_networks():
    assert given(sequential(5), ROW) != given(sequential(6), ROW)
    assert given(Keeps(5), ROW) == given(Keeps(5), ROW)
    assert given(Keeps(5), ROW) != given(Keeps(5, 0.5), ROW)

    def with_activation(function):
        model = keras.Sequential([layers.Dense(2, activation=function, name="only")], name="m")
        return given(model, ROW)

    def cube(x):
        return x * x * x

    cube.__name__ = "square"
    assert with_activation(square) == with_activation(square)
    assert with_activation(square) != with_activation(cube)


def test_a_function_that_is_made_anew_in_each_call_is_the_same_function():
    def make(factor):
        layer = layers.Dense(2, activation=lambda x: factor * x, name="only")
        return given(keras.Sequential([layer], name="m"), ROW)

    assert make(2.0) == make(2.0)
    assert hash(make(2.0)) == hash(make(3.0))
    assert make(2.0) != make(3.0)


def test_a_model_that_is_not_built_is_described_for_the_rows_at_hand():
    template = sequential(built=False)
    for n in (4, 7):
        network = given(template, [Input(None, (n,), "float32")])
        assert network.parameters[0].shape == (n, 5)
    assert not template.built
    first, second = (network.draw(np.random.RandomState(seed)) for seed in (0, 0))
    other = network.draw(np.random.RandomState(1))
    assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[0], other[0])
    limit = np.sqrt(6 / (7 + 5))  # Glorot's
    assert 0.5 * limit < np.abs(first[0]).max() < limit


def test_weights_of_a_built_model_are_where_training_starts():
    template = sequential()
    drawn = given(template, ROW).draw(np.random.RandomState(0))
    for weight, variable in zip(drawn, template.weights, strict=True):
        assert_array_equal(weight, variable)
    drawn[0][:] = 0
    assert np.abs(template.get_weights()[0]).max() > 0


@pytest.mark.parametrize("make", [sequential, functional, kept, with_lambdas])
def test_every_layer_computes_in_the_dtype_that_is_asked_for(make):
    template = make()
    network = given(template, ROW, dtype="float64")
    model = copy_of(network)
    assert_allclose(model(X), template(X), rtol=1e-5)
    assert {str(variable.dtype) for variable in model.weights} == {"float64"}
    assert model(X.astype("float64")).dtype == "float64"
    assert {weight.dtype for weight in network.draw(np.random.RandomState(0))} == {
        np.dtype("float64")
    }


def test_the_dtype_of_a_model_is_its_own():
    with_policy = keras.Sequential([layers.Dense(2, dtype="float64")])
    assert given(with_policy, ROW).dtype == "float64"
    mixed = keras.Sequential([layers.Dense(2, dtype="mixed_float16")])
    assert given(mixed, ROW).dtype == "float32"


@pytest.mark.parametrize(
    ("last", "activation", "ends_in"),
    [
        ([layers.Dense(3, activation="softmax")], "softmax", "softmax"),
        ([layers.Dense(3), layers.Activation("softmax")], "softmax", "softmax"),
        ([layers.Dense(3), layers.Softmax()], "linear", "softmax"),
        ([layers.Dense(3)], "linear", "linear"),
        ([layers.Dense(1, activation="sigmoid")], "sigmoid", "sigmoid"),
        ([layers.Dense(1, activation="softplus")], "softplus", "softplus"),
        ([layers.Dense(3, "softmax", activity_regularizer="l2")], "linear", "softmax"),
        ([layers.Dense(3, activation="softmax"), layers.Dropout(0.1)], "linear", "linear"),
        ([layers.Reshape((4, 1)), layers.LSTM(3)], "linear", "linear"),
        ([keras.Sequential([layers.Dense(3, activation="softmax")])], "linear", "softmax"),
    ],
)
def test_the_last_activation_is_found_and_left_out_where_that_is_safe(last, activation, ends_in):
    network = given(keras.Sequential([layers.Input((4,)), *last]), ROW)
    assert (network.output_activation, network.ends_in) == (activation, ends_in)
    linear = network.build(linear_output=True)
    linear.set_weights(network.draw(np.random.RandomState(0)))
    output = copy_of(network)(X)
    if activation == "linear":
        assert_array_equal(linear(X), output)
    else:
        assert_allclose(keras.activations.get(activation)(linear(X)), output, rtol=1e-6)


def test_only_the_user_knows_how_a_subclassed_model_ends():
    assert given(Keeps(), ROW).ends_in is None


@pytest.mark.parametrize(
    ("inside", "rows_interact", "wants_xla"),
    [
        ([layers.Dense(3, activation="relu"), layers.Dropout(0.2)], False, True),
        ([layers.Dense(3), layers.Activation("relu"), layers.Flatten()], False, True),
        ([layers.LayerNormalization()], False, False),
        ([layers.Reshape((4, 1)), layers.Conv1D(2, 2), layers.Flatten()], False, False),
        ([layers.Reshape((4, 1)), layers.GRU(2)], False, False),
        ([layers.BatchNormalization()], True, False),
        ([layers.Dense(3, activity_regularizer="l2")], True, False),
        ([layers.Lambda(lambda x: x - keras.ops.mean(x, axis=0))], True, False),
        ([Doubling()], True, False),
        ([layers.GaussianNoise(0.1)], False, False),
    ],
)
def test_rows_interact_unless_every_layer_is_known_not_to(inside, rows_interact, wants_xla):
    network = given(keras.Sequential([layers.Input((4,)), *inside, layers.Dense(1)]), ROW)
    assert network.rows_interact is rows_interact
    assert network.wants_xla is wants_xla


def test_operations_between_layers_may_mix_rows():
    inputs = keras.Input((4,))
    centred = inputs - keras.ops.mean(inputs, axis=0, keepdims=True)
    assert given(keras.Model(inputs, layers.Dense(1)(centred)), ROW).rows_interact


def test_noise_is_known():
    assert not given(sequential(), ROW).has_dropout
    assert given(normalising(), ROW).has_dropout
    recurrent = keras.Sequential([layers.Reshape((4, 1)), layers.LSTM(2, dropout=0.1)])
    assert given(recurrent, ROW).has_dropout


class WithStep(Keeps):
    def train_step(self, data):
        return super().train_step(data)


class WithLoss(Keeps):
    def compute_loss(self, *arguments, **settings):
        return super().compute_loss(*arguments, **settings)


def test_a_learning_rule_of_its_own_is_known():
    assert not given(Keeps(), ROW).has_own_train_step
    assert given(WithStep(), ROW).has_own_train_step
    assert given(WithLoss(), ROW).has_own_train_step


def test_parameters_are_listed_in_the_order_of_the_weights():
    template = functional()
    network = given(template, ROW)
    assert [p.shape for p in network.parameters] == [tuple(w.shape) for w in template.weights]
    assert [p.role for p in network.parameters if p.trainable].count("kernel") == 2
    assert [p.role for p in network.parameters if not p.trainable] == [
        "moving_mean",
        "moving_variance",
    ]
    assert network.n_parameters == template.count_params()
    frozen = sequential()
    frozen.layers[0].trainable = False
    network = given(frozen, ROW)
    assert [p.trainable for p in network.parameters] == [False, False, True, True]
    assert len(network.build().trainable_variables) == 2


def two_inputs():
    table, word = keras.Input((3,), name="table"), keras.Input((2,), dtype="int32", name="word")
    words = layers.Flatten()(layers.Embedding(9, 2)(word))
    return keras.Model([table, word], layers.Dense(1)(layers.Concatenate()([table, words])))


TABLE = np.arange(15.0).reshape(5, 3)
WORDS = np.arange(10).reshape(5, 2) % 9


@pytest.mark.parametrize(
    "rows",
    [
        {"word": WORDS, "table": TABLE},
        [TABLE, WORDS],
        np.hstack([TABLE, WORDS]),
        [TABLE, WORDS.astype(float)],
    ],
    ids=["dict", "list", "table of both", "whole numbers as floats"],
)
def test_several_inputs_come_in_many_forms(rows):
    container = {dict: "dict", list: "list", np.ndarray: "array"}[type(rows)]
    parts = list(rows.values()) if container == "dict" else rows
    shapes = [Input(None, (5,), "float32")]
    if container == "dict":
        shapes = [Input(name, part.shape[1:], "float32") for name, part in rows.items()]
    elif container == "list":
        shapes = [Input(str(n), part.shape[1:], "float32") for n, part in enumerate(parts)]
    network = given(two_inputs(), shapes, container)
    arranged = network.arrange(rows)
    table, word = arranged.values() if isinstance(arranged, dict) else arranged
    assert_array_equal(table, TABLE)
    assert_array_equal(word, WORDS)
    assert word.dtype == "int32"
    assert network.build()(arranged).shape == (5, 1)
    assert network.input_shape == (5,)


def test_rows_are_brought_into_the_shape_that_the_model_takes():
    pictures = keras.Sequential([layers.Input((2, 2, 1)), layers.Conv2D(1, 2), layers.Flatten()])
    network = given(pictures, ROW)
    for shape in ((6, 4), (6, 2, 2), (6, 2, 2, 1)):
        assert network.arrange(X.reshape(shape)).shape == (6, 2, 2, 1)
    with pytest.raises(ValueError, match=r"holds 3 numbers, in shape \(3,\).*\(2, 2, 1\)"):
        network.arrange(X[:, :3])


def test_whole_numbers_stay_for_embeddings_only():
    ids = np.arange(12).reshape(3, 4)
    embedding = keras.Sequential([layers.Embedding(20, 2), layers.LSTM(2)])
    assert given(embedding, ROW).arrange(ids).dtype == "int32"
    assert given(sequential(built=False), ROW).arrange(ids).dtype == "float32"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"table": TABLE}, "X has the inputs 'table', but the model takes 'table', 'word'"),
        ([TABLE], "X has 1 inputs, but the model takes 2"),
        (TABLE, "the model takes 2 inputs with 3, 2 numbers"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(rows, message):
    network = given(two_inputs(), [Input(None, (5,), "float32")])
    with pytest.raises(ValueError, match=message):
        network.arrange(rows)


def test_a_model_that_cannot_be_made_again_is_refused():
    with pytest.raises(CannotCopy, match="Give the class a get_config"):
        given(Forgets(3), ROW)
    changed = Keeps(5)
    changed.hidden = layers.Dense(7)
    with pytest.raises(CannotCopy, match="cannot be made a second time"):
        given(changed, ROW)
    with pytest.raises(CannotCopy, match="no get_config"):
        recipe(Forgets(3))


def test_a_function_makes_what_cannot_be_copied():
    network = given(Forgets(3), ROW, maker=made(Forgets, {"n": 3}))
    assert network.parameters[0].shape == (4, 3)
    assert network == given(Forgets(3), ROW, maker=made(Forgets, {"n": 3}))
    assert network != given(Forgets(4), ROW, maker=made(Forgets, {"n": 4}))
    assert repr(network.source) == "Forgets(n=3)"


@keras.saving.register_keras_serializable("tests.architectures")
class SaysNothing(Registered):
    def __init__(self, n=2, **settings):
        super().__init__(n, **settings)

    def get_config(self):
        return {}


def test_a_configuration_of_another_model_is_refused():
    model = SaysNothing(5)
    model(X)
    with pytest.raises(CannotCopy, match=r"weights of shapes .*instead of"):
        given(model, ROW)


def test_two_outputs_are_refused():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(2)(inputs)])
    with pytest.raises(UnsuitableModel, match="The model has 2 outputs"):
        given(model, ROW)


def test_a_dictionary_of_outputs_is_refused():
    inputs = keras.Input((4,))
    with pytest.raises(UnsuitableModel, match="returns a dict. It must return one array"):
        given(keras.Model(inputs, {"one": layers.Dense(1)(inputs)}), ROW)


def test_an_open_length_is_that_of_the_rows():
    model = keras.Sequential([layers.Input((None, 1)), layers.LSTM(2, return_sequences=True)])
    network = given(model, [Input(None, (4, 1), "float32")])
    assert network.output_shape == (4, 2)
    assert network.units == 8


class Several(Keeps):
    def call(self, inputs):
        return {"end": self.end(self.hidden(inputs))}


def test_a_dict_of_outputs_is_refused():
    with pytest.raises(UnsuitableModel, match="returns a dict"):
        given(Several(), ROW)


def test_a_sequential_takes_one_input():
    two = [Input("a", (4,), "float32"), Input("b", (4,), "float32")]
    with pytest.raises(UnsuitableModel, match="a Sequential, which takes one"):
        given(sequential(built=False), two, "dict")


def test_a_description_reads_well():
    assert repr(given(sequential(), ROW).source) == "Sequential(Dense 5, Dense 3)"
    with pytest.raises(TypeError, match="kept as its Keras configuration"):
        given(sequential(), ROW).get_config()
