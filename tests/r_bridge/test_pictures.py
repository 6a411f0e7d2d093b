"""Picture files are written and read."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from r_bridge._pictures import read_picture, resize_picture, write_picture


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_comes_back_from_its_file(tmp_path, channels):
    path = str(tmp_path / "picture.png")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.float32)
    write_picture(pixels, path, "png", False)
    mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
    assert_array_equal(read_picture(path, mode), pixels)
    write_picture(pixels / 255 - 3, path, "png", True)
    low, high = pixels.min(), pixels.max()
    assert_allclose(read_picture(path, mode), (pixels - low) / (high - low) * 255, atol=0.51)


def test_jpeg_keeps_a_smooth_picture(tmp_path):
    path = str(tmp_path / "picture.jpg")
    smooth = np.add.outer(np.arange(16.0), np.arange(16.0))[..., None] * 8 * np.ones(3)
    write_picture(smooth, path, "jpeg", False)
    assert_allclose(read_picture(path), smooth, atol=6)


def test_what_is_no_picture_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no picture '.*none\.png'"):
        read_picture(str(tmp_path / "none.png"))
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(ValueError, match=r"words\.png' cannot be read as a picture"):
        read_picture(str(tmp_path / "words.png"))


def test_nearest_scaling_repeats_pixels():
    x = np.arange(4.0).reshape(2, 2, 1)
    assert_array_equal(
        resize_picture(x, np.array([4, 4]), "nearest")[..., 0],
        np.kron(x[..., 0], np.ones((2, 2))),
    )
