"""Estimators and what they are made of."""

import contextlib
import dataclasses
import enum
import pickle
import re
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.stats
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, PoissonRegressor, SGDClassifier
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils import all_estimators
from sklearn.utils.metaestimators import available_if

from sklearn_cnn import families
from sklearn_cnn.architectures import dense
from sklearn_cnn.persistence import ArchiveError, load, save

from ._same import same

X, y = load_iris(return_X_y=True)
TABLE = pd.DataFrame(
    {
        "width": [1.0, 2.0, np.nan, 4.0] * 5,
        "kind": ["x", "y", "x", None] * 5,
        "size": pd.Categorical(["small", "big", "small", "big"] * 5),
    }
)
LABELS = np.array(["no", "yes"] * 10)


class OwnScaler(TransformerMixin, BaseEstimator):
    """A transformer as users write them."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.mean_ = np.mean(X, axis=0)
        return self

    def transform(self, X):
        return (X - self.mean_) * self.factor


class OwnState(ClassifierMixin, BaseEstimator):
    """An estimator that keeps its state in its own way."""

    def fit(self, X, y):
        self.seen_ = len(X)
        return self

    @available_if(lambda self: True)
    def predict(self, X):
        return [self.seen_]

    def __getstate__(self):
        return {"number": self.seen_}

    def __setstate__(self, state):
        self.seen_ = state["number"]


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    names: tuple = ()
    twice: float = dataclasses.field(init=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "twice", 2 * self.x)


class Colour(enum.Enum):
    RED = "red"


def reading(value):
    """What ``repr`` shows, without addresses."""
    return re.sub("0x[0-9A-Fa-f]+", "", repr(value))


def mixed_columns():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("numbers", numbers, ["width"]), ("words", words, ["kind", "size"])])


CLASSIFIERS = [
    MLPClassifier((5,), max_iter=5, random_state=np.random.RandomState(0)),
    MLPClassifier((5,), max_iter=5, early_stopping=True, warm_start=True, solver="sgd"),
    make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=5)),
    make_pipeline(SelectKBest(k=2), FunctionTransformer(np.log1p), LogisticRegression()),
    make_pipeline(SplineTransformer(n_knots=4), PolynomialFeatures(), SGDClassifier()),
    make_pipeline(
        FeatureUnion([("scaled", StandardScaler()), ("kept", "passthrough")]), LogisticRegression()
    ),
    GridSearchCV(
        make_pipeline(MinMaxScaler(), LogisticRegression()),
        {"logisticregression__C": [0.1, 1.0], "minmaxscaler": ["passthrough", StandardScaler()]},
        scoring=["accuracy", "f1_macro"],
        refit="accuracy",
        cv=KFold(3, shuffle=True, random_state=0),
    ),
    RandomizedSearchCV(
        LogisticRegression(), {"C": scipy.stats.loguniform(0.1, 1)}, n_iter=2, random_state=0
    ),
    CalibratedClassifierCV(LogisticRegression(), method="isotonic"),
    VotingClassifier([("one", LogisticRegression()), ("two", GaussianProcessClassifier(RBF(2.0)))]),
    StackingClassifier([("one", LogisticRegression())], cv=3),
    FrozenEstimator(LogisticRegression(max_iter=1000).fit(X, y)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda estimator: repr(estimator)[:50])
def test_a_fitted_classifier_predicts_the_same(there_and_back, estimator):
    fitted = clone(estimator).fit(X[::3], y[::3])
    back = there_and_back(fitted)
    assert_array_equal(back.predict(X), fitted.predict(X))
    assert reading(back) == reading(fitted)


@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda estimator: repr(estimator)[:50])
def test_an_unfitted_estimator_comes_back_unfitted(there_and_back, estimator):
    back = there_and_back(estimator)
    assert reading(back) == reading(estimator)
    assert vars(back).keys() == vars(estimator).keys()


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda table: pl.DataFrame(dict(table))])
def test_a_pipeline_on_a_table_takes_the_table_again(there_and_back, frame):
    table = frame({name: list(TABLE[name]) for name in ("width", "size")})
    columns = ColumnTransformer(
        [("numbers", SimpleImputer(), ["width"]), ("words", OrdinalEncoder(), ["size"])]
    )
    fitted = make_pipeline(columns, LogisticRegression()).fit(table, LABELS)
    back = there_and_back(fitted)
    assert_array_equal(back.predict_proba(table), fitted.predict_proba(table))
    assert_array_equal(back.feature_names_in_, ["width", "size"])


def test_columns_that_are_selected_by_type_and_missing_categories_come_back(there_and_back):
    pipeline = make_pipeline(mixed_columns(), LogisticRegression())
    pipeline[0].set_output(transform="default")
    fitted = pipeline.fit(TABLE, LABELS)
    back = there_and_back(fitted)
    assert_array_equal(back.predict_proba(TABLE), fitted.predict_proba(TABLE))
    assert_array_equal(back[0].get_feature_names_out(), fitted[0].get_feature_names_out())


@pytest.mark.filterwarnings("ignore")
def test_results_of_a_search_come_back_whole(there_and_back):
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0], "class_weight": [None, "balanced"]}
    )
    search.fit(X, y)
    back = there_and_back(search)
    assert same(back.cv_results_, search.cv_results_)
    assert back.best_params_ == search.best_params_
    assert back.score(X, y) == search.score(X, y)


def test_vocabulary_and_weights_of_words_come_back(there_and_back):
    texts = ["a green tea", "a black tea", "green grass"]
    fitted = TfidfVectorizer().fit(texts)
    assert same(there_and_back(fitted).transform(texts), fitted.transform(texts))


def test_requests_for_metadata_come_back(there_and_back):
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        back = there_and_back(estimator)
        assert back.get_metadata_routing().fit.requests == {"sample_weight": True}


def test_a_regressor_goes_on_from_where_it_stood(there_and_back):
    fitted = MLPRegressor(hidden_layer_sizes=(3,), random_state=0)
    target = X @ [1.0, 2.0, 3.0, 4.0]
    fitted.partial_fit(X, target)
    back = there_and_back(fitted)
    for _ in range(3):
        back.partial_fit(X, target)
        fitted.partial_fit(X, target)
    assert_array_equal(back.predict(X), fitted.predict(X))


@pytest.mark.parametrize(
    "estimator",
    [
        PoissonRegressor(),
        IsotonicRegression(),
        TransformedTargetRegressor(LogisticRegression(), func=np.sqrt, inverse_func=np.square),
        LabelBinarizer(),
        make_scorer(r2_score, greater_is_better=True),
        make_column_selector(dtype_include=np.number),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_kinds_of_object_come_back(there_and_back, estimator):
    back = there_and_back(estimator)
    assert reading(back) == reading(estimator)
    assert same(vars(back), vars(estimator))


def default_estimators():
    for name, cls in all_estimators():
        with contextlib.suppress(TypeError), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield pytest.param(cls(), id=name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", list(default_estimators()))
def test_every_estimator_of_scikit_learn_is_saved_as_pickle_does_or_refused(tmp_path, estimator):
    """It is never saved in part: what no file without pickle can hold is named."""
    path = tmp_path / "archive.zip"
    few, labels = X[::6, :2] + 1.0, (y[::6] > 0).astype(int)
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        estimator.fit(few, labels)
    try:
        save(estimator, path)
    except ArchiveError as error:
        assert "is of type sklearn." in str(error)  # noqa: PT017
        assert not path.exists()
        return
    pickled, loaded = pickle.loads(pickle.dumps(estimator)), load(path)
    assert vars(loaded).keys() == vars(pickled).keys()
    for method in ("predict", "predict_proba", "transform"):
        try:
            expected = getattr(pickled, method)(few)
        except (AttributeError, TypeError, ValueError):
            continue
        assert same(getattr(loaded, method)(few), expected)


def test_a_forest_is_refused_with_its_step_and_nothing_is_written(tmp_path):
    steps = [("scale", StandardScaler()), ("forest", RandomForestClassifier(2))]
    pipeline = Pipeline(steps).fit(X, y)
    with pytest.raises(
        ArchiveError,
        match=r"Pipeline cannot be saved: steps\['forest'\]\.estimators_\[0\]\.tree_ is of type "
        r"sklearn\.tree\._tree\.Tree, which only pickle can hold\. Use joblib\.dump",
    ):
        save(pipeline, tmp_path / "archive.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_lambda_in_a_pipeline_is_refused_with_its_step(there_and_back):
    pipeline = make_pipeline(FunctionTransformer(lambda X: X))
    with pytest.raises(ArchiveError, match=r"steps\['functiontransformer'\]\.func cannot be found"):
        there_and_back(pipeline)


def test_an_estimator_of_the_user_needs_trust(tmp_path):
    path = tmp_path / "archive.zip"
    fitted = make_pipeline(OwnScaler(2.0), LogisticRegression()).fit(X, y)
    save(fitted, path)
    with pytest.raises(ArchiveError, match=r"\.OwnScaler, .*pass trusted=\[OwnScaler\] to load"):
        load(path)
    assert_array_equal(load(path, trusted=[OwnScaler]).predict(X), fitted.predict(X))


def test_trust_in_one_class_is_none_in_another(tmp_path):
    save([OwnScaler(), OwnState().fit(X, y)], tmp_path / "archive.zip")
    with pytest.raises(ArchiveError, match="OwnState"):
        load(tmp_path / "archive.zip", trusted=[OwnScaler])


def test_the_state_of_a_trusted_class_goes_through_its_own_methods(there_and_back):
    back = there_and_back(OwnState().fit(X, y), trusted=[OwnState])
    assert back.predict(X) == [150]


@pytest.mark.parametrize("trusted", [OwnScaler, "OwnScaler", ["OwnScaler"], 1, [OwnScaler()]])
def test_trusted_must_list_classes_and_functions(there_and_back, trusted):
    with pytest.raises(TypeError, match="trusted must (be a )?list"):
        there_and_back(1, trusted=trusted)


def test_a_class_made_inside_a_function_is_refused(there_and_back):
    class Local(BaseEstimator):
        pass

    with pytest.raises(ArchiveError, match=r"is of a class that cannot be found as .*Local"):
        there_and_back(Local())


def test_frozen_dataclasses_and_enumerations_come_back(there_and_back):
    value = {"point": Point(1.5, ("a", None)), "colour": Colour.RED}
    back = there_and_back(value, trusted=[Point, Colour])
    assert back == value
    assert back["point"].twice == 3.0
    with pytest.raises(ArchiveError, match=r"trusted=\[Point\]"):
        there_and_back(value, trusted=[Colour])


@pytest.mark.parametrize(
    "family",
    [families.gaussian(), families.negative_binomial(theta=2.5), families.binomial("probit")],
    ids=repr,
)
def test_a_family_comes_back_equal(there_and_back, family):
    back = there_and_back(family)
    assert back == family
    assert hash(back) == hash(family)


def test_a_description_of_a_network_comes_back_equal(there_and_back):
    architecture = dense((4,), 3, "softmax", hidden_layer_sizes=(5, 6), dropout=0.25)
    back = there_and_back(architecture)
    assert back == architecture
    assert back.dropout == architecture.dropout
    assert hash(back) == hash(architecture)


def test_equal_estimators_make_equal_files(tmp_path):
    for name in ("one", "other"):
        save(
            make_pipeline(mixed_columns(), LogisticRegression()).fit(TABLE, LABELS), tmp_path / name
        )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_file_is_read_by_another_process(tmp_path):
    path = tmp_path / "archive.zip"
    fitted = make_pipeline(mixed_columns(), LogisticRegression()).fit(TABLE, LABELS)
    save(fitted, path)
    TABLE.to_pickle(tmp_path / "table")
    script = f"""
        import sys, pandas
        from sklearn_cnn import load
        table = pandas.read_pickle({str(tmp_path / "table")!r})
        print(load({str(path)!r}).predict(table).tolist())
        assert "tensorflow" not in sys.modules and "keras" not in sys.modules
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(fitted.predict(TABLE).tolist())
