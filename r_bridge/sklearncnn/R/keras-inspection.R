#' Look into a network
#'
#' `activations()` returns what layers make of rows. `filter_patterns()` looks for the pictures that
#' filters of a convolution answer most to, by gradient ascent from grey noise. `gradcam()` shows
#' where in a picture the network sees a class: the feature maps of a convolution, weighted by how
#' much the score of the class rises with them.
#'
#' They take the place of gradient tapes and functions on tensors, which are not available.
#'
#' @param object A model.
#' @param x Rows, as in [fit()]; pictures for `gradcam()`.
#' @param layers Names or places (from 1) of layers; all but inputs by default.
#' @param layer Name or place of a layer of convolutions; for `gradcam()` the last one by default.
#' @param batch_size Rows that pass through the network at once.
#' @param filters Numbers of filters, from 1; the first 16 by default.
#' @param input_shape Shape of the pictures, where the model takes any.
#' @param steps,step_size How many steps are taken, and how far each moves the whole picture.
#' @param class_index The class whose evidence is looked for, from 1, the column of `predict()`;
#'   one, or one a picture. The class that is predicted by default.
#' @returns `activations()`: a named list of arrays, their first dimension the rows.
#'   `filter_patterns()`: an array of pictures, one a filter.
#'   `gradcam()`: an array of maps of the size of the layer's output, one a picture, from 0 to 1.
#' @seealso [plot.sklearncnn()] draws filters of [cnn()], [get_layer()] finds layers, and
#'   [deep-learning] lists all that there is.
#' @family looks into networks
#' @references Selvaraju, R. R. and others (2017). Grad-CAM: visual explanations from deep networks
#'   via gradient-based localization. *ICCV*, 618-626.
#' @examplesIf python_ready()
#' set.seed(1)
#' model <- keras_model_sequential() %>%
#'   layer_conv_2d(filters = 4, kernel_size = 3, activation = "relu", input_shape = c(8, 8, 1)) %>%
#'   layer_flatten() %>%
#'   layer_dense(units = 3, activation = "softmax")
#' pictures <- array(runif(2 * 64), c(2, 8, 8, 1))
#' lapply(activations(model, pictures), dim)
#' patterns <- filter_patterns(model, layer = 1, steps = 5)
#' first <- patterns[1, , , 1]
#' plot(as.raster((first - min(first)) / diff(range(first))))
#' dim(gradcam(model, pictures))
#' @export
activations <- function(object, x, layers = NULL, batch_size = 32) {
  call <- sys.call()
  names <- layer_names(object, layers)
  call_kept(object, "activations_of",
    x = as_data(x, "x", call), layers = as.array(names), batch_size = batch_size
  )
}

#' @rdname activations
#' @export
filter_patterns <- function(object, layer, filters = NULL, input_shape = NULL, steps = 30,
                            step_size = 10) {
  check_count(steps, "steps")
  name <- layer_names(object, layer)
  if (is.null(filters)) {
    shape <- get_layer(object, name)$output_shape
    filters <- seq_len(min(16L, shape[[length(shape)]]))
  }
  check_count(filters, "filters", several = TRUE)
  call_kept(object, "filter_patterns_of",
    layer = name, filters = as.integer(filters),
    shape = if (!is.null(input_shape)) as.integer(input_shape), steps = as.integer(steps),
    step_size = as.double(step_size), seed = draw_seed()
  )
}

#' @rdname activations
#' @export
gradcam <- function(object, x, layer = NULL, class_index = NULL) {
  call <- sys.call()
  if (length(dim(x)) != 4L) {
    abort("data", "`x` must be pictures: an array of rows, height, width and channels.")
  }
  call_kept(object, "gradcam_of",
    x = as_data(x, "x", call), layer = if (!is.null(layer)) layer_names(object, layer),
    class_index = if (!is.null(class_index)) as.integer(class_index)
  )
}

layer_names <- function(object, layers) {
  about <- call_kept(object, "describe_model")$layers
  known <- vapply(about, `[[`, "", "name")
  if (is.null(layers)) {
    return(known[vapply(about, `[[`, "", "class") != "InputLayer"])
  }
  if (is.character(layers)) return(layers)
  check_count(layers, "layers", several = TRUE)
  if (any(layers > length(known))) {
    abort("argument", paste0("The model has ", length(known), " layers."), call = sys.call(-1))
  }
  known[layers]
}
