# Stop with a classed condition: "sklearncnn_<class>", then "sklearncnn_error".
abort <- function(class, message, call = sys.call(-1), ...) {
  class <- c(paste0("sklearncnn_", class), "sklearncnn_error")
  stop(errorCondition(message, ..., class = class, call = call))
}

# Raise in R what Python raised: tryCatch(..., sklearncnn_ValueError = ) catches a ValueError.
raise_python_error <- function(error, call) {
  session$last_error <- error
  abort(
    c(unlist(error$classes), "python_error"), error$message, call,
    python_class = error$classes[[1]], traceback = error$traceback
  )
}

warn_from_python <- function(record, call) {
  class <- c(paste0("sklearncnn_", record$classes), "sklearncnn_warning")
  warning(warningCondition(record$message, class = class, call = call))
}

#' What Python said at the last error
#'
#' Errors that come from Python are R conditions of class `sklearncnn_python_error`, and of class
#' `sklearncnn_ValueError` and so on after the classes of the Python exception. They carry the
#' fields `python_class` and `traceback`.
#'
#' @returns `last_python_traceback()` returns Python's traceback of the last error in this session
#'   as one string, invisibly, and prints it; `NULL` where there was none.
#' @examplesIf python_ready()
#' try(sklearncnn:::dispatch("no_such_command"))
#' last_python_traceback()
#' @export
last_python_traceback <- function() {
  text <- session$last_error$traceback
  if (is.null(text)) return(NULL)
  cat(text)
  invisible(text)
}
