import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from sklearn_cnn import Autoencoder, ReconstructionDisplay


def test_errors_are_those_of_the_estimator(autoencoder, pictures):
    X = pictures[0].reshape(40, 36)
    display = ReconstructionDisplay.from_estimator(autoencoder, X, n_rows=4)
    assert_allclose(display.errors, autoencoder.reconstruction_error(X)[:4])
    assert_allclose(display.reconstructions[:, :, 0], autoencoder.reconstruct(X[:4]))


def test_originals_stand_above_their_reconstructions(autoencoder, pictures):
    X = pictures[0].reshape(40, 36)
    display = ReconstructionDisplay.from_estimator(autoencoder, X, n_rows=3, input_shape=(6, 6, 1))
    assert display.originals.shape == (3, 6, 6, 1)
    drawn = display.image_.get_array()
    assert_allclose(drawn[2:38:6, 40:76:6], pictures[0][1])
    assert_allclose(drawn[40:76:6, 40:76:6], autoencoder.reconstruct(X)[1].reshape(6, 6))
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == [f"{error:.2g}" for error in display.errors]
    assert display.ax_.get_xlabel() == "mean squared error"


def test_both_have_the_same_greys(autoencoder, pictures):
    X = pictures[0].reshape(40, 36)
    display = ReconstructionDisplay.from_estimator(autoencoder, X, n_rows=3, input_shape=(6, 6, 1))
    assert display.image_.get_clim() == (X[:3].min(), X[:3].max())


def test_a_convolutional_autoencoder_knows_the_shape_of_its_pictures(pictures):
    X = pictures[0].reshape(40, 36)
    autoencoder = Autoencoder(2, filters=(2,), input_shape=(6, 6, 1), max_iter=1).fit(X)
    assert ReconstructionDisplay.from_estimator(autoencoder, X).originals.shape == (10, 6, 6, 1)
    autoencoder = Autoencoder(2, filters=(2,), max_iter=1).fit(pictures[0])
    display = ReconstructionDisplay.from_estimator(autoencoder, pictures[0])
    assert display.originals.shape == (10, 6, 6, 1)


def test_colours_are_drawn_as_colours():
    rng = np.random.RandomState(0)
    pictures = rng.uniform(size=(4, 5, 5, 3))
    display = ReconstructionDisplay(
        originals=pictures, reconstructions=pictures * 2, errors=np.ones(4)
    ).plot()
    drawn = np.asarray(display.image_.get_array())
    assert drawn.shape == (66, 130, 3)
    assert drawn.min() == 0
    assert drawn.max() == 1


def test_rows_of_a_table_are_curves(autoencoder, pictures):
    X = pictures[0].reshape(40, 36)
    display = ReconstructionDisplay.from_estimator(autoencoder, X, n_rows=2)
    assert display.image_ is None
    assert len(display.axes_) == len(display.lines_) == 2
    original, reconstruction = display.lines_[1]
    assert_array_equal(original.get_ydata(), X[1])
    assert_allclose(reconstruction.get_ydata(), autoencoder.reconstruct(X)[1])
    assert original.get_linestyle() != reconstruction.get_linestyle()


def test_principal_components_can_be_seen_beside_it(pictures):
    X = pictures[0].reshape(40, 36)
    display = ReconstructionDisplay.from_estimator(PCA(36).fit(X), X, input_shape=(6, 6, 1))
    assert_allclose(display.errors, np.zeros(10), atol=1e-20)


def test_fewer_rows_than_asked_are_no_error(autoencoder, pictures):
    X = pictures[0].reshape(40, 36)[:3]
    assert len(ReconstructionDisplay.from_estimator(autoencoder, X).errors) == 3


def test_a_shape_that_rows_do_not_have_is_an_error(autoencoder, pictures):
    X = pictures[0].reshape(40, 36)
    with pytest.raises(
        ValueError, match=r"X has 36 features, but input_shape=\(7, 7, 1\) needs 49"
    ):
        ReconstructionDisplay.from_estimator(autoencoder, X, input_shape=(7, 7, 1))


def test_an_estimator_that_gives_nothing_back_is_an_error():
    encoder = StandardScaler().fit([[0.0], [1.0]])
    assert ReconstructionDisplay.from_estimator(encoder, [[0.0], [1.0]]).errors.sum() == 0
    from sklearn.linear_model import LinearRegression

    with pytest.raises(TypeError, match="such as Autoencoder. LinearRegression has no transform."):
        ReconstructionDisplay.from_estimator(LinearRegression().fit([[0.0]], [0.0]), [[0.0]])


def test_before_fit_there_is_nothing_to_draw():
    with pytest.raises(NotFittedError):
        ReconstructionDisplay.from_estimator(Autoencoder(), [[0.0]])
