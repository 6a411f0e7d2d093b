"""Multi-layer perceptrons: dense networks for tables."""

from numbers import Integral

import numpy as np

from sklearn_cnn.architectures import dense
from sklearn_cnn.compat import Interval

from ._base import BaseNetwork
from ._model import new_model
from ._targets import NetworkClassifier, NetworkRegressor

_SKLEARN_NAMES = {"sigmoid": "logistic", "linear": "identity", "exponential": "exp"}


class _Dense(BaseNetwork):
    """What the two perceptrons share: the network, and scikit-learn's attributes of it."""

    _warns_at_max_iter = True
    _prints_lines = True
    _hints_at_scales = True

    def _architecture(self, input_shape, objective, units, dtype):
        return dense(
            input_shape,
            units,
            objective.family.activation,
            hidden_layer_sizes=self.hidden_layer_sizes,
            activation=self.activation,
            dropout=self.dropout,
            batch_normalization=self.batch_normalization,
            dtype=dtype,
        )

    def _with_role(self, name: str, role: str) -> list:
        self._require_fitted(name)
        from ._model import pull

        pull(self)
        roles = [parameter.role for parameter in self.architecture_.parameters]
        return [w for w, found in zip(self._weights, roles, strict=True) if found == role]

    def _replace_role(self, name: str, role: str, values) -> None:
        arrays = self._with_role(name, role)
        expected, given = [a.shape for a in arrays], [np.shape(value) for value in values]
        if given != expected:
            raise ValueError(f"{name} must be arrays of shapes {expected}. Got {given}.")
        for array, value in zip(arrays, values, strict=True):
            array[...] = value

    @property
    def coefs_(self):
        """Kernels, one a layer."""
        return self._with_role("coefs_", "kernel")

    @coefs_.setter
    def coefs_(self, values):
        self._replace_role("coefs_", "kernel", values)

    @property
    def intercepts_(self):
        """Biases, one a layer."""
        return self._with_role("intercepts_", "bias")

    @intercepts_.setter
    def intercepts_(self, values):
        self._replace_role("intercepts_", "bias", values)

    def to_sklearn(self):
        """The fitted perceptron as one of scikit-learn's.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            With copies of ``coefs_`` and ``intercepts_``; it predicts the same.

        Raises
        ------
        ValueError
            If scikit-learn has no such network.
        """
        from .conversion import to_sklearn

        return to_sklearn(self)

    def to_keras(self):
        """The fitted network as a Keras model of its own, independent of the estimator.

        Returns
        -------
        keras.Model
            A copy of ``model_``.
        """
        self._require_fitted("model_")
        return new_model(self)

    def _record_kind(self, plan) -> None:
        super()._record_kind(plan)
        self.n_layers_ = len(plan.architecture["hidden_layer_sizes"]) + 2
        activation = plan.objective.family.activation
        self.out_activation_ = _SKLEARN_NAMES.get(activation, activation)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class MLPClassifier(_Dense, NetworkClassifier):
    """Multi-layer perceptron classifier.

    Change the import and keep the code: signature, defaults, attributes and, with the same
    ``random_state``, the fitted numbers are those of ``sklearn.neural_network.MLPClassifier``. The
    parameters after ``max_fun`` are added [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; ``()`` is logistic regression.
    activation : str or callable, default="relu"
        Activation of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``, or
        any activation of Keras.
    solver : str or keras.optimizers.Optimizer, default="adam"
        What lowers the loss: ``"sgd"`` and ``"adam"`` with the parameters below, ``"lbfgs"``
        (full batch, float64, SciPy's L-BFGS-B), or any Keras optimizer by name (with
        ``learning_rate=learning_rate_init``) or as an instance (with its own rate; it is copied).
    alpha : float, default=0.0001
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
        Draws initial weights, orders of rows, the validation split and dropout. The same seed
        gives the network of scikit-learn's MLP, number for number.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    verbose : bool or int, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    momentum : float in [0, 1], default=0.9
        Momentum of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to keep a share of the rows aside, to stop when their score no longer rises and to
        keep the best weights. On small data this often costs accuracy.
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
    loss : str, Family or keras.losses.Loss, default="log_loss"
        ``"log_loss"`` (cross-entropy), a family of `sklearn_cnn.families`, or any Keras loss.
    dropout : float in [0, 1), default=0.0
        Share of the units of each hidden layer silenced at each training step, none in
        ``predict`` [2]_. Not with lbfgs.
    batch_normalization : bool, default=False
        Whether each hidden layer is normalised over the batch before its activation [3]_. Not
        with lbfgs.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    kernel_initializer : str or keras.initializers.Initializer, default=None
        Draws the kernels, biases being zero then. None is scikit-learn's rule (Glorot).
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of classes, multiplied into ``sample_weight``; a list for several labels a row.
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. Not with lbfgs.
    monitor : {"score", "loss"}, default="score"
        What early stopping watches: the validation score, or the validation loss.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Float type in which the network computes; ``"auto"`` is that of X.
    n_init : int, default=1
        Starts from different weights, with orders of rows of their own, of which the best is
        kept: by what early stopping or validation data watch, otherwise by the last training
        loss. The first start is that of ``n_init=1``; all are trained as one program where the
        network allows it and nobody hears of every epoch, those of lbfgs on one program of the
        loss. Fits that go on (``warm_start``, ``partial_fit``) start once.
    standardize : bool, default=False
        Whether to train on columns of X with mean 0 and variance 1 (weighted; sparse X is divided
        by standard deviations only). Attributes are for X as it came: ``coefs_`` and ``model_``
        take it as it is. With ``early_stopping`` the moments are those of the rows that are
        trained on; ``partial_fit`` counts every row that it has seen, and changing moments do not
        change predictions. ``alpha`` and ``l1`` act on the weights of standardised columns, and
        Keras callbacks see these.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Kernels, one a layer. Editing them in place changes the predictions.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases, one a layer.
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
    validation_scores_ : list of float or None
        Score on the validation data after each epoch.
    best_validation_score_ : float or None
        The best of them.
    n_iter_ : int
        Epochs (iterations of lbfgs) of the last fit.
    t_ : int
        Rows seen by the solver.
    n_layers_ : int
        Layers, the input included.
    n_outputs_ : int
        Output units.
    out_activation_ : str
        Activation of the output layer.
    architecture_ : Architecture
        Description of the network.
    n_features_in_ : int
        Features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    References
    ----------
    .. [1] Hinton, "Connectionist learning procedures", Artificial Intelligence 40 (1989), 185-234.
    .. [2] Srivastava et al., "Dropout", JMLR 15 (2014), 1929-1958.
    .. [3] Ioffe, Szegedy, "Batch normalization", ICML 2015.
    .. [4] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> from sklearn_cnn import MLPClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> mlp = MLPClassifier(hidden_layer_sizes=(), solver="lbfgs").fit(X, y)
    >>> mlp.predict([[0.5], [2.5]])
    array(['low', 'high'], dtype='<U4')
    """

    __module__ = "sklearn_cnn"

    _parameter_constraints: dict = {
        **NetworkClassifier._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 0, None, closed="left")],
        "standardize": ["boolean"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
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
        loss="log_loss",
        dropout=0.0,
        batch_normalization=False,
        l1=0.0,
        kernel_initializer=None,
        class_weight=None,
        callbacks=None,
        metrics=None,
        monitor="score",
        dtype="auto",
        n_init=1,
        standardize=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
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
        self.loss = loss
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.l1 = l1
        self.kernel_initializer = kernel_initializer
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.metrics = metrics
        self.monitor = monitor
        self.dtype = dtype
        self.n_init = n_init
        self.standardize = standardize


class MLPRegressor(_Dense, NetworkRegressor):
    """Multi-layer perceptron regressor.

    Change the import and keep the code: signature, defaults, attributes and, with the same
    ``random_state``, the fitted numbers are those of ``sklearn.neural_network.MLPRegressor``. The
    parameters after ``max_fun`` are added [1]_.

    Parameters
    ----------
    loss : str, Family or keras.losses.Loss, default="squared_error"
        ``"squared_error"`` (halved) and ``"poisson"`` (half the deviance, exponential output) are
        scikit-learn's; further ``"pinball"`` (the quantiles 0.05, 0.5 and 0.95, others by
        ``families.pinball(quantiles)``, each an output unit of its own), a family of
        `sklearn_cnn.families`, or any Keras loss.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; ``()`` is linear regression.
    activation : str or callable, default="relu"
        Activation of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``, or
        any activation of Keras.
    solver : str or keras.optimizers.Optimizer, default="adam"
        What lowers the loss: ``"sgd"`` and ``"adam"`` with the parameters below, ``"lbfgs"``
        (full batch, float64, SciPy's L-BFGS-B), or any Keras optimizer by name (with
        ``learning_rate=learning_rate_init``) or as an instance (with its own rate; it is copied).
    alpha : float, default=0.0001
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
        Draws initial weights, orders of rows, the validation split and dropout. The same seed
        gives the network of scikit-learn's MLP, number for number.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    verbose : bool or int, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    momentum : float in [0, 1], default=0.9
        Momentum of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to keep a share of the rows aside, to stop when their score no longer rises and to
        keep the best weights. On small data this often costs accuracy.
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
    dropout : float in [0, 1), default=0.0
        Share of the units of each hidden layer silenced at each training step, none in
        ``predict`` [2]_. Not with lbfgs.
    batch_normalization : bool, default=False
        Whether each hidden layer is normalised over the batch before its activation [3]_. Not
        with lbfgs.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    kernel_initializer : str or keras.initializers.Initializer, default=None
        Draws the kernels, biases being zero then. None is scikit-learn's rule (Glorot).
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. Not with lbfgs.
    monitor : {"score", "loss"}, default="score"
        What early stopping watches: the validation score, or the validation loss.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Float type in which the network computes; ``"auto"`` is that of X.
    n_init : int, default=1
        Starts from different weights, with orders of rows of their own, of which the best is
        kept: by what early stopping or validation data watch, otherwise by the last training
        loss. The first start is that of ``n_init=1``; all are trained as one program where the
        network allows it and nobody hears of every epoch, those of lbfgs on one program of the
        loss. Fits that go on (``warm_start``, ``partial_fit``) start once.
    standardize : bool, default=False
        Whether to train on columns of X with mean 0 and variance 1 (weighted; sparse X is divided
        by standard deviations only), and on a target of mean 0 and variance 1 where ``loss`` looks
        at differences: ``"squared_error"``, ``"pinball"``, ``gaussian()``, Keras's squared,
        absolute, Huber and log-cosh errors. Attributes are for the data as they came: ``coefs_``
        and ``model_`` take X as it is and give y as it is. With ``early_stopping`` the moments
        are those of the rows that are trained on; ``partial_fit`` counts every row that it has
        seen, and changing moments do not change predictions. ``alpha`` and ``l1`` act on the
        weights of standardised data, Keras callbacks see these, and losses and metrics of the fit
        are of the standardised target.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
        Kernels, one a layer. Editing them in place changes the predictions.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases, one a layer.
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
    validation_scores_ : list of float or None
        Score on the validation data after each epoch.
    best_validation_score_ : float or None
        The best of them.
    n_iter_ : int
        Epochs (iterations of lbfgs) of the last fit.
    t_ : int
        Rows seen by the solver.
    n_layers_ : int
        Layers, the input included.
    n_outputs_ : int
        Output units.
    out_activation_ : str
        Activation of the output layer.
    architecture_ : Architecture
        Description of the network.
    n_features_in_ : int
        Features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    References
    ----------
    .. [1] Hinton, "Connectionist learning procedures", Artificial Intelligence 40 (1989), 185-234.
    .. [2] Srivastava et al., "Dropout", JMLR 15 (2014), 1929-1958.
    .. [3] Ioffe, Szegedy, "Batch normalization", ICML 2015.
    .. [4] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> from sklearn_cnn import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> mlp = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0).fit(X, y)
    >>> mlp.predict([[10.0]]).round(3)
    array([21.])
    """

    __module__ = "sklearn_cnn"

    _parameter_constraints: dict = {
        **NetworkRegressor._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 0, None, closed="left")],
        "standardize": ["boolean"],
    }

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
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
        monitor="score",
        dtype="auto",
        n_init=1,
        standardize=False,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
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
        self.monitor = monitor
        self.dtype = dtype
        self.n_init = n_init
        self.standardize = standardize
