"""Rows that a model takes, and those that it does not."""

import numpy as np
import pytest

from r_bridge._keras_objects import keep
from r_bridge._model_structure import new_input
from r_bridge._models import predict_model
from sklearn_cnn import import_keras


def key_of_model(shape, dtype="float32"):
    keras = import_keras()
    inputs = keras.Input(shape, dtype=dtype)
    return keep(keras.Model(inputs, keras.layers.Identity()(inputs)))


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ((4,), (2, 4)),
        ((4, 1), (2, 4)),
        ((4,), (2, 4, 1)),
        ((1,), (2,)),
        ((None, 3), (2, 5, 3)),
        ((4, 4, 1), (2, 4, 4)),
    ],
)
def test_rows_that_keras_takes_are_taken(shape, rows):
    assert len(predict_model(key_of_model(shape), np.ones(rows))) == 2


@pytest.mark.parametrize(
    ("shape", "rows", "message"),
    [
        ((4,), (2, 3), "A row of x is 3 numbers, but the network takes rows of 4 numbers."),
        ((None, 3), (2, 5, 2), "A row of x is 5 x 2, but the network takes rows of any x 3."),
        ((4, 4, 2), (2, 4, 4), "A row of x is 4 x 4, but the network takes rows of 4 x 4 x 2."),
        ((4,), (2,), "A row of x is one number, but the network takes rows of 4 numbers."),
    ],
)
def test_other_rows_are_an_error_of_one_sentence(shape, rows, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011, the whole message follows
        predict_model(key_of_model(shape), np.ones(rows))
    assert str(raised.value) == message


def test_texts_are_for_networks_that_take_them():
    texts = np.array(["a", "b"], dtype=object)
    with pytest.raises(TypeError, match="x holds texts, but the network takes numbers"):
        predict_model(key_of_model((1,)), texts)


def test_a_network_of_texts_is_tensorflows():
    keras = import_keras()
    if keras.backend.backend() != "tensorflow":
        with pytest.raises(ValueError, match="needs TensorFlow.*layer_text_vectorization"):
            new_input({"shape": [1], "dtype": "string"})
        return
    texts = np.array(["a", "b"], dtype=object)
    inputs = keras.Input((1,), dtype="string")
    layer = keras.layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=1)
    model = keras.Model(inputs, layer(inputs))
    assert predict_model(keep(model), texts).tolist() == [[2], [3]]
