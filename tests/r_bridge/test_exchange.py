import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from r_bridge._convert import Laid
from r_bridge._exchange import LONGEST_WITHIN, decode, encode

dtypes = st.sampled_from([np.float64, np.float32, np.int32, np.uint8])
arrays = st.tuples(
    st.lists(st.integers(0, 9), max_size=9), dtypes, st.sampled_from([(-1,), (1, -1), (-1, 1)])
).map(lambda drawn: np.array(drawn[0], dtype=drawn[1]).reshape(drawn[2]))


@given(st.lists(st.integers(0, 99), max_size=9), st.lists(arrays, max_size=5))
def test_a_short_message_holds_all(program, buffers):
    message, apart = encode(np.array(program, dtype=np.int32), buffers)
    assert apart == []
    assert len(message) % 8 == 0
    program_back, buffers_back = decode(message)
    assert program_back == program
    for one, other in zip(buffers_back, buffers, strict=True):
        assert one.dtype == (np.float64 if other.dtype == np.float32 else other.dtype)
        np.testing.assert_array_equal(one, other.ravel(order="F"))


def test_arrays_lie_in_the_order_of_r():
    picture = np.arange(6, dtype=np.float32).reshape(2, 3)
    _, (flat,) = decode(encode(np.zeros(0, np.int32), [picture])[0])
    assert flat.tolist() == [0, 3, 1, 4, 2, 5]


def test_of_long_buffers_a_message_holds_type_and_shape():
    long = np.zeros((LONGEST_WITHIN // 4, 3), np.float32)
    half = np.ones((LONGEST_WITHIN, 1), np.float16)
    short = np.arange(LONGEST_WITHIN // 8, dtype=np.float64)
    message, apart = encode(np.array([7], np.int32), [long, short, half])
    assert LONGEST_WITHIN < len(message) < LONGEST_WITHIN + 200
    assert apart[0] is long
    assert apart[1].dtype == np.float64
    program, (first, second, third) = decode(message)
    assert program == [7]
    assert (type(first), first.dtype, first.shape) == (Laid, np.float32, long.shape)
    assert (type(third), third.dtype, third.shape) == (Laid, np.float64, half.shape)
    np.testing.assert_array_equal(second, short)
