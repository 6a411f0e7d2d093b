"""The form in which R and a worker process hand a request or a reply to each other.

Numbers of program and buffers, program, types, lengths, then the buffers; every part fills whole
units of eight bytes. Short ones go through the socket, long ones through a file. The R half is in
`R/worker.R`.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ._convert import DOUBLE, INTEGER, RAW, SINGLE

_DTYPES: dict[int, np.dtype] = {
    DOUBLE: np.dtype(np.float64),
    SINGLE: np.dtype(np.float32),
    INTEGER: np.dtype(np.int32),
    RAW: np.dtype(np.uint8),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def read(path: Path) -> tuple[list[int], list[np.ndarray]]:
    """Program and buffers; the buffers are the file itself, to be copied before it changes."""
    with path.open("rb") as file:
        return decode(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def decode(memory: Any) -> tuple[list[int], list[np.ndarray]]:
    """Program and buffers; the buffers are views of the memory."""
    offset = 0

    def part(dtype: np.dtype, length: int) -> np.ndarray:
        nonlocal offset
        array = np.frombuffer(memory, dtype, length, offset)
        offset += -(-array.nbytes // 8) * 8
        return array

    n_program, n_buffers = part(_DTYPES[INTEGER], 2).tolist()
    program = part(_DTYPES[INTEGER], n_program).tolist()
    types = part(_DTYPES[INTEGER], n_buffers).tolist()
    lengths = part(_DTYPES[DOUBLE], n_buffers).tolist()
    buffers = [
        part(_DTYPES[code], int(length)) for code, length in zip(types, lengths, strict=True)
    ]
    return program, buffers


def size(program: np.ndarray, buffers: list[np.ndarray]) -> int:
    """Bytes that a reply takes."""
    return sum(-(-array.nbytes // 8) * 8 for array in _parts(program, buffers))


def encode(program: np.ndarray, buffers: list[np.ndarray]) -> bytes:
    """A short reply."""
    return b"".join(
        array.tobytes(order="F") + bytes(-array.nbytes % 8) for array in _parts(program, buffers)
    )


def write(path: Path, program: np.ndarray, buffers: list[np.ndarray]) -> None:
    """A long reply."""
    with path.open("wb") as file:
        for array in _parts(program, buffers):
            file.write(array.ravel(order="F").data)
            file.write(bytes(-array.nbytes % 8))


def _parts(program: np.ndarray, buffers: list[np.ndarray]) -> Iterator[np.ndarray]:
    yield np.array([len(program), len(buffers)], dtype=np.int32)
    yield program
    yield np.array([_CODES[buffer.dtype] for buffer in buffers], dtype=np.int32)
    yield np.array([buffer.size for buffer in buffers], dtype=np.float64)
    yield from buffers
