"""Every constructor argument of every estimator, carried by what scikit-learn's tools do with it.

That each argument acts, and survives clone, deepcopy and pickle, is tested where the estimators
are: `test_common.py` and `test_keras_model.py`.
"""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid

from sklearn_cnn import KerasClassifier, KerasRegressor, KerasTransformer
from tests._estimators import ESTIMATORS

from .test_common import EFFECTS
from .test_keras_model import EFFECTS as KERAS_EFFECTS
from .test_keras_model import network

EVERY = [
    *ESTIMATORS,
    *(cls(network, random_state=0) for cls in (KerasClassifier, KerasRegressor, KerasTransformer)),
]
ARGUMENTS = [
    pytest.param(estimator, parameter, id=f"{type(estimator).__name__} {parameter}")
    for estimator in EVERY
    for parameter in estimator.get_params()
    if parameter != "model__activation"
]


def other_value(estimator, parameter):
    effects = KERAS_EFFECTS if type(estimator).__name__.startswith("Keras") else EFFECTS
    effect = effects[parameter]
    return effect[type(estimator).__name__][0] if isinstance(effect, dict) else effect[0]


def recording(estimator, parameter, seen):
    """The same estimator, which notes its argument instead of training."""

    def fit(self, X, y=None):
        seen.append(self.get_params()[parameter])
        return self

    methods = {"fit": fit, "score": lambda self, X, y=None: 0.0}
    cls = type(type(estimator).__name__, (type(estimator),), methods)
    return cls(**{name: getattr(estimator, name) for name in type(estimator)._get_param_names()})


@pytest.mark.parametrize(("estimator", "parameter"), ARGUMENTS)
def test_a_grid_search_carries_every_argument_to_fit(estimator, parameter):
    """keras.wrappers loses `fit_kwargs` here: every candidate trains one epoch."""
    value, seen = other_value(estimator, parameter), []
    before = estimator.get_params()[parameter]
    search = GridSearchCV(recording(estimator, parameter, seen), {parameter: [value]}, cv=2)
    search.fit(np.ones((6, 2)), [0, 1] * 3)
    assert seen == [value] * 3
    assert search.best_params_ == {parameter: value}
    assert search.best_estimator_.get_params()[parameter] == value
    assert estimator.get_params()[parameter] == before != value


@pytest.mark.parametrize("estimator", EVERY, ids=lambda estimator: type(estimator).__name__)
def test_arguments_set_one_by_one_are_those_of_the_constructor(estimator):
    names = [name for name in type(estimator)._get_param_names() if name != "model"]
    others = {name: other_value(estimator, name) for name in names}
    (grid_point,) = ParameterGrid({name: [value] for name, value in others.items()})
    constructed = type(estimator)(**others)
    one_by_one = type(estimator)()
    for name, value in grid_point.items():
        one_by_one.set_params(**{name: value})
    shown = clone(one_by_one).get_params(deep=False)
    assert {name: shown[name] for name in names} == {
        name: constructed.get_params(deep=False)[name] for name in names
    }
