"""Descriptions of Keras objects that R sends."""

import random

import numpy as np
import pytest

from r_bridge import _keras_objects as objects


def described(keras_class, **arguments):
    return {"keras_class": keras_class, "arguments": arguments}


def test_numbers_of_r_become_the_kinds_that_keras_wants():
    layer = objects.made(
        described(
            "layers.Conv2D",
            filters=4.0,
            kernel_size=np.array([3.0, 3.0]),
            kernel_regularizer=described("regularizers.L2", l2=1.0),
        )
    )
    assert (layer.filters, layer.kernel_size) == (4, (3, 3))
    assert float(layer.kernel_regularizer.l2) == 1.0
    assert isinstance(objects.made(described("optimizers.SGD", learning_rate=1)).momentum, float)


def test_axes_count_from_1_where_rows_are_a_dimension():
    assert objects.made(described("layers.Concatenate", axis=2.0)).axis == 1
    assert objects.made(described("layers.Concatenate", axis=-1.0)).axis == -1
    assert objects.made(described("constraints.MaxNorm", axis=0.0)).axis == 0
    with pytest.raises(ValueError, match="counts from 1"):
        objects.made(described("layers.Concatenate", axis=0.0))


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (784.0, (784,)),
        (np.array([28.0, 28.0, 1.0]), (28, 28, 1)),
        ([None, 10.0], (None, 10)),
        (np.array([np.nan, 3.0]), (None, 3)),
        (np.ma.array([1, 3], mask=[True, False]), (None, 3)),
        ([], ()),
    ],
)
def test_shapes_are_read_from_what_r_users_write(value, shape):
    assert objects.shape_of(value) == shape


@pytest.mark.parametrize("name", ["saving.load_model", "utils.get_file", "layers", "os.system"])
def test_only_classes_of_keras_can_be_named(name):
    with pytest.raises(LookupError):
        objects.class_of(name)


def test_a_decay_is_the_schedule_of_older_editions():
    optimizer = objects.made(described("optimizers.SGD", learning_rate=0.1, decay=0.5))
    optimizer.build([])
    optimizer.iterations.assign(4)
    assert float(optimizer.learning_rate) == pytest.approx(0.1 / (1 + 0.5 * 4))


def test_a_key_of_another_process_is_an_error_of_its_own():
    key = objects.keep("something")
    assert objects.kept(key) == "something"
    objects.release(key)
    with pytest.raises(objects.NotKept, match="define it again"):
        objects.kept(key)


def test_seeding_leaves_python_s_own_stream_alone():
    random.seed(1)
    before = random.getstate()
    with objects.seeded(5):
        first = random.random()
    assert random.getstate() == before
    with objects.seeded(5):
        assert random.random() == first


def test_what_is_beside_an_object_goes_when_it_changes_or_is_released():
    key = objects.keep("something")
    objects.beside(key)["worked out"] = 1
    assert objects.beside(key) == {"worked out": 1}
    assert objects.keep("another", key) == key
    assert (objects.kept(key), objects.beside(key)) == ("another", {})
    objects.release(key)
    with pytest.raises(objects.NotKept):
        objects.beside(key)
