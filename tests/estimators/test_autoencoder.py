"""Autoencoders: like PCA where they are linear; codes, shapes, losses, when training stops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_cnn import Autoencoder
from sklearn_cnn.families import binomial
from tests._estimators import quick
from tests._problems import digits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
# Three directions of unlike length in eight dimensions, and a little noise.
TABLE = RNG.normal(size=(120, 3)) * [3, 2, 1] @ np.linalg.qr(RNG.normal(size=(8, 3)))[0].T
TABLE = TABLE + 0.1 * RNG.normal(size=TABLE.shape) + 0.5
PICTURES = digits(pictures=True)[0][:150]


def linear(n_components, **settings):
    options = {"hidden_layer_sizes": (), "solver": "lbfgs", "tol": 1e-6, "max_iter": 1000}
    return Autoencoder(n_components, random_state=0, **options | settings)


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_a_linear_autoencoder_spans_the_subspace_of_pca(n_components):
    autoencoder = linear(n_components).fit(TABLE)
    pca = PCA(n_components).fit(TABLE)
    decoder = autoencoder.model_.get_weights()[-2]
    cosines = np.cos(subspace_angles(decoder.T, pca.components_.T))
    assert (cosines > 0.9999).all()
    rebuilt = pca.inverse_transform(pca.transform(TABLE))
    error = np.mean((TABLE - rebuilt) ** 2)
    assert_allclose(-autoencoder.score(TABLE), error, rtol=5e-3)
    assert_allclose(autoencoder.reconstruct(TABLE), rebuilt, atol=0.05)


def test_a_deep_linear_autoencoder_spans_it_too():
    autoencoder = linear(2, hidden_layer_sizes=(5,), activation="identity").fit(TABLE)
    pca = PCA(2).fit(TABLE)
    codes = np.column_stack([autoencoder.transform(TABLE), np.ones(len(TABLE))])
    for component in pca.transform(TABLE).T:  # each is a linear function of the codes
        _, residual, *_ = np.linalg.lstsq(codes, component)
        assert residual[0] < 1e-4 * np.sum(component**2)


def test_weights_make_it_the_pca_of_weighted_rows():
    weight = np.where(np.arange(120) < 60, 2, 1)
    autoencoder = linear(2).fit(TABLE, sample_weight=weight)
    pca = PCA(2).fit(np.repeat(TABLE, weight, axis=0))
    decoder = autoencoder.model_.get_weights()[-2]
    assert (np.cos(subspace_angles(decoder.T, pca.components_.T)) > 0.9999).all()


SHAPES = {
    "table": (TABLE, {}),
    "table of float32": (TABLE.astype(np.float32), {}),
    "pictures": (PICTURES, {"filters": (4, 6)}),
    "pictures without convolutions": (PICTURES, {}),
    "colours": (np.stack([PICTURES, PICTURES], axis=-1), {"filters": (4,)}),
    "flat pictures": (PICTURES.reshape(150, 64), {"filters": (4,), "input_shape": (8, 8, 1)}),
    "signals": (TABLE, {"filters": (4,), "kernel_size": 2}),
    "odd sizes": (PICTURES[:, :7, :5], {"filters": (3, 3), "strides": (2, 1)}),
    "valid margins": (PICTURES, {"filters": (3,), "padding": "valid", "pooling": "average"}),
    "batch normalisation": (PICTURES, {"filters": (3,), "batch_normalization": True}),
}


@pytest.mark.parametrize(("X", "settings"), SHAPES.values(), ids=SHAPES)
def test_rows_come_back_in_their_shape_and_float_type(X, settings):
    autoencoder = quick("Autoencoder", n_components=3, **settings).fit(X)
    codes = autoencoder.transform(X)
    pictures = X.ndim > 2 or "input_shape" in settings
    assert codes.shape == (len(X), 3)
    assert codes.dtype == (np.float32 if pictures or X.dtype == np.float32 else np.float64)
    rebuilt = autoencoder.inverse_transform(codes)
    assert rebuilt.shape == X.shape
    assert rebuilt.dtype == codes.dtype
    assert autoencoder.reconstruct(X).shape == X.shape
    assert_allclose(autoencoder.reconstruct(X), rebuilt, rtol=1e-4, atol=1e-4)
    assert_array_equal(autoencoder.fit_transform(X), codes)


@pytest.mark.parametrize(("X", "settings"), SHAPES.values(), ids=SHAPES)
def test_the_score_is_minus_the_mean_squared_error(X, settings):
    autoencoder = quick("Autoencoder", **settings).fit(X)
    errors = ((X - autoencoder.reconstruct(X)) ** 2).reshape(len(X), -1).mean(axis=1)
    assert_allclose(autoencoder.reconstruction_error(X), errors, rtol=1e-4)
    assert autoencoder.score(X) == pytest.approx(-errors.mean(), rel=1e-4)
    assert type(autoencoder.score(X)) is float


def test_the_decoder_mirrors_the_encoder():
    autoencoder = quick("Autoencoder", hidden_layer_sizes=(20, 10), n_components=4).fit(TABLE)
    widths = [weight.shape for weight in autoencoder.model_.get_weights() if weight.ndim == 2]
    assert widths == [(8, 20), (20, 10), (10, 4), (4, 10), (10, 20), (20, 8)]
    assert autoencoder.model_.output_shape == (None, 8)


def test_the_parts_of_the_model_make_the_codes_and_the_rows():
    import keras

    autoencoder = quick("Autoencoder", n_components=3).fit(TABLE)
    model = autoencoder.model_
    encoder = keras.Model(model.inputs, model.get_layer("code").output)
    assert_allclose(encoder.predict(TABLE, verbose=0), autoencoder.transform(TABLE), atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "lowest", "highest"),
    [("identity", -np.inf, np.inf), ("relu", 0, np.inf), ("tanh", -1, 1), ("logistic", 0, 1)],
)
def test_the_code_has_the_activation_that_was_asked_for(activation, lowest, highest):
    codes = quick("Autoencoder", code_activation=activation).fit_transform(TABLE)
    assert (codes >= lowest).all()
    assert (codes <= highest).all()
    if activation == "identity":
        assert (codes < 0).any()


def test_the_loss_is_half_the_mean_squared_error_as_in_the_perceptrons():
    autoencoder = quick("Autoencoder", max_iter=1, batch_size=120, learning_rate_init=1e-12)
    autoencoder.fit(TABLE)
    assert autoencoder.loss_ == pytest.approx(-0.5 * autoencoder.score(TABLE))


@pytest.mark.parametrize("loss", [binomial(), "binary_crossentropy"])
def test_shares_are_rebuilt_as_shares(loss):
    X = MinMaxScaler().fit_transform(TABLE)
    autoencoder = quick("Autoencoder", loss=loss, max_iter=40, learning_rate_init=0.02)
    autoencoder.fit(X, X_val=X)
    rebuilt = autoencoder.reconstruct(X)
    assert (rebuilt > 0).all()
    assert (rebuilt < 1).all()
    assert autoencoder.score(X) > -0.9 * X.var()
    cross_entropy = -X * np.log(rebuilt) - (1 - X) * np.log(1 - rebuilt)
    divisor = 8 if loss == "binary_crossentropy" else 1  # Keras's is a mean over columns
    best = min(autoencoder.history_["val_loss"])
    assert best == pytest.approx(cross_entropy.sum(axis=1).mean() / divisor, rel=1e-4)


def test_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match="binomial\\(link='logit'\\) needs 0 <= y <= 1"):
        quick("Autoencoder", loss=binomial()).fit(TABLE)


def epochs_by_hand(losses, tol, patience):
    """The first epoch after ``patience`` epochs in which the loss fell by too small a share."""
    best, stalled = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        threshold = tol * abs(best) if np.isfinite(best) else 0.0
        stalled = stalled + 1 if loss > best - threshold else 0
        best = min(best, loss)
        if stalled > patience:
            return epoch
    return len(losses)


@pytest.mark.parametrize("scale", [0.03, 1.0, 30.0])
def test_progress_is_measured_against_the_loss(scale):
    """An absolute tolerance would end training at once where numbers are small."""
    autoencoder = quick("Autoencoder", max_iter=400, tol=0.01, learning_rate_init=0.02)
    autoencoder.fit(scale * TABLE)
    expected = epochs_by_hand(autoencoder.loss_curve_, 0.01, 10)
    assert autoencoder.n_iter_ == expected
    assert expected < 400


def test_validation_rows_are_watched_and_the_best_weights_kept():
    autoencoder = quick("Autoencoder", learning_rate_init=0.05, max_iter=60, n_iter_no_change=5)
    autoencoder.fit(TABLE[:80], X_val=TABLE[80:])
    best = min(autoencoder.history_["val_loss"])
    assert -0.5 * autoencoder.score(TABLE[80:]) == pytest.approx(best)
    assert len(autoencoder.history_["val_loss"]) == autoencoder.n_iter_


def test_early_stopping_watches_the_loss_of_its_own_split():
    settings = {"early_stopping": True, "validation_fraction": 0.25, "max_iter": 60, "tol": 0.05}
    autoencoder = quick("Autoencoder", learning_rate_init=0.05, n_iter_no_change=4, **settings)
    autoencoder.fit(TABLE)
    watched = autoencoder.history_["val_loss"]
    assert autoencoder.n_iter_ == epochs_by_hand(watched, 0.05, 4)
    assert autoencoder.n_iter_ < 60


def test_y_is_not_used():
    y = np.arange(120) % 2
    with_y, without = (quick("Autoencoder").fit(TABLE, target) for target in (y, None))
    assert_array_equal(with_y.transform(TABLE), without.transform(TABLE))
    assert_array_equal(with_y.partial_fit(TABLE, y).n_iter_, 1)


def test_a_search_chooses_the_width_that_rebuilds_new_rows_best():
    search = GridSearchCV(linear(1, max_iter=100), {"n_components": [1, 2, 3]}, cv=3).fit(TABLE)
    assert search.best_params_ == {"n_components": 3}
    assert search.best_estimator_.transform(TABLE).shape == (120, 3)


def test_in_a_pipeline_it_is_one_more_transformer():
    pipeline = make_pipeline(MinMaxScaler(), quick("Autoencoder"), PCA(1)).fit(TABLE)
    assert pipeline.transform(TABLE).shape == (120, 1)
    back = make_pipeline(MinMaxScaler(), quick("Autoencoder")).fit(TABLE)
    assert back.inverse_transform(back.transform(TABLE)).shape == TABLE.shape


def test_convolutions_learn_to_rebuild_pictures():
    autoencoder = Autoencoder(
        16, (32,), filters=(8, 8), max_iter=60, batch_size=15, learning_rate_init=0.01
    )
    autoencoder.set_params(random_state=0).fit(PICTURES)
    assert -autoencoder.score(PICTURES) < 0.4 * PICTURES.var(axis=0).mean()


def test_codes_of_new_rows_need_no_fit_of_theirs():
    autoencoder = quick("Autoencoder").fit(TABLE[:100])
    assert_allclose(
        autoencoder.transform(TABLE)[100:], autoencoder.transform(TABLE[100:]), rtol=1e-10
    )
