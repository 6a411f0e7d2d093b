"""What each layer makes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_cnn import backends
from sklearn_cnn.architectures import convolutional, dense, layer_table, receptive_field


def test_two_convolutions_see_three_then_five():
    """SYSTEMS A."""
    network = convolutional((12, 12, 1), 2, "softmax", filters=(8, 8), pooling=None)
    fields = receptive_field(network)
    assert fields["conv_0"] == (3, 3)
    assert fields["conv_1"] == (5, 5)
    assert fields["output"] == (12, 12)


@given(
    kernel_size=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=3, max_size=3),
    strides=st.lists(st.tuples(st.integers(1, 2), st.integers(1, 2)), min_size=3, max_size=3),
    pool_size=st.integers(1, 2),
    shared_weights=st.booleans(),
)
@settings(max_examples=10, deadline=None)
def test_a_receptive_field_is_where_the_gradient_is_not_zero(
    kernel_size, strides, pool_size, shared_weights
):
    import keras

    size = 100
    network = convolutional(
        (size, size, 1),
        1,
        "linear",
        filters=(1, 1, 1),
        kernel_size=kernel_size,
        strides=strides,
        pool_size=pool_size,
        pooling="average",
        activation="identity",
        padding="valid",
        shared_weights=shared_weights,
    )
    model = network.build()
    backend, fields = backends.current(), receptive_field(network)
    x = backend.array(np.ones((1, size, size, 1), "float32"))
    for name in ("conv_0", "conv_1", "conv_2"):
        layer = keras.Model(model.input, model.get_layer(name).output)
        ones = [backend.array(np.ones(weight.shape, "float32")) for weight in layer.weights]

        def first_unit(parameters, layer=layer, ones=ones):
            outputs, _ = layer.stateless_call(ones, [], parameters[0])
            return outputs[0, 0, 0, 0], outputs

        _, (gradient,) = backend.value_and_grad(first_unit)([x])
        seen = np.array(gradient)[0, :, :, 0] > 0
        sides = seen.any(axis=1).sum(), seen.any(axis=0).sum()
        # Strides wider than the windows leave rows out that lie between.
        ends = (
            np.flatnonzero(seen.any(axis=1)).max() + 1,
            np.flatnonzero(seen.any(axis=0)).max() + 1,
        )
        assert fields[name] == ends
        assert all(side <= end for side, end in zip(sides, ends, strict=True))


@pytest.mark.parametrize(
    "network",
    [
        dense((5,), 3, "softmax", hidden_layer_sizes=(4,), batch_normalization=True, dropout=0.5),
        convolutional((9, 8, 2), 3, "softmax", batch_normalization=True, padding="reflect"),
        convolutional((9, 2), 1, "linear", shared_weights=False, pooling="average"),
    ],
    ids=["dense", "pictures", "signal"],
)
def test_the_table_agrees_with_the_model(network):
    model = network.build()
    table = layer_table(network)
    assert [row.name for row in table] == [layer.name for layer in model.layers[1:]]
    assert [row.output_shape for row in table] == [
        layer.output.shape[1:] for layer in model.layers[1:]
    ]
    assert sum(row.parameters for row in table) == model.count_params() == network.n_parameters


def test_a_dense_layer_connects_all_with_all():
    table = layer_table(dense((64,), 10, "softmax", hidden_layer_sizes=(100,)))
    assert [row.connections for row in table] == [6500, 1010]


def test_local_filters_have_as_many_connections_as_shared_ones():
    make = {"filters": 2, "kernel_size": 3, "padding": "valid", "pooling": None}
    shared, local = (
        layer_table(convolutional((8, 8, 1), 1, "linear", **make, shared_weights=shares))[0]
        for shares in (True, False)
    )
    assert shared.connections == local.connections == 6 * 6 * 20
    assert (shared.parameters, local.parameters) == (20, 6 * 6 * 20)
    assert shared.receptive_field == local.receptive_field == (3, 3)
