#' @importFrom generics compile
#' @export
generics::compile

#' @importFrom generics fit
#' @export
generics::fit

#' Say how a model is trained
#'
#' @param object A model.
#' @param optimizer Name of an optimizer, or a call such as `optimizer_rmsprop(learning_rate =
#'   0.001)`.
#' @param loss Name of a loss, or a call such as `loss_binary_crossentropy()`; a list for several
#'   outputs.
#' @param metrics Names of metrics, or calls such as `metric_auc()`, in a vector or list. They keep
#'   the names that they are given here: `"acc"` is reported as `acc` and `val_acc`.
#' @param loss_weights Weights of the losses of several outputs.
#' @param weighted_metrics Metrics that weigh rows as the loss does.
#' @param ... Further arguments of Keras's `compile()`, such as `jit_compile`.
#' @returns The model itself, changed in place, invisibly.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 2)
#' model %>% compile(optimizer = optimizer_sgd(learning_rate = 0.1), loss = "mse", metrics = "mae")
#' @export
compile.sklearncnn_keras_model <- function(object, optimizer = "rmsprop", loss = NULL,
                                           metrics = NULL, loss_weights = NULL,
                                           weighted_metrics = NULL, ...) {
  # A call such as compile(model, loss = , optimizer = ) of a bare function means its defaults.
  arguments <- list(
    optimizer = optimizer, loss = loss, metrics = as_items(metrics),
    loss_weights = loss_weights, weighted_metrics = as_items(weighted_metrics), ...
  )
  reply <- call_kept(object, "compile_model", arguments = sendable(arguments))
  take_reply(object, reply)
}

# One metric, or a vector of names, is a list of metrics.
as_items <- function(x) {
  if (is.null(x)) return(NULL)
  if (is.function(x) || inherits(x, "sklearncnn_keras_object")) x <- list(x)
  if (is.character(x)) as.list(unname(x)) else x
}

# Data as arrays: what R means by a vector, a matrix, a data frame, a list of them.
as_data <- function(x, name, call = sys.call(-1)) {
  force(call)
  if (is.null(x)) return(NULL)
  if (is.factor(x)) {
    abort("data", paste0(
      "`", name, "` is a factor: give class numbers from 0, as.integer(", name, ") - 1, or one ",
      "column a class, to_categorical(as.integer(", name, ") - 1)."
    ), call = call)
  }
  if (is.data.frame(x)) {
    wrong <- names(x)[!vapply(x, function(column) is.numeric(column) || is.logical(column), NA)]
    if (length(wrong)) {
      abort("data", paste0(
        "Column `", wrong[1], "` of `", name, "` is of class \"", class(x[[wrong[1]]])[1],
        "\": a network takes numbers. model.matrix() makes them."
      ), call = call)
    }
    x <- unname(as.matrix(x))
  } else if (is.list(x)) {
    return(Map(function(part, i) as_data(part, paste0(name, "[[", i, "]]"), call), x, seq_along(x)))
  }
  if (!is.atomic(x)) {
    abort("data", paste0(
      "`", name, "` is of class \"", class(x)[1], "\": an array or matrix of numbers is wanted."
    ), call = call)
  }
  # Setting attributes copies.
  if (!identical(names(attributes(x)), "dim")) {
    attributes(x) <- list(dim = if (is.null(dim(x))) length(x) else dim(x))
  }
  if (is.logical(x)) storage.mode(x) <- "integer"
  if (anyNA(x)) {
    abort("data", paste0("`", name, "` has missing values: leave such rows out, or fill them in."), call)
  }
  if (is.double(x)) as_float32(x) else x
}

rows_of <- function(x) {
  if (is.list(x) && !is.data.frame(x)) x <- x[[1]]
  NROW(x)
}

check_same_rows <- function(x, y, call) {
  if (!is.null(y) && rows_of(x) != rows_of(y)) {
    abort("data", paste0(
      "`x` has ", rows_of(x), " rows, but `y` has ", rows_of(y), ": the first dimension is the rows."
    ), call = call)
  }
}

check_compiled <- function(model, call) {
  if (is.null(state_of(model)$state$config)) return()
  if (!grepl("\"compile_config\": \\{\"", state_of(model)$state$config)) {
    abort("not_compiled", paste(
      "The model is not compiled: say how it is trained by",
      "compile(optimizer = , loss = , metrics = )."
    ), call = call)
  }
}
