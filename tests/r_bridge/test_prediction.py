"""One batch is predicted as Keras predicts it, whatever has become of the model."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from r_bridge._keras_objects import NotKept, beside, keep, kept, release
from r_bridge._model_state import set_weights_of
from r_bridge._model_structure import add_layer
from r_bridge._models import predict_model
from r_bridge._prediction import predict_batch
from sklearn_cnn import import_keras

ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture
def dense():
    keras = import_keras()
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    )


def test_rows_are_predicted_as_keras_does_it(dense):
    key = keep(dense)
    for rows in (ROWS[:1], ROWS, ROWS.astype(np.float64), np.ones((2, 4), np.int32)):
        assert_array_equal(predict_batch(key, rows), dense.predict(rows, verbose=0))
    on_tensorflow = import_keras().backend.backend() == "tensorflow"
    assert len(beside(key)) == (3 if on_tensorflow else 0)


def test_rows_of_another_shape_are_looked_at_though_others_were_predicted(dense):
    key = keep(dense)
    for rows in (ROWS, ROWS[:2]):
        assert_array_equal(predict_model(key, rows), dense.predict(rows, verbose=0))
    with pytest.raises(ValueError, match="A row of x is 3 numbers, but the network takes"):
        predict_model(key, ROWS[:, :3])


def test_weights_that_are_set_afterwards_are_seen(dense):
    key = keep(dense)
    before = predict_batch(key, ROWS)
    set_weights_of(key, [weight + 1 for weight in dense.get_weights()])
    after = predict_batch(key, ROWS)
    assert not np.array_equal(before, after)
    assert_array_equal(after, dense.predict(ROWS, verbose=0))


def test_layers_that_are_added_afterwards_are_seen(dense):
    key = keep(dense)
    predict_batch(key, ROWS)
    add_layer(key, {"keras_class": "layers.Dense", "arguments": {"units": 2.0}})
    assert predict_batch(key, ROWS).shape == (5, 2)


def test_a_graph_goes_with_its_model(dense):
    key = keep(dense)
    predict_batch(key, ROWS)
    release(key)
    with pytest.raises(NotKept):
        beside(key)


def test_several_outputs_and_outputs_by_name_come_as_from_keras():
    keras = import_keras()
    x = keras.Input((4,))
    outputs = [keras.layers.Dense(2)(x), keras.layers.Dense(1)(x)]
    listed = keras.Model(x, outputs)
    for ours, theirs in zip(
        predict_batch(keep(listed), ROWS), listed.predict(ROWS, verbose=0), strict=True
    ):
        assert_array_equal(ours, theirs)
    named = keras.Model(x, {"a": outputs[0], "b": outputs[1]})
    ours, theirs = predict_batch(keep(named), ROWS), named.predict(ROWS, verbose=0)
    assert sorted(ours) == ["a", "b"]
    for name in ours:
        assert_array_equal(ours[name], theirs[name])


def test_dropout_and_batch_normalisation_are_off():
    keras = import_keras()
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5)]
    )
    model.compile("sgd", "mse")
    model.fit(ROWS, np.ones((5, 8)), verbose=0)
    assert_array_equal(predict_batch(keep(model), ROWS), model.predict(ROWS, verbose=0))


def test_what_is_not_usual_is_left_to_keras(dense):
    keras = import_keras()
    flat = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    key = keep(flat)
    assert_array_equal(predict_batch(key, np.arange(3.0)), flat.predict(np.arange(3.0), verbose=0))
    assert beside(key) == {}
    key = keep(keras.Sequential([keras.layers.Dense(1)]))
    assert predict_batch(key, ROWS).shape == (5, 1)
    a, b = keras.Input((4,)), keras.Input((4,))
    added = keras.Model([a, b], keras.layers.Add()([a, b]))
    assert_array_equal(predict_batch(keep(added), [ROWS, ROWS]), 2 * ROWS)
    with pytest.raises(ValueError, match="incompatible"):
        predict_batch(keep(dense), ROWS[:, :3])


def test_r_gets_one_batch_and_many_alike(dense):
    key = keep(dense)
    rows = np.tile(ROWS, (20, 1))
    assert_array_equal(
        predict_model(key, rows, batch_size=8.0)[:5], predict_model(key, rows, batch_size=100.0)[:5]
    )
    assert kept(key) is dense
