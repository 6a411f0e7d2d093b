#' Neural networks as statistical models
#'
#' The networks are genuine Keras models, trained by the Python package sklearn_cnn. Loading the
#' package starts nothing; Python starts at the first call that needs it.
#'
#' @section Where to begin:
#' [mlp()], [cnn()] and [autoencoder()] fit networks as R fits models: a formula or arrays, then
#' `summary()`, `predict()`, `logLik()`, [cross_validate()], [grid_search()], [importance()].
#' [keras_model_sequential()] makes networks layer by layer, as in *Deep Learning with R*;
#' [deep-learning] lists what belongs to it.
#'
#' @section Which Python:
#' The first that is given of `options(sklearncnn.python = "path/to/python")`, the environment
#' variable `SKLEARNCNN_PYTHON`, a Python that reticulate already runs or that `RETICULATE_PYTHON`
#' names, the Python whose `python -m r_bridge install` installed this package, and what
#' reticulate finds by itself. [sklearncnn_config()] shows the choice.
#'
#' @section Which engine:
#' By default Python runs inside the R process. Where it cannot, it runs as a worker process, with
#' the same results. `options(sklearncnn.engine = "process")`, or `SKLEARNCNN_ENGINE=process` in
#' the environment, asks for a worker process, `"inprocess"` refuses one.
#'
#' @importFrom stats coef deviance df.residual family fitted formula logLik model.frame model.matrix
#' @importFrom stats anova extractAIC nobs predict residuals simulate terms vcov weights
#' @useDynLib sklearncnn, .registration = TRUE, .fixes = "C_"
#' @keywords internal
"_PACKAGE"
