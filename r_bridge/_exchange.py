"""The file through which R and a worker process hand a request or a reply to each other.

Numbers of program and buffers, program, types, lengths, then the buffers; every part fills whole
units of eight bytes. The R half is in `R/worker.R`.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from ._convert import DOUBLE, INTEGER, RAW

_DTYPES: dict[int, np.dtype] = {
    DOUBLE: np.dtype(np.float64),
    INTEGER: np.dtype(np.int32),
    RAW: np.dtype(np.uint8),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def read(path: Path) -> tuple[list[int], list[np.ndarray]]:
    """Program and buffers; the buffers are the file itself, to be copied before it changes."""
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
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


def write(path: Path, program: np.ndarray, buffers: list[np.ndarray]) -> None:
    counts = np.array([len(program), len(buffers)], dtype=np.int32)
    types = np.array([_CODES[buffer.dtype] for buffer in buffers], dtype=np.int32)
    lengths = np.array([buffer.size for buffer in buffers], dtype=np.float64)
    with path.open("wb") as file:
        for array in (counts, program, types, lengths, *buffers):
            file.write(array.ravel(order="F").data)
            file.write(bytes(-array.nbytes % 8))
