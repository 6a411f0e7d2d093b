"""The one entry that R calls: a command by its name, its arguments, and all that can go wrong.

A reply is always a dictionary, so that R, not the bridge, raises what Python raised:
``value``, or ``error`` (class names, message, traceback), or ``interrupted``; ``warnings`` in any
case.
"""

from __future__ import annotations

import _thread
import contextlib
import io
import os
import queue
import re
import runpy
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ._convert import pack, unpack

COMMANDS: dict[str, Callable[..., Any]] = {}
# Commands that look themselves whether Ctrl-C was pressed.
_ASKING: set[str] = set()

# These speak to who writes Python, not to who calls it from R.
_NOT_FOR_R = (
    DeprecationWarning,
    PendingDeprecationWarning,
    ImportWarning,
    ResourceWarning,
)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let R call this function by its name."""
    COMMANDS[function.__name__] = function
    return function


def command_that_asks_for_interrupts(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let R call this function, in which Ctrl-C raises nothing: it asks `INTERRUPTS.taken()`."""
    _ASKING.add(function.__name__)
    return command(function)


class Interrupts:
    """Ctrl-C while Python answers R: raised where a command works, noted elsewhere.

    An exception in between, while values are read or written, would be lost, and the answer with
    it.
    """

    def __init__(self) -> None:
        self._raises = False
        self._noted = False
        self._heard = False

    def arrived(self) -> None:
        """What the handler of the signal calls."""
        if self._raises:
            self._noted, self._heard = False, True
            raise KeyboardInterrupt
        self._noted = True

    def taken(self) -> bool:
        """Whether Ctrl-C was noted; it is then dealt with."""
        noted, self._noted = self._noted, False
        self._heard = self._heard or noted
        return noted

    def settled(self) -> bool:
        """Whether one was raised or taken since last asked; what was only noted is forgotten."""
        heard, self._heard, self._noted = self._heard, False, False
        return heard

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Within, Ctrl-C is a KeyboardInterrupt."""
        hook = sys.unraisablehook

        def unraisable(what: Any) -> None:
            if not issubclass(what.exc_type, KeyboardInterrupt):
                hook(what)
                return
            # It met a finalizer, which no exception leaves: once more, a moment later.
            self._noted, self._heard = True, False
            threading.Timer(0.01, self._repeat).start()

        sys.unraisablehook = unraisable
        try:
            self._raises = True
            if self.taken():
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False
            sys.unraisablehook = hook

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within, Ctrl-C waits: what is begun here must not be left half done."""
        raises, self._raises = self._raises, False
        try:
            yield
        finally:
            self._raises = raises
            if raises and self.taken():
                raise KeyboardInterrupt

    def _repeat(self) -> None:
        if self._raises and self._noted:
            interrupt_main_thread()


def interrupt_main_thread() -> None:
    """Ctrl-C for the main thread, which wakes up for it where the system allows that."""
    thread = threading.main_thread().ident
    if thread is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, signal.SIGINT)
    else:
        _thread.interrupt_main()


INTERRUPTS = Interrupts()


@command
def echo(x: Any) -> Any:
    """Return what came: for tests of the conversion in both directions."""
    return x


@command
def load_commands(path: str) -> None:
    """Run a file of Python whose functions, decorated with `command`, R may then call."""
    runpy.run_path(path)


def answer(program: Iterable[int], buffers: Iterable[np.ndarray]) -> tuple[np.ndarray, list]:
    """Answer one packed request ``[name, arguments]`` by one packed reply; raises nothing."""
    try:
        with _warnings_recorded() as recorded:
            reply = _result(program, buffers)
        if recorded:
            reply["warnings"] = [
                {
                    "classes": _class_names(item.category),
                    "message": _COLOURS.sub("", str(item.message)),
                }
                for item in recorded
            ]
        return pack(reply)
    except Exception as error:
        # Not let through: R would see NULL, and nothing of the exception.
        return pack({"error": _described(error)})


def _result(program: Iterable[int], buffers: Iterable[np.ndarray]) -> dict[str, Any]:
    try:
        name, arguments = unpack(program, buffers)
        function = _find(name)
        if name in _ASKING:
            return {"value": function(**(arguments or {}))}
        with INTERRUPTS.raised():
            return {"value": function(**(arguments or {}))}
    except KeyboardInterrupt:
        return {"interrupted": True}
    except BaseException as error:
        # SystemExit too: it must not end R.
        return {"error": _described(error)}


def _find(name: str) -> Callable[..., Any]:
    if os.getpid() != _PID:
        raise RuntimeError(
            "Python was started before this process was forked, and does not survive that."
        )
    if name not in COMMANDS:
        raise LookupError(f"r_bridge has no command '{name}'.")
    return COMMANDS[name]


_PID = os.getpid()
# Keras underlines its messages for terminals.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextlib.contextmanager
def _warnings_recorded() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        for category in _NOT_FOR_R:
            warnings.simplefilter("ignore", category)
        yield recorded


def _described(error: BaseException) -> dict[str, Any]:
    return {
        "classes": _class_names(type(error)),
        "message": _COLOURS.sub("", str(error)) or type(error).__name__,
        "traceback": "".join(traceback.format_exception(error)),
    }


def _class_names(kind: type) -> tuple[str, ...]:
    """Names for R's class vector, the most special first."""
    return tuple(base.__name__ for base in kind.__mro__ if issubclass(base, BaseException))


class Console(io.TextIOBase):
    """Python's standard output, written where R writes.

    R may be called from its own thread alone: text of other threads waits for the next word of
    that one, or for `flush`.
    """

    encoding = "utf-8"

    def __init__(self, emit: Callable[[str], None]):
        self._emit = emit
        self._thread = threading.get_ident()
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self._waiting.put(text.replace("\0", ""))
        self.flush()
        return len(text)

    def flush(self) -> None:
        if threading.get_ident() != self._thread:
            return
        words = []
        with contextlib.suppress(queue.Empty):
            while True:
                words.append(self._waiting.get_nowait())
        if text := "".join(words):
            with INTERRUPTS.held():
                self._emit(text)


@contextlib.contextmanager
def console(emit: Callable[[str], None]) -> Iterator[None]:
    """Send what Python prints through `emit`."""
    stdout, stderr = sys.stdout, sys.stderr
    stream = Console(emit)
    sys.stdout = sys.stderr = stream
    try:
        yield
    finally:
        stream.flush()
        sys.stdout, sys.stderr = stdout, stderr
