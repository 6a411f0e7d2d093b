# How layers come together: added to a sequential model, or applied to tensors.

# What every function layer_*() does with its first argument.
compose <- function(object, keras_class, arguments) {
  layer <- described(keras_class, arguments, class = "sklearncnn_layer_description")
  if (missing(object) || is.null(object)) return(standing_layer(layer))
  if (inherits(object, "sklearncnn_sequential")) return(add_to(object, layer))
  if (inherits(object, "sklearncnn_keras_model")) {
    abort("layer", paste(
      "A functional model is complete: apply the layer to its output, as in",
      "model$output %>% layer_dense(1), and make a new model of it by keras_model()."
    ), call = sys.call(-1))
  }
  apply_layer(layer, object)
}

# A layer that nothing has been done with: it can be applied, to several tensors too.
standing_layer <- function(layer) {
  kept_object(list(key = NULL, description = layer), "sklearncnn_layer")
}

add_to <- function(model, layer) {
  reply <- call_kept(model, "add_layer", layer = sendable(layer), seed = draw_seed())
  take_reply(model, reply)
}

apply_kept <- function(state, object) {
  if (is_applied_to_values(state, object)) return(apply_to_values(state, object))
  class <- if (is.null(state$state)) "sklearncnn_layer" else "sklearncnn_keras_model"
  applied <- structure(function() NULL, state = state, class = c(class, "sklearncnn_kept"))
  if (inherits(object, "sklearncnn_sequential")) return(add_to(object, applied))
  apply_layer(applied, object)
}

apply_layer <- function(layer, inputs) {
  if (!inherits(inputs, "sklearncnn_tensor") && !is_list_of_tensors(inputs)) {
    abort("layer", paste0(
      "A layer goes onto a sequential model or onto tensors of layer_input(). Got an object of ",
      "class \"", class(inputs)[1], "\"."
    ), call = NULL)
  }
  release_unneeded()
  reply <- dispatch("apply_layer", list(
    layer = sendable(layer), inputs = sendable(inputs), seed = draw_seed()
  ), call = NULL)
  tensors_of(reply)
}

is_list_of_tensors <- function(x) {
  is.list(x) && length(x) && all(vapply(x, inherits, NA, "sklearncnn_tensor"))
}

tensors_of <- function(reply) {
  if (!is.null(reply$tensors)) return(lapply(reply$tensors, tensors_of))
  reply$shape <- vapply(reply$shape, function(size) if (is.null(size)) NA_integer_ else size, 0L)
  kept_object(reply, "sklearncnn_tensor")
}

#' @export
print.sklearncnn_tensor <- function(x, ...) {
  state <- state_of(x)
  cat("<Keras tensor ", state$name, ": ", shape_text(state$shape), " ", state$dtype, ">\n", sep = "")
  invisible(x)
}

#' @export
print.sklearncnn_layer <- function(x, ...) {
  print(state_of(x)$description)
  invisible(x)
}

#' @export
dim.sklearncnn_tensor <- function(x) state_of(x)$shape

#' @export
`$.sklearncnn_tensor` <- function(x, name) {
  if (name == "shape") return(state_of(x)$shape)
  state_of(x)[[name]]
}

shape_text <- function(shape) paste0("(", paste(ifelse(is.na(shape), "any", shape), collapse = ", "), ")")

#' Inputs of functional models
#'
#' @param shape Shape of a row, such as `c(28, 28, 1)`; `NULL` or `NA` in a list or vector for a
#'   dimension of any length.
#' @param batch_shape,batch_size Shape with the number of rows, or the number of rows, where it is
#'   to be fixed.
#' @param name Name of the input.
#' @param dtype Type of the numbers: `"float32"`, or `"int32"` for [layer_embedding()], or
#'   `"string"`.
#' @param ... Not used.
#' @returns A tensor, onto which layers go.
#' @seealso [keras_model()]
#' @examplesIf python_ready()
#' input <- layer_input(shape = 4)
#' input
#' input %>% layer_dense(units = 3, activation = "softmax")
#' @export
layer_input <- function(shape = NULL, batch_shape = NULL, name = NULL, dtype = NULL,
                        batch_size = NULL, ...) {
  arguments <- list(
    shape = shape, batch_shape = batch_shape, name = name, dtype = dtype, batch_size = batch_size
  )
  tensors_of(dispatch("new_input", list(arguments = arguments), call = NULL))
}

#' @rdname layer_input
#' @export
keras_input <- layer_input
