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
    expect_true(file.exists(worker$window))
    expect_true(dirname(worker$window) %in% c(directory, window_folder(worker)))
    stop_worker(worker)
    expect_false(file.exists(worker$window))
    expect_false(dir.exists(window_folder(worker)))
    expect_false(dir.exists(directory))
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

test_that("a message holds what is packed, and of long vectors type and dimensions", {
  read <- function(message) .Call(C_decode_exchange, message)
  for (n in c(17, 0, 1, 3, 16)) {
    buffers <- list(as.double(seq_len(n)), seq_len(n), as.raw(seq_len(n)))
    back <- read(encode_request(list(1:3, buffers, c("double", "integer", "raw"))))
    expect_identical(back[1:2], list(program = 1:3, buffers = buffers))
    expect_false(any(back$apart))
  }
  buffers <- list(array(runif(24), 2:4), 1:5, matrix(1:6, 2))
  message <- encode_request(list(7L, buffers, c("single", "integer", "single")), c(TRUE, FALSE, TRUE))
  back <- read(message)
  expect_identical(back$apart, c(TRUE, FALSE, TRUE))
  expect_identical(back$types, unname(code[c("single", "integer", "single")]))
  expect_identical(dim(back$buffers[[1]]), 2:4)
  expect_identical(back$buffers[[2]], 1:5)
  expect_error(read(message[1:40]), "shorter than it says")
  message[9 + 8] <- as.raw(99)
  expect_error(read(message), "unknown type 99")
})

as_single <- function(x) {
  x[] <- readBin(writeBin(as.vector(x), raw(), size = 4), "double", length(x), 4)
  x
}

test_that("blocks of arrays are written and read in Python's order and types", {
  path <- tempfile()
  on.exit(unlink(path))
  in_c_order <- function(x) as.vector(aperm(x, rev(seq_along(dim(x)))))
  shapes <- list(
    7, 1000, c(1, 9), c(9, 1), c(65, 5), c(64, 4), c(3, 5000), c(129, 2, 3), c(2, 3, 5, 7),
    c(70, 1, 3, 1, 5), c(2, 2, 2, 2, 2)
  )
  for (shape in shapes) {
    n <- prod(shape)
    x <- sample(c(NA, NaN, Inf, -Inf, -0, 1e300, 5e-324, pi, stats::rnorm(9)), n, TRUE)
    kinds <- list(
      double = array(x, shape), single = array(x, shape),
      integer = array(sample(c(NA, -5:5, .Machine$integer.max), n, TRUE), shape),
      single = array(sample(c(-5:5, .Machine$integer.max, 16777217L), n, TRUE), shape),
      raw = array(as.raw(sample(0:255, n, TRUE)), shape)
    )
    for (k in seq_along(kinds)) {
      x <- kinds[[k]]
      type <- names(kinds)[k]
      size <- element_size[[type]]
      writeBin(raw(n * size + 16), path)
      whole <- c(0, shape[1], 0, n / shape[1])
      .Call(C_write_block, x, code[[type]], whole, path, 8)
      bytes <- readBin(path, "raw", n * size + 16)
      expected <- if (type == "single") {
        writeBin(as.double(in_c_order(x)), raw(), size = 4)
      } else {
        writeBin(in_c_order(x), raw())
      }
      expect_identical(bytes, c(raw(8), expected, raw(8)))
      if (type == "single" && is.integer(x)) next
      # Back in four parts.
      y <- array(vector(typeof(x), n), shape)
      cut <- function(n) list(c(0, n %/% 2), c(n %/% 2, n - n %/% 2))
      for (rows in cut(shape[1])) {
        for (columns in cut(n / shape[1])) {
          block <- c(rows, columns)
          .Call(C_write_block, x, code[[type]], block, path, 0)
          .Call(C_read_block, y, code[[type]], block, path, 0)
        }
      }
      expect_identical(y, if (type == "single") as_single(x) else x)
    }
  }
})

test_that("a block that cannot be written is an error that says why", {
  x <- matrix(runif(6), 2)
  whole <- c(0, 2, 0, 3)
  write <- function(...) .Call(C_write_block, x, ...)
  expect_error(write(1L, whole, "/no/such/file", 0), "/no/such/file: No such file")
  expect_error(write(1L, c(1, 2, 0, 3), "/no/such/file", 0), "reaches beyond its array")
  expect_error(write(1L, c(0, 2, -1, 3), "/no/such/file", 0), "reaches beyond its array")
  expect_error(write(7L, whole, "/no/such/file", 0), "no block of type 7 is made of 'double'")
  skip_if_not(file.exists("/dev/full"))
  expect_error(write(1L, whole, "/dev/full", 0), "/dev/full: No space left")
  expect_error(.Call(C_read_block, x, 1L, whole, "/dev/null", 0), "too short")
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

test_that("long arrays cross as short ones do, whatever their shape", {
  # Blocks of a slot of 4 MB end within them, beside and at their ends.
  shapes <- list(
    70000, 2^19, 2^19 + 1, c(2, 5e5), c(1023, 520), c(1024, 512), c(1025, 513), c(5e5, 2),
    c(200, 30, 91), c(64, 8, 8, 130), c(3, 100, 5, 7, 60)
  )
  with_engine("process", {
    load_test_commands()
    for (shape in shapes) {
      n <- prod(shape)
      x <- array(sample(c(NA, NaN, Inf, -Inf, 1e30, stats::rnorm(99)), n, TRUE), shape)
      whole <- array(sample(c(NA, -5:5), n, TRUE), shape)
      truth <- array(sample(c(TRUE, FALSE, NA), n, TRUE), shape)
      values <- list(x, whole, truth, array(as.raw(sample(0:255, n, TRUE)), shape))
      if (length(shape) == 1L) values <- lapply(values, as.vector)
      expect_identical(echo(values), values, info = toString(shape))
      single <- as_single(x)
      expect_identical(echo(as_float32(x)), if (length(shape) > 1L) single else as.vector(single))
      place <- floor(shape * 0.7)
      sent <- list(x = as_float32(whole), index = as.integer(place))
      expect_identical(dispatch("element", sent), as.double(whole[t(place + 1)]))
    }
  })
})

test_that("a number beyond float32 is infinite there, with a warning, in arrays of every length", {
  with_engine("process", {
    for (n in c(2, 1e6)) {
      x <- as_float32(c(rep(0.5, n - 1), 1e300))
      expect_warning(back <- echo(x), "overflow encountered in cast")
      expect_identical(back[c(1, n)], c(0.5, Inf))
      expect_silent(expect_identical(echo(as_float32(c(NA, Inf, 1:n))), c(NA, Inf, 1:n)))
    }
    x <- c(1e300, runif(1e6))
    expect_silent(expect_identical(echo(x), x))
  })
})

test_that("without room for long arrays they are an error that says so, and the worker lives on", {
  with_engine("process", {
    load_test_commands()
    worker <- session$engine$worker
    dispatch("limit_files", list(size = 1e6))
    for (attempt in 1:2) {
      expect_error(echo(runif(1e5)), "no room for long arrays.*too large", class = "sklearncnn_worker")
    }
    expect_error(dispatch("zeros", list(n = 1e6)), "no room for long arrays")
    expect_identical(echo(1), 1)
    dispatch("limit_files", list(size = -1))
    x <- runif(1e5)
    expect_identical(echo(x), x)
    expect_identical(session$engine$worker, worker)
  })
})

test_that("the configuration names Python, R and what joins them", {
  config <- sklearncnn_config()
  expect_s3_class(config, "sklearncnn_config")
  expect_true(all(c("Python", "numpy", "R", "rpy2", "libpython") %in% config$findings$subject))
  expect_output(print(config), "Engine: ")
  expect_true(file.exists(config$python))
})
