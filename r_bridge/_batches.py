"""Batches of rows that R describes and Keras trains on: pictures of folders, windows of series.

A batch depends on a seed and on its number alone. So R can look at any of them, a fit can be
repeated, and it does not matter in which thread Keras asks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Protocol

import numpy as np

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import keep, kept


class Source(Protocol):
    """Where rows come from."""

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def take(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Inputs, then targets and weights where there are any; `rng` changes them at random."""
        ...


@dataclass(frozen=True, eq=False)
class Batches:
    """Rows of a source, some at a time.

    Parameters
    ----------
    source : Source
    batch_size : int
        Rows of a batch; the last of an epoch may be smaller.
    shuffle : bool
        Whether each epoch has an order of its own.
    seed : int
        Draws orders and changes, unless a fit brings another one.
    seed_is_given : bool
        Whether the user chose the seed: then fits keep it.
    about : dict
        What R shows.
    """

    source: Source
    batch_size: int
    shuffle: bool
    seed: int
    seed_is_given: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.source) // self.batch_size)

    def batch(
        self, number: int, seed: int | None = None, *, in_order: bool = False
    ) -> tuple[np.ndarray, ...]:
        """The batch of a number from 0; after the last one come those of the next epoch."""
        return self.source.take(*self.drawn(number, seed, in_order=in_order))

    def drawn(
        self, number: int, seed: int | None = None, *, in_order: bool = False
    ) -> tuple[np.ndarray, np.random.Generator]:
        """Rows of a batch, and what draws their changes."""
        seed = self.seed if seed is None or self.seed_is_given else seed
        epoch, place = divmod(number, self.n_batches)
        n_rows = len(self.source)
        shuffled = self.shuffle and not in_order
        order = _order(n_rows, seed, epoch) if shuffled else np.arange(n_rows)
        rows = order[place * self.batch_size : (place + 1) * self.batch_size]
        return rows, np.random.default_rng([seed, epoch, 1 + place])


@lru_cache(maxsize=4)
def _order(n_rows: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, 0]).permutation(n_rows)


def handed_over(source: Source, settings: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """Keep batches for R, which learns their key and what they consist of.

    `settings` has `batch_size`, `shuffle`, `seed` and `seed_is_given`.
    """
    batches = Batches(
        source,
        int(settings["batch_size"]),
        bool(settings["shuffle"]),
        int(settings["seed"]),
        bool(settings["seed_is_given"]),
    )
    about = {"n": len(source), "n_batches": batches.n_batches} | about
    return {"key": keep(batches), "about": about}


@command
def know_batches(key: str) -> None:
    """Fail where the batches have to be described again."""
    kept(key)


@command
def batch_of(key: str, number: int, seed: Any = None, in_order: bool = False) -> list[np.ndarray]:
    """A batch, as a list of arrays."""
    seed = None if seed is None else int(seed)
    return list(kept(key).batch(int(number), seed, in_order=in_order))


@cache
def _feed_class() -> type:
    dataset: Any = import_keras().utils.PyDataset

    class Feed(dataset):
        """Batches one after the other: without end, or so many."""

        def __init__(self, batches: Batches, n: int | None, **how: Any):
            super().__init__()
            self._batches, self._n, self._how = batches, n, how
            self.inputs_only = False
            self.failure: Exception | None = None

        @property
        def num_batches(self) -> int | None:
            return self._n

        def __getitem__(self, number: int) -> Any:
            try:
                parts = self._batches.batch(number, **self._how)
            except Exception as error:
                # TensorFlow would hide it behind a page of its own.
                self.failure = error
                raise
            return parts[:1] if self.inputs_only else parts

    return Feed


def endless(batches: Batches, seed: int | None) -> Any:
    """All batches, epoch after epoch, as a fit of this seed sees them."""
    return _feed_class()(batches, None, seed=seed)


def once(batches: Batches, steps: Any = None) -> Any:
    """One epoch, or its first `steps` batches, with the changes of the batches' own seed."""
    n = batches.n_batches if steps is None else int(steps)
    return _feed_class()(batches, n, in_order=n % batches.n_batches == 0)


def inputs_in_order(batches: Batches, steps: Any = None) -> Any:
    """Inputs alone, row after row: what is predicted for them can be put beside them."""
    n = batches.n_batches if steps is None else int(steps)
    feed = _feed_class()(batches, n, in_order=True)
    feed.inputs_only = True
    return feed


@contextlib.contextmanager
def failures_of(*feeds: Any) -> Iterator[None]:
    """Raise what went wrong in a batch as it was raised there."""
    try:
        yield
    except Exception as error:
        for feed in feeds:
            if (failure := getattr(feed, "failure", None)) is not None:
                raise failure from error
        raise
