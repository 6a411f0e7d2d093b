import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from r_bridge._convert import ConversionError, Factor, Frame, lay, pack, r_dtype, unpack


def there_and_back(value):
    program, buffers = pack(value)
    return unpack(program.tolist(), buffers)


def assert_same(actual, expected):
    """Equal in value, kind, shape and what is masked."""
    if isinstance(expected, np.ma.MaskedArray):
        assert isinstance(actual, np.ma.MaskedArray)
        np.testing.assert_array_equal(np.ma.getmaskarray(actual), np.ma.getmaskarray(expected))
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        assert actual.compressed().tolist() == expected.compressed().tolist()
    elif isinstance(expected, np.ndarray):
        assert isinstance(actual, np.ndarray)
        assert actual.dtype == expected.dtype
        assert actual.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(actual, expected)
    elif isinstance(expected, dict):
        assert list(actual) == list(expected)
        for name in expected:
            assert_same(actual[name], expected[name])
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, Factor):
        np.testing.assert_array_equal(actual.codes, expected.codes)
        assert (actual.levels, actual.ordered) == (expected.levels, expected.ordered)
    elif isinstance(expected, Frame):
        assert (actual.n_rows, actual.row_names) == (expected.n_rows, expected.row_names)
        assert_same(actual.columns, expected.columns)
    elif isinstance(expected, float) and np.isnan(expected):
        assert isinstance(actual, float)
        assert np.isnan(actual)
    else:
        assert type(actual) is type(expected)
        assert actual == expected


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
shapes = hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4)
dates = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31) + 1, 2**31 - 1),
    st.floats(),
    text,
    st.binary(max_size=9),
    dates,
)
numbers = (
    st.sampled_from([np.float64, np.int32, np.bool_])
    .flatmap(lambda dtype: hnp.arrays(dtype, shapes))
    .filter(lambda array: array.dtype != np.int32 or not (array == -(2**31)).any())
)
texts = shapes.flatmap(lambda shape: hnp.arrays(object, shape, elements=text))
pictures = hnp.arrays(np.uint8, shapes.filter(lambda shape: len(shape) > 1))
days = hnp.arrays("datetime64[D]", shapes, elements=dates)


@st.composite
def masked_arrays(draw):
    array = draw(st.one_of(numbers.filter(lambda array: array.dtype.kind in "ib"), texts))
    mask = draw(hnp.arrays(np.bool_, array.shape))
    return np.ma.array(array, mask=mask) if mask.any() else array


@st.composite
def factors(draw):
    levels = draw(st.lists(text, unique=True, max_size=5))
    codes = draw(st.lists(st.integers(-1, len(levels) - 1), max_size=9))
    return Factor(np.array(codes, dtype=np.int32), levels, draw(st.booleans()))


@st.composite
def frames(draw):
    n_rows = draw(st.integers(0, 5))
    names = draw(st.lists(text, unique=True, max_size=4))
    dtypes = st.sampled_from([np.float64, np.bool_])
    columns = {name: np.zeros(n_rows, dtype=draw(dtypes)) for name in names}
    row_names = [f"row {index}" for index in range(n_rows)]
    return Frame(columns, n_rows, draw(st.sampled_from([None, row_names])))


leaves = st.one_of(scalars, numbers, texts, pictures, days, masked_arrays(), factors(), frames())
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)


@given(values)
def test_every_value_comes_back_as_it_went(value):
    assert_same(there_and_back(value), value)


@given(hnp.arrays(st.sampled_from([np.float64, np.float32, np.int16]), shapes))
def test_elements_lie_in_the_type_and_order_of_r(array):
    _, (buffer,) = pack(array)
    memory = np.empty(buffer.size, r_dtype(buffer))
    lay(buffer, memory)
    assert memory.dtype == (np.float64 if array.dtype.kind == "f" else np.int32)
    np.testing.assert_array_equal(memory, array.ravel(order="F"))


@given(numbers)
def test_the_result_shares_no_memory_with_what_came(array):
    program, buffers = pack(array)
    result = unpack(program.tolist(), buffers)
    assert not np.shares_memory(result, buffers[0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_become_doubles(dtype):
    assert_same(there_and_back(np.array([0.5, np.inf], dtype)), np.array([0.5, np.inf]))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.int64, np.uint64])
def test_integers_of_all_widths_become_integers(dtype):
    assert_same(there_and_back(np.array([0, 100], dtype)), np.array([0, 100], np.int32))


def test_the_smallest_int32_is_a_double_because_r_reads_it_as_missing():
    assert_same(there_and_back(np.array([-(2**31)])), np.array([-(2.0**31)]))


def test_whole_numbers_beyond_integer_become_doubles_as_long_as_they_are_exact():
    assert there_and_back(2**53) == 2.0**53
    with pytest.raises(ConversionError, match="value holds 9007199254740993, beyond R's exact"):
        pack(2**53 + 1)


def test_a_tuple_is_a_vector():
    assert_same(there_and_back((1, 2)), np.array([1, 2], np.int32))
    result = there_and_back(("a", None))
    assert result.tolist() == ["a", None]
    with pytest.raises(ConversionError, match="not one of scalars of one kind"):
        pack((1, (2, 3)))


def test_masked_floats_become_nan():
    assert_same(there_and_back(np.ma.array([1.0, 2.0], mask=[True, False])), np.array([np.nan, 2]))


def test_the_payload_of_a_nan_survives_for_r_tells_na_by_it():
    na = np.array([0x7FF00000000007A2], dtype=np.uint64).view(np.float64)
    assert there_and_back(na).view(np.uint64)[0] & 0xFFFFFFFF == 1954


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {2}]}, r"no counterpart of value\$a\[\[2\]\], which is of class 'set'"),
        (np.array([1j]), "an array of complex128"),
        (np.array(["2020-01-01T12:00"], "datetime64[m]"), "only datetime64"),
        (dt.datetime(2020, 1, 1, 12), "only dates without a time"),
        ({1: 2}, "names in value must be strings"),
        (np.array([{}], dtype=object), "array of objects, but not of strings"),
        ("a\0b", "zero character"),
    ],
)
def test_what_r_cannot_hold_is_refused_with_its_place(value, message):
    with pytest.raises(ConversionError, match=message):
        pack(value)


def test_a_factor_has_labels():
    factor = Factor(np.array([1, -1, 0]), ["low", "high"], ordered=True)
    assert factor.labels().tolist() == ["high", None, "low"]
    assert len(factor) == 3


def test_codes_are_those_of_the_r_half():
    """R/codec.R names the codes in the order of the readers."""
    from pathlib import Path

    from r_bridge import _convert

    source = Path(_convert.__file__).parent / "sklearncnn" / "R" / "codec.R"
    words = source.read_text().split("code <- c(")[1].split(")")[0].split(",")
    in_r = {
        name.strip(): int(number.strip().rstrip("L"))
        for name, number in (word.split("=") for word in words)
    }
    assert all(one + 1 == other for one, other in pairwise(in_r.values()))
    assert {name: getattr(_convert, name.upper()) for name in in_r} == in_r
