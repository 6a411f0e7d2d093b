"""The rows of many fits in common arrays, each distinct one once.

scikit-learn copies the rows of each fold for each candidate: equal arrays are found by content.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .plan import Fit, Rows


def common_rows(rows: list[Rows], size: int, rooms: Sequence[int], backend, *, weighted: bool):
    """The rows of all fits in common arrays, equal ones once, and where each fit's begin.

    Parameters
    ----------
    rows : list of Rows
    size : int
        Rows for which each distinct part has room; those that fill it up are 0.
    rooms : sequence of 4 int
        Distinct inputs, targets, weights and offsets for which there is room.
    weighted : bool
        Whether there are weights; rows that came without weigh 1.

    Returns
    -------
    data : Data
    places : Places
        Row numbers, shape (n_fits,).
    """
    from .epochs import Data
    from .stacked import Places

    columns = _columns(rows, weighted=weighted)
    pools, places = zip(
        *(_pool(parts, size, n, backend) for parts, n in zip(columns, rooms, strict=True)),
        strict=True,
    )
    return Data(*pools), Places(*(backend.array(place) for place in places))


def _pool(parts: Sequence, size: int, n: int, backend) -> tuple[Any, np.ndarray]:
    """Distinct arrays below each other, and the row at which that of each fit begins."""
    if parts[0] is None:
        return None, np.zeros(len(parts), np.int32)
    numbers: dict[Any, int] = {}
    kept: list = []
    places: list[int] = []
    for part, content in zip(parts, _contents(parts), strict=True):
        if content not in numbers:
            numbers[content] = len(kept)
            kept.append(part)
        places.append(numbers[content] * size)

    def pool(arrays):
        filled = np.zeros((n * size, *arrays[0].shape[1:]), arrays[0].dtype)
        for i, array in enumerate(arrays):
            filled[i * size : i * size + len(array)] = array
        return backend.array(filled)

    first = kept[0]
    if isinstance(first, dict):
        data: Any = {name: pool([part[name] for part in kept]) for name in first}
    elif isinstance(first, list | tuple):
        data = [pool(arrays) for arrays in zip(*kept, strict=True)]
    else:
        data = pool(kept)
    return data, np.array(places, np.int32)


def _contents(parts: Sequence) -> list:
    """Keys that equal parts share; each array is read once, however often it comes."""
    known: dict[int, Any] = {}
    keys = []
    for part in parts:
        if id(part) not in known:
            known[id(part)] = _content(part)
        keys.append(known[id(part)])
    return keys


def _content(part) -> Any:
    if part is None:
        return None
    if isinstance(part, dict):
        return tuple((name, _content(value)) for name, value in part.items())
    if isinstance(part, list | tuple):
        return tuple(_content(value) for value in part)
    array = np.ascontiguousarray(part)
    return array.shape, array.dtype.str, hashlib.blake2b(array.data, digest_size=16).digest()


def n_distinct(fits: list[Fit], *, weighted: bool) -> list[int]:
    """Distinct inputs, targets, weights and offsets of the rows, and of those for validation."""
    columns = _columns([fit.rows for fit in fits], weighted=weighted)
    if fits[0].validation is not None:
        columns += _columns([fit.validation for fit in fits], weighted=True)
    counts = [len(set(_contents(column))) for column in columns]
    return counts + [0] * (8 - len(counts))


def _columns(rows: list, *, weighted: bool) -> list[tuple]:
    """Inputs, targets, weights and offsets of all fits, in one dtype; None where there are none."""
    inputs, targets, weights, offsets = zip(*rows, strict=True)
    dtype = targets[0].dtype
    if weighted:
        weights = tuple(
            np.ones(part.n_rows) if part.weight is None else part.weight for part in rows
        )
    else:
        weights = (None,) * len(rows)

    def cast(part):
        return None if part is None else part.astype(dtype, copy=False)

    return [inputs, targets, tuple(map(cast, weights)), tuple(map(cast, offsets))]
