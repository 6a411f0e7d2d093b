"""R's models as estimators: in processes of their own, for R does not leave one that it was in."""

import pytest

from ._r import RSCRIPT, run_python

pytestmark = pytest.mark.skipif(RSCRIPT is None, reason="R is missing")

_START = """
import pickle, warnings
import numpy as np, pandas as pd
from sklearn.model_selection import GridSearchCV, cross_val_score
from r_bridge import RModel
rng = np.random.RandomState(0)
X = pd.DataFrame({"a": rng.normal(size=90), "b": rng.uniform(size=90)})
X["kind"] = np.where(np.arange(90) % 3 == 0, "low", "high")
y = 2 * X["a"] - X["b"] + 3 * (X["kind"] == "low") + rng.normal(size=90)
"""


def run(code, tmp_path):
    return run_python(_START + code, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        "RModel()",
        "RModel('glm', family='gaussian')",
        "RModel('glm', family='binomial')",
        "RModel('nnet::multinom')",
    ],
)
def test_scikit_learn_s_checks_pass(model, tmp_path):
    code = f"""
from sklearn.utils.estimator_checks import check_estimator
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    results = check_estimator({model}, on_skip=None)
print(len(results) > 40, {{result["status"] for result in results}} <= {{"passed", "skipped"}})
"""
    assert run(code, tmp_path) == "True True\n"


def test_a_linear_model_is_least_squares_and_factors_are_coded(tmp_path):
    code = """
model = RModel("lm", formula="y ~ a + b + kind").fit(X, y)
design = np.column_stack([np.ones(90), X["a"], X["b"], X["kind"] == "low"])
beta, *_ = np.linalg.lstsq(design, y)
assert np.allclose(model.predict(X), design @ beta)
assert np.allclose(model.predict(X[:1]), design[:1] @ beta)
weight = rng.uniform(size=90)
root = np.sqrt(weight)[:, None]
beta, *_ = np.linalg.lstsq(design * root, y * root.ravel())
assert np.allclose(model.fit(X, y, sample_weight=weight).predict(X), design @ beta)
print("kindlow" in model.summary())
"""
    assert run(code, tmp_path) == "True\n"


def test_a_glm_is_scikit_learn_s(tmp_path):
    code = """
from sklearn.linear_model import LogisticRegression, PoissonRegressor
Z = X[["a", "b"]].to_numpy()
counts = rng.poisson(np.exp(0.5 * Z[:, 0] + 1))
ours = RModel("glm", family="poisson").fit(Z, counts)
theirs = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(Z, counts)
assert np.allclose(ours.predict(Z), theirs.predict(Z), rtol=1e-4)
labels = np.where(Z[:, 0] + rng.normal(size=90) > 0, "up", "down")
ours = RModel("glm", family="binomial").fit(Z, labels)
theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(Z, labels)
assert np.allclose(ours.predict_proba(Z), theirs.predict_proba(Z), atol=1e-4)
assert ours.predict(Z).tolist() == theirs.predict(Z).tolist()
assert ours.score(Z, labels) == theirs.score(Z, labels)
three = np.array(["x", "y", "z"])[np.arange(90) % 3]
for function in ("nnet::multinom", "MASS::lda"):
    many = RModel(function).fit(Z, three)
    assert many.predict_proba(Z[:1]).shape == (1, 3)
    assert np.allclose(many.predict_proba(Z).sum(axis=1), 1)
smooth = RModel("mgcv::gam", formula="y ~ s(x1) + x2", arguments={"method": "REML"})
assert smooth.fit(Z, y).score(Z, y) > 0.3
print("done")
"""
    assert run(code, tmp_path) == "done\n"


def test_a_network_and_a_glm_meet_in_one_cross_validation(tmp_path):
    code = """
from sklearn_cnn import MLPRegressor
Z, target = X[["a", "b"]].to_numpy(), y.to_numpy()
network = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-8, max_iter=1000)
scores = [cross_val_score(model, Z, target, cv=3) for model in (RModel("lm"), network)]
assert np.allclose(*scores, atol=1e-5), scores
search = GridSearchCV(RModel("lm"), {"formula": ["y ~ x2", "y ~ x1"]}, cv=3)
print(search.fit(Z, target).best_params_)
"""
    assert run(code, tmp_path) == "{'formula': 'y ~ x1'}\n"


def test_a_fitted_model_travels_to_other_processes_and_threads(tmp_path):
    code = """
import joblib
if __name__ == "__main__":
    Z = X[["a", "b"]].to_numpy()
    model = RModel("lm").fit(Z, y)
    expected = model.predict(Z)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(Z), expected)
    for backend in ("threading", "loky"):
        with joblib.parallel_config(backend, n_jobs=2):
            scores = cross_val_score(RModel("lm"), Z, y, cv=4)
        assert np.allclose(scores, cross_val_score(RModel("lm"), Z, y, cv=4))
    print("same")
"""
    script = tmp_path / "travel.py"
    script.write_text(_START + code)
    assert run_python(
        f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", tmp_path
    )


def test_what_r_says_reaches_python(tmp_path):
    code = """
def said(function):
    try:
        function()
    except ValueError as error:
        return str(error)
print(said(lambda: RModel("lm", formula="y ~ nowhere").fit(X, y)))
print(said(lambda: RModel("no::such").fit(X, y)))
print(said(lambda: RModel("glm", family="binomial").fit(X[["a"]], np.arange(90) % 3)))
fitted = RModel("lm").fit(X, y)
print(said(lambda: fitted.predict(X.assign(kind="new"))))
print(said(lambda: fitted.fit(X.assign(a=np.nan), y)))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    RModel("glm", family="binomial").fit(X[["a"]], X["a"] > 0)
print(str(caught[0].message))
"""
    lines = run(code, tmp_path).splitlines()
    assert lines[0] == "R: object 'nowhere' not found"
    assert "no package called" in lines[1]
    assert lines[2].startswith("Only binary classification is supported by family='binomial'")
    assert lines[3] == "R: column 'kind' has 'new', which was not there in fit"
    assert lines[4] == "Column 'a' of X contains NaN or infinity."
    assert lines[5].startswith("R: glm.fit:")
