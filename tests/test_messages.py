"""Messages are as they were when they were last read."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent


# Errors that no case raises, by module: how many, and why.
NOT_PRINTED = {
    "architectures/_description.py": (2, "of descriptions read from files: tests/persistence"),
    "architectures/activations.py": (2, "of descriptions and other processes: their own tests"),
    "architectures/autoencoding.py": (2, "estimators check these parameters first"),
    "architectures/convolutional.py": (5, "estimators check these parameters first"),
    "architectures/given.py": (7, "rarities of subclassed models: tests/architectures"),
    "architectures/lenet.py": (2, "estimators do not offer these parameters"),
    "backends/__init__.py": (1, "needs another backend: tests/backends"),
    "backends/_start.py": (1, "needs a fork: tests/estimators/test_processes.py"),
    "backends/compilation_cache.py": (1, "needs another user's folder: tests/backends"),
    "backends/torch.py": (2, "needs PyTorch"),
    "datasets/_formats.py": (10, "damaged files: tests/test_datasets.py, _of_keras.py"),
    "datasets/_keras_files.py": (6, "damaged or missing files: tests/test_datasets_of_keras.py"),
    "encoding/weights.py": (1, "scikit-learn refuses a missing y first"),
    "estimators/_given.py": (1, "a rarity of subclassed models: test_keras_model.py"),
    "estimators/keras_model.py": (2, "rarities of subclassed models: test_keras_model.py"),
    "parallel.py": (2, "joblib's own rules: tests/test_parallel.py"),
    "persistence/": (74, "damaged and hostile files: tests/persistence/test_hostile.py"),
    "training/compiled_fit.py": (4, "the R side's way to fit: tests/training"),
    "training/losses.py": (1, "a response that no Keras loss has"),
}


@pytest.fixture(scope="module")
def missing(tmp_path_factory):
    return tmp_path_factory.mktemp("messages") / "missing.txt"


@pytest.fixture(scope="module")
def printed(missing):
    """In a process of its own, where no other test has imported or switched anything."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.messages", "--missing", str(missing)],
        cwd=HERE.parent,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # As SciPy said it up to 1.14.
    return done.stdout.replace("ABNORMAL_TERMINATION_IN_LNSRCH", "ABNORMAL: ")


def test_messages_are_those_that_were_read(printed):
    """After a change: read it as a user would, then ``make messages > tests/messages.txt``."""
    assert printed.splitlines() == (HERE / "messages.txt").read_text().splitlines()


def test_every_error_of_the_package_is_among_them(printed, missing):
    counts = Counter()
    for line in missing.read_text().splitlines():
        module = line.partition(":")[0]
        counts["persistence/" if module.startswith("persistence/") else module] += 1
    beyond = {module: n for module, n in counts.items() if n > NOT_PRINTED.get(module, (0,))[0]}
    assert beyond == {}, missing.read_text()


def test_every_case_raises_or_warns(printed):
    assert "NOTHING WAS RAISED" not in printed


def test_messages_end_as_sentences_and_hold_no_slots(printed):
    messages = [line for line in printed.splitlines() if line.startswith("    ") and ": " in line]
    assert len(messages) > 100
    assert not [line for line in messages if "{" in line and "}" not in line]
    assert not [line for line in messages if "Something went wrong" in line]
