"""Python as a process beside R: answers requests until the R session is gone."""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import signal
import socket
import threading
from pathlib import Path

from . import _commands, _datasets, _exchange, _models  # noqa: F401, registers what R may call
from ._dispatch import answer, console


def serve(directory: Path) -> None:
    """Serve the R session that owns `directory`: its word is awaited on a local socket."""
    if hasattr(os, "setsid"):
        # Ctrl-C in the terminal is R's; R passes it on.
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = _await_r(directory)
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, calls, directory), daemon=True).start()
    while True:
        calls.get()
        with console(lambda text: _print(connection, text)):
            _answer_file(directory)
        connection.sendall(b"reply\n")


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


def _listen(connection: socket.socket, calls: queue.SimpleQueue[str], directory: Path) -> None:
    """Pass R's words on; with R, everything ends, in the middle of a fit too."""
    try:
        while True:
            calls.put(_line(connection))
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        os._exit(0)


def _answer_file(directory: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        program, buffers = answer(*_exchange.read(directory / "request"))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _exchange.write(directory / "reply", program, buffers)


def _print(connection: socket.socket, text: str) -> None:
    encoded = text.encode("utf-8", errors="replace")
    connection.sendall(f"print {len(encoded)}\n".encode() + encoded)
