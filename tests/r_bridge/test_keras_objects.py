"""Descriptions of Keras objects that R sends."""

import gc
import os
import random
from pathlib import Path

import numpy as np
import pytest

from r_bridge import _keras_objects as objects
from r_bridge._model_structure import add_layer, new_sequential

STATM = Path("/proc/self/statm")


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


@pytest.mark.skipif(not STATM.exists(), reason="no /proc")
def test_models_that_are_released_leave_no_memory():
    """TensorFlow holds 140 KB of each, more than 30 MB in all, until it is told to forget."""

    def define_and_release(n):
        for _ in range(n):
            reply = new_sequential()
            for units in (8.0, 3.0):
                of_input = {"input_shape": 4.0} if units == 8 else {}
                add_layer(reply["key"], described("layers.Dense", units=units, **of_input))
            objects.release(reply["key"])
        gc.collect()
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = define_and_release(128)
    assert define_and_release(256) - before < 10
