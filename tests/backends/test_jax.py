import json

import pytest

from ._processes import run

# Every line is run once, in one process: starting JAX takes longer than these fits.
SCRIPT = """
import json, warnings
import numpy as np
warnings.simplefilter("ignore")
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.datasets import load_digits
from sklearn_cnn import CNNClassifier, MLPClassifier, backends
import jax
from jax import numpy as jnp

X, y = load_digits(return_X_y=True)
X, y = X[:300] / 15.3, y[:300]
answers = {"differences": {}}
for solver in ("adam", "sgd", "lbfgs"):
    for settings in ({}, {"early_stopping": True}):
        arguments = dict(hidden_layer_sizes=(20,), solver=solver, max_iter=12, random_state=0,
                         batch_size=32, alpha=0.1, **settings)
        ours, theirs = MLPClassifier(**arguments).fit(X, y), Theirs(**arguments).fit(X, y)
        answers["differences"][f"{solver} {settings}"] = max(
            float(np.abs(a - b).max()) for a, b in zip(ours.coefs_, theirs.coefs_)
        )
answers["backend"] = backends.current().name
answers["x64 afterwards"] = bool(jax.config.jax_enable_x64)
answers["dtype afterwards"] = str(jnp.ones(1).dtype)
single = MLPClassifier((20,), max_iter=5, random_state=0).fit(X.astype("float32"), y)
answers["dtype of float32"] = str(single.coefs_[0].dtype)
cnn = CNNClassifier(filters=(8,), hidden_layer_sizes=(20,), max_iter=25, random_state=0,
                    input_shape=(8, 8, 1), batch_size=20, dropout=0.1, batch_normalization=True)
answers["cnn"] = float(cnn.fit(X, y).score(X, y))
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


def test_convolutions_train(answers):
    assert answers["cnn"] > 0.9


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
        "before = dict(os.environ)\n"
        "from sklearn_cnn import backends\n"
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
