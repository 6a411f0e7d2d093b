# How a network is trained, in R's words, and the same in the words of the Python estimators.

# Arguments of the fitting functions that name how to train, for Python. `arguments` is a list of
# those that were given or have defaults; unknown to Python is what R itself deals with.
training_settings <- function(arguments, seed) {
  settings <- list(random_state = seed)
  renamed <- c(
    activation = "activation", alpha = "alpha", learning_rate = "learning_rate_init",
    schedule = "learning_rate",
    dropout = "dropout", batch_normalization = "batch_normalization", filters = "filters",
    kernel_size = "kernel_size", strides = "strides", padding = "padding",
    pool_size = "pool_size", pooling = "pooling", architecture = "architecture",
    input_shape = "input_shape", components = "n_components", code_activation = "code_activation"
  )
  whole <- c(
    "filters", "kernel_size", "strides", "pool_size", "input_shape", "components"
  )
  for (name in intersect(names(renamed), names(arguments))) {
    value <- arguments[[name]]
    if (is.null(value)) next
    if (name %in% whole) value <- as.integer(value)
    if (name %in% c("alpha", "learning_rate", "dropout")) value <- as.double(value)
    # Not by [[<-, which drops what is set to NULL.
    settings[renamed[[name]]] <- list(if (!identical(value, "none")) value)
  }
  settings$hidden_layer_sizes <- as_sizes(arguments$hidden)
  c(settings, if (by_lbfgs(arguments)) lbfgs_settings(arguments) else epoch_settings(arguments))
}

# Sizes of layers as an array: one number is a layer, none is no layer.
as_sizes <- function(hidden) array(as.integer(hidden), length(hidden))

# L-BFGS where it is asked for, and by default where the fitting function has `starts`.
by_lbfgs <- function(arguments) {
  identical(arguments$optimizer, "lbfgs") ||
    !is.null(arguments$starts) && is.null(arguments$epochs) && is.null(arguments$optimizer)
}

lbfgs_settings <- function(arguments) {
  iterations <- if (is.null(arguments$max_iter)) 10000 else arguments$max_iter
  list(
    solver = "lbfgs", n_init = as.integer(if (is.null(arguments$starts)) 1 else arguments$starts),
    max_iter = as.integer(iterations), max_fun = as.integer(2 * iterations),
    tol = as.double(if (is.null(arguments$tol)) 1e-8 else arguments$tol),
    verbose = verbosity(arguments)
  )
}

epoch_settings <- function(arguments) {
  settings <- list(
    solver = if (is.null(arguments$optimizer)) "adam" else arguments$optimizer,
    max_iter = if (is.null(arguments$epochs)) 200L else as.integer(arguments$epochs),
    n_iter_no_change = if (is.null(arguments$patience)) Inf else as.integer(arguments$patience),
    verbose = verbosity(arguments)
  )
  if (!is.null(arguments$batch_size)) settings$batch_size <- as.integer(arguments$batch_size)
  settings
}

# Whole lines, one an epoch: what R's console, knitr and a log file all show.
verbosity <- function(arguments) if (isTRUE(arguments$verbose)) 2L else 0L

# One draw of R's generator, whatever the fit needs.
draw_seed <- function() sample.int(.Machine$integer.max, 1L)

check_count <- function(value, name, several = FALSE) {
  if (is.null(value) || several && !length(value)) return(invisible())
  valid <- is.numeric(value) && (several || length(value) == 1L) && !anyNA(value) &&
    all(value >= 1) && all(value == round(value))
  if (!valid) {
    abort("argument", paste0(
      "`", name, "` must be ", if (several) "whole numbers" else "a whole number",
      " of 1 or more, not ", paste(deparse(value), collapse = ""), "."
    ), call = NULL)
  }
}

check_share <- function(value, name) {
  valid <- is.numeric(value) && length(value) == 1L && !is.na(value) && value >= 0 && value < 1
  if (!valid) {
    abort("argument", paste0(
      "`", name, "` must be a number from 0 to below 1, not ", deparse(value)[1], "."
    ), call = NULL)
  }
}

check_flag <- function(value, name) {
  if (!isTRUE(value) && !isFALSE(value)) {
    abort("argument", paste0("`", name, "` must be TRUE or FALSE, not ", deparse(value)[1], "."),
      call = NULL
    )
  }
}

unused_arguments <- function(name, ...) {
  if (!...length()) return(invisible())
  given <- names(list(...))
  if (is.null(given) || !any(nzchar(given))) {
    abort("argument", paste0(name, "() was given more arguments than it has."), call = NULL)
  }
  abort("argument", paste0(
    name, "() has no argument ", paste0("`", given[nzchar(given)], "`", collapse = ", "), "."
  ), call = NULL)
}
