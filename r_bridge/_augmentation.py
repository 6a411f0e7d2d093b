"""Random changes of pictures, and their standardisation, as `ImageDataGenerator` describes them.

Keras has that class only as a legacy, which draws from NumPy's global stream and exchanges shifts
of height and width. Its settings are taken over; the geometry is done by `keras.ops`, for a whole
batch at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command

_EPSILON = 1e-6  # added to standard deviations, as in Keras
_STATISTICS = ("mean", "deviation", "whitening")


class Augmentation:
    """What happens to pictures on their way into a batch.

    Parameters
    ----------
    settings : dict
        Those of R's `image_data_generator()`, and the statistics of `fit_image_data_generator()`.
    """

    def __init__(self, settings: dict[str, Any]):
        self._settings = settings

    def __call__(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Change float32 pictures (n, height, width, channels) at random, then standardise them."""
        return self.standardized(self.changed(pictures, rng))

    def changed(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rotate, shift, shear, zoom, then change colours and flip."""
        n, height, width, _ = pictures.shape
        matrices = self._matrices(n, height, width, rng)
        if matrices is not None:
            pictures = self._moved(pictures, matrices)
        if shift := self._number("channel_shift_range"):
            low, high = (f(pictures, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
            pictures = np.clip(
                pictures + _of_each(rng.uniform(-shift, shift, size=(n,))), low, high
            )
        for name, axis in (("horizontal_flip", 2), ("vertical_flip", 1)):
            if self._settings.get(name):
                flipped = rng.random((n,)) < 0.5
                turned = np.flip(pictures, axis)
                pictures = np.where(_of_each(flipped), turned, pictures)
        if (brightness := self._settings.get("brightness_range")) is not None:
            low, high = np.ravel(brightness)
            pictures = np.clip(pictures * _of_each(rng.uniform(low, high, size=(n,))), 0, 255)
        return pictures.astype(np.float32, copy=False)

    def _matrices(
        self, n: int, height: int, width: int, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Where each pixel of a changed picture comes from: (x, y, 1) to (x, y, 1).

        x counts columns and y rows.
        """
        angle = np.deg2rad(self._spread("rotation_range", n, rng))
        across = self._shift("width_shift_range", width, n, rng)
        down = self._shift("height_shift_range", height, n, rng)
        shear = np.deg2rad(self._spread("shear_range", n, rng))
        low, high = self._zoom()
        zoom = np.ones((2, n)) if low == high == 1 else rng.uniform(low, high, (2, n))
        if not (angle.any() or across.any() or down.any() or shear.any() or (zoom != 1).any()):
            return None
        zero, one = np.zeros(n), np.ones(n)
        middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
        rotate = [[np.cos(angle), -np.sin(angle), zero], [np.sin(angle), np.cos(angle), zero]]
        move = [[one, zero, across], [zero, one, down]]
        slant = [[one, -np.sin(shear), zero], [zero, np.cos(shear), zero]]
        scale = [[zoom[0], zero, zero], [zero, zoom[1], zero]]
        last = [zero, zero, one]
        product = middle
        for parts in (rotate, move, slant, scale):
            product = product @ np.moveaxis(np.array([*parts, last]), -1, 0)
        return product @ np.linalg.inv(middle)

    def _moved(self, pictures: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        keras = import_keras()
        moved = keras.ops.image.affine_transform(
            pictures,
            matrices.reshape(-1, 9)[:, :8].astype(np.float32),
            interpolation="bilinear",
            fill_mode=self._settings.get("fill_mode") or "nearest",
            fill_value=self._number("cval"),
            data_format="channels_last",
        )
        return keras.ops.convert_to_numpy(moved)

    def _number(self, name: str) -> float:
        return float(self._settings.get(name) or 0)

    def _spread(self, name: str, n: int, rng: np.random.Generator) -> np.ndarray:
        most = self._number(name)
        return rng.uniform(-most, most, n) if most else np.zeros(n)

    def _shift(self, name: str, size: int, n: int, rng: np.random.Generator) -> np.ndarray:
        """In pixels: a share of the size below 1, whole pixels from there on; one of several."""
        value = self._settings.get(name)
        if value is None or not np.any(value):
            return np.zeros(n)
        unit = size if np.max(value) < 1 else 1
        if np.ndim(value):
            return rng.choice(np.ravel(value), n) * rng.choice([-1, 1], n) * unit
        return rng.uniform(-value, value, n) * unit

    def _zoom(self) -> tuple[float, float]:
        value = self._settings.get("zoom_range")
        if value is None:
            return 1.0, 1.0
        if np.ndim(value):
            low, high = np.ravel(value)
            return float(low), float(high)
        return 1 - float(value), 1 + float(value)

    def standardized(self, pictures: np.ndarray) -> np.ndarray:
        """Scale and centre pictures, by their own values or by those of the fitted data."""
        settings = self._settings
        if settings.get("rescale"):
            pictures = pictures * np.float32(settings["rescale"])
        if settings.get("samplewise_center"):
            pictures = pictures - pictures.mean(axis=(1, 2, 3), keepdims=True)
        if settings.get("samplewise_std_normalization"):
            pictures = pictures / (pictures.std(axis=(1, 2, 3), keepdims=True) + _EPSILON)
        if settings.get("mean") is not None:
            pictures = pictures - np.float32(np.atleast_1d(settings["mean"]))
        if settings.get("deviation") is not None:
            pictures = pictures / (np.float32(np.atleast_1d(settings["deviation"])) + _EPSILON)
        if settings.get("whitening") is not None:
            flat = pictures.reshape(len(pictures), -1) @ np.float32(settings["whitening"])
            pictures = flat.reshape(pictures.shape)
        return pictures.astype(np.float32, copy=False)

    def fitted(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Statistics of pictures that the settings ask for, by channel."""
        settings, found = self._settings, {}
        if settings.get("featurewise_center"):
            found["mean"] = pictures.mean(axis=(0, 1, 2))
            pictures = pictures - found["mean"]
        if settings.get("featurewise_std_normalization"):
            found["deviation"] = pictures.std(axis=(0, 1, 2))
            pictures = pictures / (found["deviation"] + _EPSILON)
        if settings.get("zca_whitening"):
            flat = pictures.reshape(len(pictures), -1)
            vectors, values, _ = np.linalg.svd(flat.T, full_matrices=False)
            scale = np.sqrt(len(flat)) / (values + self._number("zca_epsilon"))
            found["whitening"] = (vectors * scale) @ vectors.T
        return found


def _of_each(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 1, 1, 1).astype(np.float32 if values.dtype.kind == "f" else bool)


@command
def statistics_of_pictures(
    settings: dict[str, Any], x: np.ndarray, augment: bool, rounds: int, seed: int
) -> dict[str, np.ndarray]:
    """What a generator has to know of the pictures that it is to standardise."""
    plain = {name: value for name, value in settings.items() if name not in _STATISTICS}
    x = np.asarray(x, dtype=np.float32)
    if rescale := plain.get("rescale"):
        x = x * np.float32(rescale)
    augmentation = Augmentation(plain)
    if augment:
        rng = np.random.default_rng(int(seed))
        x = np.concatenate([augmentation.changed(x, rng) for _ in range(int(rounds))])
    return augmentation.fitted(x)
