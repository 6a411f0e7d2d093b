import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r_bridge import _window
from r_bridge._window import SLOT, Block, Window, blocks

extents = st.one_of(st.integers(1, 9), st.sampled_from([63, 64, 65, 1023, 1024, 1025, 10**6]))


@given(rows=extents, columns=extents, item_size=st.sampled_from([1, 4, 8]))
def test_blocks_fit_a_slot_and_cover_an_array_once(rows, columns, item_size):
    covered = 0
    seen = set()
    for row, height, column, width in blocks(rows, columns, item_size):
        assert 0 < height * width * item_size <= SLOT
        assert row + height <= rows
        assert column + width <= columns
        assert (row, column) not in seen
        seen.add((row, column))
        covered += height * width
    assert covered == rows * columns


@pytest.fixture
def window(tmp_path):
    window = Window(tmp_path)
    window.open()
    yield window
    window.remove()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8])
@pytest.mark.parametrize("shape", [(70000,), (3, 200000), (1025, 65, 17), (2, 1, 3, 7, 11)])
def test_what_passes_through_the_window_is_the_same_on_the_other_side(window, shape, dtype):
    array = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    copy = np.zeros_like(array)
    for block in window.put([array]):
        window.take(Block(*map(int, str(block).split())), [copy])
    np.testing.assert_array_equal(copy, array)


def test_two_slots_are_filled_in_turn(window):
    arrays = [np.zeros(SLOT // 8)] * 3
    assert [block.offset for block in window.put(arrays)] == [0, SLOT, 0]


def test_arrays_in_any_order_of_memory_pass(window):
    array = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))[:, ::2]
    copy = np.zeros(array.shape)
    for block in window.put([array]):
        window.take(block, [copy])
    np.testing.assert_array_equal(copy, array)


def test_where_no_memory_can_be_shared_a_file_serves(tmp_path, monkeypatch):
    monkeypatch.setattr(_window, "_SHARED_MEMORY", tmp_path / "missing")
    window = Window(tmp_path)
    assert window.open() == tmp_path / "window"
    assert window.open() == tmp_path / "window"
    assert (tmp_path / "window").stat().st_size == 2 * SLOT


def test_without_room_nothing_stays_and_the_next_try_is_made(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(_window, "_SHARED_MEMORY", shared)
    window = Window(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(_window.mmap, "mmap", _no_room)
        with pytest.raises(OSError, match="no room"):
            window.open()
    assert list(shared.iterdir()) == []
    assert window.open().parent.parent == shared


def _no_room(*_arguments):
    raise OSError("no room")
