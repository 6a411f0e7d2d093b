"""Readers of idx files, npz files and batches of CIFAR.

None trusts a byte of its file: what is not as it should be is a ValueError that says what came.
"""

import gzip
import io
import json
import pickletools
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# An idx file declares its own size; one that declares more than this is not one of ours.
_MOST_BYTES = 2**30


def read_idx(file: Path, n_dims: int) -> NDArray[np.uint8]:
    """Read a file in LeCun's idx format: unsigned bytes, `n_dims` dimensions."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            header = stream.read(4 + 4 * n_dims)
            magic = int.from_bytes(header[:4], "big")
            # Third byte: 8 for unsigned bytes; fourth: the number of dimensions.
            if magic != 0x800 + n_dims or len(header) < 4 + 4 * n_dims:
                raise ValueError(
                    f"'{file}' begins with the magic number {magic}; an idx file of "
                    f"{'pictures' if n_dims == 3 else 'labels'} begins with {0x800 + n_dims} and "
                    f"its {n_dims} sizes."
                )
            shape = [int(size) for size in np.frombuffer(header, dtype=">u4", offset=4)]
            expected = prod(shape)
            if not 0 < expected <= _MOST_BYTES:
                raise ValueError(f"'{file}' declares the impossible shape {tuple(shape)}.")
            content = stream.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, PermissionError):
            raise
        raise ValueError(f"'{file}' is damaged or cut off: {_reason(error)}.") from error
    if len(content) != expected:
        more = "more" if len(content) > expected else f"only {len(content)}"
        raise ValueError(
            f"'{file}' declares {expected} values of shape {tuple(shape)}, but holds {more}."
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape).copy()


def read_npz(file: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Read a part from an npz file with Keras's names."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    except PermissionError:
        raise
    except Exception as error:  # NumPy, zipfile and zlib raise about ten kinds
        raise ValueError(
            f"'{file}' is no npz file with plain arrays 'x_{part}' and 'y_{part}', or is damaged: "
            f"{_reason(error)}."
        ) from error
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"'x_{part}' in '{file}' has shape {images.shape} and dtype {images.dtype}; "
            "(n_samples, 28, 28) and uint8 are expected."
        )
    return images, labels


def read_arrays(file: Path, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Read plain arrays from an npz file."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return [arrays[name] for name in names]
    except PermissionError:
        raise
    except Exception as error:  # NumPy, zipfile and zlib raise about ten kinds
        raise ValueError(
            f"'{file}' is no npz file with the plain arrays {', '.join(map(repr, names))}, or is "
            f"damaged: {_reason(error)}."
        ) from error


def read_sequences(file: Path, names: tuple[str, ...]) -> list[list[NDArray[np.int64]]]:
    """Read sequences of word numbers from an npz file, in which they are pickled.

    Each is an array of objects, which holds a list of integers for each row. Nothing of a pickle is
    executed: its instructions are followed, those that lists of integers need and no others.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return [_sequences(archive.read(f"{name}.npy")) for name in names]
    except PermissionError:
        raise
    except Exception as error:  # whatever can be wrong with bytes of unknown origin
        reason = f"it has no {error}" if isinstance(error, KeyError) else _reason(error)
        raise ValueError(
            f"'{file}' is no npz file with sequences {', '.join(map(repr, names))}, or is damaged: "
            f"{reason}."
        ) from error


def _sequences(content: bytes) -> list[NDArray[np.int64]]:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read_header(stream)
    if dtype.kind in "iu":  # rows of one length
        rows: Any = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    elif dtype.kind == "O":
        rows = _described(stream.read())
        rows = rows.state[4] if isinstance(rows, _Stored) else rows
    else:
        raise TypeError(f"it holds {dtype}")
    if len(shape) not in (1, 2) or len(rows) != shape[0]:
        raise TypeError("it is not a list of sequences")
    return [_whole_numbers(row) for row in rows]


def _whole_numbers(row: Any) -> NDArray[np.int64]:
    if isinstance(row, np.ndarray):
        return row.astype(np.int64)
    if not isinstance(row, list) or not all(type(number) is int for number in row):
        raise TypeError("a sequence is not a list of integers")
    return np.array(row, dtype=np.int64)


def read_word_index(file: Path) -> dict[str, int]:
    """Read a JSON file of words and their numbers."""
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{file}' is no JSON file, or is damaged: {_reason(error)}.") from error
    if not isinstance(index, dict) or not all(type(number) is int for number in index.values()):
        raise ValueError(f"'{file}' must hold one number for each word.")
    return index


def read_records(file: Path, n_labels: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Read CIFAR's binary version: records of labels and pixels; returns both, a row a record."""
    values = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    width = n_labels + 3072
    if len(values) == 0 or len(values) % width:
        raise ValueError(
            f"'{file}' has {len(values)} bytes, which is no whole number of records of {width} "
            "bytes. It is cut off, or another kind of file."
        )
    records = values.reshape(-1, width)
    return records[:, :n_labels], records[:, n_labels:]


def read_pickled_batch(file: Path, label_key: str) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Read a batch as it is distributed, a pickle of Python 2, without executing anything."""
    try:
        batch = _described(file.read_bytes())
        labels, pixels = _labels(batch[label_key]), _pixels(batch["data"])
    except PermissionError:
        raise
    except Exception as error:  # whatever can be wrong with bytes of unknown origin
        reason = f"it has no {error}" if isinstance(error, KeyError) else _reason(error)
        raise ValueError(f"'{file}' is no batch of CIFAR, or is damaged: {reason}.") from error
    return labels, pixels


@dataclass
class _Stored:
    """An array, or the type of one, as a pickle describes it."""

    name: str
    arguments: Any
    state: Any = None


# What a batch may ask for. Nothing of it is called.
_NAMES = (
    "numpy ndarray",
    "numpy dtype",
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "_codecs encode",
)


def _described(content: bytes) -> Any:
    """What a pickle describes: dictionaries, lists, tuples, integers, text, arrays as `_Stored`.

    No unpickler takes part: this follows the pickle's instructions, those that a batch needs and
    no others. Bytes become text of the same codes.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []
    memo: dict[Any, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(content):
        match opcode.name:
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BININT" | "BININT1" | "BININT2":
                stack.append(argument)
            case "BINSTRING" | "SHORT_BINSTRING" | "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument)
            case "BINBYTES" | "SHORT_BINBYTES":
                stack.append(str(argument, "latin-1"))
            case "PROTO" | "FRAME":
                pass
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "MARK":
                below.append(stack)
                stack = []
            case "EMPTY_LIST":
                stack.append([])
            case "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            case "APPENDS":
                values, stack = stack, below.pop()
                stack[-1].extend(values)
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                values, stack = stack, below.pop()
                stack.append(tuple(values))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                n_values = int(opcode.name[-1])
                stack[-n_values:] = [tuple(stack[-n_values:])]
            case "EMPTY_DICT":
                stack.append({})
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _set_items(stack[-1], [key, value])
            case "SETITEMS":
                values, stack = stack, below.pop()
                _set_items(stack[-1], values)
            case "GLOBAL":
                stack.append(_known_name(argument))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_known_name(f"{module} {name}"))
            case "REDUCE":
                arguments, name = stack.pop(), stack.pop()
                stack.append(arguments[0] if name == "_codecs encode" else _Stored(name, arguments))
            case "BUILD":
                state = stack.pop()
                stack[-1].state = state
            case "STOP":
                return stack[-1]
            case _:
                raise ValueError(f"it has the instruction {opcode.name}")


def _known_name(name: Any) -> str:
    if name not in _NAMES:
        raise ValueError(f"it asks for {name!r}")
    return name


def _set_items(dictionary: dict[str, Any], keys_and_values: list[Any]) -> None:
    for key, value in zip(keys_and_values[::2], keys_and_values[1::2], strict=True):
        # A tuple of tuples of tuples could take for ever to hash.
        if not isinstance(key, str):
            raise TypeError(f"it has a key of type {type(key).__name__}")
        dictionary[key] = value


def _labels(stored: Any) -> NDArray[np.int64]:
    if not isinstance(stored, list) or not all(type(label) is int for label in stored):
        raise TypeError("its labels are not a list of integers")
    return np.array(stored, dtype=np.int64)


def _pixels(stored: Any) -> NDArray[np.uint8]:
    _, shape, dtype, in_columns, values = stored.state
    if dtype.arguments[0] != "u1" or in_columns is not False:
        raise TypeError("its pixels are not bytes, row by row")
    raw = values.encode("latin-1")
    if type(shape[0]) is not int or shape[1] != 3072 or len(raw) != shape[0] * 3072:
        raise ValueError(f"it has {len(raw)} pixel values, which are not 3072 for each picture")
    return np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3072)


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
