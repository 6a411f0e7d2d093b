"""R as a subprocess: never inside the process of pytest, which R would not leave again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "r_bridge" / "sklearncnn"
RSCRIPT = shutil.which("Rscript")


def environment(library: Path, **more: str) -> dict[str, str]:
    """What an R needs to find the package in `library` and this Python."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "R_LIBS": str(library),
        "SKLEARNCNN_PYTHON": sys.executable,
        **more,
    }


def run_r(code: str, library: Path, *, timeout: float = 300, **more: str) -> str:
    """What R prints for some lines of code; an error of R fails the test with R's words."""
    done = subprocess.run(
        [str(RSCRIPT), "-e", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(library, **more),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_python(code: str, library: Path, *, timeout: float = 300) -> str:
    """What a fresh Python prints, in which R may be started."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(library),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
