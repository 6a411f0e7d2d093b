"""Keras's data sets of texts and tables, read from its own npz and JSON files."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._formats import read_arrays, read_sequences, read_word_index

Part = tuple[Any, NDArray[Any]]


def load_boston_housing(
    path: str | os.PathLike[str] | None = None, *, test_split: float = 0.2, seed: int = 113
) -> tuple[Part, Part]:
    """Load the Boston housing data: 13 features of 506 districts, and the median price.

    Parameters
    ----------
    path : path-like, default=None
        The file ``boston_housing.npz``, or a folder with it. None looks in ``$SKLEARN_CNN_DATA``
        and then where Keras keeps its data sets.
    test_split : float in [0, 1), default=0.2
        Share of the rows that are for testing.
    seed : int, default=113
        Draws the order of the rows.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Features, shape (n, 13), and prices in 1000 dollars, shape (n,), as Keras splits them.

    Raises
    ------
    FileNotFoundError
        If there is no such file; says which to put where.
    ValueError
        If it is not what its name says, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_cnn.datasets import load_boston_housing
    >>> folder = tempfile.TemporaryDirectory()
    >>> np.savez(Path(folder.name, "boston_housing.npz"), x=np.ones((10, 13)), y=np.ones(10))
    >>> (x_train, y_train), (x_test, y_test) = load_boston_housing(folder.name)
    >>> x_train.shape, y_test.shape
    ((8, 13), (2,))
    >>> folder.cleanup()
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be from 0 to less than 1. Got {test_split}.")
    file = _found("boston_housing.npz", path)
    x, y = read_arrays(file, ("x", "y"))
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(
            f"'x' and 'y' in '{file}' have the shapes {x.shape} and {y.shape}; (n, 13) and (n,) "
            "are expected."
        )
    order = _order(len(x), np.random.RandomState(seed))
    n_train = int(len(x) * (1 - test_split))
    train, test = order[:n_train], order[n_train:]
    return (x[train], y[train]), (x[test], y[test])


def load_imdb(
    path: str | os.PathLike[str] | None = None,
    *,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """Load the IMDB reviews: texts as numbers of words, and whether they praise the film.

    Parameters
    ----------
    path : path-like, default=None
        The file ``imdb.npz``, or a folder with it. None looks in ``$SKLEARN_CNN_DATA`` and then
        where Keras keeps its data sets. Nothing in the file is executed.
    num_words : int, default=None
        Words from this number on become `oov_char`: words are numbered by how often they occur.
    skip_top : int, default=0
        The most frequent words become `oov_char` too.
    maxlen : int, default=None
        Texts of this length or longer are left out.
    seed : int, default=113
        Draws the order of the texts.
    start_char : int or None, default=1
        Begins each text.
    oov_char : int or None, default=2
        Stands for words that are left out; None leaves nothing in their place.
    index_from : int, default=3
        Words are numbered from here.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples
        Lists of integer arrays, one a text, and 0 or 1 for each.

    Raises
    ------
    FileNotFoundError
        If there is no such file; says which to put where.
    ValueError
        If it is not what its name says, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_cnn.datasets import load_imdb
    >>> folder = tempfile.TemporaryDirectory()
    >>> texts = np.array([[4, 9, 1], [2, 3]], dtype=object)
    >>> labels = np.array([1, 0])
    >>> file = Path(folder.name, "imdb.npz")
    >>> np.savez(file, x_train=texts, y_train=labels, x_test=texts, y_test=labels)
    >>> (x_train, y_train), _ = load_imdb(file, num_words=10)
    >>> sorted(text.tolist() for text in x_train)
    [[1, 5, 6], [1, 7, 2, 4]]
    >>> folder.cleanup()
    """
    file = _found("imdb.npz", path)
    names = ("x_train", "x_test")
    texts = dict(zip(names, read_sequences(file, names), strict=True))
    labels = read_arrays(file, ("y_train", "y_test"))
    rng = np.random.RandomState(seed)
    train, test = [
        _in_order(file, texts[name], target, rng)
        for name, target in zip(names, labels, strict=True)
    ]
    train, test = [
        _short_ones(_shifted(part, start_char, index_from), maxlen) for part in (train, test)
    ]
    limit = _limit(num_words, [*train[0], *test[0]])
    return tuple(  # type: ignore[return-value]
        (_kept_words(x, skip_top, limit, oov_char), y) for x, y in (train, test)
    )


def load_reuters(
    path: str | os.PathLike[str] | None = None,
    *,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Part, Part]:
    """Load the Reuters newswires: texts as numbers of words, and one of 46 topics for each.

    Parameters
    ----------
    path : path-like, default=None
        The file ``reuters.npz``, or a folder with it, as for :func:`load_imdb`.
    num_words, skip_top, maxlen, seed, start_char, oov_char, index_from
        As for :func:`load_imdb`.
    test_split : float in [0, 1), default=0.2
        Share of the texts that are for testing.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples
        Lists of integer arrays, one a text, and the number of the topic for each.

    Raises
    ------
    FileNotFoundError
        If there is no such file; says which to put where.
    ValueError
        If it is not what its name says, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_cnn.datasets import load_reuters
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "reuters.npz")
    >>> texts = np.array([[4, 9], [2, 3, 1], [5]], dtype=object)
    >>> np.savez(file, x=texts, y=np.array([3, 3, 4]))
    >>> (x_train, y_train), (x_test, y_test) = load_reuters(file, test_split=0.4)
    >>> len(x_train), len(x_test)
    (1, 2)
    >>> folder.cleanup()
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be from 0 to less than 1. Got {test_split}.")
    file = _found("reuters.npz", path)
    (texts,), (labels,) = read_sequences(file, ("x",)), read_arrays(file, ("y",))
    ordered = _in_order(file, texts, labels, np.random.RandomState(seed))
    part = _short_ones(_shifted(ordered, start_char, index_from), maxlen)
    limit = _limit(num_words, part[0])
    x, y = _kept_words(part[0], skip_top, limit, oov_char), part[1]
    n_train = int(len(x) * (1 - test_split))
    return (x[:n_train], y[:n_train]), (x[n_train:], y[n_train:])


def load_imdb_word_index(path: str | os.PathLike[str] | None = None) -> dict[str, int]:
    """Load the numbers of the words in the IMDB reviews.

    Parameters
    ----------
    path : path-like, default=None
        The file ``imdb_word_index.json``, or a folder with it, as for :func:`load_imdb`.

    Returns
    -------
    dict of str to int
        Words by how often they occur, from 1; in the texts `index_from` is added.

    Raises
    ------
    FileNotFoundError
        If there is no such file; says which to put where.
    ValueError
        If it is not what its name says, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_cnn.datasets import load_imdb_word_index
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "imdb_word_index.json").write_text('{"the": 1, "and": 2}')
    >>> load_imdb_word_index(folder.name)
    {'the': 1, 'and': 2}
    >>> folder.cleanup()
    """
    return read_word_index(_found("imdb_word_index.json", path))


def load_reuters_word_index(path: str | os.PathLike[str] | None = None) -> dict[str, int]:
    """Load the numbers of the words in the Reuters newswires.

    Parameters
    ----------
    path : path-like, default=None
        The file ``reuters_word_index.json``, or a folder with it, as for :func:`load_imdb`.

    Returns
    -------
    dict of str to int
        Words by how often they occur, from 1; in the texts `index_from` is added.

    Raises
    ------
    FileNotFoundError
        If there is no such file; says which to put where.
    ValueError
        If it is not what its name says, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_cnn.datasets import load_reuters_word_index
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "reuters_word_index.json").write_text('{"vs": 1}')
    >>> load_reuters_word_index(folder.name)
    {'vs': 1}
    >>> folder.cleanup()
    """
    return read_word_index(_found("reuters_word_index.json", path))


def _found(name: str, path: str | os.PathLike[str] | None) -> Path:
    """The file of that name, or the file that `path` is."""
    if path is not None:
        given = Path(path).expanduser()
        if given.is_file():
            return given
        places = [given]
    else:
        places = [Path(os.environ.get("KERAS_HOME") or "~/.keras", "datasets").expanduser()]
        if os.environ.get("SKLEARN_CNN_DATA"):
            places.insert(0, Path(os.environ["SKLEARN_CNN_DATA"]).expanduser())
    for place in places:
        if (place / name).is_file():
            return place / name
    looked_in = ", ".join(f"'{place}'" for place in places)
    raise FileNotFoundError(
        f"No file {name} found; looked in {looked_in}. Put it there, or pass "
        f"path='folder/with/it'. Nothing is downloaded."
    )


def _order(n_rows: int, rng: np.random.RandomState) -> NDArray[np.int64]:
    order = np.arange(n_rows)
    rng.shuffle(order)
    return order


def _in_order(
    file: Path, texts: list[NDArray[np.int64]], labels: NDArray[Any], rng: np.random.RandomState
) -> Part:
    if labels.shape != (len(texts),):
        raise ValueError(
            f"'{file}' has {len(texts)} texts, but labels of shape {labels.shape}; one label a "
            "text is expected."
        )
    order = _order(len(texts), rng)
    return [texts[i] for i in order], labels[order]


def _shifted(part: Part, start_char: int | None, index_from: int) -> Part:
    texts, labels = part
    if start_char is None:
        return [text + (index_from or 0) for text in texts], labels
    start = np.array([start_char])
    return [np.concatenate([start, text + index_from]) for text in texts], labels


def _short_ones(part: Part, maxlen: int | None) -> Part:
    if not maxlen:
        return part
    kept = [i for i, text in enumerate(part[0]) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"No text is shorter than maxlen={maxlen}. Increase maxlen.")
    return [part[0][i] for i in kept], part[1][kept]


def _limit(num_words: int | None, texts: Iterable[NDArray[np.int64]]) -> int:
    return num_words or max(int(text.max()) for text in texts if len(text))


def _kept_words(
    texts: list[NDArray[np.int64]], skip_top: int, limit: int, oov_char: int | None
) -> list[NDArray[np.int64]]:
    kept = [(text >= skip_top) & (text < limit) for text in texts]
    if oov_char is None:
        return [text[known] for text, known in zip(texts, kept, strict=True)]
    return [np.where(known, text, oov_char) for text, known in zip(texts, kept, strict=True)]
