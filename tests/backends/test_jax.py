import json

import pytest

from ._processes import run

# Every line is run once, in one process: starting JAX takes longer than these fits.
SCRIPT = """
import json, warnings
import numpy as np
warnings.simplefilter("ignore")
warnings.filterwarnings("error", message=".*requested dtype")  # JAX's, where it has 32 bits alone
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.datasets import load_digits
from sklearn_cnn import CNNClassifier, MLPClassifier, MLPRegressor, backends
import jax, keras
from jax import numpy as jnp

X, y = load_digits(return_X_y=True)
X, y = X[:300] / 15.3, y[:300]
answers = {"differences": {}}
for solver in ("adam", "sgd", "lbfgs"):
    for settings in ({}, {"early_stopping": True}, {"activation": "tanh"}):
        arguments = dict(hidden_layer_sizes=(20,), solver=solver, max_iter=12, random_state=0,
                         batch_size=32, alpha=0.1, **settings)
        ours, theirs = MLPClassifier(**arguments).fit(X, y), Theirs(**arguments).fit(X, y)
        answers["differences"][f"{solver} {settings}"] = max(
            float(np.abs(a - b).max()) for a, b in zip(ours.coefs_, theirs.coefs_)
        )
arguments = dict(early_stopping=True, max_iter=5, random_state=0)
ours, theirs = (cls(**arguments).fit(X, y) for cls in (MLPRegressor, TheirRegressor))
answers["scores"] = float(np.abs(
    np.subtract(ours.validation_scores_, theirs.validation_scores_)).max())
answers["tanh of Keras"] = str(keras.ops.tanh(jnp.ones(1)).dtype)
with jax.enable_x64(True):
    answers["tanh of Keras in float64"] = str(keras.ops.tanh(jnp.ones(1)).dtype)
answers["backend"] = backends.current().name
answers["x64 afterwards"] = bool(jax.config.jax_enable_x64)
answers["dtype afterwards"] = str(jnp.ones(1).dtype)
single = MLPClassifier((20,), max_iter=5, random_state=0).fit(X.astype("float32"), y)
answers["dtype of float32"] = str(single.coefs_[0].dtype)
cnn = CNNClassifier(filters=(8,), hidden_layer_sizes=(20,), max_iter=25, random_state=0,
                    input_shape=(8, 8, 1), batch_size=20, dropout=0.1, batch_normalization=True,
                    dtype="float64")
answers["cnn"] = float(cnn.fit(X, y).score(X, y))
model, pictures = cnn.model_, X.reshape(-1, 8, 8, 1)
answers["model of float64"] = model.weights[0].dtype
answers["its predictions"] = float(np.abs(
    model.predict(pictures, verbose=0) - cnn.predict_proba(X)).max())
weights, before = [weight.copy() for weight in cnn._weights], cnn.predict_proba(X)
cnn.model_
cnn.predict(X)
answers["looked at"] = all(map(np.array_equal, weights, cnn._weights))
model.compile("sgd", "sparse_categorical_crossentropy")
model.fit(pictures, y, epochs=1, verbose=0)
answers["trained on"] = float(np.abs(
    model.predict(pictures, verbose=0) - cnn.predict_proba(X)).max())
answers["moved"] = float(np.abs(cnn.predict_proba(X) - before).max())
answers["weights"] = sorted({str(weight.dtype) for weight in cnn._weights})
with jax.enable_x64(True):
    wide = CNNClassifier(filters=(2,), hidden_layer_sizes=(), max_iter=1, random_state=0,
                         input_shape=(8, 8, 1), dtype="float64").fit(X, y)
    answers["model where the user has float64"] = wide.model_.weights[0].dtype
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers():
    answers = json.loads(run(SCRIPT, KERAS_BACKEND="jax").stdout)
    assert answers["backend"] == "jax"
    return answers


def test_networks_are_scikit_learns_own(answers):
    assert max(answers["differences"].values()) < 1e-9


def test_the_users_precision_is_left_alone(answers):
    assert not answers["x64 afterwards"]
    assert answers["dtype afterwards"] == "float32"
    assert answers["dtype of float32"] == "float32"


def test_float64_is_computed_in_float64(answers):
    """Keras rounds tanh, means and variances to float32 on JAX: 1e-8."""
    assert answers["scores"] < 1e-12
    assert answers["tanh of Keras"] == answers["tanh of Keras in float64"] == "float32"


def test_convolutions_train(answers):
    assert answers["cnn"] > 0.9


def test_the_model_of_float64_computes_as_the_users_program_does(answers):
    """Without ``jax_enable_x64`` that is float32, of which a convolution takes nothing else."""
    assert answers["model of float64"] == "float32"
    assert answers["model where the user has float64"] == "float64"
    assert answers["its predictions"] < 1e-5


def test_weights_are_float64_until_the_model_is_trained_and_then_the_models(answers):
    assert answers["looked at"]
    assert answers["moved"] > 1e-3
    assert answers["trained on"] < 1e-5
    assert answers["weights"] == ["float64"]


PROGRAMS = """
import json, jax
from sklearn_cnn import backends
from sklearn_cnn.backends import PROGRAMS, jax as module
backend = backends.current()
cleared = []
jax.clear_caches, clear = lambda: cleared.append(backend._n_compiled), jax.clear_caches
def use(key):
    return PROGRAMS.get(key, lambda: backend.compile(lambda x: x + key, None), xla=True)(1)
values = [int(use(key)) for key in range(150)]
assert values == list(range(1, 151))
print(json.dumps([len(cleared), len(PROGRAMS), PROGRAMS.n_xla, module._MOST_PROGRAMS]))
"""


def test_programs_are_dropped_before_there_are_too_many():
    """JAX frees nothing until all is dropped, and has no plain graph to give way to."""
    n_cleared, n_kept, n_xla, most = json.loads(run(PROGRAMS, KERAS_BACKEND="jax").stdout)
    assert n_cleared == 150 // most == 2
    assert n_kept == n_xla == 150 - 2 * most


def test_arrays_are_copied():
    run(
        "import numpy as np\n"
        "from sklearn_cnn import backends\n"
        "backend = backends.current()\n"
        "for n in (1, 1000, 10**6):\n"
        "    array = np.zeros(n, 'float32')\n"
        "    copy = backend.array(array)\n"
        "    array += 1\n"
        "    assert float(copy.max()) == 0\n",
        KERAS_BACKEND="jax",
    )


def test_products_keep_their_digits_unless_the_user_says_otherwise():
    """A GPU rounds the factors of a product to 10 bits where nothing is asked of it."""
    run(
        "import os\n"
        "from sklearn_cnn import backends\n"
        "before = dict(os.environ)  # scikit-learn has set some\n"
        "backend = backends.current()\n"
        "assert dict(os.environ) == before\n"
        "import jax\n"
        "product = jax.jit(lambda a: a @ a)\n"
        "def asked():\n"
        "    with backend.precision('float32'):\n"
        "        return product.lower(jax.numpy.ones((4, 4))).as_text()\n"
        "assert 'precision = [HIGHEST, HIGHEST]' in asked()\n"
        "assert jax.config.jax_default_matmul_precision is None\n"
        "jax.config.update('jax_default_matmul_precision', 'high')\n"
        "assert 'precision = [HIGH, HIGH]' in asked()\n",
        KERAS_BACKEND="jax",
    )
