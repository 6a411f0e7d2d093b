"""Files of earlier versions: a pickle and a saved pipeline must keep loading, and predict alike."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

import sklearn_cnn

FOLDER = Path(__file__).parent / "old_files"
X = load_iris().data[::10]

# First predicted probabilities of each file, as they were when it was written.
EXPECTED = np.loadtxt(FOLDER / "probabilities.txt")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_a_pickle_of_version_0_1_predicts_as_it_did():
    with open(FOLDER / "mlp-0.1.pickle", "rb") as file:
        mlp = pickle.load(file)
    np.testing.assert_allclose(mlp.predict_proba(X), EXPECTED, rtol=1e-6)
    mlp.partial_fit(load_iris().data, load_iris().target)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_a_saved_pipeline_of_version_0_1_predicts_as_it_did():
    pipeline = sklearn_cnn.load(FOLDER / "pipeline-0.1.sklearn_cnn")
    np.testing.assert_allclose(pipeline[-1].predict_proba(X), EXPECTED, rtol=1e-6)
    assert pipeline.predict(X).shape == (len(X),)
