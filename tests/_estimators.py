"""The estimators that the common tests run on: a new one is a line here."""

import keras
from sklearn.base import clone, is_classifier, is_regressor

from sklearn_cnn import Autoencoder, CNNClassifier, CNNRegressor, MLPClassifier, MLPRegressor

from ._problems import problem

# Small networks, so that hundreds of fits stay quick. They must learn, too: scikit-learn's checks
# of regressors ask for R2 > 0.5.
ESTIMATORS = [
    MLPClassifier(hidden_layer_sizes=(8,)),
    MLPRegressor(hidden_layer_sizes=(30,), learning_rate_init=0.01),
    CNNClassifier(filters=(8,), hidden_layer_sizes=(16,)),
    CNNRegressor(filters=(8,), hidden_layer_sizes=(30,), learning_rate_init=0.01),
    Autoencoder(hidden_layer_sizes=(8,)),
]
NAMES = [type(estimator).__name__ for estimator in ESTIMATORS]
PERCEPTRONS = [MLPClassifier, MLPRegressor]
# A falling rate reaches zero at max_iter: a fit of fewer epochs would not be the beginning of one
# of more.
CONSTANT: dict = {
    "CNNClassifier": {"learning_rate": "constant", "learning_rate_init": 0.001},
    "CNNRegressor": {"learning_rate": "constant"},
}
# How near a model's own predictions are to ours: outside of our fits and predictions PyTorch rounds
# products of float64 to float32, and JAX knows float32 alone; outputs reach 200 here.
_IN_FLOAT32 = keras.backend.backend() != "tensorflow"
AS_KERAS_ROUNDS = {"rtol": 1e-5, "atol": 1e-5} if _IN_FLOAT32 else {"rtol": 1e-6, "atol": 1e-6}


def quick(name, **settings):
    """An unfitted estimator: three epochs at a constant rate unless told otherwise."""
    template = next(e for e in ESTIMATORS if type(e).__name__ == name)
    usual = {"max_iter": 3, "random_state": 0, **CONSTANT.get(name, {})}
    return clone(template).set_params(**usual | settings)


def data_for(estimator):
    """X and y of a problem that the estimator is made for; y is None where it takes none."""
    data = problem("two classes" if is_classifier(estimator) else "numbers")
    has_target = is_classifier(estimator) or is_regressor(estimator)
    return data.X, data.y if has_target else None


def response(estimator, X):
    """All that a fitted estimator has to say of X, as numbers."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method):
            return getattr(estimator, method)(X)
    raise AssertionError(f"{estimator} predicts nothing")


def weights_of(estimator):
    """All weights in the float type of the fit: the Keras model has less on JAX, mostly."""
    return [weight.copy() for weight in estimator.__getstate__()["_weights"]]
