"""Values of Python."""

import functools
import math
import os

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import normalize

from sklearn_cnn import families
from sklearn_cnn.persistence import ArchiveError, load, save

from ._same import same


def scalars():
    return (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(-(2**70), 2**70)
        | st.floats()
        | st.complex_numbers()
        | st.text()
        | st.binary()
        | st.slices(10)
        | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
        | structured_dtypes(allow_subarrays=True)
        | hnp.scalar_dtypes().flatmap(hnp.from_dtype)
    )


def structured_dtypes(**options):
    return hnp.array_dtypes(**options).filter(has_no_titles)


def has_no_titles(dtype):
    return all(
        len(field) == 2 and (field[0].names is None or has_no_titles(field[0]))
        for field in dtype.fields.values()
    )


def keys():
    return st.none() | st.booleans() | st.integers() | st.text() | st.binary()


def arrays():
    dtypes = hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.byte_string_dtypes()
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    return hnp.arrays(dtypes | structured_dtypes(), shapes)


def trees():
    return st.recursive(
        scalars() | arrays(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=4).map(tuple)
            | st.dictionaries(st.text(), inner, max_size=4)
            | st.dictionaries(keys() | st.tuples(keys(), keys()), inner, max_size=4)
            | st.sets(keys(), max_size=4)
            | st.frozensets(keys(), max_size=4)
        ),
        max_leaves=12,
    )


@given(trees())
def test_any_tree_of_values_comes_back_the_same(there_and_back, tree):
    assert same(there_and_back(tree), tree)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        2**63,
        -(2**63) - 1,
        7**999,
        -0.0,
        5e-324,
        math.inf,
        -math.inf,
        math.nan,
        complex(math.nan, -0.0),
        "\ud800 a lone surrogate",
        "\0",
        b"\0\xff",
        (),
        {1: "one", "1": "text", (1, None): b"bytes", frozenset({2}): 2.0},
        {"kind": "dict", "id": 0},
        {"b": 1, "a": 2},
        slice(None),
        np.float64,
        np.bool_,
        float,
        object,
        np.ndarray,
        LogisticRegression,
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_value_at_the_edge_comes_back_the_same(there_and_back, value):
    assert same(there_and_back(value), value)


def test_an_integer_longer_than_python_converts_to_decimal_comes_back(there_and_back):
    assert there_and_back(10**5000) == 10**5000


@pytest.mark.parametrize(
    "function",
    [
        families.poisson,
        f_classif,
        accuracy_score,
        rbf_kernel,
        normalize,
        np.log1p,
        np.mean,
        np.nan_to_num,
        scipy.special.expit,
    ],
    ids=lambda function: function.__name__,
)
def test_functions_that_only_compute_come_back_without_being_trusted(there_and_back, function):
    assert there_and_back({"func": function})["func"] is function


def test_a_partial_comes_back_with_its_arguments(there_and_back):
    rounded = functools.partial(np.round, decimals=2)
    assert same(there_and_back(rounded), rounded)


def test_a_function_of_the_user_needs_trust(tmp_path):
    save([os.path.join], tmp_path / "archive.zip")
    with pytest.raises(ArchiveError, match=r"posixpath\.join.*pass trusted=\[join\] to load"):
        load(tmp_path / "archive.zip")
    trusted = [np.log1p, scipy.special.expit, len, np.mean, dict, os.path.join]
    assert load(tmp_path / "archive.zip", trusted=trusted) == [os.path.join]


def test_a_ufunc_of_the_user_is_refused(there_and_back):
    with pytest.raises(ArchiveError, match="is the ufunc .*, which neither NumPy nor SciPy has"):
        there_and_back([np.frompyfunc(str, 1, 1)])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([lambda x: x], r"list cannot be saved: \[0\] cannot be found as .*<lambda>; define it"),
        ({"a": ["text".upper]}, r"dict cannot be saved: \['a'\]\[0\] is of type builtins\.b"),
        (iter([]), r"list_iterator cannot be saved: it is of type builtins\.list_iterator"),
    ],
)
def test_what_cannot_be_saved_is_named_with_its_place(there_and_back, value, message):
    with pytest.raises(ArchiveError, match=message):
        there_and_back(value)


def test_one_object_stays_one_object(there_and_back):
    array, names = np.arange(3.0), ["a"]
    value = {"array": array, "again": [array, names], "names": names, "pair": (array, array)}
    back = there_and_back(value)
    assert back["array"] is back["again"][0] is back["pair"][0] is back["pair"][1]
    assert back["names"] is back["again"][1]


def test_equal_objects_stay_apart(there_and_back):
    one, other = there_and_back([np.zeros(2), np.zeros(2)])
    assert one is not other
    assert not np.shares_memory(one, other)


def test_lists_and_dictionaries_may_contain_themselves(there_and_back):
    value = {"list": []}
    value["list"].append(value)
    back = there_and_back(value)
    assert back["list"][0] is back


def test_a_tuple_within_itself_is_refused(there_and_back):
    inner = []
    value = (inner,)
    inner.append(value)
    with pytest.raises(ArchiveError, match="contains itself"):
        there_and_back(value)


def test_values_nested_a_hundred_deep_are_saved_and_deeper_ones_refused(there_and_back):
    value = "core"
    for _ in range(100):
        value = [value]
    assert there_and_back(value) == value
    with pytest.raises(ArchiveError, match="nested more than 100 levels deep"):
        there_and_back([value])
