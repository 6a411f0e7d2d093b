# How fast do arrays and small calls cross between R and Python?
#
#   Rscript benchmarks/r_bridge.R [rows]
#
# The yardstick is what NumPy takes for the same cast and transposition in memory, measured inside
# the same Python process on an array that lies in R's order.

library(sklearncnn)

arguments <- commandArgs(TRUE)
rows <- if (length(arguments)) as.integer(arguments[1]) else 60000L
script <- sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))
commands <- file.path(dirname(script), "r_bridge_commands.py")

elapsed <- function(code, times = 3) {
  min(vapply(seq_len(times), function(i) system.time(code())[["elapsed"]], 0))
}

report <- function(label, seconds, yardstick = NULL) {
  ratio <- if (is.null(yardstick)) "" else sprintf("%6.2f times NumPy's %.3f s", seconds / yardstick, yardstick)
  cat(sprintf("  %-44s %8.3f s  %s\n", label, seconds, ratio))
}

images <- array(stats::runif(rows * 784), c(rows, 28, 28))
predictions <- matrix(stats::runif(rows * 10), rows)
cat(sprintf("%d x 28 x 28 doubles, %.0f MB\n", rows, 8 * length(images) / 1e6))

for (engine in c("inprocess", "process")) {
  options(sklearncnn.engine = engine)
  assign("engine", NULL, sklearncnn:::session)
  cat(engine, "\n")
  report("start of the engine", elapsed(function() sklearncnn:::echo(1), 1))
  call <- sklearncnn:::dispatch
  call("load_commands", list(path = normalizePath(commands)))
  cast <- call("time_of_cast", list(shape = dim(images)))
  report("R array to C-order float32", elapsed(function() {
    call("swallow", list(x = sklearncnn:::as_float32(images)))
  }), cast)
  call("keep", list(x = predictions))
  copy <- call("time_of_copy")
  report("predictions back, 10 columns", elapsed(function() call("give")), copy)
  n <- 2000
  small <- elapsed(function() for (i in seq_len(n)) sklearncnn:::echo(c(1, 2, 3)))
  cat(sprintf("  %-44s %8.0f a second\n", "small calls, three numbers and back", n / small))
}
