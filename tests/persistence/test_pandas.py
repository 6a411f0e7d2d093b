"""Values of pandas."""

import numpy as np
import pandas as pd
import pytest

from sklearn_cnn.persistence import ArchiveError


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["a", "b"], name="letters"),
        pd.Index(["a", None], dtype=object),
        pd.Index([1, 2]),
        pd.Index([1.5, np.nan], dtype="float32"),
        pd.RangeIndex(3, 9, 2, name=("a", 1)),
    ],
    ids=lambda index: f"{type(index).__name__}-{index.dtype}",
)
def test_labels_of_a_data_frame_come_back_the_same(there_and_back, index):
    pd.testing.assert_index_equal(there_and_back(index), index, exact=True)


def test_labels_of_other_kinds_are_refused(there_and_back):
    with pytest.raises(ArchiveError, match="Index of dtype Int64"):
        there_and_back(pd.Index([1, None], dtype="Int64"))


def test_missing_values_of_pandas_stay_one_object_each(there_and_back):
    categories = np.array(["a", pd.NA, pd.NaT], dtype=object)
    back = there_and_back(categories)
    assert back[1] is pd.NA
    assert back[2] is pd.NaT
