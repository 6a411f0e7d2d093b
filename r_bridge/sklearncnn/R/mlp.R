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
#'   binomial, poisson, Gamma, or [multinomial()]. By default the response decides: a factor of two
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
#' @param response Name of the response in the names of the coefficients.
#' @param max_iter,tol Iterations of L-BFGS, and the size of the gradient at which it stops.
#' @param ... The arguments of the default method.
#' @returns An object of class `sklearncnn_mlp`: a list with `coefficients` (one flat named
#'   vector, from which `predict()` computes), `fitted.values`, `residuals`, `linear.predictors`,
#'   `family`, `deviance`, `null.deviance`, `df.residual`, `df.null`, `weights`, `prior.weights`,
#'   `y`, `terms`, `model`, `xlevels`, `contrasts`, `na.action`, `offset`, `call` and `formula`.
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
                        na.action, contrasts = NULL, ...) {
  call <- match.call()
  frame <- match.call(expand.dots = FALSE)
  kept <- c("formula", "data", "weights", "offset", "subset", "na.action")
  frame <- frame[c(1L, match(kept, names(frame), 0L))]
  frame$drop.unused.levels <- TRUE
  frame[[1L]] <- quote(stats::model.frame)
  frame <- eval(frame, parent.frame())
  terms <- attr(frame, "terms")
  if (attr(terms, "intercept") == 0L) {
    abort("formula", "A network has an intercept in every unit: leave out `- 1` or `+ 0`.")
  }
  x <- stats::model.matrix(terms, frame, contrasts)
  y <- stats::model.response(frame, "any")
  if (is.null(y)) abort("formula", "The formula has no response on its left side.")
  fit <- mlp.default(
    x[, -1L, drop = FALSE], y,
    hidden = hidden, family = family,
    weights = as.vector(stats::model.weights(frame)),
    offset = as.vector(stats::model.offset(frame)),
    response = deparse(formula[[2]])[1], ...
  )
  fit$call <- call
  fit$call[[1]] <- quote(mlp)
  fit$formula <- stats::formula(terms)
  fit$terms <- terms
  fit$model <- frame
  fit$xlevels <- stats::.getXlevels(terms, frame)
  fit$contrasts <- attr(x, "contrasts")
  fit$na.action <- attr(frame, "na.action")
  fit$data <- if (missing(data)) environment(formula) else data
  fit
}

#' @rdname mlp
#' @export
mlp.default <- function(x, y, hidden = 5, family = NULL, weights = NULL, offset = NULL,
                        activation = "tanh", starts = 5, alpha = 0, standardize = TRUE,
                        epochs = NULL, optimizer = NULL, learning_rate = 0.001, batch_size = NULL,
                        max_iter = 10000, tol = 1e-8, response = deparse(substitute(y))[1], ...) {
  force(response)
  if (...length()) unused_arguments(...)
  call <- match.call()
  call[[1]] <- quote(mlp)
  x <- predictor_matrix(x)
  if (NROW(y) != nrow(x)) {
    abort("data", paste0("`x` has ", nrow(x), " rows, but `y` has ", NROW(y), "."), call = NULL)
  }
  if (anyNA(x) || anyNA(y)) {
    abort("data", paste(
      "`x` and `y` must have no missing values: leave such rows out, or use a formula, which does."
    ), call = NULL)
  }
  check_activation(activation)
  check_count(hidden, "hidden", several = TRUE)
  check_count(starts, "starts")
  check_count(epochs, "epochs")
  check_count(batch_size, "batch_size")
  if (is.character(y)) y <- factor(y)
  family <- resolve_family(family, y)
  if (is.null(weights)) weights <- rep(1, nrow(x))
  if (!is.numeric(weights) || anyNA(weights) || any(weights < 0)) {
    abort("weights", "`weights` must be numbers of zero or more, without NA.", call = NULL)
  }
  encoded <- encode_response(y, weights, family, response)
  several <- is.matrix(encoded$y)
  outputs <- if (several) encoded$levels[-1] else response
  units <- unit_names(colnames(x), as.integer(hidden), outputs)

  size <- sum((lengths(units)[-length(units)] + 1) * lengths(units)[-1])
  if (size > 2000 && is.null(epochs) && is.null(optimizer)) {
    message(size, " coefficients by L-BFGS may take long: `epochs` trains by mini-batches.")
  }
  scaling <- scaling_of(x, encoded, offset, family, standardize)
  reply <- dispatch("fit_dense", list(
    x = scale_columns(x, scaling),
    y = as.array(scale_response(encoded$y, offset, scaling)),
    family = list(name = python_families[[family$family]], link = family$link),
    hidden = as.integer(hidden),
    settings = fit_settings(
      activation, starts, alpha, epochs, optimizer, learning_rate, batch_size, max_iter, tol
    ),
    weights = as.array(encoded$weights),
    offset = if (is.null(scaling$response) && !is.null(offset)) as.array(offset),
    all_epochs = !is.null(epochs) || !is.null(optimizer)
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
      iterations = reply$iterations, history = reply$loss, standardized = standardize,
      alpha = alpha, call = call
    ),
    class = c("sklearncnn_mlp", "sklearncnn")
  )
  with_fitted_values(fit)
}

predictor_matrix <- function(x) {
  if (is.data.frame(x)) {
    bad <- names(x)[!vapply(x, function(column) is.numeric(column) || is.logical(column), NA)]
    if (length(bad)) {
      abort("data", paste0(
        "Column `", bad[1], "` of `x` is of class \"", class(x[[bad[1]]])[1],
        "\": use a formula, which codes factors, as in mlp(y ~ ., data)."
      ), call = NULL)
    }
    x <- as.matrix(x) + 0
  }
  if (!is.matrix(x) || !is.numeric(x)) {
    abort("data", paste0(
      "`x` must be a formula, a numeric matrix or a data frame, not an object of class \"",
      class(x)[1], "\"."
    ), call = NULL)
  }
  if (is.null(colnames(x))) colnames(x) <- paste0("x", seq_len(ncol(x)))
  x
}

unused_arguments <- function(...) {
  names <- names(list(...))
  abort("argument", paste0(
    "mlp() has no argument ", paste0("`", names[nzchar(names)], "`", collapse = ", "), "."
  ), call = NULL)
}

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

fit_settings <- function(activation, starts, alpha, epochs, optimizer, learning_rate, batch_size,
                         max_iter, tol) {
  settings <- list(
    activation = activation, alpha = as.double(alpha),
    # One draw of R's generator, whatever the fit needs.
    random_state = sample.int(.Machine$integer.max, 1L)
  )
  if (is.null(epochs) && is.null(optimizer)) {
    return(c(settings, list(
      solver = "lbfgs", n_init = as.integer(starts), max_iter = as.integer(max_iter),
      max_fun = as.integer(2 * max_iter), tol = tol
    )))
  }
  settings <- c(settings, list(
    solver = if (is.null(optimizer)) "adam" else optimizer,
    max_iter = if (is.null(epochs)) 200L else as.integer(epochs),
    learning_rate_init = learning_rate
  ))
  if (!is.null(batch_size)) settings$batch_size <- as.integer(batch_size)
  settings
}

# Centre and population standard deviation of the columns of x, and of a gaussian response.
scaling_of <- function(x, response, offset, family, standardize) {
  n <- nrow(x)
  if (!standardize) return(list(center = rep(0, ncol(x)), scale = rep(1, ncol(x))))
  spread <- function(x, center) {
    scale <- sqrt(colMeans(sweep(x, 2, center)^2))
    # A column that does not vary has no scale.
    ifelse(scale > 1e-12 * pmax(abs(center), 1e-300), scale, 1)
  }
  center <- colMeans(x)
  scaling <- list(center = center, scale = spread(x, center))
  if (family$family == "gaussian" && family$link == "identity") {
    y <- as.matrix(response$y - if (is.null(offset)) 0 else offset)
    scaling$response <- c(mean(y), spread(y, mean(y)))
  }
  scaling
}

scale_columns <- function(x, scaling) {
  x <- sweep(sweep(x, 2, scaling$center), 2, scaling$scale, "/")
  dimnames(x) <- NULL
  x
}

scale_response <- function(y, offset, scaling) {
  if (is.null(scaling$response)) return(y)
  (y - (if (is.null(offset)) 0 else offset) - scaling$response[1]) / scaling$response[2]
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

# Everything that follows from the coefficients and the data of the fit.
with_fitted_values <- function(fit) {
  eta <- network_link(fit, fit$x)
  if (!is.null(fit$offset)) eta <- eta + fit$offset
  family <- fit$family
  y <- fit$y
  weights <- fit$prior.weights
  mu <- family$linkinv(eta)
  if (is.matrix(y)) dimnames(mu) <- list(rownames(fit$x), fit$levels)
  fit$linear.predictors <- eta
  fit$fitted.values <- mu
  fit$residuals <- y - mu
  fit$deviance <- sum(family$dev.resids(y, mu, weights))
  fit$null.deviance <- null_deviance(fit)
  fit$rank <- length(fit$coefficients)
  counted <- sum(weights > 0)
  outputs <- if (is.matrix(y)) ncol(y) - 1L else 1L
  fit$df.residual <- counted * outputs - fit$rank
  fit$df.null <- (counted - 1L) * outputs
  fit$aic <- family$aic(y, fit$trials, mu, weights, fit$deviance) + 2 * fit$rank
  fit
}

# Of the model with an intercept alone; with an offset it has no closed form.
null_deviance <- function(fit) {
  family <- fit$family
  y <- fit$y
  weights <- fit$prior.weights
  if (is.matrix(y)) {
    mean <- colSums(y * weights) / sum(weights)
    return(sum(family$dev.resids(y, matrix(mean, nrow(y), ncol(y), byrow = TRUE), weights)))
  }
  if (is.null(fit$offset)) {
    mean <- sum(weights * y) / sum(weights)
    return(sum(family$dev.resids(y, rep(mean, length(y)), weights)))
  }
  # The response is prepared already: binomial shares with numbers of trials as weights warn again.
  null <- suppressWarnings(stats::glm.fit(
    rep(1, length(y)), y, weights,
    offset = fit$offset, family = family
  ))
  null$deviance
}
