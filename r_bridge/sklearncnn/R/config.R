#' Which Python runs the networks, and is all in order
#'
#' Shows what the bridge between R and Python uses and why, and for what is wrong the line that
#' mends it. Neither function starts Python inside R.
#'
#' @returns `sklearncnn_config()` returns an object of class `sklearncnn_config`, a list of
#'   `engine` (`"inprocess"`, `"process"` or `"none yet"`), `why` it was chosen, `python` (its path)
#'   and `findings`, a data frame with the columns `subject`, `found` and `remedy`.
#'   `python_ready()` is `TRUE` where Python and sklearn_cnn are found.
#' @examples
#' python_ready()
#' @examplesIf python_ready()
#' sklearncnn_config()
#' @export
sklearncnn_config <- function() {
  python <- find_python()$python
  lines <- run_python(python, c("-m", "r_bridge", "doctor", "--table"))
  fields <- strsplit(lines, "\t", fixed = TRUE)
  fields <- fields[lengths(fields) %in% 2:3]
  if (!length(fields)) no_python(paste0("\"", python, "\" does not load the bridge"))
  findings <- do.call(rbind, lapply(fields, function(x) {
    data.frame(subject = x[1], found = x[2], remedy = if (length(x) > 2) x[3] else "")
  }))
  structure(
    list(
      engine = if (is.null(session$engine)) "none yet" else session$engine$kind,
      why = if (is.null(session$engine)) "no call has needed Python" else session$engine$why,
      python = python, findings = findings
    ),
    class = "sklearncnn_config"
  )
}

#' @rdname sklearncnn_config
#' @export
python_ready <- function() {
  if (!is.null(session$engine)) return(TRUE)
  if (is.null(session$ready)) {
    session$ready <- tryCatch(
      {
        said <- run_python(find_python()$python, c("-c", shQuote("import r_bridge, sklearn_cnn")))
        is.null(attr(said, "status"))
      },
      sklearncnn_python = function(condition) FALSE
    )
  }
  session$ready
}

#' @export
print.sklearncnn_config <- function(x, ...) {
  cat("Engine: ", x$engine, " (", x$why, ")\n", sep = "")
  findings <- x$findings
  for (i in seq_len(nrow(findings))) {
    cat(formatC(findings$subject[i], width = -22), findings$found[i], "\n", sep = "")
    if (nzchar(findings$remedy[i])) cat(strrep(" ", 22), "-> ", findings$remedy[i], "\n", sep = "")
  }
  invisible(x)
}
