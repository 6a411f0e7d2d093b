# What crosses between R and Python: the R half of r_bridge/_convert.py, which has the table.
#
# A value is written as a program, integers that say what follows, and buffers, vectors of double,
# integer or raw; their types are those that Python wants. The codes are shared with Python.
code <- c(
  null = 0L, double = 1L, single = 2L, integer = 3L, logical = 4L, string = 5L, bytes = 6L,
  raw = 7L, masked = 8L, factor = 9L, date = 10L, list = 11L, dict = 12L, frame = 13L
)

# Let numbers arrive as float32: one copy less for the arrays that a network takes. In a list,
# because a class of its own would copy them here.
as_float32 <- function(x) {
  if (!is.numeric(x) || is.object(x)) stop("as_float32() takes plain numbers.")
  structure(list(x), class = "sklearncnn_float32")
}

pack_request <- function(name, arguments) {
  out <- new.env(parent = emptyenv())
  out$program <- list()
  out$buffers <- list()
  out$types <- list()
  put(out, code[["list"]], 2L)
  pack_value(name, "name", out)
  pack_value(arguments, "", out)
  list(unlist(out$program), out$buffers, unlist(out$types))
}

put <- function(out, ...) out$program[[length(out$program) + 1L]] <- as.integer(c(...))

put_buffer <- function(out, x, type = typeof(x)) {
  out$types[[length(out$buffers) + 1L]] <- type
  out$buffers[[length(out$buffers) + 1L]] <- x
}

pack_value <- function(x, place, out) {
  if (is.object(x)) return(pack_object(x, place, out))
  if (is.null(x)) {
    put(out, code[["null"]])
  } else if (is.list(x)) {
    pack_list(x, place, out)
  } else if (is.atomic(x)) {
    pack_vector(x, place, out)
  } else {
    cannot_send(x, place)
  }
}

pack_object <- function(x, place, out) {
  if (inherits(x, "sklearncnn_float32")) {
    x <- x[[1]]
    put_shape(out, "single", x)
    if (is.integer(x) && anyNA(x)) storage.mode(x) <- "double"
    put_buffer(out, x, "single")
  } else if (is.factor(x)) {
    codes <- as.integer(x) - 1L
    codes[is.na(codes)] <- -1L
    put(out, code[["factor"]], is.ordered(x), length(x))
    put_buffer(out, codes)
    put_strings(out, levels(x), place)
  } else if (inherits(x, "Date")) {
    put_shape(out, "date", x)
    put_buffer(out, as.double(unclass(x)))
  } else if (is.data.frame(x)) {
    pack_frame(x, place, out)
  } else if (inherits(x, c("AsIs", "table", "noquote"))) {
    if (is.list(x)) pack_list(x, place, out) else pack_vector(unclass(x), place, out)
  } else {
    cannot_send(x, place)
  }
}

cannot_send <- function(x, place) {
  advice <- c(
    integer64 = "turn it into doubles with as.numeric()",
    POSIXt = "turn it into numbers with as.numeric(), or into dates with as.Date()",
    difftime = "turn it into numbers with as.numeric()",
    sparseMatrix = "turn it into a matrix with as.matrix()"
  )
  hint <- advice[vapply(names(advice), function(class) inherits(x, class), NA)]
  abort("conversion", paste0(
    "Python has no counterpart of `", place, "`, which is of class \"", class(x)[1], "\"",
    if (length(hint)) paste0(": ", hint[[1]]), "."
  ), call = NULL)
}

put_shape <- function(out, kind, x) {
  shape <- dim(x)
  if (is.null(shape)) shape <- if (length(x) != 1L) length(x)
  if (length(x) > .Machine$integer.max && length(shape) == 1L) {
    abort("conversion", "A vector of 2^31 elements or more does not cross; an array does.", NULL)
  }
  put(out, code[[kind]], length(shape), shape)
}

# How the user would name it; the arguments themselves have no name.
member <- function(place, name) if (nzchar(place)) paste0(place, "$", name) else name

# NA is taken out here: Python has none for integers, truth values and strings, but masks.
pack_vector <- function(x, place, out) {
  kind <- typeof(x)
  if (kind %in% c("integer", "logical", "character") && anyNA(x)) {
    missing <- is.na(x)
    put(out, code[["masked"]])
    put_buffer(out, which(missing) - 1L)
    x[missing] <- vector(kind, 1L)
  }
  switch(kind,
    double = , integer = {
      put_shape(out, kind, x)
      put_buffer(out, x)
    },
    logical = {
      put_shape(out, kind, x)
      shape <- dim(x)
      x <- as.raw(x)
      dim(x) <- shape
      put_buffer(out, x)
    },
    character = {
      put_shape(out, "string", x)
      put_buffer(out, utf8_bytes(x, place))
    },
    raw = {
      if (is.null(dim(x))) put(out, code[["bytes"]], length(x)) else put_shape(out, "raw", x)
      put_buffer(out, x)
    },
    cannot_send(x, place)
  )
}

put_strings <- function(out, x, place) {
  put(out, code[["string"]], 1L, length(x))
  put_buffer(out, utf8_bytes(x, place))
}

# Each string in UTF-8, ended by a zero.
utf8_bytes <- function(x, place) {
  bytes <- .Call(C_ascii_bytes, x)
  if (!is.null(bytes)) return(bytes)
  x <- as.vector(x)
  if (native_is_utf8()) {
    unmarked <- Encoding(x) == "unknown"
    Encoding(x[unmarked]) <- "UTF-8"
  }
  bad <- Encoding(x) == "bytes" | (Encoding(x) == "UTF-8" & !validUTF8(x))
  if (any(bad)) {
    abort("conversion", paste0(
      "Element ", which(bad)[1], " of `", place, "` is no valid text: ",
      "say its encoding, as in iconv(x, \"latin1\", \"UTF-8\")."
    ), call = NULL)
  }
  writeBin(enc2utf8(x), raw())
}

# In the C locale R would write "<e9>" for what is not ASCII.
native_is_utf8 <- function() {
  info <- l10n_info()
  info[["UTF-8"]] || identical(info$codeset, "ANSI_X3.4-1968")
}

pack_list <- function(x, place, out) {
  if (length(dim(x)) > 1L) cannot_send(x, place)
  labels <- names(x)
  if (is.null(labels)) {
    put(out, code[["list"]], length(x))
    for (i in seq_along(x)) pack_value(x[[i]], paste0(place, "[[", i, "]]"), out)
    return()
  }
  if (anyDuplicated(labels) || !all(nzchar(labels), na.rm = TRUE) || anyNA(labels)) {
    abort("conversion", paste0(
      "The names of `", place, "` must be given for all elements or none, and each once."
    ), call = NULL)
  }
  put(out, code[["dict"]], length(x))
  put_strings(out, labels, place)
  for (i in seq_along(x)) pack_value(x[[i]], member(place, labels[i]), out)
}

pack_frame <- function(x, place, out) {
  if (anyDuplicated(names(x))) {
    abort("conversion", paste0("Two columns of `", place, "` have the same name."), call = NULL)
  }
  put(out, code[["frame"]], length(x), nrow(x))
  put_strings(out, names(x), place)
  if (is.character(attr(x, "row.names"))) {
    put_strings(out, row.names(x), place)
  } else {
    put(out, code[["null"]])
  }
  # A column of one row is still a column: as an array it does not become a Python scalar.
  for (name in names(x)) {
    column <- x[[name]]
    if (length(column) == 1L && is.null(dim(column)) && !is.factor(column)) dim(column) <- 1L
    pack_value(column, member(place, name), out)
  }
}

unpack <- function(program, buffers) {
  at <- 0L
  at_buffer <- 0L
  take <- function(n = 1L) {
    # `n` may itself be taken, which moves `at`.
    force(n)
    at <<- at + n
    program[seq.int(to = at, length.out = n)]
  }
  buffer <- function() buffers[[at_buffer <<- at_buffer + 1L]]

  shaped <- function(read) {
    shape <- take(take())
    x <- read(buffer(), if (length(shape)) prod(shape) else 1L)
    # Inside R's process the vector has its dimensions: setting them would copy it.
    if (length(shape) > 1L && is.null(dim(x))) dim(x) <- shape
    x
  }
  strings <- function() value()
  items <- function(n) lapply(seq_len(n), function(i) value())
  as_is <- function(x, n) x

  # In the order of `code`, from "null" on.
  readers <- list(
    function() NULL,
    function() shaped(as_is),
    function() shaped(as_is),
    function() shaped(as_is),
    function() shaped(function(x, n) as.logical(x)),
    function() shaped(utf8_strings),
    function() {
      take()
      buffer()
    },
    function() shaped(as_is),
    function() {
      missing <- buffer() + 1L
      x <- value()
      x[missing] <- NA
      x
    },
    function() {
      ordered <- take() == 1L
      take()
      codes <- buffer() + 1L
      codes[codes == 0L] <- NA
      class <- c(if (ordered) "ordered", "factor")
      structure(codes, levels = strings(), class = class)
    },
    function() {
      days <- shaped(as_is)
      days[is.nan(days)] <- NA
      structure(days, class = "Date")
    },
    function() items(take()),
    function() {
      n <- take()
      labels <- strings()
      structure(items(n), names = labels)
    },
    function() {
      n <- take()
      n_rows <- take()
      labels <- strings()
      row_names <- value()
      if (is.null(row_names)) row_names <- .set_row_names(n_rows)
      structure(items(n), names = labels, row.names = row_names, class = "data.frame")
    }
  )
  value <- function() readers[[take() + 1L]]()
  value()
}

utf8_strings <- function(bytes, n) {
  x <- readBin(bytes, "character", n)
  Encoding(x) <- "UTF-8"
  x
}
