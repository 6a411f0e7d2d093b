"""Which executor TensorFlow trains with, and on how many threads."""

import subprocess
import sys

import pytest

from sklearn_cnn import backends
from sklearn_cnn.architectures import convolutional
from sklearn_cnn.backends import Executor
from tests.training._fits import fitted, plan_for, some_rows

from ._processes import run

pytestmark = pytest.mark.skipif(
    backends.current().name != "tensorflow",
    reason="other backends have one executor, and take their threads from the environment",
)


@pytest.mark.parametrize(
    ("dense", "n_steps", "step_flops", "xla", "expected"),
    [
        (True, 1140, 1.4e6, True, Executor.XLA),
        (True, 1140, 1.4e6, False, Executor.SERIAL),
        (True, 180, 9e6, True, Executor.SERIAL),
        (True, 180, 4e8, True, Executor.GRAPH),
        (False, 1140, 1.4e6, True, Executor.VARIABLES),
    ],
)
def test_long_fits_are_compiled_and_short_ones_run_on_the_threads_that_pay(
    dense, n_steps, step_flops, xla, expected
):
    chosen = backends.current().executor(
        dense=dense, n_steps=n_steps, step_flops=step_flops, xla=xla
    )
    assert chosen is expected


def test_convolutions_are_updated_in_place():
    architecture = convolutional((8, 8, 1), 3, "softmax", filters=(3,), hidden_layer_sizes=())
    result = fitted(plan_for(architecture, "sgd"), some_rows(dtype="float32", shape=(8, 8, 1)))
    assert result.executor == "variables"


def test_a_serial_program_ends_where_tensorflow_has_one_thread():
    script = """
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
from sklearn.datasets import load_iris
from sklearn_cnn import MLPClassifier
from sklearn_cnn.training import loop
train = loop._train_compiled
def reporting(*arguments, **options):
    result = train(*arguments, **options)
    print(result.executor, result.n_epochs)
    return result
loop._train_compiled = reporting
X, y = load_iris(return_X_y=True)
MLPClassifier(max_iter=5, random_state=0, n_iter_no_change=50).fit(X, y)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["serial", "5"], done.stderr[-2000:]


def test_a_worker_of_joblib_takes_the_threads_it_is_granted():
    done = run(
        "from joblib import Parallel, delayed, parallel_config\n"
        "def threads():\n"
        "    from sklearn_cnn import backends\n"
        "    backends.start()\n"
        "    import tensorflow as tf\n"
        "    return tf.config.threading.get_intra_op_parallelism_threads()\n"
        "with parallel_config('loky', inner_max_num_threads=1):\n"
        "    print(Parallel(n_jobs=2)(delayed(threads)() for _ in range(2)))\n"
    )
    assert done.stdout.strip() == "[1, 1]"


def test_the_first_product_is_made_once_and_its_failure_is_no_error():
    done = run(
        "import threading\n"
        "import tensorflow as tf\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn_cnn import MLPClassifier\n"
        "began, start, product = [], threading.Thread.start, tf.raw_ops.MatMul\n"
        "def noting(thread):\n"
        "    if thread.name == 'first product':\n"
        "        began.append(thread)\n"
        "    start(thread)\n"
        "def failing(**arguments):\n"
        "    product(**arguments)\n"
        "    raise tf.errors.ResourceExhaustedError(None, None, 'no memory')\n"
        "threading.Thread.start, tf.raw_ops.MatMul = noting, failing\n"
        "X, y = load_iris(return_X_y=True)\n"
        "for width in (3, 4):\n"
        "    MLPClassifier((width,), max_iter=2, n_iter_no_change=50).fit(X, y)\n"
        "began[0].join()\n"
        "print(len(began), MLPClassifier((3,), max_iter=2).fit(X, y).n_iter_)\n"
    )
    assert done.stdout.split() == ["1", "2"]
    assert "Traceback" not in done.stderr
