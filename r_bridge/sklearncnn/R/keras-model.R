#' Sequential models
#'
#' A stack of layers. `model %>% layer_dense(...)` adds a layer to the model itself and returns it,
#' as [compile()] and [fit()] change the model itself. `saveRDS()` and `readRDS()` keep a model with
#' its weights and the state of its optimizer.
#'
#' The functions `layer_*`, `optimizer_*`, `loss_*`, `metric_*`, `regularizer_*`, `initializer_*`,
#' `constraint_*` and `callback_*` are made from Keras's own classes and take their arguments.
#' Dimensions are counted as in R: `axis = 1` are the rows, `-1` is the last one. Arrays keep their
#' dimensions: an array of images has the dimensions rows, height, width, channels.
#'
#' Not available are Keras's functions on tensors (`k_*`, `op_*`), classes of one's own
#' (`new_layer_class()` and the like) and gradient tapes: networks are compiled, and R functions
#' cannot be a part of them. R functions can be callbacks, learning rate schedules and generators.
#'
#' @param layers A list of layers, made by functions `layer_*` without their first argument.
#' @param name Name of the model.
#' @param input_shape Shape of a row; can be given with the first layer instead.
#' @param ... Further arguments of [keras_input()].
#' @returns A model: of class `sklearncnn_keras_model`.
#' @seealso [compile()], [fit()], [evaluate()], [predict()][predict.sklearncnn_keras_model];
#'   [keras_model()] for networks that are no stack; [deep-learning] for all that there is.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
#'   layer_dense(units = 3, activation = "softmax")
#' model
#' model %>% compile(
#'   optimizer = "rmsprop", loss = "categorical_crossentropy", metrics = "accuracy"
#' )
#' x <- as.matrix(iris[1:4])
#' y <- to_categorical(as.integer(iris$Species) - 1)
#' model %>% fit(x, y, epochs = 5, verbose = 0)
#' model %>% evaluate(x, y, verbose = 0)
#' @export
keras_model_sequential <- function(layers = NULL, name = NULL, input_shape = NULL, ...) {
  input <- NULL
  if (!is.null(input_shape)) input <- c(list(shape = input_shape), list(...))
  if (is.numeric(layers)) {
    input <- list(shape = layers)
    layers <- NULL
  }
  reply <- dispatch("new_sequential", list(
    layers = lapply(layers, sendable), name = name, first_input = input, seed = draw_seed()
  ), call = NULL)
  kept_object(reply, c("sklearncnn_sequential", "sklearncnn_keras_model"))
}

#' Functional models
#'
#' @param inputs,outputs Tensors, or lists of them: inputs of [layer_input()], and what layers made
#'   of them.
#' @param name Name of the model.
#' @param ... Not used.
#' @returns A model, with the methods of sequential models.
#' @seealso [layer_input()], [keras_model_sequential()], and [deep-learning] for all that there is.
#' @examplesIf python_ready()
#' input <- layer_input(shape = 4)
#' output <- input %>%
#'   layer_dense(units = 8, activation = "relu") %>%
#'   layer_dense(units = 1)
#' keras_model(input, output)
#' @export
keras_model <- function(inputs, outputs = NULL, name = NULL, ...) {
  reply <- dispatch("new_functional", list(
    inputs = sendable(inputs), outputs = sendable(outputs), name = name
  ), call = NULL)
  kept_object(reply, "sklearncnn_keras_model")
}

#' @export
print.sklearncnn_keras_model <- function(x, line_length = NULL, ...) {
  summary(x, line_length = line_length)
  invisible(x)
}

#' Show a model layer by layer
#'
#' @param object,x A model.
#' @param line_length Width of the table in characters.
#' @param ... Further arguments.
#' @returns The model, invisibly.
#' @seealso [activations()], [filter_patterns()] and [gradcam()] show what a network sees.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
#'   layer_dense(units = 3)
#' summary(model)
#' plot(model)
#' @export
summary.sklearncnn_keras_model <- function(object, line_length = NULL, ...) {
  lines <- call_kept(object, "summarise_model", line_length = line_length)
  cat(unlist(lines), sep = "\n")
  invisible(object)
}

#' @rdname summary.sklearncnn_keras_model
#' @export
plot.sklearncnn_keras_model <- function(x, ...) {
  about <- call_kept(x, "describe_model")
  layers <- about$layers
  names <- vapply(layers, `[[`, "", "name")
  edges <- lapply(about$edges, match, names)
  edges <- edges[!vapply(edges, anyNA, NA)]
  place <- layer_places(length(layers), edges)
  old <- graphics::par(mar = c(1, 1, 2, 1))
  on.exit(graphics::par(old))
  graphics::plot.new()
  graphics::plot.window(c(0, 1), c(0.5, max(place$depth) + 0.5))
  graphics::title(about$name)
  y <- max(place$depth) + 1 - place$depth
  for (edge in edges) {
    graphics::arrows(
      place$x[edge[1]], y[edge[1]] - 0.3, place$x[edge[2]], y[edge[2]] + 0.3, length = 0.08
    )
  }
  half <- 0.45 / max(table(place$depth))
  graphics::rect(place$x - half, y - 0.3, place$x + half, y + 0.3, col = "grey95")
  shapes <- vapply(layers, function(layer) {
    if (is.null(layer$output_shape)) return("")
    shape_text(vapply(layer$output_shape[-1], function(n) if (is.null(n)) NA_integer_ else n, 0L))
  }, "")
  kinds <- vapply(layers, `[[`, "", "class")
  cex <- min(1, 8 / max(place$depth))
  graphics::text(place$x, y + 0.1, paste0(names, ": ", kinds), cex = cex)
  graphics::text(place$x, y - 0.13, shapes, cex = 0.8 * cex)
  invisible(x)
}

# Depth is the longest way from an input; layers of one depth stand side by side.
layer_places <- function(n, edges) {
  depth <- rep(1L, n)
  for (round in seq_len(n)) {
    for (edge in edges) depth[edge[2]] <- max(depth[edge[2]], depth[edge[1]] + 1L)
  }
  x <- stats::ave(seq_len(n), depth, FUN = function(i) (seq_along(i) - 0.5) / length(i))
  list(depth = depth, x = x)
}

#' Layers, weights and settings of a model
#'
#' `model$layers` is the list of the layers of a model, `model$name` its name, `model$input` and
#' `model$output` are its tensors, `model$trainable` says whether it is trained. A layer that was
#' looked up belongs to its model: `layer$output` is its tensor.
#'
#' @param object A model, or a layer of [get_layer()].
#' @param name,index Name of the layer, or its place, counted from 1; -1 is the last one.
#' @param weights A list of arrays, as `get_weights()` returns it.
#' @seealso [activations()] and [gradcam()] look into a network.
#' @returns `get_layer()` returns a layer, `get_weights()` a list of arrays, `count_params()` a
#'   number, `set_weights()` and `pop_layer()` the changed model, invisibly.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 3, input_shape = 2)
#' count_params(model)
#' weights <- get_weights(model)
#' weights[[2]] <- weights[[2]] + 1
#' set_weights(model, weights)
#' get_weights(get_layer(model, index = 1))[[2]]
#' @export
get_layer <- function(object, name = NULL, index = NULL) {
  found <- call_kept(object, "find_layer", name = name, index = index)
  owned_layer(object, found)
}

owned_layer <- function(model, about) {
  structure(
    list(model = model, name = about$name, kind = about$class, about = about),
    class = c("sklearncnn_owned_layer", "sklearncnn")
  )
}

#' @export
print.sklearncnn_owned_layer <- function(x, ...) {
  about <- unclass(x)
  cat("<Keras layer ", about$name, " (", about$kind, ")>\n", sep = "")
  invisible(x)
}

#' @export
`$.sklearncnn_owned_layer` <- function(x, name) {
  parts <- unclass(x)
  switch(name,
    name = parts$name,
    output = , input = model_tensor(parts$model, name, parts$name),
    trainable = call_kept(parts$model, "find_layer", name = parts$name)$trainable,
    output_shape = parts$about$output_shape,
    weights = get_weights(x),
    parts[[name]]
  )
}

#' @export
`$<-.sklearncnn_owned_layer` <- function(x, name, value) {
  if (name != "trainable") abort("layer", "Only `trainable` of a layer can be set.")
  parts <- unclass(x)
  set_trainable(parts$model, isTRUE(value), layer = parts$name)
  x
}

model_tensor <- function(model, which, layer = NULL) {
  tensors_of(call_kept(model, "tensor_of_model", which = which, layer = layer))
}

#' @export
`$.sklearncnn_keras_model` <- function(x, name) {
  switch(name,
    layers = lapply(call_kept(x, "describe_model")$layers, function(about) owned_layer(x, about)),
    name = , trainable = , built = , compiled = call_kept(x, "describe_model")[[name]],
    input = , output = model_tensor(x, name),
    weights = get_weights(x),
    NULL
  )
}

#' @export
`$<-.sklearncnn_keras_model` <- function(x, name, value) {
  if (name != "trainable") abort("model", "Only `trainable` of a model can be set.")
  set_trainable(x, isTRUE(value))
}

set_trainable <- function(model, trainable, ...) {
  take_reply(model, call_kept(model, "set_trainable", trainable = trainable, ...))
}

# A layer of a model is named together with it.
call_part <- function(object, command, ...) {
  call <- sys.call(-1)
  if (!inherits(object, "sklearncnn_owned_layer")) return(call_kept(object, command, ..., call = call))
  parts <- unclass(object)
  call_kept(parts$model, command, ..., layer = parts$name, call = call)
}

#' @rdname get_layer
#' @export
get_weights <- function(object) call_part(object, "get_weights_of")

#' @rdname get_layer
#' @export
set_weights <- function(object, weights) {
  state <- call_part(object, "set_weights_of", weights = lapply(weights, numeric_array))
  model <- if (inherits(object, "sklearncnn_owned_layer")) unclass(object)$model else object
  take_state(model, state)
  invisible(object)
}

numeric_array <- function(x) {
  if (is.null(dim(x))) dim(x) <- length(x)
  as_float32(x)
}

#' @rdname get_layer
#' @export
count_params <- function(object) call_part(object, "count_weights")

#' @rdname get_layer
#' @export
pop_layer <- function(object) take_reply(object, call_kept(object, "pop_layer_of"))

#' Freeze and unfreeze weights
#'
#' Frozen weights stay as they are in [fit()]. Compile the model afterwards.
#'
#' @param object A model, or a layer of [get_layer()].
#' @param from,to Names or places (from 1) of the first and last layer that is meant; all by
#'   default. `unfreeze_weights()` with `from` freezes those before.
#' @returns The model, invisibly.
#' @seealso [applications], the known networks that layers are put upon.
#' @examplesIf python_ready()
#' model <- keras_model_sequential(input_shape = 2) %>%
#'   layer_dense(units = 3) %>%
#'   layer_dense(units = 1)
#' freeze_weights(model, to = 1)
#' vapply(model$layers, function(layer) layer$trainable, NA)
#' @export
freeze_weights <- function(object, from = NULL, to = NULL) change_trainable(object, FALSE, from, to)

#' @rdname freeze_weights
#' @export
unfreeze_weights <- function(object, from = NULL, to = NULL) change_trainable(object, TRUE, from, to)

change_trainable <- function(object, trainable, from, to) {
  if (inherits(object, "sklearncnn_owned_layer")) {
    object$trainable <- trainable
    return(invisible(object))
  }
  set_trainable(object, trainable, first = from, last = to)
}

#' Configurations of models
#'
#' A configuration says what a model consists of, without its weights.
#'
#' @param object A model, or a layer of [get_layer()].
#' @param config What `get_config()` returned.
#' @param model A model.
#' @returns `get_config()` returns an object of class `sklearncnn_config_of_model` that holds the
#'   configuration as JSON in `config`; the others return a model with new weights.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 3, input_shape = 2)
#' config <- get_config(model)
#' count_params(from_config(config))
#' @export
get_config <- function(object) {
  structure(call_part(object, "config_of"), class = "sklearncnn_config_of_model")
}

#' @rdname get_config
#' @export
from_config <- function(config) {
  reply <- dispatch("model_from_config", list(
    config = config$config, class_name = config$class, seed = draw_seed()
  ), call = NULL)
  class <- c(if (config$class == "Sequential") "sklearncnn_sequential", "sklearncnn_keras_model")
  kept_object(reply, class)
}

#' @rdname get_config
#' @export
clone_model <- function(model) {
  reply <- call_kept(model, "clone_model_of", seed = draw_seed())
  kept_object(reply, setdiff(class(model), c("sklearncnn_kept", "sklearncnn")))
}

#' @export
print.sklearncnn_config_of_model <- function(x, ...) {
  cat("<Configuration of a Keras ", x$class, ">\n", sep = "")
  invisible(x)
}

#' Start anew
#'
#' @param free_memory Not used; memory is given back in any case.
#' @param seed A whole number, for R's generator and all of Python's.
#' @param disable_gpu Not used.
#' @returns Nothing of interest, invisibly.
#' @details `clear_session()` lets Keras number layers from the start again. `set_random_seed()` is
#'   `set.seed()` for R and Python together; `set.seed()` alone makes a fit reproducible too.
#' @examplesIf python_ready()
#' clear_session()
#' set_random_seed(1)
#' @export
clear_session <- function(free_memory = TRUE) {
  invisible(dispatch("clear_keras_session", call = NULL))
}

#' @rdname clear_session
#' @export
k_clear_session <- function() clear_session()

#' @rdname clear_session
#' @export
set_random_seed <- function(seed, disable_gpu = FALSE) {
  set.seed(seed)
  invisible(dispatch("set_keras_seed", list(seed = as.integer(seed)), call = NULL))
}
