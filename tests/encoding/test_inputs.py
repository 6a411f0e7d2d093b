"""Shapes of pictures and signals."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_cnn.encoding import as_pictures, picture_shape

sizes = st.integers(1, 6)


@pytest.mark.parametrize(
    ("X_shape", "input_shape", "expected"),
    [
        ((5, 8, 9, 3), None, (8, 9, 3)),
        ((5, 8, 9, 3), (8, 9, 3), (8, 9, 3)),
        ((5, 8, 9), None, (8, 9, 1)),
        ((5, 8, 9), (8, 9, 1), (8, 9, 1)),
        ((5, 8, 9), (8, 9), (8, 9)),
        ((5, 128, 1), None, (128, 1)),
        ((5, 128, 1), (128, 1), (128, 1)),
        ((5, 128, 1), (128,), (128, 1)),
        ((5, 192), (8, 8, 3), (8, 8, 3)),
        ((5, 192), (64, 3), (64, 3)),
        ((5, 192), (192,), (192, 1)),
        ((5, 192), 192, (192, 1)),
        ((5, 192), [np.int64(8), 8, 3], (8, 8, 3)),
        ((5, 192), None, (192, 1)),
        ((5, 1), None, (1, 1)),
    ],
)
def test_each_shape_of_X_is_a_picture_or_a_signal(X_shape, input_shape, expected):
    assert picture_shape(X_shape, input_shape) == expected
    assert as_pictures(np.zeros(X_shape), input_shape).shape == (5, *expected)


@given(shape=st.lists(sizes, min_size=2, max_size=3).map(tuple), n_samples=st.integers(0, 4))
def test_flat_rows_become_what_they_were_flattened_from(shape, n_samples):
    X = np.arange(n_samples * math.prod(shape)).reshape(n_samples, *shape)
    assert (as_pictures(X.reshape(n_samples, math.prod(shape)), shape) == X).all()


@given(row=st.lists(sizes, min_size=1, max_size=3).map(tuple))
def test_a_shape_once_found_holds_for_later_rows(row):
    found = picture_shape((7, *row))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert picture_shape((3, *row), found) == found
        assert picture_shape((3, math.prod(row)), found) == found


def test_no_data_is_copied():
    X = np.zeros((5, 64), dtype="float32")
    assert np.shares_memory(as_pictures(X, (8, 8, 1)), X)


@pytest.mark.parametrize(
    ("X_shape", "input_shape", "message"),
    [
        (
            (5, 60),
            (8, 8, 1),
            r"X has 60 features, but .*\(8, 8, 1\) needs 64. Pass 8 \* 8 \* 1 columns or correct",
        ),
        ((5, 60), (61,), r"X has 60 features, but input_shape=\(61,\) needs 61. Pass 61 columns"),
        ((5, 8, 9), (9, 8, 1), r"Each row of X has shape \(8, 9\), but input_shape=\(9, 8, 1\)."),
        ((5, 8, 9), (9, 8, 1), r"or pass flat rows, X.reshape\(5, 72\)."),
        ((5, 8, 9, 3), (8, 9, 1), r"has shape \(8, 9, 3\), but .* Correct one of them.$"),
        ((5, 8, 9, 3), (8, 9), r"Each row of X has shape \(8, 9, 3\)"),
        ((5, 2, 8, 9, 3), None, r"X must have shape .* Got shape \(5, 2, 8, 9, 3\)."),
        ((5,), None, r"Got shape \(5,\)"),
        ((5, 64), (8, 0), r"input_shape must be \(height, width, channels\), .* Got \(8, 0\)."),
        ((5, 64), (8, 8.0, 1), r"each a positive integer. Got \(8, 8.0, 1\)."),
        ((5, 64), "64", "Got '64'"),
        ((5, 64), (2, 2, 2, 8), "input_shape must be"),
        ((5, 64), (), "input_shape must be"),
        ((5, 64), 6.4, "Got 6.4"),
    ],
)
def test_a_shape_that_does_not_fit_is_an_error_that_says_what_would(X_shape, input_shape, message):
    with pytest.raises(ValueError, match=message):
        picture_shape(X_shape, input_shape)
    with pytest.raises(ValueError, match=message):
        as_pictures(np.zeros(X_shape), input_shape)


def test_a_square_signal_is_suspected_to_be_a_picture():
    with pytest.warns(UserWarning, match=r"pass input_shape=\(28, 28, 1\)"):
        assert picture_shape((5, 784), (28, 28)) == (28, 28)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_pictures(np.zeros((5, 784)), (28, 28))
        picture_shape((5, 784), (392, 2))
