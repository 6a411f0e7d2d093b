"""Known networks of pictures, whose weights may have to be downloaded."""

import urllib.error

import pytest

from r_bridge._applications import known_network


def test_weights_that_cannot_be_downloaded_are_named(monkeypatch, tmp_path):
    def offline(*_):
        raise urllib.error.URLError("offline")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", offline)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"put vgg16_\w+\.h5 from https.*weights = NULL"):
        known_network("VGG16", {"weights": "imagenet"})


def test_settings_that_keras_refuses_are_keras_own_error():
    with pytest.raises(ValueError, match="weights"):
        known_network("VGG16", {"weights": "no-such"})
