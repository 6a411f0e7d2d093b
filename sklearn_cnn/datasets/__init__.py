"""Loaders for data sets that lie on this machine; nothing is ever downloaded.

MNIST and Fashion-MNIST are read as idx files (gzipped or not) and as Keras's npz file, CIFAR-10
and CIFAR-100 as pickled batches, of which nothing is executed, and in their binary version; Boston
housing, IMDB and Reuters as Keras's npz and JSON files.
Files are looked for in `path`, else in the folder that the environment variable
``SKLEARN_CNN_DATA`` names, else where Keras keeps its data sets (``~/.keras/datasets``, or
``$KERAS_HOME/datasets``).
"""

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ._keras_files import (
    load_boston_housing,
    load_imdb,
    load_imdb_word_index,
    load_reuters,
    load_reuters_word_index,
)
from ._known import CIFAR10, CIFAR100_COARSE, CIFAR100_FINE, FASHION_MNIST, MNIST, Cifar, Mnist

__all__ = [
    "load_boston_housing",
    "load_cifar10",
    "load_cifar100",
    "load_fashion_mnist",
    "load_imdb",
    "load_imdb_word_index",
    "load_mnist",
    "load_reuters",
    "load_reuters_word_index",
]


def load_mnist(
    path: str | os.PathLike[str] | None = None,
    *,
    subset: str = "train",
    return_X_y: bool = False,
) -> Any:
    """Load MNIST: handwritten digits, 28 by 28, ten classes.

    Parameters
    ----------
    path : path-like, default=None
        Folder that holds ``train-images-idx3-ubyte.gz`` and its three companions, gzipped or
        not, or ``mnist.npz`` as Keras has it, or a folder ``mnist`` with them; or the npz file.
        None looks in ``$SKLEARN_CNN_DATA`` and then where Keras keeps its data sets.
    subset : {"train", "test", "all"}, default="train"
        The 60,000 training pictures, the 10,000 test pictures, or first the one, then the other.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        data : ndarray of shape (n_samples, 784), uint8
            Grey values from 0 to 255, row by row. A `CNNClassifier` takes `images`, or these
            with ``input_shape=(28, 28)``.
        images : ndarray of shape (n_samples, 28, 28), uint8
            The same values as pictures; shares its memory with `data`.
        target : ndarray of shape (n_samples,), int64
            The class of each picture, from 0.
        target_names : ndarray of shape (n_classes,)
            What each class is called.
        filenames : list of str
            The files that were read.
        DESCR : str
            What the data are and where they come from.

    Raises
    ------
    FileNotFoundError
        If there are no such files; says which file to put where.
    ValueError
        If a file is not what its name says, or is damaged.

    Examples
    --------
    Two pictures in the original format:

    >>> import struct, tempfile
    >>> from pathlib import Path
    >>> from sklearn_cnn.datasets import load_mnist
    >>> folder = tempfile.TemporaryDirectory()
    >>> pictures = struct.pack(">4i", 2051, 2, 28, 28) + bytes(2 * 28 * 28)
    >>> labels = struct.pack(">2i", 2049, 2) + bytes([7, 3])
    >>> _ = Path(folder.name, "t10k-images-idx3-ubyte").write_bytes(pictures)
    >>> _ = Path(folder.name, "t10k-labels-idx1-ubyte").write_bytes(labels)
    >>> digits = load_mnist(folder.name, subset="test")
    >>> digits.images.shape, digits.target
    ((2, 28, 28), array([7, 3]))
    >>> folder.cleanup()
    """
    return _load(MNIST, path, subset, return_X_y)


def load_fashion_mnist(
    path: str | os.PathLike[str] | None = None,
    *,
    subset: str = "train",
    return_X_y: bool = False,
) -> Any:
    """Load Fashion-MNIST: articles of clothing, 28 by 28, ten classes.

    Parameters
    ----------
    path : path-like, default=None
        Folder that holds ``train-images-idx3-ubyte.gz`` and its three companions, gzipped or
        not, or ``fashion-mnist.npz``, or a folder ``fashion-mnist`` with them; or the npz file.
        None looks for ``fashion-mnist`` in ``$SKLEARN_CNN_DATA`` and then where Keras keeps its
        data sets.
    subset : {"train", "test", "all"}, default="train"
        The 60,000 training pictures, the 10,000 test pictures, or first the one, then the other.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        As :func:`load_mnist` returns it.

    Raises
    ------
    FileNotFoundError
        If there are no such files; says which file to put where.
    ValueError
        If a file is not what its name says, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_cnn.datasets import load_fashion_mnist
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "fashion-mnist.npz")
    >>> pictures = np.zeros((2, 28, 28), dtype=np.uint8)
    >>> np.savez(file, x_train=pictures, y_train=[9, 2], x_test=pictures, y_test=[0, 1])
    >>> clothes = load_fashion_mnist(file)
    >>> clothes.target_names[clothes.target]
    array(['Ankle boot', 'Pullover'], dtype='<U11')
    >>> folder.cleanup()
    """
    return _load(FASHION_MNIST, path, subset, return_X_y)


def load_cifar10(
    path: str | os.PathLike[str] | None = None,
    *,
    subset: str = "train",
    return_X_y: bool = False,
) -> Any:
    """Load CIFAR-10: colour photographs, 32 by 32, ten classes.

    Parameters
    ----------
    path : path-like, default=None
        Folder that holds ``data_batch_1`` to ``data_batch_5`` and ``test_batch`` (pickled
        batches, read without executing anything) or the same with ``.bin`` (the binary version),
        or a folder ``cifar-10-batches-py`` or ``cifar-10-batches-bin`` with them; or one such
        file, which then is read whatever `subset` says. None looks in ``$SKLEARN_CNN_DATA`` and
        then where Keras keeps its data sets.
    subset : {"train", "test", "all"}, default="train"
        The 50,000 training pictures, the 10,000 test pictures, or first the one, then the other.
        Training batches that are not there are left out: `filenames` says which were read.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        As :func:`load_mnist` returns it, with `data` of shape (n_samples, 3072), for
        ``input_shape=(32, 32, 3)``, and `images` of shape (n_samples, 32, 32, 3).

    Raises
    ------
    FileNotFoundError
        If there are no such files; says which file to put where.
    ValueError
        If a file is not what its name says, or is damaged.

    Examples
    --------
    One red picture in the binary version:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_cnn.datasets import load_cifar10
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "test_batch.bin")
    >>> _ = file.write_bytes(bytes([6]) + bytes([255]) * 1024 + bytes(2048))
    >>> photographs = load_cifar10(file)
    >>> photographs.images[0, 0, 0], photographs.target_names[photographs.target]
    (array([255,   0,   0], dtype=uint8), array(['frog'], dtype='<U10'))
    >>> folder.cleanup()
    """
    return _load(CIFAR10, path, subset, return_X_y)


def load_cifar100(
    path: str | os.PathLike[str] | None = None,
    *,
    subset: str = "train",
    label_mode: str = "fine",
    return_X_y: bool = False,
) -> Any:
    """Load CIFAR-100: colour photographs, 32 by 32, 100 classes in 20 groups.

    Parameters
    ----------
    path : path-like, default=None
        Folder that holds ``train`` and ``test`` (pickled batches, read without executing
        anything) or ``train.bin`` and ``test.bin`` (the binary version), or a folder
        ``cifar-100-python`` or ``cifar-100-binary`` with them; or one such file, which then is
        read whatever `subset` says. None looks in ``$SKLEARN_CNN_DATA`` and then where Keras
        keeps its data sets.
    subset : {"train", "test", "all"}, default="train"
        The 50,000 training pictures, the 10,000 test pictures, or first the one, then the other.
    label_mode : {"fine", "coarse"}, default="fine"
        Whether `target` is one of 100 classes or one of 20 groups.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        As :func:`load_cifar10` returns it.

    Raises
    ------
    FileNotFoundError
        If there are no such files; says which file to put where.
    ValueError
        If a file is not what its name says, or is damaged.

    Examples
    --------
    One black picture in the binary version, of group 4 and class 0:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_cnn.datasets import load_cifar100
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "train.bin")
    >>> _ = file.write_bytes(bytes([4, 0]) + bytes(3072))
    >>> for label_mode in ("fine", "coarse"):
    ...     photographs = load_cifar100(file, label_mode=label_mode)
    ...     print(photographs.target_names[photographs.target[0]])
    apple
    fruit_and_vegetables
    >>> folder.cleanup()
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"label_mode must be 'fine' or 'coarse'. Got {label_mode!r} instead.")
    data_set = CIFAR100_FINE if label_mode == "fine" else CIFAR100_COARSE
    return _load(data_set, path, subset, return_X_y)


def _load(
    data_set: Mnist | Cifar, path: str | os.PathLike[str] | None, subset: str, return_X_y: bool
) -> Any:
    parts = {"train": ["train"], "test": ["test"], "all": ["train", "test"]}.get(subset)
    if parts is None:
        raise ValueError(f"subset must be 'train', 'test' or 'all'. Got {subset!r} instead.")
    if path is not None and (file := Path(path).expanduser()).is_file():
        if not data_set.one_file_holds_both_parts:
            parts = parts[:1]
        files = [[file]] * len(parts)
    else:
        places = _places(data_set, path)
        files = [_find(data_set, places, part) for part in parts]
    read = [data_set.read(group, part) for group, part in zip(files, parts, strict=True)]
    images = np.concatenate([images for images, _ in read])
    target = np.concatenate([labels for _, labels in read])
    data = images.reshape(len(images), -1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        images=images,
        target=target,
        target_names=data_set.target_names.copy(),
        filenames=list(dict.fromkeys(str(file) for file in chain(*files))),
        DESCR=data_set.description,
    )


def _places(data_set: Mnist | Cifar, path: str | os.PathLike[str] | None) -> list[Path]:
    """The folders in which the files may lie, in the order in which they are looked at."""
    if path is not None:
        roots, bare = [Path(path)], True
    else:
        roots, bare = [Path(os.environ.get("KERAS_HOME") or "~/.keras", "datasets")], data_set.bare
        if os.environ.get("SKLEARN_CNN_DATA"):
            roots.insert(0, Path(os.environ["SKLEARN_CNN_DATA"]))
    return [
        root.expanduser() / folder
        for root in roots
        for folder in (*data_set.folders, *([""] if bare else []))
    ]


def _find(data_set: Mnist | Cifar, places: Sequence[Path], part: str) -> list[Path]:
    for place in places:
        if files := data_set.find(place, part):
            return files
    looked_in = ", ".join(f"'{place}'" for place in places)
    raise FileNotFoundError(
        f"No {part} files of {data_set.title} found; looked in {looked_in}. Put "
        f"{data_set.wanted[part]} into one of these folders, or pass path='folder/with/them'. "
        "Nothing is downloaded."
    )
