"""What crosses between R and Python: values as a list of numbers and flat vectors.

A value of either language is written as a *program*, a vector of integers that says what follows,
and *buffers*, flat vectors of double, integer or raw. Both languages can read and write both forms
at the speed of memory, whether they share a process or not; the R half is `R/codec.R`. The table:

====================  =======================================================================
R                     Python
====================  =======================================================================
NULL                  None
double                float, ndarray of float64 (NA is a NaN that stays NA on its way back)
integer               int, ndarray of int32; with NA a masked array
logical               bool, ndarray of bool; with NA a masked array
character             str, ndarray of object holding str; with NA a masked array
raw                   bytes; with dimensions ndarray of uint8
factor, ordered       Factor
Date                  datetime.date, ndarray of datetime64[D]
list                  list, or dict where there are names
data frame            Frame
====================  =======================================================================

A vector of length one without dimensions is a Python scalar. An array is column-major in R and
row-major (C order) in Python, element ``x[i, j, k]`` is the same in both. Names of vectors and
dimnames stay in R. Python's tuples are R vectors.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

(
    NULL,
    DOUBLE,
    SINGLE,
    INTEGER,
    LOGICAL,
    STRING,
    BYTES,
    RAW,
    MASKED,
    FACTOR,
    DATE,
    LIST,
    DICT,
    FRAME,
) = range(14)

INTEGER_LIMIT = 2**31 - 1
# Doubles hold every integer up to here; R has no wider integer.
EXACT_LIMIT = 2**53


class ConversionError(TypeError):
    """A value has no counterpart in the other language; the message names its place."""


@dataclass(eq=False)
class Factor:
    """An R factor: `codes` count from 0, and -1 is NA."""

    codes: np.ndarray
    levels: list[str]
    ordered: bool = False

    def __len__(self) -> int:
        return len(self.codes)

    def labels(self) -> np.ndarray:
        """One label a row, None where the factor has NA."""
        return np.array([*self.levels, None], dtype=object)[self.codes]


@dataclass(eq=False)
class Frame:
    """An R data frame; `row_names` is None where the rows are only numbered."""

    columns: dict[str, Any]
    n_rows: int
    row_names: list[str] | None = field(default=None)


def pack(value: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Write a value as a program and its buffers.

    The buffers are as NumPy has them, in any order, floats in any precision: `lay` puts them where
    R finds them.
    """
    program: list[int] = []
    buffers: list[np.ndarray] = []
    _pack(value, "value", program, buffers)
    return np.array(program, dtype=np.int32), buffers


def r_dtype(buffer: np.ndarray) -> np.dtype:
    """How R holds the elements of a buffer: as double, integer or raw."""
    return np.dtype(np.float64) if buffer.dtype.kind == "f" else buffer.dtype


def lay(buffer: np.ndarray, memory: np.ndarray) -> None:
    """Put a buffer into flat memory of R's type, in R's order: cast and transposed in one pass."""
    np.copyto(memory.reshape(buffer.shape, order="F"), buffer)


class Laid(np.ndarray):
    """A buffer of Python's own, in the order and type of the array that it becomes."""


def unpack(program: Iterable[int], buffers: Iterable[np.ndarray]) -> Any:
    """Read the value that R wrote; it shares no memory with the buffers, but for `Laid` ones."""
    return _unpack(iter(program), iter(buffers))


def _pack(value: Any, place: str, program: list[int], buffers: list[np.ndarray]) -> None:
    match value:
        case None:
            program.append(NULL)
        case str() | bool() | int() | float() | np.generic() | dt.date():
            _pack_array(_scalar_array(value, place), place, program, buffers)
        case bytes():
            program += [BYTES, len(value)]
            buffers.append(np.frombuffer(value, dtype=np.uint8))
        case np.ndarray():
            _pack_array(value, place, program, buffers)
        case tuple():
            _pack_array(_vector(value, place), place, program, buffers)
        case list():
            program += [LIST, len(value)]
            for index, item in enumerate(value):
                _pack(item, f"{place}[[{index + 1}]]", program, buffers)
        case dict():
            program += [DICT, len(value)]
            _pack_strings(list(value), place, program, buffers)
            for name, item in value.items():
                _pack(item, f"{place}${name}", program, buffers)
        case Factor():
            program += [FACTOR, int(value.ordered), len(value.codes)]
            buffers.append(np.asarray(value.codes, dtype=np.int32))
            _pack_strings(value.levels, place, program, buffers)
        case Frame():
            program += [FRAME, len(value.columns), value.n_rows]
            _pack_strings(list(value.columns), place, program, buffers)
            if value.row_names is None:
                program.append(NULL)
            else:
                _pack_strings(value.row_names, place, program, buffers)
            for name, column in value.columns.items():
                _pack(column, f"{place}${name}", program, buffers)
        case _:
            raise ConversionError(
                f"R has no counterpart of {place}, which is of class '{type(value).__name__}'."
            )


def _scalar_array(value: Any, place: str) -> np.ndarray:
    if isinstance(value, dt.datetime):
        raise ConversionError(f"{place} is a time; only dates without a time cross to R.")
    if isinstance(value, dt.date):
        return np.array(value, dtype="datetime64[D]")
    return np.array(value, dtype=object if isinstance(value, str) else None)


def _vector(values: tuple, place: str) -> np.ndarray:
    if any(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    if not all(np.ndim(value) == 0 and value is not None for value in values):
        raise ConversionError(f"{place} is a tuple, but not one of scalars of one kind.")
    return np.array(values)


def _pack_array(
    array: np.ndarray, place: str, program: list[int], buffers: list[np.ndarray]
) -> None:
    if array.dtype == object:
        array = _without_none(array, place)
    if np.ma.isMaskedArray(array):
        if array.dtype.kind == "f":
            array = array.filled(np.nan)
        else:
            missing = np.flatnonzero(np.ma.getmaskarray(array).ravel(order="F"))
            if len(missing):
                program.append(MASKED)
                buffers.append(missing.astype(np.int32))
            array = array.filled("") if array.dtype.kind in "OUT" else array.filled(0)
    code, flat = _flat(array, place)
    program += [code, array.ndim, *array.shape]
    buffers.append(np.atleast_1d(flat))


def _without_none(array: np.ndarray, place: str) -> np.ndarray:
    """Text as it is, None masked; numbers in an array of objects get a dtype of their own."""
    values = array.ravel().tolist()
    if all(isinstance(value, str) or value is None for value in values):
        missing = [value is None for value in values]
        return np.ma.array(array, mask=np.reshape(missing, array.shape)) if any(missing) else array
    plain = np.array(values)
    if plain.dtype == object or plain.dtype.kind in "US":
        raise ConversionError(f"{place} is an array of objects, but not of strings.")
    return plain.reshape(array.shape)


def _flat(array: np.ndarray, place: str) -> tuple[int, np.ndarray]:
    """The code, and the elements in R's type, or as floats, with their dimensions."""
    kind = array.dtype.kind
    if kind in "OUT":
        return STRING, _zero_terminated(array.ravel(order="F").tolist(), place)
    if kind == "M":
        if array.dtype != "datetime64[D]":
            raise ConversionError(f"{place} holds times; only datetime64[D], dates, cross to R.")
        days = np.where(np.isnat(array), np.nan, array.astype(np.int64).astype(np.float64))
        return DATE, days
    if kind == "b":
        return LOGICAL, array.astype(np.uint8)
    if array.dtype == np.uint8:
        return RAW, array
    if kind in "iu":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        if low >= -INTEGER_LIMIT and high <= INTEGER_LIMIT:
            return INTEGER, array.astype(np.int32, copy=False)
        if low >= -EXACT_LIMIT and high <= EXACT_LIMIT:
            return DOUBLE, array.astype(np.float64)
        raise ConversionError(f"{place} holds {max(high, -low)}, beyond R's exact whole numbers.")
    if kind == "f":
        return DOUBLE, array
    raise ConversionError(f"R has no counterpart of {place}, an array of {array.dtype}.")


def _pack_strings(
    values: list[str], place: str, program: list[int], buffers: list[np.ndarray]
) -> None:
    if not all(isinstance(value, str) for value in values):
        raise ConversionError(f"The names in {place} must be strings.")
    program += [STRING, 1, len(values)]
    buffers.append(_zero_terminated(values, place))


def _zero_terminated(values: list[str], place: str) -> np.ndarray:
    text = "".join([value + "\0" for value in values])
    if text.count("\0") != len(values):
        raise ConversionError(f"{place} has a string with a zero character, which R cannot hold.")
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _unpack(program: Iterator[int], buffers: Iterator[np.ndarray]) -> Any:
    code = next(program)
    if code == NULL:
        return None
    if code == BYTES:
        next(program)
        return next(buffers).tobytes()
    if code == FACTOR:
        ordered, _ = bool(next(program)), next(program)
        codes = np.array(next(buffers), dtype=np.int32)
        return Factor(codes, _unpack(program, buffers).tolist(), ordered)
    if code == LIST:
        return [_unpack(program, buffers) for _ in range(next(program))]
    if code == DICT:
        n_items = next(program)
        names = _unpack(program, buffers)
        return {names[index]: _unpack(program, buffers) for index in range(n_items)}
    if code == FRAME:
        n_columns, n_rows = next(program), next(program)
        names, row_names = _unpack(program, buffers), _unpack(program, buffers)
        columns = {names[index]: _unpack(program, buffers) for index in range(n_columns)}
        return Frame(columns, n_rows, None if row_names is None else row_names.tolist())
    if code == MASKED:
        missing = next(buffers)
        array = _unpack_array(next(program), program, buffers)
        mask = np.zeros(array.size, dtype=bool)
        mask[missing] = True
        return np.ma.array(array, mask=mask.reshape(array.shape, order="F"))
    array = _unpack_array(code, program, buffers)
    return array if array.ndim else _scalar(array)


def _unpack_array(code: int, program: Iterator[int], buffers: Iterator[np.ndarray]) -> np.ndarray:
    shape = tuple([next(program) for _ in range(next(program))])
    buffer = next(buffers)
    flat = np.asarray(buffer)
    if code == STRING:
        text = flat.tobytes().decode().split("\0")[:-1]
        return np.array(text, dtype=object).reshape(shape, order="F").copy(order="C")
    if code == DATE:
        days = np.floor(np.nan_to_num(flat)).astype("datetime64[D]")
        days[np.isnan(flat)] = "NaT"
        return days.reshape(shape, order="F").copy(order="C")
    if isinstance(buffer, Laid):
        return flat.view(_DTYPES[code]).reshape(shape)
    # Always a copy: R may free or change the memory behind a buffer once the call has ended.
    # NA is a NaN that signals when it is cast.
    with np.errstate(invalid="ignore"):
        return np.array(flat.reshape(shape, order="F"), dtype=_DTYPES[code], order="C", copy=True)


_DTYPES: dict[int, type] = {
    DOUBLE: np.float64,
    SINGLE: np.float32,
    INTEGER: np.int32,
    LOGICAL: np.bool_,
    RAW: np.uint8,
}


def _scalar(array: np.ndarray) -> Any:
    if array.dtype.kind == "M" and np.isnat(array):
        return array
    return array.item()
