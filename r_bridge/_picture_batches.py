"""Pictures for R in batches: of arrays, of the folders of a folder, of files in a table."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ._augmentation import Augmentation
from ._batches import Batches, handed_over
from ._dispatch import command
from ._keras_objects import kept
from ._pictures import CHANNELS, read_picture, write_picture

_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


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
    saved : dict, default=None
        ``directory``, ``prefix`` and ``format`` of the files that all pictures are written to, as
        they come into batches.
    """

    n: int
    read: Callable[[np.ndarray], np.ndarray]
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    augmentation: Augmentation | None = None
    pictures_are_targets: bool = False
    saved: dict[str, str] | None = None

    def __len__(self) -> int:
        return self.n

    def take(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Pictures, changed at random, and what belongs to them."""
        return self.finished(self.changed(rows, rng), rows, rng)

    def changed(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pictures, changed at random, and not standardised yet."""
        x = self.read(rows)
        return x if self.augmentation is None else self.augmentation.changed(x, rng)

    def finished(
        self, x: np.ndarray, rows: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Changed pictures, standardised, and what belongs to them."""
        if self.augmentation is not None:
            x = self.augmentation.standardized(x)
        if self.saved is not None:
            self._save(x, rows, rng)
        if self.pictures_are_targets:
            return x, x
        return (x, *[part[rows] for part in (self.targets, self.weights) if part is not None])

    def _save(self, x: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> None:
        """Under names of Keras's form; the number at the end tells changes of a picture apart."""
        assert self.saved is not None
        for picture, row, number in zip(x, rows, rng.integers(10**7, size=len(x)), strict=True):
            name = f"{self.saved['prefix']}_{row}_{number}.{self.saved['format']}"
            kind = "png" if self.saved["format"] == "png" else "jpeg"
            write_picture(picture, os.path.join(self.saved["directory"], name), kind, True)


def _read_files(paths: list[str], how: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    return np.stack([read_picture(paths[row], **how) for row in rows])


def _read_array(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return x[rows].astype(np.float32)


@command
def changed_batch(key: str, number: int, seed: Any = None, in_order: bool = False) -> np.ndarray:
    """Pictures of a batch that R changes further, each by itself."""
    batches = kept(key)
    return batches.source.changed(*_drawn(batches, number, seed, in_order))


@command
def finished_batch(
    key: str, x: np.ndarray, number: int, seed: Any = None, in_order: bool = False
) -> list[np.ndarray]:
    """The batch, with the pictures that R has changed."""
    batches = kept(key)
    x = np.asarray(x, dtype=np.float32)
    return list(batches.source.finished(x, *_drawn(batches, number, seed, in_order)))


def _drawn(
    batches: Batches, number: int, seed: Any, in_order: bool
) -> tuple[np.ndarray, np.random.Generator]:
    return batches.drawn(int(number), None if seed is None else int(seed), in_order=in_order)


@command
def flow_from_arrays(
    x: np.ndarray,
    y: np.ndarray | None,
    sample_weight: np.ndarray | None,
    generator: dict[str, Any],
    subset: str | None,
    settings: dict[str, Any],
    saved: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Batches of an array of pictures."""
    kept_rows = _subset(len(x), generator.get("validation_split"), subset)
    x = x[kept_rows]
    y, weights = (None if p is None else p[kept_rows] for p in (y, sample_weight))
    source = Pictures(
        len(x), partial(_read_array, x), y, weights, Augmentation(generator), saved=saved
    )
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
    saved: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Batches of the pictures in the folders of a folder, one a class."""
    names = _classes_in(directory, classes)
    listed = [_pictures_in(Path(directory, name), follow_links) for name in names]
    share = generator.get("validation_split")
    listed = [paths[_subset(len(paths), share, subset)] for paths in listed]
    paths = [path for of_class in listed for path in of_class]
    _check_found(paths, directory)
    numbers = np.repeat(np.arange(len(names)), [len(of_class) for of_class in listed])
    _check_two("class_mode", class_mode, names, f"'{directory}'")
    source = Pictures(
        len(paths),
        partial(_read_files, paths, _reading(pictures)),
        _targets(numbers, len(names), _OF_CLASS_MODE.get(class_mode)),
        augmentation=Augmentation(generator),
        pictures_are_targets=class_mode == "input",
        saved=saved,
    )
    return handed_over(source, settings, _about(directory, paths, names, numbers, pictures))


@command
def flow_from_table(
    directory: str,
    paths: Any,
    names: Any,
    numbers: Any,
    values: np.ndarray | None,
    generator: dict[str, Any],
    class_mode: str | None,
    subset: str | None,
    pictures: dict[str, Any],
    settings: dict[str, Any],
    saved: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Batches of the pictures of some files, with classes, or with values of their own."""
    rows = _subset(len(paths), generator.get("validation_split"), subset)
    paths = [str(path) for path in np.atleast_1d(paths)[rows]]
    targets, about_classes = None, (None, None)
    if values is not None:
        targets = values[rows]
    elif names is not None:
        names = [str(name) for name in np.atleast_1d(names)]
        _check_two("class_mode", class_mode, names, "the table")
        numbers = np.atleast_1d(numbers)[rows].astype(int)
        targets = _targets(numbers, len(names), _OF_CLASS_MODE.get(class_mode))
        about_classes = (names, numbers)
    source = Pictures(
        len(paths),
        partial(_read_files, paths, _reading(pictures)),
        targets,
        augmentation=Augmentation(generator),
        pictures_are_targets=class_mode == "input",
        saved=saved,
    )
    return handed_over(source, settings, _about(directory, paths, *about_classes, pictures))


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
    _check_two("label_mode", label_mode, names, f"'{directory}'")
    targets = None
    if numbers is not None:
        targets = _targets(numbers, len(names), _OF_LABEL_MODE.get(label_mode))
    source = Pictures(len(paths), partial(_read_files, paths, _reading(pictures)), targets)
    about = _about(directory, paths, None if numbers is None else names, numbers, pictures)
    return handed_over(source, settings, about)


# What the modes of Keras's generators and of its data sets make of class numbers.
_OF_CLASS_MODE: dict[str | None, str] = {
    "categorical": "columns",
    "binary": "floats",
    "sparse": "floats",
}
_OF_LABEL_MODE: dict[str | None, str] = {
    "categorical": "columns",
    "binary": "column",
    "int": "integers",
}


def _targets(numbers: np.ndarray, n_classes: int, form: str | None) -> np.ndarray | None:
    match form:
        case "integers":
            return numbers.astype(np.int32)
        case "floats":
            return numbers.astype(np.float32)
        case "column":
            return numbers.astype(np.float32)[:, None]
        case "columns":
            return np.eye(n_classes, dtype=np.float32)[numbers]
    return None


def _check_two(argument: str, mode: str | None, names: list[str], owner: str) -> None:
    if mode == "binary" and len(names) != 2:
        raise ValueError(
            f'{argument} = "binary" needs two classes, but {owner} has {len(names)}: '
            f"{', '.join(names)}."
        )


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
    shape = (height, width, CHANNELS[pictures["color_mode"]])
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
