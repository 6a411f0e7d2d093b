"""What all descriptions have in common."""

import json
import pickle
import random

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_cnn.architectures import (
    Architecture,
    convolutional,
    convolutional_autoencoder,
    dense,
    dense_autoencoder,
    lenet,
    lenet5,
)

NETWORKS = [
    dense((6,), 3, "softmax", hidden_layer_sizes=(5,), batch_normalization=True, dropout=0.5),
    convolutional((8, 7, 2), 3, "softmax", batch_normalization=True, dropout=0.5),
    convolutional((9, 2), 1, "linear", shared_weights=False, padding="replicate"),
    lenet5((28, 28, 1), 10, "softmax", output="rbf"),
    lenet((28, 28, 1), 10, "softmax"),
    dense_autoencoder((6,), hidden_layer_sizes=(5,)),
    convolutional_autoencoder((7, 6, 1), dropout=0.5),
]


@pytest.fixture(params=NETWORKS, ids=lambda network: network.function)
def network(request):
    return request.param


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_building_and_drawing_touch_no_random_stream(network):
    random.seed(0)
    np.random.seed(0)
    before = random.getstate(), np.random.get_state()[1].copy()
    first, second = network.build(), network.build()
    network.draw(np.random.RandomState(0))
    assert random.getstate() == before[0]
    assert_array_equal(np.random.get_state()[1], before[1])
    assert same(first.get_weights(), second.get_weights())


def test_weights_depend_on_the_seed_alone(network):
    draws = [network.draw(np.random.RandomState(seed)) for seed in (0, 0, 1)]
    assert same(draws[0], draws[1])
    assert not same(draws[0], draws[2])


def test_successive_draws_from_one_stream_differ(network):
    rng = np.random.RandomState(0)
    assert not same(network.draw(rng), network.draw(rng))


@pytest.mark.parametrize("network", NETWORKS[1:], ids=lambda network: network.function)
def test_weights_are_drawn_with_the_spread_that_keras_gives(network):
    """Dense networks follow scikit-learn instead, number by number (test_dense)."""
    model = network.build()
    drawn = network.draw(np.random.RandomState(0))
    for ours, theirs in zip(drawn, model.get_weights(), strict=True):
        if theirs.std() == 0:
            assert_array_equal(ours, theirs)
        elif theirs.size > 200:
            assert ours.std() == pytest.approx(theirs.std(), rel=0.15)


def test_kernel_initializer_draws_the_kernels_and_biases_are_zero(network):
    drawn = network.draw(np.random.RandomState(0), "he_normal")
    for parameter, weight in zip(network.parameters, drawn, strict=True):
        if parameter.role == "kernel" and weight.size > 500:
            assert weight.std() == pytest.approx(np.sqrt(2 / parameter.fan_in), rel=0.1)
        if parameter.role == "bias":
            assert not weight.any()


def test_an_initializer_may_be_a_name_an_instance_or_a_configuration():
    from keras import initializers

    network = dense((40,), 30, "linear", hidden_layer_sizes=())
    by_name = network.draw(np.random.RandomState(0), "he_normal")
    config = initializers.serialize(initializers.HeNormal())
    for other in (initializers.HeNormal(), initializers.HeNormal, config):
        assert same(network.draw(np.random.RandomState(0), other), by_name)
    assert not same(network.draw(np.random.RandomState(1), "he_normal"), by_name)


def test_an_initializer_with_a_seed_of_its_own_keeps_it():
    from keras import initializers

    network = dense((4,), 3, "linear", hidden_layer_sizes=())
    mine = initializers.HeNormal(seed=5)
    assert same(*(network.draw(np.random.RandomState(seed), mine) for seed in (0, 1)))


def test_an_unknown_initializer_is_answered_with_the_known_ones():
    network = dense((4,), 3, "linear", hidden_layer_sizes=())
    with pytest.raises(ValueError, match=r"'glorot_unifrom' is unknown.*Did you mean 'glorot_uni"):
        network.draw(np.random.RandomState(0), "glorot_unifrom")


def test_a_description_survives_pickle_and_json(network):
    for copy in (
        pickle.loads(pickle.dumps(network)),
        Architecture.from_config(json.loads(json.dumps(network.get_config()))),
    ):
        assert copy == network
        assert hash(copy) == hash(network)
        assert copy.dropout == network.dropout
        assert copy.parameters == network.parameters


def test_no_two_networks_are_equal():
    assert len(set(NETWORKS)) == len(NETWORKS)


def test_a_description_of_an_unknown_function_is_an_error():
    config = NETWORKS[0].get_config() | {"function": "denes"}
    with pytest.raises(ValueError, match=r"function='denes' is unknown.*Did you mean 'dense'\?"):
        Architecture.from_config(config)


def test_an_activation_without_a_name_cannot_be_written_to_a_file():
    network = dense((4,), 3, "softmax", activation=lambda x: -x)
    with pytest.raises(TypeError, match=r"activation=<function .* has no name that a file could"):
        network.get_config()


def test_the_count_of_weights_is_that_of_keras(network):
    assert network.n_parameters == network.build().count_params()
