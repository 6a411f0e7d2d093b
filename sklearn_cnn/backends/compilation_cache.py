"""Compiled programs kept between processes. Off unless asked for: they are machine code."""

import contextlib
import hashlib
import os
import platform
import stat
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_VARIABLE = "SKLEARN_CNN_CACHE"
# The oldest files go when all together are larger.
_MAX_BYTES = 512 * 2**20
_FLAG = "--tf_xla_persistent_cache_directory"
# What reads once where compiled programs are kept.
_READERS = ("tensorflow", "jax")


def enable_compilation_cache(directory: str | os.PathLike | None = None) -> str:
    """Keep compiled programs on disk, for the next process to load.

    A first fit then takes half of the time, whatever the process did before it. The environment
    variable ``SKLEARN_CNN_CACHE`` set to a directory does the same; this function sets it for the
    processes that this one starts. What is kept is machine code: the directory is the user's
    alone. TensorFlow 2.20 writes a line to stderr for each program that it loads; later releases
    are silent.

    Parameters
    ----------
    directory : str or path, default=None
        Where to keep the programs; None is the user's cache folder. Programs of each version of
        Keras and its backend and of each kind of processor stand apart; beyond 512 MB the oldest
        are deleted at start.

    Returns
    -------
    str
        The directory.

    Raises
    ------
    RuntimeError
        If TensorFlow or JAX was imported before: they look only once.
    PermissionError
        If the directory for compiled programs belongs to, or can be written by, somebody else.

    Examples
    --------
    At the beginning of a script, here one that runs in a process of its own:

    >>> import subprocess, sys, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> script = f"import sklearn_cnn; sklearn_cnn.enable_compilation_cache({folder!r})"
    >>> subprocess.run([sys.executable, "-c", script]).returncode
    0
    """
    root = Path(_default_directory() if directory is None else directory).expanduser().absolute()
    if os.environ.get(_VARIABLE) == str(root):
        return str(root)
    imported = [name for name in _READERS if name in sys.modules]
    if imported:
        raise RuntimeError(
            f"{_were(imported)} imported before enable_compilation_cache was called, and a backend "
            "looks only once for a place to keep compiled programs. Call it before the first fit "
            "and before keras is imported, or set SKLEARN_CNN_CACHE before Python starts."
        )
    _own_folder(root)
    os.environ[_VARIABLE] = str(root)
    return str(root)


def _were(imported: list[str]) -> str:
    return f"{' and '.join(imported)} {'was' if len(imported) == 1 else 'were'}"


def _default_directory() -> Path:
    if sys.platform == "darwin":
        return Path("~/Library/Caches/sklearn_cnn")
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")) / "sklearn_cnn" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "sklearn_cnn"


def _own_folder(root: Path) -> Path:
    """The folder of these versions and this processor, nobody else's."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = root / _key()
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.stat()
    if os.name == "posix" and (state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) & 0o077):
        raise PermissionError(
            f"{folder} is open to other users. Compiled programs are machine code, and are only "
            "taken from a folder of one's own with mode 700. Correct it, or choose another."
        )
    return folder


def _key() -> str:
    """Versions and processor that a compiled program belongs to."""
    versions = []
    for package in ("keras", "tensorflow", "jaxlib"):
        with contextlib.suppress(PackageNotFoundError):
            versions.append(f"{package}-{version(package)}")
    return "_".join([*versions, platform.machine(), _processor()])


def _processor() -> str:
    """A short name for what this processor can do."""
    description = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        known = ("model name", "flags", "Features")  # those of the first core
        description = "".join(next((x for x in lines if x.startswith(word)), "") for word in known)
    return hashlib.sha256(description.encode()).hexdigest()[:12]


@contextlib.contextmanager
def compilation_cache_in_use() -> Iterator[None]:
    """Let what is imported in this block keep its programs where the user asked for it."""
    wanted = os.environ.get(_VARIABLE)
    if not wanted:
        yield
        return
    imported = [name for name in _READERS if name in sys.modules]
    if imported:
        warnings.warn(
            f"SKLEARN_CNN_CACHE has no effect: {_were(imported)} imported before sklearn_cnn "
            "could say where to keep compiled programs. Import sklearn_cnn first.",
            stacklevel=2,
        )
        yield
        return
    root = Path(wanted).expanduser().absolute()
    folder = _own_folder(root)
    _delete_oldest(root)
    before = dict(os.environ)
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if _FLAG not in flags:
        os.environ["TF_XLA_FLAGS"] = f"{flags} {_FLAG}={folder}".strip()
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    # JAX leaves out what compiles within a second: most of what is compiled here.
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    # TensorFlow takes two of XLA's own preferences for features that the processor lacks, and
    # says so in an error at each program that it loads.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        yield
        if "tensorflow" in sys.modules:
            from . import tensorflow

            tensorflow.keep_programs()
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def _delete_oldest(root: Path) -> None:
    files = []
    for path in root.glob("*/*"):
        with contextlib.suppress(OSError):
            state = path.stat()
            files.append((state.st_mtime, state.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= _MAX_BYTES:
            return
        with contextlib.suppress(OSError):  # another process was quicker
            path.unlink()
        total -= size
