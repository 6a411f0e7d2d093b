"""The validation split against scikit-learn's MLP."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, _multilayer_perceptron

from sklearn_cnn.encoding import validation_split

X = np.arange(80.0).reshape(40, 2)
Y = np.arange(40) % 2


@pytest.mark.parametrize("stratify", [None, Y])
@pytest.mark.parametrize("weights", [None, np.arange(40.0)])
def test_rows_and_random_numbers_are_those_of_train_test_split(stratify, weights):
    ours, theirs = np.random.RandomState(3), np.random.RandomState(3)
    training, validation = validation_split(ours, (X, Y, weights), 0.2, stratify)
    expected = train_test_split(X, Y, random_state=theirs, test_size=0.2, stratify=stratify)
    for part, array in zip(
        [training[0], validation[0], training[1], validation[1]], expected, strict=True
    ):
        assert_array_equal(part, array)
    if weights is None:
        assert training[2] is None
        assert validation[2] is None
    else:
        assert_array_equal(training[2], training[0][:, 0] / 2)
        assert_array_equal(validation[2], validation[0][:, 0] / 2)
    assert ours.randint(2**31) == theirs.randint(2**31)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_mlp_of_scikit_learn_splits_likewise(monkeypatch):
    seen = []

    def recording(*arrays, **options):
        state = options["random_state"].get_state()
        parts = train_test_split(*arrays, **options)
        seen.append((state, arrays, options, parts))
        return parts

    monkeypatch.setattr(_multilayer_perceptron, "train_test_split", recording)
    MLPClassifier(early_stopping=True, max_iter=1, random_state=0, n_iter_no_change=1).fit(X, Y)
    (state, arrays, options, parts), *others = seen
    assert not others
    rng = np.random.RandomState()
    rng.set_state(state)
    training, validation = validation_split(rng, arrays, options["test_size"], options["stratify"])
    assert_array_equal(training[0], parts[0])
    assert_array_equal(validation[0], parts[1])


def test_sparse_rows_stay_sparse():
    training, validation = validation_split(np.random.RandomState(0), (sparse.csr_array(X), Y), 0.5)
    assert sparse.issparse(training[0])
    assert validation[0].shape == (20, 2)


def test_labels_keep_their_shares():
    y = np.repeat([0, 1], [30, 10])
    _, validation = validation_split(np.random.RandomState(0), (X, y), 0.2, y)
    assert_array_equal(np.bincount(validation[1]), [6, 2])


def test_one_row_is_too_few():
    with pytest.raises(ValueError, match=r"The validation set is too small\. Increase 'valid"):
        validation_split(np.random.RandomState(0), (X[:4], Y[:4]), 0.1)
