#' Importance of variables by permutation
#'
#' How much worse the model predicts when the values of one variable are shuffled over the rows: the
#' increase of the mean deviance. Variables of a formula are shuffled as a whole, a factor with all
#' its columns, and a variable that stands in several terms in all of them.
#'
#' @param object A model fitted by [mlp()] or [cnn()] to a table.
#' @param data Rows to predict, with the response; by default those of the fit. On rows that the
#'   model has not seen, importance shows what carries over.
#' @param repeats How many times each variable is shuffled.
#' @param ... Not used.
#' @returns A data frame with one row a variable, the most important first: `variable`,
#'   `importance` (the mean increase) and `sd` over the repetitions. The attribute `"deviance"` is the
#'   mean deviance of the unshuffled data.
#' @references Breiman, L. (2001). Random forests. *Machine Learning*, 45, 5-32.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- mlp(mpg ~ wt + hp + qsec, mtcars, hidden = 2, alpha = 1, starts = 2)
#' importance(fit)
#' @export
importance <- function(object, ...) UseMethod("importance")

#' @rdname importance
#' @export
importance.sklearncnn <- function(object, data = NULL, repeats = 10, ...) {
  check_count(repeats, "repeats")
  if (length(object$row_shape) > 1L) {
    abort("data", "importance() is for tables: the pixels of pictures are no variables.")
  }
  rows <- rows_to_score(object, data)
  base <- mean_deviance(object, rows$y, rows$mean(rows$x), rows$weights)
  n <- NROW(rows$y)
  changes <- vapply(rows$variables, function(variable) {
    vapply(seq_len(repeats), function(i) {
      shuffled <- rows$shuffle(variable, sample.int(n))
      mean_deviance(object, rows$y, rows$mean(shuffled), rows$weights) - base
    }, 0)
  }, numeric(repeats))
  changes <- matrix(changes, repeats)
  result <- data.frame(
    variable = rows$variables, importance = colMeans(changes), sd = apply(changes, 2, stats::sd)
  )
  result <- result[order(-result$importance), ]
  row.names(result) <- NULL
  structure(result, deviance = base)
}

# Responses, weights, and how to predict and shuffle the rows: those of the fit, or of new data.
rows_to_score <- function(object, data) {
  if (is.null(object$terms)) {
    if (!is.null(data)) {
      abort("data", "Only a model fitted by a formula finds the response in new `data`.", NULL)
    }
    x <- data_of_fit(object)
    return(list(
      x = x, y = object$y, weights = object$prior.weights,
      mean = function(x) mean_of_link(object, linear_predictor(object, x), object$offset),
      variables = colnames(x),
      shuffle = function(variable, order) {
        x[, variable] <- x[order, variable]
        x
      }
    ))
  }
  if (is.null(data)) {
    frame <- object$model
    y <- object$y
    weights <- object$prior.weights
  } else {
    frame <- stats::model.frame(object$terms, data, xlev = object$xlevels)
    y <- stats::model.response(frame, "any")
    if (!is.null(object$levels)) y <- factor(as.character(y), levels = object$levels)
    encoded <- if (is.matrix(object$y)) {
      list(
        y = diag(length(object$levels))[as.integer(y), , drop = FALSE], weights = rep(1, NROW(y))
      )
    } else {
      encode_response(y, rep(1, NROW(y)), object$family, "data")
    }
    y <- encoded$y
    weights <- encoded$weights
  }
  terms <- stats::delete.response(object$terms)
  offset <- stats::model.offset(frame)
  variables <- rownames(attr(terms, "factors"))
  variables <- setdiff(variables, grep("^offset\\(", variables, value = TRUE))
  list(
    x = frame, y = y, weights = weights,
    mean = function(frame) {
      x <- design_matrix(terms, frame, object$contrasts)
      mean_of_link(object, linear_predictor(object, x), offset)
    },
    variables = all_names(terms, variables, frame),
    shuffle = function(variable, order) {
      for (column in columns_with(variable, variables)) {
        frame[[column]] <- take_rows(frame[[column]], order)
      }
      frame
    }
  )
}

# The variables of the data that stand in the formula, each once.
all_names <- function(terms, variables, frame) {
  names <- unique(unlist(lapply(variables, function(term) all.vars(str2lang(term)))))
  names[vapply(names, function(name) length(columns_with(name, variables)) > 0L, NA)]
}

# The columns of the model frame that are computed from a variable.
columns_with <- function(variable, columns) {
  uses <- vapply(columns, function(column) variable %in% all.vars(str2lang(column)), NA)
  columns[uses]
}

take_rows <- function(column, order) {
  if (is.matrix(column)) {
    taken <- column[order, , drop = FALSE]
    attributes(taken) <- attributes(column)
    taken
  } else {
    column[order]
  }
}

mean_of_link <- function(object, eta, offset) {
  object$family$linkinv(if (is.null(offset)) eta else eta + offset)
}

mean_deviance <- function(object, y, mean, weights) {
  sum(object$family$dev.resids(y, mean, weights)) / sum(weights)
}
