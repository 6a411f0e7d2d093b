import subprocess
import sys
from importlib import metadata

import pytest

import sklearn_cnn


def shown(capsys):
    sklearn_cnn.show_versions()
    lines = [line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line]
    return {name.strip(): value for name, value in lines}


def test_versions_are_those_of_the_installed_packages(capsys):
    report = shown(capsys)
    assert report["python"].startswith(".".join(map(str, sys.version_info[:3])))
    for package in ("keras", "tensorflow", "scikit-learn", "numpy"):
        assert report[package] == metadata.version(package)


def test_a_package_that_is_missing_is_said_to_be_missing(capsys, monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert shown(capsys)["keras"] == "not installed"


def test_settings_are_shown_where_they_are_set(capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    report = shown(capsys)
    assert report["OMP_NUM_THREADS"] == "3"
    assert "XLA_FLAGS" not in report


@pytest.mark.parametrize(
    ("variable", "file", "expected"),
    [
        ("jax", '{"backend": "torch"}', "jax (KERAS_BACKEND)"),
        ("", '{"backend": "torch"}', "torch ("),
        ("", "{", "tensorflow (the default)"),
        ("", "[]", "tensorflow (the default)"),
        ("", None, "tensorflow (the default)"),
    ],
)
def test_the_backend_is_the_one_that_keras_would_take(
    variable, file, expected, capsys, monkeypatch, tmp_path
):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", variable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if file is not None:
        (tmp_path / "keras.json").write_text(file)
    assert shown(capsys)["Keras backend"].startswith(expected)


def test_nothing_large_is_imported_for_it():
    code = (
        "import sys, sklearn_cnn; sklearn_cnn.show_versions(); "
        "sys.exit(bool({'keras', 'tensorflow', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
