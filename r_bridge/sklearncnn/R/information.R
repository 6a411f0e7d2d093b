# How precisely the coefficients of a perceptron are known.

#' @export
vcov.sklearncnn_mlp <- function(object, ...) {
  root <- information_root(object)
  names <- names(object$coefficients)
  # Columns of one length: units of the data must not decide what is singular.
  scale <- sqrt(colSums(root^2))
  scale[scale == 0] <- 1
  decomposed <- qr(sweep(root, 2, scale, "/"), tol = 1e-10)
  inverse <- matrix(NA_real_, length(names), length(names), dimnames = list(names, names))
  if (decomposed$rank < length(names)) {
    warning("The information is singular: the coefficients are not identified one by one.")
    return(inverse)
  }
  inverse[decomposed$pivot, decomposed$pivot] <- chol2inv(qr.R(decomposed))
  dispersion(object) * inverse / outer(scale, scale)
}

# A matrix R with R'R the expected information: derivatives of the linear predictors, weighted.
information_root <- function(object) {
  matrices <- layer_matrices(object$coefficients, object$units)
  x <- unname(object$x)
  weights <- object$prior.weights
  mu <- object$fitted.values
  slopes <- function(output) jacobian(matrices, x, object$activation, output)
  if (!is.matrix(mu)) {
    family <- object$family
    working <- weights * family$mu.eta(object$linear.predictors)^2 / family$variance(mu)
    return(slopes(1L) * sqrt(working))
  }
  # Over the levels, the variance of their derivatives; the first level's is zero.
  by_level <- c(list(0), lapply(seq_len(ncol(mu) - 1L), slopes))
  levels <- seq_along(by_level)
  mean <- Reduce(`+`, Map(function(slope, level) slope * mu[, level], by_level, levels))
  spread <- function(slope, level) sqrt(weights * mu[, level]) * (slope - mean)
  do.call(rbind, Map(spread, by_level, levels))
}

#' @importFrom stats hatvalues
#' @export
hatvalues.sklearncnn_mlp <- function(model, ...) {
  if (is.matrix(model$y)) abort("type", "Leverages are there for one linear predictor.")
  decomposed <- qr(information_root(model))
  leverages <- rowSums(qr.Q(decomposed)[, seq_len(decomposed$rank), drop = FALSE]^2)
  stats::naresid(model$na.action, stats::setNames(leverages, rownames(model$x)))
}

# As glm() has it: step(), add1() and drop1() ask for it.
#' @export
extractAIC.sklearncnn_mlp <- function(fit, scale = 0, k = 2, ...) {
  c(fit$rank, fit$aic + (k - 2) * fit$rank)
}

#' Compare nested networks
#'
#' An analysis of deviance of two or more networks fitted to the same rows, as
#' [stats::anova.glm()] has it for two or more models. The tests hold where a smaller model is a
#' special case of the next and both are identified: without hidden layers, or with enough rows.
#'
#' @param object,... Models fitted by [mlp()].
#' @param test `"Chisq"` or `"F"`; by default F where the dispersion is estimated.
#' @returns An object of class `anova`, a data frame with one row a model.
#' @examplesIf python_ready()
#' small <- mlp(mpg ~ wt, mtcars, hidden = NULL)
#' anova(small, update(small, . ~ . + hp))
#' @export
anova.sklearncnn_mlp <- function(object, ..., test = NULL) {
  models <- list(object, ...)
  if (length(models) < 2L || !all(vapply(models, inherits, NA, "sklearncnn_mlp"))) {
    abort("argument", "anova() compares two or more models fitted by mlp().")
  }
  if (length(unique(vapply(models, stats::nobs, 0))) > 1L) {
    abort("data", "The models were not all fitted to the same number of rows.")
  }
  df <- vapply(models, stats::df.residual, 0)
  deviances <- vapply(models, stats::deviance, 0)
  largest <- models[[which.min(df)]]
  scaled <- has_dispersion(largest$family)
  if (is.null(test)) test <- if (scaled) "F" else "Chisq"
  table <- data.frame(df, deviances, c(NA, -diff(df)), c(NA, -diff(deviances)))
  names(table) <- c("Resid. Df", "Resid. Dev", "Df", "Deviance")
  title <- paste0("Model ", seq_along(models), ": ", vapply(models, function(model) {
    paste(architecture_line(model), deparse(model$call$formula)[1], sep = "; ")
  }, ""))
  table <- stats::stat.anova(
    table, test, dispersion(largest), min(df), stats::nobs(largest)
  )
  structure(table,
    heading = c("Analysis of Deviance Table\n", paste(title, collapse = "\n")),
    class = c("anova", "data.frame")
  )
}
