"""Faults that are built into a network are found, named and met with advice."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_cnn import (
    Autoencoder,
    CNNClassifier,
    KerasClassifier,
    MLPClassifier,
    MLPRegressor,
    diagnose,
)
from sklearn_cnn.families import pinball

from .._problems import digits, problem, small_pictures

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::sklearn_cnn.estimators._hints.ScaleWarning",
)
IRIS = load_iris(return_X_y=True)


def untrained(activation, hidden=(64,) * 8):
    """The network as it starts: the only step is of no size."""
    return MLPClassifier(
        hidden,
        activation,
        solver="sgd",
        momentum=0.0,
        learning_rate_init=1e-12,
        alpha=0.0,
        kernel_initializer="glorot_uniform",
        max_iter=1,
        random_state=0,
    )


def back_propagated(mlp, X, y):
    """Norms of the gradient at the kernels, by hand."""
    forward = {
        "logistic": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }[mlp.activation]
    slope = {
        "logistic": lambda a: a * (1 - a),
        "tanh": lambda a: 1 - a**2,
        "relu": lambda a: (a > 0).astype(float),
    }[mlp.activation]
    layers = [X]
    for kernel, bias in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        layers.append(forward(layers[-1] @ kernel + bias))
    z = layers[-1] @ mlp.coefs_[-1] + mlp.intercepts_[-1]
    probability = np.exp(z - z.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    delta = (probability - np.eye(z.shape[1])[y]) / len(X)
    norms = []
    for kernel, layer in zip(mlp.coefs_[::-1], layers[::-1], strict=True):
        norms.append(np.linalg.norm(layer.T @ delta))
        delta = (delta @ kernel.T) * slope(layer)
    return norms[::-1]


@pytest.mark.parametrize(
    ("activation", "least", "most"),
    [("logistic", 0.6e-5, 2.2e-5), ("tanh", 0.7, 2.0), ("relu", 0.8, 4.0)],
)
def test_the_gradient_vanishes_in_deep_logistic_networks_and_in_no_others(activation, least, most):
    """Eight hidden layers on digits; over seeds 1.1e-5, 0.96 and 1.8 lie in these ranges."""
    X, y = digits()
    mlp = untrained(activation).fit(X, y)
    found = diagnose(mlp, X, y, n_rows=len(X))
    assert_allclose(list(found.gradient_norms.values()), back_propagated(mlp, X, y), rtol=1e-8)
    assert least < found.gradient_ratio < most
    vanished = [advice for advice in found.advice if "first layers hardly learn" in advice]
    assert len(vanished) == (activation == "logistic")


def test_the_loss_is_the_mean_of_all_rows_and_its_gradient_sums_blocks():
    """600 rows pass through in blocks, the last of which is not full."""
    X, y = digits()
    mlp = untrained("tanh", (5,)).fit(X[:600], y[:600])
    found = diagnose(mlp, X[:600], y[:600])
    log_loss = -np.log(mlp.predict_proba(X[:600])[np.arange(600), y[:600]]).mean()
    assert_allclose(found.loss, log_loss, rtol=1e-10)
    assert_allclose(
        list(found.gradient_norms.values()), back_propagated(mlp, X[:600], y[:600]), rtol=1e-8
    )


def test_dead_units_are_counted():
    X, y = IRIS
    mlp = MLPClassifier((10, 4), max_iter=2, random_state=0).fit(X, y)
    mlp.intercepts_[0][:3] = -1e3  # below zero for every flower
    first, second = diagnose(mlp, X, y).layers
    alive = (np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0) > 0).any(axis=0)
    assert first.dead == np.mean(~alive) >= 0.3
    assert (first.n_units, second.n_units) == (10, 4)
    mlp.intercepts_[0][:] = -1e3
    advice = " ".join(diagnose(mlp, X, y).advice)
    assert "hidden_0, hidden_1: up to 100% of the units are dead" in advice
    assert "learning_rate_init (now 0.001)" in advice


@pytest.mark.parametrize(("activation", "share"), [("tanh", 0.95), ("logistic", 0.975)])
def test_saturated_values_are_counted(activation, share):
    X, y = IRIS
    mlp = MLPClassifier((12,), activation, max_iter=2, random_state=0).fit(X, y)
    assert diagnose(mlp, X, y).layers[0].saturated < 0.5
    mlp.coefs_[0][:] *= 50
    found = diagnose(mlp, X, y)
    z = X @ mlp.coefs_[0] + mlp.intercepts_[0]
    values = np.tanh(z) if activation == "tanh" else 1 / (1 + np.exp(-np.clip(z, -700, 700)))
    low = 1 - share if activation == "logistic" else -share
    assert_allclose(found.layers[0].saturated, np.mean((values > share) | (values < low)))
    assert f"lie at the flat ends of {found.layers[0].activation}. " in " ".join(found.advice)


def test_relu_has_no_flat_ends_to_be_saturated_at():
    mlp = MLPClassifier((4,), max_iter=2, random_state=0).fit(*IRIS)
    assert np.isnan(diagnose(mlp, *IRIS).layers[0].saturated)


def test_columns_of_very_different_scale_are_named():
    X, y = IRIS
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(a=X[:, 0] * 1e5)
    found = diagnose(MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y), X, y)
    assert_allclose(found.scale_ratio, X.std(ddof=0).max() / X.std(ddof=0).min())
    assert found.largest_input == X.to_numpy().max()
    assert any("'a' has standard deviation" in advice for advice in found.advice)


def test_large_tables_and_pictures_are_to_be_scaled():
    X, y = IRIS
    mlp = MLPClassifier((4,), max_iter=2, random_state=0).fit(200 * X, y)
    assert any(
        "X reaches 1.58e+03. Put a StandardScaler" in a for a in diagnose(mlp, 200 * X, y).advice
    )
    pictures, labels = small_pictures()
    cnn = CNNClassifier(4, max_iter=2, random_state=0)
    bright = (255 * pictures / np.abs(pictures).max()).astype("float32")
    advice = diagnose(cnn.fit(bright, labels), bright, labels).advice
    assert any("X reaches 255. Divide it" in sentence for sentence in advice)
    advice = diagnose(cnn.fit(pictures, labels), pictures, labels).advice
    assert not any("X reaches" in sentence for sentence in advice)


def test_a_distant_target_is_named():
    data = problem("numbers")
    mlp = MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    found = diagnose(mlp.fit(data.X, 1e5 * data.y), data.X, 1e5 * data.y)
    assert any("TransformedTargetRegressor" in advice for advice in found.advice)
    assert any("learned nothing: its R2 is" in advice for advice in found.advice)
    assert f", R2 {found.score:.4f}" in str(found)


def test_quantiles_are_judged_by_the_pinball_loss():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(80, 3)), rng.normal(size=80)
    mlp = MLPRegressor(hidden_layer_sizes=(4,), loss=pinball(0.8), max_iter=2, random_state=0)
    found = diagnose(mlp.fit(X, y), X, y)
    expected = d2_pinball_score(y, mlp.predict(X), alpha=0.8)
    assert found.score == pytest.approx(expected)
    assert found.score < 0.01
    (nothing,) = (advice for advice in found.advice if "learned nothing" in advice)
    shown = f"its D2 of the pinball loss is {expected:.3f}, and the quantiles of y have 0"
    assert shown in nothing
    assert f"D2 of the pinball loss {expected:.4f}" in str(found)
    assert "R2" not in str(found)


def test_learning_by_heart_shows_in_the_gap():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(80, 10)), rng.randint(0, 2, 80)
    mlp = MLPClassifier(solver="lbfgs", alpha=0, max_iter=500, random_state=0)
    found = diagnose(mlp.fit(X[:40], y[:40]), X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert found.score == mlp.score(X[:40], y[:40]) == 1
    assert found.validation_score == mlp.score(X[40:], y[40:])
    assert found.overfit_gap == found.score - found.validation_score > 0.2
    assert found.validation_loss > found.loss
    assert [advice[:36] for advice in found.advice] == ["The network has learned by heart: it"]


def test_learning_nothing_is_said():
    X, y = IRIS
    mlp = MLPClassifier((4,), learning_rate_init=1e-9, max_iter=1, random_state=0).fit(X, y)
    mlp.coefs_[1][:] = 0
    advice = diagnose(mlp, X, y).advice[-1]
    assert advice.startswith("The network has learned nothing: its accuracy of 0.333 is no better")
    assert "Raise max_iter (now 1), change learning_rate_init (now 1e-09)" in advice


def test_layers_with_the_same_fault_share_a_sentence():
    X, y = digits()
    mlp = MLPClassifier((20, 10, 10), "tanh", learning_rate_init=0.1, max_iter=10, random_state=0)
    found = diagnose(mlp.fit(X, y), X, y)
    saturated = [layer.name for layer in found.layers if layer.saturated >= 0.5]
    (advice,) = [advice for advice in found.advice if "flat ends" in advice]
    assert len(saturated) > 1
    assert advice.startswith(", ".join(saturated) + ": up to ")


def test_nothing_is_found_wrong_with_a_good_network():
    X, y = digits()
    mlp = MLPClassifier((50,), max_iter=30, random_state=0).fit(X[::2], y[::2])
    found = diagnose(mlp, X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert found.advice == ()
    assert str(found).endswith("- Nothing is wrong.")


def test_the_report_is_a_table_that_one_can_read():
    X, y = IRIS
    mlp = MLPClassifier((8, 4), activation="tanh", max_iter=80, random_state=0).fit(X, y)
    lines = str(diagnose(mlp, X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])).splitlines()
    assert lines[0] == "MLPClassifier, looked at on 75 rows"
    assert lines[1].split() == ["layer", "units", "dead", "saturated", "gradient", "norm"]
    assert [line.split()[0] for line in lines[2:5]] == ["hidden_0", "hidden_1", "output"]
    assert lines[5].startswith("largest |X| 7.7, columns differ in scale by a factor of ")
    assert lines[6].startswith("loss ")
    assert "; validation loss " in lines[6]


def test_a_pipeline_and_a_scaled_target_show_the_network_what_it_was_fitted_to():
    data = problem("numbers")
    network = MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    model = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    found = diagnose(model.fit(1e6 * data.X, 1e6 * data.y), 1e6 * data.X, 1e6 * data.y)
    scaled = StandardScaler().fit_transform(data.X), data.y - data.y.mean()
    alone = network.fit(scaled[0], scaled[1] / scaled[1].std())
    expected = diagnose(alone, scaled[0], scaled[1] / scaled[1].std())
    assert_allclose(
        list(found.gradient_norms.values()), list(expected.gradient_norms.values()), rtol=1e-6
    )
    assert_allclose(found.scale_ratio, 1)


@pytest.mark.parametrize("n_rows", [40, 1000])
def test_rows_are_evenly_spaced(n_rows):
    X, y = IRIS
    mlp = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    found = diagnose(mlp, X, y, n_rows=n_rows)
    assert found.n_rows == min(n_rows, 150)
    assert found.score == mlp.score(X, y)


def test_the_estimator_is_not_changed():
    X, y = IRIS
    mlp = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    before = dict(vars(mlp)), mlp.predict_proba(X), mlp._random_state.get_state()[1].copy()
    diagnose(mlp, X[:100], y[:100])
    assert vars(mlp) == before[0]
    assert_array_equal(mlp.predict_proba(X), before[1])
    assert_array_equal(mlp._random_state.get_state()[1], before[2])


def keras_network(n_outputs):
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6),
            layers.LeakyReLU(),
            layers.Dense(5, activation="sigmoid"),
            layers.Dense(n_outputs, activation="softmax"),
        ]
    )


def test_every_kind_of_network_can_be_looked_into():
    X, y = IRIS
    pictures, labels = small_pictures()
    cnn = CNNClassifier((4, 6), batch_normalization=True, max_iter=2, random_state=0)
    found = diagnose(cnn.fit(pictures, labels), pictures, labels)
    assert [layer.n_units for layer in found.layers] == [4, 6, 64]
    assert len(found.gradient_norms) == 4
    assert np.isnan(found.scale_ratio)
    autoencoder = Autoencoder(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X[::2])
    found = diagnose(autoencoder, X[::2], X_val=X[1::2])
    assert next(iter(found.gradient_norms)) == "encoder_0"
    assert_allclose(found.validation_score, autoencoder.score(X[1::2]))
    own = KerasClassifier(keras_network, max_iter=2, random_state=0).fit(X.astype("float32"), y)
    found = diagnose(own, X.astype("float32"), y)
    assert [layer.activation for layer in found.layers] == ["LeakyReLU", "sigmoid"]
    assert len(found.gradient_norms) == 3


def test_frozen_layers_have_no_gradient():
    def frozen(n_outputs):
        model = keras_network(n_outputs)
        model.layers[0].trainable = False
        return model

    X, y = IRIS
    own = KerasClassifier(frozen, max_iter=1, random_state=0).fit(X.astype("float32"), y)
    assert len(diagnose(own, X.astype("float32"), y).gradient_norms) == 2


def test_sparse_rows_are_looked_at_too():
    from scipy.sparse import csr_array

    X, y = IRIS
    mlp = MLPClassifier((4,), max_iter=2, random_state=0).fit(csr_array(X), y)
    found, dense = diagnose(mlp, csr_array(X), y), diagnose(mlp, X, y)
    assert found.gradient_norms == dense.gradient_norms


def test_what_is_no_fitted_network_is_an_error_that_says_so():
    with pytest.raises(NotFittedError):
        diagnose(MLPClassifier(), *IRIS)
    search = GridSearchCV(MLPClassifier((3,), max_iter=2), {"alpha": [0.1]}, cv=2).fit(*IRIS)
    with pytest.raises(TypeError, match=r"Got GridSearchCV. Pass its best_estimator_."):
        diagnose(search, *IRIS)
    with pytest.raises(TypeError, match="takes a fitted network of sklearn_cnn.*Got LogisticRegr"):
        diagnose(LogisticRegression(max_iter=1000).fit(*IRIS), *IRIS)
