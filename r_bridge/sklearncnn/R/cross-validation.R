#' Cross-validate a network
#'
#' Fits the network of a model anew to all folds of its data but one, for each fold, and predicts the
#' rows left out. All fits are made in one call to Python.
#'
#' Columns and a gaussian response are standardised on the rows of each fit. The columns themselves
#' are those of the fit on all rows: bases that depend on the data, such as `poly()`, are not
#' computed anew.
#'
#' @param object A model fitted by [mlp()] or [cnn()].
#' @param folds Number of folds, or a vector that gives each row its fold, or a matrix with one such
#'   column a repetition. Rows of a factor are dealt so that each fold has its share of each level.
#' @param repeats How many times to divide the rows anew.
#' @param ... Not used.
#' @returns A data frame with one row a fold: `repetition`, `fold`, `n` rows left out, `deviance`
#'   (the mean over them), `seconds` of the fit, and for numbers `rmse`, `mae` and `r_squared`, for
#'   factors `accuracy`. The attribute `"predicted"` is the matrix of predicted means, one row a
#'   row of the data and one column a repetition (for several levels, an array).
#' @seealso [grid_search()]
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- mlp(mpg ~ wt + hp, mtcars, hidden = 2, alpha = 1, starts = 2)
#' cross_validate(fit, folds = 4)
#' @export
cross_validate <- function(object, ...) UseMethod("cross_validate")

#' @rdname cross_validate
#' @export
cross_validate.sklearncnn <- function(object, folds = 5, repeats = 1, ...) {
  folds <- folds_of(object, folds, repeats)
  seed <- draw_seed()
  reply <- dispatch("cross_validate_network", c(
    rows_to_fit(object),
    list(
      folds = folds,
      network = described_network(object, training_settings(object$arguments, seed))
    )
  ), call = NULL)
  n_folds <- apply(folds, 2, function(column) length(unique(column)))
  result <- do.call(rbind, lapply(seq_len(ncol(folds)), function(repetition) {
    mean <- array_slice(reply$means, repetition)
    do.call(rbind, lapply(sort(unique(folds[, repetition])), function(fold) {
      rows <- folds[, repetition] == fold
      data.frame(
        repetition = repetition, fold = fold, n = sum(rows), scores(object, mean, rows)
      )
    }))
  }))
  result$seconds <- reply$seconds
  structure(result, predicted = named_means(object, reply$means))
}

#' Search a grid of settings
#'
#' Cross-validates the network of a model for every combination of settings, all fits in one call to
#' Python, by scikit-learn's `GridSearchCV`.
#'
#' @param object A model fitted by [mlp()] or [cnn()].
#' @param ... The settings to vary, each a vector or, where a setting is itself a vector or `NULL`, a
#'   list: `hidden = list(NULL, 4, c(4, 2)), alpha = c(0.1, 1)`. Or one data frame, whose rows are
#'   the combinations.
#' @param folds,repeats As in [cross_validate()].
#' @param refit Whether to fit the best combination to all rows.
#' @returns A data frame of class `sklearncnn_grid_search` with one row a combination: the settings,
#'   `deviance` (mean over the folds of the mean deviance of the rows left out), `sd` over the
#'   folds, `rank` and `seconds`, the mean of its fits. The attribute `"folds"` has the deviance of
#'   each fold; `best_model()` returns the best combination, fitted.
#' @seealso [cross_validate()]
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- mlp(mpg ~ wt + hp, mtcars, hidden = 2, starts = 1)
#' search <- grid_search(fit, hidden = list(NULL, 3), alpha = c(0.1, 1), folds = 3)
#' search
#' best_model(search)
#' @export
grid_search <- function(object, ...) UseMethod("grid_search")

#' @rdname grid_search
#' @export
grid_search.sklearncnn <- function(object, ..., folds = 5, repeats = 1, refit = TRUE) {
  envir <- parent.frame()
  candidates <- combinations(list(...))
  check_settings(candidates$table, setdiff(names(object$arguments), "verbose"))
  folds <- folds_of(object, folds, repeats)
  seed <- draw_seed()
  arguments <- lapply(candidates$settings, function(candidate) {
    changed <- object$arguments
    for (name in names(candidate)) changed[name] <- list(candidate[[name]])
    if (is.null(object$archive)) check_mlp_arguments(changed) else check_network_arguments(changed)
    changed
  })
  reply <- dispatch("search_network", c(
    rows_to_fit(object),
    list(
      folds = folds,
      network = described_network(object, list()),
      candidates = lapply(arguments, training_settings, seed = seed)
    )
  ), call = NULL)
  deviance <- rowMeans(reply$deviance)
  result <- candidates$table
  result$deviance <- deviance
  result$sd <- apply(reply$deviance, 1, stats::sd)
  result$rank <- rank(deviance, ties.method = "min")
  result$seconds <- reply$seconds
  best <- candidates$settings[[which.min(deviance)]]
  structure(
    result,
    folds = reply$deviance, best = if (refit) refitted(object, best, envir),
    class = c("sklearncnn_grid_search", "data.frame")
  )
}

#' @param search What `grid_search()` returned.
#' @rdname grid_search
#' @export
best_model <- function(search) {
  if (!inherits(search, "sklearncnn_grid_search")) {
    abort("argument", "`search` must be what grid_search() returned.")
  }
  best <- attr(search, "best")
  if (is.null(best)) abort("argument", "grid_search() was asked for `refit = FALSE`.")
  best
}

#' @export
print.sklearncnn_grid_search <- function(x, ...) {
  shown <- as.data.frame(x)
  class(shown) <- "data.frame"
  attr(shown, "folds") <- attr(shown, "best") <- NULL
  for (name in names(shown)) {
    if (is.list(shown[[name]])) shown[[name]] <- vapply(shown[[name]], setting_label, "")
  }
  print(shown, ...)
  invisible(x)
}

setting_label <- function(value) if (is.null(value)) "NULL" else paste(value, collapse = ", ")

# Every combination: a table to show, and for each row its settings.
combinations <- function(given) {
  if (length(given) == 1L && is.data.frame(given[[1]])) {
    table <- given[[1]]
    grid <- lapply(seq_len(nrow(table)), function(i) lapply(table, function(column) column[[i]]))
  } else {
    if (!length(given) || is.null(names(given)) || !all(nzchar(names(given)))) {
      abort("argument", "grid_search() needs settings to vary, as in alpha = c(0.1, 1).", NULL)
    }
    places <- expand.grid(lapply(given, seq_along))
    table <- as.data.frame(lapply(places, function(place) place))
    for (name in names(given)) {
      values <- given[[name]][places[[name]]]
      table[[name]] <- if (is.list(values)) I(values) else values
    }
    grid <- lapply(seq_len(nrow(places)), function(i) {
      Map(function(values, place) values[[place]], given, places[i, , drop = TRUE])
    })
    if (length(given) == 1L) grid <- lapply(seq_along(given[[1]]), function(i) {
      stats::setNames(list(given[[1]][[i]]), names(given))
    })
  }
  list(table = table, settings = grid)
}

check_settings <- function(table, known) {
  unknown <- setdiff(names(table), known)
  if (length(unknown)) {
    abort("argument", paste0(
      "`", unknown[1], "` is no setting to vary. There are ",
      paste0("`", known, "`", collapse = ", "), "."
    ), call = NULL)
  }
}

# The model with other settings: its own call, evaluated where the user is.
refitted <- function(object, settings, envir) {
  call <- object$call
  # Not through $<-, which drops what is set to NULL.
  for (name in names(settings)) call[name] <- list(settings[[name]])
  eval(call, envir)
}

# What Python needs of the data of a fit.
rows_to_fit <- function(object) {
  x <- data_of_fit(object)
  uniform <- all(object$prior.weights == 1)
  list(
    x = if (is.null(object$archive)) {
      x <- unname(x) + 0
      attributes(x) <- list(dim = dim(x))
      x
    } else {
      sent_pictures(x, object$input_shape)
    },
    y = as.array(unname(object$y)),
    weights = if (!uniform) as.array(as.double(object$prior.weights)),
    offset = if (!is.null(object$offset)) as.array(object$offset)
  )
}

described_network <- function(object, settings) {
  perceptron <- is.null(object$archive)
  family <- object$family
  # Estimated anew in each fold.
  if (isTRUE(object$theta_estimated)) family$theta <- NULL
  list(
    kind = if (perceptron) "mlp" else "cnn",
    family = python_family(family),
    settings = settings,
    standardize = perceptron && object$standardized,
    standardize_response = scales_response(family) && (!perceptron || object$standardized)
  )
}

folds_of <- function(object, folds, repeats) {
  group <- if (is.null(object$levels)) {
    NULL
  } else if (is.matrix(object$y)) {
    max.col(object$y)
  } else {
    object$y + 1
  }
  fold_matrix(NROW(object$y), group, folds, repeats)
}

# One column a repetition, with the number of the fold of each row.
fold_matrix <- function(n, group, folds, repeats) {
  if (length(folds) > 1L) {
    folds <- as.matrix(folds)
    if (nrow(folds) != n || anyNA(folds)) {
      abort("argument", paste0(
        "`folds` must be a number of folds, or give each of the ", n, " rows its fold."
      ), call = NULL)
    }
    return(matrix(as.integer(factor(folds)), n))
  }
  check_count(folds, "folds")
  check_count(repeats, "repeats")
  if (folds < 2L || folds > n) {
    abort("argument", paste0("`folds` must be from 2 to ", n, ", the number of rows."), call = NULL)
  }
  if (is.null(group)) group <- rep(1L, n)
  vapply(seq_len(repeats), function(i) {
    # Each level is dealt where the one before ended, in random order.
    order <- order(group, stats::runif(n))
    dealt <- integer(n)
    dealt[order] <- rep_len(seq_len(folds), n)
    dealt
  }, integer(n))
}

scores <- function(object, mean, rows) {
  y <- if (is.matrix(object$y)) object$y[rows, , drop = FALSE] else object$y[rows]
  mean <- if (is.matrix(mean)) mean[rows, , drop = FALSE] else mean[rows]
  weights <- object$prior.weights[rows]
  deviance <- mean_deviance(object, y, mean, weights)
  average <- function(values) sum(weights * values) / sum(weights)
  if (!is.null(object$levels)) {
    right <- if (is.matrix(y)) max.col(mean, "first") == max.col(y) else (mean > 0.5) == (y > 0.5)
    return(data.frame(deviance = deviance, accuracy = average(right)))
  }
  residual <- y - mean
  data.frame(
    deviance = deviance, rmse = sqrt(average(residual^2)), mae = average(abs(residual)),
    r_squared = 1 - average(residual^2) / average((y - average(y))^2)
  )
}

# The last index fixed, other dimensions kept.
array_slice <- function(x, i) {
  shape <- dim(x)
  kept <- shape[-length(shape)]
  size <- prod(kept)
  slice <- x[(i - 1) * size + seq_len(size)]
  if (length(kept) > 1L) dim(slice) <- kept
  slice
}

named_means <- function(object, means) {
  rows <- rownames(object$x)
  dimnames(means) <- if (is.matrix(object$y)) list(rows, object$levels, NULL) else list(rows, NULL)
  means
}
