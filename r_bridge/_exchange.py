"""Messages between R and a worker process: a request or a reply as bytes.

Numbers of program and buffers, program, types and lengths of the buffers, their numbers of
dimensions, the dimensions, then the buffers; every part fills whole units of eight bytes. A buffer
that has dimensions here lies apart: it comes after the message, through a window (`_window.py`),
in the type and order of Python. The R half is in `src/message.c`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from ._convert import DOUBLE, INTEGER, RAW, SINGLE, Laid, r_dtype

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

    def numbers(kind: str, n: int) -> tuple:
        nonlocal offset
        values = struct.unpack_from(f"{n}{kind}", message, offset)
        offset += -(-n * struct.calcsize(kind) // 8) * 8
        return values

    n_program, n_buffers = numbers("i", 2)
    program = list(numbers("i", n_program))
    types = numbers("i", n_buffers)
    lengths = numbers("d", n_buffers)
    ranks = numbers("i", n_buffers)
    dimensions = iter(numbers("d", sum(ranks)))
    buffers: list[np.ndarray] = []
    for code, length, rank in zip(types, lengths, ranks, strict=True):
        if rank:
            shape = [int(next(dimensions)) for _ in range(rank)]
            buffers.append(np.empty(shape, _DTYPES[code]).view(Laid))
        else:
            buffers.append(np.frombuffer(message, _DTYPES[code], int(length), offset))
            offset += -(-buffers[-1].nbytes // 8) * 8
    return program, buffers


def encode(program: np.ndarray, buffers: list[np.ndarray]) -> tuple[bytes, list[np.ndarray]]:
    """A message, and the buffers that lie apart."""
    within, apart, types, ranks = [], [], [], []
    dimensions: list[int] = []
    for buffer in buffers:
        dtype = r_dtype(buffer)
        if buffer.size * dtype.itemsize > LONGEST_WITHIN:
            if buffer.dtype not in _CODES:
                buffer = buffer.astype(dtype)
            apart.append(buffer)
            types.append(_CODES[buffer.dtype])
            ranks.append(buffer.ndim)
            dimensions += buffer.shape
        else:
            within.append(buffer.astype(dtype, copy=False).tobytes(order="F"))
            types.append(_CODES[dtype])
            ranks.append(0)
    n = len(buffers)
    parts = [
        struct.pack("2i", len(program), n),
        program.tobytes(),
        struct.pack(f"{n}i", *types),
        struct.pack(f"{n}d", *[buffer.size for buffer in buffers]),
        struct.pack(f"{n}i", *ranks),
        struct.pack(f"{len(dimensions)}d", *dimensions),
        *within,
    ]
    return b"".join([part + bytes(-len(part) % 8) for part in parts]), apart
