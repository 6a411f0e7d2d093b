import shutil
import subprocess

import pytest

from ._r import PACKAGE, RSCRIPT


@pytest.fixture(scope="session")
def r_library(tmp_path_factory):
    """A library of R with the package installed from this checkout."""
    if RSCRIPT is None:
        pytest.skip("R is missing")
    library = tmp_path_factory.mktemp("library")
    # R compiles where the sources are, and another process of pytest may do so, too.
    sources = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("sources") / PACKAGE.name)
    done = subprocess.run(
        ["R", "CMD", "INSTALL", "--no-help", f"--library={library}", str(sources)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return library
