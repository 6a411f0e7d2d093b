import contextlib
import threading
import time

from hypothesis import given
from hypothesis.strategies import integers, lists

from sklearn_cnn.backends import Executor, ProgramCache
from sklearn_cnn.training import loop
from tests.training._fits import fitted, network, on, plan_for, some_rows


@given(keys=lists(integers(0, 12), max_size=60), max_size=integers(1, 8))
def test_the_cache_keeps_the_programs_used_last(keys, max_size):
    cache, used = ProgramCache(max_size=max_size), []
    for key in keys:
        assert cache.get(key, lambda key=key: [key]) == [key]
        used = [k for k in used if k != key] + [key]
        assert len(cache) == min(len(used), max_size)
        assert all((k in cache) == (k in used[-max_size:]) for k in range(13))


def test_a_program_is_built_once_and_handed_out_again():
    cache = ProgramCache()
    first = cache.get("key", object)
    assert cache.get("key", object) is first
    cache.clear()
    assert cache.get("key", object) is not first


def test_threads_that_want_one_program_wait_for_one_compilation():
    cache, built, got = ProgramCache(), [], []

    def build():
        time.sleep(0.05)
        built.append(threading.get_ident())
        return object()

    threads = [
        threading.Thread(target=lambda: got.append(cache.get("key", build, xla=True)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert len(set(map(id, got))) == 1
    assert cache.n_xla == 1


def test_threads_that_want_different_programs_do_not_wait_for_each_other():
    cache, meeting = ProgramCache(), threading.Barrier(2, timeout=10)
    threads = [
        threading.Thread(target=cache.get, args=(key, meeting.wait)) for key in ("one", "other")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 2


def test_a_program_that_could_not_be_built_is_tried_again():
    cache = ProgramCache()

    def fail():
        raise ValueError("no")

    for _ in range(2):
        with contextlib.suppress(ValueError):
            cache.get("key", fail)
    assert cache.get("key", lambda: 1) == 1


def test_beyond_its_bound_xla_gives_way_to_the_plain_graph(monkeypatch):
    """What XLA compiled is never freed: forgetting programs makes no room."""
    rows = some_rows()
    with on(Executor.XLA, monkeypatch):
        cache = ProgramCache(max_xla=1)
        monkeypatch.setattr(loop, "PROGRAMS", cache)
        assert fitted(plan_for(network()), rows).executor == "xla"
        assert fitted(plan_for(network(), batch_size=16), rows).executor == "graph"
        assert fitted(plan_for(network()), rows).executor == "xla"
        cache.clear()
        assert fitted(plan_for(network()), rows).executor == "graph"
        cache.release()
        assert fitted(plan_for(network()), rows).executor == "xla"
