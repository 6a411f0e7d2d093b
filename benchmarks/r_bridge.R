# How fast do arrays and small calls cross between R and Python?
#
#   Rscript benchmarks/r_bridge.R [rows]
#
# The yardsticks are what NumPy takes for the same cast and transposition in memory, measured inside
# the same Python process, and what R takes to copy the result: memory that R has not used before has
# to be found first, 4 KB at a time. An array that a worker sees for the first time takes longer than
# those of its size that follow, so both are told.

library(sklearncnn)

arguments <- commandArgs(TRUE)
rows <- if (length(arguments)) as.integer(arguments[1]) else 60000L
script <- sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))
commands <- file.path(dirname(script), "r_bridge_commands.py")

elapsed <- function(code, times = 10) {
  vapply(seq_len(times), function(i) {
    start <- Sys.time()
    code()
    as.numeric(Sys.time() - start, units = "secs")
  }, 0)
}

report <- function(label, seconds, ...) {
  yardsticks <- c(...)
  ratios <- sprintf("%6.1f x %s's %.2f ms", seconds / yardsticks, names(yardsticks), 1e3 * yardsticks)
  cat(sprintf("  %-44s %8.2f ms %s\n", label, 1e3 * seconds, paste(ratios, collapse = "")))
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
  seconds <- elapsed(function() call("swallow", list(x = sklearncnn:::as_float32(images))))
  report("R array to C-order float32, the first", seconds[1], NumPy = cast)
  report("and the quickest later", min(seconds[-1]), NumPy = cast)
  call("keep", list(x = predictions))
  cast_back <- call("time_of_cast_back")
  copy <- stats::median(elapsed(function() predictions + 0, 100))
  seconds <- elapsed(function() call("give"), 100)
  report("predictions back, 10 columns", stats::median(seconds), NumPy = cast_back, R = copy)
  a_second <- function(label, code) {
    cat(sprintf("  %-44s %8.0f a second\n", label, 1 / stats::median(elapsed(code, 2000))))
  }
  a_second("small calls, three numbers and back", function() sklearncnn:::echo(c(1, 2, 3)))
  model <- keras_model_sequential() %>%
    layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
    layer_dense(units = 3, activation = "softmax")
  row <- matrix(1, 1, 4)
  predict(model, row)
  a_second("predictions of one row, 4-8-3 network", function() predict(model, row))
  perceptron <- mlp(Species ~ ., iris, hidden = 8, epochs = 1)
  a_second("the same of mlp(), in R alone", function() predict(perceptron, iris[1, ]))
}
