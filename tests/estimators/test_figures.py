"""Worked figures of lectures on deep learning, through the estimators; all were recomputed."""

import keras
import numpy as np
import pytest
import sklearn.neural_network
from numpy.testing import assert_allclose
from scipy import ndimage
from scipy.special import expit, softmax
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from sklearn_cnn import Autoencoder, CNNClassifier, KerasClassifier, MLPClassifier, MLPRegressor
from tests._problems import digits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DESCENT = {
    "solver": "sgd",
    "momentum": 0,
    "alpha": 0,
    "shuffle": False,
    "max_iter": 1,
    "tol": 0,
    "random_state": 0,
}


def starting_from(mlp, X, y, coefs, intercepts):
    """A network with these weights, from which the next fit goes on."""
    rate, epochs = mlp.learning_rate_init, mlp.max_iter
    mlp.set_params(warm_start=True, learning_rate_init=1e-300, max_iter=1).fit(X, y)
    mlp.coefs_, mlp.intercepts_ = coefs, intercepts
    # The curve goes on, too: it is cut where the figures begin.
    mlp.loss_curve_ = []
    return mlp.set_params(learning_rate_init=rate, max_iter=epochs)


SOFTMAX_ROWS = np.array([[0.2, 0.7], [0.8, 0.1], [0.3, 0.5]])
SOFTMAX_WEIGHTS = np.array([[0.65, 1.19], [0.69, -0.92]])


def test_a_step_of_softmax_regression_with_one_logistic_unit():
    """Its logit is the difference of two softmax units, and moves at twice their rate."""
    is_first = [1, 0, 1]
    logistic = MLPClassifier((), batch_size=3, learning_rate_init=0.2, **DESCENT)
    difference = (SOFTMAX_WEIGHTS[0] - SOFTMAX_WEIGHTS[1]).reshape(2, 1)
    starting_from(logistic, SOFTMAX_ROWS, is_first, [difference], [np.zeros(1)])
    assert_allclose(logistic.predict_proba(SOFTMAX_ROWS[:1]), [[0.1871, 0.8129]], atol=5e-5)
    log_odds = np.diff(logistic.predict_log_proba(SOFTMAX_ROWS[:1]))
    assert_allclose(log_odds, [[1.469]], atol=5e-4)
    probability = logistic.predict_proba(SOFTMAX_ROWS)[np.arange(3), is_first]
    assert_allclose(-np.log(probability), [0.2071, 0.7866, 0.3019], atol=5e-5)
    logistic.fit(SOFTMAX_ROWS, is_first)
    assert_allclose(logistic.loss_curve_, [0.431888], atol=5e-7)
    weights = np.array([[0.639330, 1.196893], [0.700670, -0.926893]])
    assert_allclose(logistic.coefs_[0].ravel(), weights[0] - weights[1], atol=2e-6)
    assert_allclose(logistic.intercepts_[0], [2 * -0.0032322], atol=1e-7)


def two_softmax_units(input_shape):

    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(2, "softmax")])


def test_a_step_of_softmax_regression_with_two_units():
    settings = {name: value for name, value in DESCENT.items() if name != "alpha"}
    two = KerasClassifier(
        two_softmax_units, batch_size=3, learning_rate_init=1e-300, warm_start=True, **settings
    )
    two.fit(SOFTMAX_ROWS, [0, 1, 0])
    two.model_.set_weights([SOFTMAX_WEIGHTS.T, np.zeros(2)])
    assert_allclose(two.predict_proba(SOFTMAX_ROWS[:1]), [[0.8129, 0.1871]], atol=5e-5)
    two.set_params(learning_rate_init=0.1).fit(SOFTMAX_ROWS, [0, 1, 0])
    assert_allclose(two.loss_, 0.431888, atol=5e-7)
    kernel, bias = two.model_.get_weights()
    assert_allclose(bias, [-0.0032322, 0.0032322], atol=1e-7)
    assert_allclose(kernel.T, [[0.639330, 1.196893], [0.700670, -0.926893]], atol=1e-6)


def test_the_softmax_of_the_course():
    logits = np.array([3.82, 5.35, 1.44, -1.26, 2.71, 1.98])
    expected = [0.16115195, 0.74422819, 0.01491471, 0.00100235, 0.05310907, 0.02559374]
    six = MLPClassifier((), max_iter=1).fit(np.eye(6), np.arange(6))
    six.coefs_, six.intercepts_ = [np.eye(6) * 0 + logits], [np.zeros(6)]
    assert_allclose(six.predict_proba(np.eye(6))[0], expected, atol=5e-9)
    assert_allclose(softmax(logits), expected, atol=5e-9)


def test_a_step_of_logistic_regression():
    X = np.array([[1.0, 0.5, -1.0]])
    mlp = MLPClassifier((), batch_size=1, learning_rate_init=1e-300, **DESCENT)
    mlp.partial_fit(X, [1], classes=[0, 1])
    mlp = starting_from(
        mlp.set_params(learning_rate_init=0.1),
        np.vstack([X, X]),
        [0, 1],
        [np.array([[0.1], [-0.2], [0.3]])],
        [np.zeros(1)],
    )
    assert_allclose(mlp.predict_proba(X)[0, 1], 0.425557, atol=5e-7)
    # One row of one class: the other is kept away by its weight.
    mlp.fit(np.vstack([X, X]), [0, 1], sample_weight=[0, 1])
    assert_allclose(mlp.loss_, 0.854355, atol=5e-7)
    assert_allclose(mlp.coefs_[0].ravel(), [0.157444, -0.171278, 0.242556], atol=5e-7)


TWO_STEPS = {
    "sgd": lambda g, h: 0.1 * g + 0.1 * h,
    "momentum": lambda g, h: 0.1 * g + (0.9 * 0.1 * g + 0.1 * h),
    # A Nesterov step looks ahead: 0.9 v + 0.1 g with v the velocity after the step.
    "nesterov": lambda g, h: (0.9 * 0.1 + 0.1) * g + (0.9 * (0.9 * 0.1 * g + 0.1 * h) + 0.1 * h),
    "adagrad": lambda g, h: (
        0.1 * g / np.sqrt(0.1 + g**2 + 1e-7) + 0.1 * h / np.sqrt(0.1 + g**2 + h**2 + 1e-7)
    ),
    "rmsprop": lambda g, h: (
        0.1 * g / np.sqrt(0.1 * g**2 + 1e-7)
        + 0.1 * h / np.sqrt(0.9 * 0.1 * g**2 + 0.1 * h**2 + 1e-7)
    ),
    "adam": lambda g, h: (
        0.1 * g / (np.abs(g) + 1e-8 / np.sqrt(1 - 0.999))
        + 0.1
        * ((0.9 * 0.1 * g + 0.1 * h) / (1 - 0.9**2))
        / (
            np.sqrt((0.999 * 0.001 * g**2 + 0.001 * h**2) / (1 - 0.999**2))
            + 1e-8 / np.sqrt(1 - 0.999**2)
        )
    ),
}


def adadelta(g, h, rate=0.1, rho=0.95, epsilon=1e-7):
    """Zeiler, "ADADELTA", 2012: steps in the units of the weights."""
    squares, steps, moved = 0.0, 0.0, 0.0
    for gradient in (g, h):
        squares = rho * squares + (1 - rho) * gradient**2
        step = np.sqrt(steps + epsilon) / np.sqrt(squares + epsilon) * gradient
        steps = rho * steps + (1 - rho) * step**2
        moved += rate * step
    return moved


TWO_STEPS["adadelta"] = adadelta


@pytest.mark.parametrize("name", TWO_STEPS)
def test_two_steps_of_each_solver_equal_the_closed_formula(name):
    """One row: the gradient of half (w x + b - y) ** 2 is the residual times (x, 1)."""
    X, y = np.array([[2.0]]), np.array([3.0])
    settings = {
        "sgd": {},
        "momentum": {"momentum": 0.9, "nesterovs_momentum": False},
        "nesterov": {"momentum": 0.9},
    }.get(name, {"solver": name})
    options = DESCENT | settings | {"learning_rate_init": 0.1, "batch_size": 1}

    def after(n_steps):
        mlp = MLPRegressor(hidden_layer_sizes=(), **options | {"max_iter": n_steps})
        starting_from(mlp, X, y, [np.array([[0.5]])], [np.zeros(1)]).fit(X, y)
        return np.array([mlp.coefs_[0].item(), mlp.intercepts_[0].item()])

    w, b = after(1)
    first, second = ((2 * w + b - 3) * np.array([2, 1]) for w, b in [(0.5, 0.0), (w, b)])
    moved = TWO_STEPS[name](first, second)
    assert_allclose(after(2), np.array([0.5, 0.0]) - moved, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stochastic_descent_on_single_rows_is_the_loop_that_everybody_writes(dtype):
    """A line through 42 rows, in their order; our squared error is halved, its rate doubled."""
    rng = np.random.RandomState(0)
    x = rng.uniform(0, 4, 42).astype(dtype)
    y = (1.7 * x + 2 + rng.normal(size=42)).astype(dtype)
    w, b, by_hand = dtype(0), dtype(0), []
    for _ in range(101):
        losses = []
        for x_i, y_i in zip(x, y, strict=True):
            error = w * x_i + b - y_i
            losses.append(error * error)
            w, b = w - dtype(0.002) * error * x_i, b - dtype(0.002) * error
        by_hand.append(np.mean(losses))
    options = DESCENT | {"max_iter": 101, "learning_rate_init": 0.002, "batch_size": 1}
    options |= {"n_iter_no_change": 1000, "warm_start": True}
    ours = MLPRegressor(hidden_layer_sizes=(), **options)
    starting_from(ours, x[:, None], y, [np.zeros((1, 1))], [np.zeros(1)]).fit(x[:, None], y)
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    assert_allclose(2 * np.array(ours.loss_curve_[::10]), by_hand[::10], rtol=tolerance)
    assert_allclose([ours.coefs_[0].item(), ours.intercepts_[0].item()], [w, b], rtol=tolerance)
    theirs = sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(), **options)
    theirs.set_params(max_iter=1).fit(x[:, None], y)
    theirs.coefs_[0][:], theirs.intercepts_[0][:] = 0, 0
    theirs.set_params(max_iter=101).fit(x[:, None], y)
    assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=tolerance)


def test_steep_sigmoids_set_by_hand_approximate_any_function():
    def wave(x):
        return 0.2 + 0.4 * x**2 + 0.3 * x * np.sin(15 * x) + 0.05 * np.cos(50 * x)

    x = np.linspace(0, 1, 2001)
    errors = []
    for n_units in (5, 10, 50, 200):
        mlp = MLPRegressor(hidden_layer_sizes=(n_units,), activation="logistic", max_iter=1)
        mlp.fit(x[:, None], wave(x))
        edges = np.arange(n_units) / n_units
        levels = wave(edges + 0.5 / n_units)
        steps = np.diff(levels, prepend=0.0)
        steepness = 10_000.0
        mlp.coefs_ = [np.full((1, n_units), steepness), steps[:, None]]
        mlp.intercepts_ = [-steepness * edges, np.zeros(1)]
        errors.append(np.abs(mlp.predict(x[:, None]) - wave(x)).mean())
    assert_allclose(errors, [0.0931, 0.0560, 0.0096, 0.0021], atol=5e-5)


def gradient_norms(mlp, X, y):
    """Norm of the gradient of the loss at each kernel, by backpropagation as textbooks have it."""
    activation, slope = {
        "logistic": (expit, lambda a: a * (1 - a)),
        "tanh": (np.tanh, lambda a: 1 - a**2),
        "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
    }[mlp.activation]
    values = [X]
    for kernel, bias in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        values.append(activation(values[-1] @ kernel + bias))
    error = (mlp.predict_proba(X) - np.eye(10)[y]) / len(X)
    norms = []
    for kernel, value in zip(reversed(mlp.coefs_), reversed(values), strict=True):
        norms.append(np.linalg.norm(value.T @ error))
        error = error @ kernel.T * slope(value)
    return norms[::-1]


@pytest.mark.parametrize(
    ("activation", "least", "most"),
    [("logistic", 1e-6, 1e-4), ("tanh", 0.3, 3.0), ("relu", 0.3, 6.0)],
)
def test_gradients_vanish_in_deep_sigmoid_networks_only(activation, least, most):
    """1.1e-5, 0.96 and 1.8 in the course: orders of magnitude, which seeds leave alone."""
    X, y = digits()
    mlp = MLPClassifier(
        (64,) * 8,
        activation,
        kernel_initializer="glorot_uniform",
        learning_rate_init=1e-12,
        max_iter=1,
        random_state=0,
    ).fit(X, y)
    norms = gradient_norms(mlp, X, y)
    assert least < norms[0] / norms[-1] < most


@pytest.mark.parametrize(
    ("hidden_layer_sizes", "shape", "n_parameters"),
    [((128, 128, 128), (28, 28), 134_794), ((4,), (10,), 10 * 4 + 4 + 4 * 10 + 10)],
)
def test_published_parameter_counts_of_dense_networks(hidden_layer_sizes, shape, n_parameters):
    X = np.zeros((20, int(np.prod(shape))))
    mlp = MLPClassifier(hidden_layer_sizes, max_iter=1).fit(X, np.arange(20) % 10)
    assert mlp.architecture_.n_parameters == n_parameters
    assert mlp.model_.count_params() == n_parameters


def test_weights_of_zero_cannot_tell_classes_apart():
    X = np.random.RandomState(0).normal(size=(8, 10))
    mlp = MLPClassifier((4,), "logistic", max_iter=1).fit(X, np.arange(8) % 2)
    mlp.coefs_ = [np.zeros((10, 4)), np.zeros((4, 1))]
    mlp.intercepts_ = [np.zeros(4), np.zeros(1)]
    assert (mlp.predict_proba(X) == 0.5).all()


def halves(X, y):
    """Half for training; not in the file's order, where every half has writers of its own."""
    return train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


def enlarged_digits():
    pictures, y = digits(pictures=True)
    return pictures.repeat(4, axis=1).repeat(4, axis=2), y


def test_named_networks_have_the_published_numbers_of_parameters():
    X, y = enlarged_digits()
    lenet5 = CNNClassifier(architecture="lenet5", max_iter=1).fit(X[:20], y[:20])
    assert lenet5.architecture_.n_parameters == 61_706
    small = np.zeros((20, 28, 28))
    lenet = CNNClassifier(architecture="lenet", max_iter=1).fit(small, np.arange(20) % 10)
    assert lenet.architecture_.n_parameters == 431_080


def test_lenet5_reads_digits():
    """0.97 in the course."""
    X_train, X_test, y_train, y_test = halves(*enlarged_digits())
    lenet5 = CNNClassifier(architecture="lenet5", max_iter=15, batch_size=32, random_state=0)
    assert lenet5.fit(X_train, y_train).score(X_test, y_test) >= 0.95


def test_a_deep_code_of_two_numbers_tells_digits_apart_better_than_pca():
    """5 nearest neighbours in the code: 0.60 for PCA, 0.81 to 0.88 for the autoencoder."""
    X_train, X_test, y_train, y_test = halves(*digits())

    def accuracy(codes, codes_test):
        return KNeighborsClassifier(5).fit(codes, y_train).score(codes_test, y_test)

    pca = PCA(2, random_state=0).fit(X_train)
    assert accuracy(pca.transform(X_train), pca.transform(X_test)) == pytest.approx(0.597, abs=0.02)
    deep = Autoencoder(
        2, (128, 64), "tanh", batch_size=32, max_iter=250, random_state=0, learning_rate_init=0.001
    ).fit(X_train)
    assert deep.n_iter_ > 100  # it does not stop on the plateau where the code is still linear
    assert accuracy(deep.transform(X_train), deep.transform(X_test)) >= 0.80
    assert -deep.score(X_train) < 0.042


def test_convolutions_bear_shifts_better_than_dense_layers():
    """Accuracy 0.98 unshifted; over one-pixel shifts 0.57 to 0.62 against 0.32."""
    pictures, y = digits(pictures=True)
    canvas = np.zeros((len(pictures), 12, 12), np.float32)
    canvas[:, 2:10, 2:10] = pictures
    train, test, *_ = halves(np.arange(len(y)), y)
    cnn = CNNClassifier((32, 64), dropout=0.5, max_iter=20, batch_size=32, random_state=0)
    cnn.fit(canvas[train], y[train])
    flat = canvas.reshape(len(canvas), -1)
    mlp = MLPClassifier((256, 128), max_iter=20, batch_size=32, random_state=0)
    mlp.fit(flat[train], y[train])
    assert cnn.score(canvas[test], y[test]) > 0.95
    assert mlp.score(flat[test], y[test]) > 0.92
    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    shifted = [ndimage.shift(canvas[test], (0, *shift), order=0) for shift in shifts]
    by_cnn = np.mean([cnn.score(X, y[test]) for X in shifted])
    by_mlp = np.mean([mlp.score(X.reshape(len(X), -1), y[test]) for X in shifted])
    assert by_cnn > 0.5
    assert by_mlp < 0.45
    assert by_cnn > by_mlp + 0.15


def test_a_network_fails_gracefully_when_weights_are_lost():
    """5 % of the weights of a trained network are set to zero."""
    X_train, X_test, y_train, y_test = halves(*digits())
    mlp = MLPClassifier((100,), max_iter=50, random_state=0).fit(X_train, y_train)
    assert mlp.score(X_test, y_test) > 0.94
    rng = np.random.RandomState(0)
    for coef in mlp.coefs_:
        coef[rng.uniform(size=coef.shape) < 0.05] = 0
    assert mlp.score(X_test, y_test) > 0.88
