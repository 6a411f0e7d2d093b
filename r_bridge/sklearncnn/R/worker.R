# Python as a process beside R: requests and replies lie in files of the session's temporary
# directory, a socket says when, and carries what Python prints.

start_worker <- function(python, why) {
  directory <- tempfile("sklearncnn-worker-")
  dir.create(directory, mode = "0700")
  launch(python, directory)
  address <- await_address(directory, python)
  worker <- new.env(parent = emptyenv())
  worker$directory <- directory
  worker$pid <- as.integer(address[3])
  worker$owner <- Sys.getpid()
  worker$socket <- socketConnection(
    "127.0.0.1", as.integer(address[1]),
    open = "r+b", blocking = TRUE, timeout = 86400
  )
  writeLines(address[2], worker$socket)
  reg.finalizer(worker, stop_worker, onexit = TRUE)
  list(
    kind = "process", pid = Sys.getpid(), python = python, why = why, worker = worker,
    alive = function() !is.null(worker$socket),
    answer = function(request) ask_worker(worker, request)
  )
}

launch <- function(python, directory) {
  arguments <- c("-m", "r_bridge", "worker", shQuote(directory))
  log <- file.path(directory, "log")
  if (.Platform$OS.type == "windows") {
    system2(python, arguments, stdout = log, stderr = log, wait = FALSE)
  } else {
    # The shell outlives a crash and tells what it was.
    words <- paste(c(python_environment(), shQuote(python), arguments), collapse = " ")
    command <- paste(
      "(", words, ">", shQuote(log), "2>&1 </dev/null;",
      "echo $? 2>/dev/null >", shQuote(file.path(directory, "exit")), ") 2>/dev/null &"
    )
    system(command)
  }
}

await_address <- function(directory, python) {
  file <- file.path(directory, "address")
  for (attempt in seq_len(3000)) {
    if (file.exists(file)) return(readLines(file))
    if (file.exists(file.path(directory, "exit"))) break
    Sys.sleep(0.02)
  }
  abort("worker", paste0(
    "Python does not start as a worker process. ", last_words(directory),
    "\nInstall it by: ", python, " -m pip install sklearn_cnn"
  ), call = NULL)
}

ask_worker <- function(worker, request) {
  # Whatever ends this call early leaves the exchange half done: then the worker must go.
  done <- FALSE
  on.exit(if (!done) stop_worker(worker))
  write_exchange(file.path(worker$directory, "request"), request)
  tryCatch(writeLines("call", worker$socket), error = function(error) worker_died(worker))
  repeat {
    await_word(worker)
    word <- readLines(worker$socket, n = 1L)
    if (!length(word)) worker_died(worker)
    if (word == "reply") break
    bytes <- as.integer(sub("print ", "", word, fixed = TRUE))
    cat(utf8_strings(c(readBin(worker$socket, "raw", bytes), raw(1)), 1L))
    utils::flush.console()
  }
  reply <- read_exchange(file.path(worker$directory, "reply"))
  done <- TRUE
  reply
}

# The first Ctrl-C is passed on to Python, which ends in order; the second ends the worker.
await_word <- function(worker) {
  interrupts <- 0L
  repeat {
    ready <- tryCatch(
      socketSelect(list(worker$socket), timeout = 60),
      interrupt = function(condition) NA
    )
    if (isTRUE(ready)) return()
    if (is.na(ready)) {
      interrupts <- interrupts + 1L
      if (interrupts > 1L) {
        stop_worker(worker)
        interrupt()
      }
      tools::pskill(worker$pid, tools::SIGINT)
    }
  }
}

worker_died <- function(worker) {
  Sys.sleep(0.1)
  words <- last_words(worker$directory)
  stop_worker(worker)
  abort("worker", paste0(
    "The Python worker process has ended. ", words, "\nThe next call starts a new one."
  ), call = NULL)
}

last_words <- function(directory) {
  file <- file.path(directory, "exit")
  status <- if (file.exists(file)) as.integer(readLines(file, warn = FALSE)[1]) else NA
  log <- file.path(directory, "log")
  said <- if (file.exists(log)) utils::tail(readLines(log, warn = FALSE), 5L)
  paste0(
    if (!is.na(status)) {
      if (status > 128L) paste0("Signal ", status - 128L, ".") else paste0("Status ", status, ".")
    },
    if (length(said)) paste0(" It said:\n", paste(said, collapse = "\n"))
  )
}

stop_worker <- function(worker) {
  # A forked child holds a copy of what is its parent's.
  if (is.null(worker$socket) || worker$owner != Sys.getpid()) return(invisible())
  socket <- worker$socket
  worker$socket <- NULL
  try(close(socket), silent = TRUE)
  tools::pskill(worker$pid, tools::SIGKILL)
  unlink(worker$directory, recursive = TRUE)
  invisible()
}

# A file of program and buffers: numbers of each, program, types, lengths, then the buffers; every
# part fills whole units of eight bytes.
write_exchange <- function(path, packed, block = largest_block) {
  types <- vapply(packed[[2]], function(x) code[[typeof(x)]], 0L)
  lengths <- as.double(vapply(packed[[2]], length, 0))
  file <- file(path, "wb")
  on.exit(close(file))
  write_part(file, c(length(packed[[1]]), length(types)), block)
  write_part(file, packed[[1]], block)
  write_part(file, types, block)
  write_part(file, lengths, block)
  for (buffer in packed[[2]]) write_part(file, buffer, block)
}

read_exchange <- function(path, block = largest_block) {
  file <- file(path, "rb")
  on.exit(close(file))
  counts <- read_part(file, "integer", 2L, block)
  program <- read_part(file, "integer", counts[1], block)
  types <- read_part(file, "integer", counts[2], block)
  lengths <- read_part(file, "double", counts[2], block)
  types <- names(code)[types + 1L]
  read <- function(type, n) read_part(file, type, n, block)
  list(program, Map(read, types, lengths, USE.NAMES = FALSE))
}

element_size <- c(double = 8L, integer = 4L, raw = 1L)

padding <- function(type, n) -(element_size[[type]] * n) %% 8

# One call of writeBin() or readBin() moves less than 2^31 bytes.
largest_block <- 2^27

write_part <- function(file, x, block) {
  if (!is.null(dim(x))) dim(x) <- NULL
  if (length(x) <= block) {
    writeBin(x, file)
  } else {
    for (start in seq(1, length(x), by = block)) {
      writeBin(x[start:min(start + block - 1, length(x))], file)
    }
  }
  if (rest <- padding(typeof(x), length(x))) writeBin(raw(rest), file)
}

read_part <- function(file, type, n, block) {
  x <- if (n <= block) {
    readBin(file, type, n)
  } else {
    sizes <- c(rep(block, n %/% block), n %% block)
    unlist(lapply(sizes, function(size) readBin(file, type, size)))
  }
  if (rest <- padding(type, n)) readBin(file, "raw", rest)
  x
}
