"""Python as a process beside R: answers requests until the R session is gone."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from pathlib import Path

from . import _commands, _exchange  # noqa: F401, registers what R may call
from ._dispatch import INTERRUPTS, answer, console, interrupt_main_thread

# Replies of up to so many bytes go through the socket; `R/worker.R` has the same for requests.
_SHORT = 2**16
# Files of up to so many bytes stay for the next exchange.
_KEPT = 2**29
# Where a file is memory, as long as half of it is free.
_SHARED_MEMORY = Path("/dev/shm")


def serve(directory: Path) -> None:
    """Serve the R session that owns `directory`: its word is awaited on a local socket."""
    if hasattr(os, "setsid"):
        # Ctrl-C in the terminal is R's; R passes it on by a word.
        os.setsid()
    signal.signal(signal.SIGINT, lambda _signal, _frame: INTERRUPTS.arrived())
    connection = _await_r(directory)
    calls = Calls()
    store = Store(directory)
    threading.Thread(target=_listen, args=(connection, calls, store), daemon=True).start()
    files = _exchange.Files()
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


class Calls:
    """Requests of R, one after the other, and whether a Ctrl-C belongs to the one at work."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[bytes | Path] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = False

    def put(self, request: bytes | Path) -> None:
        """R has sent a request."""
        self._open = True
        self._waiting.put(request)

    def begin(self) -> bytes | Path:
        """Wait for the next request."""
        return self._waiting.get()

    def interrupt(self) -> None:
        """R has sent Ctrl-C after its request: too late if that is answered."""
        with self._lock:
            if self._open:
                interrupt_main_thread()

    def end(self) -> bool:
        """The request is answered; whether a Ctrl-C was heard, else R deals with it."""
        with self._lock:
            self._open = False
        return INTERRUPTS.settled()


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


def _listen(connection: socket.socket, calls: Calls, store: Store) -> None:
    """Pass R's words on; with R, everything ends, in the middle of a fit too."""
    try:
        with connection.makefile("rb") as words:
            while word := words.readline():
                name, _, size = word.decode("ascii").strip().partition(" ")
                if name == "room":
                    _send(connection, "room", str(store.room("request", int(size))).encode())
                elif name == "interrupt":
                    calls.interrupt()
                elif name == "file":
                    calls.put(Path(words.readline().decode().rstrip("\n")))
                else:
                    calls.put(words.read(int(size)))
    finally:
        store.remove()
        os._exit(0)


def _send(connection: socket.socket, word: str, content: bytes) -> None:
    """Word and length of the content in 16 bytes, then the content."""
    connection.sendall(f"{word:<6}{len(content):10d}".encode() + content)
