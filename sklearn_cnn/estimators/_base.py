"""The one skeleton of all estimators: validate, encode, describe, train, record; predict."""

import contextlib
import copy
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_cnn import backends
from sklearn_cnn._warnings import warn
from sklearn_cnn.compat import HasMethods, Interval, Options, StrOptions
from sklearn_cnn.encoding import RowsOf, total_weights, validation_split
from sklearn_cnn.prediction import outputs
from sklearn_cnn.training import Objective, Plan, Progress, Reason, Result, Rows
from sklearn_cnn.training.lbfgs import train_lbfgs, train_lbfgs_starts
from sklearn_cnn.training.loop import SEGMENT_BYTES, train_alone
from sklearn_cnn.training.plan import Fit
from sklearn_cnn.training.progress import Lines, Listeners, Meter
from sklearn_cnn.training.starts import best_start, train_as_one, train_starts, was_interrupted

from . import _model
from ._hints import warn_of_scales
from ._standardization import Standardization, standardization

_DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


class OptimizerState:
    """What scikit-learn's MLP shows of its optimizer.

    Attributes
    ----------
    learning_rate : float
        Rate of the next step; with adam, the corrected rate of the last.
    """

    def __init__(self, learning_rate: float):
        self.learning_rate = learning_rate


class BaseNetwork(CallbackSupportMixin, BaseEstimator):
    """What every estimator shares. Use derived classes instead."""

    _parameter_constraints: dict = {
        "activation": [str, callable],
        "solver": [str, HasMethods(["apply", "get_config"])],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [
            StrOptions({"constant", "invscaling", "adaptive", "cosine"}),
            HasMethods(["__call__", "get_config"]),
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "l1": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_normalization": ["boolean"],
        "kernel_initializer": [str, dict, callable, None],
        "callbacks": "no_validation",
        "metrics": "no_validation",
        "monitor": [StrOptions({"score", "loss"})],
        "dtype": [StrOptions({"auto", "float32", "float64"}), None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
    }

    # Whether reaching max_iter is worth a ConvergenceWarning, as it is in scikit-learn's MLP.
    _warns_at_max_iter = False
    # Whether verbose prints scikit-learn's lines.
    _prints_lines = False
    # Whether rows and target are standardised inside, where ``standardize`` is no parameter.
    standardize = False
    # Whether columns on very different scales are worth a warning: in tables they are.
    _hints_at_scales = False
    # Whether ``tol`` is measured against the loss.
    _relative_tol = False

    @abstractmethod
    def _validate(self, X, y, *, reset: bool):
        """X and y as arrays, as scikit-learn checks them."""

    @abstractmethod
    def _encode_target(self, y, *, first_pass: bool, incremental: bool) -> np.ndarray:
        """Targets of shape (n_samples, n_outputs), as the network learns them."""

    @abstractmethod
    def _objective(self, target: np.ndarray) -> Objective:
        """What is minimised."""

    @abstractmethod
    def _architecture(self, input_shape: tuple[int, ...], objective: Objective, units: int, dtype):
        """The network's description."""

    def _encode_target_again(self, y) -> np.ndarray:
        """Validation targets, encoded as the training targets were."""
        return self._encode_target(y, first_pass=False, incremental=True)

    def _inputs(self, X):
        """X in the shape that the network takes."""
        return X

    def _row_shape(self, X) -> tuple[int, ...]:
        """Shape of a row of :meth:`_inputs`."""
        return tuple(X.shape[1:])

    def _computing_dtype(self, X) -> str:
        """Float type in which the network computes."""
        if self.dtype in ("float32", "float64"):
            return self.dtype
        return "float32" if X.dtype == np.float32 else "float64"

    def _stratify(self, target: np.ndarray) -> np.ndarray | None:
        """Labels by which a validation split is stratified."""
        return None

    def _total_weights(self, sample_weight, y, X, classes=None):
        """Weight of each row, or None."""
        class_weight = getattr(self, "class_weight", None)
        return total_weights(sample_weight, class_weight, y, X, classes)

    @contextlib.contextmanager
    def _all_or_nothing(self):
        """Leave the estimator as it was if the fit fails: nothing half-fitted stays behind."""
        before = self.__dict__.copy()
        rng = before.get("_random_state")
        state = None if rng is None else rng.get_state()
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            if rng is not None:
                rng.set_state(state)
            raise

    def _fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        incremental=False,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        offset=None,
        classes=None,
    ):
        task = None
        first_pass = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        if not incremental:
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            task = {"X": X, "y": y, "metadata": metadata}
            n_starts = self.n_init if first_pass else 1
            context = self._init_callback_context(max_subtasks=n_starts * self.max_iter)
            context.call_on_fit_task_begin(estimator=self, **task)
        with self._all_or_nothing():
            rows = self._encode_rows(X, y, sample_weight, offset, first_pass, incremental, classes)
            validation = self._encode_validation(X_val, y_val, sample_weight_val, rows)
            self._fit_rows(rows, validation, task, first_pass=first_pass, incremental=incremental)
        if not incremental:
            context.call_on_fit_task_end(estimator=self, reconstruction_attributes=dict, **task)
        return self

    def _encode_rows(self, X, y, sample_weight, offset, first_pass, incremental, classes) -> Rows:
        shared = X if isinstance(X, RowsOf) and self._trains_on_rows_as_they_are() else None
        X, y = self._validate(X, y, reset=first_pass)
        target = self._encode_target(y, first_pass=first_pass, incremental=incremental)
        weight = self._total_weights(sample_weight, y, X, classes)
        if offset is not None:
            offset = _checked_offset(offset, target)
        x = self._inputs(X)
        rows = Rows(x if shared is None else shared.as_encoded(x), target, weight, offset)
        if weight is not None and (weight == 0).any():
            kept = np.flatnonzero(weight > 0)
            rows = Rows(*(None if part is None else _take(part, kept) for part in rows))
        return rows

    def _trains_on_rows_as_they_are(self) -> bool:
        """Whether inputs stay what they are on their way to the network."""
        return not (self.standardize or self.early_stopping or self.solver == "lbfgs")

    def _encode_validation(self, X_val, y_val, sample_weight, rows: Rows) -> Rows | None:
        if X_val is None:
            if y_val is not None or sample_weight is not None:
                raise ValueError(
                    "y_val and sample_weight_val belong to validation rows, but X_val is None. "
                    "Pass the rows as X_val."
                )
            return None
        if y_val is None and get_tags(self).target_tags.required:
            raise ValueError(
                "X_val came without y_val. Pass the targets of the validation rows as y_val."
            )
        X, y = self._validate(X_val, X_val if y_val is None else y_val, reset=False)
        # y_val need not hold every class that class_weight names.
        weight = self._total_weights(sample_weight, y, X, getattr(self, "classes_", None))
        target = self._encode_target_again(y)
        if target.shape[1:] != rows.y.shape[1:]:
            raise ValueError(
                f"y_val must have as many outputs as y, {rows.y.shape[1]}. Got {target.shape[1]}."
            )
        return Rows(self._inputs(X), target, weight)

    def _fit_rows(
        self, rows: Rows, validation, task, *, first_pass: bool, incremental: bool
    ) -> None:
        backends.start()
        rng = self._rng(incremental=incremental)
        rows, validation, objective, architecture = self._describe(
            rows, validation, rng, first_pass
        )
        dtype = architecture.dtype
        if not first_pass and architecture != self.architecture_:
            raise ValueError(
                "warm_start and partial_fit go on with the network of the last fit, but now "
                f"{_differences(architecture, self.architecture_)}. Fit with warm_start=False, or "
                "restore what has changed."
            )
        if incremental and self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it trains one epoch. Set "
                "early_stopping=False, or call fit."
            )
        if self.solver == "lbfgs":
            self._fit_lbfgs(rows, objective, architecture, rng, first_pass)
            return
        self._hint(rows, objective, first_pass and not incremental)
        # From weights that are there all starts would be the same.
        several = first_pass and not incremental and self.n_init > 1
        seeds = _peek_at_several(rng, self.n_init - 1) if several else []
        progress = self._start(architecture, rng, first_pass, incremental)
        if self.early_stopping and validation is None:
            rows, validation = self._split(rows, rng)
        scaling = self._standardization(rows, objective, incremental)
        if scaling is not None:
            rows = scaling.rows(rows)
            validation = None if validation is None else scaling.rows(validation)
            if not first_pass:
                progress.weights = scaling.for_standardized(progress.weights)
        rows = self._in_dtype(rows, dtype)
        if validation is not None:
            validation = self._in_dtype(validation, dtype)
        plan = self._plan(rows, objective, architecture, rng, validation, incremental, progress)
        order = getattr(self, "_order", None) if incremental else None
        starts = [Fit(plan, progress, rows, rng, validation, order)]
        starts += [self._further_start(starts[0], seed) for seed in seeds]

        def alone(start: Fit) -> Result:
            with backends.current().precision(dtype):
                listener = self._listener(start.plan, validation, task, scaling)
                if listener is not None:
                    listener.begins(start.progress)
            result = train_alone(start, listener)
            if listener is not None:
                with backends.current().precision(dtype):
                    listener.ends(result.reason)
                    result.take_over(listener)
            return result

        together = None if self._tells_of_epochs() else train_as_one
        start, result = _best(starts, train_starts(starts, together, alone))
        self._record(
            result, start.plan, start.rng, rows, scaling, first_pass, incremental, validation
        )

    def _further_start(self, first: Fit, seed: int) -> Fit:
        """The same fit from weights, and with an order of rows, of its own."""
        rng = np.random.RandomState(seed)
        progress = self._start(first.plan.architecture, rng, True, False)
        plan = replace(first.plan, seed=_peek(rng))
        return Fit(plan, progress, first.rows, rng, first.validation)

    def _tells_of_epochs(self) -> bool:
        """Whether somebody hears of every epoch."""
        heard = self.callbacks is not None or getattr(self, "_skl_callbacks", None)
        return bool(self.verbose or heard)

    def _standardization(self, rows: Rows, objective, incremental: bool) -> Standardization | None:
        """What ``standardize`` makes of these rows; ``partial_fit`` adds to what it has seen."""
        if not self.standardize:
            return None
        before = getattr(self, "_scaling", None) if incremental else None
        return standardization(rows, with_target=objective.family.equivariant, before=before)

    def _hint(self, rows: Rows, objective, first: bool) -> None:
        """Say so where scales are such that gradient descent will struggle."""
        x = rows.x
        wanted = first and self._hints_at_scales and not self.standardize
        if not (wanted and getattr(x, "ndim", 0) == 2):
            return
        gaussian = objective.score == "r2" and objective.family.activation == "linear"
        target = rows.y if gaussian or objective.family.equivariant else None
        x = x if sparse.issparse(x) else np.asarray(x)
        warn_of_scales(x, getattr(self, "feature_names_in_", None), target)

    def _describe(self, rows: Rows, validation: Rows | None, rng, first_pass: bool):
        """The rows as the network takes them, what is minimised, and the network."""
        objective = self._objective(rows.y)
        units = objective.family.units(rows.y.shape[1])
        dtype = self._computing_dtype(_first(rows.x))
        architecture = self._architecture(self._row_shape(rows.x), objective, units, dtype)
        if rows.offset is not None and units > rows.y.shape[1]:  # for each quantile the same
            offset = np.repeat(rows.offset, units // rows.y.shape[1], axis=1)
            rows = rows._replace(offset=offset)
        return rows, validation, objective, architecture

    def _solver_in_use(self):
        """The solver, where ``solver`` may leave it open."""
        return self.solver

    def _metrics_in_use(self):
        """The metrics, where ``metrics`` may leave them open."""
        return self.metrics

    def _rng(self, *, incremental: bool) -> np.random.RandomState:
        if incremental and hasattr(self, "_random_state"):
            return self._random_state
        if self.random_state is None:
            # One number from the global stream, as scikit-learn's tools draw their seeds.
            return np.random.RandomState(np.random.randint(np.iinfo(np.int32).max))
        return check_random_state(self.random_state)

    def _start(self, architecture, rng, first_pass: bool, incremental: bool) -> Progress:
        if first_pass:
            with backends.current().precision(architecture.dtype):
                weights = architecture.draw(rng, getattr(self, "kernel_initializer", None))
            return Progress(weights=weights)
        _model.pull(self)
        before: Progress = self._progress
        progress = Progress(
            weights=self._weights, best=before.best, stalled=before.stalled, step=before.step
        )
        progress.samples = self.t_
        if incremental and getattr(self, "_solver_repr", None) == self._solver_key():
            progress.slots = before.slots
            if self.learning_rate != "cosine":  # which has ended at zero
                progress.rate = before.rate
        return progress

    def _in_dtype(self, rows: Rows, dtype: str) -> Rows:
        return rows._replace(x=self._cast(rows.x, dtype), y=rows.y.astype(dtype, copy=False))

    def _solver_key(self) -> str:
        solver = self._solver_in_use()
        if not isinstance(solver, str):
            solver = type(solver).__name__, solver.get_config()
        key = (solver, self.momentum > 0, self.nesterovs_momentum)
        # The moments of the gradient are those of the weights on one of the two scales.
        return repr((*key, "standardize") if self.standardize else key)

    def _split(self, rows: Rows, rng) -> tuple[Rows, Rows]:
        training, validation = validation_split(
            rng, rows, self.validation_fraction, self._stratify(rows.y)
        )
        return Rows(*training), Rows(*validation)

    def _plan(self, rows, objective, architecture, rng, validation, incremental, progress) -> Plan:
        from sklearn_cnn.training.metrics import describe_metrics
        from sklearn_cnn.training.optimizers import describe_solver

        solver = describe_solver(
            self._solver_in_use(),
            self.learning_rate,
            self.learning_rate_init,
            {
                "momentum": self.momentum,
                "nesterovs_momentum": self.nesterovs_momentum,
                "beta_1": self.beta_1,
                "beta_2": self.beta_2,
                "epsilon": self.epsilon,
            },
        )
        policy = "constant"
        if solver.description.own_rate:
            policy = "own"
        elif self.learning_rate == "cosine":
            policy = "constant" if incremental else "cosine"
        elif self.solver == "sgd":
            policy = self.learning_rate
        n_rows = rows.n_rows
        if self.batch_size == "auto":
            batch_size = min(200, n_rows)
        else:
            if self.batch_size > n_rows:
                warn(
                    "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                    f"clipped (batch_size={self.batch_size}, {n_rows} rows)."
                )
            batch_size = int(np.clip(self.batch_size, 1, n_rows))
        watched = "loss"
        if validation is not None:
            scored = self.monitor == "score" and objective.score != "none"
            watched = "score" if scored else "val_loss"
        return Plan(
            architecture=architecture,
            objective=objective,
            solver=solver,
            metrics=describe_metrics(
                self._metrics_in_use(),
                score=objective.score,
                units=objective.family.units(rows.y.shape[1]),
            ),
            batch_size=batch_size,
            max_iter=1 if incremental else self.max_iter,
            shuffle=self.shuffle,
            alpha=self.alpha,
            l1=self.l1,
            dropout=architecture.dropout,
            tol=0.0 if self._relative_tol else self.tol,
            relative_tol=self.tol if self._relative_tol else 0.0,
            patience=self.n_iter_no_change,
            watched=watched,
            keep_best=validation is not None,
            policy=policy,
            power_t=self.power_t,
            cosine=(progress.samples, progress.samples + n_rows * self.max_iter),
            seed=self._noise_key if incremental and hasattr(self, "_noise_key") else _peek(rng),
        )

    def _listener(self, plan: Plan, validation, task=None, scaling=None) -> Listeners | None:
        listeners: list[Any] = []
        if self.verbose and self._prints_lines:
            listeners.append(
                Lines(
                    tol=self.tol,
                    patience=self.n_iter_no_change,
                    early_stopping=validation is not None,
                )
            )
        elif self.verbose:
            listeners.append(Meter(plan.max_iter, table=self.verbose > 1))
        if self.callbacks is not None:
            from sklearn_cnn.training.callbacks import KerasCallbacks, own_callbacks

            listeners.append(
                KerasCallbacks(
                    own_callbacks(self.callbacks),
                    lambda: self._callback_model(plan),
                    plan.max_iter,
                    plan.solver.rate,
                )
            )
        if task is not None and getattr(self, "_skl_callbacks", None):
            from sklearn_cnn.training.callbacks import SklearnCallbacks

            listeners.append(
                SklearnCallbacks(
                    self,
                    self._callback_fit_ctx,
                    lambda weights: self._fitted_now(plan, _for_data(weights, scaling)),
                    plan.max_iter,
                    **task,
                )
            )
        return Listeners(listeners) if listeners else None

    def _fitted_now(self, plan: Plan, weights) -> dict:
        """Attributes of an estimator whose fit ended here."""
        fitted = copy.copy(self)
        fitted._weights, fitted.architecture_ = weights, plan.architecture
        fitted.n_outputs_ = plan.architecture.units
        fitted._record_kind(plan)
        before = vars(self)
        return {n: v for n, v in vars(fitted).items() if n not in before or v is not before[n]}

    def _callback_model(self, plan: Plan):
        """A compiled model for callbacks to look at, with the initial weights."""
        model = plan.architecture.build()
        model.compile(optimizer=plan.solver.description.build(lambda cls: cls), loss="mse")
        return model

    def _fit_lbfgs(self, rows: Rows, objective, architecture, rng, first_pass: bool) -> None:
        from sklearn_cnn.training.optimizers import describe_solver

        scaling = self._standardization(rows, objective, False)
        rows = rows if scaling is None else scaling.rows(rows)
        plan = Plan(
            architecture=architecture,
            objective=objective,
            solver=describe_solver("sgd", "constant", self.learning_rate_init, {}),
            batch_size=rows.n_rows,
            max_iter=self.max_iter,
            alpha=self.alpha,
            l1=self.l1,
            tol=self.tol,
        )
        in_float64 = rows._replace(x=self._cast(rows.x, "float64"))
        starts = []
        for _ in range(self.n_init if first_pass else 1):
            progress = self._start(architecture, rng, first_pass, False)
            if scaling is not None and not first_pass:
                progress.weights = scaling.for_standardized(progress.weights)
            starts.append(Fit(plan, progress, in_float64, rng))

        def alone(start: Fit) -> Result:
            listener = self._listener(plan, None) if self.verbose else None
            return train_lbfgs(start, max_fun=self.max_fun, listener=listener)

        together: Any = None
        if len(starts) > 1 and not (self.verbose or sparse.issparse(in_float64.x)):
            together = partial(train_lbfgs_starts, max_fun=self.max_fun)
        _, result = _best(starts, train_starts(starts, together, alone))
        if result.report is not None and result.report.status != 0:
            warn(_lbfgs_failed(result.report, self.max_iter), ConvergenceWarning)
        self._record(result, plan, rng, rows, scaling, first_pass, False, None)

    @staticmethod
    def _cast(x, dtype: str):
        """Inputs in the network's float type; whole numbers stay, for embeddings."""
        if sparse.issparse(x):
            # Small sparse rows train as dense ones, in the same program.
            small = x.shape[0] * x.shape[1] * np.dtype(dtype).itemsize <= SEGMENT_BYTES
            return x.toarray().astype(dtype, copy=False) if small else x.tocsr().astype(dtype)
        if isinstance(x, dict):
            return {name: BaseNetwork._cast(part, dtype) for name, part in x.items()}
        if isinstance(x, list | tuple):
            return [BaseNetwork._cast(part, dtype) for part in x]
        return x.astype(dtype, copy=False)

    def _record(
        self, result, plan, rng, rows, scaling, first_pass, incremental, validation
    ) -> None:
        """Write the fitted attributes, all at once; warn or raise where training went wrong."""
        weights = result.progress.weights
        if result.best_weights is not None:
            weights = result.best_weights
        self._complain(result, plan, rows, weights, incremental)
        _model.forget(self)
        self.architecture_ = plan.architecture
        self._weights = _for_data(weights, scaling)
        self._scaling = scaling
        self._progress = result.progress
        self._progress.weights = []
        self._random_state = rng
        self._noise_key = plan.seed
        self._order = result.order
        self._solver_repr = self._solver_key()
        self.n_outputs_ = plan.architecture.units
        self.n_iter_ = result.n_epochs
        stochastic = result.executor != "scipy"
        history = dict(result.history)
        score = history.pop("score", None)
        if score is not None and plan.objective.score == "none":
            score = [-loss for loss in history["val_loss"]]
        losses = history["loss"]
        self.loss_ = losses[-1] if losses else np.inf
        if first_pass:
            self.t_ = 0
        if stochastic:
            self._record_curves(history, score, result, first_pass, validation)
            self.t_ = result.progress.samples
            self._no_improvement_count = result.progress.stalled
            self._optimizer = OptimizerState(self._shown_rate(plan, result))
        else:
            self.history_ = history
        self._record_kind(plan)

    def _record_curves(self, history, score, result, first_pass, validation) -> None:
        if first_pass or not hasattr(self, "loss_curve_"):
            self.loss_curve_: list[float] = []
            self.history_ = {}
            self.validation_scores_: list[float] | None = None if validation is None else []
        self.loss_curve_ = [*self.loss_curve_, *history["loss"]]
        merged = {name: [*self.history_.get(name, []), *history[name]] for name in history}
        self.history_ = merged
        if validation is None:
            self.validation_scores_ = None
            self.best_validation_score_ = None
            self.best_loss_ = result.progress.best
            return
        self.validation_scores_ = [*(self.validation_scores_ or []), *score]
        finite = [value for value in self.validation_scores_ if np.isfinite(value)]
        self.best_validation_score_ = max(finite, default=-np.inf)
        self.best_loss_ = None

    def _shown_rate(self, plan: Plan, result) -> float:
        """The rate as scikit-learn computes it, in float64 whatever the network computes in."""
        progress, rate = result.progress, float(self.learning_rate_init)
        if plan.policy in ("invscaling", "adaptive"):
            if plan.policy == "invscaling":
                rate /= (progress.samples + 1) ** self.power_t
            else:
                for _ in range(round(np.log(rate / progress.rate) / np.log(5))):
                    rate /= 5.0
            return rate if np.isclose(rate, progress.rate, rtol=1e-5) else float(progress.rate)
        if progress.rate != np.dtype(plan.architecture.dtype).type(rate):
            return float(progress.rate)  # of an optimizer instance, or set by a callback
        if self.solver == "adam":
            t = max(int(progress.slots[0]), 1)
            return rate * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return rate

    def _record_kind(self, plan: Plan) -> None:
        """Attributes of one kind of estimator."""

    def _complain(self, result, plan, rows, weights, incremental) -> None:
        """Warnings and errors for the way in which training ended."""
        finite = all(np.isfinite(weight).all() for weight in weights)
        if result.reason is Reason.NOT_FINITE or not finite:
            advice = self._divergence_advice(result, rows)
            best = result.progress.best
            if plan.keep_best and finite and np.isfinite(best):
                warn(
                    f"{_DIVERGED} {advice} The best weights before that are kept.",
                    ConvergenceWarning,
                )
            else:
                raise ValueError(f"{_DIVERGED} {advice}")
        if result.reason is Reason.INTERRUPTED:
            warn("Training interrupted by user.")
        if (
            result.reason is Reason.MAX_ITER
            and not incremental
            and self._warns_at_max_iter
            and plan.policy != "cosine"  # which is at zero then
            and self.solver != "lbfgs"
        ):
            warn(
                f"Stochastic Optimizer: Maximum iterations ({plan.max_iter}) reached and the "
                "optimization hasn't converged yet. Raise max_iter, or change learning_rate_init.",
                ConvergenceWarning,
            )

    def _divergence_advice(self, result, rows: Rows) -> str:
        x = _first(rows.x)
        values = x.data if sparse.issparse(x) else np.asarray(x)
        largest = float(np.max(np.abs(values))) if values.size else 0.0
        epoch = f"Epoch {result.n_epochs}; " if self.solver != "lbfgs" else ""
        return (
            f"({epoch}largest |X| {largest:.2g}, learning_rate_init "
            f"{self.learning_rate_init:g}: {'' if self.standardize else 'scale X, or '}lower the "
            "rate.)"
        )

    def _as_trained(self, X, y) -> tuple[Rows, Objective, list[np.ndarray]]:
        """Rows as ``fit`` would train on them, what it would minimise, and the weights for them."""
        check_is_fitted(self)
        twin = copy.copy(self)  # encoding leaves notes behind
        rows = twin._encode_rows(X, y, None, None, False, True, None)
        rows, _, objective, _ = twin._describe(rows, None, np.random.RandomState(0), False)
        weights, scaling = self._weights, getattr(self, "_scaling", None)
        if scaling is not None:
            rows, weights = scaling.rows(rows), scaling.for_standardized(weights)
        return rows._replace(x=self._cast(rows.x, "float64")), objective, weights

    def __getstate__(self):
        _model.pull(self)
        return super().__getstate__()

    def __sklearn_is_fitted__(self) -> bool:
        return "_weights" in self.__dict__

    @property
    def model_(self):
        """The trained network as a Keras model.

        Its own: further training or ``set_weights`` on it shows in the next ``predict``. On JAX it
        is in float32 unless ``jax_enable_x64`` is set, and is what the fit was to that precision.
        """
        self._require_fitted("model_")
        return _model.model_of(self)

    def _require_fitted(self, name: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r} before fit is called"
            )

    def _outputs(self, X, offset=None) -> np.ndarray:
        """Linear outputs for checked X, shape (n_samples, units)."""
        check_is_fitted(self)
        _model.pull(self)
        eta = self._raw_outputs(X)
        if offset is None:
            return eta
        n_quantiles = getattr(getattr(self, "_family", None), "n_quantiles", 1)
        return eta + np.repeat(_checked_offset(offset, eta[:, ::n_quantiles]), n_quantiles, axis=1)

    def _raw_outputs(self, X) -> np.ndarray:
        return outputs(self.architecture_, self._weights, self._network_inputs(X))

    def _network_inputs(self, X):
        """Checked X as the network takes it; dense networks take it as it is."""
        x = self._inputs(X)
        if self.architecture_.function == "dense":
            return x
        return x if sparse.issparse(x) else self._cast(x, self.architecture_.dtype)

    def _check_X(self, X):
        """X of ``predict``, checked against the X of ``fit``."""
        return validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False
        )

    def save(self, path) -> None:
        """Write the fitted estimator to one file that holds no code.

        Parameters
        ----------
        path : path-like
            File to write; an existing one is replaced only when the new one is complete.

        See Also
        --------
        sklearn_cnn.load : Read it.
        """
        from sklearn_cnn.persistence import save

        save(self, path)


def _lbfgs_failed(report, max_iter: int) -> str:
    """scikit-learn's words, which its own function would say of a line of ours."""
    advice = ""
    if report.nit >= max_iter:
        advice = (
            f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
        )
    return (
        f"lbfgs failed to converge after {min(report.nit, max_iter)} iteration(s) "
        f"(status={report.status}):\n{report.message}\n{advice}\nYou might also want to scale the "
        "data as shown in:\n    https://scikit-learn.org/stable/modules/preprocessing.html"
    )


def _for_data(weights: list[np.ndarray], scaling: Standardization | None) -> list[np.ndarray]:
    return weights if scaling is None else scaling.for_data(weights)


def _checked_offset(offset, target: np.ndarray) -> np.ndarray:
    offset = np.asarray(offset, dtype=np.float64)
    offset = offset.reshape(-1, 1) if offset.ndim == 1 else offset
    if offset.shape != target.shape and offset.shape != (len(target), 1):
        raise ValueError(
            f"offset must have shape ({len(target)},) or {target.shape}, one number for each row "
            f"(and output). Got shape {offset.shape}."
        )
    if not np.isfinite(offset).all():
        raise ValueError("offset must hold finite numbers. It contains NaN or infinity.")
    return np.broadcast_to(offset, target.shape)


def _differences(architecture, before) -> str:
    """What tells two descriptions of networks apart, in words."""
    now, then = ({**vars(a), **dict(a.settings)} for a in (architecture, before))
    changed = [
        name
        for name in now
        # Weights to start from are no part of a description.
        if name not in ("settings", "has_dropout", "start") and now[name] != then.get(name)
    ]
    return ", ".join(f"{name} is {now[name]!r} instead of {then.get(name)!r}" for name in changed)


def _peek(rng: np.random.RandomState) -> int:
    """A seed that depends on ``rng`` and does not advance it."""
    return _peek_at_several(rng, 1)[0]


def _peek_at_several(rng: np.random.RandomState, n: int) -> list[int]:
    state = rng.get_state()
    seeds = rng.randint(np.iinfo(np.int32).max, size=n)
    rng.set_state(state)
    return seeds.tolist()


def _best(starts: list[Fit], results: list[Result | None]) -> tuple[Fit, Result]:
    """The best start, and how it ended; interrupted, if any of them was."""
    number = best_start(results)
    result: Any = results[number]
    interrupted = any(other is None or was_interrupted(other) for other in results)
    if interrupted and result.reason is not Reason.NOT_FINITE:
        result.reason = Reason.INTERRUPTED
    return starts[number], result


def _first(x):
    if isinstance(x, dict):
        return next(iter(x.values()))
    return x[0] if isinstance(x, list | tuple) else x


def _take(part, rows):
    if isinstance(part, dict):
        return {name: value[rows] for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [value[rows] for value in part]
    return part[rows]
