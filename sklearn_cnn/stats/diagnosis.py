"""What is wrong with a network that does not learn, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_cnn.compat import safe_indexing
from sklearn_cnn.estimators._hints import column_scales, scale_advice
from sklearn_cnn.prediction import activations
from sklearn_cnn.training.gradients import loss_and_gradients

# Activations with two flat ends, and where those are.
_ENDS = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
}
# Within this share of the range from an end, tanh slopes less than a tenth of what it does at 0,
# and the logistic function less than a tenth of what it does at 1/2.
_MARGIN = 0.025
_MANY_DEAD = 0.25
_MANY_SATURATED = 0.5
_VANISHED = 1e-3
_LARGE_TABLE, _LARGE_PICTURE = 100.0, 10.0
_LARGE_GAP = 0.1


@dataclass(frozen=True)
class LayerState:
    """A hidden layer at work on some rows.

    Parameters
    ----------
    name : str
        As ``model_.summary()`` lists it.
    activation : str
        Name of its activation.
    n_units : int
        Units; of a convolution, maps.
    dead : float
        Share of the units that give the same value for every row.
    saturated : float
        Share of the values where the activation slopes less than a tenth of its steepest;
        nan where it has no flat ends.
    """

    name: str
    activation: str
    n_units: int
    dead: float
    saturated: float


@dataclass(frozen=True)
class Diagnosis:
    """What :func:`diagnose` found. ``print`` it to read it.

    Parameters
    ----------
    network : str
        Class of the estimator.
    n_rows : int
        Rows on which layers and gradients were looked at.
    layers : tuple of LayerState
        Hidden layers in the order of computation; empty where a subclassed Keras model does not
        show its layers.
    gradient_norms : dict of float
        Euclidean norm of the gradient of the mean loss, without penalties, for the kernels of
        each layer that is trained.
    largest_input : float
        Largest absolute value that the network was given.
    scale_ratio : float
        Largest standard deviation of a column of a table by the smallest; nan for pictures.
    loss, validation_loss : float
        Mean losses, without penalties; nan where there are no validation rows.
    score, validation_score : float
        ``estimator.score`` of the rows; nan where there is none.
    score_name : str
        What it is: ``"accuracy"``, ``"R2"``, ``"D2 of the pinball loss"`` [1]_, else ``"score"``.
    advice : tuple of str
        One sentence or two for each thing that is wrong; empty where nothing is.

    References
    ----------
    .. [1] Koenker, Machado, "Goodness of fit and related inference processes for quantile
           regression", JASA 94 (1999), 1296-1310.
    """

    network: str
    n_rows: int
    layers: tuple[LayerState, ...]
    gradient_norms: dict[str, float]
    largest_input: float
    scale_ratio: float
    loss: float
    validation_loss: float = np.nan
    score: float = np.nan
    validation_score: float = np.nan
    score_name: str = "score"
    advice: tuple[str, ...] = field(default=())

    @property
    def gradient_ratio(self) -> float:
        """Norm of the gradient at the first kernel by that at the last."""
        norms = list(self.gradient_norms.values())
        return norms[0] / norms[-1] if norms and norms[-1] > 0 else np.nan

    @property
    def overfit_gap(self) -> float:
        """Score of the training rows less that of the validation rows."""
        return self.score - self.validation_score

    def __str__(self) -> str:
        lines = [f"{self.network}, looked at on {self.n_rows} rows", *self._table()]
        scales = f"largest |X| {self.largest_input:.3g}"
        if np.isfinite(self.scale_ratio):
            scales += f", columns differ in scale by a factor of {self.scale_ratio:.3g}"
        score = f", {self.score_name} {{:.4f}}"
        lines += [scales, f"loss {self.loss:.4g}" + _said(score, self.score)]
        if np.isfinite(self.validation_loss):
            lines[-1] += f"; validation loss {self.validation_loss:.4g}"
            lines[-1] += _said(score, self.validation_score)
        lines += [f"- {sentence}" for sentence in self.advice or ("Nothing is wrong.",)]
        return "\n".join(lines)

    def _table(self) -> Iterator[str]:
        states = {state.name: state for state in self.layers}
        # A layer of weights may end in an activation that is a layer of its own.
        names = list(dict.fromkeys([*self.gradient_norms, *states]))
        width = max(map(len, names), default=5) + 1
        yield f"{'layer':{width}}{'units':>6}{'dead':>7}{'saturated':>11}{'gradient norm':>15}"
        for name in names:
            state, norm = states.get(name), self.gradient_norms.get(name)
            units = dead = saturated = ""
            if state is not None:
                units, dead = str(state.n_units), f"{state.dead:.0%}"
                saturated = _said("{:.0%}", state.saturated)
            shown = "" if norm is None else f"{norm:.2g}"
            yield f"{name:{width}}{units:>6}{dead:>7}{saturated:>11}{shown:>15}"


def diagnose(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    X_val: Any = None,
    y_val: Any = None,
    n_rows: int = 1000,
) -> Diagnosis:
    """Look into a fitted network, and say what keeps it from learning.

    Dead units, saturated layers, gradients that vanish on their way to the first layer [1]_, scales
    of the input on which networks train badly, and a network that has learned too little or by
    heart.

    Parameters
    ----------
    estimator : estimator
        A fitted network of this package, alone, as last step of a Pipeline, or in a
        ``TransformedTargetRegressor``. It is not changed.
    X : array-like
        Rows, in the form in which they were fitted; those that it was fitted to, as a rule.
    y : array-like, default=None
        Their targets; not needed by an autoencoder.
    X_val, y_val : array-like, default=None
        Rows that it was not fitted to, and their targets: without them nobody can say whether the
        network has learned by heart.
    n_rows : int, default=1000
        Layers and gradients are looked at on so many rows of X, evenly spaced; scores are of all.

    Returns
    -------
    Diagnosis
        What was found, with `advice` in words.

    Raises
    ------
    TypeError
        If ``estimator`` holds no network of this package.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    DiagnosisDisplay : The same as a picture.

    References
    ----------
    .. [1] Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
           networks", AISTATS 2010.

    Examples
    --------
    Eight logistic layers are too deep for gradients to reach the first:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cnn import MLPClassifier, diagnose
    >>> X, y = load_digits(return_X_y=True)
    >>> deep = MLPClassifier((64,) * 8, activation="logistic", max_iter=2, random_state=0)
    >>> for advice in diagnose(deep.fit(X / 16, y), X / 16, y).advice:
    ...     print(advice)
    hidden_7: ...
    The gradient at the first kernel is ... times that at the last: the first layers hardly learn...
    The network has learned nothing: ...
    """
    estimator, (X, X_val), (y, y_val) = _network(estimator, (X, X_val), (y, y_val))
    sample = _evenly_spaced(X, y, n_rows)
    rows, objective, weights = estimator._as_trained(*sample)
    loss, gradients = loss_and_gradients(estimator.architecture_, objective, weights, rows)
    validation_loss = np.nan
    if X_val is not None:
        rows_val = estimator._as_trained(*_evenly_spaced(X_val, y_val, n_rows))[0]
        validation_loss, _ = loss_and_gradients(
            estimator.architecture_, objective, weights, rows_val
        )
    found: dict[str, Any] = {
        "network": type(estimator).__name__,
        "n_rows": rows.n_rows,
        "layers": tuple(_layer_states(estimator, sample[0])),
        "gradient_norms": _norms(gradients),
        "largest_input": _largest(rows.x),
        "scale_ratio": _scale_ratio(rows.x),
        "loss": loss,
        "validation_loss": validation_loss,
        "score": _score(estimator, X, y),
        "validation_score": np.nan if X_val is None else _score(estimator, X_val, y_val),
        "score_name": _score_name(estimator),
    }
    seen = Diagnosis(**found)
    advice = [*_advice_on_layers(seen, estimator), *_advice_on_scales(seen, estimator, rows)]
    advice += _advice_on_fit(seen, estimator, y)
    return Diagnosis(**found, advice=tuple(advice))


def _network(estimator: Any, inputs: tuple, targets: tuple) -> tuple[Any, tuple, tuple]:
    """The network in an estimator, and rows as they reach it."""
    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        before = estimator[:-1]
        if len(before):
            inputs = tuple(None if X is None else before.transform(X) for X in inputs)
        return _network(estimator[-1], inputs, targets)
    if isinstance(estimator, TransformedTargetRegressor):
        transform = estimator.transformer_.transform
        targets = tuple(
            None if y is None else _like(y, transform(np.asarray(y).reshape(len(y), -1)))
            for y in targets
        )
        return _network(estimator.regressor_, inputs, targets)
    if hasattr(estimator, "_as_trained"):
        return estimator, inputs, targets
    hint = ""
    if hasattr(estimator, "best_estimator_"):
        hint = " Pass its best_estimator_."
    raise TypeError(
        "diagnose takes a fitted network of sklearn_cnn, alone, in a Pipeline or in a "
        f"TransformedTargetRegressor. Got {type(estimator).__name__}.{hint}"
    )


def _like(y: Any, transformed: np.ndarray) -> np.ndarray:
    return transformed.ravel() if np.ndim(y) == 1 else transformed


def _evenly_spaced(X: Any, y: Any, n_rows: int) -> tuple[Any, Any]:
    """At most so many rows; of several inputs all."""
    if not hasattr(X, "shape") or X.shape[0] <= n_rows:
        return X, y
    rows = np.linspace(0, X.shape[0] - 1, n_rows).astype(int)
    return safe_indexing(X, rows), None if y is None else safe_indexing(y, rows)


def _layer_states(estimator: Any, X: Any) -> Iterator[LayerState]:
    model = estimator.model_
    if not getattr(model, "inputs", None):  # a subclassed model does not show its layers
        return
    last = {id(output) for output in model.outputs}
    names = {
        layer.name: activation
        for layer in model.layers
        if (activation := _activation(layer)) and id(layer.output) not in last
    }
    if not names:
        return
    for name, values in activations(estimator, X, list(names)).items():
        values = values.reshape(len(values), -1, values.shape[-1])
        spread = np.ptp(values, axis=(0, 1))
        saturated = np.nan
        if names[name] in _ENDS:
            low, high = _ENDS[names[name]]
            margin = _MARGIN * (high - low)
            saturated = float(np.mean((values < low + margin) | (values > high - margin)))
        size = np.abs(values).max(axis=(0, 1))
        dead = spread <= 1e-6 * np.maximum(size, np.finfo(np.float32).tiny)
        yield LayerState(name, names[name], values.shape[-1], float(np.mean(dead)), saturated)


def _activation(layer: Any) -> str | None:
    """Name of a layer's activation, or None where it leaves its input as it is."""
    from keras import layers

    own = (layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU)
    if isinstance(layer, own):
        return str(type(layer).__name__)
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", None if activation is None else str(activation))
    return None if name in (None, "linear") else name


def _norms(gradients: dict[str, np.ndarray]) -> dict[str, float]:
    """Norms over the kernels of each layer."""
    squares: dict[str, float] = {}
    for path, gradient in gradients.items():
        layer, _, name = path.rpartition("/")
        if "kernel" in name:
            squares[layer] = squares.get(layer, 0.0) + float(np.sum(np.square(gradient)))
    return {layer: float(np.sqrt(total)) for layer, total in squares.items()}


def _parts(x: Any) -> list:
    if isinstance(x, dict):
        return list(x.values())
    return list(x) if isinstance(x, list | tuple) else [x]


def _largest(x: Any) -> float:
    parts = [part.data if sparse.issparse(part) else part for part in _parts(x)]
    return max(float(np.max(np.abs(part), initial=0.0)) for part in parts)


def _scale_ratio(x: Any) -> float:
    if getattr(x, "ndim", 0) != 2:
        return np.nan
    scales = column_scales(x)
    scales = scales[scales > 0]
    return float(scales.max() / scales.min()) if len(scales) else np.nan


def _score(estimator: Any, X: Any, y: Any) -> float:
    return float(estimator.score(X, y)) if hasattr(estimator, "score") else np.nan


def _score_name(estimator: Any) -> str:
    if is_classifier(estimator):
        return "accuracy"
    if not is_regressor(estimator):
        return "score"
    return "D2 of the pinball loss" if _has_quantiles(estimator) else "R2"


def _has_quantiles(estimator: Any) -> bool:
    return bool(getattr(getattr(estimator, "_family", None), "quantiles", ()))


def _said(words: str, number: float) -> str:
    return words.format(number) if np.isfinite(number) else ""


def _advice_on_layers(seen: Diagnosis, estimator: Any) -> Iterator[str]:
    rate = f"learning_rate_init (now {estimator.learning_rate_init:g})"
    bounded = [layer for layer in seen.layers if layer.activation in _ENDS]
    for layers in (bounded, [layer for layer in seen.layers if layer not in bounded]):
        dead = [layer for layer in layers if layer.dead >= _MANY_DEAD]
        if dead:
            other = "" if layers is bounded else ", or use activation='leaky_relu' or 'elu'"
            yield (
                f"{_named(dead)}: {_up_to([layer.dead for layer in dead])} of the units are dead, "
                f"the same for every row. Scale X, lower {rate}{other}."
            )
    saturated = [layer for layer in bounded if layer.saturated >= _MANY_SATURATED]
    if saturated:
        yield (
            f"{_named(saturated)}: {_up_to([layer.saturated for layer in saturated])} of the "
            f"values lie at the flat ends of {saturated[0].activation}. Scale X, lower {rate}, or "
            "use activation='relu'."
        )
    ratio = seen.gradient_ratio
    if len(seen.gradient_norms) > 1 and ratio < _VANISHED:
        yield (
            f"The gradient at the first kernel is {ratio:.2g} times that at the last: the first "
            "layers hardly learn. Use activation='relu', batch_normalization=True, or fewer layers."
        )
    elif len(seen.gradient_norms) > 1 and ratio > 1 / _VANISHED:
        yield (
            f"The gradient at the first kernel is {ratio:.2g} times that at the last: it grows "
            f"from layer to layer. Scale X, lower {rate}, or use batch_normalization=True."
        )


def _named(layers: list[LayerState]) -> str:
    return ", ".join(layer.name for layer in layers)


def _up_to(shares: list[float]) -> str:
    return f"{'up to ' if len(shares) > 1 else ''}{max(shares):.0%}"


def _advice_on_scales(seen: Diagnosis, estimator: Any, rows: Any) -> Iterator[str]:
    table = getattr(rows.x, "ndim", 0) == 2
    found = []
    if table:
        target = rows.y if is_regressor(estimator) else None
        names = getattr(estimator, "feature_names_in_", None)
        has_option = "standardize" in estimator.get_params()
        found = scale_advice(rows.x, names, target, has_option=has_option)
        yield from found
    largest = seen.largest_input
    if table and not found and largest > _LARGE_TABLE:
        yield f"X reaches {largest:.3g}. Put a StandardScaler in front of the network."
    elif not table and largest > _LARGE_PICTURE:
        yield f"X reaches {largest:.3g}. Divide it by that, so that it lies between -1 and 1."


def _advice_on_fit(seen: Diagnosis, estimator: Any, y: Any) -> Iterator[str]:
    if (words := _learned_nothing(seen, estimator, y)) is not None:
        yield (
            f"The network has learned nothing: {words}. Raise max_iter (now "
            f"{estimator.max_iter}), change learning_rate_init (now "
            f"{estimator.learning_rate_init:g}), or take more units."
        )
    supervised = is_classifier(estimator) or is_regressor(estimator)
    if supervised and seen.overfit_gap > _LARGE_GAP:
        yield (
            f"The network has learned by heart: its {seen.score_name} is {seen.score:.3f} on the "
            f"rows of X, but {seen.validation_score:.3f} on those of X_val. Raise alpha or "
            "dropout, use early_stopping=True, take fewer units, or find more rows."
        )
    elif not supervised and seen.validation_loss > 1.5 * seen.loss:
        yield (
            f"The network has learned by heart: its loss is {seen.loss:.3g} on the rows of X, but "
            f"{seen.validation_loss:.3g} on those of X_val. Raise alpha or dropout, use "
            "early_stopping=True, take fewer units, or find more rows."
        )


def _learned_nothing(seen: Diagnosis, estimator: Any, y: Any) -> str | None:
    if is_regressor(estimator) and seen.score < 0.01:
        constant = "quantiles of y have" if _has_quantiles(estimator) else "mean of y has"
        return f"its {seen.score_name} is {seen.score:.3f}, and the {constant} 0"
    if is_classifier(estimator) and np.ndim(y) == 1:
        _, counts = np.unique(np.asarray(y), return_counts=True)
        share = counts.max() / counts.sum()
        if len(counts) > 1 and seen.score <= share + 0.01:
            return (
                f"its accuracy of {seen.score:.3f} is no better than naming the most frequent "
                f"class ({share:.3f})"
            )
    return None
