"""Memory that R and its worker share, through which long arrays pass block by block.

Two slots: one is filled while the other is read. A block is a part of the rows and columns of an
array, seen as a matrix whose rows are its first dimension; in its slot it lies in C order. R's
half, which casts and transposes, is in `R/window.R` and `src/block.c`.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

# Bytes; `R/window.R` has the same. Blocks of 1 MB took R longer to speak of, those of 16 MB left
# the processor's cache.
SLOT = 2**22
# Where a file is memory.
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Block:
    """Where a block lies in the window, and where in its array; all counted from 0."""

    offset: int
    array: int
    row: int
    rows: int
    column: int
    columns: int

    def __str__(self) -> str:
        return " ".join(map(str, astuple(self)))


class Window:
    """The memory, made when first needed; a file in `directory` where no memory can be shared."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._in_memory: Path | None = None
        self._memory: mmap.mmap | None = None
        self.path: Path | None = None

    def open(self) -> Path:
        """The file; OSError says what is wrong where neither place has room."""
        if self.path is None:
            # R knows this name, and removes the folder of a worker that it had to kill.
            folder = _SHARED_MEMORY / self.directory.name
            with contextlib.suppress(OSError):
                folder.mkdir(mode=0o700)
                self._in_memory = folder
                self.path, self._memory = _mapped(folder / "window")
        if self.path is None:
            self.remove()
            self.path, self._memory = _mapped(self.directory / "window")
        return self.path

    def take(self, block: Block, arrays: Sequence[np.ndarray]) -> None:
        """Copy a block that R has written to where it belongs."""
        array = arrays[block.array]
        rows = array.reshape(len(array), -1)
        _part(rows, block)[...] = self._slot(block, array.dtype)

    def put(self, arrays: Iterable[np.ndarray]) -> Iterator[Block]:
        """Copy block after block for R to read; where and what each is.

        The block before the last must have been read when the next one is asked for.
        """
        sent = 0
        for number, array in enumerate(arrays):
            rows = np.reshape(array, (len(array), -1))
            n_rows, n_columns = rows.shape
            for place in blocks(n_rows, n_columns, array.itemsize):
                block = Block(SLOT * (sent % 2), number, *place)
                self._slot(block, array.dtype)[...] = _part(rows, block)
                sent += 1
                yield block

    def _slot(self, block: Block, dtype: np.dtype) -> np.ndarray:
        assert self._memory is not None, "opened before"
        flat = np.frombuffer(self._memory, dtype, block.rows * block.columns, block.offset)
        return flat.reshape(block.rows, block.columns)

    def remove(self) -> None:
        """Leave nothing behind in shared memory."""
        if self._in_memory is not None:
            shutil.rmtree(self._in_memory, ignore_errors=True)


def _mapped(path: Path) -> tuple[Path, mmap.mmap]:
    """There in full, or OSError: memory that is mapped and not there would end the process."""
    try:
        with path.open("w+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, 2 * SLOT)
            else:
                file.write(bytes(2 * SLOT))
                file.flush()
            return path, mmap.mmap(file.fileno(), 2 * SLOT)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _part(rows: np.ndarray, block: Block) -> np.ndarray:
    return rows[
        block.row : block.row + block.rows,
        block.column : block.column + block.columns,
    ]


def blocks(rows: int, columns: int, item_size: int) -> Iterator[tuple[int, int, int, int]]:
    """First row, rows, first column, columns of the blocks of an array.

    As many rows as a slot holds whole, up to 1024, then as many columns as fit, so that what lies
    side by side in R and in Python is long either way.
    """
    within = SLOT // item_size
    width = min(columns, within // min(rows, 1024))
    height = min(rows, within // width)
    for row in range(0, rows, height):
        for column in range(0, columns, width):
            yield row, min(height, rows - row), column, min(width, columns - column)
