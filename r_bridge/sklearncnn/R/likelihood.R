# What a fit says of the data: fitted values, deviance, likelihood.

# Everything that follows from the coefficients and the data of the fit.
with_fitted_values <- function(fit) {
  if (is.null(fit$archive)) {
    fit$linear.predictors <- network_link(fit, fit$x)
    if (!is.null(fit$offset)) fit$linear.predictors <- fit$linear.predictors + fit$offset
  }
  eta <- fit$linear.predictors
  family <- fit$family
  y <- fit$y
  weights <- fit$prior.weights
  mu <- family$linkinv(eta)
  if (is.matrix(y)) dimnames(mu) <- list(rownames(fit$x), fit$levels)
  fit$fitted.values <- mu
  fit$residuals <- y - mu
  fit$deviance <- sum(family$dev.resids(y, mu, weights))
  fit$null.deviance <- null_deviance(fit)
  if (is.null(fit$rank)) fit$rank <- length(fit$coefficients)
  counted <- sum(weights > 0)
  outputs <- if (is.matrix(y)) ncol(y) - 1L else 1L
  fit$df.residual <- counted * outputs - fit$rank
  fit$df.null <- (counted - 1L) * outputs
  if (isTRUE(fit$theta_estimated)) fit$SE.theta <- theta_error(fit$theta, y, mu, weights)
  # As R's families count it: with the dispersion among the parameters.
  fit$aic <- family$aic(y, fit$trials, mu, weights, fit$deviance) +
    2 * (fit$rank + isTRUE(fit$theta_estimated))
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

#' @export
deviance.sklearncnn <- function(object, ...) object$deviance

#' @export
df.residual.sklearncnn <- function(object, ...) object$df.residual

#' @export
nobs.sklearncnn <- function(object, ...) sum(object$prior.weights > 0)

#' @export
logLik.sklearncnn <- function(object, ...) {
  df <- object$rank + has_dispersion(object$family) + isTRUE(object$theta_estimated)
  structure(
    df - object$aic / 2,
    df = df, nobs = stats::nobs(object), class = "logLik"
  )
}

has_dispersion <- function(family) family$family %in% c("gaussian", "Gamma")

dispersion <- function(object) {
  if (!has_dispersion(object$family)) return(1)
  squares <- sum(stats::residuals(object, "pearson")^2, na.rm = TRUE)
  # A network may have more weights than there are rows.
  squares / if (object$df.residual > 0) object$df.residual else sum(object$prior.weights > 0)
}
