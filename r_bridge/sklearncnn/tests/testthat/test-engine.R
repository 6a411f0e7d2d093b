test_that("an unknown engine is an error that lists the known ones", {
  with_engine("fast", expect_error(echo(1), "\"auto\", \"inprocess\" or \"process\""))
})

test_that("a missing Python is an error that says what to do", {
  before <- session$python
  session$python <- NULL
  old <- options(sklearncnn.python = "/no/such/python")
  on.exit({
    session$python <- before
    options(old)
  })
  if (reticulate::py_available()) {
    # The Python that already runs in this process is the one that is used.
    expect_identical(find_python()$python, reticulate::py_config()$python)
  } else {
    expect_error(
      find_python(), "There is no file \"/no/such/python\": sklearncnn needs Python 3.11",
      class = "sklearncnn_python"
    )
  }
})

test_that("a worker that cannot load the bridge says so at once", {
  expect_error(
    start_worker("/bin/false", "a test"),
    "Status 1.*pip install sklearn_cnn",
    class = "sklearncnn_worker"
  )
})

test_that("both engines give the same values", {
  value <- list(iris[1:5, ], array(1:24, 2:4), NA, "\u00e4")
  expect_identical(with_engine("process", echo(value)), echo(value))
})

test_that("a crash of the worker is an R error, and the next call starts a new one", {
  with_engine("process", {
    load_test_commands()
    first <- session$engine$worker$pid
    expect_error(
      dispatch("die", list(signal_number = 11L)),
      "worker process has ended. Signal 11",
      class = "sklearncnn_worker"
    )
    expect_identical(echo(1), 1)
    expect_false(session$engine$worker$pid == first)
  })
})

test_that("a worker that is killed between two calls is replaced", {
  with_engine("process", {
    echo(1)
    tools::pskill(session$engine$worker$pid, tools::SIGKILL)
    Sys.sleep(0.3)
    expect_error(echo(2), class = "sklearncnn_worker")
    expect_identical(echo(3), 3)
  })
})

test_that("a worker leaves no file behind", {
  with_engine("process", {
    echo(1)
    worker <- session$engine$worker
    directory <- worker$directory
    expect_true(dir.exists(directory))
    echo(runif(1e5))
    store <- worker$store
    expect_true(dir.exists(store))
    stop_worker(worker)
    expect_false(dir.exists(directory))
    expect_false(dir.exists(store))
  })
})

test_that("a forked child gets a clear error from Python inside R, and a worker of its own else", {
  kind <- {
    echo(0)
    session$engine$kind
  }
  results <- parallel::mclapply(1:2, function(i) {
    tryCatch(echo(i), sklearncnn_forked = conditionMessage)
  }, mc.cores = 2)
  if (kind == "inprocess") {
    for (message in results) expect_match(message, "does not survive.*makeCluster.*\"process\"")
  } else {
    expect_identical(results, list(1L, 2L))
  }
  expect_identical(echo(3), 3)
})

test_that("in a forked child the engine \"process\" works", {
  echo(0)
  old <- options(sklearncnn.engine = "process")
  on.exit(options(old))
  expect_identical(parallel::mclapply(1:2, function(i) echo(i), mc.cores = 2), list(1L, 2L))
})

test_that("the random stream of R is not touched", {
  set.seed(1)
  before <- .Random.seed
  echo(1)
  with_engine("process", echo(1))
  expect_identical(.Random.seed, before)
})

test_that("requests and replies cross in several blocks, as a file and as a message", {
  path <- tempfile()
  on.exit(unlink(path))
  for (n in c(17, 0, 1, 3, 16)) {
    packed <- list(1:3, list(as.double(seq_len(n)), seq_len(n), as.raw(seq_len(n))))
    write_exchange(path, packed)
    expect_identical(read_exchange(path, block = 8), packed)
    expect_identical(decode_exchange(encode_exchange(packed)), packed)
  }
})

test_that("short and long values cross to a worker and back", {
  with_engine("process", {
    load_test_commands()
    for (n in c(1, 8000, 9000, 20000)) {
      expect_identical(echo(as.double(seq_len(n))), as.double(seq_len(n)))
      seen <- dispatch("describe", list(x = as_float32(matrix(runif(2 * n), 2))))
      expect_identical(seen[c("dtype", "shape")], list(dtype = "float32", shape = c(2L, as.integer(n))))
    }
    marked <- structure(matrix(c(1, 2), 1), contrasts = "kept in R")
    expect_identical(echo(marked), matrix(c(1, 2), 1))
    expect_identical(echo(as_float32(seq_len(20000) / 4)), seq_len(20000) / 4)
    # Vectors that lie in files of their own, one after the other and of different lengths.
    for (n in c(3e5, 2e5, 4e5)) {
      x <- list(array(runif(n), c(n / 4, 2, 2)), seq_len(2 * n), as.raw(rep(1:4, n)), "last")
      expect_identical(echo(x), x)
      named <- stats::setNames(x[[1]], seq_len(n))
      expect_identical(echo(named), x[[1]])
    }
  })
})

test_that("the configuration names Python, R and what joins them", {
  config <- sklearncnn_config()
  expect_s3_class(config, "sklearncnn_config")
  expect_true(all(c("Python", "numpy", "R", "rpy2", "libpython") %in% config$findings$subject))
  expect_output(print(config), "Engine: ")
  expect_true(file.exists(config$python))
})
