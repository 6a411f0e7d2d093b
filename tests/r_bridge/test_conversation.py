"""Python work that asks functions of R in between."""

import threading

import pytest

from r_bridge import _conversation
from r_bridge._conversation import Conversation
from r_bridge._dispatch import INTERRUPTS


def test_questions_are_answered_one_by_one_until_there_is_a_result():
    reply = Conversation(lambda talk: talk.ask("double", 2) + talk.ask("double", 5)).start()
    asked = []
    while "question" in reply:
        (number,) = reply["arguments"]
        asked.append((reply["question"], number))
        reply = _conversation.answer_question(reply["number"], 2 * number)
    assert asked == [("double", 2), ("double", 5)]
    assert reply == {"result": 14}
    assert not _conversation._OPEN


def test_an_error_of_the_work_is_raised_where_r_waits():
    def work(talk):
        talk.ask("anything")
        raise ValueError("wrong")

    reply = Conversation(work).start()
    with pytest.raises(ValueError, match="wrong"):
        _conversation.answer_question(reply["number"])
    assert not _conversation._OPEN


def test_a_conversation_that_r_ends_does_nothing_more():
    done = []

    def work(talk):
        talk.ask("anything")
        done.append("more")

    reply = Conversation(work).start()
    _conversation.end_conversation(reply["number"])
    assert done == []
    assert not _conversation._OPEN
    _conversation.end_conversation(reply["number"])


@pytest.mark.parametrize("where", ["in R", "in Python"])
def test_ctrl_c_is_raised_in_the_work_at_its_question(where):
    heard = []

    def work(talk):
        try:
            while True:
                talk.ask("anything")
        except KeyboardInterrupt:
            heard.append("interrupted")
            return "so far"

    number = Conversation(work).start()["number"]
    if where == "in R":
        reply = _conversation.interrupt_conversation(number)
    else:
        INTERRUPTS.arrived()
        assert "question" in _conversation.answer_question(number)
        reply = _conversation.answer_question(number)
    assert (reply, heard) == ({"result": "so far"}, ["interrupted"])
    assert not _conversation._OPEN


def test_questions_of_several_threads_get_their_own_answers():
    """Keras asks for batches in a thread of its own."""
    answers = {}

    def work(talk):
        def ask(number):
            answers[number] = talk.ask("double", number)

        threads = [threading.Thread(target=ask, args=[number]) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    reply = Conversation(work).start()
    while "question" in reply:
        (number,) = reply["arguments"]
        reply = _conversation.answer_question(reply["number"], 2 * number)
    assert answers == {number: 2 * number for number in range(20)}


def test_all_threads_hear_that_r_has_ended_the_conversation():
    heard = []

    def work(talk):
        def ask():
            try:
                talk.ask("anything")
            except _conversation.Ended:
                heard.append(True)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    reply = Conversation(work).start()
    _conversation.end_conversation(reply["number"])
    assert len(heard) == 3
