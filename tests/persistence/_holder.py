"""An estimator of a user."""

from sklearn.base import BaseEstimator


class Holder(BaseEstimator):
    """Has the parameters of our networks that Keras objects may be."""

    def __init__(self, model=None, solver=None, loss=None, callbacks=None):
        self.model = model
        self.solver = solver
        self.loss = loss
        self.callbacks = callbacks
