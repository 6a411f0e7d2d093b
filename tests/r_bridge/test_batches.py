"""Batches depend on their seed and number alone, and Keras sees them as they are."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from r_bridge._batches import Batches, batch_of, endless, failures_of, inputs_in_order, once
from r_bridge._keras_objects import keep
from sklearn_cnn import import_keras


@dataclass
class Numbers:
    """Row numbers as inputs, with a draw of the batch's own stream as targets."""

    n: int
    failing: bool = False

    def __len__(self):
        return self.n

    def take(self, rows, rng):
        if self.failing:
            raise FileNotFoundError("There is no picture 'lost.png'.")
        return rows.astype(np.float32)[:, None], rng.random(len(rows))


def batches(n=10, batch_size=4, shuffle=True, seed=1, **more):
    return Batches(Numbers(n), batch_size, shuffle, seed, **more)


def rows_of_epoch(them, epoch=0, **how):
    numbers = range(epoch * them.n_batches, (epoch + 1) * them.n_batches)
    return [int(x) for number in numbers for x in them.batch(number, **how)[0].ravel()]


def test_an_epoch_has_every_row_once_in_an_order_of_its_own():
    them = batches()
    first, second = rows_of_epoch(them), rows_of_epoch(them, 1)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert [len(them.batch(number)[0]) for number in range(4)] == [4, 4, 2, 4]


def test_batches_are_the_same_whenever_they_are_asked_for():
    them = batches()
    before = [them.batch(number) for number in range(6)]
    for number in (5, 0, 3):
        for part, again in zip(before[number], them.batch(number), strict=True):
            assert_array_equal(part, again)


def test_a_fit_brings_a_seed_unless_the_user_chose_one():
    assert rows_of_epoch(batches(), seed=2) == rows_of_epoch(batches(seed=2))
    chosen = batches(seed_is_given=True)
    assert rows_of_epoch(chosen, seed=2) == rows_of_epoch(chosen)


def test_rows_are_in_order_where_they_are_predicted_or_all_evaluated():
    them = batches()
    assert [int(x) for part in range(3) for x in inputs_in_order(them)[part][0].ravel()] == list(
        range(10)
    )
    assert_array_equal(once(them)[0][0].ravel(), [0, 1, 2, 3])
    assert_array_equal(once(them, 2)[0][0], them.batch(0)[0])
    assert once(them, 2).num_batches == 2
    assert endless(them, 1).num_batches is None


def test_r_gets_a_batch_as_a_list():
    them = batches(shuffle=False)
    x, y = batch_of(keep(them), 1.0)
    assert_array_equal(x.ravel(), [4, 5, 6, 7])
    assert y.shape == (4,)


def test_what_went_wrong_in_a_batch_is_raised_as_it_was():
    keras = import_keras()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    feed = inputs_in_order(Batches(Numbers(4, failing=True), 2, False, 1))
    lost = pytest.raises(FileNotFoundError, match=r"There is no picture 'lost\.png'")
    with lost, failures_of(feed):
        model.predict(feed, verbose=0)
