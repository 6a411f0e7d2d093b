"""``python -m r_bridge install | doctor | run script.R``."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ._doctor import compiler, examine
from ._installation import PACKAGE, mark

_INSTALL = """
library <- commandArgs(TRUE)[2]
if (library == "") {
  library <- .libPaths()[1]
  if (file.access(library, 2) != 0) {
    library <- Sys.getenv("R_LIBS_USER")
    dir.create(library, recursive = TRUE, showWarnings = FALSE)
    .libPaths(library)
  }
}
missing <- setdiff("reticulate", rownames(installed.packages()))
if (length(missing)) install.packages(missing, library)
install.packages(commandArgs(TRUE)[1], library, repos = NULL, type = "source")
installed <- file.path(library, "sklearncnn")
if (!dir.exists(installed)) quit(status = 1)
writeLines(commandArgs(TRUE)[3:4], file.path(installed, "python.txt"))
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m r_bridge", description="R and sklearn_cnn")
    commands = parser.add_subparsers(dest="command", required=True)
    installer = commands.add_parser("install", help="install the R package sklearncnn")
    installer.add_argument("--library", default="", help="R library; R's first one by default")
    doctor = commands.add_parser("doctor", help="say what is used, and what is wrong")
    doctor.add_argument("--table", action="store_true", help="tab-separated, for programs")
    runner = commands.add_parser("run", help="run a script of R inside Python")
    runner.add_argument("script", type=Path)
    runner.add_argument("arguments", nargs=argparse.REMAINDER)
    worker = commands.add_parser("worker", help="what R starts where Python cannot run inside R")
    worker.add_argument("directory", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "install":
        return _install(options.library)
    if options.command == "doctor":
        return _doctor(options.table)
    if options.command == "worker":
        from ._worker import serve

        serve(options.directory)
    return _run(options.script, options.arguments)


def _install(library: str) -> int:
    rscript = shutil.which("Rscript")
    if rscript is None:
        print("There is no Rscript on the path: install R first (apt install r-base-core).")
        return 1
    tool = compiler()
    if tool.remedy:
        print(f"The R package has C code, and {tool.found} to compile it with: {tool.remedy}")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        # R compiles where the sources are: the user need not own those.
        built = shutil.ignore_patterns("*.o", "*.so")
        sources = shutil.copytree(PACKAGE, Path(directory) / PACKAGE.name, ignore=built)
        return subprocess.run(
            [rscript, "-e", _INSTALL, str(sources), library, sys.executable, mark()],
            check=False,
        ).returncode


def _doctor(table: bool) -> int:
    wrong = 0
    for finding in examine():
        wrong += bool(finding.remedy)
        if table:
            print(finding.subject, finding.found, finding.remedy, sep="\t")
        else:
            print(f"{finding.subject:22}{finding.found}")
            if finding.remedy:
                print(f"{'':22}-> {finding.remedy}")
    return 1 if wrong else 0


def _run(script: Path, arguments: list[str]) -> int:
    """As Rscript does: values are printed, the first error ends the script with status 1."""
    from ._session import embed

    if not script.exists():
        print(f"There is no file {script}.", file=sys.stderr)
        return 1
    rinterface = embed(arguments)
    return rinterface.evalr(_RUN)(rinterface.StrSexpVector([str(script)]))[0]


_RUN = """
function(script) {
  tryCatch({
    source(script, local = globalenv(), echo = FALSE, print.eval = TRUE)
    0L
  }, error = function(error) {
    call <- conditionCall(error)
    where <- if (is.null(call)) "Error: " else paste0("Error in ", deparse(call)[1], " : ")
    cat(where, conditionMessage(error), "\n", sep = "", file = stderr())
    1L
  })
}
"""

if __name__ == "__main__":
    sys.exit(main())
