import multiprocessing
import signal
import sys
import threading
import time
import warnings

import pytest

from r_bridge import _dispatch
from r_bridge._convert import pack, unpack
from r_bridge._dispatch import (
    INTERRUPTS,
    Console,
    Interrupts,
    answer,
    command,
    command_that_asks_for_interrupts,
    console,
)


@pytest.fixture
def commands(monkeypatch):
    """A table of commands that forgets what a test adds."""
    monkeypatch.setattr(_dispatch, "_ASKING", set(_dispatch._ASKING))
    monkeypatch.setattr(_dispatch, "COMMANDS", dict(_dispatch.COMMANDS))
    return _dispatch.COMMANDS


def ask(name, **arguments):
    program, buffers = pack([name, arguments])
    reply, buffers = answer(program.tolist(), buffers)
    return unpack(reply.tolist(), buffers)


def test_echo_returns_what_came():
    assert ask("echo", x=[1, "a", None]) == {"value": [1, "a", None]}


def test_an_exception_becomes_its_classes_message_and_traceback(commands):
    @command
    def divide(x):
        return 1 / x

    error = ask("divide", x=0)["error"]
    assert error["classes"].tolist() == [
        "ZeroDivisionError",
        "ArithmeticError",
        "Exception",
        "BaseException",
    ]
    assert error["message"] == "division by zero"
    assert "in divide" in error["traceback"]


def test_an_exception_without_words_gives_its_name(commands):
    @command
    def give_up():
        raise StopIteration

    assert ask("give_up")["error"]["message"] == "StopIteration"


def test_messages_reach_r_without_the_colours_of_terminals(commands):
    @command
    def refuse():
        warnings.warn("\x1b[1mdeep\x1b[0m", stacklevel=1)
        raise ValueError("\x1b[1;31mno\x1b[0m shape")

    reply = ask("refuse")
    assert reply["error"]["message"] == "no shape"
    assert [warning["message"] for warning in reply["warnings"]] == ["deep"]


def test_an_interrupt_is_told_apart_from_an_error(commands):
    @command
    def wait():
        raise KeyboardInterrupt

    assert ask("wait") == {"interrupted": True}


def test_ctrl_c_is_raised_in_a_command_and_noted_elsewhere():
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        interrupts.arrived()
    assert not interrupts.taken()
    interrupts.arrived()
    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        pass
    interrupts.arrived()
    assert interrupts.taken()
    assert not interrupts.taken()


def test_what_is_begun_while_ctrl_c_is_held_is_done():
    interrupts, done = Interrupts(), []

    def write():
        with interrupts.held():
            interrupts.arrived()
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        write()
    assert done == ["all of it"]


def test_ctrl_c_that_meets_a_finalizer_comes_again():
    class Dying:
        def __del__(self):
            INTERRUPTS.arrived()

    def work():
        Dying()
        time.sleep(30)

    before = signal.signal(signal.SIGINT, lambda _signal, _frame: INTERRUPTS.arrived())
    try:
        with pytest.raises(KeyboardInterrupt), INTERRUPTS.raised():
            work()
    finally:
        signal.signal(signal.SIGINT, before)
    assert INTERRUPTS.settled()


def test_a_command_that_asks_for_interrupts_is_not_interrupted(commands):
    @command_that_asks_for_interrupts
    def wait():
        INTERRUPTS.arrived()
        return INTERRUPTS.taken()

    assert ask("wait") == {"value": True}


def test_warnings_are_returned_each_time_and_filters_restored(commands):
    @command
    def grumble():
        warnings.warn("too few rows", UserWarning, stacklevel=1)
        return 1

    before = warnings.filters[:]
    for _ in range(2):
        reply = ask("grumble")
        assert reply["value"] == 1
        (warning,) = reply["warnings"]
        assert warning["message"] == "too few rows"
        assert warning["classes"].tolist()[0] == "UserWarning"
    assert warnings.filters == before


def test_a_value_that_r_cannot_hold_is_an_error_too(commands):
    @command
    def make():
        return {1, 2}

    assert ask("make")["error"]["classes"].tolist()[0] == "ConversionError"


def test_an_unreadable_request_is_an_error():
    program, buffers = answer([99], [])
    assert "error" in unpack(program.tolist(), buffers)


def test_an_unknown_command_is_named():
    assert ask("nonsense")["error"]["message"] == "r_bridge has no command 'nonsense'."


def _ask_in_child(queue):
    queue.put(ask("echo", x=1))


def test_a_forked_child_is_refused():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_ask_in_child, args=(queue,))
    child.start()
    reply = queue.get()
    child.join()
    assert "before this process was forked" in reply["error"]["message"]


def test_commands_can_be_loaded_from_a_file(commands, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from r_bridge._dispatch import command\n@command\ndef twice(x):\n    return 2 * x\n"
    )
    ask("load_commands", path=str(file))
    assert ask("twice", x=4) == {"value": 8}


def test_what_is_printed_goes_to_the_console_and_back_afterwards():
    heard = []
    before = sys.stdout
    with console(heard.append):
        print("to stdout")
        print("to stderr", file=sys.stderr)
    assert "".join(heard) == "to stdout\nto stderr\n"
    assert sys.stdout is before


def test_only_the_thread_of_r_writes_to_r():
    writers = []
    stream = Console(lambda text: writers.append((threading.get_ident(), text)))
    thread = threading.Thread(target=stream.write, args=("from a thread",))
    thread.start()
    thread.join()
    assert writers == []
    stream.flush()
    assert writers == [(threading.get_ident(), "from a thread")]
