#' Windows of time series in batches
#'
#' Makes batches of windows, pieces of a series that follow each other, without keeping them all at
#' once: what [fit()], [evaluate()] and [predict()] take.
#'
#' `timeseries_dataset_from_array()` takes the target of the window that begins at a step from the
#' same place of `targets`: to predict what comes after `sequence_length` steps give `targets`
#' without its first `sequence_length` values. `timeseries_generator()`, the older way, ends a window
#' before the step of its target.
#'
#' Steps are counted as in Keras: the first `start_index` steps are left out. Orders are drawn from
#' R's generator: with `set.seed()` fits are the same.
#'
#' @param data A vector or matrix, one row a step; or an array.
#' @param targets Targets, a vector or array with one row a step; `NULL` for none.
#' @param sequence_length,length Steps of a window; `length` counts those between as well that
#'   `sampling_rate` leaves out.
#' @param sequence_stride,stride Steps between the beginnings of two windows.
#' @param sampling_rate Every how many steps one is taken.
#' @param batch_size Windows of a batch.
#' @param shuffle Whether each epoch has an order of its own.
#' @param seed A whole number; drawn from R's generator by default.
#' @param start_index The number of steps at the beginning that are left out.
#' @param end_index The number of steps that are used, counted from the first; the last is that of
#'   `end_index` for `timeseries_generator()`, where they count from 0. All by default.
#' @param reverse Whether windows are turned round, the last step first.
#' @param ... Not used.
#' @returns Batches: see [generator_next()].
#' @family batches
#' @examplesIf python_ready()
#' # The next year of the lynx from the ten before
#' x <- as.numeric(scale(log(lynx)))
#' windows <- timeseries_dataset_from_array(
#'   x, x[-(1:10)], sequence_length = 10, batch_size = 16, shuffle = TRUE
#' )
#' windows
#' set.seed(1)
#' model <- keras_model_sequential(input_shape = 10) %>%
#'   layer_dense(units = 1) %>%
#'   compile(optimizer = optimizer_adam(0.05), loss = "mse")
#' history <- model %>% fit(windows, epochs = 20, verbose = 0)
#' tail(history$metrics$loss, 1)
#' dim(generator_next(timeseries_generator(x, x, length = 10, batch_size = 8))[[1]])
#' @export
timeseries_dataset_from_array <- function(data, targets = NULL, sequence_length,
                                          sequence_stride = 1, sampling_rate = 1, batch_size = 128,
                                          shuffle = FALSE, seed = NULL, start_index = NULL,
                                          end_index = NULL, ...) {
  call <- sys.call()
  check_count(sequence_length, "sequence_length")
  check_count(sequence_stride, "sequence_stride")
  check_count(sampling_rate, "sampling_rate")
  new_batches("windows_of_series", list(
    data = as_data(data, "data", call), targets = as_data(targets, "targets", call),
    sequence_length = sequence_length, sequence_stride = sequence_stride,
    sampling_rate = sampling_rate, start_index = start_index, end_index = end_index,
    settings = batch_settings(batch_size, shuffle, seed)
  ))
}

#' @rdname timeseries_dataset_from_array
#' @export
timeseries_generator <- function(data, targets, length, sampling_rate = 1, stride = 1,
                                 start_index = 0, end_index = NULL, shuffle = FALSE,
                                 reverse = FALSE, batch_size = 128, seed = NULL) {
  call <- sys.call()
  check_count(length, "length")
  check_count(sampling_rate, "sampling_rate")
  check_count(stride, "stride")
  check_flag(reverse, "reverse")
  new_batches("windows_before_targets", list(
    data = as_data(data, "data", call), targets = as_data(targets, "targets", call),
    length = length, sampling_rate = sampling_rate, stride = stride, start_index = start_index,
    end_index = end_index, reverse = reverse, settings = batch_settings(batch_size, shuffle, seed)
  ))
}
