# Values of every kind that crosses, drawn at random from R's generator.

text_pool <- c(
  "", "a", "two words", "line\nbreak", "tab\t", "\u00e4\u00f6\u00fc", "\u65e5\u672c\u8a9e",
  "\U0001f600", "NA", "NULL", "quote\"'", "\\backslash"
)

random_atomic <- function(kind, n) {
  switch(kind,
    double = sample(c(NA, NaN, Inf, -Inf, -0, pi, 1e308, 5e-324, 2^53, stats::rnorm(5)), n, TRUE),
    integer = sample(c(NA, 0L, -1L, .Machine$integer.max, -.Machine$integer.max), n, TRUE),
    logical = sample(c(NA, TRUE, FALSE), n, TRUE),
    character = sample(c(NA, text_pool), n, TRUE),
    raw = as.raw(sample(0:255, n, TRUE))
  )
}

random_factor <- function(n) {
  levels <- sample(text_pool, 5)
  factor(sample(c(NA, levels[1:3]), n, TRUE), levels, ordered = sample(c(TRUE, FALSE), 1))
}

random_date <- function(n) structure(sample(c(NA, -719162, 0, 19000), n, TRUE), class = "Date")

random_column <- function(n) {
  kind <- sample(c("double", "integer", "logical", "character", "factor", "date"), 1)
  switch(kind,
    factor = random_factor(n),
    date = random_date(n),
    random_atomic(kind, n)
  )
}

random_frame <- function(n) {
  columns <- replicate(sample(1:4, 1), random_column(n), simplify = FALSE)
  names(columns) <- sample(text_pool[-1], length(columns))
  row_names <- if (n && stats::runif(1) < 0.3) paste0("row", seq_len(n))
  structure(
    columns,
    class = "data.frame",
    row.names = if (is.null(row_names)) .set_row_names(n) else row_names
  )
}

random_array <- function() {
  shape <- sample(0:4, sample(2:5, 1), TRUE)
  kind <- sample(c("double", "integer", "logical", "character", "raw"), 1)
  array(random_atomic(kind, prod(shape)), shape)
}

random_value <- function(depth = 3) {
  n <- sample(c(0, 1, 2, 7), 1)
  choice <- sample(c(if (depth) c("list", "dict"), "null", "array", "frame", "column", "raw"), 1)
  switch(choice,
    list = replicate(n, random_value(depth - 1), simplify = FALSE),
    dict = {
      n <- min(n, length(text_pool) - 1)
      items <- replicate(n, random_value(depth - 1), simplify = FALSE)
      structure(items, names = sample(text_pool[-1], n))
    },
    null = NULL,
    array = random_array(),
    frame = random_frame(n),
    column = random_column(n),
    raw = random_atomic("raw", n)
  )
}
