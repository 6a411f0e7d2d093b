"""Callers that meet to ask for values together."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sklearn_cnn.training.rendezvous import Rendezvous


def asked_for(n_callers, n_questions, values_at):
    """The answers to callers of which each asks some number of times, then leaves."""
    meeting = Rendezvous(n_callers, values_at)

    def ask(caller):
        try:
            return [meeting((caller, turn)) for turn in range(n_questions[caller])]
        finally:
            meeting.leave()

    with ThreadPoolExecutor(n_callers) as pool:
        asking = [pool.submit(ask, caller) for caller in range(n_callers)]
        return [answers.result(timeout=60) for answers in asking]


def test_each_gets_its_own_answers_in_calls_of_all_who_are_left():
    calls = []

    def values_at(points):
        calls.append(len(points))
        return [(f"{caller}", turn) for caller, turn in points]

    n_questions = [3, 0, 5, 1]
    answers = asked_for(4, n_questions, values_at)
    assert answers == [[(f"{k}", turn) for turn in range(n)] for k, n in enumerate(n_questions)]
    assert sum(calls) == sum(n_questions)
    assert len(calls) == max(n_questions)


def test_meetings_of_random_lengths_end():
    rng = np.random.default_rng(0)
    for _ in range(50):
        n_questions = rng.integers(0, 20, size=rng.integers(1, 12)).tolist()
        answers = asked_for(len(n_questions), n_questions, lambda points: points)
        assert [len(one) for one in answers] == n_questions


def test_an_error_reaches_all_who_wait():
    def fails(points):
        raise ZeroDivisionError

    meeting = Rendezvous(2, fails)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(meeting, k) for k in range(2)]
        for one in waiting:
            with pytest.raises(ZeroDivisionError):
                one.result(timeout=60)
