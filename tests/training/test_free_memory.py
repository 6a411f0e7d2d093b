from sklearn_cnn.training import free_memory as module
from sklearn_cnn.training.free_memory import free_memory


def test_free_memory_is_what_the_system_says(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 100 kB\nMemAvailable:   64 kB\n")
    monkeypatch.setattr(module, "_MEMINFO", meminfo)
    monkeypatch.setattr(module, "_CONTROL_GROUPS", ())
    assert free_memory() == 64 * 1024


def test_a_container_has_what_its_limit_leaves(tmp_path, monkeypatch):
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(module, "_CONTROL_GROUPS", ((limit, used),))
    unlimited = free_memory()
    limit.write_text("max\n")
    used.write_text("10\n")
    assert free_memory() > unlimited / 2
    limit.write_text("1010\n")
    assert free_memory() == 1000
    used.write_text("2000\n")
    assert free_memory() == 0


def test_where_the_system_is_silent_pages_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(module, "_CONTROL_GROUPS", ())
    assert free_memory() > 2**20
