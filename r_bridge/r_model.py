"""Models of R as estimators: any fitting function with a formula and a ``predict`` method."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

# R is one process-wide interpreter: one call at a time.
_LOCK = threading.RLock()
_REVIVED: WeakKeyDictionary[RModel, tuple[int, Any]] = WeakKeyDictionary()
_FUNCTIONS: dict[str, Any] = {}


def _is_classifier(model: RModel) -> bool:
    if model.classifier is not None:
        return bool(model.classifier)
    family = str(model.family or "")
    name = str(model.function).rpartition(":")[2]
    return family.startswith(("binomial", "quasibinomial")) or name in ("multinom", "polr", "lda")


def _needs_two_classes(model: RModel) -> bool:
    return str(model.family or "").startswith(("binomial", "quasibinomial"))


class RModel(BaseEstimator):
    """A model of R as an estimator of scikit-learn, so that both meet in one cross-validation.

    Parameters
    ----------
    function : str, default="lm"
        R's fitting function, with its package where that is not attached: ``"glm"``,
        ``"mgcv::gam"``, ``"nnet::multinom"``, ``"randomForest::randomForest"``.
    formula : str, default=None
        R's formula. Columns of a DataFrame go by their names, those of an array are ``x1``,
        ``x2`` and so on; the left side names the target. None is ``"y ~ ."``.
    family : str, default=None
        R's family, as R code: ``"poisson"``, ``'Gamma("log")'``. None leaves it to R.
    arguments : dict, default=None
        Further arguments of the fitting function: numbers, strings, truth values or lists of them.
    classifier : bool, default=None
        Whether the target holds labels. None: where the family is binomial, and for ``multinom``,
        ``polr`` and ``lda``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, of a classifier.
    n_features_in_ : int
        Features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    Notes
    -----
    Text and categories of a DataFrame become factors with the levels seen in ``fit``. The model is
    kept as R serialises it: it is pickled and copied like any estimator. R runs in this process
    (the R around it, if Python was started by R), one call at a time.

    Examples
    --------
    >>> from r_bridge import RModel
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [1.0, 3.0, 5.0, 7.5]
    >>> model = RModel("lm", formula="y ~ x1").fit(X, y)
    >>> model.predict([[5.0]]).round(3)
    array([9.5])
    """

    __module__ = "r_bridge"

    def __init__(
        self,
        function: str = "lm",
        *,
        formula: str | None = None,
        family: str | None = None,
        arguments: dict[str, Any] | None = None,
        classifier: bool | None = None,
    ):
        self.function = function
        self.formula = formula
        self.family = family
        self.arguments = arguments
        self.classifier = classifier

    def fit(self, X, y, sample_weight=None):
        """Fit the model in R.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; a DataFrame may also hold text and categories.
        y : array-like of shape (n_samples,)
            Numbers or labels.
        sample_weight : array-like of shape (n_samples,), default=None
            R's argument ``weights``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            With R's words, if R's function fails; if ``sample_weight`` is not one number a
            row, or all zero.
        """
        columns, y = self._columns(X, y, reset=True)
        if _is_classifier(self):
            check_classification_targets(y)
            classes, codes = np.unique(y, return_inverse=True)
            _check_classes(self, classes)
            target: Any = (codes, [str(label) for label in classes])
        else:
            target = np.asarray(y, dtype=np.float64)
        if sample_weight is not None:
            sample_weight = _weights(sample_weight, len(y))
        response = (self.formula or "y ~ .").partition("~")[0].strip()
        frame = [*columns, (response, target)]
        with _LOCK:
            model = _call(
                "fit",
                self.function,
                self.formula or "y ~ .",
                _to_frame(frame),
                self.family,
                _to_list(self.arguments or {}),
                sample_weight,
            )
            self._serialized = bytes(_call("serialise", model))
        if _is_classifier(self):
            self.classes_ = classes
        _REVIVED[self] = os.getpid(), model
        return self

    def predict(self, X):
        """Predict numbers or labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Means of the response, or the labels of greatest probability.
        """
        if _is_classifier(self):
            check_is_fitted(self)
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        return self._ask("mean", X)

    @available_if(_is_classifier)
    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        probabilities = self._ask("probabilities", X)
        return probabilities.reshape(-1, len(self.classes_), order="F")

    def score(self, X, y, sample_weight=None):
        """Accuracy of a classifier, else the coefficient of determination.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            The score.
        """
        mixin = ClassifierMixin if _is_classifier(self) else RegressorMixin
        return mixin.score(self, X, y, sample_weight)

    def summary(self) -> str:
        """What R's ``summary()`` prints of the model.

        Returns
        -------
        str
            Lines as in R's console.
        """
        check_is_fitted(self)
        with _LOCK:
            return "\n".join(_call("summary", self._model()))

    def _ask(self, what: str, X) -> np.ndarray:
        check_is_fitted(self)
        columns = self._columns(X, None, reset=False)
        with _LOCK:
            frame = _to_frame(columns)
            return np.array(_call(what, self._model(), frame), dtype=np.float64).ravel(order="F")

    def _columns(self, X, y, *, reset: bool):
        """Named columns, numbers or text, each checked as scikit-learn checks arrays."""
        given = {"reset": reset}
        if reset:
            given["y"] = y
        if hasattr(X, "columns"):
            validate_data(self, X, skip_check_array=True, **given)
            columns = [(str(name), _column(X[name], str(name))) for name in X.columns]
            n_samples = len(X)
        else:
            checked = validate_data(self, X, dtype=np.float64, **given)
            X = checked[0] if reset else checked
            columns = [(f"x{i + 1}", X[:, i]) for i in range(X.shape[1])]
            n_samples = len(X)
        if not reset:
            return columns
        y = column_or_1d(y, warn=True)
        if len(y) != n_samples:
            raise ValueError(f"X has {n_samples} rows, but y has {len(y)}.")
        return columns, y

    def _model(self) -> Any:
        """R's object, revived once in each process."""
        process, model = _REVIVED.get(self, (None, None))
        if process != os.getpid():
            model = _call("revive", self._serialized)
            _REVIVED[self] = os.getpid(), model
        return model

    def __sklearn_is_fitted__(self) -> bool:
        return "_serialized" in self.__dict__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if _is_classifier(self):
            from sklearn.utils import ClassifierTags

            tags.estimator_type = "classifier"
            tags.classifier_tags = ClassifierTags(multi_class=not _needs_two_classes(self))
        else:
            from sklearn.utils import RegressorTags

            tags.estimator_type = "regressor"
            tags.regressor_tags = RegressorTags()
        return tags


def _check_classes(model: RModel, classes: np.ndarray) -> None:
    if len(classes) < 2:
        raise ValueError(f"{model.function} needs two classes at least, but y has only one class.")
    if len(classes) > 2 and _needs_two_classes(model):
        raise ValueError(
            "Only binary classification is supported by family="
            f"{model.family!r}, but y has {len(classes)} classes: use 'nnet::multinom'."
        )


def _weights(sample_weight: Any, n_samples: int) -> np.ndarray:
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have shape ({n_samples},), one number for each row. "
            f"Got shape {weights.shape}."
        )
    if not weights.any():
        raise ValueError("All weights in sample_weight are zero: no row is left to fit.")
    return weights


def _column(values: Any, name: str) -> np.ndarray:
    """A column of a DataFrame: finite numbers, or text."""
    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise ValueError(f"Column {name!r} of X contains NaN or infinity.")
        return array
    if any(value is None or value != value for value in array.tolist()):
        raise ValueError(f"Column {name!r} of X contains missing values (NaN).")
    return array.astype(str)


def _to_frame(columns: list[tuple[str, Any]]) -> Any:
    """A data frame of R; text and coded labels become factors."""
    r = _functions()
    vectors = []
    for _, column in columns:
        if isinstance(column, tuple):
            codes, levels = column
            vectors.append(r["factor"](_vector(codes + 1), _vector(levels)))
        elif column.dtype.kind == "U":
            levels, codes = np.unique(column, return_inverse=True)
            vectors.append(r["factor"](_vector(codes + 1), _vector(levels.tolist())))
        else:
            vectors.append(_vector(column))
    names = _vector([name for name, _ in columns])
    return r["frame"](r["rinterface"].ListSexpVector.from_iterable(vectors), names)


def _to_list(arguments: dict[str, Any]) -> Any:
    r = _functions()
    values = r["rinterface"].ListSexpVector.from_iterable(
        [_vector(value) for value in arguments.values()]
    )
    return r["named"](values, _vector(list(arguments)))


def _vector(value: Any) -> Any:
    """R's vector of plain values or of an array."""
    rinterface = _functions()["rinterface"]
    if value is None:
        return rinterface.NULL
    if isinstance(value, bytes):
        return rinterface.ByteSexpVector.from_memoryview(memoryview(value))
    values = value.tolist() if isinstance(value, np.generic) else value
    if not isinstance(values, list | tuple | np.ndarray):
        values = [values]
    if all(isinstance(each, str) for each in values):
        return rinterface.StrSexpVector(list(values))
    array = np.ascontiguousarray(values)
    if array.dtype.kind == "b":
        return rinterface.BoolSexpVector(array.tolist())
    if array.dtype.kind in "iu":
        return rinterface.IntSexpVector.from_memoryview(array.astype(np.int32).data)
    if array.dtype.kind == "f":
        return rinterface.FloatSexpVector.from_memoryview(array.astype(np.float64).data)
    raise TypeError(f"R has no counterpart of {value!r} here: give numbers, strings or bools.")


def _call(name: str, *arguments: Any) -> Any:
    """Call one of the functions below: R's errors become ValueError, its warnings warnings."""
    r = _functions()
    vectors = [each if hasattr(each, "rclass") else _vector(each) for each in arguments]
    reply = r["guarded"](r[name], r["rinterface"].ListSexpVector.from_iterable(vectors))
    value, error, said = reply[0], reply[1], reply[2]
    for message in said:
        warnings.warn(f"R: {message}", UserWarning, stacklevel=4)
    if len(error):
        raise ValueError(f"R: {error[0]}")
    return value


def _functions() -> dict[str, Any]:
    """The functions of R that do the work, defined once."""
    with _LOCK:
        if not _FUNCTIONS:
            from ._session import interface

            rinterface = interface()
            made = rinterface.evalr(_SOURCE)
            names = list(made.do_slot("names"))
            _FUNCTIONS.update(zip(names, made, strict=True), rinterface=rinterface)
        return _FUNCTIONS


_SOURCE = """
local({
  frame <- function(columns, names) {
    n <- length(columns[[1]])
    structure(columns, names = names, row.names = .set_row_names(n), class = "data.frame")
  }
  list(
    frame = frame,
    factor = function(codes, levels) structure(codes, levels = levels, class = "factor"),
    named = function(values, names) structure(values, names = names),
    # The call names its data, so that it can be printed and updated.
    fit = function(fun, formula, data, family, arguments, weights) {
      place <- new.env(parent = globalenv())
      place$data <- data
      place$weights <- weights
      formula <- stats::as.formula(formula, place)
      # Not every function knows what a point is.
      if ("." %in% all.vars(formula)) formula <- stats::formula(stats::terms(formula, data = data))
      call <- c(
        list(str2lang(fun), formula = formula, data = quote(data)),
        if (!is.null(family)) list(family = str2lang(family)),
        if (!is.null(weights)) list(weights = quote(weights)),
        as.list(arguments)
      )
      utils::capture.output(model <- eval(as.call(call), place))
      model
    },
    serialise = function(model) serialize(model, NULL),
    revive = function(bytes) unserialize(bytes),
    mean = function(model, data) {
      as.double(stats::predict(model, known_levels(model, data), type = "response"))
    },
    probabilities = function(model, data) {
      data <- known_levels(model, data)
      if (inherits(model, "glm")) {
        p <- stats::predict(model, data, type = "response")
        return(as.double(c(1 - p, p)))
      }
      if (inherits(model, "lda")) return(as.double(stats::predict(model, data)$posterior))
      type <- if (inherits(model, c("multinom", "polr"))) "probs" else "prob"
      p <- stats::predict(model, data, type = type)
      if (is.null(dim(p)) && nrow(data) > 1L && length(p) == nrow(data)) p <- cbind(1 - p, p)
      if (is.null(dim(p)) && nrow(data) == 1L && length(p) == 1L) p <- c(1 - p, p)
      as.double(p)
    },
    summary = function(model) utils::capture.output(print(summary(model))),
    guarded = function(fun, arguments) {
      environment(fun) <- list2env(list(known_levels = function(model, data) {
        for (name in intersect(names(model$xlevels), names(data))) {
          if (!is.factor(data[[name]])) next
          new <- setdiff(levels(data[[name]]), model$xlevels[[name]])
          if (length(new)) {
            stop(
              "column '", name, "' has '", new[1], "', which was not there in fit",
              call. = FALSE
            )
          }
        }
        data
      }), parent = globalenv())
      said <- character()
      reply <- tryCatch(
        withCallingHandlers(
          list(do.call(fun, arguments), character()),
          warning = function(warning) {
            said <<- c(said, conditionMessage(warning))
            tryInvokeRestart("muffleWarning")
          }
        ),
        error = function(error) list(NULL, conditionMessage(error))
      )
      c(reply, list(said))
    }
  )
})
"""
