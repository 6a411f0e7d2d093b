import shutil

import pytest

from r_bridge import _installation

from ._r import PACKAGE, run_python, run_r

# R's first call to Python, and what it says if that fails.
CALL = """
tryCatch(
  cat(sklearncnn:::echo(1)),
  sklearncnn_python = function(e) cat("refused:", conditionMessage(e))
)
"""


@pytest.fixture
def library(tmp_path, r_library):
    """Writes what `python -m r_bridge install` leaves in the installed package."""
    shutil.copytree(r_library / "sklearncnn", tmp_path / "sklearncnn")

    def marked(mark: str):
        (tmp_path / "sklearncnn" / "python.txt").write_text(f"/usr/bin/python3\n{mark}\n")
        return tmp_path

    return marked


@pytest.mark.parametrize("engine", ["inprocess", "process"])
def test_r_refuses_the_python_package_of_another_version(engine, library):
    said = run_r(CALL, library("0" * 64), SKLEARNCNN_ENGINE=engine)
    assert said.startswith("refused: The R package sklearncnn belongs to another version")
    assert said.rstrip().endswith(" -m r_bridge install")
    assert run_r(CALL, library(_installation.mark()), SKLEARNCNN_ENGINE=engine) == "1"


def test_r_inside_python_refuses_it_too(library):
    code = f"from r_bridge import _session; _session.embed().evalr('''{CALL}''')"
    assert run_python(code, library("0" * 64)).startswith("refused: The R package")


def test_the_mark_changes_with_the_code_and_with_nothing_else(tmp_path, monkeypatch):
    package = shutil.copytree(PACKAGE, tmp_path / "sklearncnn")
    monkeypatch.setattr(_installation, "PACKAGE", package)
    before = _installation.mark()
    (package / "src" / "block.o").write_bytes(b"compiled")
    (package / "man" / "mlp.Rd").write_text("another help page")
    assert _installation.mark() == before
    source = package / "R" / "engine.R"
    source.write_text(source.read_text() + "\n")
    assert _installation.mark() != before
