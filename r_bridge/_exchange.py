"""Messages between R and a worker process: a request or a reply as bytes.

Numbers of program and buffers, program, types and lengths of the buffers, their numbers of
dimensions, the dimensions, then the buffers; every part fills whole units of eight bytes. A buffer
that has dimensions here lies apart: it comes after the message, through a window (`_window.py`),
in the type and order of Python. The R half is in `src/message.c`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._convert import DOUBLE, INTEGER, RAW, SINGLE, Laid, lay, r_dtype

# Messages of up to so many bytes go through the socket, and buffers of up to so many lie within
# them; `R/worker.R` has the same.
LONGEST = 2**16
LONGEST_WITHIN = 2**17

_DTYPES: dict[int, np.dtype] = {
    DOUBLE: np.dtype(np.float64),
    SINGLE: np.dtype(np.float32),
    INTEGER: np.dtype(np.int32),
    RAW: np.dtype(np.uint8),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def decode(message: Any) -> tuple[list[int], list[np.ndarray]]:
    """Program and buffers: those that lie apart are `Laid`, and still to be filled.

    The others are views of the message.
    """
    offset = 0

    def part(dtype: np.dtype, length: int) -> np.ndarray:
        nonlocal offset
        array = np.frombuffer(message, dtype, length, offset)
        offset += -(-array.nbytes // 8) * 8
        return array

    numbers, reals = _DTYPES[INTEGER], _DTYPES[DOUBLE]
    n_program, n_buffers = part(numbers, 2).tolist()
    program = part(numbers, n_program).tolist()
    types = part(numbers, n_buffers).tolist()
    lengths = part(reals, n_buffers)
    ranks = part(numbers, n_buffers).tolist()
    dimensions = iter(part(reals, sum(ranks)).astype(int).tolist())
    buffers = []
    for code, length, rank in zip(types, lengths.astype(int).tolist(), ranks, strict=True):
        if rank:
            shape = [next(dimensions) for _ in range(rank)]
            buffers.append(np.empty(shape, _DTYPES[code]).view(Laid))
        else:
            buffers.append(part(_DTYPES[code], length))
    return program, buffers


def encode(program: np.ndarray, buffers: list[np.ndarray]) -> tuple[bytearray, list[np.ndarray]]:
    """A message, and the buffers that lie apart."""
    within, apart, types, ranks, dimensions = [], [], [], [], []
    for buffer in buffers:
        if _n_bytes(buffer) > LONGEST_WITHIN:
            if buffer.dtype not in _CODES:
                buffer = buffer.astype(np.float64)
            apart.append(buffer)
            types.append(_CODES[buffer.dtype])
            ranks.append(buffer.ndim)
            dimensions += buffer.shape
        else:
            within.append(buffer)
            types.append(_CODES[r_dtype(buffer)])
            ranks.append(0)
    parts = [
        np.array([len(program), len(buffers)], dtype=np.int32),
        program,
        np.array(types, dtype=np.int32),
        np.array([buffer.size for buffer in buffers], dtype=np.float64),
        np.array(ranks, dtype=np.int32),
        np.array(dimensions, dtype=np.float64),
        *within,
    ]
    sizes = [-(-_n_bytes(part) // 8) * 8 for part in parts]
    message, offset = bytearray(sum(sizes)), 0
    for part, size in zip(parts, sizes, strict=True):
        lay(part, np.frombuffer(message, r_dtype(part), part.size, offset))
        offset += size
    return message, apart


def _n_bytes(buffer: np.ndarray) -> int:
    return buffer.size * r_dtype(buffer).itemsize
