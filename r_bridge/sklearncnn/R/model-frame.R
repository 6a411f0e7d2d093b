# Model frames and design matrices, made as lm() and nnet.formula() make them; only numbers go on.

# The model frame of a call to a formula method, evaluated where the user called it.
frame_of_call <- function(call, envir) {
  kept <- c("formula", "data", "weights", "offset", "subset", "na.action")
  frame <- call[c(1L, match(kept, names(call), 0L))]
  frame$drop.unused.levels <- TRUE
  frame[[1L]] <- quote(stats::model.frame)
  frame <- eval(frame, envir)
  if (attr(attr(frame, "terms"), "intercept") == 0L) {
    abort("formula", "A network has an intercept in every unit: leave out `- 1` or `+ 0`.", NULL)
  }
  frame
}

# One column a coefficient of lm(), the intercept left out; contrasts as an attribute.
design_matrix <- function(terms, frame, contrasts) {
  x <- stats::model.matrix(terms, frame, contrasts)
  structure(x[, -1L, drop = FALSE], contrasts = attr(x, "contrasts"))
}

response_of_frame <- function(frame) {
  y <- stats::model.response(frame, "any")
  if (is.null(y)) abort("formula", "The formula has no response on its left side.", NULL)
  y
}

# What a fit keeps of the formula it was fitted by.
remember_formula <- function(fit, call, frame, x, data) {
  terms <- attr(frame, "terms")
  fit$call <- call
  fit$formula <- stats::formula(terms)
  fit$terms <- terms
  fit$model <- frame
  fit$xlevels <- stats::.getXlevels(terms, frame)
  fit$contrasts <- attr(x, "contrasts")
  fit$na.action <- attr(frame, "na.action")
  fit$data <- data
  fit
}

# New data as the design matrix of the fit, with its offset.
new_design <- function(object, newdata, na.action) {
  terms <- stats::delete.response(object$terms)
  check_levels(object, newdata)
  frame <- stats::model.frame(terms, newdata, na.action = na.action, xlev = object$xlevels)
  classes <- attr(terms, "dataClasses")
  if (!is.null(classes)) stats::.checkMFClasses(classes, frame)
  offset <- stats::model.offset(frame)
  if (!is.null(object$call$offset)) {
    given <- eval(object$call$offset, newdata, environment(object$terms))
    offset <- if (is.null(offset)) given else offset + given
  }
  list(x = design_matrix(terms, frame, object$contrasts), offset = offset)
}

check_levels <- function(object, newdata) {
  for (name in intersect(names(object$xlevels), names(newdata))) {
    known <- object$xlevels[[name]]
    new <- setdiff(unique(as.character(newdata[[name]])), c(known, NA))
    if (length(new)) {
      abort("new_level", paste0(
        "`", name, "` has ", paste0("\"", new, "\"", collapse = ", "),
        ", but the model knows only ", paste0("\"", known, "\"", collapse = ", "), "."
      ), call = NULL)
    }
  }
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

check_rows <- function(x, y) {
  n <- dim(x)[1]
  if (NROW(y) != n) {
    abort("data", paste0("`x` has ", n, " rows, but `y` has ", NROW(y), "."), call = NULL)
  }
  if (anyNA(x) || anyNA(y)) {
    abort("data", paste(
      "`x` and `y` must have no missing values: leave such rows out, or use a formula, which does."
    ), call = NULL)
  }
}

check_weights <- function(weights, n) {
  if (is.null(weights)) return(rep(1, n))
  if (!is.numeric(weights) || anyNA(weights) || any(weights < 0)) {
    abort("weights", "`weights` must be numbers of zero or more, without NA.", call = NULL)
  }
  if (length(weights) != n) {
    abort("weights", paste0(
      "`weights` has ", length(weights), " elements, but there are ", n, " rows."
    ), call = NULL)
  }
  weights
}

check_offset <- function(offset, n) {
  if (is.null(offset)) return(NULL)
  if (!is.numeric(offset) || anyNA(offset) || length(offset) != n) {
    abort("offset", paste0("`offset` must be ", n, " numbers without NA, one a row."), call = NULL)
  }
  as.double(offset)
}

# Centre and population standard deviation of the columns of x, and of a gaussian response.
scaling_of <- function(x, response, offset, family, standardize) {
  scaling <- list(center = rep(0, ncol(x)), scale = rep(1, ncol(x)))
  if (!standardize) return(scaling)
  scaling$center <- colMeans(x)
  scaling$scale <- spread(x, scaling$center)
  scaling$response <- response_scaling(response, offset, family)
  scaling
}

# A column that does not vary has no scale.
spread <- function(x, center) {
  scale <- sqrt(colMeans(sweep(x, 2, center)^2))
  ifelse(scale > 1e-12 * pmax(abs(center), 1e-300), scale, 1)
}

response_scaling <- function(response, offset, family) {
  if (!scales_response(family)) return(NULL)
  y <- as.matrix(response$y - if (is.null(offset)) 0 else offset)
  c(mean(y), spread(y, mean(y)))
}

scales_response <- function(family) family$family == "gaussian" && family$link == "identity"

scale_columns <- function(x, scaling) {
  x <- sweep(sweep(x, 2, scaling$center), 2, scaling$scale, "/")
  dimnames(x) <- NULL
  x
}

scale_response <- function(y, offset, scaling) {
  if (is.null(scaling$response)) return(y)
  (y - (if (is.null(offset)) 0 else offset) - scaling$response[1]) / scaling$response[2]
}
