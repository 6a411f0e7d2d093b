"""Data sets of Keras for R, from files on this machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_cnn import datasets

from ._dispatch import command

_PICTURES = {
    "mnist": datasets.load_mnist,
    "fashion_mnist": datasets.load_fashion_mnist,
    "cifar10": datasets.load_cifar10,
}
_TEXTS = {"imdb": datasets.load_imdb, "reuters": datasets.load_reuters}
_WORDS = {"imdb": datasets.load_imdb_word_index, "reuters": datasets.load_reuters_word_index}


@command
def read_pictures(name: str, path: str | None = None) -> dict[str, Any]:
    """Training and test pictures, with grey values or colours as integers."""
    parts = {}
    for part in ("train", "test"):
        read = _PICTURES[name](path, subset=part)
        parts[part] = {
            "x": read.images.astype(np.int32),
            "y": read.target.astype(np.int32),
        }
    return parts


@command
def read_texts(name: str, path: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Texts as word numbers, one after the other, with the length of each."""
    settings = {key: _whole(value) for key, value in settings.items()}
    train, test = _TEXTS[name](path, **settings)
    return {part: _flat(*texts) for part, texts in (("train", train), ("test", test))}


def _whole(value: Any) -> Any:
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _flat(texts: list[np.ndarray], labels: np.ndarray) -> dict[str, Any]:
    # One vector crosses much quicker than tens of thousands.
    flat = np.concatenate(texts) if texts else np.zeros(0)
    return {
        "words": flat.astype(np.int32),
        "lengths": np.array([len(text) for text in texts], dtype=np.int32),
        "y": np.asarray(labels).astype(np.int32),
    }


@command
def read_word_index(name: str, path: str | None = None) -> dict[str, Any]:
    """Words and their numbers."""
    index = _WORDS[name](path)
    return {"words": tuple(index), "numbers": np.array(list(index.values()), dtype=np.int32)}


@command
def read_boston_housing(path: str | None, test_split: float, seed: int) -> dict[str, Any]:
    """Features and prices."""
    train, test = datasets.load_boston_housing(path, test_split=float(test_split), seed=int(seed))
    return {
        part: {"x": np.asarray(x, dtype=np.float64), "y": np.asarray(y, dtype=np.float64)}
        for part, (x, y) in (("train", train), ("test", test))
    }
