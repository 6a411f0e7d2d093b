"""Python as a process beside R: answers requests until the R session is gone."""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from . import _commands  # noqa: F401, registers what R may call
from ._convert import Laid
from ._dispatch import INTERRUPTS, answer, console, interrupt_main_thread
from ._exchange import LONGEST, decode, encode
from ._installation import mark
from ._window import Block, Window

_INTERRUPT = b"interrupt\n"
# Seconds between two looks for Ctrl-C, and how many find nothing at work before they rest.
_BETWEEN_LOOKS = 0.02
_LOOKS_UNTIL_SLEEP = 50
# After a short request another is awaited awake for so many seconds: to be woken takes R and the
# worker as long as the rest of a short call.
_AWAKE = 0.0005 if (os.cpu_count() or 1) > 1 else 0.0


def serve(directory: Path) -> None:
    """Serve the R session that owns `directory`: its word is awaited on a local socket."""
    if hasattr(os, "setsid"):
        # Ctrl-C in the terminal is R's; R passes it on by a word.
        os.setsid()
    signal.signal(signal.SIGINT, lambda _signal, _frame: INTERRUPTS.arrived())
    connection = _await_r(directory)
    calls = Calls(connection, Window(directory))
    threading.Thread(target=calls.watch, daemon=True).start()
    try:
        while True:
            request = calls.begin()
            with console(lambda text: _send(connection, "print", text.encode("utf-8", "replace"))):
                reply = answer(*request)
            calls.reply(*reply)
            # Nothing long is kept until the next request comes.
            del request, reply
    except ConnectionError:
        _end(calls)


def _end(calls: Calls) -> None:
    """With R, everything ends, in the middle of a fit too; nothing is left behind."""
    calls.window.remove()
    shutil.rmtree(calls.window.directory, ignore_errors=True)
    os._exit(0)


class Calls:
    """R's words: its requests, one after the other, and whether a Ctrl-C belongs to one at work.

    Who waits for a request reads it: to hand it from thread to thread would take a quarter of what
    a short call takes. While a request is at work, a second thread looks for words again and again.
    """

    def __init__(self, connection: socket.socket, window: Window) -> None:
        self.window = window
        self._connection = connection
        self._received = bytearray()
        self._reading = threading.Lock()
        self._lock = threading.Lock()
        self._open = False
        self._looks = threading.Event()
        self._short = False

    def begin(self) -> tuple[list[int], list[np.ndarray]]:
        """Wait for the next request; its end is the end of all if R has gone."""
        with self._reading:
            if self._short:
                self._stay_awake()
            request = None
            while request is None:
                word, _, size = self._line().partition(" ")
                self._short = word == "call"
                if word == "call":
                    request = decode(self._taken(int(size)))
                elif word == "long":
                    request = self._long(int(size))
                # Else a Ctrl-C, too late for the request before.
            self._open = True
        if not self._looks.is_set():
            self._looks.set()
        return request

    def _stay_awake(self) -> None:
        until = time.perf_counter() + _AWAKE
        while time.perf_counter() < until:
            if select.select([self._connection], [], [], 0)[0]:
                return

    def _long(self, size: int) -> tuple[list[int], list[np.ndarray]] | None:
        """Such a request, when all blocks are there; None if there is no room, or R drops it."""
        try:
            path, message = self.window.open(), np.empty(size, np.uint8)
        except (OSError, MemoryError) as error:
            self._refuse(error)
            return None
        _send(self._connection, "window", str(path).encode())
        if not self._filled([message]):
            return None
        try:
            program, buffers = decode(message)
        except MemoryError as error:
            self._refuse(error)
            return None
        _send(self._connection, "next", b"")
        laid = [buffer for buffer in buffers if isinstance(buffer, Laid)]
        return (program, buffers) if self._filled(laid) else None

    def _filled(self, arrays: Sequence[np.ndarray]) -> bool:
        """Fill the arrays by what R sends; False if it drops them."""
        missing = sum(array.size for array in arrays)
        while missing:
            word, *numbers = self._line().split()
            if word == "drop":
                return False
            block = Block(*map(int, numbers))
            self.window.take(block, arrays)
            _send(self._connection, "next", b"")
            missing -= block.rows * block.columns
        return True

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
            _end(self)

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

    def reply(self, program: np.ndarray, buffers: list[np.ndarray]) -> None:
        """End the request by its reply."""
        message, apart = encode(program, buffers)
        if self.end():
            _send(self._connection, "heard", b"")
        if len(message) <= LONGEST and not apart:
            _send(self._connection, "reply", message)
            return
        try:
            path = self.window.open()
        except OSError as error:
            self._refuse(error)
            return
        _send(self._connection, "window", str(path).encode())
        _send(self._connection, "long", str(len(message)).encode())
        with self._reading:
            for arrays in ([np.frombuffer(message, np.uint8)], apart):
                sent = read = 0
                for sent, block in enumerate(self.window.put(arrays), 1):
                    _send(self._connection, "block", str(block).encode())
                    while read < sent - 1:
                        read += self._line() == "next"
                while read < sent:
                    read += self._line() == "next"

    def _refuse(self, error: Exception) -> None:
        words = f"There is no room for long arrays between R and its worker process: {error}."
        _send(self._connection, "refuse", words.encode())

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
        received = self._connection.recv(2 * LONGEST)
        if not received:
            raise ConnectionError("R has gone.")
        self._received += received


def _await_r(directory: Path) -> socket.socket:
    """Let in who knows the token, which lies where only this user can read."""
    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(120)
        port = listener.getsockname()[1]
        draft = directory / "draft"
        draft.write_text(f"{port}\n{token}\n{os.getpid()}\n{mark()}\n")
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
