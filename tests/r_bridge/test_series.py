"""Windows of series are those of Keras."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from r_bridge._keras_objects import kept
from r_bridge._series import windows_before_targets, windows_of_series
from sklearn_cnn import import_keras

SETTINGS = {"batch_size": 5, "shuffle": False, "seed": 1, "seed_is_given": False}
DATA = np.arange(60.0).reshape(30, 2)
TARGETS = np.arange(30.0) + 100


def epoch(reply):
    them = kept(reply["key"])
    parts = [them.batch(number) for number in range(them.n_batches)]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


@pytest.mark.parametrize(
    "settings",
    [
        {"sequence_length": 4},
        {"sequence_length": 3, "sequence_stride": 2},
        {"sequence_length": 4, "sampling_rate": 3},
        {"sequence_length": 3, "start_index": 5, "end_index": 20},
        {"sequence_length": 2, "sequence_stride": 3, "sampling_rate": 2, "start_index": 1},
    ],
)
def test_windows_and_targets_are_those_of_keras(settings):
    keras = import_keras()
    dataset = keras.utils.timeseries_dataset_from_array(DATA, TARGETS, batch_size=5, **settings)
    oracle = [np.concatenate(part) for part in zip(*[(x, y) for x, y in dataset], strict=True)]
    usual = {"sequence_stride": 1, "sampling_rate": 1, "start_index": None, "end_index": None}
    ours = epoch(windows_of_series(DATA, TARGETS, **usual | settings, settings=SETTINGS))
    for part, expected in zip(ours, oracle, strict=True):
        assert_array_equal(part, expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"length": 4},
        {"length": 6, "sampling_rate": 2, "stride": 3},
        {"length": 3, "start_index": 4, "end_index": 20, "reverse": True},
    ],
)
def test_windows_before_targets_are_those_of_keras(settings):
    tf = pytest.importorskip("tensorflow")
    generator = tf.keras.preprocessing.sequence.TimeseriesGenerator(
        DATA, TARGETS, batch_size=5, **settings
    )
    batches = [generator[number] for number in range(len(generator))]
    oracle = [np.concatenate(part) for part in zip(*batches, strict=True)]
    usual = {
        "sampling_rate": 1, "stride": 1, "start_index": 0, "end_index": None, "reverse": False,
    }  # fmt: skip
    ours = epoch(windows_before_targets(DATA, TARGETS, **usual | settings, settings=SETTINGS))
    for part, expected in zip(ours, oracle, strict=True):
        assert_array_equal(part, expected)


def test_windows_that_do_not_fit_are_an_error():
    usual = {"sequence_stride": 1, "sampling_rate": 10, "settings": SETTINGS}
    with pytest.raises(ValueError, match="A window takes 31 steps, but there are 30 of data"):
        windows_of_series(DATA, None, 4, start_index=None, end_index=None, **usual)
    with pytest.raises(ValueError, match="Got 20 and 10"):
        windows_of_series(DATA, None, 2, start_index=20, end_index=10, **usual)
    with pytest.raises(ValueError, match="data has 30 steps, but targets has 3"):
        windows_before_targets(DATA, TARGETS[:3], 2, 1, 1, 0, None, False, SETTINGS)
    with pytest.raises(ValueError, match="no window is left"):
        windows_before_targets(DATA, TARGETS, 30, 1, 1, 0, None, False, SETTINGS)
