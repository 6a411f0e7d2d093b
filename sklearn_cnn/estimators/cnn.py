"""Convolutional networks for pictures and signals."""

from numbers import Integral

from sklearn_cnn.architectures import convolutional, named_architecture
from sklearn_cnn.compat import Interval, StrOptions

from ._pictures import Pictures
from ._targets import NetworkClassifier, NetworkRegressor

_CONSTRAINTS: dict = {
    "filters": ["array-like", Interval(Integral, 1, None, closed="left")],
    "kernel_size": ["array-like", Interval(Integral, 1, None, closed="left")],
    "strides": ["array-like", Interval(Integral, 1, None, closed="left")],
    "padding": [StrOptions({"same", "valid", "replicate", "reflect"})],
    "pool_size": ["array-like", Interval(Integral, 1, None, closed="left")],
    "pooling": [StrOptions({"max", "average"}), None],
    "hidden_layer_sizes": ["array-like", Interval(Integral, 0, None, closed="left")],
    "architecture": [str, None],
    "input_shape": ["array-like", Interval(Integral, 1, None, closed="left"), None],
}


class _Convolutional(Pictures):
    """What the two convolutional estimators share: the network."""

    def _architecture(self, input_shape, objective, units, dtype):
        activation = objective.family.activation
        if self.architecture is not None:
            return named_architecture(self.architecture)(
                input_shape, units, activation, dropout=self.dropout, dtype=dtype
            )
        return convolutional(
            input_shape,
            units,
            activation,
            filters=self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            pool_size=self.pool_size,
            pooling=self.pooling,
            hidden_layer_sizes=self.hidden_layer_sizes,
            activation=self.activation,
            dropout=self.dropout,
            batch_normalization=self.batch_normalization,
            dtype=dtype,
        )


class CNNClassifier(_Convolutional, NetworkClassifier):
    """Convolutional network for labels of pictures and signals.

    X is (n, height, width, channels), (n, height, width), (n, length, channels) or, so that
    scalers and DataFrames can stand in front in a pipeline, flat rows with ``input_shape``. Flat
    rows without it are signals [1]_.

    Parameters
    ----------
    filters : int or sequence of int, default=(32, 64)
        Feature maps of each convolution.
    kernel_size : int or sequence, default=3
        Size of the filters: an int, one int an axis, or one entry a layer.
    strides : int or sequence, default=1
        Steps from one place of a filter to the next.
    padding : {"same", "valid", "replicate", "reflect"}, default="same"
        Margins: zeros, none, the nearest value, or the picture mirrored at its edge.
    pool_size : int or sequence, default=2
        Size of the pooling windows; an axis shorter than its window is not pooled.
    pooling : {"max", "average"} or None, default="max"
        What stands for the values of a window.
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of each dense layer between the convolutions and the output.
    architecture : {"lenet", "lenet5"} or None, default=None
        A network that goes by a name, instead of the one that the parameters above describe.
    input_shape : tuple of int, default=None
        Shape of a row where X is flat: ``(height, width, channels)`` or ``(length, channels)``.
    activation : str or callable, default="relu"
        Activation of convolutions and hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``,
        ``"relu"``, or any activation of Keras.
    solver : str or keras.optimizers.Optimizer, default="adam"
        What lowers the loss: ``"sgd"`` and ``"adam"`` with the parameters below, ``"lbfgs"``
        (full batch, float64, SciPy's L-BFGS-B), or any Keras optimizer by name (with
        ``learning_rate=learning_rate_init``) or as an instance (with its own rate; it is copied).
    alpha : float, default=0.0
        L2 penalty on the kernels: a batch adds ``alpha / 2 * sum(W ** 2)`` divided by its weight.
    batch_size : int or "auto", default=64
        Rows a step; ``"auto"`` is ``min(200, n_samples)``. Not used by lbfgs.
    learning_rate : str or Keras schedule, default="cosine"
        What becomes of the rate. ``"cosine"`` lets it fall to zero over ``max_iter`` epochs, half
        a cosine in steps of an epoch [4]_, however early training ends; each ``fit`` begins anew,
        with ``warm_start`` too. In ``partial_fit``, where nobody knows how many epochs will come,
        it stays at ``learning_rate_init``. ``"constant"`` leaves it. With ``solver="sgd"`` also
        ``"invscaling"``, which divides by ``(rows seen + 1) ** power_t`` after each epoch, and
        ``"adaptive"``, which divides by 5 when the loss stalls. A
        ``keras.optimizers.schedules.LearningRateSchedule`` acts with every solver but lbfgs. A
        rate that a callback sets stays as it is set: ``"cosine"`` and ``"invscaling"`` end there.
    learning_rate_init : float, default=0.003
        Learning rate at the start. For ``"constant"`` 0.001 is a good one.
    power_t : float, default=0.5
        Exponent of ``"invscaling"``.
    max_iter : int, default=20
        Epochs, or iterations of lbfgs.
    shuffle : bool, default=True
        Whether rows are drawn in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, orders of rows, the validation split and dropout.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    verbose : int, default=0
        1 shows one line that is written over, 2 a table of epochs.
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
        Epochs without progress that are borne; ``inf`` for any number. While a falling rate is
        high there may be many: where ``max_iter`` is raised, raise this in proportion.
    max_fun : int, default=15000
        Evaluations of the loss that lbfgs may take.
    loss : str, Family or keras.losses.Loss, default="log_loss"
        ``"log_loss"`` (cross-entropy), a family of `sklearn_cnn.families`, or any Keras loss.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of each dense layer silenced at each training step, none in
        ``predict`` [2]_. Not with lbfgs.
    batch_normalization : bool, default=False
        Whether convolutions and hidden layers are normalised over the batch before their
        activation [3]_. Not with lbfgs.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    kernel_initializer : str or keras.initializers.Initializer, default=None
        Draws the kernels, biases being zero then. None is the
        architecture's own rule (Glorot).
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of classes, multiplied into ``sample_weight``; a list for several labels a row.
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. Not with lbfgs.
    monitor : {"score", "loss"}, default="score"
        What early stopping watches: the validation score, or the validation loss.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Float type in which the network computes; ``"auto"`` is float32 for pictures and
        signals and where ``input_shape`` is given, else that of X.
    n_init : int, default=1
        Starts from different weights, with orders of rows of their own, of which the best is
        kept: by what early stopping or validation data watch, otherwise by the last training
        loss. The first start is that of ``n_init=1``; all are trained as one program where the
        network allows it and nobody hears of every epoch, those of lbfgs on one program of the
        loss. Fits that go on (``warm_start``, ``partial_fit``) start once.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
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
    n_outputs_ : int
        Output units.
    architecture_ : Architecture
        Description of the network.
    n_features_in_ : int
        Features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    References
    ----------
    .. [1] LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of
       the IEEE 86 (1998), 2278-2324.
    .. [2] Srivastava et al., "Dropout", JMLR 15 (2014), 1929-1958.
    .. [3] Ioffe, Szegedy, "Batch normalization", ICML 2015.
    .. [4] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cnn import CNNClassifier
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(60, 6, 6))
    >>> y = np.where(np.arange(60) % 2, "lines", "points")
    >>> X[y == "lines", 2] += 3
    >>> cnn = CNNClassifier(filters=(4,), hidden_layer_sizes=(8,), random_state=0).fit(X, y)
    >>> cnn.predict(X[:2])
    array(['points', 'lines'], dtype='<U6')
    """

    __module__ = "sklearn_cnn"

    _parameter_constraints: dict = {
        **NetworkClassifier._parameter_constraints,
        **_CONSTRAINTS,
    }

    def __init__(
        self,
        filters=(32, 64),
        kernel_size=3,
        strides=1,
        padding="same",
        pool_size=2,
        pooling="max",
        hidden_layer_sizes=(64,),
        activation="relu",
        *,
        architecture=None,
        input_shape=None,
        solver="adam",
        alpha=0.0,
        batch_size=64,
        learning_rate="cosine",
        learning_rate_init=0.003,
        power_t=0.5,
        max_iter=20,
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
    ):
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.pool_size = pool_size
        self.pooling = pooling
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.architecture = architecture
        self.input_shape = input_shape
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


class CNNRegressor(_Convolutional, NetworkRegressor):
    """Convolutional network for numbers that belong to pictures and signals.

    X is (n, height, width, channels), (n, height, width), (n, length, channels) or, so that
    scalers and DataFrames can stand in front in a pipeline, flat rows with ``input_shape``. Flat
    rows without it are signals [1]_.

    Parameters
    ----------
    filters : int or sequence of int, default=(32, 64)
        Feature maps of each convolution.
    kernel_size : int or sequence, default=3
        Size of the filters: an int, one int an axis, or one entry a layer.
    strides : int or sequence, default=1
        Steps from one place of a filter to the next.
    padding : {"same", "valid", "replicate", "reflect"}, default="same"
        Margins: zeros, none, the nearest value, or the picture mirrored at its edge.
    pool_size : int or sequence, default=2
        Size of the pooling windows; an axis shorter than its window is not pooled.
    pooling : {"max", "average"} or None, default="max"
        What stands for the values of a window.
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of each dense layer between the convolutions and the output.
    architecture : {"lenet", "lenet5"} or None, default=None
        A network that goes by a name, instead of the one that the parameters above describe.
    input_shape : tuple of int, default=None
        Shape of a row where X is flat: ``(height, width, channels)`` or ``(length, channels)``.
    activation : str or callable, default="relu"
        Activation of convolutions and hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``,
        ``"relu"``, or any activation of Keras.
    solver : str or keras.optimizers.Optimizer, default="adam"
        What lowers the loss: ``"sgd"`` and ``"adam"`` with the parameters below, ``"lbfgs"``
        (full batch, float64, SciPy's L-BFGS-B), or any Keras optimizer by name (with
        ``learning_rate=learning_rate_init``) or as an instance (with its own rate; it is copied).
    alpha : float, default=0.0
        L2 penalty on the kernels: a batch adds ``alpha / 2 * sum(W ** 2)`` divided by its weight.
    batch_size : int or "auto", default=64
        Rows a step; ``"auto"`` is ``min(200, n_samples)``. Not used by lbfgs.
    learning_rate : str or Keras schedule, default="cosine"
        What becomes of the rate. ``"cosine"`` lets it fall to zero over ``max_iter`` epochs, half
        a cosine in steps of an epoch [4]_, however early training ends; each ``fit`` begins anew,
        with ``warm_start`` too. In ``partial_fit``, where nobody knows how many epochs will come,
        it stays at ``learning_rate_init``. ``"constant"`` leaves it. With ``solver="sgd"`` also
        ``"invscaling"``, which divides by ``(rows seen + 1) ** power_t`` after each epoch, and
        ``"adaptive"``, which divides by 5 when the loss stalls. A
        ``keras.optimizers.schedules.LearningRateSchedule`` acts with every solver but lbfgs. A
        rate that a callback sets stays as it is set: ``"cosine"`` and ``"invscaling"`` end there.
    learning_rate_init : float, default=0.003
        Learning rate at the start. For ``"constant"`` 0.001 is a good one.
    power_t : float, default=0.5
        Exponent of ``"invscaling"``.
    max_iter : int, default=20
        Epochs, or iterations of lbfgs.
    shuffle : bool, default=True
        Whether rows are drawn in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws initial weights, orders of rows, the validation split and dropout.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    verbose : int, default=0
        1 shows one line that is written over, 2 a table of epochs.
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
        Epochs without progress that are borne; ``inf`` for any number. While a falling rate is
        high there may be many: where ``max_iter`` is raised, raise this in proportion.
    max_fun : int, default=15000
        Evaluations of the loss that lbfgs may take.
    loss : str, Family or keras.losses.Loss, default="squared_error"
        ``"squared_error"`` (halved) and ``"poisson"`` (half the deviance, exponential output) as in
        scikit-learn; further ``"pinball"`` (the quantiles 0.05, 0.5 and 0.95, others by
        ``families.pinball(quantiles)``, each an output unit of its own), a family of
        `sklearn_cnn.families`, or any Keras loss.
    dropout : float in [0, 1), default=0.0
        Share of the inputs of each dense layer silenced at each training step, none in
        ``predict`` [2]_. Not with lbfgs.
    batch_normalization : bool, default=False
        Whether convolutions and hidden layers are normalised over the batch before their
        activation [3]_. Not with lbfgs.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    kernel_initializer : str or keras.initializers.Initializer, default=None
        Draws the kernels, biases being zero then. None is the
        architecture's own rule (Glorot).
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. Not with lbfgs.
    monitor : {"score", "loss"}, default="score"
        What early stopping watches: the validation score, or the validation loss.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Float type in which the network computes; ``"auto"`` is float32 for pictures and
        signals and where ``input_shape`` is given, else that of X.
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
    validation_scores_ : list of float or None
        Score on the validation data after each epoch.
    best_validation_score_ : float or None
        The best of them.
    n_iter_ : int
        Epochs (iterations of lbfgs) of the last fit.
    t_ : int
        Rows seen by the solver.
    n_outputs_ : int
        Output units.
    architecture_ : Architecture
        Description of the network.
    n_features_in_ : int
        Features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    References
    ----------
    .. [1] LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of
       the IEEE 86 (1998), 2278-2324.
    .. [2] Srivastava et al., "Dropout", JMLR 15 (2014), 1929-1958.
    .. [3] Ioffe, Szegedy, "Batch normalization", ICML 2015.
    .. [4] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cnn import CNNRegressor
    >>> X = np.random.RandomState(0).normal(size=(200, 16, 1))
    >>> y = X[:, 3:6, 0].sum(axis=1)
    >>> cnn = CNNRegressor(filters=(8,), max_iter=40, random_state=0).fit(X, y)
    >>> bool(cnn.score(X, y) > 0.9)
    True
    """

    __module__ = "sklearn_cnn"

    _parameter_constraints: dict = {
        **NetworkRegressor._parameter_constraints,
        **_CONSTRAINTS,
    }

    def __init__(
        self,
        filters=(32, 64),
        kernel_size=3,
        strides=1,
        padding="same",
        pool_size=2,
        pooling="max",
        hidden_layer_sizes=(64,),
        activation="relu",
        *,
        architecture=None,
        input_shape=None,
        solver="adam",
        alpha=0.0,
        batch_size=64,
        learning_rate="cosine",
        learning_rate_init=0.003,
        power_t=0.5,
        max_iter=20,
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
        loss="squared_error",
        dropout=0.0,
        batch_normalization=False,
        l1=0.0,
        kernel_initializer=None,
        callbacks=None,
        metrics=None,
        monitor="score",
        dtype="auto",
        n_init=1,
    ):
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.pool_size = pool_size
        self.pooling = pooling
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.architecture = architecture
        self.input_shape = input_shape
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
        self.callbacks = callbacks
        self.metrics = metrics
        self.monitor = monitor
        self.dtype = dtype
        self.n_init = n_init
