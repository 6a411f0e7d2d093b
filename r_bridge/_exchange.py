"""The form in which R and a worker process hand a request or a reply to each other.

Numbers of program and buffers, program, types, lengths, then the buffers; every part fills whole
units of eight bytes. Short ones go through the socket, long ones through a file. A long vector of
R lies in a file of its own, written by R's serialize(), which alone writes R's memory as it is; its
length is then negative in the list of lengths. The R half is in `R/worker.R`.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from ._convert import DOUBLE, INTEGER, INTEGER_LIMIT, RAW, lay, r_dtype

_DTYPES: dict[int, np.dtype] = {
    DOUBLE: np.dtype(np.float64),
    INTEGER: np.dtype(np.int32),
    RAW: np.dtype(np.uint8),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
# Two bytes that R puts first, the format, three versions, the type, and one or three integers for
# the length: the data begin at a multiple of eight.
_SERIALIZED_HEAD = 24
_SERIALIZED_HEAD_OF_LONG = 32


class Files:
    """Files that both processes have in memory, one exchange after the other.

    They stay mapped as long as they are the same files: to find the pages of a long one anew takes
    as long as to read it.
    """

    def __init__(self) -> None:
        self._mapped: dict[Path, tuple[int, int, mmap.mmap]] = {}

    def read(self, path: Path) -> tuple[list[int], list[np.ndarray]]:
        """Program and buffers; the buffers are the files, to be copied before they change."""
        return decode(self._memory(path), lambda number: self._memory(_apart(path, number)))

    def write(self, path: Path, program: np.ndarray, buffers: list[np.ndarray]) -> None:
        """A long reply, over the one before."""
        n_bytes = size(program, buffers)
        with path.open("r+b" if path.exists() else "w+b") as file:
            if os.fstat(file.fileno()).st_size < n_bytes:
                file.truncate(n_bytes)
        fill(self._memory(path), program, buffers)

    def _memory(self, path: Path) -> mmap.mmap:
        with path.open("r+b") as file:
            about = os.fstat(file.fileno())
            known = self._mapped.get(path)
            if known is None or known[:2] != (about.st_ino, about.st_size):
                known = (about.st_ino, about.st_size, mmap.mmap(file.fileno(), 0))
                self._mapped[path] = known
        return known[2]

    def forget_longer_than(self, n_bytes: int) -> None:
        """Give the memory of very long exchanges back."""
        for path, (_, size_of_file, _) in list(self._mapped.items()):
            if size_of_file > n_bytes:
                del self._mapped[path]
                path.unlink(missing_ok=True)


def _apart(path: Path, number: int) -> Path:
    """The file of a buffer, counted from 1 as R does."""
    return path.with_name(f"{path.name}-{number}")


def decode(memory: Any, apart: Any = None) -> tuple[list[int], list[np.ndarray]]:
    """Program and buffers; the buffers are views of the memory, or of what lies apart."""
    offset = 0

    def part(dtype: np.dtype, length: int) -> np.ndarray:
        nonlocal offset
        array = np.frombuffer(memory, dtype, length, offset)
        offset += -(-array.nbytes // 8) * 8
        return array

    n_program, n_buffers = part(_DTYPES[INTEGER], 2).tolist()
    program = part(_DTYPES[INTEGER], n_program).tolist()
    types = part(_DTYPES[INTEGER], n_buffers).tolist()
    lengths = [int(length) for length in part(_DTYPES[DOUBLE], n_buffers)]
    buffers = []
    for number, (code, length) in enumerate(zip(types, lengths, strict=True), 1):
        if length < 0:
            head = _SERIALIZED_HEAD if -length <= INTEGER_LIMIT else _SERIALIZED_HEAD_OF_LONG
            buffers.append(np.frombuffer(apart(number), _DTYPES[code], -length, head))
        else:
            buffers.append(part(_DTYPES[code], length))
    return program, buffers


def size(program: np.ndarray, buffers: list[np.ndarray]) -> int:
    """Bytes that a reply takes."""
    parts = _parts(program, buffers)
    return sum(-(-part.size * r_dtype(part).itemsize // 8) * 8 for part in parts)


def encode(program: np.ndarray, buffers: list[np.ndarray]) -> bytearray:
    """A short reply."""
    memory = bytearray(size(program, buffers))
    fill(memory, program, buffers)
    return memory


def fill(memory: Any, program: np.ndarray, buffers: list[np.ndarray]) -> None:
    """Put a reply at the beginning of the memory."""
    offset = 0
    for part in _parts(program, buffers):
        place = np.frombuffer(memory, r_dtype(part), part.size, offset)
        lay(part, place)
        offset += -(-place.nbytes // 8) * 8


def _parts(program: np.ndarray, buffers: list[np.ndarray]) -> list[np.ndarray]:
    head = [len(program), len(buffers)]
    types = [_CODES[r_dtype(buffer)] for buffer in buffers]
    return [
        np.array(head, dtype=np.int32),
        program,
        np.array(types, dtype=np.int32),
        np.array([buffer.size for buffer in buffers], dtype=np.float64),
        *buffers,
    ]
