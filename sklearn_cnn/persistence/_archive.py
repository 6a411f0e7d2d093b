"""The file itself: a zip of ``manifest.json`` and ``arrays/0.bin``, ``arrays/1.bin`` and so on.

Members are stored, not deflated. Weights hardly shrink, and a file that holds its members as they
are cannot unpack to more than it weighs. What the bytes of a member mean (dtype, shape, order)
stands in the manifest, so that no header of an array is ever parsed.
"""

import contextlib
import errno
import json
import math
import os
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np

MANIFEST = "manifest.json"

# Zip keeps times of at least 1980; a fixed one makes equal estimators equal files.
_TIME = (1980, 1, 1, 0, 0, 0)
_UTF8_NAME = 0x800


class ArchiveError(ValueError):
    """An estimator that cannot be saved, or a file that cannot be loaded.

    Every damaged, truncated or hostile file ends in this error. Nothing else has happened then:
    no code of the file ran, and no file was written.
    """


ArchiveError.__module__ = "sklearn_cnn.persistence"


def write_archive(
    path: str | os.PathLike[str], manifest: dict[str, Any], arrays: Sequence[np.ndarray]
) -> None:
    """Write the file at one stroke: whatever goes wrong, what was at ``path`` stays."""
    text = json.dumps(manifest, allow_nan=False, separators=(",", ":"))
    with _replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as members:
        members.writestr(zipfile.ZipInfo(MANIFEST, _TIME), text)
        for number, array in enumerate(arrays):
            info = zipfile.ZipInfo(_member(number), _TIME)
            # Arrays may be larger than zip's first form holds.
            with members.open(info, "w", force_zip64=True) as member:
                member.write(_flat_bytes(array))


class ArchiveReader:
    """A file opened for reading, its list of members checked."""

    def __init__(self, file: IO[bytes]) -> None:
        self._members = zipfile.ZipFile(file)
        infos = self._members.infolist()
        self._infos = {info.filename: info for info in infos}
        self._size = os.fstat(file.fileno()).st_size
        self.n_arrays = len(infos) - 1
        if len(self._infos) != len(infos):
            raise ArchiveError("two members have the same name")
        if self._infos.keys() != {MANIFEST, *map(_member, range(self.n_arrays))}:
            raise ArchiveError("its members are not those that save writes")
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & ~_UTF8_NAME:
                raise ArchiveError(f"{info.filename} is compressed or encrypted")
            if info.file_size != info.compress_size:
                raise ArchiveError(f"{info.filename} states two sizes")
        # Members that overlap sum to more than the file.
        if sum(info.file_size for info in infos) > self._size:
            raise ArchiveError("its members claim more bytes than the file has")

    def manifest(self) -> dict[str, Any]:
        """What ``manifest.json`` holds; names given twice and NaN are refused."""
        text = self._members.read(self._infos[MANIFEST])
        manifest = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse_constant)
        if type(manifest) is not dict:
            raise ArchiveError(f"{MANIFEST} is not an object")
        return manifest

    def array(self, number: int, dtype: np.dtype, shape: tuple[int, ...], order: Any) -> np.ndarray:
        """Array ``number``; memory is taken only after dtype, shape and size agree."""
        if not 0 <= number < self.n_arrays:
            raise ArchiveError(f"there is no array {number}")
        if order not in ("C", "F"):
            raise ArchiveError(f"an array has the order {order!r}")
        info = self._infos[_member(number)]
        # The second comparison bounds arrays of dtype "U0", whose values take no bytes.
        if math.prod(shape) * dtype.itemsize != info.file_size or math.prod(shape) > self._size:
            raise ArchiveError(f"{info.filename} is not of dtype {dtype} and shape {shape}")
        array: np.ndarray = np.ndarray(shape, dtype, order=order)
        with self._members.open(info) as member:
            if info.file_size:
                member.readinto(_flat_bytes(array))  # type: ignore[attr-defined]
            # At the end of a member zipfile compares the check sum.
            if member.read(1):
                raise ArchiveError(f"{info.filename} is longer than it states")
        return array


def order_of(array: np.ndarray) -> str:
    """C, or F for Fortran's order: in another order the last bits of a product differ."""
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _flat_bytes(array: np.ndarray) -> Any:
    """The bytes of ``array`` in its order: a view, or a copy where it is not contiguous."""
    in_order = array.T if order_of(array) == "F" else array
    return np.ascontiguousarray(in_order).reshape(-1).view(np.uint8) if array.nbytes else b""


def _member(number: int) -> str:
    return f"arrays/{number}.bin"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ArchiveError(f"{MANIFEST} gives a name twice")
    return found


def _refuse_constant(text: str) -> None:
    raise ArchiveError(f"{MANIFEST} holds {text}, which is not JSON")


@contextlib.contextmanager
def _replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A new file beside ``path`` that takes its place once it is whole and on the disk."""
    # A link keeps pointing to its file, and that file is what gets replaced.
    target = os.path.realpath(os.fsdecode(path))
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "No such folder", folder)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(6)}")
    with contextlib.ExitStack() as cleaning:
        # Mode "x" obeys the umask; a file of tempfile's only its owner could read.
        with open(temporary, "xb") as file:
            cleaning.callback(_remove, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    _sync_folder(folder)


def _remove(temporary: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)


def _sync_folder(folder: str) -> None:
    """Put the new name on the disk too, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
