"""PyTorch, in a process of its own: scikit-learn's perceptron is the oracle."""

import json

import pytest

from ._processes import run

pytest.importorskip("torch", reason="PyTorch is no dependency: `make nightly-torch` has it")

SCRIPT = """
import json
import numpy as np
from keras import ops
from sklearn.neural_network import MLPRegressor as Theirs
from sklearn_cnn import MLPRegressor, backends
rng = np.random.RandomState(0)
X = rng.normal(size=(60, 4))
y = X @ [1.0, -2.0, 0.5, 1.0] + rng.normal(size=60)
settings = {"hidden_layer_sizes": (6,), "max_iter": 10, "random_state": 0}
answers = {"differences": {}}
for solver in ("adam", "sgd", "lbfgs"):
    ours, theirs = (cls(solver=solver, **settings).fit(X, y) for cls in (MLPRegressor, Theirs))
    answers["differences"][solver] = max(
        float(np.abs(a - b).max()) for a, b in zip(ours.coefs_, theirs.coefs_)
    )
answers["backend"] = backends.current().name
single = ops.matmul(ops.convert_to_tensor(X), ops.convert_to_tensor(X.T))
answers["Keras's own products"] = str(single.dtype)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers():
    answers = json.loads(run(SCRIPT, KERAS_BACKEND="torch").stdout)
    assert answers["backend"] == "torch"
    return answers


def test_float64_is_computed_in_float64(answers):
    """Keras rounds the products of matrices to float32 on PyTorch: 1e-7."""
    assert max(answers["differences"].values()) < 1e-9


def test_keras_rounds_as_before_where_no_fit_runs(answers):
    assert answers["Keras's own products"] == "torch.float32"
