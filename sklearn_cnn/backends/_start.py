"""Starting Keras: once, late, quietly, and never in a forked child."""

import contextlib
import os
import random
import re
import sys
import tempfile
import threading
import warnings

import numpy as np

from sklearn_cnn.compat import import_tensorflow_in

from .compilation_cache import compilation_cache_in_use

_LOCK = threading.RLock()
_started_in: int | None = None

# What TensorFlow writes at every start on a machine without a GPU, past its own log level.
_ROUTINE = re.compile(
    r"^[IW]\d{4} |^WARNING: All log messages before absl|failed call to cuInit"
    r"|computation_placer|Unable to register cu\w+ factory|^To enable the following instructions"
    r"|^\s*$"
)


def start() -> str:
    """Import Keras where this has not happened yet; return the name of its backend.

    Raises
    ------
    RuntimeError
        In a child that was forked from a process in which Keras had started: its thread pools
        did not survive the fork, so that training would hang.
    """
    global _started_in
    if _started_in is None or _started_in != os.getpid():
        with _LOCK:
            _refuse_forked_child()
            if _started_in is None:
                _import_keras()
                _started_in = os.getpid()
    import keras

    return keras.config.backend()


def import_keras():
    """Import Keras as the estimators do: quietly, and with nothing changed in this process.

    Returns
    -------
    module
        ``keras``.

    Raises
    ------
    RuntimeError
        In a child that was forked from a process in which Keras had started.

    Examples
    --------
    >>> from sklearn_cnn import import_keras
    >>> keras = import_keras()
    >>> keras.__name__
    'keras'
    """
    start()
    import keras

    return keras


def _refuse_forked_child() -> None:
    if _started_in is not None and _started_in != os.getpid():
        raise RuntimeError(
            f"This process ({os.getpid()}) was forked from process {_started_in}, in which Keras "
            "had already started. Its backend does not survive a fork. Start workers with "
            "joblib's 'loky' backend (the default of n_jobs) or the 'spawn' start method."
        )


def _import_keras() -> None:
    if "keras" in sys.modules:
        import keras

        with _quietly_and_without_trace():
            _configure(keras.config.backend())
    else:
        with compilation_cache_in_use(), _quietly_and_without_trace():
            import keras

            _configure(keras.config.backend())
    if keras.config.backend() != "tensorflow":
        # Keras imports it there too, where it is installed, once it serializes anything.
        import_tensorflow_in(_quietly_and_without_trace)


@contextlib.contextmanager
def _quietly_and_without_trace():
    """What an import of TensorFlow must happen in."""
    environment = dict(os.environ)
    streams = random.getstate(), np.random.get_state()
    try:
        with _routine_messages_held_back(), warnings.catch_warnings():
            # Of Keras on a NumPy that is as old as it may be.
            warnings.simplefilter("ignore", FutureWarning)
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
            yield
    finally:
        random.setstate(streams[0])
        np.random.set_state(streams[1])
        # TensorFlow leaves half a dozen variables behind; the environment is the user's.
        for name in set(os.environ) - set(environment):
            del os.environ[name]


def _configure(name: str) -> None:
    if name == "tensorflow":
        from . import tensorflow

        tensorflow.configure(worker_threads())
    elif name == "jax":
        from . import jax

        jax.configure()


def worker_threads() -> int | None:
    """Threads that joblib grants a worker process, or None in any other process."""
    import multiprocessing

    if not multiprocessing.current_process().name.startswith("Loky"):
        return None
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return int(threads) if threads.isdigit() and int(threads) > 0 else None


@contextlib.contextmanager
def _routine_messages_held_back():
    """Hold back what C++ code writes to stderr, then let through what is not routine."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush() if sys.stderr else None
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not _ROUTINE.search(line):
                    os.write(2, (line + "\n").encode())
