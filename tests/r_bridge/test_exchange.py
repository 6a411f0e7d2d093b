import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from r_bridge import _exchange

buffers = st.lists(
    st.one_of(
        st.lists(st.floats(allow_nan=False), max_size=9).map(lambda x: np.array(x, np.float64)),
        st.lists(st.integers(0, 9), max_size=9).map(lambda x: np.array(x, np.int32)),
        st.lists(st.floats(width=32, allow_nan=False), max_size=9).map(
            lambda x: np.array(x, np.float32)
        ),
        st.binary(max_size=9).map(lambda x: np.frombuffer(x, np.uint8)),
    ),
    max_size=5,
)


@given(program=st.lists(st.integers(0, 99), max_size=9), buffers=buffers)
def test_a_file_holds_what_was_written(tmp_path_factory, program, buffers):
    path = tmp_path_factory.mktemp("exchange") / "file"
    _exchange.write(path, np.array(program, dtype=np.int32), buffers)
    assert path.stat().st_size % 8 == 0
    assert path.stat().st_size == _exchange.size(np.array(program, dtype=np.int32), buffers)
    assert path.read_bytes() == _exchange.encode(np.array(program, dtype=np.int32), buffers)
    program_back, buffers_back = _exchange.read(path)
    assert program_back == program
    assert len(buffers_back) == len(buffers)
    for one, other in zip(buffers_back, buffers, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
