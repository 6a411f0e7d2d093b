#' Arrays as networks take them
#'
#' `array_reshape()` fills rows first, as C, Python and Keras do, where `dim<-` fills columns first:
#' images of the dimensions (rows, height, width) so become rows of pixels, each image in one row.
#' `to_categorical()` makes one column for each class number, `normalize()` scales vectors to unit
#' length, `pad_sequences()` makes a matrix of sequences of different lengths.
#'
#' @param x A vector, matrix or array; a list of integer vectors for `pad_sequences()`.
#' @param dim The new dimensions; one may be -1 or `NA` and is then computed.
#' @param order `"C"` fills rows first, `"F"` columns first, as R does.
#' @param y Class numbers from 0; a factor counts by its levels.
#' @param num_classes Number of columns; one more than the largest class number by default.
#' @param axis The dimension along which vectors are scaled, counted from 1; -1 is the last one.
#' @param p Which norm: 2 is the Euclidean length.
#' @param sequences A list of integer vectors.
#' @param maxlen Number of columns; the longest sequence by default.
#' @param dtype `"int32"` or `"float32"`.
#' @param padding,truncating `"pre"` or `"post"`: where short sequences are filled up and long ones
#'   cut.
#' @param value What short sequences are filled up with.
#' @seealso [text_tokenizer()] numbers words, [deep-learning] lists all that there is.
#' @returns An array or matrix.
#' @examples
#' images <- array(1:12, c(2, 2, 3))
#' array_reshape(images, c(2, 6))
#' to_categorical(c(0, 2, 1))
#' normalize(matrix(c(3, 4, 0, 2), 2, byrow = TRUE))
#' pad_sequences(list(1:2, 5:9), maxlen = 4)
#' @export
array_reshape <- function(x, dim, order = c("C", "F")) {
  order <- match.arg(order)
  shape <- if (is.null(base::dim(x))) length(x) else base::dim(x)
  dim <- unlist(lapply(dim, function(n) if (is.null(n)) NA else n))
  open <- which(is.na(dim) | dim < 0)
  if (length(open) == 1L) dim[open] <- length(x) / prod(dim[-open])
  if (length(open) > 1L || prod(dim) != length(x) || any(dim != round(dim))) {
    abort("argument", paste0(
      "An array of ", length(x), " elements does not have the dimensions ",
      paste(dim, collapse = " x "), "."
    ))
  }
  if (order == "F") return(array(x, dim))
  by_rows <- if (length(shape) > 1L) aperm(x, rev(seq_along(shape))) else x
  reshaped <- array(by_rows, rev(dim))
  if (length(dim) > 1L) aperm(reshaped, rev(seq_along(dim))) else reshaped
}

#' @rdname array_reshape
#' @export
to_categorical <- function(y, num_classes = NULL) {
  if (is.factor(y)) {
    if (is.null(num_classes)) num_classes <- nlevels(y)
    y <- as.integer(y) - 1L
  }
  shape <- base::dim(y)
  y <- as.vector(y)
  if (!is.numeric(y) && !is.logical(y) || anyNA(y) || any(y < 0) || any(y != round(y))) {
    abort("argument", "`y` must be class numbers from 0, or a factor without NA.")
  }
  if (is.null(num_classes)) num_classes <- if (length(y)) max(y) + 1 else 0
  if (length(y) && max(y) >= num_classes) {
    abort("argument", paste0(
      "`y` has the class number ", max(y), ", but with num_classes = ", num_classes,
      " they go from 0 to ", num_classes - 1, "."
    ))
  }
  result <- matrix(0, length(y), num_classes)
  result[cbind(seq_along(y), y + 1)] <- 1
  # Classes of words in sentences stay sentences.
  if (length(shape) > 1L && shape[length(shape)] != 1L) array(result, c(shape, num_classes)) else result
}

#' @rdname array_reshape
#' @export
normalize <- function(x, axis = -1, p = 2) {
  if (is.null(base::dim(x))) x <- matrix(x, 1L)
  n <- length(base::dim(x))
  axis <- if (axis < 0) n + axis + 1 else axis
  if (axis < 1 || axis > n) {
    abort("argument", paste0("`axis` must be from 1 to ", n, ", or -1 for the last dimension."))
  }
  others <- setdiff(seq_len(n), axis)
  norm <- apply(abs(x)^p, others, sum)^(1 / p)
  sweep(x, others, ifelse(norm == 0, 1, norm), "/")
}

#' @rdname array_reshape
#' @export
pad_sequences <- function(sequences, maxlen = NULL, dtype = "int32", padding = c("pre", "post"),
                          truncating = c("pre", "post"), value = 0) {
  padding <- match.arg(padding)
  truncating <- match.arg(truncating)
  if (is.null(maxlen)) maxlen <- max(lengths(sequences), 0L)
  rows <- vapply(sequences, function(sequence) {
    n <- length(sequence)
    if (n > maxlen) sequence <- if (truncating == "pre") sequence[(n - maxlen + 1):n] else sequence[seq_len(maxlen)]
    fill <- rep(value, maxlen - length(sequence))
    as.double(if (padding == "pre") c(fill, sequence) else c(sequence, fill))
  }, numeric(maxlen))
  result <- t(matrix(rows, maxlen))
  if (dtype == "int32") storage.mode(result) <- "integer"
  result
}
