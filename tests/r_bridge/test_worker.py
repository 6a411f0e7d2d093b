"""The worker's part of an exchange: R's words, and which request a Ctrl-C belongs to."""

import signal
import socket
import threading
from pathlib import Path

import pytest

from r_bridge._dispatch import INTERRUPTS
from r_bridge._worker import Calls, Store


@pytest.fixture(autouse=True)
def handler():
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: INTERRUPTS.arrived())
    yield
    signal.signal(signal.SIGINT, before)
    INTERRUPTS.settled()


@pytest.fixture
def r_and_calls(tmp_path):
    """R's end of the socket, and the worker's reader at the other."""
    r, worker = socket.socketpair()
    with r, worker:
        yield r, Calls(worker, Store(tmp_path))


REQUEST = b"call 7\nrequest"


def test_ctrl_c_belongs_to_the_request_at_work(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    assert calls.begin() == b"request"
    r.sendall(b"interrupt\n")
    with pytest.raises(KeyboardInterrupt), INTERRUPTS.raised():
        calls.look()
    assert calls.end()


def test_one_that_comes_with_the_request_is_kept_for_it(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST + b"interrupt\n")
    calls.begin()
    calls.look()
    with pytest.raises(KeyboardInterrupt), INTERRUPTS.raised():
        pass
    assert calls.end()


def test_one_that_nobody_heard_is_left_to_r(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    calls.begin()
    with INTERRUPTS.raised():
        pass
    r.sendall(b"interrupt\n")
    calls.look()
    assert not calls.end()
    assert not INTERRUPTS.taken()


@pytest.mark.parametrize("looked", [True, False])
def test_one_that_comes_after_the_answer_meets_nobody(r_and_calls, looked):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    calls.begin()
    calls.end()
    r.sendall(b"interrupt\n" + REQUEST)
    if looked:
        calls.look()
    assert calls.begin() == b"request"
    calls.look()
    assert not INTERRUPTS.taken()


def test_a_look_leaves_the_next_request_where_it_is(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    calls.begin()
    calls.end()
    r.sendall(b"call 6\nse")
    calls.look()
    r.sendall(b"cond")
    assert calls.begin() == b"second"


def test_nobody_looks_while_a_request_is_awaited(r_and_calls):
    r, calls = r_and_calls
    begun = []
    waiting = threading.Thread(target=lambda: begun.append(calls.begin()))
    waiting.start()
    while not calls._reading.locked():
        pass
    r.sendall(b"call 7\n")
    calls.look()
    r.sendall(b"request")
    waiting.join()
    assert begun == [b"request"]


def test_long_requests_are_named_by_their_file(r_and_calls):
    r, calls = r_and_calls
    r.sendall(b"room 80\nfile\n/some/where\n")
    assert calls.begin() == Path("/some/where")
    word, _, path = r.recv(1000).partition(b"    ")
    assert word == b"room"
    assert path.endswith(b"request")


def test_that_r_has_gone_is_seen_in_waiting_and_in_looking(r_and_calls):
    r, calls = r_and_calls
    r.close()
    with pytest.raises(ConnectionError):
        calls.look()
    with pytest.raises(ConnectionError):
        calls.begin()
