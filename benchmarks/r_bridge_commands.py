"""Commands that `r_bridge.R` calls: what NumPy takes, and what takes and gives arrays."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from r_bridge._dispatch import command

_kept: list[Any] = []


def _fastest(function: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@command
def time_of_cast(shape: np.ndarray) -> float:
    array = np.asfortranarray(np.random.default_rng(0).random(shape))
    return _fastest(lambda: np.array(array, dtype=np.float32, order="C"))


@command
def swallow(x: np.ndarray) -> None:
    if x.dtype != np.float32 or not x.flags["C_CONTIGUOUS"]:
        raise AssertionError("not a float32 array in C order")


@command
def keep(x: np.ndarray) -> None:
    _kept[:] = [x.astype(np.float32)]


@command
def give() -> np.ndarray:
    return _kept[0]


@command
def time_of_cast_back() -> float:
    return _fastest(lambda: np.array(_kept[0], dtype=np.float64, order="F"))
