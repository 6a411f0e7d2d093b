#' The multinomial family: one of several classes
#'
#' For responses that are factors of three or more levels; [mlp()] chooses it by itself. The linear
#' predictors are log-odds against the first level, as in `nnet::multinom()`.
#'
#' @returns An object of class `family`, as [stats::binomial()] returns one. Responses and means
#'   are matrices with one column a level.
#' @examples
#' multinomial()
#' @export
multinomial <- function() {
  dev.resids <- function(y, mu, wt) {
    2 * wt * rowSums(ifelse(y > 0, y * log(y / pmax(mu, .Machine$double.eps)), 0))
  }
  structure(
    list(
      family = "multinomial", link = "logit",
      linkinv = function(eta) {
        eta <- cbind(0, eta)
        shares <- exp(eta - apply(eta, 1, max))
        shares / rowSums(shares)
      },
      dev.resids = dev.resids,
      aic = function(y, n, mu, wt, dev) dev
    ),
    class = "family"
  )
}

#' The negative binomial family: counts that vary more than Poisson's
#'
#' The variance is `mu + mu^2 / theta`. With `theta` given, the family is that of
#' `MASS::negative.binomial()`; without, [mlp()] estimates it by maximum likelihood along with the
#' coefficients, as `MASS::glm.nb()` does, and counts it among the parameters.
#'
#' @param theta The shape, a positive number; `NULL` to estimate it.
#' @param link The link; only `"log"` is there.
#' @returns An object of class `family`, as [stats::poisson()] returns one.
#' @examples
#' negative_binomial(2)$variance(4)
#' @examplesIf python_ready()
#' fit <- mlp(Days ~ Age, MASS::quine, hidden = NULL, family = negative_binomial())
#' fit$theta
#' @export
negative_binomial <- function(theta = NULL, link = "log") {
  if (!identical(link, "log")) {
    abort("family", paste0(
      "The link of negative_binomial() must be \"log\", not ", deparse(link)[1], "."
    ))
  }
  if (!is.null(theta) && !(is.numeric(theta) && length(theta) == 1L && isTRUE(theta > 0))) {
    abort("family", paste0(
      "`theta` must be a positive number, or NULL to estimate it, not ", deparse(theta)[1], "."
    ))
  }
  base <- stats::poisson("log")
  family <- list(
    family = if (is.null(theta)) {
      "Negative Binomial"
    } else {
      paste0("Negative Binomial(", format(round(theta, 4)), ")")
    },
    link = "log", linkfun = base$linkfun, linkinv = base$linkinv, mu.eta = base$mu.eta,
    validmu = base$validmu, valideta = base$valideta, initialize = base$initialize, theta = theta
  )
  if (!is.null(theta)) {
    family$variance <- function(mu) mu + mu^2 / theta
    family$dev.resids <- function(y, mu, wt) {
      2 * wt * (y * log(pmax(1, y) / mu) - (y + theta) * log((y + theta) / (mu + theta)))
    }
    family$aic <- function(y, n, mu, wt, dev) {
      -2 * sum(wt * stats::dnbinom(round(y), size = theta, mu = mu, log = TRUE))
    }
  }
  structure(family, class = "family")
}

# The maximum likelihood estimate's standard error, as MASS::theta.ml() has it.
theta_error <- function(theta, y, mu, weights) {
  information <- sum(weights * (
    trigamma(theta) - trigamma(theta + y) - 1 / theta + 2 / (mu + theta) -
      (y + theta) / (mu + theta)^2
  ))
  if (information > 0) sqrt(1 / information) else NA_real_
}

# The names of families in Python, and the links of each.
python_families <- c(
  gaussian = "gaussian", binomial = "binomial", multinomial = "multinomial", poisson = "poisson",
  Gamma = "gamma", negative_binomial = "negative_binomial"
)
family_links <- list(
  gaussian = c("identity", "log", "inverse"), binomial = c("logit", "probit", "cloglog"),
  multinomial = "logit", poisson = c("log", "identity", "sqrt"),
  Gamma = c("inverse", "log", "identity"), negative_binomial = "log"
)

# Name of the family in our table; MASS writes theta into the name.
kind_of <- function(family) {
  if (startsWith(family$family, "Negative Binomial")) "negative_binomial" else family$family
}

python_family <- function(family) {
  settings <- list(name = python_families[[kind_of(family)]], link = family$link)
  # A vector of length one: a whole number must not become an integer.
  if (!is.null(family$theta)) settings$theta <- as.double(family$theta)
  settings
}

# The family that the user gives, or the one that the response calls for.
resolve_family <- function(family, y) {
  if (is.null(family)) {
    family <- if (is.factor(y) && nlevels(y) > 2L) {
      multinomial()
    } else if (is.factor(y) || is.logical(y)) {
      stats::binomial()
    } else {
      stats::gaussian()
    }
  }
  if (is.character(family)) {
    if (length(family) != 1L || !family %in% names(python_families)) unknown_family(family[1])
    family <- switch(family,
      multinomial = multinomial(),
      negative_binomial = negative_binomial(),
      getExportedValue("stats", family)
    )
  }
  if (is.function(family)) family <- family()
  if (!inherits(family, "family")) unknown_family(class(family)[1])
  kind <- kind_of(family)
  if (!kind %in% names(python_families)) unknown_family(family$family)
  links <- family_links[[kind]]
  if (!family$link %in% links) {
    abort("family", paste0(
      "Family \"", family$family, "\" has no link \"", family$link, "\" here. Known are ",
      paste0("\"", links, "\"", collapse = ", "), "."
    ), call = NULL)
  }
  if (kind == "negative_binomial" && is.null(family$theta)) {
    # MASS keeps theta in the name and in the functions' environment.
    shape <- suppressWarnings(as.numeric(sub(".*\\((.*)\\)", "\\1", family$family)))
    if (!is.na(shape)) family <- negative_binomial(get(".Theta", environment(family$variance)))
  }
  family
}

unknown_family <- function(name) {
  abort("family", paste0(
    "family \"", name, "\" is unknown. Known are ",
    paste0("\"", names(python_families), "\"", collapse = ", "), "."
  ), call = NULL)
}

# The response as numbers: y with prior weights as glm() prepares them, and what to call its
# levels. For the multinomial family y is a matrix of zeros and ones.
encode_response <- function(y, weights, family, name) {
  if (family$family == "multinomial") {
    y <- if (is.factor(y)) y else factor(y)
    empty <- setdiff(levels(y), unique(as.character(y[weights > 0])))
    if (length(empty)) {
      abort("response", paste0(
        "`", name, "` has no row of level ", paste0("\"", empty, "\"", collapse = ", "),
        ": drop it with droplevels()."
      ), call = NULL)
    }
    codes <- matrix(0, length(y), nlevels(y), dimnames = list(NULL, levels(y)))
    codes[cbind(seq_along(y), as.integer(y))] <- 1
    return(list(y = codes, weights = weights, n = rep(1, length(y)), levels = levels(y)))
  }
  labels <- if (is.factor(y)) levels(y) else if (is.logical(y)) c("FALSE", "TRUE")
  if (is.factor(y) && family$family != "binomial") {
    abort("response", paste0(
      "`", name, "` is a factor, but family \"", family$family, "\" takes numbers."
    ), call = NULL)
  }
  if (is.factor(y) && length(labels) != 2L) {
    abort("response", paste0(
      "`", name, "` has ", length(labels), " levels, but family \"binomial\" takes two: use ",
      "\"multinomial\"."
    ), call = NULL)
  }
  # glm's own preparation: turns factors and pairs of counts into shares, checks the range.
  prepared <- new.env()
  prepared$y <- y
  prepared$weights <- weights
  prepared$nobs <- NROW(y)
  prepared$family <- family
  prepared$etastart <- prepared$mustart <- prepared$start <- NULL
  eval(family$initialize, prepared)
  n <- if (is.null(prepared$n)) rep(1, prepared$nobs) else prepared$n
  list(y = as.double(prepared$y), weights = prepared$weights, n = n, levels = labels)
}
