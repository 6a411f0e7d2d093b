#' Known networks of pictures
#'
#' Models of Keras with the architecture that a publication made known, and its weights where they
#' are on this machine. `freeze_weights()` keeps them as they are while layers on top are trained.
#'
#' `weights = "imagenet"` takes the file that Keras keeps in the folder `models` of its cache
#' (`~/.keras/models`), and downloads it where that is possible. Where it is not, the error names the
#' file.
#'
#' @param include_top Whether the layers that name one of the classes are a part of the model.
#' @param weights `NULL` for new weights, `"imagenet"`, or the name of a file of weights.
#' @param input_tensor A tensor of [layer_input()] that the model begins with.
#' @param input_shape Shape of a picture, such as `c(150, 150, 3)`, if `include_top = FALSE`.
#' @param pooling `"avg"` or `"max"`: what becomes of the last feature maps if
#'   `include_top = FALSE`.
#' @param classes Number of classes, where weights are new.
#' @param classifier_activation Activation of the last layer.
#' @param ... Further arguments of the network, such as `alpha` of MobileNet.
#' @param x Pictures, an array of rows, height, width and channels, from 0 to 255.
#' @param mode How the network wants its pictures: `"caffe"` for VGG and ResNet (channels reversed
#'   and centred), `"tf"` for Inception, Xception, MobileNet and ResNet V2 (from -1 to 1), `"torch"`
#'   for DenseNet (each channel standardised).
#' @seealso [freeze_weights()], [activations()] and [gradcam()] to look into them, [deep-learning] for
#'   all that there is.
#' @family pictures
#' @returns A model; for `imagenet_preprocess_input()` an array of the shape of `x`.
#' @examplesIf python_ready()
#' base <- application_mobilenet(
#'   include_top = FALSE, weights = NULL, input_shape = c(32, 32, 3), pooling = "avg", alpha = 0.25
#' )
#' freeze_weights(base)
#' model <- keras_model_sequential() %>%
#'   base() %>%
#'   layer_dense(units = 1, activation = "sigmoid")
#' count_params(model)
#' @name applications
NULL

application <- function(name, settings, ..., call = sys.call(-1)) {
  settings <- c(settings, list(...))
  if (is.character(settings$weights) && !identical(settings$weights, "imagenet")) {
    settings$weights <- path_of(settings$weights)
    if (!file.exists(settings$weights)) {
      abort("argument", paste0("There is no file of weights \"", settings$weights, "\"."), call)
    }
  }
  reply <- dispatch("known_network", list(
    name = name, settings = sendable(settings), seed = draw_seed()
  ), call = call)
  kept_object(reply, "sklearncnn_keras_model")
}

#' @rdname applications
#' @export
application_vgg16 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                              input_shape = NULL, pooling = NULL, classes = 1000,
                              classifier_activation = "softmax", ...) {
  application("VGG16", given_settings(), ...)
}

#' @rdname applications
#' @export
application_vgg19 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                              input_shape = NULL, pooling = NULL, classes = 1000,
                              classifier_activation = "softmax", ...) {
  application("VGG19", given_settings(), ...)
}

#' @rdname applications
#' @export
application_resnet50 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                 input_shape = NULL, pooling = NULL, classes = 1000,
                                 classifier_activation = "softmax", ...) {
  application("ResNet50", given_settings(), ...)
}

#' @rdname applications
#' @export
application_resnet101 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                  input_shape = NULL, pooling = NULL, classes = 1000,
                                  classifier_activation = "softmax", ...) {
  application("ResNet101", given_settings(), ...)
}

#' @rdname applications
#' @export
application_resnet50_v2 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                    input_shape = NULL, pooling = NULL, classes = 1000,
                                    classifier_activation = "softmax", ...) {
  application("ResNet50V2", given_settings(), ...)
}

#' @rdname applications
#' @export
application_inception_v3 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                     input_shape = NULL, pooling = NULL, classes = 1000,
                                     classifier_activation = "softmax", ...) {
  application("InceptionV3", given_settings(), ...)
}

#' @rdname applications
#' @export
application_inception_resnet_v2 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                            input_shape = NULL, pooling = NULL, classes = 1000,
                                            classifier_activation = "softmax", ...) {
  application("InceptionResNetV2", given_settings(), ...)
}

#' @rdname applications
#' @export
application_xception <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                 input_shape = NULL, pooling = NULL, classes = 1000,
                                 classifier_activation = "softmax", ...) {
  application("Xception", given_settings(), ...)
}

#' @rdname applications
#' @export
application_mobilenet <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                  input_shape = NULL, pooling = NULL, classes = 1000,
                                  classifier_activation = "softmax", ...) {
  application("MobileNet", given_settings(), ...)
}

#' @rdname applications
#' @export
application_mobilenet_v2 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                     input_shape = NULL, pooling = NULL, classes = 1000,
                                     classifier_activation = "softmax", ...) {
  application("MobileNetV2", given_settings(), ...)
}

#' @rdname applications
#' @export
application_densenet121 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                    input_shape = NULL, pooling = NULL, classes = 1000,
                                    classifier_activation = "softmax", ...) {
  application("DenseNet121", given_settings(), ...)
}

#' @rdname applications
#' @export
application_nasnetmobile <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                     input_shape = NULL, pooling = NULL, classes = 1000,
                                     classifier_activation = "softmax", ...) {
  application("NASNetMobile", given_settings(), ...)
}

#' @rdname applications
#' @export
application_efficientnet_b0 <- function(include_top = TRUE, weights = "imagenet", input_tensor = NULL,
                                        input_shape = NULL, pooling = NULL, classes = 1000,
                                        classifier_activation = "softmax", ...) {
  application("EfficientNetB0", given_settings(), ...)
}

# All settings of the calling function, as they are.
given_settings <- function(frame = parent.frame()) {
  names <- setdiff(names(formals(sys.function(sys.parent()))), "...")
  stats::setNames(lapply(names, get, envir = frame, inherits = FALSE), names)
}

#' @rdname applications
#' @export
imagenet_preprocess_input <- function(x, mode = c("caffe", "tf", "torch")) {
  mode <- match.arg(mode)
  shape <- dim(x)
  if (length(shape) != 4L || shape[4] != 3L) {
    abort("data", "`x` must be coloured pictures: an array of rows, height, width and 3 channels.")
  }
  if (mode == "tf") return(x / 127.5 - 1)
  channels <- function(values) rep(values, each = prod(shape[1:3]))
  if (mode == "caffe") {
    reversed <- x[, , , 3:1, drop = FALSE]
    return(reversed - channels(c(103.939, 116.779, 123.68)))
  }
  (x / 255 - channels(c(0.485, 0.456, 0.406))) / channels(c(0.229, 0.224, 0.225))
}
