import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.preprocessing import LabelBinarizer

from sklearn_cnn import MLPClassifier


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1, 2, 1, 7],
        [True, False, False],
        ["b", "a", "c", "a"],
        np.array(["no", "yes", "no"], dtype=object),
        [-1.0, 1.0, 1.0],
        [5, 5, 5],
        [[1, 0], [0, 1], [1, 1]],
    ],
    ids=str,
)
def test_labels_are_encoded_as_label_binarizer_does(labels):
    labels = np.asarray(labels)
    network = MLPClassifier()
    target = network._encode_target(labels, first_pass=True, incremental=False)
    assert target.dtype == bool
    assert_array_equal(target, LabelBinarizer().fit_transform(labels).astype(bool))
    assert_array_equal(network.classes_, LabelBinarizer().fit(labels).classes_)
    again = network._encode_target(labels[:2], first_pass=False, incremental=True)
    assert_array_equal(again, target[:2])
