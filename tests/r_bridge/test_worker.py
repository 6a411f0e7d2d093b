"""The worker's part of an exchange: R's words, and which request a Ctrl-C belongs to."""

import signal
import socket
import threading

import numpy as np
import pytest

from r_bridge._dispatch import INTERRUPTS
from r_bridge._exchange import decode, encode
from r_bridge._window import Block, Window
from r_bridge._worker import Calls


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
    window = Window(tmp_path)
    with r, worker:
        yield r, Calls(worker, window)
    window.remove()


def message(number):
    return bytes(encode(np.array([number], np.int32), [])[0])


REQUEST = b"call %d\n" % len(message(1)) + message(1)


def program(request):
    return request[0]


def test_ctrl_c_belongs_to_the_request_at_work(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    assert program(calls.begin()) == [1]
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
    assert program(calls.begin()) == [1]
    calls.look()
    assert not INTERRUPTS.taken()


def test_a_look_leaves_the_next_request_where_it_is(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    calls.begin()
    calls.end()
    r.sendall(REQUEST[:-6])
    calls.look()
    r.sendall(REQUEST[-6:])
    assert program(calls.begin()) == [1]


def test_nobody_looks_while_a_request_is_awaited(r_and_calls):
    r, calls = r_and_calls
    begun = []
    waiting = threading.Thread(target=lambda: begun.append(calls.begin()))
    waiting.start()
    while not calls._reading.locked():
        pass
    r.sendall(REQUEST[:9])
    calls.look()
    r.sendall(REQUEST[9:])
    waiting.join()
    assert [program(request) for request in begun] == [[1]]


LONG = np.random.default_rng(0).random((8000, 11, 31)).astype(np.float32)


def begin_sending(r, calls):
    """R's word of a long request, and the worker's answer to it."""
    begun = []
    waiting = threading.Thread(target=lambda: begun.append(calls.begin()))
    waiting.start()
    r.sendall(b"long %d\n" % len(announced()))
    return begun, waiting, word(r)


def announced():
    return np.frombuffer(encode(np.array([2], np.int32), [LONG])[0], np.uint8)


def send(r, calls, array):
    """R's half, filling the same window."""
    for block in calls.window.put([array]):
        r.sendall(f"block {block}\n".encode())
        assert word(r) == ("next", b"")


def word(r):
    header = r.recv(16, socket.MSG_WAITALL).decode()
    return header[:6].strip(), r.recv(int(header[6:]), socket.MSG_WAITALL)


def test_a_long_request_comes_block_by_block(r_and_calls):
    r, calls = r_and_calls
    begun, waiting, (answer, path) = begin_sending(r, calls)
    assert (answer, path.decode()) == ("window", str(calls.window.path))
    send(r, calls, announced())
    assert word(r) == ("next", b"")
    send(r, calls, LONG)
    waiting.join()
    ((numbers, (array,)),) = begun
    assert numbers == [2]
    np.testing.assert_array_equal(array, LONG)


def test_a_request_that_r_drops_is_forgotten(r_and_calls):
    r, calls = r_and_calls
    begun, waiting, _ = begin_sending(r, calls)
    send(r, calls, announced())
    assert word(r) == ("next", b"")
    block = next(calls.window.put([LONG]))
    r.sendall(f"block {block}\ndrop\n".encode() + REQUEST)
    waiting.join()
    assert [program(request) for request in begun] == [[1]]


def test_without_room_a_request_is_refused_and_the_next_one_taken(r_and_calls, monkeypatch):
    r, calls = r_and_calls

    def full(_window):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Window, "open", full)
    begun, waiting, (answer, words) = begin_sending(r, calls)
    assert answer == "refuse"
    assert b"no room for long arrays" in words
    assert b"No space left on device" in words
    r.sendall(REQUEST)
    waiting.join()
    assert [program(request) for request in begun] == [[1]]
    calls.reply(np.array([1], np.int32), [LONG])
    assert word(r)[0] == "refuse"


def test_a_long_reply_goes_block_by_block_as_fast_as_r_reads(r_and_calls):
    r, calls = r_and_calls
    r.sendall(REQUEST)
    calls.begin()
    replying = threading.Thread(target=calls.reply, args=(np.array([3], np.int32), [LONG]))
    replying.start()
    assert word(r)[0] == "window"
    name, size = word(r)
    assert name == "long"
    message = np.zeros(int(size), np.uint8)
    receive(r, calls, message)
    program, (array,) = decode(message)
    receive(r, calls, array)
    replying.join()
    assert program == [3]
    np.testing.assert_array_equal(array, LONG)
    r.sendall(REQUEST)
    assert calls.begin()[0] == [1]


def receive(r, calls, array):
    missing = array.size
    while missing:
        name, content = word(r)
        assert name == "block"
        block = Block(*map(int, content.split()))
        calls.window.take(block, [array])
        missing -= block.rows * block.columns
        r.sendall(b"next\n")


def test_that_r_has_gone_is_seen_in_waiting_and_in_looking(r_and_calls):
    r, calls = r_and_calls
    r.close()
    with pytest.raises(ConnectionError):
        calls.look()
    with pytest.raises(ConnectionError):
        calls.begin()
