"""Picture files for R: read, written, and listed by the folders that they lie in.

Files are decoded by TensorFlow, whatever the backend of Keras is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_cnn import import_keras

from ._augmentation import Augmentation
from ._batches import handed_over
from ._dispatch import command

_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


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
            tf.io.read_file(path), channels=_CHANNELS[color_mode], expand_animations=False
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


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures, with what is said of each.

    Parameters
    ----------
    n : int
    read : callable
        Pictures of row numbers, a float32 array of shape (rows, height, width, channels).
    targets, weights : ndarray of shape (n, ...), default=None
    augmentation : Augmentation, default=None
    pictures_are_targets : bool, default=False
        For autoencoders.
    """

    n: int
    read: Callable[[np.ndarray], np.ndarray]
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    augmentation: Augmentation | None = None
    pictures_are_targets: bool = False

    def __len__(self) -> int:
        return self.n

    def take(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Pictures, changed at random, and what belongs to them."""
        x = self.read(rows)
        if self.augmentation is not None:
            x = self.augmentation(x, rng)
        if self.pictures_are_targets:
            return x, x
        parts = (x, *[part[rows] for part in (self.targets, self.weights) if part is not None])
        return parts


def _read_files(paths: list[str], how: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    return np.stack([read_picture(paths[row], **how) for row in rows])


def _read_array(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return x[rows].astype(np.float32)


@command
def flow_from_arrays(
    x: np.ndarray,
    y: np.ndarray | None,
    sample_weight: np.ndarray | None,
    generator: dict[str, Any],
    subset: str | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Batches of an array of pictures."""
    kept_rows = _subset(len(x), generator.get("validation_split"), subset)
    x = x[kept_rows]
    y, weights = (None if p is None else p[kept_rows] for p in (y, sample_weight))
    source = Pictures(len(x), partial(_read_array, x), y, weights, Augmentation(generator))
    return handed_over(source, settings, {"image_shape": _dimensions(x.shape[1:])})


def _subset(n: int, share: Any, subset: str | None) -> slice:
    """The first rows are for validation, as in Keras's generators."""
    if subset is None:
        return slice(None)
    if not share:
        raise ValueError("subset needs a generator with validation_split.")
    n_validation = int(n * float(share))
    return slice(None, n_validation) if subset == "validation" else slice(n_validation, None)


def _dimensions(shape: tuple[int, ...]) -> np.ndarray:
    return np.array(shape, dtype=np.int32)


@command
def flow_from_directory(
    directory: str,
    generator: dict[str, Any],
    classes: Any,
    class_mode: str | None,
    subset: str | None,
    follow_links: bool,
    pictures: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Batches of the pictures in the folders of a folder, one a class."""
    names = _classes_in(directory, classes)
    listed = [_pictures_in(Path(directory, name), follow_links) for name in names]
    share = generator.get("validation_split")
    listed = [paths[_subset(len(paths), share, subset)] for paths in listed]
    paths = [path for of_class in listed for path in of_class]
    _check_found(paths, directory)
    numbers = np.repeat(np.arange(len(names)), [len(of_class) for of_class in listed])
    if class_mode == "binary" and len(names) != 2:
        raise ValueError(
            f"class_mode = \"binary\" needs two classes, but '{directory}' has {len(names)}: "
            f"{', '.join(names)}."
        )
    as_numbers = class_mode in ("binary", "sparse")
    source = Pictures(
        len(paths),
        partial(_read_files, paths, _reading(pictures)),
        numbers.astype(np.float32) if as_numbers else _one_hot(numbers, len(names), class_mode),
        augmentation=Augmentation(generator),
        pictures_are_targets=class_mode == "input",
    )
    return handed_over(source, settings, _about(directory, paths, names, numbers, pictures))


@command
def dataset_from_directory(
    directory: str,
    labels: Any,
    label_mode: str | None,
    class_names: Any,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    pictures: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Batches of the pictures in folders, as `keras.utils.image_dataset_from_directory` has them.

    The parts for training and validation are Keras's too.
    """
    inferred = isinstance(labels, str)
    names = _classes_in(directory, class_names) if inferred else [""]
    listed = [_pictures_in(Path(directory, name), follow_links) for name in names]
    paths = [path for of_class in listed for path in of_class]
    _check_found(paths, directory)
    numbers = None
    if inferred:
        numbers = np.repeat(np.arange(len(names)), [len(of_class) for of_class in listed])
    elif labels is not None:
        numbers = np.atleast_1d(labels).astype(int)
        if len(numbers) != len(paths):
            raise ValueError(
                f"labels has {len(numbers)} numbers, but there are {len(paths)} pictures in "
                f"'{directory}': one is needed for each, in the order of the files' names."
            )
        names = [str(label) for label in sorted(set(numbers.tolist()))]
    if validation_split:
        order = np.arange(len(paths))
        if settings["shuffle"]:
            np.random.RandomState(int(settings["seed"])).shuffle(order)
        n_validation = int(float(validation_split) * len(order))
        first = len(order) - n_validation
        order = order[first:] if subset == "validation" else order[:first]
        paths = [paths[row] for row in order]
        numbers = None if numbers is None else numbers[order]
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(
            f"label_mode = \"binary\" needs two classes, but '{directory}' has {len(names)}: "
            f"{', '.join(names)}."
        )
    targets = None
    if numbers is not None and label_mode is not None:
        targets = _labels(numbers, len(names), label_mode)
    source = Pictures(len(paths), partial(_read_files, paths, _reading(pictures)), targets)
    about = _about(directory, paths, None if numbers is None else names, numbers, pictures)
    return handed_over(source, settings, about)


def _labels(numbers: np.ndarray, n_classes: int, label_mode: str) -> np.ndarray:
    if label_mode == "int":
        return numbers.astype(np.int32)
    if label_mode == "binary":
        return numbers.astype(np.float32)[:, None]
    return np.eye(n_classes, dtype=np.float32)[numbers]


def _one_hot(numbers: np.ndarray, n_classes: int, class_mode: str | None) -> np.ndarray | None:
    return np.eye(n_classes, dtype=np.float32)[numbers] if class_mode == "categorical" else None


def _reading(pictures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in pictures.items() if value is not None}


def _about(
    directory: str,
    paths: list[str],
    names: list[str] | None,
    numbers: np.ndarray | None,
    pictures: dict[str, Any],
) -> dict[str, Any]:
    height, width = (int(length) for length in np.ravel(pictures["size"]))
    shape = (height, width, _CHANNELS[pictures["color_mode"]])
    return {
        "image_shape": _dimensions(shape),
        "filepaths": tuple(paths),
        "filenames": tuple(os.path.relpath(path, directory) for path in paths),
        "class_names": None if names is None else np.array(names, dtype=object),
        "classes": None if numbers is None else np.atleast_1d(numbers.astype(np.int32)),
    }


def _classes_in(directory: str, wanted: Any) -> list[str]:
    if not Path(directory).is_dir():
        raise FileNotFoundError(f"There is no folder '{directory}'.")
    found = sorted(
        entry.name
        for entry in Path(directory).iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if wanted is None:
        return found
    names = [str(name) for name in np.atleast_1d(wanted)]
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ValueError(
            f"'{directory}' has no folder {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(found) or 'none'}."
        )
    return names


def _pictures_in(folder: Path, follow_links: bool) -> list[str]:
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder '{folder}'.")
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda step: step[0])
    return [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(_FORMATS)
    ]


def _check_found(paths: list[str], directory: str) -> None:
    if not paths:
        raise ValueError(
            f"'{directory}' has no pictures ({', '.join(_FORMATS)}) in folders of classes."
        )
