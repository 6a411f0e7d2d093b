# Python as a process beside R. A socket carries short requests and replies, and what Python prints;
# long ones lie in files, in shared memory where the system has it.

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
    open = "r+b", blocking = FALSE, timeout = 86400
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
  worker$interrupts <- 0L
  reply <- suspendInterrupts(exchange(worker, request))
  done <- TRUE
  # Python had already answered when Ctrl-C came.
  if (worker$interrupts > 0L && !reply$heard) interrupt()
  reply$content
}

exchange <- function(worker, request) {
  send_request(worker, request)
  if (worker$interrupts > 0L) pass_interrupt_on(worker)
  heard <- FALSE
  repeat {
    await_bytes(worker)
    message <- next_message(worker)
    if (message$word == "print ") {
      cat(utf8_strings(c(message$content, raw(1)), 1L))
      utils::flush.console()
    } else if (message$word == "heard ") {
      heard <- TRUE
    } else {
      break
    }
  }
  content <- if (message$word == "file  ") {
    path <- rawToChar(message$content)
    worker$store <- dirname(path)
    read_exchange(path)
  } else {
    decode_exchange(message$content)
  }
  list(content = content, heard = heard)
}

# Word and length in 16 bytes, then the content.
next_message <- function(worker) {
  header <- rawToChar(next_bytes(worker, 16L))
  list(
    word = substr(header, 1L, 6L),
    content = next_bytes(worker, as.integer(substring(header, 7L)))
  )
}

next_bytes <- function(worker, n) {
  bytes <- readBin(worker$socket, "raw", n)
  while (length(bytes) < n) {
    await_bytes(worker)
    more <- readBin(worker$socket, "raw", n - length(bytes))
    if (!length(more)) worker_died(worker)
    bytes <- c(bytes, more)
  }
  bytes
}

# Requests of up to so many bytes go through the socket; r_bridge/_worker.py has the same.
longest_message <- 2^16

send_request <- function(worker, request) {
  size <- sum(lengths(request[[2]])) * 8 + 4 * length(request[[1]])
  if (size <= longest_message) {
    message <- encode_exchange(request)
    say(worker, c(charToRaw(paste0("call ", length(message), "\n")), message))
  } else {
    say(worker, charToRaw(paste0("room ", format(size, scientific = FALSE), "\n")))
    path <- rawToChar(next_message(worker)$content)
    worker$store <- dirname(path)
    write_exchange(path, request)
    say(worker, charToRaw(paste0("file\n", path, "\n")))
  }
}

# R lets itself be interrupted while it waits for the socket, before it sends anything: so that no
# part is sent twice, each is so short that it is sent at once.
say <- function(worker, bytes) {
  said <- 0L
  while (said < length(bytes)) {
    part <- bytes[(said + 1L):min(said + 4096L, length(bytes))]
    tryCatch(
      {
        writeBin(part, worker$socket)
        said <- said + length(part)
      },
      interrupt = function(condition) worker$interrupts <- worker$interrupts + 1L,
      error = function(error) worker_died(worker)
    )
  }
}

await_bytes <- function(worker) {
  repeat {
    ready <- tryCatch(
      socketSelect(list(worker$socket), timeout = 60),
      interrupt = function(condition) NA
    )
    if (isTRUE(ready)) return()
    if (is.na(ready)) {
      worker$interrupts <- worker$interrupts + 1L
      pass_interrupt_on(worker)
    }
  }
}

# The first Ctrl-C is passed on to Python, which ends in order; the second ends the worker.
pass_interrupt_on <- function(worker) {
  if (worker$interrupts > 1L) {
    stop_worker(worker)
    interrupt()
  }
  say(worker, charToRaw("interrupt\n"))
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
  # Not at once where the shell notes there how the worker has ended.
  for (attempt in seq_len(100)) {
    unlink(c(worker$directory, worker$store), recursive = TRUE)
    if (!any(dir.exists(c(worker$directory, worker$store)))) break
    Sys.sleep(0.01)
  }
  invisible()
}

# Program and buffers: numbers of each, program, types, lengths, then the buffers; every part fills
# whole units of eight bytes. A long vector lies in a file of its own, and its length is negative.
write_exchange <- function(path, packed, longest_within = 2^20) {
  buffers <- packed[[2]]
  apart <- lengths(buffers) * element_size[vapply(buffers, typeof, "")] > longest_within
  for (i in which(apart)) write_apart(paste0(path, "-", i), buffers[[i]])
  file <- open_over(path)
  on.exit(close(file))
  write_parts(file, packed, apart)
}

# Written over what is there: new pages take as long as all the rest.
open_over <- function(path) file(path, if (file.exists(path)) "r+b" else "wb")

# writeBin() makes a copy first, serialize() does not. Two bytes before let the data begin at a
# multiple of eight; attributes come after them.
write_apart <- function(path, x) {
  if (!all(names(attributes(x)) %in% "dim")) attributes(x) <- NULL
  file <- open_over(path)
  on.exit(close(file))
  writeBin(raw(2), file)
  serialize(x, file, xdr = FALSE, version = 2)
}

# In memory without a connection, which would take longer than a short message itself.
encode_exchange <- function(packed) {
  parts <- lapply(exchange_parts(packed, logical(length(packed[[2]]))), function(x) {
    c(writeBin(x, raw()), raw(padding(typeof(x), length(x))))
  })
  unlist(parts)
}

write_parts <- function(connection, packed, apart) {
  for (x in exchange_parts(packed, apart)) {
    writeBin(x, connection)
    if (rest <- padding(typeof(x), length(x))) writeBin(raw(rest), connection)
  }
}

exchange_parts <- function(packed, apart) {
  buffers <- packed[[2]]
  types <- vapply(buffers, typeof, "")
  counts <- c(length(packed[[1]]), length(types))
  lengths <- as.double(lengths(buffers)) * ifelse(apart, -1, 1)
  parts <- c(list(counts, packed[[1]], code[types], lengths), buffers[!apart])
  lapply(parts, function(x) if (is.null(attributes(x))) x else as.vector(x))
}

read_exchange <- function(path, block = largest_block) {
  file <- file(path, "rb")
  on.exit(close(file))
  read_parts(function(type, n) read_part(file, type, n, block))
}

decode_exchange <- function(bytes) {
  at <- 0
  read_parts(function(type, n) {
    size <- n * element_size[[type]]
    part <- bytes[at + seq_len(size)]
    at <<- at + size + padding(type, n)
    readBin(part, type, n)
  })
}

read_parts <- function(read) {
  counts <- read("integer", 2L)
  program <- read("integer", counts[1])
  types <- names(code)[read("integer", counts[2]) + 1L]
  lengths <- read("double", counts[2])
  list(program, Map(read, types, lengths, USE.NAMES = FALSE))
}

element_size <- c(double = 8L, integer = 4L, raw = 1L)

padding <- function(type, n) -(element_size[[type]] * n) %% 8

# One call of readBin() moves less than 2^31 bytes.
largest_block <- 2^27

read_part <- function(connection, type, n, block) {
  x <- if (n <= block) {
    readBin(connection, type, n)
  } else {
    sizes <- c(rep(block, n %/% block), n %% block)
    unlist(lapply(sizes, function(n) readBin(connection, type, n)))
  }
  if (rest <- padding(type, n)) readBin(connection, "raw", rest)
  x
}
