# Python is found by reticulate, after what the user and the installation have said; once a session.
find_python <- function() {
  if (is.null(session$python)) session$python <- search_python()
  session$python
}

search_python <- function() {
  asked <- getOption("sklearncnn.python", Sys.getenv("SKLEARNCNN_PYTHON"))
  if (!nzchar(asked) && !nzchar(Sys.getenv("RETICULATE_PYTHON"))) asked <- installing_python()
  if (reticulate::py_available()) {
    python <- reticulate::py_config()
  } else {
    if (nzchar(asked)) {
      if (!file.exists(asked)) no_python(paste0("There is no file \"", asked, "\""))
      reticulate::use_python(asked, required = TRUE)
    }
    python <- discover_python()
  }
  if (is.null(python)) no_python("reticulate finds no Python")
  if (package_version(python$version) < "3.11") {
    no_python(paste0("\"", python$python, "\" is Python ", python$version))
  }
  python
}

no_python <- function(problem) {
  abort("python", paste0(
    problem, ": sklearncnn needs Python 3.11 or later with the package sklearn_cnn. ",
    "Name it by options(sklearncnn.python = \"path/to/python\")."
  ), call = NULL)
}

# reticulate would offer to install a Python of its own.
discover_python <- function() {
  enabled <- Sys.getenv("RETICULATE_MINICONDA_ENABLED", NA)
  Sys.setenv(RETICULATE_MINICONDA_ENABLED = "FALSE")
  on.exit(
    if (is.na(enabled)) {
      Sys.unsetenv("RETICULATE_MINICONDA_ENABLED")
    } else {
      Sys.setenv(RETICULATE_MINICONDA_ENABLED = enabled)
    }
  )
  tryCatch(
    # It warns of Poetry in every directory that has a pyproject.toml.
    suppressWarnings(reticulate::py_discover_config("sklearn_cnn")),
    error = function(error) no_python(conditionMessage(error))
  )
}

# `python -m r_bridge install` leaves its own path in the installed package, and a mark of the code.
installation <- function() {
  file <- system.file("python.txt", package = "sklearncnn")
  if (nzchar(file)) readLines(file) else character()
}

installing_python <- function() {
  path <- c(installation(), "")[1]
  if (file.exists(path)) path else ""
}

require_same_version <- function(python, mark) {
  installed <- installation()[2]
  if (is.na(installed) || identical(installed, mark)) return(invisible())
  abort("python", paste0(
    "The R package sklearncnn belongs to another version of the Python package sklearn_cnn than ",
    "the one of \"", python, "\". Install that one's, and restart R: ",
    python, " -m r_bridge install"
  ), call = NULL)
}

# What Python prints, as lines; the attribute "status" where it fails.
run_python <- function(python, arguments) {
  library <- paste(.libPaths(), collapse = .Platform$path.sep)
  suppressWarnings(system2(
    python, arguments, stdout = TRUE, stderr = TRUE,
    env = c(python_environment(), paste0("R_LIBS=", shQuote(library)))
  ))
}

# R's start-up script puts R's libraries first: there Python could find another Python's library.
python_environment <- function() {
  if (.Platform$OS.type == "windows") return(character())
  script <- file.path(R.home("etc"), "ldpaths")
  added <- system(paste0("LD_LIBRARY_PATH=; . ", shQuote(script), "; echo $LD_LIBRARY_PATH"), TRUE)
  now <- Sys.getenv("LD_LIBRARY_PATH")
  if (!startsWith(now, added)) return(character())
  paste0("LD_LIBRARY_PATH=", shQuote(sub("^:", "", substring(now, nchar(added) + 1L))))
}
