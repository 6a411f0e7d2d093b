"""Families of response: what is modelled, on which scale, and how far a prediction is from it.

A family is to a network what ``family`` is to R's ``glm``. The last layer of a network computes
the *linear predictor* eta; the inverse link turns it into the mean mu of the response; the loss of
a row is half its deviance. Families are small, frozen and hashable, so that two estimators with
equal families share their compiled programs.

The losses take eta, not mu: sigmoid followed by a logarithm loses everything where eta is large,
softplus loses nothing. The same holds for the other canonical links and for every log link. The
links that are defined on a part of the line only (``inverse``, ``sqrt``, the ``identity`` of a
positive mean) use the nearest allowed eta beyond its end, and there the loss goes on as a straight
line of slope 1, which leads an optimizer back; ``cloglog`` does so above eta = 10, where mu is 1
to the last digit.
"""

import difflib
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

__all__ = [
    "Family",
    "binomial",
    "gamma",
    "gaussian",
    "get",
    "keras_activation",
    "multinomial",
    "negative_binomial",
    "pinball",
    "poisson",
]

# The least |eta| of the inverse, sqrt and positive identity links: means from 1e-12 to 1e6.
_LEAST = 1e-6
# -expm1(-exp(10)) is 1 in float64; exp(10) is far from overflowing in float32.
_LARGEST_CLOGLOG = 10.0
# exp(eta) can reach 0 and infinity; the deviance stays a number. The lower end is R's, also for
# float32, whose own resolution would be coarse for a small rate.
_LEAST_MEAN, _LARGEST_MEAN = float(np.finfo(np.float64).eps), 1e300
# Terms of the continued fraction of Mills's ratio that leave 1e-15 at 3.
_MILLS_TERMS = 40
# y log y at y = 0 without a branch: 0 * log(tiny) is 0. A normal number in float32.
_TINY = 1e-37


def gaussian(link: str = "identity") -> "Family":
    """Continuous response with constant variance.

    Parameters
    ----------
    link : {"identity", "log", "inverse"}, default="identity"
        eta = mu, log(mu) or 1 / mu.

    Returns
    -------
    Family
        Loss of a row: half the squared error, summed over outputs.

    Examples
    --------
    >>> from sklearn_cnn.families import gaussian
    >>> gaussian()
    gaussian(link='identity')
    >>> gaussian().deviance([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    1.0
    """
    return _Gaussian(link)


def binomial(link: str = "logit") -> "Family":
    """Response 0 or 1, or a share of successes with the number of trials as weight.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog"}, default="logit"
        eta = log(mu / (1 - mu)), the normal quantile of mu, or log(-log(1 - mu)).

    Returns
    -------
    Family
        Loss of a row: the logistic loss (cross-entropy), summed over outputs.

    Examples
    --------
    >>> from sklearn_cnn.families import binomial
    >>> round(binomial().deviance([0, 1, 1], [0.5, 0.5, 1.0]), 4)
    2.7726
    """
    return _Binomial(link)


def multinomial() -> "Family":
    """One of several classes, one-hot encoded.

    Returns
    -------
    Family
        Loss of a row: the cross-entropy of the softmax.

    Examples
    --------
    >>> from sklearn_cnn.families import multinomial
    >>> multinomial().mean([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """
    return _Multinomial("logit")


def poisson(link: str = "log") -> "Family":
    """Counts, or rates with the exposure as weight; variance mu.

    Parameters
    ----------
    link : {"log", "identity", "sqrt"}, default="log"
        eta = log(mu), mu or sqrt(mu).

    Returns
    -------
    Family
        Loss of a row: half the Poisson deviance, as in scikit-learn.

    Examples
    --------
    >>> from sklearn_cnn.families import poisson
    >>> poisson().check_target([2.0, -1.0])
    Traceback (most recent call last):
        ...
    ValueError: poisson(link='log') needs y >= 0, but y holds -1.0 (row 1).
    """
    return _Poisson(link)


def gamma(link: str = "log") -> "Family":
    """Positive response with constant coefficient of variation; variance mu ** 2.

    Parameters
    ----------
    link : {"log", "inverse", "identity"}, default="log"
        eta = log(mu), 1 / mu or mu. R's ``Gamma()`` has ``inverse`` by default.

    Returns
    -------
    Family
        Loss of a row: half the gamma deviance.

    Examples
    --------
    >>> from sklearn_cnn.families import gamma
    >>> gamma().mean([0.0, 1.0]).round(3)
    array([1.   , 2.718])
    """
    return _Gamma(link)


def negative_binomial(theta: float | None = None, link: str = "log") -> "Family":
    """Counts with more variance than Poisson's: mu + mu ** 2 / theta.

    Parameters
    ----------
    theta : float > 0, default=None
        Shape; the smaller, the more the counts vary. ``None`` estimates it from the data.
    link : {"log"}, default="log"
        eta = log(mu).

    Returns
    -------
    Family
        Loss of a row: half the negative binomial deviance.

    Examples
    --------
    >>> from sklearn_cnn.families import negative_binomial
    >>> negative_binomial(theta=2.0).variance(4.0)
    array(12.)
    """
    return _NegativeBinomial(link, theta=theta)


def pinball(quantiles: float | Sequence[float] = (0.05, 0.5, 0.95)) -> "Family":
    """Quantiles of a continuous response instead of its mean: quantile regression [1]_.

    Parameters
    ----------
    quantiles : float or sequence of float, default=(0.05, 0.5, 0.95)
        Between 0 and 1, rising. Each has an output unit of its own: the first and the last of
        the default bound an interval that holds nine of ten responses.

    Returns
    -------
    Family
        Loss of a row: the pinball loss, ``q (y - eta)`` above a prediction eta and
        ``(1 - q) (eta - y)`` below it, summed over quantiles and outputs.

    Notes
    -----
    Networks may predict quantiles that cross. `Family.mean`, and so ``predict``, sorts those of
    each response, which never is further from the true ones [2]_; the Keras model is not sorted.

    References
    ----------
    .. [1] Koenker, Bassett, "Regression quantiles", Econometrica 46 (1978), 33-50.
    .. [2] Chernozhukov, Fernandez-Val, Galichon, "Quantile and probability curves without
       crossing", Econometrica 78 (2010), 1093-1125.

    Examples
    --------
    >>> from sklearn_cnn.families import pinball
    >>> pinball()
    pinball(quantiles=(0.05, 0.5, 0.95))
    >>> pinball(0.9).deviance([1.0, 2.0], [0.0, 3.0])
    2.0
    >>> pinball().mean([[3.0, 2.0, 4.0]])
    array([[2., 3., 4.]])
    """
    return _Pinball("identity", quantiles=_rising(quantiles))


def multilabel() -> "Family":
    """Several answers of yes or no to each row, independent given X."""
    return _Multilabel("logit")


def get(family: "str | dict[str, Any] | Family | Callable[[], Family]") -> "Family":
    """Family for a name, a configuration, a function of this module, or a family itself.

    Parameters
    ----------
    family : str, dict, callable or Family
        ``"poisson"``, ``poisson``, ``poisson()`` and ``{"name": "poisson", "link": "log"}`` are
        the same.

    Returns
    -------
    Family

    Examples
    --------
    >>> from sklearn_cnn import families
    >>> families.get("gamma")
    gamma(link='log')
    >>> families.get("poison")
    Traceback (most recent call last):
        ...
    ValueError: family='poison' is unknown. Known names: 'binomial', 'gamma', 'gaussian', \
'multilabel', 'multinomial', 'negative_binomial', 'pinball', 'poisson'. Did you mean 'poisson'?
    """
    if isinstance(family, Family):
        return family
    settings = dict(family) if isinstance(family, dict) else {}
    name = settings.pop("name", None) if isinstance(family, dict) else family
    for known, make in _MAKERS.items():
        if name == known or name is make:
            made = make()
            break
    else:
        raise ValueError(_unknown("family", name, list(_MAKERS)))
    for setting in settings:
        if setting not in made.config():
            raise ValueError(_unknown("setting", setting, list(made.config()), made.name))
    return replace(made, **settings)


_MAKERS: dict[str, Callable[[], "Family"]] = {
    make.__name__: make
    for make in (
        gaussian,
        binomial,
        multinomial,
        poisson,
        gamma,
        negative_binomial,
        pinball,
        multilabel,
    )
}


@dataclass(frozen=True, repr=False)
class Family:
    """A kind of response.

    Made by the functions of this module, not by its constructor.

    Attributes
    ----------
    name : str
        Name of the function that makes it.
    link : str
        Link function, by R's name.
    activation : str
        Activation of the last layer, which is the inverse link; `keras_activation` turns it into
        a function.
    has_dispersion : bool
        Whether the variance has a scale of its own, which R counts among the parameters.
    slope_is_residual : bool
        Whether the gradient of `loss` is the mean less ``y``. Such a family has a method
        ``loss_and_mean(y, eta)``, which computes both at once.
    """

    link: str

    name: ClassVar[str]
    has_dispersion: ClassVar[bool] = False
    slope_is_residual: ClassVar[bool] = False
    _activations: ClassVar[dict[str, str]]
    _needs: ClassVar[str] = "finite numbers"

    def __post_init__(self) -> None:
        if self.link not in self._activations:
            raise ValueError(_unknown("link", self.link, list(self._activations), self.name))

    def __repr__(self) -> str:
        return f"{self.name}(link={self.link!r})"

    @property
    def activation(self) -> str:
        return self._activations[self.link]

    @property
    def equivariant(self) -> bool:
        """Whether a response that is shifted or scaled has its predictions shifted or scaled."""
        return False

    def config(self) -> dict[str, Any]:
        """Name and settings as plain values, from which `get` makes the same family."""
        return {"name": self.name, **asdict(self)}

    @property
    def n_quantiles(self) -> int:
        """Predictions for each response: 1, or so many quantiles of it."""
        return 1

    def units(self, n_outputs: int) -> int:
        """Units of the last layer for a response of ``n_outputs`` encoded columns."""
        return n_outputs * self.n_quantiles

    def loss_scale(self, units: int) -> float:
        """Factor between the sum over outputs and the loss that scikit-learn reports."""
        return 1.0

    def loss(self, y: Any, eta: Any) -> Any:
        """Loss of each row, in ``keras.ops``.

        Parameters
        ----------
        y : tensor of shape (..., n_samples, units)
            Encoded response, of the dtype of ``eta``.
        eta : tensor of shape (..., n_samples, units)
            Linear predictor.

        Returns
        -------
        tensor of shape (..., n_samples)
            Sum over units. Finite for rows of zeros, which batches are padded with.
        """
        from keras import ops

        inside = _inside(ops, self.activation, eta)
        losses = self._losses(ops, y, inside)
        if inside is not eta:
            losses = losses + ops.abs(eta - inside)
        return ops.sum(losses, axis=-1)

    def mean(self, eta: ArrayLike) -> NDArray:
        """Mean of the response, the inverse link of ``eta``, in the dtype of ``eta``."""
        eta = np.asarray(eta)
        return _INVERSE_LINKS[self.activation](_NUMPY, _inside(_NUMPY, self.activation, eta))

    def variance(self, mu: ArrayLike) -> NDArray:
        """Variance of the response at mean ``mu``, up to the dispersion."""
        return np.asarray(self._variance(_floats(mu)))

    def unit_deviance(self, y: ArrayLike, mu: ArrayLike) -> NDArray:
        """Deviance of each entry of ``y``; its root, signed, is R's deviance residual."""
        return self._unit_deviance(_floats(y), self._within(mu))

    def deviance(
        self, y: ArrayLike, mu: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Deviance: twice the log-likelihood lost against predicting each row exactly.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Encoded response.
        mu : array-like of the shape of y
            Predicted means. Probabilities of exactly 0 or 1 are moved by the resolution of their
            dtype, and means of counts and of positive responses are at least 2.2e-16, as in R.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Weighted sum over rows and outputs.
        """
        y, mu, weight = _columns(y, self._within(mu), sample_weight)
        return float(np.sum(weight * self._unit_deviance(y, mu)))

    def null_deviance(self, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Deviance of the model that predicts the weighted mean of ``y`` everywhere."""
        columns, _, weight = _columns(y, y, sample_weight)
        mean = np.average(columns, axis=0, weights=weight[:, 0])
        return self.deviance(columns, np.broadcast_to(mean, columns.shape), sample_weight)

    def dispersion(
        self,
        y: ArrayLike,
        mu: ArrayLike,
        sample_weight: ArrayLike | None = None,
        df_residual: float | None = None,
    ) -> NDArray:
        """Scale of the variance, as ``summary(glm(...))`` in R estimates it.

        Parameters
        ----------
        y, mu : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Encoded response and predicted means.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        df_residual : float, default=None
            Rows of positive weight less estimated coefficients. ``None``: no coefficients.

        Returns
        -------
        ndarray of shape () or (n_outputs,)
            Pearson's chi-squared divided by ``df_residual``; 1 for families whose variance
            is known.
        """
        outputs = np.shape(y)[1:]
        if not self.has_dispersion:
            return np.ones(outputs)
        y, mu, weight = _columns(y, self._within(mu), sample_weight)
        if df_residual is None:
            df_residual = float(np.count_nonzero(weight))
        squares = np.sum(weight * (y - mu) ** 2 / self._variance(mu), axis=0)
        return (squares / df_residual).reshape(outputs)

    def log_likelihood(
        self,
        y: ArrayLike,
        mu: ArrayLike,
        sample_weight: ArrayLike | None = None,
        dispersion: ArrayLike | None = None,
    ) -> float:
        """Log-likelihood, as ``logLik`` of R's ``glm`` and ``glm.nb`` counts it.

        Parameters
        ----------
        y, mu : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Encoded response and predicted means.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: precisions in gaussian, numbers of trials in binomial, repeats
            elsewhere. Rows of weight 0 do not count.
        dispersion : float or array-like of shape (n_outputs,), default=None
            Scale of the variance. ``None`` is R's choice: the deviance of an output divided by
            the number of rows (gaussian) or by the sum of weights (gamma).

        Returns
        -------
        float
            Sum over rows and outputs.

        Notes
        -----
        R rounds binomial weights that are no whole numbers; here they are used as they are.
        """
        y, mu, weight = _columns(y, self._within(mu), sample_weight)
        counted = weight[:, 0] > 0
        return float(self._log_likelihood(y[counted], mu[counted], weight[counted], dispersion))

    def check_target(self, y: ArrayLike) -> None:
        """Raise ValueError where ``y`` cannot come from this family."""
        y = _floats(y)
        allowed = self._allows(y)
        if not np.all(allowed):
            first = tuple(int(i) for i in np.argwhere(~allowed)[0])
            raise ValueError(
                f"{self!r} needs {self._needs}, but y holds {float(y[first])!r} (row {first[0]})."
            )

    def _losses(self, ops: Any, y: Any, eta: Any) -> Any:
        """Loss of each row and unit."""
        raise NotImplementedError

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        raise NotImplementedError

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        raise NotImplementedError

    def _variance(self, mu: NDArray) -> NDArray:
        raise NotImplementedError

    def _allows(self, y: NDArray) -> NDArray:
        return np.isfinite(y)

    def _within(self, mu: ArrayLike) -> NDArray:
        """``mu`` as float64, moved into the range that a response can come from."""
        return _floats(mu)


class _Gaussian(Family):
    name = "gaussian"
    has_dispersion = True
    _activations = {"identity": "linear", "log": "exponential", "inverse": "reciprocal"}

    @property
    def equivariant(self) -> bool:
        return self.link == "identity"

    def loss_scale(self, units: int) -> float:
        return 1.0 / units

    def _losses(self, ops: Any, y: Any, eta: Any) -> Any:
        return 0.5 * ops.square(y - _INVERSE_LINKS[self.activation](ops, eta))

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        return (y - mu) ** 2

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        squares = weight * (y - mu) ** 2
        if dispersion is None:
            # A perfect fit has infinite likelihood, as in R.
            with np.errstate(divide="ignore"):
                log_scale = np.log(squares.mean(axis=0))
            relative: NDArray | float = 1.0
        else:
            log_scale, relative = np.log(dispersion), squares / dispersion
        return -0.5 * np.sum(math.log(2 * math.pi) + log_scale - np.log(weight) + relative)

    def _variance(self, mu: NDArray) -> NDArray:
        return np.ones_like(mu)


class _Binomial(Family):
    name = "binomial"
    _activations = {"logit": "sigmoid", "probit": "probit", "cloglog": "cloglog"}
    _needs = "0 <= y <= 1"

    def _losses(self, ops: Any, y: Any, eta: Any) -> Any:
        log_yes, log_no = _LOG_PROBABILITIES[self.link](ops, eta)
        return -(y * log_yes + (1.0 - y) * log_no)

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        return 2 * (special.rel_entr(y, mu) + special.rel_entr(1 - y, 1 - mu))

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        # The number of ways to arrange the successes among the trials: 1 where y is 0 or 1.
        ways = (
            special.gammaln(weight + 1)
            - special.gammaln(weight * y + 1)
            - special.gammaln(weight * (1 - y) + 1)
        )
        return np.sum(ways + weight * (special.xlogy(y, mu) + special.xlog1py(1 - y, -mu)))

    def _variance(self, mu: NDArray) -> NDArray:
        return mu * (1 - mu)

    def _allows(self, y: NDArray) -> NDArray:
        return (y >= 0) & (y <= 1)

    def _within(self, mu: ArrayLike) -> NDArray:
        least = _resolution(mu)
        return np.clip(_floats(mu), least, 1 - least)


class _Multilabel(_Binomial):
    name = "multilabel"
    _activations = {"logit": "sigmoid"}

    def __repr__(self) -> str:
        return "multilabel()"


class _Multinomial(Family):
    name = "multinomial"
    slope_is_residual = True
    _activations = {"logit": "softmax"}
    _needs = "rows of probabilities, such as one-hot rows"

    def __repr__(self) -> str:
        return "multinomial()"

    def loss(self, y: Any, eta: Any) -> Any:
        losses, _ = self.loss_and_mean(y, eta)
        return losses

    def loss_and_mean(self, y: Any, eta: Any) -> tuple[Any, Any]:
        """`loss` and the mean of the response, in ``keras.ops``."""
        from keras import ops

        # Shares that sum to 1 make this -sum(y log softmax(eta)), and its gradient softmax - y:
        # that of `log_softmax` would sum over the units once more.
        eta = eta - ops.stop_gradient(ops.max(eta, axis=-1, keepdims=True))
        powers = ops.exp(eta)
        total = ops.sum(powers, axis=-1, keepdims=True)
        losses = ops.log(total[..., 0]) - ops.sum(y * eta, axis=-1)
        return losses, powers * (1 / total)

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        return 2 * special.rel_entr(y, mu)

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        return np.sum(weight * special.xlogy(y, mu))

    def _variance(self, mu: NDArray) -> NDArray:
        return mu * (1 - mu)

    def check_target(self, y: ArrayLike) -> None:
        super().check_target(y)
        totals = _floats(y).sum(axis=-1)
        if not np.allclose(totals, 1.0, atol=1e-6):
            row = int(np.argmax(np.abs(totals - 1.0)))
            raise ValueError(
                f"{self!r} needs {self._needs}, but row {row} of y sums to "
                f"{float(np.ravel(totals)[row])!r}."
            )

    def _allows(self, y: NDArray) -> NDArray:
        return (y >= 0) & (y <= 1)

    def _within(self, mu: ArrayLike) -> NDArray:
        return np.maximum(_floats(mu), _resolution(mu))


class _Poisson(Family):
    name = "poisson"
    _activations = {"log": "exponential", "identity": "positive", "sqrt": "positive_square"}
    _needs = "y >= 0"

    def _losses(self, ops: Any, y: Any, eta: Any) -> Any:
        log_mu = _LOG_MEANS[self.link](ops, eta)
        return y * (ops.log(ops.maximum(y, _TINY)) - log_mu) - y + ops.exp(log_mu)

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        return 2 * special.kl_div(y, mu)

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        return np.sum(weight * (special.xlogy(y, mu) - mu - special.gammaln(y + 1)))

    def _variance(self, mu: NDArray) -> NDArray:
        return mu

    def _allows(self, y: NDArray) -> NDArray:
        return (y >= 0) & np.isfinite(y)

    def _within(self, mu: ArrayLike) -> NDArray:
        return np.clip(_floats(mu), _LEAST_MEAN, _LARGEST_MEAN)


class _Gamma(Family):
    name = "gamma"
    has_dispersion = True
    _activations = {"log": "exponential", "inverse": "positive_reciprocal", "identity": "positive"}
    _needs = "y > 0"

    def _losses(self, ops: Any, y: Any, eta: Any) -> Any:
        log_mu = _LOG_MEANS[self.link](ops, eta)
        return y * ops.exp(-log_mu) + log_mu - ops.log(ops.maximum(y, _TINY)) - 1.0

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        return 2 * ((y - mu) / mu - np.log(y / mu))

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        if dispersion is None:
            dispersion = np.sum(weight * self._unit_deviance(y, mu), axis=0) / weight.sum(axis=0)
        shape = 1 / np.asarray(dispersion)
        rate = shape / mu
        log_densities = (
            shape * np.log(rate) + (shape - 1) * np.log(y) - rate * y - special.gammaln(shape)
        )
        return np.sum(weight * log_densities)

    def _variance(self, mu: NDArray) -> NDArray:
        return mu**2

    def _allows(self, y: NDArray) -> NDArray:
        return (y > 0) & np.isfinite(y)

    def _within(self, mu: ArrayLike) -> NDArray:
        return np.clip(_floats(mu), _LEAST_MEAN, _LARGEST_MEAN)


@dataclass(frozen=True, repr=False)
class _NegativeBinomial(_Poisson):
    theta: float | None = None

    name = "negative_binomial"
    _activations = {"log": "exponential"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.theta is not None and not 0 < self.theta < math.inf:
            raise ValueError(
                f"theta of negative_binomial must be a positive number or None. Got {self.theta!r}."
            )

    def __repr__(self) -> str:
        return f"negative_binomial(theta={self.theta!r}, link={self.link!r})"

    def with_theta(self, theta: float) -> Self:
        """The same family with another shape."""
        return replace(self, theta=theta)

    def estimate_theta(
        self, y: ArrayLike, mu: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Shape of greatest likelihood at means ``mu``, as ``MASS::theta.ml`` in R.

        Parameters
        ----------
        y, mu : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Counts and predicted means.
        sample_weight : array-like of shape (n_samples,), default=None
            Repeats of the rows.

        Returns
        -------
        float
            Between 1e-6 and 1e6; the upper end for counts that vary no more than Poisson's.
        """
        y, mu, weight = _columns(y, self._within(mu), sample_weight)

        def slope(log_theta: float) -> float:
            theta = math.exp(log_theta)
            terms = (
                special.digamma(theta + y)
                - special.digamma(theta)
                - np.log1p(mu / theta)
                + (mu - y) / (theta + mu)
            )
            return theta * float(np.sum(weight * terms))

        least, largest = math.log(1e-6), math.log(1e6)
        if slope(least) <= 0:
            return math.exp(least)
        if slope(largest) >= 0:
            return math.exp(largest)
        return math.exp(optimize.brentq(slope, least, largest, xtol=1e-12))

    def _losses(self, ops: Any, y: Any, eta: Any) -> Any:
        theta = self._known_theta()
        log_y = ops.log(ops.maximum(y, _TINY))
        # log(mu + theta) - log(y + theta), precise for large theta too, where both are near 0.
        log_ratio = ops.softplus(eta - math.log(theta)) - ops.log1p(y / theta)
        return y * (log_y - eta) + (y + theta) * log_ratio

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        theta = self._known_theta()
        return 2 * (special.xlogy(y, y / mu) + (y + theta) * np.log1p((mu - y) / (y + theta)))

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        theta = self._known_theta()
        log_probabilities = (
            special.gammaln(theta + y)
            - special.gammaln(theta)
            - special.gammaln(y + 1)
            + special.xlogy(y, mu / (mu + theta))
            - theta * np.log1p(mu / theta)
        )
        return np.sum(weight * log_probabilities)

    def _variance(self, mu: NDArray) -> NDArray:
        return mu + mu**2 / self._known_theta()

    def _known_theta(self) -> float:
        if self.theta is None:
            raise ValueError(
                "theta of negative_binomial is not known yet. Give it, "
                "negative_binomial(theta=2.0), or take with_theta(estimate_theta(y, mu))."
            )
        return self.theta


def _rising(quantiles: float | Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(quantile) for quantile in np.ravel(quantiles))
    rising = all(low < high for low, high in itertools.pairwise((0.0, *found, 1.0)))
    if not found or not rising:
        raise ValueError(
            "quantiles of pinball must be a number between 0 and 1, or several that rise. Got "
            f"{quantiles!r}."
        )
    return found


@dataclass(frozen=True, repr=False)
class _Pinball(Family):
    quantiles: tuple[float, ...] = (0.5,)

    name = "pinball"
    has_dispersion = True
    _activations = {"identity": "linear"}

    def __post_init__(self) -> None:
        super().__post_init__()
        # `get` sets them as a file has them.
        object.__setattr__(self, "quantiles", _rising(self.quantiles))

    def __repr__(self) -> str:
        return f"pinball(quantiles={self.quantiles!r})"

    @property
    def equivariant(self) -> bool:
        return True

    @property
    def n_quantiles(self) -> int:
        return len(self.quantiles)

    def mean(self, eta: ArrayLike) -> NDArray:
        """Quantiles of each response in rising order; with several outputs one after another."""
        eta = np.asarray(eta)
        if self.n_quantiles == 1:
            return eta
        return np.sort(eta.reshape(*eta.shape[:-1], -1, self.n_quantiles), axis=-1).reshape(
            eta.shape
        )

    def loss(self, y: Any, eta: Any) -> Any:
        from keras import ops

        # An output has its quantiles side by side.
        y = ops.repeat(y, self.n_quantiles, axis=-1) if self.n_quantiles > 1 else y
        shares = np.tile(self.quantiles, eta.shape[-1] // self.n_quantiles)
        shares = ops.convert_to_tensor(shares, dtype=eta.dtype)
        below = y - eta
        return ops.sum(ops.maximum(shares * below, (shares - 1.0) * below), axis=-1)

    def _unit_deviance(self, y: NDArray, mu: NDArray) -> NDArray:
        share = self._one_quantile()
        return 2 * np.maximum(share * (y - mu), (share - 1) * (y - mu))

    def _log_likelihood(
        self, y: NDArray, mu: NDArray, weight: NDArray, dispersion: ArrayLike | None
    ) -> float:
        # Of the asymmetric Laplace distribution, whose maximum is where the pinball loss is least.
        share, losses = self._one_quantile(), self._unit_deviance(y, mu) / 2
        if dispersion is None:
            dispersion = np.sum(weight * losses, axis=0) / weight.sum(axis=0)
        scale = np.asarray(dispersion)
        return np.sum(weight * (np.log(share * (1 - share) / scale) - losses / scale))

    def dispersion(
        self,
        y: ArrayLike,
        mu: ArrayLike,
        sample_weight: ArrayLike | None = None,
        df_residual: float | None = None,
    ) -> NDArray:
        """Scale of the asymmetric Laplace distribution: mean loss by degree of freedom."""
        outputs = np.shape(y)[1:]
        y, mu, weight = _columns(y, self._within(mu), sample_weight)
        if df_residual is None:
            df_residual = float(np.count_nonzero(weight))
        losses = np.sum(weight * self._unit_deviance(y, mu) / 2, axis=0)
        return (losses / df_residual).reshape(outputs)

    def _variance(self, mu: NDArray) -> NDArray:
        return np.ones_like(mu)

    def _one_quantile(self) -> float:
        if self.n_quantiles > 1:
            raise ValueError(
                f"{self!r} has several quantiles, each with a deviance of its own. Take them one "
                f"by one: pinball({self.quantiles[0]!r})."
            )
        return self.quantiles[0]


def keras_activation(name: str) -> Callable[[Any], Any]:
    """Function for the ``activation`` of a family, or for any activation name of Keras.

    Parameters
    ----------
    name : str
        Name of an activation.

    Returns
    -------
    callable
        The inverse links that Keras does not have are registered with it, so that a saved model
        which ends in one loads in every process that has called this function for it.

    Examples
    --------
    >>> from sklearn_cnn.families import keras_activation
    >>> keras_activation("sigmoid").__name__
    'sigmoid'
    """
    import keras

    return keras.activations.get(name) if name not in OWN_ACTIVATIONS else _register(name)


@functools.cache
def _register(name: str) -> Callable[[Any], Any]:
    import keras

    def activation(x: Any) -> Any:
        return _INVERSE_LINKS[name](keras.ops, _inside(keras.ops, name, x))

    activation.__name__ = name
    return keras.saving.register_keras_serializable("sklearn_cnn", name)(activation)


def _inside(ops: Any, activation: str, eta: Any) -> Any:
    """``eta`` itself, or the nearest at which the inverse link is defined."""
    if activation in ("positive", "positive_square", "positive_reciprocal"):
        return ops.maximum(eta, _LEAST)
    if activation == "reciprocal":
        return ops.where(eta < 0, ops.minimum(eta, -_LEAST), ops.maximum(eta, _LEAST))
    if activation == "cloglog":
        return ops.minimum(eta, _LARGEST_CLOGLOG)
    return eta


def _log_normal_cdf(ops: Any, x: Any) -> Any:
    """Logarithm of the standard normal distribution function, precise in the lower tail."""
    # Below -3 by the continued fraction of Mills's ratio, above by erf, which has lost no more
    # than 3 digits there. Each branch gets arguments of its own range: where() would otherwise
    # let the NaN of the unused branch into the gradient.
    low = ops.maximum(-x, 3.0)
    tail = low
    for k in range(_MILLS_TERMS, 0, -1):
        tail = low + k / tail
    log_tail = -0.5 * ops.square(low) - 0.5 * math.log(2 * math.pi) - ops.log(tail)
    high = ops.maximum(x, -3.0)
    log_body = ops.log(0.5 + 0.5 * ops.erf(high * math.sqrt(0.5)))
    return ops.where(x < -3.0, log_tail, log_body)


def _cloglog_probabilities(ops: Any, eta: Any) -> tuple[Any, Any]:
    """Logarithms of mu and 1 - mu, where mu = 1 - exp(-exp(eta))."""
    hazard = ops.exp(eta)
    # log(1 - exp(-h)) = log(h) - h / 2 + h**2 / 24 - ..., used where h underflows or nearly so.
    small = ops.minimum(hazard, 1e-3)
    series = eta - 0.5 * small + ops.square(small) / 24.0
    log_yes = ops.where(hazard < 1e-3, series, ops.log(-ops.expm1(-ops.maximum(hazard, 1e-3))))
    return log_yes, -hazard


_LOG_PROBABILITIES: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "logit": lambda ops, eta: (-ops.softplus(-eta), -ops.softplus(eta)),
    "probit": lambda ops, eta: (_log_normal_cdf(ops, eta), _log_normal_cdf(ops, -eta)),
    "cloglog": _cloglog_probabilities,
}

# Logarithm of a positive mean by link.
_LOG_MEANS: dict[str, Callable[[Any, Any], Any]] = {
    "log": lambda ops, eta: eta,
    "identity": lambda ops, eta: ops.log(eta),
    "sqrt": lambda ops, eta: 2.0 * ops.log(eta),
    "inverse": lambda ops, eta: -ops.log(eta),
}

# The mean by activation; each works with keras.ops and with NumPy.
_INVERSE_LINKS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda ops, eta: eta,
    "exponential": lambda ops, eta: ops.exp(eta),
    "sigmoid": lambda ops, eta: ops.sigmoid(eta),
    "softmax": lambda ops, eta: ops.softmax(eta),
    "probit": lambda ops, eta: ops.exp(_log_normal_cdf(ops, eta)),
    "cloglog": lambda ops, eta: -ops.expm1(-ops.exp(eta)),
    "reciprocal": lambda ops, eta: 1.0 / eta,
    "positive": lambda ops, eta: eta,
    "positive_square": lambda ops, eta: ops.square(eta),
    "positive_reciprocal": lambda ops, eta: 1.0 / eta,
}


# Inverse links that Keras has no activation for.
OWN_ACTIVATIONS = set(_INVERSE_LINKS) - {"linear", "exponential", "sigmoid", "softmax"}


def _numpy_softmax(eta: NDArray) -> NDArray:
    shares = np.exp(eta - eta.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


# The functions of keras.ops that the inverse links use.
_NUMPY = SimpleNamespace(
    erf=special.erf,
    exp=np.exp,
    expm1=np.expm1,
    log=np.log,
    maximum=np.maximum,
    minimum=np.minimum,
    sigmoid=special.expit,
    softmax=_numpy_softmax,
    square=np.square,
    where=np.where,
)


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _resolution(mu: ArrayLike) -> float:
    """Least difference from 1 that the dtype of ``mu`` can hold."""
    dtype = np.asarray(mu).dtype
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


def _columns(
    y: ArrayLike, mu: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """``y`` and ``mu`` as columns, one an output, and the weights as one column."""
    y, mu = _floats(y), _floats(mu)
    if y.shape != mu.shape:
        raise ValueError(
            f"y has shape {y.shape}, but mu has shape {mu.shape}. Give one mean for each y."
        )
    weight = np.ones(len(y)) if sample_weight is None else _floats(sample_weight)
    if weight.shape != (len(y),):
        raise ValueError(
            f"sample_weight has shape {weight.shape}, but y has {len(y)} rows. Give one weight for "
            "each row."
        )
    return y.reshape(len(y), -1), mu.reshape(len(y), -1), weight[:, np.newaxis]


def _unknown(what: str, given: object, known: list[str], owner: str | None = None) -> str:
    """Message for a name that is not among the known ones."""
    message = f"{what}={given!r} is unknown{f' to {owner}' if owner else ''}. Known names: "
    message += ", ".join(repr(name) for name in sorted(known)) + "."
    close = difflib.get_close_matches(str(given), known, n=1)
    return message + (f" Did you mean {close[0]!r}?" if close else "")
