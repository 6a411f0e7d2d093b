import subprocess

import pytest

from ._r import PACKAGE, RSCRIPT


@pytest.fixture(scope="session")
def r_library(tmp_path_factory):
    """A library of R with the package installed from this checkout."""
    if RSCRIPT is None:
        pytest.skip("R is missing")
    library = tmp_path_factory.mktemp("library")
    done = subprocess.run(
        ["R", "CMD", "INSTALL", "--no-help", f"--library={library}", str(PACKAGE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return library
