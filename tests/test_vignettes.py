"""The Python vignettes run, say nothing unasked, and write what they promise.

What they claim is asserted in themselves.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VIGNETTES = sorted((ROOT / "vignettes").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda path: path.stem)
def test_a_vignette_runs(vignette, tmp_path):
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(vignette)],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stderr
    pictures = list((tmp_path / "output").rglob("*.png"))
    assert len(pictures) >= 5
    assert all(picture.stat().st_size > 5000 for picture in pictures)


def test_there_are_vignettes_and_no_other_suffix_hides_one():
    assert {path.stem for path in VIGNETTES} >= {"demo", "universal_workflow"}
    suffixes = {path.suffix for path in (ROOT / "vignettes").iterdir() if path.is_file()}
    assert suffixes <= {".py", ".R", ".Rmd"}
