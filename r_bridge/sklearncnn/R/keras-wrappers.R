#' Layers around a layer
#'
#' `bidirectional()` lets a recurrent layer read a sequence from both ends, `time_distributed()`
#' applies a layer to each step of a sequence.
#'
#' @param object A sequential model, to which the layer is added, or a tensor, or nothing.
#' @param layer A layer, such as `layer_lstm(units = 8)`.
#' @param merge_mode How the two readings are put together: `"concat"`, `"sum"`, `"mul"` or
#'   `"ave"`.
#' @param input_shape Shape of a row, for the first layer of a sequential model.
#' @param name Name of the layer.
#' @returns The model, changed in place; or a tensor; or the layer, which can be applied.
#' @family layers
#' @examplesIf python_ready()
#' layer_input(shape = c(10, 3)) %>% bidirectional(layer_lstm(units = 4))
#' layer_input(shape = c(10, 3)) %>% time_distributed(layer_dense(units = 2))
#' @export
bidirectional <- function(object, layer, merge_mode = "concat", input_shape = NULL, name = NULL) {
  compose(object, "layers.Bidirectional", given_arguments())
}

#' @rdname bidirectional
#' @export
time_distributed <- function(object, layer, input_shape = NULL, name = NULL) {
  compose(object, "layers.TimeDistributed", given_arguments())
}
