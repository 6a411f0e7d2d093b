"""What R and Python find of each other, and the line that mends what is wrong."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ._installation import mark

# From this version on rpy2 needs the symbols R_getVar and R_ParentEnv of R 4.5.
_RPY2_FOR_NEW_R = (3, 6, 6)
_RPY2_REQUIREMENT = '"rpy2-rinterface<3.6.6"'
# What `install` has left in the R package; empty where it was installed by other means.
_MARK = "cat(c(readLines(system.file('python.txt', package = 'sklearncnn')), '')[2])"


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `remedy` is empty where nothing is wrong."""

    subject: str
    found: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Look at Python, then at R, then at what joins them; starts neither R nor Keras here."""
    pip = f"{sys.executable} -m pip install"
    yield Finding("Python", f"{sys.version.split()[0]} at {sys.executable}")
    yield _libpython()
    for package in ("sklearn_cnn", "keras", "tensorflow", "scikit-learn", "numpy"):
        version = _version(package)
        yield Finding(package, version or "missing", "" if version else f"{pip} {package}")
    r_home = _r_home()
    if r_home is None:
        yield Finding("R", "missing", "apt install r-base-core, or https://cran.r-project.org")
        return
    r_version = _r("cat(as.character(getRversion()))")
    yield Finding("R", f"{r_version} at {r_home}")
    yield _rpy2(r_version, pip)
    reticulate, ours = _r_package("reticulate"), _r_package("sklearncnn")
    remedy = "apt install r-cran-reticulate, or install.packages('reticulate') in R"
    yield Finding("R package reticulate", reticulate or "missing", "" if reticulate else remedy)
    subject, remedy = "R package sklearncnn", f"{sys.executable} -m r_bridge install"
    if not ours:
        # What is installed needs no compiler any more.
        yield compiler()
        yield Finding(subject, "missing", remedy)
    elif _r(_MARK) not in ("", mark()):
        yield Finding(subject, f"{ours}, of another version than Python's", remedy)
    else:
        yield Finding(subject, ours)


def compiler() -> Finding:
    """What R compiles the C code of its packages with."""
    subject = "C compiler of R"
    # R asks make, and says nothing without it.
    done = subprocess.run(["R", "CMD", "config", "CC"], capture_output=True, text=True, check=False)
    words = shlex.split(done.stdout) or ["make"]
    found = shutil.which(words[0])
    if found is not None:
        return Finding(subject, found)
    remedy = "apt install r-base-dev; on macOS: xcode-select --install; on Windows: Rtools"
    return Finding(subject, f"there is no {words[0]}", remedy)


def _libpython() -> Finding:
    name = sysconfig.get_config_var("INSTSONAME") or ""
    place = Path(sysconfig.get_config_var("LIBDIR") or "")
    for path in (
        place / name,
        place / (sysconfig.get_config_var("MULTIARCH") or "") / name,
    ):
        if not name.endswith(".a") and path.is_file():
            return Finding("libpython", str(path))
    # No fault: R then uses a worker process.
    return Finding("libpython", "not shared: Python runs beside R as a worker process")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # A checkout on the path serves as well.
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        return None if spec is None else f"not installed, but found at {spec.origin}"


def _r_home() -> str | None:
    program = shutil.which("R")
    if program is None:
        return None
    done = subprocess.run([program, "RHOME"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _r(expression: str) -> str:
    """What R prints for an expression; R's own start-up files apply, as for the user."""
    done = subprocess.run(
        [str(shutil.which("Rscript")), "-e", expression],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "R_DEFAULT_PACKAGES": "utils"},
    )
    return done.stdout.strip()


def _r_package(name: str) -> str:
    return _r(f"cat(tryCatch(as.character(packageVersion('{name}')), error=\\(e) ''))")


def _rpy2(r_version: str, pip: str) -> Finding:
    version = _version("rpy2-rinterface")
    if version is None:
        found = "missing: Python runs beside R as a worker process"
        return Finding("rpy2", found, f"{pip} {_RPY2_REQUIREMENT}")
    # In a process of its own: a library that does not fit may end it.
    probe = subprocess.run(
        [sys.executable, "-c", "import rpy2.rinterface_lib.openrlib"],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode == 0:
        return Finding("rpy2", version)
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
    too_new = numbers >= _RPY2_FOR_NEW_R and r_version < "4.5"
    reason = f"needs R 4.5, here is R {r_version}" if too_new else probe.stderr.strip()[-200:]
    remedy = f"{pip} --force-reinstall --no-binary :all: {_RPY2_REQUIREMENT}"
    return Finding("rpy2", f"{version} does not load: {reason}", remedy)
