#' Tune networks with caret
#'
#' `caret::train(..., method = sklearncnn_caret())` tunes the number of hidden units and the penalty
#' of [mlp()] by caret's resampling. Columns are standardised inside each fit, on its own rows: no
#' `preProcess` is needed.
#'
#' @returns A list that describes the model, for the argument `method` of `caret::train()`.
#' @examplesIf python_ready() && requireNamespace("caret", quietly = TRUE)
#' set.seed(1)
#' tuned <- caret::train(
#'   dist ~ speed, cars,
#'   method = sklearncnn_caret(), starts = 1,
#'   tuneGrid = data.frame(hidden = c(0, 2), alpha = 0.01),
#'   trControl = caret::trainControl("cv", number = 2)
#' )
#' tuned$bestTune
#' @export
sklearncnn_caret <- function() {
  list(
    label = "Multi-layer perceptron (sklearncnn)",
    library = "sklearncnn",
    type = c("Regression", "Classification"),
    parameters = data.frame(
      parameter = c("hidden", "alpha"), class = "numeric",
      label = c("Hidden units", "L2 penalty")
    ),
    grid = function(x, y, len = NULL, search = "grid") {
      if (search == "grid") {
        penalties <- 10^seq(-3, -1, length.out = len)
        expand.grid(hidden = 2 * seq_len(len) - 1, alpha = penalties)
      } else {
        data.frame(hidden = sample.int(20L, len, TRUE), alpha = 10^stats::runif(len, -5, 1))
      }
    },
    fit = function(x, y, wts, param, lev, last, classProbs, ...) {
      hidden <- if (param$hidden > 0) param$hidden
      mlp(
        as.matrix(x), y,
        hidden = hidden, alpha = param$alpha, weights = wts, response = ".outcome", ...
      )
    },
    predict = function(modelFit, newdata, submodels = NULL) {
      type <- if (is.null(modelFit$levels)) "response" else "class"
      unname(stats::predict(modelFit, as.matrix(newdata), type = type))
    },
    prob = function(modelFit, newdata, submodels = NULL) {
      as.data.frame(stats::predict(modelFit, as.matrix(newdata), type = "prob"))
    },
    levels = function(x) x$levels,
    # From the simplest to the most flexible model.
    sort = function(x) x[order(x$hidden, -x$alpha), ],
    tags = c("Neural Network", "Accepts Case Weights", "L2 Regularization")
  )
}
