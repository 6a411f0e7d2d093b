"""Values of NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_cnn.persistence import ArchiveError

from ._same import same


@pytest.mark.parametrize(
    "array",
    [
        np.array(1.5),
        np.zeros((0, 3)),
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(20.0).reshape(4, 5)[::2, ::-1],
        np.broadcast_to(np.float32(2), (3, 2)),
        np.array(["a", "longer"]),
        np.array([b"a", b"bc"]),
        np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
        np.array([1, 2], dtype="timedelta64[h]"),
        np.array([(1, 2.0, "x")], dtype=[("a", "i1"), ("b", "f8"), ("ü", "U3")]),
        np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.zeros(2, dtype=[("nested", [("matrix", "f4", (2, 2))])]),
        np.ndarray((3,), "U0"),
        np.array([True, False]),
        np.array([1 + 2j], dtype="complex64"),
        np.array([1.0], dtype=np.longdouble),
        np.array([1.0, np.nan, np.inf], dtype="float16"),
        np.array(["a", None, 1, 2.5, np.nan, b"b", (1, 2)], dtype=object),
        np.array([[None, "x"]], dtype=object),
        np.array(None, dtype=object),
        np.ma.MaskedArray([1, 2, 3], mask=[True, False, True], fill_value=7),
        np.ma.MaskedArray(np.array(["a", None], dtype=object), mask=[False, True]),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_an_array_comes_back_the_same(there_and_back, array):
    back = there_and_back(array)
    assert same(back, array if array.base is None or array.dtype == object else array.copy("K"))
    if not isinstance(array, np.ma.MaskedArray):
        assert back.flags.writeable
        assert back.flags.aligned


def test_object_arrays_of_equal_lists_keep_their_shape(there_and_back):
    array = np.empty(2, dtype=object)
    array[:] = [[1, 2], [3, 4]]
    assert there_and_back(array).shape == (2,)


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(0.1),
        np.float32(0.1),
        np.float64("nan"),
        np.float16("inf"),
        np.int8(-128),
        np.uint64(2**64 - 1),
        np.bool_(True),
        np.complex64(1 + 2j),
        np.longdouble("0.1"),
        np.str_("text"),
        np.str_(""),
        np.bytes_(b"a\0"),
        np.datetime64("2020-01-01"),
        np.timedelta64(3, "h"),
        np.array([(1, 2.0)], dtype="i4,f8")[0],
    ],
    ids=repr,
)
def test_a_scalar_comes_back_the_same(there_and_back, scalar):
    assert same(there_and_back(scalar), scalar)


@pytest.mark.parametrize("dtype", ["f4", ">i8", "U5", "O", "i4,f8", "datetime64[D]"])
def test_a_dtype_comes_back_the_same(there_and_back, dtype):
    assert there_and_back(np.dtype(dtype)) == np.dtype(dtype)


def test_a_subclass_of_array_is_refused(there_and_back):
    with pytest.raises(ArchiveError, match=r"is of type numpy.rec.*recarray, which only pickle"):
        there_and_back(np.rec.array([1]))


def test_an_array_whose_fields_have_titles_is_refused(there_and_back):
    with pytest.raises(ArchiveError, match="which JSON cannot describe"):
        there_and_back(np.zeros(2, dtype=[(("title", "name"), "f8")]))


def test_an_array_of_a_dtype_unknown_to_numpy_is_refused(there_and_back):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(ArchiveError, match="dtype bfloat16, which JSON cannot describe"):
        there_and_back(np.zeros(2, ml_dtypes.bfloat16))


def test_an_array_in_a_file_is_saved_by_its_values(there_and_back, tmp_path):
    array = np.memmap(tmp_path / "values", dtype="f8", mode="w+", shape=(2, 2))
    array[:] = 3.0
    back = there_and_back(array)
    assert type(back) is np.ndarray
    assert_array_equal(back, array)


@pytest.mark.parametrize("name", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.Generator])
def test_random_numbers_go_on_where_they_stood(there_and_back, kind, name):
    rng = kind(getattr(np.random, name)(3))
    rng.standard_normal(3)
    back = there_and_back(rng)
    assert_array_equal(back.standard_normal(9), rng.standard_normal(9))
    assert_array_equal(back.permutation(99), rng.permutation(99))


def test_the_second_of_a_pair_of_normal_numbers_is_kept(there_and_back):
    rng = np.random.RandomState(0)
    rng.randn()
    assert there_and_back(rng).randn() == rng.randn()
