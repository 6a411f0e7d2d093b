caught <- function(code) tryCatch(code, condition = identity)

test_that("a Python exception is an R error with its class, message and traceback", {
  load_test_commands()
  error <- caught(dispatch("fail", list(kind = "value")))
  expect_s3_class(error, c(
    "sklearncnn_ValueError", "sklearncnn_Exception", "sklearncnn_BaseException",
    "sklearncnn_python_error", "sklearncnn_error", "error", "condition"
  ), exact = TRUE)
  expect_identical(conditionMessage(error), "\u00e9 value is wrong")
  expect_identical(error$python_class, "ValueError")
  expect_match(error$traceback, "in fail\n", fixed = TRUE)
})

test_that("a handler for a base class of Python catches the special one", {
  load_test_commands()
  error <- tryCatch(
    dispatch("fail", list(kind = "unicode")),
    sklearncnn_ValueError = function(error) error$python_class
  )
  expect_identical(error, "UnicodeError")
})

test_that("the traceback tells of the cause too, and can be read afterwards", {
  load_test_commands()
  try(dispatch("fail", list(kind = "nested")), silent = TRUE)
  expect_output(text <- last_python_traceback(), "RuntimeError: no entry")
  expect_match(text, "KeyError: 'NO_SUCH_VARIABLE'", fixed = TRUE)
})

test_that("sys.exit() in Python does not end R", {
  load_test_commands()
  expect_error(dispatch("fail", list(kind = "exit")), "3", class = "sklearncnn_SystemExit")
  expect_identical(echo(1), 1)
})

test_that("an error has the call of the function that the user called", {
  fit_something <- function() dispatch("no such command")
  error <- caught(fit_something())
  expect_identical(conditionCall(error), quote(fit_something()))
  expect_match(conditionMessage(error), "no command 'no such command'", fixed = TRUE)
})

test_that("wrong arguments of a command are an error", {
  expect_error(dispatch("echo", list(y = 1)), "unexpected keyword", class = "sklearncnn_TypeError")
})

test_that("Python's warnings are R's, in order, and the value still comes", {
  load_test_commands()
  messages <- character()
  value <- withCallingHandlers(
    dispatch("warn", list(n = 3L)),
    sklearncnn_RuntimeWarning = function(warning) {
      messages <<- c(messages, conditionMessage(warning))
      invokeRestart("muffleWarning")
    }
  )
  expect_identical(messages, paste("warning", 1:3))
  expect_identical(value, 3L)
})

test_that("the same warning is given each time", {
  load_test_commands()
  expect_warning(dispatch("warn", list(n = 1L)), "warning 1", class = "sklearncnn_warning")
  expect_warning(dispatch("warn", list(n = 1L)), "warning 1", class = "sklearncnn_warning")
})

test_that("what Python prints can be captured in R", {
  load_test_commands()
  said <- capture.output(dispatch("say", list(text = "caf\u00e9")))
  expect_identical(said, c("caf\u00e9", "NULL"))
  expect_output(dispatch("say", list(text = "to stderr", to = "stderr")), "to stderr")
  expect_output(dispatch("say_in_thread", list(text = "from a thread")), "from a thread")
  expect_silent(echo("nothing is printed"))
})

test_that("10,000 calls leave no trace on Python's None", {
  load_test_commands()
  before <- dispatch("count_none")
  for (i in 1:10000) echo(i)
  expect_lt(abs(dispatch("count_none") - before), 1000)
})
