# Methods for generics of other packages, registered when these are loaded.

#' Tidy a fitted network
#'
#' Methods for the generics of package generics, with the columns that broom has for `glm`.
#'
#' @param x A model fitted by [mlp()].
#' @param conf.int,conf.level Whether to add confidence limits, and at which level.
#' @param data The data of the fit.
#' @param newdata New data to predict instead.
#' @param ... Not used.
#' @returns A data frame: `tidy()` one row a coefficient, `glance()` one row, `augment()` the data
#'   with `.fitted` and, for the data of the fit, `.resid`; for factors `.fitted` is the class and
#'   one column `.prob_<level>` a level is added.
#' @examplesIf python_ready()
#' fit <- mlp(dist ~ speed, cars, hidden = NULL)
#' generics::tidy(fit)
#' generics::glance(fit)
#' @name tidiers
NULL

#' @rdname tidiers
#' @importFrom generics tidy
#' @export
tidy.sklearncnn_mlp <- function(x, conf.int = FALSE, conf.level = 0.95, ...) {
  table <- summary(x)$coefficients
  tidied <- data.frame(
    term = rownames(table), estimate = table[, 1], std.error = table[, 2],
    statistic = table[, 3], p.value = table[, 4], row.names = NULL
  )
  if (conf.int) {
    limits <- stats::confint.default(x, level = conf.level)
    tidied$conf.low <- unname(limits[, 1])
    tidied$conf.high <- unname(limits[, 2])
  }
  tidied
}

#' @rdname tidiers
#' @importFrom generics glance
#' @export
glance.sklearncnn <- function(x, ...) {
  data.frame(
    null.deviance = x$null.deviance, df.null = x$df.null, logLik = as.numeric(stats::logLik(x)),
    AIC = stats::AIC(x), BIC = stats::BIC(x), deviance = x$deviance, df.residual = x$df.residual,
    nobs = stats::nobs(x)
  )
}

#' @rdname tidiers
#' @importFrom generics augment
#' @export
augment.sklearncnn <- function(x, data = x$model, newdata = NULL, ...) {
  augmented <- as.data.frame(if (is.null(newdata)) data else newdata)
  if (is.null(x$levels)) {
    augmented$.fitted <- unname(stats::predict(x, newdata))
  } else {
    prob <- stats::predict(x, newdata, type = "prob")
    augmented$.fitted <- stats::predict(x, newdata, type = "class")
    augmented[paste0(".prob_", x$levels)] <- prob
  }
  if (is.null(newdata)) augmented$.resid <- unname(stats::residuals(x, "deviance"))
  augmented
}

#' @exportS3Method sandwich::bread
bread.sklearncnn_mlp <- function(x, ...) stats::vcov(x) * stats::nobs(x)

# Derivatives of the log-likelihood by the coefficients: one row a row of the data.
#' @rawNamespace S3method(sandwich::estfun,sklearncnn_mlp)
estfun.sklearncnn_mlp <- function(x, ...) {
  matrices <- layer_matrices(x$coefficients, x$units)
  inputs <- unname(x$x)
  slopes <- function(output) jacobian(matrices, inputs, x$activation, output)
  if (is.matrix(x$y)) {
    outputs <- seq_len(ncol(x$y) - 1L)
    each <- lapply(outputs, function(k) slopes(k) * (x$prior.weights * x$residuals[, k + 1L]))
    scores <- Reduce(`+`, each)
  } else {
    slope <- x$family$mu.eta(x$linear.predictors) / x$family$variance(x$fitted.values)
    scores <- slopes(1L) * (x$prior.weights * x$residuals * slope) / dispersion(x)
  }
  colnames(scores) <- names(x$coefficients)
  scores
}
