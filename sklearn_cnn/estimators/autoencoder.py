"""Autoencoders: rows through a narrow code and back."""

from numbers import Integral

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_cnn import families
from sklearn_cnn.architectures import convolutional_autoencoder, dense_autoencoder
from sklearn_cnn.compat import HasMethods, Interval, StrOptions, available_if, fit_context
from sklearn_cnn.families import Family
from sklearn_cnn.prediction import outputs
from sklearn_cnn.training import Objective
from sklearn_cnn.training.losses import describe_loss

from . import _model
from ._base import BaseNetwork
from ._pictures import Pictures
from ._targets import has_partial_fit


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Pictures, BaseNetwork):
    """Autoencoder: compress rows to a code from which they can be rebuilt.

    Used like `PCA`, which it equals when all activations are linear (up to a change of basis of
    the code). Rows may be tables, or with ``filters`` pictures and signals [1]_.

    Parameters
    ----------
    n_components : int, default=2
        Units of the code.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of the encoder's hidden layers; the decoder has them in reverse.
    activation : str or callable, default="relu"
        Activation of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``, or
        any activation of Keras.
    solver : str or keras.optimizers.Optimizer, default="adam"
        What lowers the loss: ``"sgd"`` and ``"adam"`` with the parameters below, ``"lbfgs"``
        (full batch, float64, SciPy's L-BFGS-B), or any Keras optimizer by name (with
        ``learning_rate=learning_rate_init``) or as an instance (with its own rate; it is copied).
    alpha : float, default=0.0
        L2 penalty on the kernels: a batch adds ``alpha / 2 * sum(W ** 2)`` divided by its weight.
    batch_size : int or "auto", default="auto"
        Rows a step; ``"auto"`` is ``min(200, n_samples)``. Not used by lbfgs.
    learning_rate : str or Keras schedule, default="constant"
        What becomes of the rate. ``"constant"`` leaves it; ``"cosine"`` lets it fall to zero over
        ``max_iter`` epochs, half a cosine in steps of an epoch [4]_ (in ``partial_fit`` it is
        constant). With ``solver="sgd"`` also ``"invscaling"``, which divides by
        ``(rows seen + 1) ** power_t`` after each epoch, and ``"adaptive"``, which divides by 5
        when the loss stalls. A ``keras.optimizers.schedules.LearningRateSchedule`` acts with
        every solver but lbfgs. A rate that a callback sets stays as it is set: ``"cosine"`` and
        ``"invscaling"`` end there.
    learning_rate_init : float, default=0.001
        Learning rate at the start.
    power_t : float, default=0.5
        Exponent of ``"invscaling"``.
    max_iter : int, default=200
        Epochs, or iterations of lbfgs.
    shuffle : bool, default=True
        Whether rows are drawn in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, orders of rows, the validation split and dropout.
    tol : float, default=1e-4
        Progress of less than this share of the loss is none: an absolute tolerance would end
        training on the plateau where the code is still linear. With lbfgs the tolerance of the
        gradient.
    verbose : int, default=0
        1 shows one line that is written over, 2 a table of epochs.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    momentum : float in [0, 1], default=0.9
        Momentum of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to keep a share of the rows aside, to stop when their loss no longer falls and to
        keep the best weights.
    validation_fraction : float, default=0.1
        The share kept aside.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay rates of the moments of ``"adam"``.
    epsilon : float, default=1e-8
        Keeps ``"adam"`` from dividing by zero.
    n_iter_no_change : int, default=10
        Epochs without progress that are borne; ``inf`` for any number.
    max_fun : int, default=15000
        Evaluations of the loss that lbfgs may take.
    code_activation : str or callable, default="identity"
        Activation of the code. A ReLU code can die.
    filters : int or sequence of int, default=None
        Feature maps of the encoder's convolutions; None is a dense autoencoder. The decoder
        undoes them layer by layer.
    kernel_size, strides, padding, pool_size, pooling : default=3, 1, "same", 2 and "max"
        As in `CNNClassifier`, with zero margins or none; without ``filters`` not used.
    input_shape : tuple of int, default=None
        Shape of a row where X is flat and ``filters`` are given.
    loss : str, Family or keras.losses.Loss, default="squared_error"
        ``"squared_error"`` (halved), ``binomial()`` for rows between 0 and 1, another family, or
        any Keras loss.
    dropout : float in [0, 1), default=0.0
        Share of the units of each hidden layer silenced at each training step, none in
        ``predict`` [2]_. Not with lbfgs.
    batch_normalization : bool, default=False
        Whether each hidden layer is normalised over the batch before its activation [3]_. Not
        with lbfgs.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    kernel_initializer : str or keras.initializers.Initializer, default=None
        Draws the kernels, biases being zero then. None is the
        architecture's own rule (Glorot).
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. Not with lbfgs.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Float type in which the network computes; ``"auto"`` is that of X.
    n_init : int, default=1
        Starts from different weights, with orders of rows of their own, of which the best is
        kept: by what early stopping or validation data watch, otherwise by the last training
        loss. The first start is that of ``n_init=1``; all are trained as one program where the
        network allows it and nobody hears of every epoch, those of lbfgs on one program of the
        loss. Fits that go on (``warm_start``, ``partial_fit``) start once.

    Attributes
    ----------
    model_ : keras.Model
        The trained network. Training it further changes the predictions.
    history_ : dict of list
        ``loss``, ``learning_rate``, ``seconds``, ``val_loss`` and every metric, one entry an epoch.
    loss_curve_ : list of float
        Training loss, penalties included, one entry an epoch.
    loss_ : float
        The last of them.
    best_loss_ : float or None
        The least of them; None with validation data.
    n_iter_ : int
        Epochs (iterations of lbfgs) of the last fit.
    t_ : int
        Rows seen by the solver.
    architecture_ : Architecture
        Description of the network.
    n_features_in_ : int
        Features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    References
    ----------
    .. [1] Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks",
       Science 313 (2006), 504-507.
    .. [2] Srivastava et al., "Dropout", JMLR 15 (2014), 1929-1958.
    .. [3] Ioffe, Szegedy, "Batch normalization", ICML 2015.
    .. [4] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cnn import Autoencoder
    >>> t = np.linspace(0, 1, 50)
    >>> X = np.column_stack([t, 2 * t, 1 - t])
    >>> line = Autoencoder(n_components=1, hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    >>> line.fit(X).transform(X).shape
    (50, 1)
    >>> bool(line.score(X) > -1e-6)
    True
    """

    __module__ = "sklearn_cnn"

    monitor = "loss"
    _relative_tol = True
    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 0, None, closed="left")],
        "code_activation": [str, callable],
        "filters": ["array-like", Interval(Integral, 1, None, closed="left"), None],
        "kernel_size": ["array-like", Interval(Integral, 1, None, closed="left")],
        "strides": ["array-like", Interval(Integral, 1, None, closed="left")],
        "padding": [StrOptions({"same", "valid"})],
        "pool_size": ["array-like", Interval(Integral, 1, None, closed="left")],
        "pooling": [StrOptions({"max", "average"}), None],
        "input_shape": ["array-like", Interval(Integral, 1, None, closed="left"), None],
        "loss": [str, callable, Family, HasMethods(["call", "get_config"])],
    }
    del _parameter_constraints["monitor"]

    def __init__(
        self,
        n_components=2,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        code_activation="identity",
        filters=None,
        kernel_size=3,
        strides=1,
        padding="same",
        pool_size=2,
        pooling="max",
        input_shape=None,
        loss="squared_error",
        solver="adam",
        alpha=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=0,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dropout=0.0,
        batch_normalization=False,
        l1=0.0,
        kernel_initializer=None,
        callbacks=None,
        metrics=None,
        dtype="auto",
        n_init=1,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.pool_size = pool_size
        self.pooling = pooling
        self.input_shape = input_shape
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.l1 = l1
        self.kernel_initializer = kernel_initializer
        self.callbacks = callbacks
        self.metrics = metrics
        self.dtype = dtype
        self.n_init = n_init

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, sample_weight_val=None):
        """Fit encoder and decoder to rebuild X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; of more dimensions with ``filters``.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.
        X_val : array-like, default=None
            Validation rows, watched instead of a split of X.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation rows.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, None, sample_weight, X_val=X_val, sample_weight_val=sample_weight_val)

    @available_if(has_partial_fit)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one epoch, going on from the weights and the optimizer of before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        self : object
            The estimator, one epoch further.
        """
        return self._fit(X, None, sample_weight, incremental=True)

    def _validate(self, X, y, *, reset: bool):
        X = validate_data(self, X, dtype=self._float_types(X), reset=reset, **self._input_checks)
        if reset:
            self._shape_of_row = X.shape[1:]
        return X, X

    def _encode_target(self, y, *, first_pass: bool, incremental: bool) -> np.ndarray:
        return y.reshape(len(y), -1)

    def _total_weights(self, sample_weight, y, X, classes=None):
        return super()._total_weights(sample_weight, None, X)

    def _objective(self, target: np.ndarray) -> Objective:
        loss = self.loss
        family = families.gaussian() if loss == "squared_error" else loss
        if not isinstance(family, Family):
            crossentropy = "crossentropy" in str(getattr(loss, "name", loss))
            activation = "sigmoid" if crossentropy else "linear"
            family = describe_loss(loss, classifier=False, activation=activation)
        family.check_target(target)
        return Objective(family, "none")

    def _inputs(self, X):
        return X if self.filters is None else super()._inputs(X)

    def _row_shape(self, X) -> tuple[int, ...]:
        return tuple(X.shape[1:]) if self.filters is None else super()._row_shape(X)

    def _architecture(self, input_shape, objective, units, dtype):
        shared = {
            "hidden_layer_sizes": self.hidden_layer_sizes,
            "n_components": self.n_components,
            "activation": self.activation,
            "code_activation": self.code_activation,
            "output_activation": objective.family.activation,
            "dropout": self.dropout,
            "batch_normalization": self.batch_normalization,
            "dtype": dtype,
        }
        if self.filters is None:
            return dense_autoencoder(input_shape, **shared)
        return convolutional_autoencoder(
            input_shape,
            filters=self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            pool_size=self.pool_size,
            pooling=self.pooling,
            **shared,
        )

    def _record_kind(self, plan) -> None:
        self._family = plan.objective.family
        self._n_features_out = self.n_components

    def transform(self, X):
        """Code of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes, in the float type of X.
        """
        X = self._check_X(X)
        _model.pull(self)
        codes = outputs(self.architecture_, self._weights, self._network_inputs(X), "encoder")
        return codes.astype(X.dtype, copy=False)

    def inverse_transform(self, X):
        """Rebuild rows from codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows, in the shape in which they were fitted.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=(np.float64, np.float32))
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but the code has n_components="
                f"{self._n_features_out}. Pass codes, as transform returns them."
            )
        _model.pull(self)
        rows = outputs(self.architecture_, self._weights, codes, "decoder")
        rows = self._family.mean(rows).astype(codes.dtype, copy=False)
        return rows.reshape(len(rows), *self._shape_of_row)

    def reconstruct(self, X):
        """Rows sent through the code and back.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.

        Returns
        -------
        ndarray
            Reconstructions, of the shape of X.
        """
        X = self._check_X(X)
        return self._family.mean(self._outputs(X)).reshape(X.shape).astype(X.dtype, copy=False)

    def reconstruction_error(self, X):
        """Mean squared error of each row's reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.

        Returns
        -------
        ndarray of shape (n_samples,)
            Errors, in squared units of X.
        """
        X = self._check_X(X)
        flat = X.reshape(len(X), -1)
        return np.mean((flat - self._family.mean(self._outputs(X))) ** 2, axis=1)

    def score(self, X, y=None, sample_weight=None):
        """Minus the mean squared error of reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the form in which they were fitted.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        float
            The closer to 0, the better.
        """
        return -float(np.average(self.reconstruction_error(X), weights=sample_weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
