"""R's own tests of the R package, over every engine, and R CMD check."""

import subprocess
import sys
from collections import Counter

import pytest

from ._r import PACKAGE, RSCRIPT, environment, run_r

_DEFINED = """
for (file in list.files("{directory}", full.names = TRUE)) {{
  for (expression in parse(file)) {{
    assigns <- is.call(expression) && identical(expression[[1]], as.name("<-"))
    if (assigns && !is.call(expression[[2]])) cat(as.character(expression[[2]]), "\n")
  }}
}}
"""

_TESTTHAT = """
library(sklearncnn)
testthat::test_dir("{directory}", package = "sklearncnn", load_package = "installed")
"""


def assert_done(done):
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "testthat.R"
    path.write_text(_TESTTHAT.format(directory=(PACKAGE / "tests" / "testthat").as_posix()))
    return path


def test_no_name_is_defined_twice(r_library):
    """The later file would silently win."""
    names = run_r(_DEFINED.format(directory=(PACKAGE / "R").as_posix()), r_library).split()
    assert len(names) > 500
    assert [name for name, times in Counter(names).items() if times > 1] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)  # on JAX, where every operation is compiled
@pytest.mark.parametrize("engine", ["inprocess", "process"])
def test_testthat_passes(engine, script, r_library):
    env = environment(r_library, SKLEARNCNN_ENGINE=engine)
    assert_done(
        subprocess.run([RSCRIPT, script], capture_output=True, text=True, env=env, check=False)
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_testthat_passes_in_an_r_inside_python(script, r_library):
    command = [sys.executable, "-m", "r_bridge", "run", str(script)]
    env = environment(r_library)
    assert_done(subprocess.run(command, capture_output=True, text=True, env=env, check=False))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # it runs all examples, and testthat once more
def test_r_cmd_check_finds_neither_errors_nor_warnings(tmp_path, r_library):
    env = environment(r_library, _R_CHECK_FORCE_SUGGESTS_="false")
    build = ["R", "CMD", "build", "--no-manual", str(PACKAGE)]
    assert_done(
        subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, env=env, check=False)
    )
    (archive,) = tmp_path.glob("sklearncnn_*.tar.gz")
    check = ["R", "CMD", "check", "--no-manual", archive.name]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, env=env, check=False)
    assert_done(done)
    log = (tmp_path / "sklearncnn.Rcheck" / "00check.log").read_text()
    assert "WARNING" not in log, log
    assert "ERROR" not in log, log
