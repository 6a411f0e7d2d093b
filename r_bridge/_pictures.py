"""Picture files for R: read, resized, written.

Files are decoded by TensorFlow, whatever the backend of Keras is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command

CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


@command
def read_picture(
    path: str,
    color_mode: str = "rgb",
    size: Any = None,
    interpolation: str = "nearest",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
) -> np.ndarray:
    """Values from 0 to 255, of shape (height, width, channels)."""
    import tensorflow as tf

    try:
        picture = tf.io.decode_image(
            tf.io.read_file(path), channels=CHANNELS[color_mode], expand_animations=False
        )
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"There is no picture '{path}'.") from error
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"'{path}' cannot be read as a picture: PNG, JPEG, GIF and BMP are known, and four "
            f"channels in PNG alone. ({str(error.message).splitlines()[0]})"
        ) from error
    if size is None:
        return picture.numpy().astype(np.float32)
    return resized(
        picture.numpy(),
        size,
        interpolation,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio,
    )


def resized(picture: np.ndarray, size: Any, interpolation: str, **how: bool) -> np.ndarray:
    """One picture, or several, of another height and width."""
    keras = import_keras()
    height, width = (int(length) for length in np.ravel(size))
    found = keras.ops.image.resize(
        picture.astype(np.float32),
        (height, width),
        interpolation=interpolation,
        data_format="channels_last",
        **how,
    )
    return keras.ops.convert_to_numpy(found).astype(np.float32)


@command
def resize_picture(x: np.ndarray, size: Any, interpolation: str = "bilinear") -> np.ndarray:
    """An array of a picture, or of several, in another size."""
    return resized(np.asarray(x), size, interpolation)


@command
def write_picture(x: np.ndarray, path: str, file_format: str, scale: bool) -> None:
    """Write values from 0 to 255, or, scaled, from the least to the largest, to a file."""
    import tensorflow as tf

    x = np.asarray(x, dtype=np.float32)
    if scale:
        x = x - x.min()
        x = x * (255 / x.max()) if x.max() > 0 else x
    pixels = tf.constant(np.clip(np.rint(x), 0, 255).astype(np.uint8))
    if file_format == "png":
        content = tf.io.encode_png(pixels)
    else:
        content = tf.io.encode_jpeg(pixels, quality=95)
    Path(path).write_bytes(content.numpy())
