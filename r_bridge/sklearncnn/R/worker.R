# Python as a process beside R. A socket carries short requests and replies, what Python prints, and
# who has done what; long ones pass through memory that both share, see window.R.

start_worker <- function(python, why) {
  directory <- tempfile("sklearncnn-worker-")
  dir.create(directory, mode = "0700")
  launch(python, directory)
  address <- await_address(directory, python)
  agreed <- FALSE
  on.exit(if (!agreed) {
    tools::pskill(as.integer(address[3]), tools::SIGKILL)
    unlink(directory, recursive = TRUE)
  })
  require_same_version(python, address[4])
  agreed <- TRUE
  worker <- new.env(parent = emptyenv())
  worker$directory <- directory
  worker$pid <- as.integer(address[3])
  worker$owner <- Sys.getpid()
  worker$sending <- FALSE
  worker$socket <- socketConnection(
    "127.0.0.1", as.integer(address[1]),
    open = "r+b", blocking = FALSE, timeout = 86400,
    # Else what is said in two parts waits 40 ms between them.
    options = "no-delay"
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

# Ctrl-C is heard where R waits for the worker, nowhere else: no exchange is left half done.
ask_worker <- function(worker, request) {
  force(request)
  reply <- suspendInterrupts(answer_of_worker(worker, request))
  if (!is.null(reply$refused)) abort("worker", reply$refused, call = NULL)
  # A request that was not sent whole has no answer.
  if (is.null(reply$content)) interrupt()
  # As NumPy says it where it casts.
  if (worker$overflow) warning("overflow encountered in cast", call. = FALSE)
  reply$content
}

answer_of_worker <- function(worker, request) {
  # Whatever ends this call early leaves the exchange half done: then the worker must go.
  done <- FALSE
  on.exit(if (!done) stop_worker(worker))
  worker$interrupts <- 0L
  worker$overflow <- FALSE
  reply <- exchange(worker, request)
  done <- TRUE
  # Python had already answered when Ctrl-C came, or not yet begun: R's is the next turn.
  if (worker$interrupts > 0L && !reply$heard) interrupt_soon()
  reply
}

exchange <- function(worker, request) {
  unsent <- send_request(worker, request)
  if (!is.null(unsent)) return(unsent)
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
    } else if (message$word == "window") {
      note_window(worker, message)
    } else {
      break
    }
  }
  if (message$word == "refuse") return(refusal(message))
  content <- if (message$word == "long  ") {
    receive_long(worker, as.numeric(rawToChar(message$content)))
  } else {
    .Call(C_decode_exchange, message$content)
  }
  list(content = content, heard = heard)
}

# Word and length in 16 bytes, then the content.
next_message <- function(worker) {
  header <- next_bytes(worker, 16L)
  size <- as.integer(rawToChar(header[7:16]))
  list(
    word = rawToChar(header[1:6]),
    content = if (size) next_bytes(worker, size)
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

# Requests of up to so many bytes go through the socket, and buffers of up to so many lie within a
# message; r_bridge/_exchange.py has the same.
longest_message <- 2^16
longest_within <- 2^17

# NULL, or a reply of its own if the worker has not got the request; it then waits for the next one.
send_request <- function(worker, request) {
  size <- sum(lengths(request[[2]])) * 8 + 4 * length(request[[1]])
  if (size > longest_message) return(send_long(worker, request))
  message <- encode_request(request)
  say(worker, c(charToRaw(paste0("call ", length(message), "\n")), message))
  NULL
}

encode_request <- function(request, apart = logical(length(request[[2]]))) {
  .Call(C_encode_exchange, request[[1]], request[[2]], code[request[[3]]], apart)
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

# Seconds for which R awaits a reply awake: it would be woken later than most short ones come.
awake <- 0.002

await_bytes <- function(worker) {
  until <- proc.time()[["elapsed"]] + awake
  while (proc.time()[["elapsed"]] < until) {
    # A Ctrl-C that comes meanwhile is heard below.
    if (socketSelect(list(worker$socket), timeout = 0)) return()
  }
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
  # Of a request that is not yet sent, Python need not know.
  if (!worker$sending) say(worker, charToRaw("interrupt\n"))
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
  folders <- c(worker$directory, window_folder(worker))
  for (attempt in seq_len(100)) {
    unlink(folders, recursive = TRUE)
    if (!any(dir.exists(folders))) break
    Sys.sleep(0.01)
  }
  invisible()
}
