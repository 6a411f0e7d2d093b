"""The two kinds of supervised estimator: labels in, labels out; numbers in, numbers out."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.callback import with_callbacks
from sklearn.metrics import d2_pinball_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from sklearn_cnn import families
from sklearn_cnn.compat import (
    HasMethods,
    StrOptions,
    available_if,
    check_partial_fit_first_call,
    fit_context,
)
from sklearn_cnn.families import Family
from sklearn_cnn.training import Objective
from sklearn_cnn.training.losses import describe_loss

from ._base import BaseNetwork

# The names under which a regressor's ``loss`` is a family.
NUMBERS_BY_NAME: dict[str, Callable[[], Family]] = {
    "squared_error": families.gaussian,
    "poisson": families.poisson,
    "pinball": families.pinball,
}
# Keras losses whose outputs are probabilities of classes.
_PROBABILITY_LOSSES = ("crossentropy", "kl_divergence", "kullback_leibler", "focal")


def _has_probabilities(estimator) -> bool:
    return estimator._gives_probabilities()


def is_probability_loss(loss) -> bool:
    """Whether a network that is trained on ``loss`` learns probabilities of classes."""
    if isinstance(loss, Family) or loss is None:
        return True
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    name = str(name).lower()
    return name == "log_loss" or any(part in name for part in _PROBABILITY_LOSSES)


def has_partial_fit(estimator) -> bool:
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True


class _Supervised(BaseNetwork):
    """Fitting to targets; what classifiers and regressors share."""

    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "loss": [str, callable, Family, HasMethods(["call", "get_config"]), None],
    }
    # What scikit-learn's checks of X and y allow, by kind of input.
    _input_checks: dict = {"accept_sparse": ["csr", "csc"]}
    _target_checks: dict = {}

    def _loss_in_use(self):
        """The loss, where ``loss`` may leave it open."""
        return self.loss

    def _validate(self, X, y, *, reset: bool):
        X, y = validate_data(
            self,
            X,
            y,
            multi_output=True,
            dtype=self._float_types(X),
            reset=reset,
            **self._input_checks,
            **self._target_checks,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _check_X(self, X):
        return validate_data(self, X, dtype=self._float_types(X), reset=False, **self._input_checks)

    def _float_types(self, X):
        """Float types that X may keep; other types become the first."""
        return (np.float64, np.float32)

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        offset=None,
    ):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; sparse matrices where the estimator is for tables, arrays of more dimensions
            where it is for pictures and signals.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows. A row of weight 2 counts as two rows (exactly for full batches and
            lbfgs, in expectation for mini-batches), a row of weight 0 as none.
        X_val, y_val : array-like, default=None
            Validation data, watched instead of a split of X. The weights of the epoch that was
            best on them are kept.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation rows.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Added to the linear predictor, as in R's ``glm``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data do not fit together, or the loss or the weights stop being finite.
        """
        return self._fit(
            X,
            y,
            sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
            offset=offset,
        )


class NetworkClassifier(ClassifierMixin, _Supervised):
    """A network that predicts labels."""

    _parameter_constraints: dict = {
        **_Supervised._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def _encode_target(self, y, *, first_pass: bool, incremental: bool) -> np.ndarray:
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            if y.ndim == 1 and len(self.classes_) > 1:
                return _indicators(y, self.classes_)
        else:
            classes = unique_labels(y)
            if self.warm_start and not incremental:
                if set(classes) != set(self.classes_):
                    raise ValueError(
                        "warm_start can only be used where `y` has the same classes as in the "
                        f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                    )
            elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
                raise ValueError(
                    "`y` has classes not in `self.classes_`. `self.classes_` has "
                    f"{self.classes_}. 'y' has {classes}."
                )
        return self._label_binarizer.transform(y).astype(bool)

    def _objective(self, target: np.ndarray) -> Objective:
        kind = self._label_binarizer.y_type_
        canonical: Family = families.binomial()
        if kind == "multiclass":
            canonical = families.multinomial()
        elif kind.startswith("multilabel"):
            canonical = families.get("multilabel")
        loss = self._loss_in_use()
        if isinstance(loss, Family):
            return self._family_objective(loss, kind, canonical)
        if loss == "log_loss":
            return Objective(canonical, "accuracy")
        loss = describe_loss(loss, classifier=True, activation=canonical.activation)
        return Objective(loss, "accuracy", multilabel=kind.startswith("multilabel"))

    def _family_objective(self, family: Family, kind: str, canonical: Family) -> Objective:
        if family.name not in ("binomial", "multinomial", "multilabel"):
            raise ValueError(
                f"loss={family} is for numbers, but y holds labels: use binomial() or "
                "multinomial(), or a regressor."
            )
        if kind == "multiclass" and family.name != "multinomial":
            raise ValueError(
                f"loss={family} is for two classes, but y has {len(self.classes_)}: "
                "use multinomial()."
            )
        if kind.startswith("multilabel") and family.name == "multinomial":
            raise ValueError(
                f"loss={family} is for one label a row, but rows of y have several: use binomial()."
            )
        if kind == "binary" and family.name != "binomial":
            family = canonical  # one unit, which says the same of two classes
        return Objective(family, "accuracy", multilabel=kind.startswith("multilabel"))

    def _gives_probabilities(self) -> bool:
        """Whether there is `predict_proba`."""
        return is_probability_loss(self.loss)

    def _stratify(self, target: np.ndarray) -> np.ndarray | None:
        if target.shape[1] == 1:
            return target
        multiclass = self._label_binarizer.y_type_ == "multiclass"
        return np.argmax(target, axis=1) if multiclass and not self._prints_lines else None

    def predict(self, X, offset=None):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.
        offset : array-like of shape (n_samples,), default=None
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels of the type that was fitted.
        """
        response = self._response(X, offset)
        if response.shape[1] == 1:
            response = response.ravel()
        return self._label_binarizer.inverse_transform(response)

    def _response(self, X, offset=None) -> np.ndarray:
        check_is_fitted(self)
        return self._family.mean(self._outputs(self._check_X(X), offset))

    @available_if(_has_probabilities)
    def predict_proba(self, X, offset=None):
        """Predict probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.
        offset : array-like of shape (n_samples,), default=None
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; with several labels a row, the probability of
            each label.
        """
        response = self._response(X, offset)
        if response.shape[1] == 1:
            return np.hstack([1 - response, response])
        return response

    @available_if(_has_probabilities)
    def predict_log_proba(self, X, offset=None):
        """Logarithm of :meth:`predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.
        offset : array-like of shape (n_samples,), default=None
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Log-probabilities.
        """
        probabilities = self.predict_proba(X, offset)
        with np.errstate(divide="ignore"):
            return np.log(probabilities)

    @available_if(has_partial_fit)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch, going on from the weights and the optimizer of before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed at the first call.

        Returns
        -------
        self : object
            The estimator, one epoch further.
        """
        with self._all_or_nothing():
            if check_partial_fit_first_call(self, classes):
                self._label_binarizer = LabelBinarizer()
                multilabel = type_of_target(y).startswith("multilabel")
                self._label_binarizer.fit(y if multilabel else classes)
            return self._fit(X, y, sample_weight, incremental=True, classes=self.classes_)

    def _record_kind(self, plan) -> None:
        self._family = plan.objective.family

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _indicators(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """What ``LabelBinarizer.transform`` makes of labels that are all known, in a tenth of its time.

    It is a third of what a fit of many costs besides training.
    """
    if len(classes) == 2:
        return (labels == classes[1])[:, np.newaxis]
    target = np.zeros((len(labels), len(classes)), dtype=bool)
    target[np.arange(len(labels)), np.searchsorted(classes, labels)] = True
    return target


class NetworkRegressor(RegressorMixin, _Supervised):
    """A network that predicts numbers."""

    _target_checks = {"y_numeric": True}

    def _encode_target(self, y, *, first_pass: bool, incremental: bool) -> np.ndarray:
        self._y_ndim = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _objective(self, target: np.ndarray) -> Objective:
        loss = self._loss_in_use()
        family: Any = loss
        if isinstance(loss, str) and loss in NUMBERS_BY_NAME:
            family = NUMBERS_BY_NAME[loss]()
        if not isinstance(family, Family):
            family = describe_loss(loss, classifier=False, activation="linear")
        family.check_target(target)
        # Quantiles are no means: the validation score is minus the loss.
        return Objective(family, "none" if family.name == "pinball" else "r2")

    def predict(self, X, offset=None):
        """Predict means of the response, or its quantiles with the pinball loss.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the dtype in which the network computes. Several quantiles are a last
            axis: shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles).
        """
        check_is_fitted(self)
        mean = self._family.mean(self._outputs(self._check_X(X), offset))
        n_quantiles = getattr(self._family, "n_quantiles", 1)
        if 1 < n_quantiles < mean.shape[1]:
            return mean.reshape(len(mean), -1, n_quantiles)
        return mean.ravel() if mean.shape[1] == 1 else mean

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination R2, or D2 of the pinball loss, averaged over quantiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        float
            1 for perfect predictions, 0 for those of a constant: the mean of ``y``, or its
            quantiles.
        """
        check_is_fitted(self)
        quantiles = getattr(self._family, "quantiles", ())
        if not quantiles:
            return super().score(X, y, sample_weight)
        predicted = self.predict(X)
        predicted = predicted.reshape(*np.shape(y), len(quantiles))
        scores = [
            d2_pinball_score(y, predicted[..., place], alpha=share, sample_weight=sample_weight)
            for place, share in enumerate(quantiles)
        ]
        return float(np.mean(scores))

    @available_if(has_partial_fit)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on from the weights and the optimizer of before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        self : object
            The estimator, one epoch further.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _record_kind(self, plan) -> None:
        self._family = plan.objective.family
