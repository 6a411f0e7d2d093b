import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r_bridge import _exchange

dtypes = st.sampled_from([np.float64, np.float32, np.int32, np.uint8])
arrays = st.tuples(
    st.lists(st.integers(0, 9), max_size=9), dtypes, st.sampled_from([(-1,), (1, -1), (-1, 1)])
).map(lambda drawn: np.array(drawn[0], dtype=drawn[1]).reshape(drawn[2]))
exchanges = st.tuples(st.lists(st.integers(0, 99), max_size=9), st.lists(arrays, max_size=5))


def assert_same(read, program, buffers):
    program_back, buffers_back = read
    assert program_back == program
    assert len(buffers_back) == len(buffers)
    for one, other in zip(buffers_back, buffers, strict=True):
        assert one.dtype == (np.float64 if other.dtype == np.float32 else other.dtype)
        np.testing.assert_array_equal(one, other.ravel(order="F"))


@given(exchanges=st.lists(exchanges, min_size=1, max_size=3))
def test_a_file_holds_what_was_written_last(tmp_path_factory, exchanges):
    path, files = tmp_path_factory.mktemp("exchange") / "file", _exchange.Files()
    for program, buffers in exchanges:
        numbers = np.array(program, dtype=np.int32)
        files.write(path, numbers, buffers)
        encoded = _exchange.encode(numbers, buffers)
        assert len(encoded) == _exchange.size(numbers, buffers)
        assert len(encoded) % 8 == 0
        assert_same(files.read(path), program, buffers)
        assert_same(_exchange.decode(encoded), program, buffers)


def test_arrays_lie_in_the_order_of_r():
    picture = np.arange(6, dtype=np.float32).reshape(2, 3)
    _, (flat,) = _exchange.decode(_exchange.encode(np.zeros(0, np.int32), [picture]))
    assert flat.tolist() == [0, 3, 1, 4, 2, 5]


@pytest.fixture
def exchange(tmp_path):
    """A file whose second buffer, of three integers, lies apart."""
    head = [
        np.array([1, 2], np.int32),
        np.array([7, 0], np.int32),
        np.array([1, 3], np.int32),
        np.array([1.0, -3.0]),
        np.array([0.5]),
    ]
    path = tmp_path / "request"
    path.write_bytes(b"".join(part.tobytes() for part in head))
    # R's serialize(c(1L, 2L, 3L), NULL, xdr = FALSE, version = 2) after two bytes.
    head_of_r = "0000 420a 02000000 02020400 00030200 0d000000 03000000"
    data = np.array([1, 2, 3], np.int32).tobytes()
    apart = tmp_path / "request-2"
    apart.write_bytes(bytes.fromhex(head_of_r) + data + b"attributes")
    return path


def test_a_long_vector_is_read_from_a_file_of_its_own(exchange):
    program, (within, apart) = _exchange.Files().read(exchange)
    assert (program, within.tolist(), apart.tolist()) == ([7], [0.5], [1, 2, 3])


def test_what_is_very_long_is_given_back(exchange):
    files = _exchange.Files()
    files.read(exchange)
    files.forget_longer_than(47)
    assert sorted(path.name for path in exchange.parent.iterdir()) == ["request-2"]
    assert exchange.with_name("request-2").stat().st_size == 46
