"""From scikit-learn's perceptrons to ours and back, and to plain Keras."""

from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.utils.validation import check_is_fitted

from sklearn_cnn.training import Progress

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


def from_sklearn(estimator):
    """Our perceptron with the parameters and weights of a fitted one of scikit-learn's.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
        Fitted; it is not changed.

    Returns
    -------
    MLPClassifier or MLPRegressor
        Predicts the same. ``partial_fit`` and ``warm_start`` go on from its weights, with new
        moments of the optimizer.

    Raises
    ------
    TypeError
        If ``estimator`` is none of the two.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> import sklearn.neural_network
    >>> from sklearn_cnn import from_sklearn
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    >>> theirs = sklearn.neural_network.MLPClassifier((), solver="lbfgs").fit(X, y)
    >>> ours = from_sklearn(theirs)
    >>> bool((ours.predict_proba(X) == theirs.predict_proba(X)).all())
    True
    """
    from . import mlp

    if isinstance(estimator, sklearn.neural_network.MLPClassifier):
        ours: Any = mlp.MLPClassifier(**estimator.get_params())
    elif isinstance(estimator, sklearn.neural_network.MLPRegressor):
        ours = mlp.MLPRegressor(**estimator.get_params())
    else:
        raise TypeError(
            "from_sklearn takes a fitted MLPClassifier or MLPRegressor of sklearn.neural_network. "
            f"Got {type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    for name, value in vars(estimator).items():
        if name.endswith("_") and name not in ("coefs_", "intercepts_"):
            setattr(ours, name, value)
    for name in ("_label_binarizer", "_random_state", "_no_improvement_count"):
        if hasattr(estimator, name):
            setattr(ours, name, getattr(estimator, name))
    target = np.zeros((1, estimator.n_outputs_))
    ours._family = ours._objective(target).family
    dtype = str(estimator.coefs_[0].dtype)
    objective = ours._objective(target)
    ours.architecture_ = ours._architecture(
        (estimator.n_features_in_,), objective, estimator.n_outputs_, dtype
    )
    pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ours._weights = [np.array(array) for pair in pairs for array in pair]
    ours._progress = Progress(
        weights=[],
        best=_best(estimator),
        stalled=getattr(estimator, "_no_improvement_count", 0),
        samples=estimator.t_,
    )
    ours._order = None
    ours.history_ = {"loss": list(getattr(estimator, "loss_curve_", []))}
    return ours


def _best(estimator) -> float:
    score = getattr(estimator, "best_validation_score_", None)
    if score is not None:
        return -float(score)
    loss = getattr(estimator, "best_loss_", None)
    return float("inf") if loss is None else float(loss)


def to_sklearn(estimator):
    """The perceptron of scikit-learn that predicts as ``estimator`` does; see its methods."""
    check_is_fitted(estimator)
    theirs_class = getattr(sklearn.neural_network, type(estimator).__name__)
    known = theirs_class().get_params()
    architecture = estimator.architecture_
    reasons = []
    if architecture["batch_normalization"]:
        reasons.append("batch normalisation")
    if estimator.activation not in _ACTIVATIONS:
        reasons.append(f"activation={estimator.activation!r}")
    if estimator.out_activation_ not in ("identity", "logistic", "softmax", "exp"):
        reasons.append(f"the output activation {estimator.out_activation_!r}")
    if reasons:
        raise ValueError(
            f"scikit-learn's {type(estimator).__name__} has no {' and no '.join(reasons)}. "
            "Use to_keras() instead."
        )
    params = {name: value for name, value in estimator.get_params().items() if name in known}
    if not isinstance(params["solver"], str) or params["solver"] not in ("sgd", "adam", "lbfgs"):
        params["solver"] = "adam"
    if params["learning_rate"] not in ("constant", "invscaling", "adaptive"):
        params["learning_rate"] = "constant"
    theirs = theirs_class(**params)
    ours_only = ("architecture_", "history_")
    for name, value in vars(estimator).items():
        if name.endswith("_") and name not in ours_only:
            setattr(theirs, name, value)
    for name in ("_label_binarizer", "_random_state", "_no_improvement_count"):
        if hasattr(estimator, name):
            setattr(theirs, name, getattr(estimator, name))
    theirs.coefs_ = [coef.copy() for coef in estimator.coefs_]
    theirs.intercepts_ = [intercept.copy() for intercept in estimator.intercepts_]
    return theirs
