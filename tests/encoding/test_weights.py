"""Sample weights and class weights against scikit-learn's functions and against repeated rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_cnn.encoding import total_weights

X = np.zeros((6, 2))
Y = np.array(["dog", "bird", "dog", "dog", "bird", "dog"])
MULTILABEL = np.array([[0, 1], [1, 1], [0, 0], [0, 1], [1, 0], [0, 1]])

labels = st.lists(st.integers(0, 3), min_size=1, max_size=20).map(np.array)


@pytest.mark.parametrize(
    ("class_weight", "y"),
    [
        ("balanced", Y),
        ({"dog": 2.0, "bird": 0.5}, Y),
        ({"dog": 2}, Y),
        ("balanced", MULTILABEL),
        ([{0: 1, 1: 3}, {0: 2, 1: 1}], MULTILABEL),
        ({0: 2.0, 1: 3.0}, Y == "dog"),
        ({True: 3.0}, Y == "dog"),
        ({7: 3.0}, np.where(Y == "dog", 7, 9)),
    ],
)
def test_class_weights_are_those_of_scikit_learn(class_weight, y):
    expected = compute_sample_weight(class_weight, y)
    assert_allclose(total_weights(None, class_weight, y, X), expected)
    sample_weight = np.arange(1.0, 7.0)
    if class_weight != "balanced":
        assert_allclose(total_weights(sample_weight, class_weight, y, X), expected * sample_weight)


@pytest.mark.parametrize("y", [list(Y), Y.astype(object), Y[:, np.newaxis]])
def test_labels_may_come_as_a_list_as_objects_or_as_a_column(y):
    assert_allclose(total_weights(None, {"bird": 3.0}, y, X), [1, 3, 1, 1, 3, 1])


def test_sparse_labels_are_labels():
    expected = total_weights(None, "balanced", MULTILABEL, X)
    assert_allclose(total_weights(None, "balanced", sparse.csr_array(MULTILABEL), X), expected)


@given(y=labels, data=st.data())
def test_balanced_weights_of_weighted_rows_are_those_of_repeated_rows(y, data):
    repeats = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(y), max_size=len(y))))
    if not repeats.any():
        repeats[0] = 1
    weights = total_weights(repeats, "balanced", y, y)
    weights = np.ones(len(y)) if weights is None else weights
    assert_array_equal(weights > 0, repeats > 0)
    by_row = np.divide(weights, repeats, where=repeats > 0, out=np.zeros(len(y)))
    expected = compute_sample_weight("balanced", np.repeat(y, repeats))
    assert_allclose(np.repeat(by_row, repeats), expected)
    sums = [weights[y == label].sum() for label in np.unique(y[repeats > 0])]
    assert_allclose(sums, sums[0])


@pytest.mark.parametrize(
    "arguments",
    [
        (None, None, Y, X),
        (np.ones(6), None, Y, X),
        ([1] * 6, {"dog": 1.0}, Y, X),
        (1.0, None, None, X),
        (None, "balanced", ["cat", "dog"], X[:2]),
    ],
)
def test_weights_of_one_are_no_weights(arguments):
    assert total_weights(*arguments) is None


def test_the_caller_keeps_his_weights():
    sample_weight = np.arange(6.0)
    total_weights(sample_weight, {"dog": 2.0}, Y, X)
    assert_array_equal(sample_weight, np.arange(6.0))


def test_weights_without_labels_are_counted_by_X():
    assert_array_equal(total_weights(np.arange(6), None, None, X), np.arange(6.0))


def test_labels_that_this_part_of_y_lacks_may_be_named_when_they_are_known():
    weights = total_weights(None, {"cat": 3.0, "dog": 2.0}, Y, X, classes=["bird", "cat", "dog"])
    assert_allclose(weights, [2, 1, 2, 2, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, {"cat": 2.0}, Y, X), "class_weight names 'cat', but y holds only 'bird', 'dog'.$"),
        ((None, {0: 2.0, 1: 1.0}, Y, X), "class_weight names 0, 1, but y holds only"),
        ((None, {99: 2}, np.arange(30), np.arange(30)), "only 0, 1, 2, 3, 4, .* 9 and 20 more.$"),
        ((None, [{0: 1}, {2: 1}], MULTILABEL, X), r"class_weight \(output 1\) names 2, but y"),
        ((None, [{0: 1}], MULTILABEL, X), "class_weight has 1 dicts, but y has 2 outputs"),
        ((None, {0: 1}, MULTILABEL, X), "must be a list of 2 dicts, one an output, or 'balanced'"),
        ((None, "equal", Y, X), "class_weight must be a dict or 'balanced'. Got 'equal'."),
        ((None, {"dog": -1.0}, Y, X), "finite numbers, 0 or more. Got -1.0 for 'dog'."),
        ((None, {"dog": np.nan}, Y, X), "Got nan for 'dog'"),
        ((None, {"dog": "2"}, Y, X), "Got '2' for 'dog'"),
        ((None, {"dog": 0, "bird": 0}, Y, X), "class_weight leaves no row with a weight above 0"),
        ((None, "balanced", None, X), "class_weight needs y, but y is None"),
        ((np.zeros(6), None, Y, X), "Sample weights must contain at least one non-zero number"),
        ((-np.ones(6), None, Y, X), "Negative values in data passed to `sample_weight`"),
        ((np.ones(5), None, Y, X), r"sample_weight.shape == \(5,\), expected \(6,\)!"),
        ((np.ones((6, 1)), None, Y, X), "Sample weights must be 1D array or scalar"),
        (([1, 1, 1, 1, 1, np.nan], None, Y, X), "sample_weight contains NaN"),
    ],
)
def test_wrong_weights_are_errors_that_say_what_came(arguments, message):
    with pytest.raises(ValueError, match=message):
        total_weights(*arguments)
