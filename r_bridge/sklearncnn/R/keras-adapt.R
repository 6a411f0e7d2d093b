#' Let a layer see data
#'
#' [layer_text_vectorization()] numbers the words of texts, and [layer_normalization()] takes means
#' and variances, as these are in the data that `adapt()` shows them. The layer is changed itself, as
#' models are. It is then added to a model, or applied to texts or numbers: `layer(texts)`.
#'
#' @param object A layer, made without its first argument, that is not part of a model yet.
#' @param data Texts, a character vector; an array or matrix of numbers for `layer_normalization()`.
#' @param include_special_tokens Whether the empty word of padding and the unknown word are named.
#' @param vocabulary Words, in the order of their numbers.
#' @param idf_weights What each word counts where `output_mode = "tf_idf"`.
#' @param ... Not used.
#' @returns The layer, invisibly; for `get_vocabulary()` a character vector.
#' @family texts
#' @examplesIf python_ready()
#' texts <- c("good film", "bad film", "very good", "a bad one")
#' words <- layer_text_vectorization(output_mode = "multi_hot")
#' words %>% adapt(texts)
#' get_vocabulary(words)
#' words("a good one")
#' @examplesIf python_ready() && Sys.getenv("KERAS_BACKEND") %in% c("", "tensorflow")
#' set.seed(1)
#' input <- layer_input(shape = 1, dtype = "string")
#' output <- input %>% words() %>% layer_dense(units = 1, activation = "sigmoid")
#' model <- keras_model(input, output) %>%
#'   compile(optimizer = optimizer_adam(0.1), loss = "binary_crossentropy")
#' model %>% fit(texts, c(1, 0, 1, 0), epochs = 50, verbose = 0)
#' round(predict(model, c("a good film", "bad")), 1)
#' @export
adapt <- function(object, data, ...) {
  call <- sys.call()
  state <- adaptable(object)
  x <- if (is.character(data)) checked_texts(data) else as_data(data, "data", call)
  arguments <- dispatch("adapt_layer", list(layer = sendable(state$description), data = x))
  adapted(object, arguments)
}

adaptable <- function(layer) {
  call <- sys.call(-1)
  state <- if (inherits(layer, "sklearncnn_layer")) state_of(layer)
  known <- c("layers.TextVectorization", "layers.Normalization")
  if (is.null(state$description) || !state$description$keras_class %in% known) {
    abort("argument", paste(
      "A layer of layer_text_vectorization() or layer_normalization() is wanted, made without its",
      "first argument. Adapt it before it goes into a model."
    ), call = call)
  }
  state
}

# Single values stay vectors on their way to Python.
adapted <- function(layer, arguments) {
  state <- state_of(layer)
  for (name in c("vocabulary", "idf_weights", "mean", "variance")) {
    if (!is.null(arguments[[name]])) arguments[[name]] <- as.array(arguments[[name]])
  }
  state$description$arguments[names(arguments)] <- arguments
  define_again(state)
  invisible(layer)
}

checked_texts <- function(x) {
  if (anyNA(x)) {
    abort("data", "Texts must be character vectors without NA: leave NA out.", call = sys.call(-1))
  }
  as.array(as.vector(x))
}

#' @rdname adapt
#' @export
get_vocabulary <- function(object, include_special_tokens = TRUE) {
  check_flag(include_special_tokens, "include_special_tokens")
  adaptable(object)
  call_kept(object, "vocabulary_of", include_special_tokens = include_special_tokens)
}

#' @rdname adapt
#' @export
set_vocabulary <- function(object, vocabulary, idf_weights = NULL, ...) {
  adaptable(object)
  arguments <- list(vocabulary = checked_texts(vocabulary))
  if (!is.null(idf_weights)) arguments$idf_weights <- as.double(idf_weights)
  adapted(object, arguments)
}

# A layer that has learned all from data is applied to them at once.
apply_to_values <- function(state, x) {
  layer <- structure(
    function() NULL, state = state, class = c("sklearncnn_layer", "sklearncnn_kept", "sklearncnn")
  )
  x <- if (is.character(x)) checked_texts(x) else as_data(x, "object", call = NULL)
  call_kept(layer, "call_layer", x = x, call = NULL)
}

is_applied_to_values <- function(state, x) {
  (is.character(x) || is.numeric(x)) && is.null(state$state) && !is.null(state$description) &&
    state$description$keras_class %in% c("layers.TextVectorization", "layers.Normalization")
}
