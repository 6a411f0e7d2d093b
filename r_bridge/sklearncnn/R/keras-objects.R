# Keras objects as R sees them. A layer, a loss, an optimizer is a description: the name of a Keras
# class and the arguments that were given. Models, tensors and layers that are applied are functions
# with a state: an environment with the key under which Python keeps the object and, for models, all
# from which it can be revived.

described <- function(keras_class, arguments, ..., class = NULL) {
  structure(
    list(keras_class = keras_class, arguments = arguments, ...),
    class = c(class, "sklearncnn_keras_object", "sklearncnn")
  )
}

# Arguments of the calling function that were given, as a list; `aliases` are older names.
given_arguments <- function(aliases = character(), without = "object", frame = parent.frame()) {
  names <- setdiff(names(formals(sys.function(sys.parent()))), c(without, "..."))
  missing <- vapply(names, function(name) eval(call("missing", as.name(name)), frame), NA)
  values <- lapply(names[!missing], get, envir = frame, inherits = FALSE)
  given <- names[!missing]
  older <- given %in% names(aliases)
  given[older] <- aliases[given[older]]
  if (anyDuplicated(given)) {
    abort("argument", paste0("`", given[duplicated(given)][1], "` is given twice."), call = NULL)
  }
  stats::setNames(values, given)
}

# What crosses to Python for a description, and for all those inside of it.
sendable <- function(x) {
  if (inherits(x, "sklearncnn_keras_object")) {
    parts <- unclass(x)
    parts$arguments <- sendable(parts$arguments)
    parts
  } else if (inherits(x, "sklearncnn_kept")) {
    list(keras_key = key_of(x))
  } else if (is.function(x)) {
    sendable(object_of_function(x))
  } else if (is.list(x) && !is.data.frame(x)) {
    lapply(x, sendable)
  } else {
    x
  }
}

# `loss = loss_poisson`, without parentheses, means loss_poisson().
object_of_function <- function(f) {
  made <- tryCatch(f(), error = function(error) NULL)
  if (!inherits(made, c("sklearncnn_keras_object", "sklearncnn_kept"))) {
    abort("keras_object", paste(
      "A function of R cannot be a part of a network, which is compiled:",
      "use one of the functions layer_*, loss_*, metric_*, optimizer_* and so on, or a name."
    ), call = NULL)
  }
  made
}

#' @export
print.sklearncnn_keras_object <- function(x, ...) {
  values <- vapply(x$arguments, function(value) {
    if (inherits(value, "sklearncnn_keras_object")) value$keras_class else deparse(value)[1]
  }, "")
  named <- paste(names(values), values, sep = " = ", collapse = ", ")
  cat("<Keras ", sub(".*[.]", "", x$keras_class), "(", named, ")>\n", sep = "")
  invisible(x)
}

# A function with a state: it can be applied, as Keras's layers and models can.
kept_object <- function(reply, class) {
  state <- list2env(reply, parent = emptyenv())
  release_with(state)
  apply_to <- function(object, ...) apply_kept(state, object)
  structure(apply_to, state = state, class = c(class, "sklearncnn_kept", "sklearncnn"))
}

release_with <- function(state) {
  key <- state$key
  # A layer that has not been applied yet.
  if (is.null(key)) return()
  state$token <- new.env(parent = emptyenv())
  assign(key, state$token, session$tokens)
  reg.finalizer(state, function(state) {
    session$unneeded <- c(session$unneeded, key)
    rm(list = key, envir = session$tokens)
  })
}

# A copy that readRDS() made has another environment as its token than the one that is known here,
# and must not share the original's object.
session$tokens <- new.env(parent = emptyenv())

state_of <- function(x) attr(x, "state", exact = TRUE)

key_of <- function(x) {
  state <- state_of(x)
  if (is.null(state$key) || !identical(session$tokens[[state$key]], state$token)) {
    define_again(state)
  }
  state$key
}

# Python has no object of this key, or not any more.
define_again <- function(state) {
  if (is.environment(state$layer)) return(define_again(state$layer))
  if (!is.null(state$description)) {
    state$key <- dispatch("new_layer", list(layer = sendable(state$description)))
  } else if (!is.null(state$maker)) {
    state$key <- dispatch(state$maker, state$arguments)$key
  } else if (!is.null(state$state)) {
    state$key <- dispatch("revive_model", list(state = state$state))
  } else {
    abort("lost", paste(
      "This tensor was made by a Python that has ended, or in another R session:",
      "define it again."
    ), call = NULL)
  }
  release_with(state)
}

# Call a command on what Python keeps; what it does not keep any more is revived first.
call_kept <- function(kept, command, ..., call = sys.call(-1)) {
  force(call)
  call_with(kept, command, list(...), call)
}

call_with <- function(kept, command, arguments, call) {
  release_unneeded()
  state <- state_of(kept)
  tryCatch(
    dispatch(command, c(list(key = key_of(kept)), arguments), call),
    sklearncnn_NotKept = function(condition) {
      define_again(state)
      dispatch(command, c(list(key = state$key), arguments), call)
    }
  )
}

release_unneeded <- function() {
  keys <- session$unneeded
  if (length(keys) && !is.null(session$engine) && session$engine$pid == Sys.getpid()) {
    session$unneeded <- NULL
    dispatch("release", list(keys = keys))
  }
}

# Take over what a command says of a changed model.
take_state <- function(model, new) {
  state <- state_of(model)
  state$state[names(new)] <- new
  invisible(model)
}

take_reply <- function(model, reply) {
  state <- state_of(model)
  state$key <- reply$key
  take_state(model, reply$state)
}

# loss_*() and metric_*(): a description, or the number for predictions.
measure <- function(keras_class, y_true, y_pred, arguments) {
  description <- described(keras_class, arguments)
  if (missing(y_true) && missing(y_pred)) return(description)
  dispatch("value_of", list(
    measure = sendable(description), y_true = as_data(y_true, "y_true"),
    y_pred = as_data(y_pred, "y_pred")
  ), call = NULL)
}

# layer_add(a, b) is layer_add(list(a, b)).
tensor_list <- function(inputs, ...) {
  if (missing(inputs)) return(NULL)
  if (...length()) list(inputs, ...) else inputs
}
