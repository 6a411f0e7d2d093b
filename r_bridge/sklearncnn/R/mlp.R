#' Fit a multi-layer perceptron
#'
#' A dense network as a statistical model: a formula, a family, weights, an offset, and a fit that
#' answers to `summary()`, `predict()`, `logLik()`, `vcov()` and so on. Without a hidden layer it is
#' the model of [stats::lm()], [stats::glm()] or `nnet::multinom()`, and has its coefficients.
#'
#' The fit minimises the deviance by L-BFGS in double precision, from several random starts, the
#' best of which is kept. With `epochs` or `optimizer` it is trained by mini-batches instead.
#' Inside, columns are standardised (population standard deviation, and with the gaussian family and
#' identity link the response too); coefficients are reported in the units of the data. Random
#' numbers come from R's generator: `set.seed()` makes a fit reproducible.
#'
#' A network has an intercept in every unit. Interactions, transformations, factors and their
#' contrasts, `offset()` and missing values are those of R's model formulas.
#'
#' @param x,formula A formula, or a matrix or data frame of predictors.
#' @param data A data frame with the variables of the formula.
#' @param y The response, where `x` is no formula.
#' @param hidden Units of each hidden layer; `NULL` or `integer(0)` for none.
#' @param family A family of R, by name or as a call such as `binomial("probit")`: gaussian,
#'   binomial, poisson, Gamma, [multinomial()] or [negative_binomial()], which
#'   `MASS::negative.binomial()` may stand for. By default the response decides: a factor of two
#'   levels is binomial, of more multinomial, numbers are gaussian.
#' @param weights,offset,subset,na.action,contrasts As in [stats::glm()].
#' @param activation Activation of the hidden units: `"tanh"`, `"logistic"`, `"relu"`,
#'   `"softplus"`, `"elu"`, `"silu"`, `"gelu"` or `"identity"`.
#' @param starts Number of random starts of L-BFGS.
#' @param alpha L2 penalty on the weights, as in the Python class MLPRegressor, on the standardised
#'   scale.
#' @param standardize Whether to standardise columns inside.
#' @param epochs Number of epochs; given, or with `optimizer`, trains by mini-batches (200 by
#'   default).
#' @param optimizer Name of a Keras optimizer, such as `"adam"`.
#' @param learning_rate,batch_size Rate and rows of a step of the optimizer.
#' @param dropout Share of the hidden units silenced at each step, none in `predict()`; for training
#'   by mini-batches.
#' @param validation_split Share of the rows that are drawn to be held back and watched in training
#'   by mini-batches; the best weights seen are kept. Columns are standardised by all rows, and
#'   deviance, residuals and so on are those of all rows.
#' @param validation_data Rows to be watched instead: a data frame where the model has a formula, and
#'   a list of `x` and `y` otherwise.
#' @param patience Epochs without a better validation loss (or training loss, without validation
#'   rows) after which training ends; `NULL` runs all epochs.
#' @param verbose Whether to print a line an epoch, or iteration.
#' @param response Name of the response in the names of the coefficients.
#' @param max_iter,tol Iterations of L-BFGS, and the size of the gradient at which it stops.
#' @param ... The arguments of the default method.
#' @returns An object of class `sklearncnn_mlp`: a list with `coefficients` (one flat named
#'   vector, from which `predict()` computes), `fitted.values`, `residuals`, `linear.predictors`,
#'   `family`, `deviance`, `null.deviance`, `df.residual`, `df.null`, `weights`, `prior.weights`,
#'   `y`, `terms`, `model`, `xlevels`, `contrasts`, `na.action`, `offset`, `call`, `formula` and
#'   `history`; with [negative_binomial()] also `theta`, and where that was estimated `SE.theta`.
#'   Ctrl-C returns the network trained so far, with a warning.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- mlp(dist ~ speed, cars, hidden = 3, starts = 2)
#' fit
#' predict(fit, data.frame(speed = c(10, 20)))
#' # Without a hidden layer: the coefficients of lm().
#' coef(mlp(dist ~ speed, cars, hidden = NULL))
#' @export
mlp <- function(x, ...) UseMethod("mlp")

#' @rdname mlp
#' @export
mlp.formula <- function(formula, data, hidden = 5, family = NULL, weights, offset, subset,
                        na.action, contrasts = NULL, validation_data = NULL, ...) {
  call <- match.call()
  frame <- frame_of_call(match.call(expand.dots = FALSE), parent.frame())
  y <- response_of_frame(frame)
  x <- design_matrix(attr(frame, "terms"), frame, contrasts)
  if (is.data.frame(validation_data)) {
    validation_data <- watched_frame(validation_data, frame, contrasts)
  }
  fit <- mlp.default(
    x, y,
    hidden = hidden, family = family,
    weights = as.vector(stats::model.weights(frame)),
    offset = as.vector(stats::model.offset(frame)),
    validation_data = validation_data, response = deparse(formula[[2]])[1], ...
  )
  call[[1]] <- quote(mlp)
  remember_formula(fit, call, frame, x, if (missing(data)) environment(formula) else data)
}

#' @rdname mlp
#' @export
mlp.default <- function(x, y, hidden = 5, family = NULL, weights = NULL, offset = NULL,
                        activation = "tanh", starts = 5, alpha = 0, standardize = TRUE,
                        epochs = NULL, optimizer = NULL, learning_rate = 0.001, batch_size = NULL,
                        dropout = 0, max_iter = 10000, tol = 1e-8, validation_split = 0,
                        validation_data = NULL, patience = NULL, verbose = FALSE,
                        response = deparse(substitute(y))[1], ...) {
  force(response)
  unused_arguments("mlp", ...)
  call <- match.call()
  call[[1]] <- quote(mlp)
  if (is.matrix(x) && !ncol(x)) {
    abort("data", "There are no predictors: a network needs one at least.", NULL)
  }
  x <- predictor_matrix(x)
  check_rows(x, y)
  arguments <- list(
    hidden = hidden, activation = activation, starts = starts, alpha = alpha, epochs = epochs,
    optimizer = optimizer, learning_rate = learning_rate, batch_size = batch_size,
    dropout = dropout, max_iter = max_iter, tol = tol, patience = patience, verbose = verbose
  )
  check_mlp_arguments(arguments)
  check_flag(standardize, "standardize")
  if (is.character(y)) y <- factor(y)
  family <- resolve_family(family, y)
  estimate_theta <- kind_of(family) == "negative_binomial" && is.null(family$theta)
  if (estimate_theta && !by_lbfgs(arguments)) {
    abort("family", paste(
      "By epochs theta is not estimated: give it, as in negative_binomial(2), or leave out",
      "`epochs` and `optimizer`."
    ), call = NULL)
  }
  weights <- check_weights(weights, nrow(x))
  offset <- check_offset(offset, nrow(x))
  encoded <- encode_response(y, weights, family, response)
  several <- is.matrix(encoded$y)
  outputs <- if (several) encoded$levels[-1] else response
  units <- unit_names(colnames(x), as.integer(hidden), outputs)

  size <- sum((lengths(units)[-length(units)] + 1) * lengths(units)[-1])
  if (size > 2000 && by_lbfgs(arguments)) {
    message(size, " coefficients by L-BFGS may take long: `epochs` trains by mini-batches.")
  }
  scaling <- scaling_of(x, encoded, offset, family, standardize)
  check_watching(validation_split, validation_data, offset, scaling)
  if (by_lbfgs(arguments) && (validation_split > 0 || !is.null(validation_data))) {
    abort("argument", "Validation rows need mini-batches: give `epochs` too.", call = NULL)
  }
  seed <- draw_seed()
  settings <- training_settings(arguments, seed)
  settings$hidden_layer_sizes <- NULL
  reply <- dispatch("fit_dense", list(
    x = scale_columns(x, scaling),
    y = as.array(scale_response(encoded$y, offset, scaling)),
    family = python_family(family),
    hidden = as_sizes(hidden),
    settings = settings,
    weights = as.array(encoded$weights),
    offset = if (is.null(scaling$response) && !is.null(offset)) as.array(offset),
    validation = watched_predictors(validation_data, x, encoded, family, scaling),
    validation_split = as.double(validation_split)
  ), call = NULL)
  matrices <- original_units(reply, scaling, several)
  for (layer in seq_along(matrices)) {
    dimnames(matrices[[layer]]) <- list(c("(Intercept)", units[[layer]]), units[[layer + 1L]])
  }
  fit <- structure(
    list(
      coefficients = flat_coefficients(matrices, units), units = units, hidden = as.integer(hidden),
      activation = activation, family = family, levels = encoded$levels, y = encoded$y,
      prior.weights = encoded$weights, trials = encoded$n, offset = offset, x = x,
      iterations = reply$iterations, history = history_frame(reply$history),
      standardized = standardize, alpha = alpha, arguments = arguments, seed = seed, call = call
    ),
    class = c("sklearncnn_mlp", "sklearncnn")
  )
  if (!is.null(reply$theta)) {
    fit$family <- negative_binomial(reply$theta)
    fit$theta <- reply$theta
    fit$theta_estimated <- estimate_theta
  }
  with_fitted_values(fit)
}

# Validation rows of a formula as predictors and response.
watched_frame <- function(data, frame, contrasts) {
  terms <- attr(frame, "terms")
  levels <- stats::.getXlevels(terms, frame)
  check_levels(list(xlevels = levels), data)
  watched <- stats::model.frame(terms, data, xlev = levels)
  list(design_matrix(terms, watched, contrasts), response_of_frame(watched))
}

watched_predictors <- function(given, x, encoded, family, scaling) {
  if (is.null(given)) return(NULL)
  if (!is.list(given) || length(given) < 2L) {
    abort("argument", "`validation_data` must be a list of `x` and `y`.", call = NULL)
  }
  watched <- predictor_matrix(given[[1]])
  if (ncol(watched) != ncol(x)) {
    abort("data", paste0(
      "`validation_data` has ", ncol(watched), " columns, but the model is fitted to ", ncol(x), "."
    ), call = NULL)
  }
  list(
    x = scale_columns(watched, scaling),
    y = watched_response(given[[2]], watched, encoded, family, scaling)
  )
}

check_mlp_arguments <- function(arguments) {
  check_activation(arguments$activation)
  check_count(arguments$hidden, "hidden", several = TRUE)
  for (name in c("starts", "epochs", "batch_size", "max_iter", "patience")) {
    check_count(arguments[[name]], name)
  }
  check_share(arguments$dropout, "dropout")
  check_flag(arguments$verbose, "verbose")
  if (arguments$dropout > 0 && by_lbfgs(arguments)) {
    abort("argument", "`dropout` needs mini-batches: give `epochs` too.", call = NULL)
  }
  if (!is.null(arguments$patience) && by_lbfgs(arguments)) {
    abort("argument", "`patience` needs mini-batches: give `epochs` too.", call = NULL)
  }
}

# One row an epoch, or an iteration of L-BFGS.
history_frame <- function(history) {
  as.data.frame(c(list(epoch = seq_along(history$loss)), history))
}

# Weights of the network for data as the user has them: one matrix a layer, intercepts on top.
original_units <- function(reply, scaling, several) {
  matrices <- Map(function(kernel, bias) rbind(bias, kernel), reply$kernels, reply$biases)
  first <- matrices[[1]]
  kernel <- first[-1, , drop = FALSE] / scaling$scale
  matrices[[1]] <- rbind(first[1, ] - colSums(kernel * scaling$center), kernel)
  last <- length(matrices)
  if (several) {
    # Softmax only sees differences: the first level is the reference.
    matrices[[last]] <- matrices[[last]][, -1, drop = FALSE] - matrices[[last]][, 1]
  }
  if (!is.null(scaling$response)) {
    matrices[[last]] <- matrices[[last]] * scaling$response[2]
    matrices[[last]][1, ] <- matrices[[last]][1, ] + scaling$response[1]
  }
  matrices
}
