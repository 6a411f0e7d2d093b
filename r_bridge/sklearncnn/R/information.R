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
