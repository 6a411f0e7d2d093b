#' Fit a convolutional network
#'
#' A convolutional network for pictures and signals as a statistical model: the response has a
#' family, as in [mlp()], and the fit answers to `summary()`, `predict()`, `logLik()` and so on.
#'
#' Pictures are arrays with one picture a row, `x[i, , , ]`; element `x[i, row, column, channel]` is
#' the same element in Python. Rows of a matrix or data frame are pictures too where `input_shape`
#' tells their size; the values of a row are then in the order of such files, line by line, the
#' channels of a pixel side by side. Without `input_shape` they are signals.
#'
#' Pictures are not scaled: divide pixels by 255. A gaussian response is standardised inside.
#' Random numbers come from R's generator: `set.seed()` makes a fit reproducible. The fitted object
#' holds the whole network: `saveRDS()` keeps it, and it works in other sessions, which start Python
#' when they first predict.
#'
#' @param x,formula An array of pictures (rows, height, width, channels), (rows, height, width), or
#'   of signals (rows, length, channels); a matrix; or a formula, whose columns are the values.
#' @param data A data frame with the variables of the formula.
#' @param y The response, where `x` is no formula.
#' @param family,weights,offset,subset,na.action As in [mlp()].
#' @param filters Feature maps of each convolution.
#' @param kernel_size,strides,pool_size Sizes, one for all axes and layers.
#' @param padding `"same"`, `"valid"`, `"replicate"` or `"reflect"`.
#' @param pooling `"max"`, `"average"` or `"none"`.
#' @param hidden Units of the dense layers between convolutions and output.
#' @param architecture `"lenet"` or `"lenet5"`, instead of the network that the sizes describe.
#' @param input_shape Height, width and channels of a row, or length and channels.
#' @param activation Activation of the layers, a name of Keras.
#' @param dropout Share of the inputs of each dense layer silenced at each step.
#' @param batch_normalization Whether to normalise layers over the batch.
#' @param epochs,batch_size,optimizer,learning_rate Training by mini-batches: epochs, rows of a
#'   step, the name of a Keras optimizer and its rate at the start.
#' @param schedule What becomes of the rate: `"cosine"` lets it fall to zero over `epochs`, half a
#'   cosine, however early training ends; `"constant"` leaves it, for which 0.001 is a good rate.
#' @param alpha L2 penalty on the kernels.
#' @param validation_split Share of the rows that are drawn to be held back and watched; the best
#'   weights seen are kept.
#' @param validation_data A list of `x` and `y` to be watched instead.
#' @param patience Epochs without a better validation loss (or training loss, without validation
#'   rows) after which training ends; `NULL` runs all epochs. While a falling rate is high there may
#'   be many of them.
#' @param verbose Whether to print a line an epoch.
#' @param model Whether to keep the data in the object, for `cross_validate()` and `importance()`.
#' @param ... The arguments of the default method.
#' @returns An object of class `sklearncnn_cnn`: a list with the elements of [mlp()]'s, except that
#'   `coefficients` has no names until `coef()` gives them, and with `layers`, a data frame of the
#'   layers, and `archive`, the network as Python keeps it.
#' @seealso [plot.sklearncnn()] draws the history and the filters.
#' @examplesIf python_ready()
#' set.seed(1)
#' pictures <- array(rnorm(40 * 6 * 6), c(40, 6, 6))
#' kind <- factor(rep(c("lines", "points"), 20))
#' pictures[kind == "lines", 3, ] <- pictures[kind == "lines", 3, ] + 3
#' fit <- cnn(pictures, kind, filters = 4, hidden = 8, epochs = 10)
#' table(kind, predict(fit, pictures, type = "class"))
#' @export
cnn <- function(x, ...) UseMethod("cnn")

#' @rdname cnn
#' @export
cnn.formula <- function(formula, data, family = NULL, weights, offset, subset, na.action, ...) {
  call <- match.call()
  frame <- frame_of_call(match.call(expand.dots = FALSE), parent.frame())
  y <- response_of_frame(frame)
  x <- design_matrix(attr(frame, "terms"), frame, NULL)
  fit <- cnn.default(
    x, y,
    family = family,
    weights = as.vector(stats::model.weights(frame)),
    offset = as.vector(stats::model.offset(frame)), ...
  )
  call[[1]] <- quote(cnn)
  remember_formula(fit, call, frame, x, if (missing(data)) environment(formula) else data)
}

#' @rdname cnn
#' @export
cnn.default <- function(x, y, family = NULL, weights = NULL, offset = NULL, filters = c(32, 64),
                        kernel_size = 3, strides = 1, padding = "same", pool_size = 2,
                        pooling = "max", hidden = 64, architecture = NULL, input_shape = NULL,
                        activation = "relu", dropout = 0, batch_normalization = FALSE, epochs = 20,
                        batch_size = 64, optimizer = "adam", learning_rate = 0.003,
                        schedule = "cosine", alpha = 0, validation_split = 0,
                        validation_data = NULL, patience = NULL, verbose = FALSE, model = TRUE,
                        ...) {
  unused_arguments("cnn", ...)
  call <- match.call()
  call[[1]] <- quote(cnn)
  x <- as_pictures(x, input_shape)
  check_rows(x, y)
  arguments <- list(
    filters = filters, kernel_size = kernel_size, strides = strides, padding = padding,
    pool_size = pool_size, pooling = pooling, hidden = hidden, architecture = architecture,
    input_shape = input_shape, activation = activation, dropout = dropout,
    batch_normalization = batch_normalization, epochs = epochs, batch_size = batch_size,
    optimizer = optimizer, learning_rate = learning_rate, schedule = schedule, alpha = alpha,
    patience = patience, verbose = verbose
  )
  check_schedule(schedule)
  check_network_arguments(arguments)
  if (is.character(y)) y <- factor(y)
  family <- resolve_family(family, y)
  if (kind_of(family) == "negative_binomial" && is.null(family$theta)) {
    abort("family", "cnn() does not estimate theta: give it, as in negative_binomial(2).", NULL)
  }
  weights <- check_weights(weights, dim(x)[1])
  offset <- check_offset(offset, dim(x)[1])
  encoded <- encode_response(y, weights, family, "y")
  scaling <- list(response = response_scaling(encoded, offset, family))
  check_watching(validation_split, validation_data, offset, scaling)
  seed <- draw_seed()
  settings <- training_settings(arguments, seed)
  reply <- dispatch("fit_convolutional", list(
    x = sent_pictures(x, input_shape),
    y = as.array(scale_response(encoded$y, offset, scaling)),
    family = python_family(family),
    settings = settings,
    weights = as.array(encoded$weights),
    offset = if (is.null(scaling$response) && !is.null(offset)) as.array(offset),
    validation = watched_rows(validation_data, input_shape, dim(x), encoded, family, scaling),
    validation_split = as.double(validation_split)
  ), call = NULL)
  fit <- structure(
    c(
      list(
        family = family, levels = encoded$levels, y = encoded$y, hidden = as.integer(hidden),
        activation = activation, prior.weights = encoded$weights, trials = encoded$n,
        offset = offset, x = if (model) x, row_shape = dim(x)[-1], input_shape = input_shape,
        response_scaling = scaling$response, arguments = arguments, seed = seed, call = call
      ),
      archived(reply)
    ),
    class = c("sklearncnn_cnn", "sklearncnn")
  )
  fit$linear.predictors <- link_of_mean(fit, reply$mean, offset, scaled_offset = TRUE)
  with_fitted_values(fit)
}

# Pictures as an array, rows of tables as a matrix.
as_pictures <- function(x, input_shape) {
  if (!is.null(input_shape)) {
    if (!is.numeric(input_shape) || !length(input_shape) %in% 2:3 || any(input_shape < 1)) {
      abort("argument", paste0(
        "`input_shape` must be height, width and channels, or length and channels, not ",
        deparse(input_shape)[1], "."
      ), call = NULL)
    }
    x <- predictor_matrix(x)
    if (ncol(x) != prod(input_shape)) {
      abort("data", paste0(
        "`x` has ", ncol(x), " columns, but input_shape = ", deparse(as.numeric(input_shape)),
        " needs ", prod(input_shape), "."
      ), call = NULL)
    }
    return(x)
  }
  if (is.data.frame(x) || is.matrix(x)) return(predictor_matrix(x))
  if (!is.array(x) || !is.numeric(x) || !length(dim(x)) %in% 3:4) {
    abort("data", paste0(
      "`x` must be a numeric array of three or four dimensions, rows first, or a matrix, not ",
      what_it_is(x), "."
    ), call = NULL)
  }
  x
}

what_it_is <- function(x) {
  if (is.array(x)) {
    paste0("an array of type \"", typeof(x), "\" with dimensions ", paste(dim(x), collapse = " x "))
  } else {
    paste0("an object of class \"", class(x)[1], "\"")
  }
}

# Networks of pictures compute in float32: so they may cross.
sent_pictures <- function(x, input_shape) {
  attributes(x) <- list(dim = dim(x))
  if (length(dim(x)) > 2L || !is.null(input_shape)) as_float32(x) else x + 0
}

# New rows, of the shape of those of the fit.
rows_of_pictures <- function(x, row_shape, name) {
  if (is.data.frame(x) && length(row_shape) == 1L) x <- predictor_matrix(x)
  if (!is.array(x) || !is.numeric(x) || !identical(dim(x)[-1], row_shape)) {
    abort("data", paste0(
      "`", name, "` must be a numeric array with dimensions n x ",
      paste(row_shape, collapse = " x "), ", as that of the fit, not ", what_it_is(x), "."
    ), call = NULL)
  }
  x
}

watched_rows <- function(given, input_shape, shape, encoded, family, scaling) {
  if (is.null(given)) return(NULL)
  if (!is.list(given) || length(given) < 2L) {
    abort("argument", "`validation_data` must be a list of `x` and `y`.", call = NULL)
  }
  x <- rows_of_pictures(as_pictures(given[[1]], input_shape), shape[-1], "validation_data[[1]]")
  y <- watched_response(given[[2]], x, encoded, family, scaling)
  list(x = sent_pictures(x, input_shape), y = y)
}

# The response of validation rows, encoded and scaled as that of the fit.
watched_response <- function(y, x, encoded, family, scaling) {
  if (!is.null(encoded$levels)) {
    unknown <- setdiff(unique(as.character(y)), encoded$levels)
    if (length(unknown)) {
      abort("new_level", paste0(
        "The response of `validation_data` has \"", unknown[1], "\", but that of the fit only ",
        paste0("\"", encoded$levels, "\"", collapse = ", "), "."
      ), call = NULL)
    }
    y <- factor(as.character(y), levels = encoded$levels)
  }
  check_rows(x, y)
  y <- if (is.matrix(encoded$y)) {
    diag(length(encoded$levels))[as.integer(y), , drop = FALSE]
  } else {
    encode_response(y, rep(1, NROW(y)), family, "validation_data[[2]]")$y
  }
  as.array(scale_response(y, NULL, scaling))
}

check_watching <- function(split, data, offset, scaling) {
  check_share(split, "validation_split")
  if (!is.null(offset) && is.null(scaling$response) && (split > 0 || !is.null(data))) {
    abort("offset", "Rows with an offset cannot be watched: leave out the validation rows.", NULL)
  }
}

check_network_arguments <- function(arguments) {
  sizes <- c("filters", "kernel_size", "strides", "pool_size", "hidden", "input_shape")
  for (name in intersect(sizes, names(arguments))) {
    check_count(arguments[[name]], name, several = TRUE)
  }
  for (name in c("epochs", "batch_size", "patience", "components", "starts")) {
    check_count(arguments[[name]], name)
  }
  check_share(arguments$dropout, "dropout")
  check_flag(arguments$verbose, "verbose")
  check_flag(arguments$batch_normalization, "batch_normalization")
}

check_schedule <- function(schedule) {
  if (!is.character(schedule) || length(schedule) != 1L || !schedule %in% c("cosine", "constant")) {
    abort("argument", paste0(
      "`schedule` must be \"cosine\" or \"constant\", not ", deparse(schedule)[1], "."
    ), call = NULL)
  }
}

# Linear predictors from means that Python has computed; a gaussian response was standardised.
link_of_mean <- function(object, mean, offset = NULL, scaled_offset = FALSE) {
  if (!is.null(object$response_scaling)) {
    mean <- mean * object$response_scaling[2] + object$response_scaling[1]
    return(if (scaled_offset && !is.null(offset)) mean + offset else mean)
  }
  if (is.matrix(mean)) {
    # Log-odds against the first level; a float32 probability may be 0.
    logs <- log(pmax(mean, .Machine$double.xmin))
    return(logs[, -1L, drop = FALSE] - logs[, 1L])
  }
  if (kind_of(object$family) == "binomial") {
    mean <- pmin(pmax(mean, .Machine$double.xmin), 1 - .Machine$double.eps / 2)
  }
  object$family$linkfun(mean)
}

archive_link <- function(object, x) {
  link_of_mean(object, ask_archive(object, "network_mean", list(
    x = sent_pictures(x, object$input_shape)
  )))
}
