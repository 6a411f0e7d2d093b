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

# The names of families in Python, and what may be asked of R's.
python_families <- c(
  gaussian = "gaussian", binomial = "binomial", multinomial = "multinomial", poisson = "poisson",
  Gamma = "gamma"
)

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
    if (!family %in% names(python_families)) unknown_family(family)
    family <- if (family == "multinomial") multinomial() else getExportedValue("stats", family)
  }
  if (is.function(family)) family <- family()
  if (!inherits(family, "family")) unknown_family(class(family)[1])
  if (!family$family %in% names(python_families)) unknown_family(family$family)
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
