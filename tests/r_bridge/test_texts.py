"""A layer that was adapted can be described, and the description makes the same layer."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from r_bridge._keras_objects import keep, made
from r_bridge._texts import adapt_layer, as_texts, call_layer, vocabulary_of
from sklearn_cnn import import_keras

TEXTS = np.array(
    ["The cat sat on the mat.", "The dog, again!", "", "\u00c9t\u00e9 cat"], dtype=object
)
UNSEEN = np.array(["a cat on the dog", "nothing known"], dtype=object)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"output_sequence_length": 3},
        {"max_tokens": 5, "output_mode": "count"},
        {"output_mode": "multi_hot", "ngrams": 2},
        {"output_mode": "tf_idf"},
        {"output_mode": "tf_idf", "ngrams": 2, "max_tokens": 6},
        {"split": "character", "standardize": "lower"},
    ],
)
def test_texts_become_what_the_adapted_layer_makes_of_them(settings):
    keras = import_keras()
    layer = keras.layers.TextVectorization(**settings)
    layer.adapt(as_texts(TEXTS))
    described = {"keras_class": "layers.TextVectorization", "arguments": settings}
    described = described | {"arguments": adapt_layer(described, TEXTS)}
    key = keep(made(described))
    assert_allclose(call_layer(key, UNSEEN), layer(as_texts(UNSEEN)), rtol=1e-6)
    assert vocabulary_of(key).tolist() == list(layer.get_vocabulary())


def test_numbers_are_standardised_by_the_data_that_were_seen():
    x = np.random.default_rng(0).normal(3, 2, (50, 3))
    described = {"keras_class": "layers.Normalization", "arguments": {}}
    arguments = adapt_layer(described, x)
    key = keep(made({"keras_class": "layers.Normalization", "arguments": arguments}))
    assert_allclose(call_layer(key, x), (x - x.mean(0)) / x.std(0), rtol=1e-4, atol=1e-5)


def test_one_text_is_a_row():
    assert_array_equal(as_texts("one").numpy(), [b"one"])
