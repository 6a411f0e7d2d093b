"""Commands that show R what Python has received, and that misbehave."""

import os
import sys
import threading
import time
import warnings

import numpy as np

from r_bridge._dispatch import command


@command
def describe(x):
    contiguous = isinstance(x, np.ndarray) and x.flags["C_CONTIGUOUS"]
    return {
        "class": type(x).__name__,
        "dtype": str(getattr(x, "dtype", "")),
        "shape": tuple(np.shape(x)) or None,
        "contiguous": contiguous,
    }


@command
def element(x, index):
    return x[tuple(np.atleast_1d(index))]


@command
def labels(x):
    return x.labels()


@command
def reply_with(what):
    return {
        "large": np.array([2**40, 1]),
        "too large": np.array([2**60]),
        "int": 3,
        "large int": 2**40,
        "float32": np.array([0.5, 2.0], np.float32),
        "tuple": (1, 2, 3),
        "texts": ("a", None),
        "fortran": np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        "sliced": np.arange(12).reshape(3, 4)[:, ::2],
        "zero": "a\0b",
        "set": {1},
        "nested": {"a": [1, {"b": {2}}]},
        "uint8": np.array([[1, 2], [3, 4]], np.uint8),
        "texts of NumPy": np.array(["x", "yy"]),
    }[what]


@command
def fail(kind):
    if kind == "exit":
        sys.exit(3)
    if kind == "nested":
        try:
            os.environ["NO_SUCH_VARIABLE"]
        except KeyError as error:
            raise RuntimeError("no entry") from error
    if kind == "unicode":
        raise UnicodeError("no text")
    raise ValueError(f"\u00e9 {kind} is wrong")


@command
def warn(n):
    for index in range(n):
        warnings.warn(f"warning {index + 1}", RuntimeWarning, stacklevel=1)
    warnings.warn("not for R", DeprecationWarning, stacklevel=1)
    return n


@command
def limit_files(size):
    """Files may have so many bytes from now on; -1: as many as they like."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), hard))


@command
def zeros(n):
    return np.zeros(int(n))


@command
def say(text, to="stdout"):
    print(text, file=getattr(sys, to))


@command
def say_in_thread(text):
    thread = threading.Thread(target=print, args=(text,))
    thread.start()
    thread.join()


@command
def die(signal_number):
    os.kill(os.getpid(), signal_number)
    time.sleep(10)


@command
def nap(seconds, catch=False):
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        if not catch:
            raise
        return "interrupted in Python"
    return "slept"


@command
def count_none():
    return sys.getrefcount(None)
