"""Dense networks as descriptions."""

import json
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.neural_network import MLPClassifier

from sklearn_cnn.architectures import Architecture, dense, dense_layers

from ._settings import common_settings, outputs


@st.composite
def dense_networks(draw):
    return dense(
        draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)),
        *draw(outputs()),
        **draw(common_settings()),
        hidden_layer_sizes=draw(st.lists(st.integers(1, 9), max_size=3)),
    )


@given(dense_networks())
@settings(max_examples=25, deadline=None)
def test_parameters_are_the_weights_of_the_built_model(architecture):
    weights = architecture.build().weights
    parameters = architecture.parameters
    assert [p.path for p in parameters] == [w.path for w in weights]
    assert [p.shape for p in parameters] == [tuple(w.shape) for w in weights]
    assert [p.trainable for p in parameters] == [w.trainable for w in weights]
    assert {w.dtype for w in weights} == {architecture.dtype}
    assert architecture.n_parameters == architecture.build().count_params()


@given(dense_networks(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_drawn_weights_fit_the_built_model(architecture, seed):
    drawn = architecture.draw(np.random.RandomState(seed))
    model = architecture.build()
    assert [(w.shape, w.dtype) for w in drawn] == [
        (tuple(w.shape), np.dtype(architecture.dtype)) for w in model.weights
    ]
    model.set_weights(drawn)
    again = architecture.draw(np.random.RandomState(seed))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))


@given(dense_networks(), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_linear_output_leaves_only_the_last_activation_out(architecture, seed):
    from keras import activations, ops

    weights = architecture.draw(np.random.RandomState(seed))
    X = np.random.RandomState(seed).uniform(size=(3, *architecture.input_shape))
    model, linear = architecture.build(), architecture.build(linear_output=True)
    model.set_weights(weights)
    linear.set_weights(weights)
    assert [w.path for w in linear.weights] == [w.path for w in model.weights]
    activate = activations.get(architecture.output_activation)
    np.testing.assert_allclose(
        ops.convert_to_numpy(activate(linear(X))), ops.convert_to_numpy(model(X)), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (7,), (5, 3)])
def test_weights_are_drawn_as_scikit_learn_draws_them(activation, hidden, dtype):
    mlp = MLPClassifier(hidden, activation=activation)
    mlp._random_state = np.random.RandomState(3)
    expected = []
    for fan_in, fan_out in pairwise([6, *hidden, 3]):
        expected += mlp._init_coef(fan_in, fan_out, np.dtype(dtype))
    architecture = dense(
        (6,), 3, "softmax", hidden_layer_sizes=hidden, activation=activation, dtype=dtype
    )
    rng = np.random.RandomState(3)
    for drawn, theirs in zip(architecture.draw(rng), expected, strict=True):
        assert drawn.dtype == theirs.dtype
        assert_array_equal(drawn, theirs)
    assert rng.uniform() == mlp._random_state.uniform()


def test_batch_normalisation_draws_no_numbers():
    plain = dense((4,), 2, "softmax", hidden_layer_sizes=(3, 5))
    normalised = dense((4,), 2, "softmax", hidden_layer_sizes=(3, 5), batch_normalization=True)
    kernels = [
        weight
        for parameter, weight in zip(
            normalised.parameters, normalised.draw(np.random.RandomState(0)), strict=True
        )
        if parameter.role in {"kernel", "bias"}
    ]
    for ours, theirs in zip(kernels, plain.draw(np.random.RandomState(0)), strict=True):
        assert_array_equal(ours, theirs)


def test_equal_settings_make_equal_descriptions():
    make = {"hidden_layer_sizes": (8, 4), "activation": "logistic"}
    architecture = dense((4,), 3, "softmax", **make)
    same = dense([4], np.int64(3), "softmax", hidden_layer_sizes=[8, 4], activation="sigmoid")
    assert architecture == same
    assert hash(architecture) == hash(same)
    assert repr(architecture) == repr(same)


@pytest.mark.parametrize(
    "other",
    [
        {"hidden_layer_sizes": (8,)},
        {"activation": "tanh"},
        {"batch_normalization": True},
        {"dropout": 0.5},
        {"dtype": "float64"},
    ],
)
def test_each_setting_makes_another_description(other):
    default = {"hidden_layer_sizes": (8, 4), "activation": "relu"}
    assert dense((4,), 3, "softmax", **default) != dense((4,), 3, "softmax", **default | other)


def test_the_dropout_rate_is_no_part_of_the_description():
    half, tenth = (dense((4,), 3, "softmax", dropout=rate) for rate in (0.5, 0.1))
    assert half == tenth
    assert hash(half) == hash(tenth)
    assert half.build().get_layer("hidden_0_dropout").rate == 0.5
    assert tenth.build().get_layer("hidden_0_dropout").rate == 0.1


@given(dense_networks())
@settings(max_examples=25, deadline=None)
def test_a_description_survives_pickle_and_json(architecture):
    for copy in (
        pickle.loads(pickle.dumps(architecture)),
        Architecture.from_config(json.loads(json.dumps(architecture.get_config()))),
    ):
        assert copy == architecture
        assert hash(copy) == hash(architecture)
        assert copy.dropout == architecture.dropout
        assert copy.parameters == architecture.parameters


def test_only_batch_normalisation_makes_rows_interact():
    assert not dense((4,), 3, "softmax", dropout=0.5).rows_interact
    assert dense((4,), 3, "softmax", batch_normalization=True).rows_interact


def test_layers_are_listed_in_the_order_of_a_forward_pass():
    layers = dense_layers(dense((4,), 3, "softmax", hidden_layer_sizes=(8, 5), activation="elu"))
    assert [(layer.name, layer.units, layer.activation) for layer in layers] == [
        ("hidden_0", 8, "elu"),
        ("hidden_1", 5, "elu"),
        ("output", 3, "softmax"),
    ]


def test_published_parameter_counts():
    """SYSTEMS C: 128, 128, 128 on 28x28 pictures."""
    architecture = dense((28, 28), 10, "softmax", hidden_layer_sizes=(128, 128, 128))
    assert architecture.n_parameters == architecture.build().count_params() == 134_794


@pytest.mark.parametrize("sizes", [0, (5, 0), [3, -1]])
def test_a_hidden_layer_without_units_is_an_error(sizes):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be > 0, got \["):
        dense((4,), 3, "softmax", hidden_layer_sizes=sizes)


def test_describing_and_drawing_import_no_keras():
    code = (
        "import sys, numpy\n"
        "from sklearn_cnn.architectures import dense\n"
        "d = dense((4,), 3, 'softmax', hidden_layer_sizes=(5,), batch_normalization=True)\n"
        "d.parameters, d.n_parameters, d.rows_interact, d.draw(numpy.random.RandomState(0))\n"
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
