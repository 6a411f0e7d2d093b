"""Attach to the R in whose process this Python runs, or start an R inside this Python.

rpy2 carries the vectors. What it would do to an R session that is already alive is undone here,
remedy by remedy.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from . import _commands  # noqa: F401, registers what R may call
from ._convert import lay, r_dtype
from ._dispatch import INTERRUPTS, answer, console
from ._installation import mark

_get_handler = ctypes.pythonapi.PyOS_getsig
_get_handler.argtypes, _get_handler.restype = [ctypes.c_int], ctypes.c_void_p
_set_handler = ctypes.pythonapi.PyOS_setsig
_set_handler.argtypes, _set_handler.restype = (
    [ctypes.c_int, ctypes.c_void_p],
    ctypes.c_void_p,
)
# Python runs the handlers of signals some steps after they came.
_run_handlers = ctypes.pythonapi.PyErr_CheckSignals


# An entry that Python collects would abort R: this reference is kept for good.
_entry: Any = None


def attach() -> str | None:
    """Give the R around this Python its entry, as the option ``sklearncnn.entry``.

    Returns what went wrong, None if nothing did: called from R, where an exception would be lost.
    """
    try:
        from_r = _get_handler(signal.SIGINT)
        with _environment_kept():
            from rpy2 import rinterface

            rinterface.initr()
        # At its exit rpy2 would end an R that it did not start.
        atexit.unregister(rinterface.endr)
        from_python = _python_handler()
        # rpy2 has taken Ctrl-C; R gets it back while R works, Python has it while Python works.
        _set_handler(signal.SIGINT, from_r)
        _offer_entry(rinterface, from_python)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def embed(arguments: Sequence[str] = ()) -> Any:
    """Start an R inside this Python, with the entry in place; returns rpy2's interface.

    R sees `arguments` as ``commandArgs(TRUE)``.
    """
    with _environment_kept():
        from rpy2 import rinterface
        from rpy2.rinterface_lib import callbacks

        options: Any = ("rpy2", "--quiet", "--no-save", "--no-restore", "--args", *arguments)
        rinterface.embedded.set_initoptions(options)
        rinterface.initr(interactive=False)
    # Not through print: while Python answers R, that leads back to R's console.
    callbacks.consolewrite_print = partial(_write, 1)
    callbacks.consolewrite_warnerror = partial(_write, 2)
    callbacks.cleanup = _quit
    _offer_entry(rinterface, _python_handler())
    return rinterface


def interface() -> Any:
    """The R of this process: the one around this Python, or one that is started now.

    Ctrl-C stays Python's.
    """
    from rpy2 import rinterface
    from rpy2.rinterface_lib import callbacks, embedded

    if not embedded.isinitialized():
        handler = _get_handler(signal.SIGINT)
        with _environment_kept():
            options: Any = ("rpy2", "--quiet", "--no-save", "--no-restore")
            embedded.set_initoptions(options)
            rinterface.initr(interactive=False)
        _set_handler(signal.SIGINT, handler)
        callbacks.consolewrite_print = partial(_write, 1)
        callbacks.consolewrite_warnerror = partial(_write, 2)
    return rinterface


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", errors="replace")
    while data:
        data = data[os.write(descriptor, data) :]


def _quit(_save: Any, status: int, _run_last: Any) -> None:
    """R's quit(status = ): without this the status would be lost."""
    os._exit(status)


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """rpy2 empties PYTHONPATH and doubles LD_LIBRARY_PATH: restore what was there before."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def _offer_entry(rinterface: Any, handler: int) -> None:
    global _entry
    r = _library_of_r()
    # What R notes of a Ctrl-C for as long as it must not be interrupted.
    pending = ctypes.c_int.in_dll(r, "R_interrupts_pending")
    base, emit = rinterface.baseenv, _emitter(rinterface, r, pending)

    def entry(program: Any, buffers: Any) -> Any:
        with _python_has_interrupts(handler, pending), console(emit):
            views = [_view(vector) for vector in [program, *buffers]]
            packed = answer(views[0].tolist(), views[1:])
        return _reply(rinterface, *packed)

    # The signature must not be looked up: that reads R's frames and cannot see the caller's.
    _entry = rinterface.rternalize(entry, signature=False)
    installation = rinterface.StrSexpVector([sys.executable, mark()])
    base["options"](**{"sklearncnn.entry": _entry, "sklearncnn.installation": installation})


def _library_of_r() -> ctypes.PyDLL:
    from rpy2 import situation
    from rpy2.rinterface_lib import openrlib

    return ctypes.PyDLL(situation.get_rlib_path(str(openrlib.R_HOME), platform.system()))


def _emitter(rinterface: Any, r: ctypes.PyDLL, pending: ctypes.c_int) -> Callable[[str], None]:
    """A function that writes where R writes.

    R evaluates that while Python keeps its lock, not by rpy2, which lets go of it: R may collect
    garbage meanwhile, and what reticulate finalises then needs the lock. A Ctrl-C that R has not
    dealt with yet is put aside: R would deal with it here, where its handlers are not in sight.
    """
    from rpy2.rinterface_lib import openrlib

    address = ctypes.c_void_p
    for name, arguments in {
        "Rf_mkCharLenCE": [ctypes.c_char_p, ctypes.c_int, ctypes.c_int],
        "Rf_ScalarString": [address],
        "Rf_lang2": [address, address],
        "R_tryEval": [address, address, ctypes.POINTER(ctypes.c_int)],
        "Rf_protect": [address],
    }.items():
        getattr(r, name).argtypes, getattr(r, name).restype = arguments, address
    write = rinterface.evalr("function(text) { cat(text); utils::flush.console() }")
    utf8 = 1

    def emit(text: str) -> None:
        encoded, failed = text.encode("utf-8", errors="replace"), ctypes.c_int(0)
        kept, pending.value = pending.value, 0
        function = int(openrlib.ffi.cast("uintptr_t", write.__sexp__._cdata))
        words = r.Rf_protect(r.Rf_mkCharLenCE(encoded, len(encoded), utf8))
        call = r.Rf_protect(r.Rf_lang2(function, r.Rf_protect(r.Rf_ScalarString(words))))
        r.R_tryEval(call, address.in_dll(r, "R_GlobalEnv"), ctypes.byref(failed))
        r.Rf_unprotect(3)
        pending.value |= kept
        if failed.value:
            raise OSError("R's console takes no text.")

    return emit


def _view(vector: Any) -> np.ndarray:
    """R's own memory: to be copied before the call ends, never to be written.

    Not by rpy2's memoryview(): in 3.6 each of its calls takes a reference from None that it does
    not own, and after some ten thousand Python dies of that.
    """
    return np.asarray(vector).ravel(order="F")


def _reply(rinterface: Any, program: np.ndarray, buffers: list[np.ndarray]) -> Any:
    kinds = {
        np.dtype(np.float64): rinterface.FloatSexpVector,
        np.dtype(np.int32): rinterface.IntSexpVector,
        np.dtype(np.uint8): rinterface.ByteSexpVector,
    }

    def made(buffer: np.ndarray) -> Any:
        kind = kinds[r_dtype(buffer)]
        if buffer.ndim == 1 and buffer.dtype in kinds and buffer.flags["C_CONTIGUOUS"]:
            return kind.from_memoryview(buffer.data)
        vector = _allocated(kind, buffer.size)
        lay(buffer, np.asarray(vector))
        if buffer.ndim > 1:
            vector.do_slot_assign("dim", rinterface.IntSexpVector(buffer.shape))
        return vector

    together = rinterface.ListSexpVector.from_iterable([made(buffer) for buffer in buffers])
    return rinterface.ListSexpVector.from_iterable([made(program), together])


def _allocated(kind: Any, size: int) -> Any:
    """A vector of R that is still to be filled.

    Not by a call of R's `numeric()`: R would evaluate while Python has let go of its lock, and what
    reticulate finalises then crashes.
    """
    from rpy2.rinterface_lib import conversion, memorymanagement, openrlib

    with memorymanagement.rmemory() as memory:
        vector = memory.protect(openrlib.rlib.Rf_allocVector(kind._R_TYPE, size))
        return conversion._cdata_to_rinterface(vector)


_working = False


@contextlib.contextmanager
def _python_has_interrupts(handler: int, pending: ctypes.c_int) -> Iterator[None]:
    """Ctrl-C is Python's within, and goes where it went before afterwards."""
    global _working
    _run_handlers()  # of a Ctrl-C that R has dealt with
    _working = True
    before = _set_handler(signal.SIGINT, handler)
    try:
        if pending.value:  # R has one that it may not deal with
            pending.value = 0
            INTERRUPTS.arrived()
        yield
    finally:
        _set_handler(signal.SIGINT, before)
        _run_handlers()  # of one that has met Python in its last steps
        _working = False
        if INTERRUPTS.taken():
            signal.raise_signal(signal.SIGINT)  # too late for Python: R has it


def _python_handler() -> int:
    signal.signal(signal.SIGINT, _interrupted)
    return _get_handler(signal.SIGINT)


def _interrupted(_signal: int, frame: FrameType | None) -> None:
    """Tell who works, but not of a Ctrl-C that R has dealt with.

    reticulate's handler tells Python of those too, and Python hears of them when R calls next:
    before the entry is reached, where an exception would be lost, and the call with it.
    """
    if _working:
        INTERRUPTS.arrived()
        return
    while frame is not None:
        if frame.f_code.co_name == "_evaluate_in_r":
            return
        frame = frame.f_back
    raise KeyboardInterrupt
