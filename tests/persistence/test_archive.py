"""The file: written at one stroke, bounded by its size, checked before anything is read."""

import os
import stat
import struct
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from sklearn_cnn.persistence import ArchiveError, load, save

from ._attacks import read_members, write_members, write_object

ARRAY = {"kind": "array", "member": 0, "dtype": "<f8", "shape": [2], "order": "C"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "archive.zip"


def test_the_file_is_a_zip_of_json_and_the_bytes_of_arrays(path):
    save({"weights": np.arange(3.0)}, path)
    manifest, arrays = read_members(path)
    assert manifest["format"] == 1
    assert manifest["versions"].keys() >= {"python", "sklearn_cnn", "scikit-learn", "numpy"}
    assert manifest["object"] == {
        "kind": "dict",
        "items": {"weights": {**ARRAY, "shape": [3]}},
    }
    assert arrays == {"arrays/0.bin": np.arange(3.0).tobytes()}


def test_save_replaces_a_file_and_leaves_nothing_else(path):
    path.write_text("an older file")
    save(1, path)
    save(2, str(path))
    assert load(os.fsencode(path)) == 2
    assert os.listdir(path.parent) == [path.name]


def test_save_through_a_link_replaces_what_the_link_points_to(path):
    link = path.with_name("link")
    path.write_text("an older file")
    link.symlink_to(path)
    save(1, link)
    assert link.is_symlink()
    assert load(path) == 1


def test_a_new_file_has_the_mode_that_open_gives_and_an_older_one_keeps_its_own(path):
    before = os.umask(0o027)
    try:
        save(1, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        save(2, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("value", [FunctionTransformer(lambda X: X), object(), threading.Lock()])
def test_an_older_file_stays_when_saving_is_refused(path, value):
    path.write_text("an older file")
    with pytest.raises(ArchiveError):
        save([np.zeros(3), value], path)
    assert path.read_text() == "an older file"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
def test_an_older_file_stays_when_writing_fails(path, monkeypatch, failing, error):
    def fail(*arguments):
        raise error

    path.write_text("an older file")
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(type(error)):
        save(np.zeros(3), path)
    assert path.read_text() == "an older file"
    assert os.listdir(path.parent) == [path.name]


def test_errors_of_the_file_system_are_its_own(path, tmp_path):
    with pytest.raises(FileNotFoundError, match="archive.zip"):
        load(path)
    with pytest.raises(FileNotFoundError, match="No such folder: .*missing"):
        save(1, tmp_path / "missing" / "archive.zip")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(IsADirectoryError):
        save(1, tmp_path)
    assert os.listdir(tmp_path.parent) == [tmp_path.name] or not path.exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"text", b"\x80\x04K\x01.", b"\0" * 99])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="is damaged, or was not written by sklearn_cnn.save"):
        load(path)


def test_a_file_cut_off_anywhere_is_refused(path):
    save(LogisticRegression().fit([[0.0], [1.0]], ["a", "b"]), path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError):
            load(path)


def test_a_later_format_is_refused_with_the_release_that_wrote_it(path):
    versions = {"sklearn_cnn": "9.0"}
    write_members(path, {"format": 2, "versions": versions, "new": 1}, {})
    with pytest.raises(ArchiveError, match=r"9\.0 wrote it in format 2.*Upgrade sklearn_cnn"):
        load(path)


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        "{}",
        "null",
        "NaN",
        "{",
        b"\xff\xfe",
        '{"format": true, "versions": {}, "object": 1}',
        '{"format": 0, "versions": {}, "object": 1}',
        '{"format": 1, "versions": [], "object": 1}',
        '{"format": 1, "versions": {}}',
        '{"format": 1, "versions": {}, "object": 1, "more": 1}',
        '{"format": 1, "versions": {}, "object": 1, "object": 2}',
        '{"format": 1, "versions": {}, "object": Infinity}',
        '{"format": 1, "versions": {}, "object": []}',
        '{"format": 1, "versions": {}, "object": ' + "[" * 99999,
        '{"format": 1, "versions": {}, "object": ' + '{"a":' * 99999,
        '{"format": 1, "versions": {}, "object": ' + "9" * 99999 + "}",
    ],
    ids=lambda manifest: repr(manifest)[:60],
)
def test_a_malformed_manifest_is_refused(path, manifest):
    write_members(path, manifest, {})
    with pytest.raises(ArchiveError):
        load(path)


def test_values_nested_too_deep_are_refused(path):
    node = 1
    for _ in range(101):
        node = {"kind": "list", "items": [node]}
    write_object(path, node)
    with pytest.raises(ArchiveError, match="nested more than 100 levels deep"):
        load(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"arrays/1.bin": b"\0" * 16},
        {"arrays/0.bin": b"\0" * 15},
        {"arrays/0.bin": b"\0" * 17},
        {"arrays/0.bin": b"\0" * 16, "arrays/1.bin": b""},
        {"arrays/0.bin": b"\0" * 16, "../../evil.py": b"import os"},
        {"arrays/0.bin": b"\0" * 16, "/etc/passwd": b""},
        {"arrays/0.bin": b"\0" * 16, "object.pkl": b"\x80\x04K\x01."},
    ],
    ids=lambda arrays: "-".join(arrays) or "none",
)
def test_missing_surplus_and_misshapen_members_are_refused(path, arrays):
    write_members(path, {"format": 1, "versions": {}, "object": ARRAY}, arrays)
    with pytest.raises(ArchiveError):
        load(path)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_given_twice_is_refused(path):
    write_object(path, ARRAY, b"\0" * 16)
    with zipfile.ZipFile(path, "a") as members:
        members.writestr("arrays/0.bin", b"\1" * 16)
    with pytest.raises(ArchiveError, match="two members have the same name"):
        load(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_bomb_is_refused_before_it_is_unpacked(path, method):
    node = {**ARRAY, "shape": [2**21]}
    manifest = {"format": 1, "versions": {}, "object": node}
    write_members(path, manifest, {"arrays/0.bin": bytes(2**24)}, compression=method)
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="is compressed or encrypted"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_sizes_that_lie_are_refused(path):
    write_object(path, {**ARRAY, "shape": [2**37]}, b"\0" * 16)
    content = path.read_bytes()
    # The size of the array, in the entry of the last member in the list of members.
    entry = content.rindex(b"PK\1\2")
    for sizes in (struct.pack("<II", 16, 2**31), struct.pack("<II", 2**31, 2**31)):
        path.write_bytes(content[: entry + 20] + sizes + content[entry + 28 :])
        with pytest.raises(ArchiveError):
            load(path)


def test_members_that_lie_over_one_another_are_refused(path):
    """As in bombs that need no compression: many entries that share the same bytes."""
    inner = b"\0" * 4096
    write_object(path, {"kind": "list", "items": []}, *[inner] * 3)
    content = bytearray(path.read_bytes())
    entries = [n for n in range(len(content)) if content[n : n + 4] == b"PK\1\2"]
    first = struct.unpack_from("<I", content, entries[1] + 42)
    for entry in entries[2:]:
        struct.pack_into("<I", content, entry + 42, *first)
    path.write_bytes(content)
    with pytest.raises(ArchiveError):
        load(path)


def test_an_array_named_twice_is_refused(path):
    write_object(path, {"kind": "list", "items": [ARRAY, ARRAY]}, b"\0" * 16)
    with pytest.raises(ArchiveError, match="array 0 is missing or used twice"):
        load(path)


def test_an_encrypted_member_is_refused(path):
    write_object(path, ARRAY, b"\0" * 16)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\1\2")
    content[entry + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="is compressed or encrypted"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "O"},
        {"dtype": "|O8"},
        {"dtype": "T"},
        {"dtype": "f8,O"},
        {"dtype": {"names": ["a"], "formats": ["O"], "offsets": [0], "itemsize": 8}},
        {"dtype": {"names": ["a"], "formats": ["f8"], "offsets": [-8], "itemsize": 8}},
        {"dtype": {"names": ["a"], "formats": ["f8"], "offsets": [8], "itemsize": 8}},
        {"dtype": {"base": "f8", "shape": [-1]}},
        {"dtype": {"base": "O", "shape": [1]}},
        {"dtype": ["a", "f8"]},
        {"dtype": None},
        {"dtype": "<U0"},
        {"shape": [-2]},
        {"shape": [2, -1, -1]},
        {"shape": [True, True]},
        {"shape": [2.0]},
        {"shape": ["2"]},
        {"shape": [2**62, 4]},
        {"shape": [0, 2**62]},
        {"shape": 2},
        {"member": -1},
        {"member": "0"},
        {"member": False},
        {"order": "K"},
        {"more": 1},
        {"id": "0"},
        {"id": True},
        {"kind": "array scalar"},
        {"kind": "missing"},
        {"kind": ["array"]},
        {"kind": None},
    ],
    ids=repr,
)
def test_a_malformed_array_is_refused(path, change):
    write_object(path, {**ARRAY, **change}, b"\0" * 16)
    with pytest.raises(ArchiveError):
        load(path)


@pytest.mark.parametrize("shape", [[10**15], [10**5, 10**10]])
def test_many_values_of_no_size_are_refused(path, shape):
    write_object(path, {**ARRAY, "dtype": "<U0", "shape": shape}, b"")
    with pytest.raises(ArchiveError):
        load(path)
