# Python's command `echo` returns what it was sent.

canonical <- list(
  "NULL" = NULL,
  "double" = 1.5,
  "doubles" = c(1, -0, 1e-320, 1e308),
  "missing and not finite" = c(NA, NaN, Inf, -Inf),
  "NA_real_" = NA_real_,
  "NaN" = NaN,
  "integer" = 7L,
  "integers" = c(-.Machine$integer.max, NA, .Machine$integer.max),
  "a compact sequence" = 1:1000,
  "a whole number beyond integer" = 2^53,
  "logical" = TRUE,
  "logicals" = c(TRUE, NA, FALSE),
  "NA" = NA,
  "NA_integer_" = NA_integer_,
  "NA_character_" = NA_character_,
  "string" = "text",
  "empty string" = "",
  "strings" = c("\u00e4", NA, "", "NA", "\u65e5\u672c", "\U0001f600"),
  "raw" = as.raw(c(0, 1, 255)),
  "one raw" = as.raw(7),
  "raw array" = array(as.raw(1:6), c(1, 2, 3)),
  "no doubles" = numeric(),
  "no integers" = integer(),
  "no logicals" = logical(),
  "no strings" = character(),
  "no raws" = raw(),
  "factor" = factor(c("b", "a", "b")),
  "factor with an unused level and NA" = factor(c("b", NA), levels = c("a", "b", "c")),
  "ordered factor" = factor(c("low", "high"), c("low", "high"), ordered = TRUE),
  "factor without rows" = factor(character(), levels = c("x", "y")),
  "factor without levels" = factor(c(NA, NA)),
  "dates" = as.Date(c("1969-12-31", NA, "2024-02-29", "0001-01-01")),
  "date" = as.Date("2024-02-29"),
  "missing date" = as.Date(NA),
  "no dates" = as.Date(character()),
  "matrix" = matrix(c(1, NA, 3, 4, 5, 6), 2),
  "integer matrix" = matrix(c(1L, NA, 3L, 4L), 2),
  "logical matrix" = matrix(c(TRUE, NA, FALSE, TRUE), 2),
  "character matrix" = matrix(c("a", NA, "c", "\u00e9"), 2),
  "one by one" = matrix(5),
  "no rows" = matrix(0, 0, 3),
  "no columns" = matrix(0L, 3, 0),
  "three dimensions" = array(as.double(1:24), c(2, 3, 4)),
  "four dimensions" = array(1:120, c(2, 3, 4, 5)),
  "five dimensions" = array(as.double(1:720), c(2, 3, 4, 5, 6)),
  "list" = list(1, "a", NULL, list()),
  "named list" = list(a = 1, b = NULL, `with space` = list(c = "x")),
  "empty named list" = structure(list(), names = character()),
  "deep list" = list(list(list(list(1L)))),
  "data frame" = data.frame(x = c(1, NA), f = factor(c("u", NA)), s = c("a", "b")),
  "data frame of one row" = data.frame(x = 1, y = "a", f = factor("u"), d = as.Date("2020-01-01")),
  "data frame without rows" = data.frame(x = numeric(), f = factor(character(), levels = "u")),
  "data frame without columns" = data.frame(row.names = 1:3),
  "data frame with names of rows" = data.frame(x = 1:2, row.names = c("one", "two")),
  "data frame with a matrix" = local({
    frame <- data.frame(y = 1:2)
    frame$X <- matrix(1:4, 2)
    frame
  }),
  "mtcars" = mtcars,
  "iris" = iris
)

for (name in names(canonical)) {
  test_that(paste(name, "comes back as it went"), {
    expect_identical(echo(canonical[[name]]), canonical[[name]])
  })
}

test_that("random values come back as they went", {
  for (seed in 1:200) {
    set.seed(seed)
    value <- random_value()
    expect_identical(echo(value), value, info = paste("seed", seed))
  }
})

test_that("NA and NaN stay apart", {
  back <- echo(c(NA, NaN))
  expect_identical(is.nan(back), c(FALSE, TRUE))
  expect_identical(is.nan(echo(NaN)), TRUE)
  expect_identical(is.nan(echo(NA_real_)), FALSE)
})

test_that("text in latin1 arrives as the same text", {
  latin1 <- "caf\xe9"
  Encoding(latin1) <- "latin1"
  expect_identical(echo(latin1), "caf\u00e9")
  expect_identical(echo(factor(latin1)), factor("caf\u00e9"))
  expect_identical(names(echo(structure(list(1), names = latin1))), "caf\u00e9")
})

test_that("text in no known encoding is an error that says what to do", {
  expect_error(
    echo(list(a = c("fine", "caf\xe9"))),
    "Element 2 of `x\\$a` is no valid text.*iconv",
    class = "sklearncnn_conversion"
  )
})

test_that("names and dimnames stay in R", {
  expect_identical(echo(c(a = 1, b = 2)), c(1, 2))
  expect_identical(echo(matrix(1:4, 2, dimnames = list(c("a", "b"), NULL))), matrix(1:4, 2))
})

test_that("a plain vector of length one is a scalar in Python, with dimensions it is an array", {
  load_test_commands()
  expect_identical(dispatch("describe", list(x = 5))$class, "float")
  expect_identical(dispatch("describe", list(x = 5L))$class, "int")
  expect_identical(dispatch("describe", list(x = TRUE))$class, "bool")
  expect_identical(dispatch("describe", list(x = "a"))$class, "str")
  expect_identical(dispatch("describe", list(x = array(5, 1)))$shape, 1L)
  expect_identical(dispatch("describe", list(x = matrix(5)))$shape, c(1L, 1L))
})

test_that("an asymmetric picture is the same element by element, and in C order", {
  load_test_commands()
  picture <- array(as.double(seq_len(2 * 3 * 4 * 5)), c(2, 3, 4, 5))
  seen <- dispatch("describe", list(x = picture))
  expect_identical(seen$shape, dim(picture))
  expect_identical(seen$dtype, "float64")
  expect_true(seen$contiguous)
  for (index in list(c(1, 1, 1, 1), c(2, 1, 4, 3), c(1, 3, 2, 5), c(2, 3, 4, 5))) {
    sent <- list(x = picture, index = as.integer(index - 1))
    expect_identical(dispatch("element", sent), picture[t(index)])
  }
})

test_that("an array marked as float32 is cast on its way", {
  load_test_commands()
  seen <- dispatch("describe", list(x = as_float32(array(0.1, c(2, 3, 4)))))
  expect_identical(seen$dtype, "float32")
  expect_true(seen$contiguous)
  expect_identical(echo(as_float32(c(0.5, NaN, 2))), c(0.5, NaN, 2))
})

test_that("what is sent is not changed by what comes back", {
  x <- c(1, 2, 3)
  alias <- x
  back <- echo(x)
  back[1] <- 100
  expect_identical(x, c(1, 2, 3))
  expect_identical(alias, c(1, 2, 3))
})

test_that("a factor has its labels in Python", {
  load_test_commands()
  value <- factor(c("b", NA, "a"), levels = c("z", "a", "b"))
  expect_identical(dispatch("labels", list(x = value)), c("b", NA, "a"))
})

test_that("Python's kinds of numbers and texts arrive as R's", {
  load_test_commands()
  reply <- function(what) dispatch("reply_with", list(what = what))
  expect_identical(reply("large"), c(2^40, 1))
  expect_identical(reply("int"), 3L)
  expect_identical(reply("large int"), 2^40)
  expect_identical(reply("float32"), c(0.5, 2))
  expect_identical(reply("tuple"), 1:3)
  expect_identical(reply("texts"), c("a", NA))
  expect_identical(reply("fortran"), matrix(c(1, 3, 2, 4), 2))
  expect_identical(reply("sliced"), matrix(c(0L, 4L, 8L, 2L, 6L, 10L), 3))
  expect_identical(reply("uint8"), matrix(as.raw(c(1, 3, 2, 4)), 2))
  expect_identical(reply("texts of NumPy"), c("x", "yy"))
})

test_that("what R cannot hold is an error that names its place", {
  load_test_commands()
  reply <- function(what) dispatch("reply_with", list(what = what))
  expect_error(reply("too large"), "1152921504606846976, beyond R's exact whole numbers")
  expect_error(reply("zero"), "zero character")
  expect_error(reply("set"), "class 'set'", class = "sklearncnn_ConversionError")
  expect_error(
    reply("nested"), "value\\$value\\$a\\[\\[2\\]\\]\\$b",
    class = "sklearncnn_TypeError"
  )
})

test_that("what Python cannot hold is an error that names its place", {
  model <- lm(dist ~ speed, cars)
  refused <- function(x, message) {
    expect_error(echo(x), message, class = "sklearncnn_conversion", fixed = TRUE)
  }
  refused(model, "Python has no counterpart of `x`, which is of class \"lm\".")
  refused(list(1, f = 2), "must be given for all elements or none")
  refused(list(a = 1, a = 2), "each once")
  refused(quote(a + b), "class \"call\"")
  refused(globalenv(), "class \"environment\"")
  refused(mean, "class \"function\"")
  refused(1i, "class \"complex\"")
  refused(Sys.time(), "as.numeric()")
  refused(list(a = list(b = Sys.time())), "`x$a$b`")
  refused(structure(1, class = "integer64"), "as.numeric()")
  refused(data.frame(a = 1, a = 2, check.names = FALSE), "same name")
})

test_that("a table of counts is its array, and I() is seen through", {
  expect_identical(echo(table(c("a", "b", "a"), c("u", "u", "v"))), matrix(c(1L, 1L, 1L, 0L), 2))
  expect_identical(echo(I(c(1, 2))), c(1, 2))
})
