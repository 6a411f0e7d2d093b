#' Cross-validate models made layer by layer
#'
#' `cross_validate()` trains a model anew for each fold, on the rows of all others, and evaluates it
#' on the rows left out. `grid_search()` does so for every combination of settings.
#'
#' A function that makes a compiled model is called for each fit, with the settings that it has
#' arguments for; the others are arguments of [fit()], such as `epochs` and `batch_size`. A model
#' itself is a template: each fit begins with new weights and a new optimizer, and the model is not
#' changed.
#'
#' @param object A compiled model, or a function that returns one.
#' @param x,y Rows and targets, as in [fit()].
#' @param ... For `cross_validate()` arguments of [fit()], and of the function. For `grid_search()`
#'   the settings to vary, each a vector or, where a setting is itself a vector or `NULL`, a list;
#'   or one data frame, whose rows are the combinations.
#' @param folds Number of folds, or a vector that gives each row its fold, or a matrix with one such
#'   column a repetition. Each fold has its share of each class, where `y` has one column a class or
#'   class numbers.
#' @param repeats How many times to divide the rows anew.
#' @param epochs,batch_size,verbose As in [fit()].
#' @param metric What decides: the loss, or a metric of the model; the smallest value is the best.
#' @param decreasing Whether instead the largest value is the best, as for an accuracy.
#' @param refit Whether to train the best combination on all rows.
#' @returns `cross_validate()` returns a data frame with one row a fold: `repetition`, `fold`, `n`
#'   rows left out, `loss` and the metrics on them, and `seconds` of the fit. `grid_search()` returns
#'   a data frame of class `sklearncnn_grid_search` with one row a combination: the settings, mean
#'   `loss` and metrics over the folds, `sd` of what decides, `rank` and `seconds`; [best_model()] is
#'   the best combination, trained on all rows.
#' @seealso [cross_validate()] for models of [mlp()] and [cnn()].
#' @examplesIf python_ready()
#' build <- function(units = 4) {
#'   keras_model_sequential() %>%
#'     layer_dense(units = units, activation = "relu", input_shape = 4) %>%
#'     layer_dense(units = 3, activation = "softmax") %>%
#'     compile(optimizer = "adam", loss = "sparse_categorical_crossentropy", metrics = "accuracy")
#' }
#' x <- scale(iris[1:4])
#' y <- as.integer(iris$Species) - 1
#' set.seed(1)
#' cross_validate(build, x, y, folds = 3, epochs = 5)
#' grid_search(build, x, y, units = c(2, 8), epochs = c(2, 10), folds = 2)
#' @name cross_validate_layers
NULL

#' @rdname cross_validate_layers
#' @export
cross_validate.sklearncnn_keras_model <- function(object, x, y, ..., folds = 5, repeats = 1,
                                                  epochs = 10, batch_size = 32, verbose = 0) {
  check_compiled(object, sys.call())
  cross_validate.function(
    fresh_copies(object), x, y, ..., folds = folds, repeats = repeats, epochs = epochs, batch_size = batch_size,
    verbose = verbose
  )
}

#' @rdname cross_validate_layers
#' @export
cross_validate.function <- function(object, x, y, ..., folds = 5, repeats = 1, epochs = 10,
                                    batch_size = 32, verbose = 0) {
  check_same_rows(x, y, sys.call())
  folds <- fold_matrix(rows_of(x), classes_of(y), folds, repeats)
  settings <- list(..., epochs = epochs, batch_size = batch_size, verbose = verbose)
  fits_of_folds(object, x, y, folds, settings)
}

# A function that makes models like this one, as if never trained.
fresh_copies <- function(model) {
  class <- setdiff(class(model), c("sklearncnn_kept", "sklearncnn"))
  function() kept_object(call_kept(model, "fresh_model", seed = draw_seed()), class)
}

fits_of_folds <- function(build, x, y, folds, settings) {
  do.call(rbind, lapply(seq_len(ncol(folds)), function(repetition) {
    do.call(rbind, lapply(sort(unique(folds[, repetition])), function(fold) {
      left_out <- folds[, repetition] == fold
      start <- proc.time()[["elapsed"]]
      model <- trained(build, rows_at(x, !left_out), rows_at(y, !left_out), settings)
      seconds <- proc.time()[["elapsed"]] - start
      scores <- evaluate(model, rows_at(x, left_out), rows_at(y, left_out))
      data.frame(
        repetition = repetition, fold = fold, n = sum(left_out),
        as.list(stats::setNames(as.numeric(scores), names(scores))), seconds = seconds
      )
    }))
  }))
}

trained <- function(build, x, y, settings) {
  of_build <- names(settings) %in% names(formals(args(build)))
  model <- do.call(build, settings[of_build])
  if (!inherits(model, "sklearncnn_keras_model")) {
    abort("argument", paste0(
      "The function must return a model of keras_model_sequential() or keras_model(), not an ",
      "object of class \"", class(model)[1], "\"."
    ), call = NULL)
  }
  do.call(fit.sklearncnn_keras_model, c(list(model, x, y), settings[!of_build]))
  model
}

#' @rdname cross_validate_layers
#' @export
grid_search.sklearncnn_keras_model <- function(object, x, y, ..., folds = 5, repeats = 1,
                                               metric = "loss", decreasing = FALSE, refit = TRUE) {
  check_compiled(object, sys.call())
  grid_search.function(
    fresh_copies(object), x, y, ..., folds = folds, repeats = repeats, metric = metric, decreasing = decreasing,
    refit = refit
  )
}

#' @rdname cross_validate_layers
#' @export
grid_search.function <- function(object, x, y, ..., folds = 5, repeats = 1, metric = "loss",
                                 decreasing = FALSE, refit = TRUE) {
  check_same_rows(x, y, sys.call())
  candidates <- combinations(list(...))
  of_fit <- setdiff(names(formals(fit.sklearncnn_keras_model)), c("object", "x", "y", "..."))
  check_settings(candidates$table, c(names(formals(args(object))), of_fit))
  folds <- fold_matrix(rows_of(x), classes_of(y), folds, repeats)
  quietly <- function(settings) c(settings, if (is.null(settings$verbose)) list(verbose = 0))
  fits <- lapply(candidates$settings, function(settings) {
    fits_of_folds(object, x, y, folds, quietly(settings))
  })
  measured <- setdiff(names(fits[[1]]), c("repetition", "fold", "n", "seconds"))
  if (!metric %in% measured) {
    abort("argument", paste0(
      "metric = \"", metric, "\" is not measured; there are ",
      paste0("\"", measured, "\"", collapse = ", "), "."
    ))
  }
  result <- candidates$table
  for (name in measured) result[[name]] <- vapply(fits, function(fit) mean(fit[[name]]), 0)
  result$sd <- vapply(fits, function(fit) stats::sd(fit[[metric]]), 0)
  decides <- if (decreasing) -result[[metric]] else result[[metric]]
  result$rank <- rank(decides, ties.method = "min")
  result$seconds <- vapply(fits, function(fit) mean(fit$seconds), 0)
  best <- quietly(candidates$settings[[which.min(decides)]])
  structure(
    result,
    folds = do.call(rbind, lapply(fits, `[[`, metric)),
    best = if (refit) trained(object, x, y, best),
    class = c("sklearncnn_grid_search", "data.frame")
  )
}

# Some rows of arrays of any number of dimensions, data frames, and lists of them.
rows_at <- function(x, rows) {
  if (is.data.frame(x)) return(x[rows, , drop = FALSE])
  if (is.list(x)) return(lapply(x, rows_at, rows))
  n_dims <- length(dim(x))
  if (!n_dims) return(x[rows])
  do.call(`[`, c(list(x, rows), rep(list(TRUE), n_dims - 1L), list(drop = FALSE)))
}

# Class numbers, where targets are classes.
classes_of <- function(y) {
  if (is.matrix(y) && ncol(y) > 1L) {
    if (all(y == 0 | y == 1) && all(rowSums(y) == 1)) return(max.col(y))
  } else if (is.numeric(y) && !anyNA(y) && all(y == round(y)) && max(table(y)) > 1L) {
    return(as.vector(y))
  }
  NULL
}
