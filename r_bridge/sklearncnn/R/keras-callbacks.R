#' Functions of R as callbacks
#'
#' The functions run in R, between the steps of training, and may look at the model (`predict()`,
#' `evaluate()`, `get_weights()`). `stop()` in one of them ends the fit with that error.
#'
#' @param on_epoch_begin,on_epoch_end Functions of the epoch, which counts from 0 as in Keras, and
#'   the list of its loss and metrics.
#' @param on_train_begin,on_train_end Functions of the list of losses and metrics.
#' @param on_train_batch_begin,on_train_batch_end,on_batch_begin,on_batch_end Functions of the
#'   batch, which counts from 0, and the list of losses and metrics.
#' @param schedule A function of the epoch, from 0, and the learning rate, that returns the rate of
#'   the epoch.
#' @param ... Not used.
#' @returns An object for [fit()].
#' @family callbacks
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
#' model %>% compile(optimizer = "sgd", loss = "mse")
#' losses <- c()
#' keep_loss <- callback_lambda(
#'   on_epoch_end = function(epoch, logs) losses <<- c(losses, logs$loss)
#' )
#' halve <- callback_learning_rate_scheduler(function(epoch, lr) lr / 2)
#' model %>% fit(
#'   cars$speed / 25, cars$dist / 120, epochs = 3, callbacks = list(keep_loss, halve)
#' )
#' losses
#' @export
callback_lambda <- function(on_epoch_begin = NULL, on_epoch_end = NULL, on_train_begin = NULL,
                            on_train_end = NULL, on_train_batch_begin = NULL,
                            on_train_batch_end = NULL, on_batch_begin = NULL, on_batch_end = NULL,
                            ...) {
  functions <- list(
    on_epoch_begin = with_two_arguments(on_epoch_begin),
    on_epoch_end = with_two_arguments(on_epoch_end),
    on_train_begin = with_one_argument(on_train_begin),
    on_train_end = with_one_argument(on_train_end),
    on_train_batch_begin = with_two_arguments(first_given(on_train_batch_begin, on_batch_begin)),
    on_train_batch_end = with_two_arguments(first_given(on_train_batch_end, on_batch_end))
  )
  described(
    "callbacks.LambdaCallback", list(), functions = functions[!vapply(functions, is.null, NA)]
  )
}

with_two_arguments <- function(f) {
  if (is.null(f)) return(NULL)
  check_function(f)
  function(number, logs = list()) {
    if (length(formals(args(f))) < 2L) f(number) else f(number, logs)
    NULL
  }
}

with_one_argument <- function(f) {
  if (is.null(f)) return(NULL)
  check_function(f)
  function(logs = list()) {
    if (length(formals(args(f)))) f(logs) else f()
    NULL
  }
}

check_function <- function(f) {
  if (!is.function(f)) {
    abort("argument", "A callback must be a function of R.", call = sys.call(-2))
  }
}

#' @rdname callback_lambda
#' @export
callback_learning_rate_scheduler <- function(schedule) {
  check_function(schedule)
  takes_rate <- length(formals(args(schedule))) > 1L
  rate_of <- function(epoch, rate) {
    as.double(if (takes_rate) schedule(epoch, rate) else schedule(epoch))
  }
  described("callbacks.LearningRateScheduler", list(), functions = list(schedule = rate_of))
}

first_given <- function(new, old) if (is.null(new)) old else new
