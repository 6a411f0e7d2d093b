import json

import pytest

from ._processes import run


def start_without_level(script):
    """As in a user's shell: the tests' own setting is taken out first."""
    return run("import os; os.environ.pop('TF_CPP_MIN_LOG_LEVEL', None)\n" + script)


def test_starting_prints_nothing_and_leaves_the_environment_as_it_was():
    done = start_without_level(
        "import json\n"
        "before = dict(os.environ)\n"
        "from sklearn_cnn import backends\n"
        "backends.start()\n"
        "after = dict(os.environ)\n"
        "changed = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}\n"
        "assert not changed, changed\n"
    )
    assert done.stdout == ""
    assert done.stderr == ""


def test_a_fit_prints_nothing_and_draws_from_no_global_stream():
    done = start_without_level(
        "import random, numpy as np\n"
        "from sklearn_cnn import MLPClassifier\n"
        "from sklearn.datasets import make_classification\n"
        "X, y = make_classification(50, random_state=0)\n"
        "random.seed(1); np.random.seed(1)\n"
        "mlp = MLPClassifier((5,), max_iter=300, tol=1e-2, random_state=0, dropout=0.5)\n"
        "mlp.fit(X, y).predict(X)\n"
        "first = random.random(), np.random.random()\n"
        "random.seed(1); np.random.seed(1)\n"
        "assert first == (random.random(), np.random.random())\n"
    )
    assert done.stdout == ""
    assert done.stderr == ""


def test_errors_of_tensorflow_are_still_seen():
    done = start_without_level(
        "from sklearn_cnn.backends import _start\n"
        "with _start._routine_messages_held_back():\n"
        "    os.write(2, b'I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "    os.write(2, b'E0000 00:00:1.2 3 file.cc:1] something is broken\\n')\n"
    )
    assert done.stderr == "E0000 00:00:1.2 3 file.cc:1] something is broken\n"


def test_importing_the_package_imports_no_backend():
    done = run(
        "import sys, json, sklearn_cnn\n"
        "from sklearn_cnn import MLPClassifier\n"
        "print(json.dumps([m for m in ('tensorflow', 'keras', 'jax') if m in sys.modules]))\n"
    )
    assert json.loads(done.stdout) == []


def test_a_forked_child_says_so_instead_of_hanging():
    done = run(
        "import os, sys, time\n"
        "from sklearn_cnn import backends\n"
        "backends.start()\n"
        "if os.fork() == 0:\n"
        "    began = time.monotonic()\n"
        "    try:\n"
        "        backends.start()\n"
        "    except RuntimeError as error:\n"
        "        print(error, flush=True)\n"
        "    os._exit(0 if time.monotonic() - began < 1 else 1)\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 0\n"
        "backends.start()\n"
    )
    assert "was forked from process" in done.stdout
    assert "Start workers with joblib's 'loky' backend" in done.stdout


def test_a_child_that_was_forked_before_keras_started_may_train():
    run(
        "import os\n"
        "from sklearn_cnn import backends\n"
        "if os.fork() == 0:\n"
        "    backends.start()\n"
        "    os._exit(0)\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 0\n"
    )


def test_a_backend_that_cannot_train_is_named(monkeypatch):
    from sklearn_cnn import backends

    monkeypatch.setattr(backends, "start", lambda: "openvino")
    with pytest.raises(RuntimeError, match="'openvino', which trains no networks.*KERAS_BACKEND"):
        backends.current()
