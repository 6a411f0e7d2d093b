"""Keras's callbacks among the parameters."""

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_array_equal
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_iris

from sklearn_cnn import MLPClassifier
from sklearn_cnn.persistence import load, save

from ._holder import Holder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "archive.zip"


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.EarlyStopping(
            "loss", min_delta=0.1, patience=3, mode="min", restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, min_lr=0.01),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_a_callback_comes_back_with_its_settings(there_and_back, callback):
    for callbacks in ([callback], (callback,), callback):
        back = there_and_back(Holder(callbacks=callbacks), trusted=[Holder]).callbacks
        assert type(back) is type(callbacks)
        back = back if back.__class__ is callback.__class__ else back[0]
        settings = {key: item for key, item in vars(callback).items() if not key.startswith("_")}
        assert {key: vars(back)[key] for key in settings} == settings


def test_a_callback_that_has_run_comes_back_as_it_was_made(there_and_back):
    callback = keras.callbacks.EarlyStopping("loss", min_delta=0.1, patience=1)
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 1)), np.zeros(4), epochs=3, callbacks=[callback], verbose=0)
    back = there_and_back(Holder(callbacks=[callback]), trusted=[Holder]).callbacks[0]
    assert back.min_delta == 0.1
    assert back.monitor_op is None
    assert back.model is None


class OwnCallback(keras.callbacks.Callback):
    pass


@pytest.mark.parametrize(
    "lost",
    [
        OwnCallback(),
        OwnCallback,
        lambda: keras.callbacks.EarlyStopping(patience=1),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        keras.callbacks.History(),
    ],
    ids=["object", "class", "factory", "LambdaCallback", "LearningRateScheduler", "History"],
)
def test_a_callback_that_cannot_be_saved_is_left_out_with_a_warning(there_and_back, lost):
    name = getattr(lost, "__name__", type(lost).__name__)
    kept = keras.callbacks.TerminateOnNaN()
    with pytest.warns(UserWarning, match=f"A callback is left out of the file: {name}"):
        back = there_and_back(Holder(callbacks=[lost, kept]), trusted=[Holder])
    assert [type(callback) for callback in back.callbacks] == [keras.callbacks.TerminateOnNaN]
    with pytest.warns(UserWarning, match="A callback is left out"):
        assert there_and_back(Holder(callbacks=lost), trusted=[Holder]).callbacks is None


@pytest.mark.parametrize(
    ("callback", "target"),
    [
        (keras.callbacks.CSVLogger("{0}/log.csv", separator=";"), "filename"),
        (keras.callbacks.ModelCheckpoint("{0}/best.keras", save_best_only=True), "filepath"),
        (keras.callbacks.BackupAndRestore("{0}/backup"), "backup_dir"),
        (keras.callbacks.TensorBoard("{0}/logs"), "log_dir"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_callback_that_writes_files_needs_trust(path, callback, target):
    """Whoever made the file would choose what the next fit overwrites."""
    save(Holder(callbacks=[callback]), path)
    name = type(callback).__name__
    with pytest.warns(UserWarning, match=rf"{name} would write to .*keras\.callbacks\.{name}"):
        assert load(path, trusted=[Holder]).callbacks == []
    back = load(path, trusted=[Holder, type(callback)]).callbacks[0]
    assert getattr(back, target) == getattr(callback, target)


def test_a_callback_of_scikit_learn_is_left_out_with_a_warning(there_and_back):
    X, y = load_iris(return_X_y=True)
    network = MLPClassifier((3,), max_iter=300, tol=0.1, random_state=0)
    network.set_callbacks(ScoringMonitor(scoring="accuracy")).fit(X, y)
    with pytest.warns(UserWarning, match="A callback is left out of the file: ScoringMonitor"):
        back = there_and_back(network)
    assert_array_equal(back.predict(X), network.predict(X))
    back.fit(X, y)
