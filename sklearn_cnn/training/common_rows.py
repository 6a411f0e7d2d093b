"""The rows of many fits in common arrays, each distinct one once.

scikit-learn copies the rows of each fold for each candidate: equal arrays are found by content.
Fits that name their rows by number share one array.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_cnn.encoding import RowsOf

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

    pools, places = [], []
    for (kept, numbers), n in zip(_distinct(rows, weighted=weighted), rooms, strict=True):
        pools.append(None if kept[0] is None else _pool(kept, size, n, backend))
        places.append(backend.array(np.array(numbers, np.int32) * size))
    return Data(*pools), Places(*places)


def _pool(kept: list, size: int, n: int, backend) -> Any:
    """Distinct arrays below each other."""

    def pool(arrays):
        filled = np.zeros((n * size, *arrays[0].shape[1:]), arrays[0].dtype)
        for i, array in enumerate(arrays):
            filled[i * size : i * size + len(array)] = array
        return backend.array(filled)

    first = kept[0]
    if isinstance(first, dict):
        return {name: pool([part[name] for part in kept]) for name in first}
    if isinstance(first, list | tuple):
        return [pool(arrays) for arrays in zip(*kept, strict=True)]
    return pool(kept)


def _distinct(rows: list[Rows], *, weighted: bool) -> list[tuple[list, list[int]]]:
    """Of inputs, targets, weights and offsets the distinct ones, and which is whose."""
    columns = _columns(rows, weighted=weighted)
    if not isinstance(rows[0].x, RowsOf):
        return [_by_content(parts) for parts in columns]
    # Targets, weights and offsets lie where the inputs lie that the fits share.
    numbers = [part.x.numbers for part in rows]
    whole, places = _by_identity([part.x.array for part in rows])
    length = max(len(array) for array in whole)
    found = [(whole, places)]
    for parts in columns[1:]:
        if parts[0] is None:
            found.append(([None], [0] * len(parts)))
        else:
            found.append(_spread(parts, numbers, length))
    return found


def _by_content(parts: Sequence) -> tuple[list, list[int]]:
    numbers: dict[Any, int] = {}
    kept: list = []
    contents = _contents(parts)
    for part, content in zip(parts, contents, strict=True):
        if numbers.setdefault(content, len(kept)) == len(kept):
            kept.append(part)
    return kept, [numbers[content] for content in contents]


def _by_identity(arrays: Sequence) -> tuple[list, list[int]]:
    kept: dict[int, int] = {}
    numbers = [kept.setdefault(id(array), len(kept)) for array in arrays]
    return [arrays[numbers.index(k)] for k in range(len(kept))], numbers


def _spread(parts: Sequence, numbers: Sequence, length: int) -> tuple[list, list[int]]:
    """Parts in their rows of arrays of ``length``; those that agree where they meet share one."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []  # with a mask of what is known of it
    places = []
    for part, rows in zip(parts, numbers, strict=True):
        agreeing = (place for place, one in enumerate(kept) if _agree(*one, rows, part))
        place = next(agreeing, len(kept))
        if place == len(kept):
            kept.append((np.zeros((length, *part.shape[1:]), part.dtype), np.zeros(length, bool)))
        array, known = kept[place]
        array[rows], known[rows] = part, True
        places.append(place)
    return [array for array, _ in kept], places


def _agree(array: np.ndarray, known: np.ndarray, rows: np.ndarray, part: np.ndarray) -> bool:
    met = known[rows]
    return array.shape[1:] == part.shape[1:] and np.array_equal(array[rows[met]], part[met])


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
    found = _distinct([fit.rows for fit in fits], weighted=weighted)
    validation = [fit.validation for fit in fits if fit.validation is not None]
    if validation:
        found += _distinct(validation, weighted=True)
    counts = [len(kept) for kept, _ in found]
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
