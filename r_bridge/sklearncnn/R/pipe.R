#' Pipe and multiple assignment
#'
#' `x %>% f(y)` is `f(x, y)`, and a `.` among the arguments is the place of `x`. `c(a, b) %<-% x`
#' assigns the first element of `x` to `a` and the second to `b`; names can be nested:
#' `c(c(a, b), c)`.
#'
#' @param lhs A value for `%>%`; names in calls of `c()` for `%<-%`.
#' @param rhs A call or the name of a function for `%>%`; a list or vector for `%<-%`.
#' @param value A list or vector.
#' @returns `%>%` returns what the call returns, `%<-%` returns its right side, invisibly.
#' @examples
#' c(1, 4) %>% sqrt() %>% sum()
#' c(c(first, second), third) %<-% list(list(1, 2), 3)
#' second
#' @name pipe
NULL

#' @rdname pipe
#' @export
`%>%` <- function(lhs, rhs) {
  rhs <- substitute(rhs)
  frame <- new.env(parent = parent.frame())
  frame$. <- lhs
  eval(with_placeholder(rhs), frame)
}

with_placeholder <- function(rhs) {
  if (is.name(rhs) || is_function_path(rhs)) return(as.call(list(rhs, quote(.))))
  if (!is.call(rhs)) stop("The right side of %>% must be a call or the name of a function.", call. = FALSE)
  if (identical(rhs[[1]], quote(`{`)) || any(vapply(as.list(rhs)[-1], identical, NA, quote(.)))) {
    return(rhs)
  }
  if (identical(rhs[[1]], quote(`(`)) || identical(rhs[[1]], quote(`function`))) {
    return(as.call(list(rhs, quote(.))))
  }
  as.call(c(rhs[[1]], quote(.), as.list(rhs)[-1]))
}

# stats::sd, model$layer
is_function_path <- function(rhs) {
  is.call(rhs) && is.name(rhs[[1]]) && as.character(rhs[[1]]) %in% c("::", ":::", "$", "@")
}

#' @rdname pipe
#' @export
`%<-%` <- function(lhs, value) {
  assign_parts(substitute(lhs), value, parent.frame())
  invisible(value)
}

assign_parts <- function(names, value, frame) {
  if (is.name(names)) {
    assign(as.character(names), value, frame)
    return()
  }
  if (!is.call(names) || !identical(names[[1]], quote(c))) {
    stop("The left side of %<-% must be names, in calls of c().", call. = FALSE)
  }
  parts <- as.list(names)[-1]
  if (length(parts) != length(value)) {
    stop(
      "The left side of %<-% has ", length(parts), " names, but the right side has ",
      length(value), " elements.", call. = FALSE
    )
  }
  for (i in seq_along(parts)) assign_parts(parts[[i]], value[[i]], frame)
}
