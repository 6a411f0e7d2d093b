"""Estimators around the user's own Keras model."""

from dataclasses import replace
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import with_callbacks
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import validate_data

from sklearn_cnn import backends, compat, families
from sklearn_cnn.architectures import numpy_activation
from sklearn_cnn.architectures.given import GivenArchitecture
from sklearn_cnn.compat import Interval, available_if, fit_context
from sklearn_cnn.encoding.several import are_several
from sklearn_cnn.families import Family
from sklearn_cnn.prediction.forward import compiled_pass
from sklearn_cnn.training import Objective, Progress, Reason, Result, Rows
from sklearn_cnn.training.losses import describe_loss

from . import _model
from ._base import BaseNetwork
from ._given import GivenNetwork, float_type, is_model, labels_of_rows
from ._readings import Reading, family_of_labels, is_users_own, read_labels, read_numbers
from ._targets import NetworkClassifier, NetworkRegressor, has_partial_fit, is_probability_loss


class KerasClassifier(GivenNetwork, NetworkClassifier):
    """Classifier around a Keras model of your own.

    One output unit tells two classes apart, two or more units are one a class; for several labels
    a row each label has its unit.

    X is a table, an array of up to five dimensions, or several inputs: a dictionary or list of
    arrays. Cross-validation takes several inputs as `sklearn_cnn.Inputs`, or as a table whose
    columns are dealt out to them in their order.

    Parameters
    ----------
    model : callable or keras.Model, default=None
        A function that returns a Keras model, a subclass of ``keras.Model``, or a model. A function
        is called in each fit, with ``model_params`` and, where it names them, ``input_shape`` (of a
        row), ``n_outputs`` and ``family`` (of `sklearn_cnn.families`, with ``family.activation``
        for the last layer). A model is a template: it is copied, and trained from the weights that
        it has. None is a network with one hidden layer of 100 ReLU units, as `MLPClassifier` has.
    model_params : dict, default=None
        Arguments of the function. Each can be set and searched as ``model__name``.
    loss : str, Family or keras.losses.Loss, default=None
        None is the loss that the model was compiled with, else ``"log_loss"`` (cross-entropy).
        Further a family of `sklearn_cnn.families`, or any Keras loss; y is one-hot for it unless
        its name begins with ``sparse``. A model that ends in softmax or sigmoid gives
        probabilities, any other output is read as logits.
    solver : str or keras.optimizers.Optimizer, default=None
        None is the optimizer that the model was compiled with, else ``"adam"``. ``"sgd"`` and
        ``"adam"`` with the parameters below, ``"lbfgs"`` (full batch, float64, SciPy's L-BFGS-B),
        or any Keras optimizer by name (with ``learning_rate=learning_rate_init``) or as an instance
        (with its own rate; it is copied).
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. None are those that the model was compiled with.
    batch_size : int or "auto", default=32
        Rows a step; ``"auto"`` is ``min(200, n_samples)``. Not used by lbfgs.
    max_iter : int, default=10
        Epochs, or iterations of lbfgs.
    learning_rate : str or Keras schedule, default="constant"
        What becomes of the rate. ``"constant"`` leaves it; ``"cosine"`` lets it fall to zero over
        ``max_iter`` epochs, half a cosine in steps of an epoch [1]_ (in ``partial_fit`` it is
        constant). With ``solver="sgd"`` also ``"invscaling"``, which divides by
        ``(rows seen + 1) ** power_t`` after each epoch, and ``"adaptive"``, which divides by 5
        when the loss stalls. A ``keras.optimizers.schedules.LearningRateSchedule`` acts with
        every solver but lbfgs. A rate that a callback sets stays as it is set: ``"cosine"`` and
        ``"invscaling"`` end there.
    learning_rate_init : float, default=0.001
        Learning rate at the start, of a solver that is given by name.
    power_t : float, default=0.5
        Exponent of ``"invscaling"``.
    momentum : float in [0, 1], default=0.9
        Momentum of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` uses Nesterov's momentum.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay rates of the moments of ``"adam"``.
    epsilon : float, default=1e-8
        Keeps ``"adam"`` from dividing by zero.
    alpha : float, default=0.0
        L2 penalty on the kernels: a batch adds ``alpha / 2 * sum(W ** 2)`` divided by its weight.
        Regularizers of the model's layers act beside it, as Keras defines them.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    shuffle : bool, default=True
        Whether rows are drawn in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the initial weights of a model from a function, orders of rows, the validation split
        and dropout.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    n_iter_no_change : int, default=10
        Epochs without progress that are borne; ``inf`` for any number.
    early_stopping : bool, default=False
        Whether to keep a share of the rows aside, to stop when their score no longer rises and to
        keep the best weights.
    validation_fraction : float, default=0.1
        The share kept aside.
    monitor : {"score", "loss"}, default="score"
        What early stopping watches: the validation score, or the validation loss.
    class_weight : dict, "balanced" or list of dict, default=None
        Weights of classes, multiplied into ``sample_weight``; a list for several labels a row.
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    verbose : int, default=0
        1 shows one line that is written over, 2 a table of epochs.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    max_fun : int, default=15000
        Evaluations of the loss that lbfgs may take.
    dtype : {"auto", "float32", "float64"} or None, default=None
        Float type in which every layer computes; None is the model's own, ``"auto"`` that of X.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    model_ : keras.Model
        The trained network, a copy of the template. Training it further changes the predictions.
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
        Features seen in ``fit``, unless X held several inputs.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    See Also
    --------
    MLPClassifier : A perceptron without a model of your own.

    References
    ----------
    .. [1] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_cnn import KerasClassifier
    >>> def network(n_outputs, units=16):
    ...     return keras.Sequential(
    ...         [
    ...             keras.layers.Dense(units, activation="relu"),
    ...             keras.layers.Dense(n_outputs, activation="softmax"),
    ...         ]
    ...     )
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = KerasClassifier(
    ...     network, learning_rate_init=0.02, max_iter=30, random_state=0
    ... )
    >>> classifier.set_params(model__units=32).fit(X, y).score(X, y) > 0.9
    True
    """

    __module__ = "sklearn_cnn"

    _parameter_constraints: dict = {
        **NetworkClassifier._parameter_constraints,
        **GivenNetwork._parameter_constraints,
    }
    _default_loss = "log_loss"

    def __init__(
        self,
        model=None,
        *,
        model_params=None,
        loss=None,
        solver=None,
        metrics=None,
        batch_size=32,
        max_iter=10,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        alpha=0.0,
        l1=0.0,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        monitor="score",
        class_weight=None,
        callbacks=None,
        verbose=0,
        warm_start=False,
        max_fun=15000,
        dtype=None,
    ):
        self.model = model
        self.model_params = model_params
        self.loss = loss
        self.solver = solver
        self.metrics = metrics
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.alpha = alpha
        self.l1 = l1
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.monitor = monitor
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start
        self.max_fun = max_fun
        self.dtype = dtype

    def _family_told(self, target: np.ndarray) -> Family:
        if isinstance(self.loss, Family):
            return self.loss
        return family_of_labels(self._label_binarizer.y_type_, target.shape[1])

    def _read(self, network: GivenArchitecture, target: np.ndarray, sees) -> Reading:
        return read_labels(
            network,
            self._label_binarizer.y_type_,
            len(self.classes_),
            target.shape[1],
            self._loss_in_use(),
            sees,
        )

    def _stratify(self, target: np.ndarray) -> np.ndarray | None:
        return labels_of_rows(self._label_binarizer, target)

    def _response(self, X, offset=None) -> np.ndarray:
        response = super()._response(X, offset)
        multiclass = not self._label_binarizer.y_type_.startswith("multilabel")
        if multiclass and response.shape[1] > 1 and self._family.activation == "sigmoid":
            total = response.sum(axis=1, keepdims=True)
            response = response / np.where(total == 0, 1, total)
        return response

    def _gives_probabilities(self) -> bool:
        if self.__sklearn_is_fitted__() and self.model is not None:
            return self._gives_probability
        loss = self.loss
        if loss is None and self.model is not None and is_model(self.model):
            loss = compat.compile_arguments(self.model).get("loss")
        return is_probability_loss(loss) or is_users_own(loss)


class KerasRegressor(GivenNetwork, NetworkRegressor):
    """Regressor around a Keras model of your own.

    The model has one output unit for each column of y. Its output is the prediction.

    X is a table, an array of up to five dimensions, or several inputs: a dictionary or list of
    arrays. Cross-validation takes several inputs as `sklearn_cnn.Inputs`, or as a table whose
    columns are dealt out to them in their order.

    Parameters
    ----------
    model : callable or keras.Model, default=None
        A function that returns a Keras model, a subclass of ``keras.Model``, or a model. A function
        is called in each fit, with ``model_params`` and, where it names them, ``input_shape`` (of a
        row), ``n_outputs`` and ``family`` (of `sklearn_cnn.families`, with ``family.activation``
        for the last layer). A model is a template: it is copied, and trained from the weights that
        it has. None is a network with one hidden layer of 100 ReLU units, as `MLPRegressor` has.
    model_params : dict, default=None
        Arguments of the function. Each can be set and searched as ``model__name``.
    loss : str, Family or keras.losses.Loss, default=None
        None is the loss that the model was compiled with, else ``"squared_error"`` (halved).
        Further ``"poisson"`` (scikit-learn's, half the deviance, of a linear or exponential
        output), ``"pinball"`` (three quantiles, an output unit each), a family of
        `sklearn_cnn.families`, or any Keras loss.
    solver : str or keras.optimizers.Optimizer, default=None
        None is the optimizer that the model was compiled with, else ``"adam"``. ``"sgd"`` and
        ``"adam"`` with the parameters below, ``"lbfgs"`` (full batch, float64, SciPy's L-BFGS-B),
        or any Keras optimizer by name (with ``learning_rate=learning_rate_init``) or as an instance
        (with its own rate; it is copied).
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. None are those that the model was compiled with.
    batch_size : int or "auto", default=32
        Rows a step; ``"auto"`` is ``min(200, n_samples)``. Not used by lbfgs.
    max_iter : int, default=10
        Epochs, or iterations of lbfgs.
    learning_rate : str or Keras schedule, default="constant"
        What becomes of the rate. ``"constant"`` leaves it; ``"cosine"`` lets it fall to zero over
        ``max_iter`` epochs, half a cosine in steps of an epoch [1]_ (in ``partial_fit`` it is
        constant). With ``solver="sgd"`` also ``"invscaling"``, which divides by
        ``(rows seen + 1) ** power_t`` after each epoch, and ``"adaptive"``, which divides by 5
        when the loss stalls. A ``keras.optimizers.schedules.LearningRateSchedule`` acts with
        every solver but lbfgs. A rate that a callback sets stays as it is set: ``"cosine"`` and
        ``"invscaling"`` end there.
    learning_rate_init : float, default=0.001
        Learning rate at the start, of a solver that is given by name.
    power_t : float, default=0.5
        Exponent of ``"invscaling"``.
    momentum : float in [0, 1], default=0.9
        Momentum of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` uses Nesterov's momentum.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay rates of the moments of ``"adam"``.
    epsilon : float, default=1e-8
        Keeps ``"adam"`` from dividing by zero.
    alpha : float, default=0.0
        L2 penalty on the kernels: a batch adds ``alpha / 2 * sum(W ** 2)`` divided by its weight.
        Regularizers of the model's layers act beside it, as Keras defines them.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    shuffle : bool, default=True
        Whether rows are drawn in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the initial weights of a model from a function, orders of rows, the validation split
        and dropout.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    n_iter_no_change : int, default=10
        Epochs without progress that are borne; ``inf`` for any number.
    early_stopping : bool, default=False
        Whether to keep a share of the rows aside, to stop when their score no longer rises and to
        keep the best weights.
    validation_fraction : float, default=0.1
        The share kept aside.
    monitor : {"score", "loss"}, default="score"
        What early stopping watches: the validation score, or the validation loss.
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    verbose : int, default=0
        1 shows one line that is written over, 2 a table of epochs.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    max_fun : int, default=15000
        Evaluations of the loss that lbfgs may take.
    dtype : {"auto", "float32", "float64"} or None, default=None
        Float type in which every layer computes; None is the model's own, ``"auto"`` that of X.

    Attributes
    ----------
    model_ : keras.Model
        The trained network, a copy of the template. Training it further changes the predictions.
    history_ : dict of list
        ``loss``, ``learning_rate``, ``seconds``, ``val_loss`` and every metric, one entry an epoch.
    loss_curve_ : list of float
        Training loss, penalties included, one entry an epoch.
    loss_ : float
        The last of them.
    best_loss_ : float or None
        The least of them; None with validation data.
    validation_scores_ : list of float or None
        R2 on the validation data after each epoch.
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
        Features seen in ``fit``, unless X held several inputs.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    See Also
    --------
    MLPRegressor : A perceptron without a model of your own.

    References
    ----------
    .. [1] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import keras
    >>> from sklearn_cnn import KerasRegressor
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> regressor = KerasRegressor(model, max_iter=500, tol=0, random_state=0).fit(X, y)
    >>> bool(abs(regressor.predict([[10.0]])[0] - 21) < 0.1), sorted(regressor.history_)
    (True, ['learning_rate', 'loss', 'mae', 'seconds'])
    """

    __module__ = "sklearn_cnn"

    _parameter_constraints: dict = {
        **NetworkRegressor._parameter_constraints,
        **GivenNetwork._parameter_constraints,
    }
    _default_loss = "squared_error"

    def __init__(
        self,
        model=None,
        *,
        model_params=None,
        loss=None,
        solver=None,
        metrics=None,
        batch_size=32,
        max_iter=10,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        alpha=0.0,
        l1=0.0,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        monitor="score",
        callbacks=None,
        verbose=0,
        warm_start=False,
        max_fun=15000,
        dtype=None,
    ):
        self.model = model
        self.model_params = model_params
        self.loss = loss
        self.solver = solver
        self.metrics = metrics
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.alpha = alpha
        self.l1 = l1
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.monitor = monitor
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start
        self.max_fun = max_fun
        self.dtype = dtype

    def _family_told(self, target: np.ndarray) -> Family:
        return families.poisson() if self.loss == "poisson" else super()._family_told(target)


class KerasTransformer(
    GivenNetwork, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseNetwork
):
    """Transformer around a Keras model of your own.

    With y the model is trained to predict it, without y to reproduce X, as an autoencoder; with
    ``max_iter=0`` a finished model is taken as it is. ``transform`` gives the model's output, or
    what a layer inside it makes of X.

    X is a table, an array of up to five dimensions, or several inputs: a dictionary or list of
    arrays. Cross-validation takes several inputs as `sklearn_cnn.Inputs`, or as a table whose
    columns are dealt out to them in their order.

    Parameters
    ----------
    model : callable or keras.Model, default=None
        A function that returns a Keras model, a subclass of ``keras.Model``, or a model. A function
        is called in each fit, with ``model_params`` and, where it names them, ``input_shape`` (of a
        row), ``n_outputs`` and ``family`` (of `sklearn_cnn.families`, with ``family.activation``
        for the last layer). A model is a template: it is copied, and trained from the weights that
        it has. None is a network with one hidden layer of 100 ReLU units.
    model_params : dict, default=None
        Arguments of the function. Each can be set and searched as ``model__name``.
    layer : str, default=None
        Name of the layer whose output ``transform`` gives; None is the model's output.
    loss : str, Family or keras.losses.Loss, default=None
        None is the loss that the model was compiled with, else the mean squared error without y or
        for numbers, cross-entropy for labels. Any Keras loss, or a family of
        `sklearn_cnn.families`.
    solver : str or keras.optimizers.Optimizer, default=None
        None is the optimizer that the model was compiled with, else ``"adam"``. ``"sgd"`` and
        ``"adam"`` with the parameters below, ``"lbfgs"`` (full batch, float64, SciPy's L-BFGS-B),
        or any Keras optimizer by name (with ``learning_rate=learning_rate_init``) or as an instance
        (with its own rate; it is copied).
    metrics : str, Keras metric or list of them, default=None
        Recorded in ``history_``. None are those that the model was compiled with.
    batch_size : int or "auto", default=32
        Rows a step; ``"auto"`` is ``min(200, n_samples)``. Not used by lbfgs.
    max_iter : int, default=10
        Epochs, or iterations of lbfgs. 0 takes a finished model as it is.
    learning_rate : str or Keras schedule, default="constant"
        What becomes of the rate. ``"constant"`` leaves it; ``"cosine"`` lets it fall to zero over
        ``max_iter`` epochs, half a cosine in steps of an epoch [1]_ (in ``partial_fit`` it is
        constant). With ``solver="sgd"`` also ``"invscaling"``, which divides by
        ``(rows seen + 1) ** power_t`` after each epoch, and ``"adaptive"``, which divides by 5
        when the loss stalls. A ``keras.optimizers.schedules.LearningRateSchedule`` acts with
        every solver but lbfgs. A rate that a callback sets stays as it is set: ``"cosine"`` and
        ``"invscaling"`` end there.
    learning_rate_init : float, default=0.001
        Learning rate at the start, of a solver that is given by name.
    power_t : float, default=0.5
        Exponent of ``"invscaling"``.
    momentum : float in [0, 1], default=0.9
        Momentum of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` uses Nesterov's momentum.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay rates of the moments of ``"adam"``.
    epsilon : float, default=1e-8
        Keeps ``"adam"`` from dividing by zero.
    alpha : float, default=0.0
        L2 penalty on the kernels: a batch adds ``alpha / 2 * sum(W ** 2)`` divided by its weight.
        Regularizers of the model's layers act beside it, as Keras defines them.
    l1 : float, default=0.0
        L1 penalty on the kernels, added as ``alpha`` is.
    shuffle : bool, default=True
        Whether rows are drawn in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the initial weights of a model from a function, orders of rows, the validation split
        and dropout.
    tol : float, default=1e-4
        Less progress than this is none; with lbfgs the tolerance of the gradient.
    n_iter_no_change : int, default=10
        Epochs without progress that are borne; ``inf`` for any number.
    early_stopping : bool, default=False
        Whether to keep a share of the rows aside, to stop when their loss no longer falls and to
        keep the best weights.
    validation_fraction : float, default=0.1
        The share kept aside.
    callbacks : Keras callback, class or function, or list of them, default=None
        Called between epochs, copied for each fit. Not with lbfgs.
    verbose : int, default=0
        1 shows one line that is written over, 2 a table of epochs.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit.
    max_fun : int, default=15000
        Evaluations of the loss that lbfgs may take.
    dtype : {"auto", "float32", "float64"} or None, default=None
        Float type in which every layer computes; None is the model's own, ``"auto"`` that of X.

    Attributes
    ----------
    model_ : keras.Model
        The trained network, a copy of the template. Training it further changes the predictions.
    history_ : dict of list
        ``loss``, ``learning_rate``, ``seconds``, ``val_loss`` and every metric, one entry an epoch.
    loss_curve_ : list of float
        Training loss, penalties included, one entry an epoch.
    loss_ : float
        The last of them.
    best_loss_ : float or None
        The least of them; None with validation data.
    validation_scores_ : list of float or None
        Minus the loss on the validation data after each epoch.
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
        Features seen in ``fit``, unless X held several inputs.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had some.

    See Also
    --------
    Autoencoder : Codes of rows, without a model of your own.

    References
    ----------
    .. [1] Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_cnn import KerasTransformer
    >>> def autoencoder(n_outputs, n_components=2):
    ...     return keras.Sequential(
    ...         [
    ...             keras.layers.Dense(n_components, name="code"),
    ...             keras.layers.Dense(n_outputs),
    ...         ]
    ...     )
    >>> X, _ = load_iris(return_X_y=True)
    >>> codes = KerasTransformer(autoencoder, layer="code", random_state=0).fit_transform(X)
    >>> codes.shape
    (150, 2)
    """

    __module__ = "sklearn_cnn"

    monitor = "loss"
    _default_loss = "mean_squared_error"
    _parameter_constraints: dict = {
        **BaseNetwork._parameter_constraints,
        **GivenNetwork._parameter_constraints,
        "layer": [str, None],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        model=None,
        *,
        model_params=None,
        layer=None,
        loss=None,
        solver=None,
        metrics=None,
        batch_size=32,
        max_iter=10,
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        alpha=0.0,
        l1=0.0,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        callbacks=None,
        verbose=0,
        warm_start=False,
        max_fun=15000,
        dtype=None,
    ):
        self.model = model
        self.model_params = model_params
        self.layer = layer
        self.loss = loss
        self.solver = solver
        self.metrics = metrics
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.alpha = alpha
        self.l1 = l1
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start
        self.max_fun = max_fun
        self.dtype = dtype

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or dict or list of arrays
            Rows, of any number of dimensions.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets: labels if they are integers, booleans or strings, else numbers. None: the
            network is to reproduce X.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.
        X_val, y_val : array-like, default=None
            Validation data, watched instead of a split of X. The weights of the epoch that was
            best on them are kept.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation rows.

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
        )

    @available_if(has_partial_fit)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one epoch, going on from the weights and the optimizer of before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or dict or list of arrays
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets, as in `fit`; labels must all come in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows.

        Returns
        -------
        self : object
            The estimator, one epoch further.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def transform(self, X):
        """What the network, or the layer, makes of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or dict or list of arrays
            Rows, in the form in which they were fitted.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            One row for each row of X, in the float type of X.
        """
        X = self._check_X(X)
        _model.pull(self)
        if self.layer is None:
            activation = numpy_activation(self.architecture_.output_activation)
            return activation(self._raw_outputs(X))
        inner = compiled_pass(
            self.architecture_, self._weights, self._network_inputs(X), (self.layer,)
        )[0]
        return inner.reshape(len(inner), -1).astype(float_type(X), copy=False)

    def _validate(self, X, y, *, reset: bool):
        alone = y is None or y is X
        if reset:
            self._learns = "rows" if alone else "labels" if _are_labels(y) else "numbers"
        if not alone:
            return super()._validate(X, y, reset=reset)
        if self._learns != "rows" and self.max_iter > 0:
            raise ValueError("This KerasTransformer was fitted to y: pass y again.")
        if are_several(X):
            if self.max_iter > 0:
                raise ValueError(
                    "Several inputs cannot be reproduced: pass y, or max_iter=0 for a finished "
                    "model."
                )
            X = self._check_several(X, reset=reset)
            return X, np.zeros((len(X), 1))
        X = validate_data(self, X, dtype="numeric", reset=reset, **self._input_checks)
        return X, X

    def _encode_target(self, y, *, first_pass: bool, incremental: bool) -> np.ndarray:
        if self._learns != "labels":
            return np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if first_pass:
            self._label_binarizer = LabelBinarizer().fit(y)
        return self._label_binarizer.transform(y).astype(bool)

    def _stratify(self, target: np.ndarray) -> np.ndarray | None:
        if self._learns != "labels":
            return None
        return labels_of_rows(self._label_binarizer, target)

    def _family_told(self, target: np.ndarray) -> Family:
        if self._learns == "labels" and not isinstance(self.loss, Family):
            return family_of_labels(self._label_binarizer.y_type_, target.shape[1])
        return super()._family_told(target)

    def _objective(self, target: np.ndarray) -> Objective:
        loss = self._loss_in_use()
        labels = self._learns == "labels"
        if labels and self.loss is None:
            loss = family_of_labels(self._label_binarizer.y_type_, target.shape[1])
        if not isinstance(loss, Family):
            activation = self._family_told(target).activation if labels else "linear"
            loss = describe_loss(loss, classifier=labels, activation=activation)
        return Objective(loss, "none")

    def _read(self, network: GivenArchitecture, target: np.ndarray, sees) -> Reading:
        if self.max_iter == 0:
            return Reading(Objective(families.gaussian(), "none"), network)
        loss = self._loss_in_use()
        if self._learns == "labels":
            binarizer, columns = self._label_binarizer, target.shape[1]
            n_classes = len(binarizer.classes_)
            reading = read_labels(network, binarizer.y_type_, n_classes, columns, loss, sees)
            return reading._replace(objective=replace(reading.objective, score="none"))
        if network.units != target.shape[1] and self._learns == "rows":
            raise ValueError(
                f"Without y the model is trained to reproduce X, whose rows hold "
                f"{target.shape[1]} numbers, but it has {network.units} output units. Pass y, or "
                "max_iter=0 for a finished model."
            )
        return read_numbers(network, target, loss or self._default_loss, score="none")

    def _describe(self, rows: Rows, validation: Rows | None, rng, first_pass: bool):
        described = super()._describe(rows, validation, rng, first_pass)
        self._n_features_out = self._width(described[-1])
        return described

    def _width(self, network) -> int:
        """Number of columns that `transform` gives."""
        if self.layer is None:
            return network.units
        model = network.build()
        names = [layer.name for layer in model.layers]
        if self.layer not in names:
            raise ValueError(
                f"layer={self.layer!r} is none of the model's layers, which are "
                f"{', '.join(map(repr, names))}."
            )
        if not getattr(model, "inputs", None):
            raise ValueError(
                f"layer={self.layer!r} is inside a subclassed {type(model).__name__}, where only "
                "its own code knows what the layer makes. Pass a functional model."
            )
        return prod(model.get_layer(self.layer).output.shape[1:])

    def _fit_rows(self, rows, validation, task, *, first_pass: bool, incremental: bool) -> None:
        if self.max_iter > 0:
            settings = {"first_pass": first_pass, "incremental": incremental}
            super()._fit_rows(rows, validation, task, **settings)
            return
        backends.start()
        rng = self._rng(incremental=False)
        rows, _, objective, network = self._describe(rows, None, rng, True)
        progress = Progress(weights=[], slots=[np.zeros((), np.int64)])
        plan = self._plan(rows, objective, network, rng, None, False, progress)
        with backends.current().precision(network.dtype):
            progress.weights, progress.rate = network.draw(rng), plan.solver.rate
        result = Result(progress, None, Reason.MAX_ITER, 0, {"loss": []})
        self._record(result, plan, rng, rows, None, True, False, None)
        self.__dict__.pop("_compiled", None)

    def _record_kind(self, plan) -> None:
        self._family = plan.objective.family

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _are_labels(y: Any) -> bool:
    kind = np.asarray(y).dtype.kind if not hasattr(y, "dtype") else getattr(y.dtype, "kind", "O")
    return kind != "f"
