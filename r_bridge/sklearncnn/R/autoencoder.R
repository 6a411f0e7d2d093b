#' Fit an autoencoder
#'
#' A network that squeezes rows through a narrow code and rebuilds them: with linear layers the
#' subspace of [stats::prcomp()], with hidden layers a curved one. Rows are those of a table, or
#' with `filters` pictures and signals.
#'
#' Columns of a table are standardised inside; reconstructions are in the units of the data.
#'
#' @param x,formula A matrix, a data frame of numbers, an array of pictures as in [cnn()], or a
#'   formula without response, such as `~ .`.
#' @param data A data frame with the variables of the formula.
#' @param components Units of the code.
#' @param hidden Units of the encoder's hidden layers; the decoder has them in reverse.
#' @param activation,code_activation Activation of the hidden layers, and of the code.
#' @param family `"gaussian"`, or `"binomial"` for values from 0 to 1.
#' @param weights,subset,na.action As in [mlp()].
#' @param standardize Whether to standardise columns inside: by default for tables under the
#'   gaussian family.
#' @param filters,kernel_size,strides,padding,pool_size,pooling,input_shape As in [cnn()], with zero
#'   margins or none; without `filters` the layers are dense.
#' @param epochs,batch_size,optimizer,learning_rate,alpha,dropout,batch_normalization As in
#'   [cnn()]; `optimizer = "lbfgs"` suits small tables, from `starts` random starts.
#' @param starts,validation_split,patience,verbose,model As in [mlp()] and [cnn()].
#' @param ... The arguments of the default method.
#' @returns An object of class `sklearncnn_autoencoder`, a list with `codes`, `fitted.values` (the
#'   reconstructions), `deviance` (the sum of squared errors, of standardised columns where they
#'   were, or the binomial deviance), `null.deviance`, `coefficients`, `layers` and `history`.
#' @seealso [predict.sklearncnn_autoencoder()], [plot.sklearncnn_autoencoder()].
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- autoencoder(~ . - Species, iris, components = 2, hidden = 8, epochs = 50)
#' fit
#' head(predict(fit, iris))
#' @export
autoencoder <- function(x, ...) UseMethod("autoencoder")

#' @rdname autoencoder
#' @export
autoencoder.formula <- function(formula, data, weights, subset, na.action, ...) {
  call <- match.call()
  if (length(formula) != 2L) {
    abort("formula", "An autoencoder has no response: leave the left side of the formula empty.")
  }
  frame <- frame_of_call(match.call(expand.dots = FALSE), parent.frame())
  x <- design_matrix(attr(frame, "terms"), frame, NULL)
  fit <- autoencoder.default(x, weights = as.vector(stats::model.weights(frame)), ...)
  call[[1]] <- quote(autoencoder)
  remember_formula(fit, call, frame, x, if (missing(data)) environment(formula) else data)
}

#' @rdname autoencoder
#' @export
autoencoder.default <- function(x, components = 2, hidden = 100, activation = "relu",
                                code_activation = "identity", family = c("gaussian", "binomial"),
                                weights = NULL, standardize = NULL, filters = NULL, kernel_size = 3,
                                strides = 1, padding = "same", pool_size = 2, pooling = "max",
                                input_shape = NULL, epochs = 200, batch_size = 32,
                                optimizer = "adam", learning_rate = 0.001, alpha = 0, dropout = 0,
                                batch_normalization = FALSE, starts = 1, validation_split = 0,
                                patience = NULL, verbose = FALSE, model = TRUE, ...) {
  unused_arguments("autoencoder", ...)
  call <- match.call()
  call[[1]] <- quote(autoencoder)
  family <- match.arg(family)
  x <- as_pictures(x, input_shape)
  check_rows(x, rep(0, dim(x)[1]))
  table <- length(dim(x)) == 2L
  if (!table && is.null(filters)) {
    abort("argument", paste0(
      "Pictures need `filters`, as in filters = c(16, 8); a dense autoencoder takes a matrix, ",
      "matrix(x, nrow(x))."
    ), call = NULL)
  }
  if (is.null(standardize)) standardize <- table && is.null(filters) && family == "gaussian"
  check_flag(standardize, "standardize")
  arguments <- list(
    components = components, hidden = hidden, activation = activation,
    code_activation = code_activation, filters = filters,
    input_shape = input_shape, epochs = epochs, batch_size = batch_size, optimizer = optimizer,
    learning_rate = learning_rate, alpha = alpha, dropout = dropout,
    batch_normalization = batch_normalization, starts = starts, patience = patience,
    verbose = verbose
  )
  if (!is.null(filters)) {
    arguments <- c(arguments, list(
      kernel_size = kernel_size, strides = strides, padding = padding, pool_size = pool_size,
      pooling = pooling
    ))
  }
  check_network_arguments(arguments)
  check_share(validation_split, "validation_split")
  if (family == "binomial" && any(x < 0 | x > 1)) {
    abort("data", "The binomial family rebuilds values from 0 to 1; others need \"gaussian\".", NULL)
  }
  weights <- check_weights(weights, dim(x)[1])
  scaling <- NULL
  if (standardize) scaling <- scaling_of(as_rows(x), NULL, NULL, list(family = ""), TRUE)
  seed <- draw_seed()
  reply <- dispatch("fit_autoencoder", list(
    x = sent_rows(x, scaling, input_shape),
    settings = training_settings(arguments, seed),
    weights = as.array(weights),
    family = family,
    validation_split = as.double(validation_split)
  ), call = NULL)
  fit <- structure(
    c(
      list(
        family = family, hidden = as.integer(hidden), activation = activation,
        prior.weights = weights, x = if (model) x, row_shape = dim(x)[-1],
        row_names = dimnames(x)[[1]], columns = if (table) colnames(x),
        input_shape = input_shape, scaling = scaling, arguments = arguments, seed = seed,
        call = call
      ),
      archived(reply)
    ),
    class = "sklearncnn_autoencoder"
  )
  fit$codes <- named_codes(reply$codes, dimnames(x)[[1]])
  fit$fitted.values <- in_units(fit, reply$reconstructions, dimnames(x)[[1]])
  fit$deviance <- sum(row_deviances(fit, x, fit$fitted.values) * weights)
  fit$null.deviance <- sum(row_deviances(fit, x, mean_row(x, weights)) * weights)
  fit
}

as_rows <- function(x) matrix(x, dim(x)[1])

sent_rows <- function(x, scaling, input_shape) {
  if (!is.null(scaling)) x[] <- scale_columns(as_rows(x), scaling)
  sent_pictures(x, input_shape)
}

# Reconstructions in the units and with the names of the data.
in_units <- function(object, rebuilt, names = NULL) {
  if (!is.null(object$scaling)) {
    shape <- dim(rebuilt)
    rebuilt <- sweep(as_rows(rebuilt), 2, object$scaling$scale, "*")
    rebuilt <- array(sweep(rebuilt, 2, object$scaling$center, "+"), shape)
  }
  if (length(dim(rebuilt)) == 2L) dimnames(rebuilt) <- list(names, object$columns)
  rebuilt
}

named_codes <- function(codes, names) {
  dimnames(codes) <- list(names, paste0("code", seq_len(ncol(codes))))
  codes
}

# Every row the weighted mean row.
mean_row <- function(x, weights) {
  mean <- colSums(as_rows(x) * weights) / sum(weights)
  array(rep(mean, each = dim(x)[1]), dim(x))
}

# One number a row: squared errors of the values that the network saw, or the binomial deviance.
row_deviances <- function(object, x, rebuilt) {
  x <- as_rows(x)
  rebuilt <- as_rows(rebuilt)
  if (object$family == "binomial") {
    rebuilt <- pmin(pmax(rebuilt, .Machine$double.eps), 1 - .Machine$double.eps)
    each <- stats::binomial()$dev.resids(as.vector(x), as.vector(rebuilt), rep(1, length(x)))
    return(rowSums(matrix(each, nrow(x))))
  }
  errors <- x - rebuilt
  if (!is.null(object$scaling)) errors <- sweep(errors, 2, object$scaling$scale, "/")
  rowSums(errors^2)
}

#' @export
print.sklearncnn_autoencoder <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("\nCall:\n", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
  cat(
    "Autoencoder of ", prod(x$row_shape), " values to ", ncol(x$codes), " and back, ",
    length(x$coefficients), " coefficients\n",
    length(x$prior.weights), " rows, ", x$iterations, " iterations\n",
    "Deviance: ", format(signif(x$deviance, digits)), " of ",
    format(signif(x$null.deviance, digits)), " (",
    share(1 - x$deviance / x$null.deviance), " explained)\n",
    sep = ""
  )
  invisible(x)
}

#' Summarise an autoencoder
#'
#' @param object A model fitted by [autoencoder()].
#' @param ... Not used.
#' @returns An object of class `summary.sklearncnn_autoencoder`: a list with `layers`, `deviance`,
#'   `null.deviance`, and `explained`, the share of the deviance explained in each column of a table.
#' @examplesIf python_ready()
#' set.seed(1)
#' summary(autoencoder(iris[1:4], hidden = NULL, optimizer = "lbfgs"))
#' @export
summary.sklearncnn_autoencoder <- function(object, ...) {
  explained <- NULL
  if (!is.null(object$columns) && !is.null(object$x) && object$family == "gaussian") {
    weights <- object$prior.weights
    errors <- colSums((object$x - object$fitted.values)^2 * weights)
    explained <- 1 - errors / colSums((object$x - mean_row(object$x, weights))^2 * weights)
  }
  structure(c(unclass(object), list(explained = explained)),
    class = c("summary.sklearncnn_autoencoder", "sklearncnn_autoencoder")
  )
}

#' @export
print.summary.sklearncnn_autoencoder <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  print.sklearncnn_autoencoder(x, digits)
  cat("\n")
  print(x$layers, row.names = FALSE, right = FALSE)
  if (!is.null(x$explained)) {
    cat("\nExplained of each column:\n")
    print(x$explained, digits = digits)
  }
  invisible(x)
}

#' Predict with an autoencoder
#'
#' @param object A model fitted by [autoencoder()].
#' @param newdata New rows, of the form of those of the fit; without them those of the fit.
#' @param type `"code"`, `"reconstruction"`, or `"error"`: the deviance of each row, large for rows
#'   unlike those of the fit.
#' @param na.action What becomes of rows of `newdata` with missing values, in a fit by formula.
#' @param codes Codes to rebuild rows from, a matrix with one column a component; for
#'   `decode_codes()`.
#' @param ... Not used.
#' @returns A matrix of codes, reconstructions of the shape of `newdata`, or a vector of errors.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- autoencoder(iris[1:4], components = 1, hidden = NULL, optimizer = "lbfgs")
#' predict(fit, iris[1:3, 1:4])
#' predict(fit, iris[1:3, 1:4], type = "reconstruction")
#' decode_codes(fit, matrix(0))
#' @export
predict.sklearncnn_autoencoder <- function(object, newdata,
                                           type = c("code", "reconstruction", "error"),
                                           na.action = stats::na.omit, ...) {
  type <- match.arg(type)
  if (missing(newdata) || is.null(newdata)) {
    codes <- object$codes
    rebuilt <- object$fitted.values
    x <- object$x
    if (type == "error" && is.null(x)) {
      abort("data", "The fit did not keep its data: give `newdata`, or fit with `model = TRUE`.")
    }
  } else {
    x <- if (is.null(object$terms)) {
      rows_of_pictures(
        if (is.data.frame(newdata)) predictor_matrix(newdata) else newdata, object$row_shape,
        "newdata"
      )
    } else {
      new_design(object, newdata, na.action)$x
    }
    names <- dimnames(x)[[1]]
    codes <- named_codes(ask_archive(object, "network_codes", list(
      x = sent_rows(x, object$scaling, object$input_shape)
    )), names)
    if (type != "code") rebuilt <- decode_codes(object, codes)
  }
  switch(type,
    code = codes,
    reconstruction = rebuilt,
    error = stats::setNames(row_deviances(object, x, rebuilt), dimnames(x)[[1]])
  )
}

#' @rdname predict.sklearncnn_autoencoder
#' @export
decode_codes <- function(object, codes) {
  codes <- as.matrix(codes)
  if (!is.numeric(codes) || ncol(codes) != ncol(object$codes)) {
    abort("data", paste0(
      "`codes` must be a numeric matrix of ", ncol(object$codes), " columns, not ",
      what_it_is(codes), "."
    ))
  }
  names <- rownames(codes)
  dimnames(codes) <- NULL
  in_units(object, ask_archive(object, "network_decode", list(codes = codes + 0)), names)
}

#' @export
coef.sklearncnn_autoencoder <- function(object, ...) {
  stats::setNames(object$coefficients, coefficient_names(object$parameters))
}

#' @export
fitted.sklearncnn_autoencoder <- function(object, ...) object$fitted.values

#' @export
residuals.sklearncnn_autoencoder <- function(object, ...) {
  if (is.null(object$x)) {
    abort("data", "The fit did not keep its data: fit with `model = TRUE`.")
  }
  object$x - object$fitted.values
}

#' @export
deviance.sklearncnn_autoencoder <- function(object, ...) object$deviance

#' @export
nobs.sklearncnn_autoencoder <- function(object, ...) sum(object$prior.weights > 0)

#' @export
formula.sklearncnn_autoencoder <- function(x, ...) x$formula

#' @export
weights.sklearncnn_autoencoder <- function(object, ...) object$prior.weights
