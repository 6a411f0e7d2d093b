# What an R user asks of a fitted model.

#' @export
print.sklearncnn <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("\nCall:\n", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
  cat(architecture_line(x), "\n", sep = "")
  if (is.null(x$archive) && length(x$coefficients) <= 20L) {
    cat("\nCoefficients:\n")
    print.default(format(x$coefficients, digits = digits), print.gap = 2L, quote = FALSE)
  }
  cat(
    "\nDegrees of freedom: ", x$df.null, " total, ",
    if (x$df.residual < 0) "none" else x$df.residual, " residual\n",
    "Null deviance:     ", format(signif(x$null.deviance, digits)), "\n",
    "Residual deviance: ", format(signif(x$deviance, digits)),
    "   AIC: ", format(signif(x$aic, digits)), "\n",
    sep = ""
  )
  if (!is.null(x$theta)) cat("Theta:             ", format(signif(x$theta, digits)), "\n", sep = "")
  invisible(x)
}

architecture_line <- function(x) {
  sizes <- if (is.null(x$archive)) {
    paste0("Network ", paste(lengths(x$units), collapse = "-"))
  } else {
    paste0("Convolutional network of ", nrow(x$layers), " layers")
  }
  paste0(
    sizes, " with ", NROW(x$coefficients), " coefficients",
    if (length(x$hidden) || !is.null(x$archive)) paste0(", ", x$activation),
    "; ", x$family$family, " family, ", x$family$link, " link"
  )
}

#' Summarise a fitted network
#'
#' @param object A model fitted by [mlp()].
#' @param ... Not used.
#' @returns An object of class `summary.sklearncnn_mlp` with the table `coefficients` (estimate,
#'   standard error, statistic and p-value), `dispersion`, `deviance`, `null.deviance` and `aic`.
#'   Standard errors come from the expected information, as those of [stats::glm()] and
#'   [stats::nls()]; with hidden units they hold only where the network is identified, and are NA
#'   where the information is singular.
#' @examplesIf python_ready()
#' summary(mlp(dist ~ speed, cars, hidden = NULL))
#' @export
summary.sklearncnn_mlp <- function(object, ...) {
  estimate <- object$coefficients
  error <- sqrt(diag(suppressWarnings(stats::vcov(object))))
  statistic <- estimate / error
  scaled <- has_dispersion(object$family)
  p <- if (scaled) {
    2 * stats::pt(-abs(statistic), object$df.residual)
  } else {
    2 * stats::pnorm(-abs(statistic))
  }
  table <- cbind(estimate, error, statistic, p)
  letter <- if (scaled) "t" else "z"
  colnames(table) <- c(
    "Estimate", "Std. Error", paste(letter, "value"), paste0("Pr(>|", letter, "|)")
  )
  kept <- c(
    "call", "family", "deviance", "null.deviance", "df.residual", "df.null", "aic", "units",
    "hidden", "activation", "iterations", "history", "na.action", "theta", "SE.theta"
  )
  structure(
    c(object[intersect(kept, names(object))], list(
      coefficients = table, dispersion = dispersion(object), n = stats::nobs(object)
    )),
    class = "summary.sklearncnn_mlp"
  )
}

#' @export
print.summary.sklearncnn_mlp <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("\nCall:\n", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
  cat(architecture_line(x), "\n", training_line(x, digits), "\n\nCoefficients:\n", sep = "")
  stats::printCoefmat(x$coefficients, digits = digits, na.print = "NA")
  cat("\n(Dispersion parameter for ", x$family$family, " family taken to be ",
    format(x$dispersion, digits = digits), ")\n\n",
    sep = ""
  )
  print_deviances(x, digits)
  omitted <- stats::naprint(x$na.action)
  if (nzchar(omitted)) cat("(", omitted, ")\n", sep = "")
  invisible(x)
}

training_line <- function(x, digits) {
  last <- utils::tail(x$history$loss, 3L)
  paste0(
    x$n, " rows, ", x$iterations, " iterations",
    if (length(last)) paste0(", loss ", paste(format(last, digits = digits), collapse = " "))
  )
}

print_deviances <- function(x, digits) {
  cat(
    "    Null deviance: ", format(signif(x$null.deviance, digits)), " on ", x$df.null,
    " degrees of freedom\n",
    "Residual deviance: ", format(signif(x$deviance, digits)), " on ", x$df.residual,
    " degrees of freedom (", share(1 - x$deviance / x$null.deviance), " explained)\n",
    "AIC: ", format(signif(x$aic, digits)), "\n",
    sep = ""
  )
  if (!is.null(x$theta)) {
    cat("Theta: ", format(signif(x$theta, digits)), sep = "")
    if (!is.null(x$SE.theta)) cat(", standard error ", format(signif(x$SE.theta, digits)), sep = "")
    cat("\n")
  }
}

share <- function(x) paste0(format(100 * x, digits = 3), " %")

#' Predict with a fitted network
#'
#' Computed in R from the coefficients: needs no Python.
#'
#' @param object A model fitted by [mlp()].
#' @param newdata A data frame, or a matrix where the model was fitted to one; without it the
#'   fitted values are returned.
#' @param type `"response"`, `"link"`, or for factors `"prob"` and `"class"`.
#' @param na.action What becomes of rows of `newdata` with missing values; they are predicted NA
#'   by default.
#' @param ... Not used.
#' @returns One value a row; for `"prob"`, and for the response of three or more levels, a matrix
#'   with one column a level; for `"class"` a factor with the levels of the fit.
#' @examplesIf python_ready()
#' fit <- mlp(Species ~ Petal.Length, iris, hidden = NULL)
#' predict(fit, iris[c(1, 60, 140), ], type = "class")
#' @export
predict.sklearncnn <- function(object, newdata, type = c("response", "link", "prob", "class"),
                                   na.action = stats::na.pass, ...) {
  type <- match.arg(type)
  if (type %in% c("prob", "class") && is.null(object$levels)) {
    abort("type", paste0(
      "type = \"", type, "\" is for factors, but the response was numeric: use \"response\"."
    ))
  }
  if (missing(newdata) || is.null(newdata)) {
    eta <- object$linear.predictors
    return(stats::napredict(object$na.action, decode(object, eta, type)))
  }
  decode(object, new_link(object, newdata, na.action), type)
}

# The linear predictor of new rows, offset included.
new_link <- function(object, newdata, na.action) {
  if (!is.null(object$terms)) {
    design <- new_design(object, newdata, na.action)
    eta <- linear_predictor(object, design$x)
    return(if (is.null(design$offset)) eta else eta + design$offset)
  }
  x <- new_rows(object, newdata)
  if (!is.null(object$offset)) {
    warning("The offset of the fit is not known for new rows: predictions are without it.")
  }
  linear_predictor(object, x)
}

# New data of a fit without a formula, checked against those of the fit.
new_rows <- function(object, newdata) {
  if (!is.null(object$archive)) return(rows_of_pictures(newdata, object$row_shape, "newdata"))
  x <- predictor_matrix(newdata)
  if (ncol(x) != length(object$units[[1]])) {
    abort("data", paste0(
      "`newdata` has ", ncol(x), " columns, but the model was fitted to ",
      length(object$units[[1]]), "."
    ), call = NULL)
  }
  x
}

# Without offset: perceptrons in plain R, other networks in Python.
linear_predictor <- function(object, x) {
  if (is.null(object$archive)) network_link(object, x) else archive_link(object, x)
}

decode <- function(object, eta, type) {
  if (type == "link") return(eta)
  several <- is.matrix(object$y)
  mean <- object$family$linkinv(eta)
  if (several) {
    dimnames(mean) <- list(rownames(eta), object$levels)
  }
  if (type == "response") return(mean)
  prob <- mean
  if (!several) {
    prob <- cbind(1 - mean, mean)
    dimnames(prob) <- list(names(mean), object$levels)
  }
  if (type == "prob") return(prob)
  best <- apply(prob, 1, function(row) if (anyNA(row)) NA else which.max(row))
  factor(object$levels[unname(best)], levels = object$levels)
}

#' @export
coef.sklearncnn <- function(object, ...) {
  if (is.null(object$archive)) return(object$coefficients)
  stats::setNames(object$coefficients, coefficient_names(object$parameters))
}

#' @export
fitted.sklearncnn <- function(object, type = "response", ...) {
  stats::predict(object, type = type)
}

#' Residuals of a fitted network
#'
#' @param object A model fitted by [mlp()].
#' @param type As in [stats::residuals.glm()]. For responses of several levels `"deviance"` gives
#'   one value a row, the others one a level.
#' @param ... Not used.
#' @returns A vector, or a matrix with one column a level.
#' @examplesIf python_ready()
#' head(residuals(mlp(dist ~ speed, cars, hidden = NULL)))
#' @export
residuals.sklearncnn <- function(object, type = c("deviance", "pearson", "response", "working"),
                                     ...) {
  type <- match.arg(type)
  y <- object$y
  mu <- object$fitted.values
  family <- object$family
  raw <- object$residuals
  several <- is.matrix(y)
  values <- switch(type,
    response = raw,
    deviance = {
      d <- sqrt(pmax(family$dev.resids(y, mu, object$prior.weights), 0))
      if (several) stats::setNames(d, rownames(mu)) else ifelse(y > mu, d, -d)
    },
    pearson = {
      variance <- if (several) mu * (1 - mu) else family$variance(mu)
      raw * sqrt(object$prior.weights) / sqrt(variance)
    },
    working = {
      if (several) abort("type", "Working residuals are for one linear predictor.")
      raw / family$mu.eta(object$linear.predictors)
    }
  )
  stats::naresid(object$na.action, values)
}

#' @export
family.sklearncnn <- function(object, ...) object$family

#' @export
formula.sklearncnn <- function(x, ...) x$formula

#' @export
terms.sklearncnn <- function(x, ...) x$terms

#' @export
model.frame.sklearncnn <- function(formula, ...) formula$model

#' @export
model.matrix.sklearncnn_mlp <- function(object, ...) {
  if (is.null(object$terms)) return(cbind(`(Intercept)` = 1, object$x))
  stats::model.matrix(object$terms, object$model, object$contrasts)
}

#' @export
weights.sklearncnn <- function(object, ...) {
  stats::naresid(object$na.action, object$prior.weights)
}

#' @export
simulate.sklearncnn <- function(object, nsim = 1, seed = NULL, ...) {
  if (!is.null(seed)) set.seed(seed)
  n <- NROW(object$y)
  mu <- object$fitted.values
  weights <- object$prior.weights
  draw <- switch(kind_of(object$family),
    gaussian = function() stats::rnorm(n, mu, sqrt(dispersion(object) / weights)),
    poisson = function() stats::rpois(n, mu),
    negative_binomial = function() stats::rnbinom(n, size = object$family$theta, mu = mu),
    Gamma = function() {
      shape <- weights / dispersion(object)
      stats::rgamma(n, shape, rate = shape / mu)
    },
    binomial = function() {
      y <- stats::rbinom(n, round(weights), mu) / round(weights)
      if (is.null(object$levels)) y else factor(object$levels[y + 1], levels = object$levels)
    },
    multinomial = function() {
      drawn <- apply(mu, 1, function(p) sample.int(length(p), 1L, prob = p))
      factor(object$levels[drawn], levels = object$levels)
    }
  )
  values <- lapply(seq_len(nsim), function(i) draw())
  names(values) <- paste0("sim_", seq_len(nsim))
  as.data.frame(values, stringsAsFactors = FALSE)
}
