import numpy as np
from numpy.testing import assert_array_equal

from sklearn_cnn.encoding import RowsOf, Shared

X = np.arange(24.0).reshape(6, 4)
NUMBERS = np.array([5, 0, 0, 3])


def test_rows_are_copied_when_an_array_is_asked_for():
    rows = RowsOf(Shared(X), NUMBERS)
    assert (rows.shape, rows.ndim, len(rows), rows.dtype) == ((4, 4), 2, 4, X.dtype)
    assert_array_equal(np.asarray(rows), X[NUMBERS])
    assert_array_equal(np.asarray(rows[[1, 3]]), X[[0, 3]])
    np.asarray(rows)[:] = 0
    assert X[5, 0] == 20


def test_another_form_of_the_array_is_made_once():
    shared = Shared(X)
    one, other = RowsOf(shared, NUMBERS), RowsOf(shared, NUMBERS[:2])
    pictures = np.asarray(one).reshape(4, 2, 2).astype("float32")
    assert_array_equal(np.asarray(one.as_encoded(pictures)), pictures)
    assert one.as_encoded(pictures).array is other.as_encoded(pictures[:2]).array
    assert one.astype("float64").array is X
