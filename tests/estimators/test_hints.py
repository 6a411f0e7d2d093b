"""Warnings about scales."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers

from sklearn_cnn import MLPClassifier, MLPRegressor
from sklearn_cnn.estimators._hints import ScaleWarning, scale_advice

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.RandomState(0)
FRAME = pd.DataFrame({"income": RNG.normal(5e4, 2e4, 80), "share": RNG.uniform(0, 1, 80)})
LABELS = FRAME["share"] > 0.5


def test_columns_of_very_different_scale_are_named():
    message = "'income' has standard deviation .*'share' .*StandardScaler"
    with pytest.warns(ScaleWarning, match=message):
        MLPClassifier((3,), max_iter=2).fit(FRAME, LABELS)


def test_columns_without_names_are_numbered():
    with pytest.warns(ScaleWarning, match="column 0 has .*column 1 "):
        MLPClassifier((3,), max_iter=2).fit(FRAME.to_numpy(), LABELS)


def test_a_distant_target_is_named():
    network = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2)
    with pytest.warns(ScaleWarning, match=re.escape("root mean square") + ".*Transformed"):
        network.fit(FRAME[["share"]], 1e6 * FRAME["share"])


def test_one_warning_tells_both():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(FRAME, 1e6 * FRAME["share"])
    hints = [warning for warning in caught if warning.category is ScaleWarning]
    assert len(hints) == 1


@pytest.mark.parametrize("estimator", [MLPClassifier((3,), max_iter=2)])
def test_scaled_data_and_constant_columns_are_no_matter(estimator):
    X = np.column_stack([FRAME["share"], np.zeros(80), np.full(80, 0.1), 500 * FRAME["share"]])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScaleWarning)
        estimator.fit(X, LABELS)


@given(seed=integers(0, 2**32 - 1), n_rows=integers(2, 200), power=floats(0, 6))
def test_what_ranges_rule_out_standard_deviations_would_not_say(seed, n_rows, power):
    """Columns of any shape: a few rows far out, two values, normal."""
    rng = np.random.RandomState(seed)
    X = np.column_stack(
        [rng.normal(size=n_rows), rng.randint(2, size=n_rows), rng.standard_cauchy(n_rows)]
    )
    X = X * [1, 10**power, 10 ** rng.uniform(-power, power)]
    X[0, :] += rng.randint(2, size=3) * 10**power
    scales = np.std(X, axis=0)
    scales = scales[np.ptp(X, axis=0) > 0]
    differ = len(scales) > 1 and scales.max() / scales.min() > 1000
    assert bool(scale_advice(X, None)) == differ


def test_counts_under_a_log_link_are_no_matter():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScaleWarning)
        MLPRegressor(loss="poisson", hidden_layer_sizes=(3,), max_iter=1).fit(
            FRAME[["share"]], np.full(80, 5000.0)
        )
