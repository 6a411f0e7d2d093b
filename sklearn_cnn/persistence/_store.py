"""``save`` and ``load``."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from sklearn_cnn import __version__
from sklearn_cnn._warnings import warn

from . import _callbacks, _keras, _numpy, _objects, _pandas, _plain, _scipy
from ._archive import ArchiveError, ArchiveReader, write_archive
from ._references import Trusted
from ._tree import Configurations, Decoder, Encoder, register

# Raised when files change such that releases before cannot read them.
FORMAT = 1

_PACKAGES = ("scikit-learn", "numpy", "scipy", "keras", "pandas")

# Keras's classes and functions are not those that names alone lead to, and objects come last.
for _module in (_keras, _callbacks, _plain, _numpy, _scipy, _pandas, _objects):
    register(*_module.KINDS)


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Save an estimator, or whatever holds estimators, as one file without pickle.

    Parameters
    ----------
    estimator : estimator
        An estimator of sklearn_cnn or scikit-learn, fitted or not, and anything around it:
        ``Pipeline``, ``ColumnTransformer``, ``GridSearchCV``. Trees and neighbours of scikit-learn
        are compiled objects that only pickle can hold.
    path : str or path-like
        The file. One that exists is replaced at the end, and stays as it is if anything fails.

    Raises
    ------
    ArchiveError
        If the estimator holds something that the file cannot, such as a lambda. The message says
        where. No file has been written then.

    Warns
    -----
    UserWarning
        For each callback that cannot be saved; it is left out.

    See Also
    --------
    load : Read the file.

    Notes
    -----
    The file is a zip archive: ``manifest.json`` describes the estimator, ``arrays/`` holds the
    bytes of its arrays. Keras objects among the parameters are kept by their configuration.
    Functions and classes are kept by name; those that are neither scikit-learn's nor ours have to
    be passed to `load` as trusted. Equal estimators make equal files.

    Examples
    --------
    >>> import os
    >>> import tempfile
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import sklearn_cnn
    >>> pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    >>> pipeline.fit([[1.0], [2.0], [3.0], [4.0]], ["low", "low", "high", "high"])
    Pipeline(steps=[('standardscaler', StandardScaler()),
                    ('logisticregression', LogisticRegression())])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pipeline.zip")
    ...     sklearn_cnn.save(pipeline, path)
    ...     sklearn_cnn.load(path).predict([[1.5], [3.5]])
    array(['low', 'high'], dtype='<U4')
    """
    encoder = Encoder()
    tree = encoder.encode(estimator)
    try:
        _check(encoder.configurations)
    except ArchiveError as error:
        raise ArchiveError(f"{type(estimator).__name__} cannot be saved: {error}") from error
    for text in encoder.warnings:
        warn(text)
    manifest = {"format": FORMAT, "versions": _versions(), "object": tree}
    write_archive(path, manifest, encoder.arrays)


def load(path: str | os.PathLike[str], *, trusted: Iterable[Any] = ()) -> Any:
    """Load what `save` wrote, without running code from the file.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : iterable of classes and functions, default=()
        What the file may name beside scikit-learn's estimators and ours: transformers of your
        own, functions of a ``FunctionTransformer``, classes of Keras callbacks that write files.
        Nothing that is not listed here is looked up or imported.

    Returns
    -------
    estimator : estimator
        As it was saved: parameters, fitted attributes, position of its random numbers.

    Raises
    ------
    ArchiveError
        If the file is damaged, is no such file, comes from a later release, or names a class or
        function that is not trusted.
    OSError
        If there is no such file, or it may not be read.

    Warns
    -----
    InconsistentVersionWarning
        If another release of scikit-learn fitted its estimators.
    UserWarning
        For each Keras callback that writes files and is not trusted; it is left out.

    See Also
    --------
    save : Write the file.

    Examples
    --------
    >>> import os
    >>> import tempfile
    >>> import textwrap
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> import sklearn_cnn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "indent.zip")
    ...     sklearn_cnn.save(FunctionTransformer(textwrap.indent), path)
    ...     try:
    ...         sklearn_cnn.load(path)
    ...     except ValueError as error:
    ...         print(str(error).rpartition(". ")[2])
    ...     sklearn_cnn.load(path, trusted=[textwrap.indent])
    If you trust the file, pass trusted=[indent] to load.
    FunctionTransformer(func=<function indent at ...>)
    """
    vouched = Trusted(trusted)
    with open(path, "rb") as file:
        try:
            value, caveats = _read(ArchiveReader(file), vouched)
        except ArchiveError as error:
            raise ArchiveError(f"{os.fspath(path)!r} cannot be loaded: {error}") from error
        # Whatever a hostile file makes zipfile, JSON, NumPy or Keras raise is the same to callers.
        except Exception as error:
            raise ArchiveError(
                f"{os.fspath(path)!r} is damaged, or was not written by sklearn_cnn.save "
                f"({type(error).__name__}: {error})."
            ) from error
    for caveat in caveats:
        warn(caveat)
    return value


def _read(archive: ArchiveReader, trusted: Trusted) -> tuple[Any, list[Warning]]:
    """What the file holds, and what its user should be warned of."""
    manifest = archive.manifest()
    versions = manifest.get("versions")
    if type(manifest.get("format")) is not int or type(versions) is not dict:
        raise ArchiveError("it was not written by sklearn_cnn.save.")
    if manifest["format"] > FORMAT:
        raise ArchiveError(
            f"sklearn_cnn {versions.get('sklearn_cnn')} wrote it in format {manifest['format']}, "
            f"and this release knows formats up to {FORMAT}. Upgrade sklearn_cnn."
        )
    if manifest.keys() != {"format", "versions", "object"} or manifest["format"] < 1:
        raise ArchiveError("its manifest has other entries than save writes.")
    decoder = Decoder(archive, trusted)
    value = decoder.decode(manifest["object"])
    decoder.check_all_read()
    _check(decoder.configurations)
    caveats: list[Warning] = [UserWarning(text) for text in decoder.warnings]
    fitted_with = str(versions.get("scikit-learn", "an unknown release"))
    if fitted_with != sklearn.__version__:
        caveats += [
            InconsistentVersionWarning(
                estimator_name=name,
                current_sklearn_version=sklearn.__version__,
                original_sklearn_version=fitted_with,
            )
            for name in decoder.sklearn_estimators
        ]
    return value, caveats


def _check(configurations: Configurations) -> None:
    """Refuse what would have Keras run code, or read files, when the estimator is used."""
    for configuration in configurations.found:
        _keras.check_config(configuration, configurations.custom_names)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "sklearn_cnn": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
