# What this R session has started: empty until the first call that needs Python.
session <- new.env(parent = emptyenv())

# The running engine: a list of `kind`, `pid` of the R it belongs to, `python`, `why` it was chosen,
# `answer(request)`, and `alive()`.
engine <- function() {
  current <- session$engine
  if (is.null(current) || !current$alive()) {
    session$engine <- start_engine()
  } else if (current$pid != Sys.getpid()) {
    session$engine <- engine_after_fork(current)
  }
  session$engine
}

engine_wanted <- function() {
  wanted <- getOption("sklearncnn.engine", Sys.getenv("SKLEARNCNN_ENGINE", "auto"))
  if (!wanted %in% c("auto", "inprocess", "process")) {
    abort("engine", paste0(
      "options(sklearncnn.engine = \"", wanted, "\") is unknown: ",
      "it must be \"auto\", \"inprocess\" or \"process\"."
    ), call = NULL)
  }
  wanted
}

start_engine <- function() {
  wanted <- engine_wanted()
  if (wanted == "process") return(start_worker(find_python()$python, "asked for"))
  # An R that runs inside Python finds the entry already there.
  if (is.function(getOption("sklearncnn.entry"))) {
    return(in_process("the Python around R", "R runs inside Python"))
  }
  python <- find_python()
  obstacle <- obstacle_in_process(python)
  if (is.null(obstacle)) obstacle <- attach_python()
  if (is.null(obstacle)) {
    in_process(python$python, if (wanted == "auto") "the default" else "asked for")
  } else if (wanted == "auto") {
    start_worker(python$python, obstacle)
  } else {
    abort("engine", paste0(
      "Python cannot run inside R: ", obstacle, ". Use options(sklearncnn.engine = \"process\")."
    ), call = NULL)
  }
}

# Python that ran before the fork is lost in the child; a worker of its own is not.
engine_after_fork <- function(current) {
  if (current$kind == "process" || engine_wanted() == "process") {
    return(start_worker(find_python()$python, "a forked child"))
  }
  abort("forked", paste0(
    "Python already runs in the R process that this one was forked from, and does not survive ",
    "that. Use a PSOCK cluster (parallel::makeCluster), or set ",
    "options(sklearncnn.engine = \"process\") before the fork."
  ), call = NULL)
}

in_process <- function(python, why) {
  entry <- getOption("sklearncnn.entry")
  offered <- getOption("sklearncnn.installation", c(python, NA))
  require_same_version(offered[1], offered[2])
  list(
    kind = "inprocess", pid = Sys.getpid(), python = python, why = why,
    alive = function() TRUE,
    answer = function(request) {
      reply <- entry(request[[1]], request[[2]])
      if (is.null(reply)) abort("engine", "Python gave no answer; its log says why.", call = NULL)
      reply
    }
  )
}

obstacle_in_process <- function(python) {
  if (.Platform$OS.type == "windows") return("not possible on Windows")
  if (is.null(python$libpython) || !file.exists(python$libpython)) {
    return(paste(python$python, "has no shared libpython"))
  }
  NULL
}

# The result of attach() is NULL or a string, so that reticulate keeps no Python object: it can
# crash when they are finalised.
attach_python <- function() {
  # reticulate leaves its own search path to all programs that R starts, other Pythons among them.
  path <- Sys.getenv("PYTHONPATH", NA)
  on.exit(if (is.na(path)) Sys.unsetenv("PYTHONPATH") else Sys.setenv(PYTHONPATH = path))
  problem <- tryCatch(
    suppressWarnings(
      reticulate::py_eval("__import__('r_bridge._session', fromlist=['attach']).attach()")
    ),
    error = function(error) conditionMessage(error)
  )
  if (is.null(problem)) NULL else trimws(problem)
}
