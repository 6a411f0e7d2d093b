"""Windows of time series for R."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._batches import handed_over
from ._dispatch import command


@dataclass(frozen=True, eq=False)
class Windows:
    """Steps of a series, seen from some of them.

    Parameters
    ----------
    data : ndarray of shape (steps, ...)
    starts : ndarray of int
        The first step of each window.
    steps : ndarray of int
        Which steps a window has, counted from its first.
    targets : ndarray of shape (windows, ...), default=None
    """

    data: np.ndarray
    starts: np.ndarray
    steps: np.ndarray
    targets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Windows and their targets."""
        x = self.data[self.starts[rows, None] + self.steps]
        return (x,) if self.targets is None else (x, self.targets[rows])


@command
def windows_of_series(
    data: np.ndarray,
    targets: np.ndarray | None,
    sequence_length: int,
    sequence_stride: int,
    sampling_rate: int,
    start_index: Any,
    end_index: Any,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Windows as `keras.utils.timeseries_dataset_from_array` has them."""
    data, targets = np.atleast_1d(data), None if targets is None else np.atleast_1d(targets)
    start = 0 if start_index is None else int(start_index)
    end = len(data) if end_index is None else int(end_index)
    if not 0 <= start < end <= len(data):
        raise ValueError(
            f"start_index and end_index must satisfy 0 <= start_index < end_index <= {len(data)}, "
            f"the steps of data. Got {start} and {end}."
        )
    length, rate = int(sequence_length), int(sampling_rate)
    n_starts = end - start - (length - 1) * rate
    if targets is not None:
        targets = targets[start:end]
        n_starts = min(n_starts, len(targets))
    if n_starts < 1:
        raise ValueError(
            f"A window takes {(length - 1) * rate + 1} steps, but there are {end - start} of data "
            + ("." if targets is None else f"and {len(targets)} targets.")
        )
    starts = np.arange(0, n_starts, int(sequence_stride))
    source = Windows(
        data[start:end],
        starts,
        np.arange(length) * rate,
        None if targets is None else targets[starts],
    )
    return handed_over(source, settings, {"sequence_length": length})


@command
def windows_before_targets(
    data: np.ndarray,
    targets: np.ndarray,
    length: int,
    sampling_rate: int,
    stride: int,
    start_index: int,
    end_index: Any,
    reverse: bool,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Windows that end before the step of their target, as Keras's older generator has them."""
    data, targets = np.atleast_1d(data), np.atleast_1d(targets)
    if len(data) != len(targets):
        raise ValueError(f"data has {len(data)} steps, but targets has {len(targets)}.")
    length = int(length)
    first, last = int(start_index) + length, len(data) - 1
    last = last if end_index is None else min(int(end_index), last)
    if first > last:
        raise ValueError(
            f"start_index + length is {first}, but the last step that can be a target is {last}: "
            "no window is left."
        )
    at = np.arange(first, last + 1, int(stride))
    steps = np.arange(0, length, int(sampling_rate))
    source = Windows(data, at - length, steps[::-1] if reverse else steps, targets[at])
    return handed_over(source, settings, {"sequence_length": len(steps)})
