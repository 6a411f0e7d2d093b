"""Python as a process beside R: answers requests until the R session is gone."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from . import _commands, _exchange  # noqa: F401, registers what R may call
from ._dispatch import INTERRUPTS, answer, console, interrupt_main_thread

# Replies of up to so many bytes go through the socket; `R/worker.R` has the same for requests.
_SHORT = 2**16
# Files of up to so many bytes stay for the next exchange.
_KEPT = 2**29
# Where a file is memory, as long as half of it is free.
_SHARED_MEMORY = Path("/dev/shm")
_INTERRUPT = b"interrupt\n"
# Seconds between two looks for Ctrl-C, and how many find nothing at work before they rest.
_BETWEEN_LOOKS = 0.02
_LOOKS_UNTIL_SLEEP = 50


def serve(directory: Path) -> None:
    """Serve the R session that owns `directory`: its word is awaited on a local socket."""
    if hasattr(os, "setsid"):
        # Ctrl-C in the terminal is R's; R passes it on by a word.
        os.setsid()
    signal.signal(signal.SIGINT, lambda _signal, _frame: INTERRUPTS.arrived())
    connection = _await_r(directory)
    store = Store(directory)
    calls = Calls(connection, store)
    threading.Thread(target=calls.watch, daemon=True).start()
    files = _exchange.Files()
    try:
        while True:
            request = calls.begin()
            with console(lambda text: _send(connection, "print", text.encode("utf-8", "replace"))):
                read = files.read if isinstance(request, Path) else _exchange.decode
                program, buffers = answer(*read(request))
            files.forget_longer_than(_KEPT)
            size = _exchange.size(program, buffers)
            if size <= _SHORT:
                word, content = "reply", _exchange.encode(program, buffers)
            else:
                path = store.room("reply", size)
                files.write(path, program, buffers)
                word, content = "file", str(path).encode()
            if calls.end():
                _send(connection, "heard", b"")
            _send(connection, word, content)
    except ConnectionError:
        _end(store)


def _end(store: Store) -> None:
    """With R, everything ends, in the middle of a fit too."""
    store.remove()
    os._exit(0)


class Calls:
    """R's words: its requests, one after the other, and whether a Ctrl-C belongs to one at work.

    Who waits for a request reads it: to hand it from thread to thread would take a quarter of what
    a short call takes. While a request is at work, a second thread looks for words again and again.
    """

    def __init__(self, connection: socket.socket, store: Store) -> None:
        self._connection = connection
        self._store = store
        self._received = bytearray()
        self._reading = threading.Lock()
        self._lock = threading.Lock()
        self._open = False
        self._looks = threading.Event()

    def begin(self) -> bytes | Path:
        """Wait for the next request; its end is the end of all if R has gone."""
        with self._reading:
            while True:
                name, _, size = self._line().partition(" ")
                if name == "room":
                    path = self._store.room("request", int(size))
                    _send(self._connection, "room", str(path).encode())
                elif name != "interrupt":  # too late for the request before
                    break
            request = Path(self._line()) if name == "file" else self._taken(int(size))
            self._open = True
        if not self._looks.is_set():
            self._looks.set()
        return request

    def watch(self) -> None:
        """Look for Ctrl-C, and whether R still lives, as long as there are requests."""
        idle = 0
        try:
            while True:
                self._looks.wait()
                time.sleep(_BETWEEN_LOOKS)
                idle = 0 if self._open else idle + 1
                if idle > _LOOKS_UNTIL_SLEEP:
                    self._looks.clear()
                    if self._open:  # begun in between
                        self._looks.set()
                self.look()
        except ConnectionError:
            _end(self._store)

    def look(self) -> None:
        """Take R's words, unless a request is awaited, where they belong to nobody."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            if select.select([self._connection], [], [], 0)[0]:
                self._receive()
            while self._received.startswith(_INTERRUPT):
                del self._received[: len(_INTERRUPT)]
                self._interrupt()
        finally:
            self._reading.release()

    def end(self) -> bool:
        """The request is answered; whether a Ctrl-C was heard, else R deals with it."""
        with self._lock:
            self._open = False
        return INTERRUPTS.settled()

    def _interrupt(self) -> None:
        with self._lock:
            if self._open:
                interrupt_main_thread()

    def _line(self) -> str:
        while (end := self._received.find(b"\n")) < 0:
            self._receive()
        return self._taken(end + 1).decode().rstrip("\n")

    def _taken(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive(self) -> None:
        received = self._connection.recv(2 * _SHORT)
        if not received:
            raise ConnectionError("R has gone.")
        self._received += received


class Store:
    """Files for long requests and replies: in shared memory where there is room."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._in_memory: Path | None = None

    def room(self, name: str, size: int) -> Path:
        """Path of a file of this many bytes."""
        with contextlib.suppress(OSError):
            if 2 * size < shutil.disk_usage(_SHARED_MEMORY).free:
                if self._in_memory is None:
                    self._in_memory = Path(
                        tempfile.mkdtemp(prefix="sklearncnn-", dir=_SHARED_MEMORY)
                    )
                return self._in_memory / name
        return self.directory / name

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._in_memory is not None:
            shutil.rmtree(self._in_memory, ignore_errors=True)


def _await_r(directory: Path) -> socket.socket:
    """Let in who knows the token, which lies where only this user can read."""
    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(120)
        port = listener.getsockname()[1]
        draft = directory / "draft"
        draft.write_text(f"{port}\n{token}\n{os.getpid()}\n")
        draft.rename(directory / "address")
        while True:
            connection, _ = listener.accept()
            connection.settimeout(10)
            try:
                if secrets.compare_digest(_line(connection), token):
                    connection.settimeout(None)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return connection
            except OSError:
                pass
            connection.close()


def _line(connection: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\n") and len(received) < 100:
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("closed before a line was complete")
        received += byte
    return received.decode("ascii", errors="replace").strip()


def _send(connection: socket.socket, word: str, content: bytes) -> None:
    """Word and length of the content in 16 bytes, then the content."""
    connection.sendall(f"{word:<6}{len(content):10d}".encode() + content)
