"""Several inputs a row, cut by rows as scikit-learn cuts arrays."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import indexable

from sklearn_cnn import Inputs
from sklearn_cnn.encoding.several import are_several


def two_inputs(n=10):
    return {"table": np.arange(3.0 * n).reshape(n, 3), "word": np.arange(n)}


@pytest.mark.parametrize("as_list", [False, True])
def test_scikit_learn_splits_them_by_rows(as_list):
    arrays = two_inputs()
    X = Inputs(list(arrays.values()) if as_list else arrays)
    y = np.arange(10)
    indexable(X, y)
    train, test, y_train, y_test = train_test_split(X, y, test_size=3, random_state=0)
    assert (len(train), len(test)) == (7, 3)
    for part, rows in ((train, y_train), (test, y_test)):
        assert_array_equal(part.values()[0], arrays["table"][rows])
        assert_array_equal(part.values()[1], rows)
    assert sum(len(rows) for _, rows in KFold(3).split(X)) == 10


def test_rows_and_names_select():
    X = Inputs(two_inputs())
    assert_array_equal(X["word"], np.arange(10))
    assert_array_equal(X[2:4]["word"], [2, 3])
    assert_array_equal(X[np.arange(10) > 7]["word"], [8, 9])
    assert X[:1].shape == (1, 2)
    assert Inputs(X).arrays.keys() == X.arrays.keys()
    assert repr(Inputs([np.zeros(1)])) == "Inputs([array([0.])])"


@pytest.mark.parametrize(
    ("arrays", "lengths"),
    [
        ({"a": np.zeros(3), "b": np.zeros(4)}, "3, 4"),
        ([np.zeros(3), np.float64(1)], "3, None"),
        ({}, "(none)"),
    ],
)
def test_arrays_of_other_lengths_are_refused(arrays, lengths):
    with pytest.raises(ValueError, match="arrays of equal length") as error:
        Inputs(arrays)
    assert lengths in str(error.value)


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (two_inputs(), True),
        (Inputs(two_inputs()), True),
        ([np.zeros((10, 2)), np.zeros(10)], True),
        ([np.zeros(10), np.zeros(10)], False),  # two rows of a table
        ([[0.0, 1.0], [2.0, 3.0]], False),
        ([np.zeros((10, 2)), np.zeros((9, 2))], False),
        (np.zeros((10, 2)), False),
        ([], False),
        (sparse.dok_array((10, 2)), False),
    ],
)
def test_several_inputs_are_told_from_rows(X, expected):
    assert are_several(X) is expected


def test_as_many_pictures_as_labels_are_rows():
    pictures = [np.zeros((10, 8)) for _ in range(10)]
    assert not are_several(pictures, n_samples=10)
    assert are_several(pictures[:2], n_samples=10)
