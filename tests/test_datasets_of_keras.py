"""Keras's npz and JSON files: what Keras's own loaders make of small files in the same format."""

import json
import pickle

import numpy as np
import pytest
from keras.datasets import boston_housing, imdb, reuters

from sklearn_cnn import datasets


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SKLEARN_CNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    rng = np.random.default_rng(0)

    def texts(n):
        made = np.empty(n, dtype=object)
        made[:] = [rng.integers(1, 70000, rng.integers(1, 30)).tolist() for _ in range(n)]
        return made

    np.savez(
        tmp_path / "imdb.npz",
        x_train=texts(20),
        y_train=rng.integers(0, 2, 20),
        x_test=texts(12),
        y_test=rng.integers(0, 2, 12),
    )
    np.savez(tmp_path / "reuters.npz", x=texts(25), y=rng.integers(0, 46, 25))
    np.savez(tmp_path / "boston_housing.npz", x=rng.normal(size=(30, 13)), y=rng.normal(size=30))
    (tmp_path / "imdb_word_index.json").write_text(json.dumps({"the": 1, "café": 2}))
    (tmp_path / "reuters_word_index.json").write_text(json.dumps({"vs": 1}))
    return tmp_path


def keras_reads(monkeypatch, module, file, **settings):
    """Keras's loader without its checksum, which refuses any other file."""
    monkeypatch.setitem(module.load_data.__globals__, "get_file", lambda *a, **k: str(file))
    return module.load_data(**settings)


def assert_same(ours, theirs):
    for (x, y), (their_x, their_y) in zip(ours, theirs, strict=True):
        assert [list(row) for row in x] == [list(row) for row in their_x]
        assert np.array_equal(y, their_y)


SETTINGS = [
    {},
    {"num_words": 5000, "skip_top": 100},
    {"maxlen": 15},
    {"start_char": None, "index_from": 0, "oov_char": None, "num_words": 30000, "seed": 4},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_texts_are_those_that_keras_reads(name, settings, folder, monkeypatch):
    module, load = {
        "imdb": (imdb, datasets.load_imdb),
        "reuters": (reuters, datasets.load_reuters),
    }[name]
    theirs = keras_reads(monkeypatch, module, folder / f"{name}.npz", **settings)
    assert_same(load(folder, **settings), theirs)


def test_boston_housing_is_what_keras_reads(folder, monkeypatch):
    theirs = keras_reads(monkeypatch, boston_housing, folder / "boston_housing.npz")
    assert_same(datasets.load_boston_housing(folder), theirs)


def test_word_numbers_are_read(folder):
    assert datasets.load_imdb_word_index(folder) == {"the": 1, "café": 2}
    assert datasets.load_reuters_word_index(folder / "reuters_word_index.json") == {"vs": 1}


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_sequences_of_every_pickle_are_read(protocol, folder):
    rows = np.empty(2, dtype=object)
    rows[:] = [[1, 300, 70000], [2]]
    head = np.lib.format.magic(1, 0)
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"
    header += b" " * (64 - (len(head) + 2 + len(header) + 1) % 64) + b"\n"
    content = head + len(header).to_bytes(2, "little") + header + pickle.dumps(rows, protocol)
    file = write_npz(folder, content)
    if protocol == 0:  # of text, in which no npz file has been written
        with pytest.raises(ValueError, match="is no npz file with sequences"):
            datasets.load_reuters(file)
        return
    x, _ = datasets.load_reuters(file, test_split=0)[0]
    assert sorted(text.tolist() for text in x) == [[1, 4, 303, 2], [1, 5]]


def write_npz(folder, content):
    import zipfile

    file = folder / "other.npz"
    np.savez(folder / "labels.npz", y=np.array([1, 2]))
    with zipfile.ZipFile(file, "w") as archive, zipfile.ZipFile(folder / "labels.npz") as labels:
        archive.writestr("x.npy", content)
        archive.writestr("y.npy", labels.read("y.npy"))
    return file


class Attack:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_nothing_in_a_file_is_executed(folder):
    rows = np.empty(2, dtype=object)
    rows[:] = [Attack(), Attack()]
    np.savez(folder / "bad.npz", x=rows, y=np.array([1, 2]))
    with pytest.raises(ValueError, match="asks for '_pytest"):
        datasets.load_reuters(folder / "bad.npz")
    np.savez(folder / "labels.npz", x=np.ones((2, 13)), y=rows)
    with pytest.raises(ValueError, match="plain arrays"):
        datasets.load_boston_housing(folder / "labels.npz")


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (datasets.load_imdb, "imdb.npz"),
        (datasets.load_reuters, "reuters.npz"),
        (datasets.load_boston_housing, "boston_housing.npz"),
        (datasets.load_imdb_word_index, "imdb_word_index.json"),
        (datasets.load_reuters_word_index, "reuters_word_index.json"),
    ],
)
def test_a_missing_or_damaged_file_is_named(load, name, folder):
    with pytest.raises(FileNotFoundError, match=f"No file {name} found; looked in .*datasets"):
        load()
    (folder / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=name):
        load(folder)


def test_files_are_found_where_keras_keeps_them(folder):
    places = folder / "keras" / "datasets"
    places.mkdir(parents=True)
    (folder / "imdb.npz").rename(places / "imdb.npz")
    assert len(datasets.load_imdb()[0][0]) == 20


@pytest.mark.parametrize("load", [datasets.load_reuters, datasets.load_boston_housing])
def test_an_impossible_split_is_an_error(load, folder):
    with pytest.raises(ValueError, match="from 0 to less than 1"):
        load(folder, test_split=1.0)


def test_shapes_that_do_not_belong_together_are_told_with_the_file(tmp_path):
    np.savez(tmp_path / "boston_housing.npz", x=np.ones((4, 13)), y=np.ones(3))
    with pytest.raises(ValueError, match=r"'x' and 'y' in '.*boston_housing.npz' have the shapes"):
        datasets.load_boston_housing(tmp_path)
    texts, labels = np.array([[4, 9], [2]], dtype=object), np.ones(3, dtype=int)
    np.savez(tmp_path / "reuters.npz", x=texts, y=labels)
    parts = {"x_train": texts, "y_train": labels, "x_test": texts, "y_test": labels}
    np.savez(tmp_path / "imdb.npz", **parts)
    for load, name in ((datasets.load_reuters, "reuters"), (datasets.load_imdb, "imdb")):
        with pytest.raises(ValueError, match=rf"{name}.npz' has 2 texts, but labels of shape"):
            load(tmp_path)
