"""What a report of a problem should say: versions, backend and the settings that change a fit."""

import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "sklearn-cnn",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "scikit-learn",
    "numpy",
    "scipy",
    "joblib",
    "pandas",
    "polars",
    "matplotlib",
    "rpy2-rinterface",
)

# Settings from outside that change what is computed, where, or with how many threads.
_SETTINGS = (
    "KERAS_BACKEND",
    "KERAS_HOME",
    "SKLEARN_CNN_CACHE",
    "SKLEARN_CNN_DATA",
    "CUDA_VISIBLE_DEVICES",
    "JAX_PLATFORMS",
    "OMP_NUM_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)


def show_versions() -> None:
    """Print versions, Keras backend and settings, to go into a report of a problem.

    Nothing is imported for it: versions are those of the installed packages, so it also answers
    where one of them cannot be imported. Variables of the environment that are not set are left
    out.

    Examples
    --------
    >>> import sklearn_cnn
    >>> sklearn_cnn.show_versions()
    <BLANKLINE>
    System:
                python: 3...
    """
    for title, entries in (
        ("System", _system()),
        ("Packages", _packages()),
        ("Settings", _settings()),
    ):
        print(f"\n{title}:")
        for name, value in entries:
            print(f"{name:>22}: {value}")


def _system() -> Iterator[tuple[str, str]]:
    yield "python", sys.version.replace("\n", " ")
    yield "executable", sys.executable
    yield "machine", platform.platform()
    yield "cores", str(os.cpu_count())


def _packages() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not installed"


def _settings() -> Iterator[tuple[str, str]]:
    yield "Keras backend", _keras_backend()
    for name in _SETTINGS:
        if name in os.environ:
            yield name, os.environ[name]


def _keras_backend() -> str:
    """Which backend Keras uses, or will use once it is imported, and what says so."""
    if "keras" in sys.modules:
        return f"{sys.modules['keras'].config.backend()} (Keras is imported)"
    if os.environ.get("KERAS_BACKEND"):
        return f"{os.environ['KERAS_BACKEND']} (KERAS_BACKEND)"
    file = Path(os.environ.get("KERAS_HOME") or "~/.keras", "keras.json").expanduser()
    try:
        return f"{json.loads(file.read_text())['backend']} ({file})"
    except (OSError, ValueError, TypeError, KeyError):
        return "tensorflow (the default)"
