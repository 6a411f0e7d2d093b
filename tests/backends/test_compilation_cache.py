import hashlib
import os
import stat
import sys

import pytest

from sklearn_cnn.backends import compilation_cache
from sklearn_cnn.backends.compilation_cache import enable_compilation_cache

from ._processes import run

FIT = """
import numpy as np
from sklearn_cnn import MLPClassifier, backends
from sklearn_cnn.backends import Executor
backends.current().executor = lambda **_: Executor.XLA
before = dict(os.environ)
X = np.random.RandomState(0).normal(size=(30, 4))
MLPClassifier((3,), max_iter=300, tol=1e-1, random_state=0).fit(X, X[:, 0] > 0)
assert dict(os.environ) == before
"""


def programs(folder):
    """Those of epochs. Backends keep some small ones of their own, too, now one, now another."""
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in contents.items()
        if b"run_batches" in name.encode() + content and not name.endswith("atime")
    }


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_second_process_loads_what_the_first_one_compiled(backend, tmp_path):
    script = f"""
import os
os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
import sklearn_cnn
sklearn_cnn.enable_compilation_cache({str(tmp_path)!r})
{FIT}
"""
    first = run(script, KERAS_BACKEND=backend)
    (folder,) = tmp_path.iterdir()
    compiled = programs(folder)
    assert compiled
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    second = run(script, KERAS_BACKEND=backend)
    assert programs(folder) == compiled
    printed = first.stdout + first.stderr + second.stdout + second.stderr
    # TensorFlow 2.20 takes each program that it loads for another format at first, and says so.
    assert [line for line in printed.splitlines() if "text_format.cc" not in line] == []


BEFORE = {
    "one tensor": "import tensorflow; tensorflow.constant(1.0)",
    "late first product": """
import time
from sklearn_cnn.backends import tensorflow
product = tensorflow._first_product
tensorflow._first_product = lambda: (time.sleep(3), product())
""",
    "another fit": """
from sklearn_cnn import MLPRegressor
MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])
""",
}


@pytest.mark.parametrize("before", BEFORE)
def test_tensorflow_finds_a_program_whatever_came_before_it(before, tmp_path):
    start = "import os\nfrom sklearn_cnn import backends\nbackends.current()\n"
    kept = {"KERAS_BACKEND": "tensorflow", "SKLEARN_CNN_CACHE": str(tmp_path)}
    run(start + FIT, **kept)
    (folder,) = tmp_path.iterdir()
    compiled = programs(folder)
    assert len(compiled) == 1
    run(start + BEFORE[before] + FIT, **kept)
    assert programs(folder) == compiled


def test_no_two_functions_of_tensorflow_get_one_name_where_programs_are_kept(tmp_path):
    """SiLU's gradient is registered by a name that must be new, also when it is traced again."""
    script = """
import numpy as np
from sklearn_cnn import MLPRegressor
from sklearn_cnn.backends.programs import PROGRAMS
X = np.random.RandomState(0).normal(size=(30, 4))
def fitted(activation):
    network = MLPRegressor(hidden_layer_sizes=(3,), activation=activation, random_state=0)
    return network.set_params(max_iter=200, batch_size=6, tol=0.0).fit(X, X[:, 0]).predict(X)
silu, tanh = fitted("silu"), fitted("tanh")
PROGRAMS.clear()
assert np.array_equal(fitted("tanh"), tanh)
assert np.array_equal(fitted("silu"), silu)
assert abs(silu - tanh).max() > 1e-3
"""
    kept = {"KERAS_BACKEND": "tensorflow", "SKLEARN_CNN_CACHE": str(tmp_path)}
    run(script, **kept)
    (folder,) = tmp_path.iterdir()
    assert len(programs(folder)) == 4
    compiled = programs(folder)
    run(script, **kept)
    assert programs(folder) == compiled


def test_the_environment_variable_does_the_same(tmp_path):
    run("import os\n" + FIT, SKLEARN_CNN_CACHE=str(tmp_path))
    assert any(path.is_file() for path in tmp_path.glob("*/*"))


def test_without_being_asked_nothing_is_written(tmp_path):
    run("import os\n" + FIT, XDG_CACHE_HOME=str(tmp_path), SKLEARN_CNN_CACHE="")
    assert not (tmp_path / "sklearn_cnn").exists()


def test_it_must_be_asked_for_before_tensorflow_is_imported(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    with pytest.raises(RuntimeError, match="tensorflow.* imported before.*first fit"):
        enable_compilation_cache(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.fixture
def nothing_imported(monkeypatch):
    monkeypatch.setattr(compilation_cache, "_READERS", ())
    monkeypatch.setenv("SKLEARN_CNN_CACHE", "")


def test_the_default_is_the_users_cache_folder(nothing_imported, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert enable_compilation_cache() == str(tmp_path / "sklearn_cnn")
    assert os.environ["SKLEARN_CNN_CACHE"] == str(tmp_path / "sklearn_cnn")
    assert stat.S_IMODE((tmp_path / "sklearn_cnn").stat().st_mode) == 0o700


def test_a_second_call_with_the_same_directory_is_fine_at_any_time(
    nothing_imported, monkeypatch, tmp_path
):
    enable_compilation_cache(tmp_path)
    monkeypatch.setattr(compilation_cache, "_READERS", ("sys",))
    assert enable_compilation_cache(tmp_path) == str(tmp_path)


def test_a_folder_that_others_can_write_to_is_refused(nothing_imported, tmp_path):
    enable_compilation_cache(tmp_path)
    (folder,) = tmp_path.iterdir()
    folder.chmod(0o777)
    os.environ["SKLEARN_CNN_CACHE"] = ""
    with pytest.raises(PermissionError, match="open to other users.*mode 700"):
        enable_compilation_cache(tmp_path)


def test_the_oldest_programs_go_when_all_are_too_large(monkeypatch, tmp_path):
    monkeypatch.setattr(compilation_cache, "_MAX_BYTES", 250)
    for age, folder in enumerate(["new", "old", "older"]):
        path = tmp_path / folder / "program"
        path.parent.mkdir()
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 - age, 1000 - age))
    compilation_cache._delete_oldest(tmp_path)
    assert sorted(path.parent.name for path in tmp_path.glob("*/*")) == ["new", "old"]


def test_too_late_an_environment_variable_is_said_to_have_no_effect(monkeypatch, tmp_path):
    monkeypatch.setenv("SKLEARN_CNN_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    with (
        pytest.warns(UserWarning, match="SKLEARN_CNN_CACHE has no effect: tensorflow"),
        compilation_cache.compilation_cache_in_use(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
