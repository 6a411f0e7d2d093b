# Networks that live in Python: the object has their archive, and Python revives it where needed.

# What a fitted object keeps of Python's reply.
archived <- function(reply) {
  trainable <- vapply(reply$parameters, function(parameter) parameter$trainable, NA)
  sizes <- vapply(reply$parameters, function(parameter) prod(parameter$shape), 0)
  list(
    coefficients = reply$coefficients, parameters = reply$parameters,
    rank = sum(sizes[trainable]), layers = as.data.frame(reply$layers),
    iterations = reply$iterations, history = history_frame(reply$history),
    archive = reply$archive, key = reply$key
  )
}

# Python knows the networks of its own session; to a new one the archive goes along. The weights go
# in any case: they may have been changed here.
ask_archive <- function(object, command, arguments) {
  arguments <- c(list(key = object$key, coefficients = as.array(object$coefficients)), arguments)
  tryCatch(
    dispatch(command, arguments, call = NULL),
    sklearncnn_NotRevivedError = function(error) {
      dispatch(command, c(arguments, list(archive = object$archive)), call = NULL)
    }
  )
}

# One name a coefficient: the array it stands in, and its place there.
coefficient_names <- function(parameters) {
  unlist(lapply(parameters, function(parameter) {
    places <- do.call(expand.grid, lapply(parameter$shape, seq_len))
    paste0(parameter$name, "[", do.call(paste, c(places, sep = ",")), "]")
  }))
}

#' The weights of a network as arrays
#'
#' @param object A model fitted by [cnn()] or [autoencoder()].
#' @returns A named list of arrays, in the order of the layers. The kernel of a convolution has the
#'   dimensions height, width, channels, filters.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- cnn(array(rnorm(360), c(10, 6, 6)), rnorm(10), filters = 2, hidden = 3, epochs = 1)
#' lapply(weight_arrays(fit), dim)
#' @export
weight_arrays <- function(object) {
  if (is.null(object$archive)) {
    abort("argument", "weight_arrays() is for models fitted by cnn() or autoencoder().")
  }
  sizes <- vapply(object$parameters, function(parameter) prod(parameter$shape), 0)
  starts <- cumsum(c(0, sizes))
  arrays <- lapply(seq_along(sizes), function(i) {
    array(object$coefficients[starts[i] + seq_len(sizes[i])], object$parameters[[i]]$shape)
  })
  stats::setNames(arrays, vapply(object$parameters, function(parameter) parameter$name, ""))
}

#' @rdname summary.sklearncnn_mlp
#' @export
summary.sklearncnn_cnn <- function(object, ...) {
  kept <- c(
    "call", "family", "layers", "coefficients", "activation", "archive", "deviance",
    "null.deviance", "df.residual", "df.null", "aic", "iterations", "history", "na.action", "theta"
  )
  structure(
    c(object[intersect(kept, names(object))], list(
      dispersion = dispersion(object), n = stats::nobs(object)
    )),
    class = "summary.sklearncnn_cnn"
  )
}

#' @export
print.summary.sklearncnn_cnn <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("\nCall:\n", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
  cat(architecture_line(x), "\n", training_line(x, digits), "\n\n", sep = "")
  print(x$layers, row.names = FALSE, right = FALSE)
  cat("\n")
  print_deviances(x, digits)
  invisible(x)
}
