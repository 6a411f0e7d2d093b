import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_cnn import backends
from sklearn_cnn.encoding import RowsOf, Shared
from sklearn_cnn.training.common_rows import common_rows, n_distinct
from sklearn_cnn.training.plan import Fit, Rows

from ._fits import some_rows


@pytest.fixture(autouse=True)
def double_precision():
    with backends.current().precision("float64"):
        yield


def test_equal_rows_are_stored_once():
    rows, others = some_rows(20, seed=0), some_rows(20, seed=1)
    copies = [Rows(rows.x.copy(), rows.y.copy()) for _ in range(6)]
    data, places = common_rows(
        [*copies, others._replace(y=rows.y)], 24, (2, 1, 1, 1), backends.current(), weighted=False
    )
    assert np.asarray(data.x).shape == (48, 6)
    assert np.asarray(data.y).shape == (24, 3)
    assert data.weight is None
    assert_array_equal(places.x, [0] * 6 + [24])
    assert_array_equal(places.y, [0] * 7)
    assert_array_equal(np.asarray(data.x)[24:44], others.x)


def test_rows_without_weights_weigh_one_beside_weighted_ones():
    plain, weighted = some_rows(5), some_rows(5, weighted=True)
    data, places = common_rows(
        [plain, weighted], 8, (1, 1, 2, 1), backends.current(), weighted=True
    )
    weight = np.asarray(data.weight)
    assert_array_equal(weight[places.weight[0] : places.weight[0] + 8], [1.0] * 5 + [0.0] * 3)
    assert_array_equal(weight[places.weight[1] : places.weight[1] + 5], weighted.weight)


def test_rows_of_a_shared_array_lie_in_it_once_with_their_targets():
    whole, chosen = some_rows(10), [np.array([3, 3, 0, 9]), np.array([9, 1, 2, 3])]
    shared = Shared(whole.x)
    rows = [Rows(RowsOf(shared, numbers), whole.y[numbers]) for numbers in chosen]
    rows.append(rows[0]._replace(y=1 + rows[0].y))
    data, places = common_rows(rows, 12, (1, 2, 1, 1), backends.current(), weighted=True)
    assert_array_equal(np.asarray(data.x)[:10], whole.x)
    assert_array_equal(places.x, [0, 0, 0])
    assert_array_equal(places.y, [0, 0, 12])  # targets that contradict lie apart
    for one, place, numbers in zip(rows, places.y, [*chosen, chosen[0]], strict=True):
        assert_array_equal(np.asarray(data.y)[place + numbers], one.y)
    assert_array_equal(np.asarray(data.weight)[[0, 1, 2, 3, 9]], np.ones(5))


def test_inputs_by_name_are_common_as_one():
    rows = [
        Rows({"a": np.full((3, 2), k), "b": np.ones((3, 1))}, np.zeros((3, 1))) for k in (1.0, 2.0)
    ]
    data, places = common_rows(rows, 4, (2, 1, 1, 1), backends.current(), weighted=False)
    assert_array_equal(np.asarray(data.x["a"])[places.x[1] : places.x[1] + 3], rows[1].x["a"])
    assert np.asarray(data.x["b"]).shape == (8, 1)


def test_distinct_arrays_are_counted_for_training_and_validation():
    rows = some_rows(6)
    fits = [
        Fit(None, None, Rows(rows.x + k % 2, rows.y), None, some_rows(4, seed=k)) for k in range(4)
    ]
    assert n_distinct(fits, weighted=False) == [2, 1, 1, 1, 4, 4, 1, 1]
    assert n_distinct(fits, weighted=True) == [2, 1, 1, 1, 4, 4, 1, 1]
