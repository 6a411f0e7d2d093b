"""The worker's part of an exchange: which request a Ctrl-C belongs to."""

import signal

import pytest

from r_bridge._dispatch import INTERRUPTS
from r_bridge._worker import Calls


@pytest.fixture(autouse=True)
def handler():
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: INTERRUPTS.arrived())
    yield
    signal.signal(signal.SIGINT, before)
    INTERRUPTS.settled()


def test_ctrl_c_belongs_to_the_request_at_work():
    calls = Calls()
    calls.put(b"request")
    assert calls.begin() == b"request"
    with pytest.raises(KeyboardInterrupt), INTERRUPTS.raised():
        calls.interrupt()
    assert calls.end()


def test_one_that_comes_before_the_request_is_read_is_kept_for_it():
    calls = Calls()
    calls.put(b"request")
    calls.interrupt()
    calls.begin()
    with pytest.raises(KeyboardInterrupt), INTERRUPTS.raised():
        pass
    assert calls.end()


def test_one_that_nobody_heard_is_left_to_r():
    calls = Calls()
    calls.put(b"request")
    calls.begin()
    with INTERRUPTS.raised():
        pass
    calls.interrupt()
    assert not calls.end()
    assert not INTERRUPTS.taken()


def test_one_that_comes_after_the_answer_meets_nobody():
    calls = Calls()
    calls.put(b"request")
    calls.begin()
    calls.end()
    calls.interrupt()
    assert not INTERRUPTS.taken()
