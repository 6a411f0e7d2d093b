# Long requests and replies pass through a window, two slots of a file that is memory where the
# system has that: one is filled while the other is read. First comes the message; then what lies
# apart, each block of an array straight from R's order and type into Python's, or back, so that the
# whole is never in memory twice.

# Bytes of a slot; r_bridge/_window.py has the same.
slot_size <- 2^22

# NULL, or a reply of its own if the worker has not got the request; it then waits for the next one.
send_long <- function(worker, request) {
  types <- request[[3]]
  apart <- lengths(request[[2]]) * element_size[types] > longest_within
  message <- encode_request(request, apart)
  worker$sending <- TRUE
  on.exit(worker$sending <- FALSE)
  say(worker, charToRaw(paste0("long ", length(message), "\n")))
  answer <- next_message(worker)
  if (answer$word == "refuse") return(refusal(answer))
  note_window(worker, answer)
  if (!send_blocks(worker, list(message), "raw")) return(list(heard = FALSE))
  answer <- next_message(worker)
  if (answer$word == "refuse") return(refusal(answer))
  if (!send_blocks(worker, request[[2]][apart], types[apart])) return(list(heard = FALSE))
  NULL
}

# FALSE where a Ctrl-C came in between.
send_blocks <- function(worker, arrays, types) {
  sent <- 0
  read <- 0
  await_read <- function(n) {
    while (read < n) {
      next_message(worker)
      read <<- read + 1
    }
  }
  for (i in seq_along(arrays)) {
    for (block in blocks_of(arrays[[i]], element_size[[types[i]]])) {
      await_read(sent - 1)
      if (worker$interrupts > 0L) {
        say(worker, charToRaw("drop\n"))
        await_read(sent)
        return(FALSE)
      }
      offset <- slot_size * (sent %% 2)
      overflow <- .Call(
        C_write_block, arrays[[i]], code[[types[i]]], block, worker$window, offset
      )
      if (overflow) worker$overflow <- TRUE
      where <- format(c(offset, i - 1, block), scientific = FALSE, trim = TRUE)
      say(worker, charToRaw(paste0("block ", paste(where, collapse = " "), "\n")))
      sent <- sent + 1
    }
  }
  await_read(sent)
  TRUE
}

receive_long <- function(worker, size) {
  message <- raw(size)
  receive_blocks(worker, list(message), code[["raw"]])
  reply <- .Call(C_decode_exchange, message)
  receive_blocks(worker, reply$buffers[reply$apart], reply$types[reply$apart])
  reply
}

# Fills the vectors where they are: they have only now been made, and nobody else has them.
receive_blocks <- function(worker, arrays, types) {
  missing <- sum(lengths(arrays))
  while (missing > 0) {
    where <- as.numeric(strsplit(rawToChar(next_message(worker)$content), " ")[[1]])
    i <- where[2] + 1
    block <- where[3:6]
    .Call(C_read_block, arrays[[i]], types[i], block, worker$window, where[1])
    say(worker, charToRaw("next\n"))
    missing <- missing - block[2] * block[4]
  }
}

note_window <- function(worker, answer) worker$window <- rawToChar(answer$content)

# Where the worker makes the window if it can.
window_folder <- function(worker) file.path("/dev/shm", basename(worker$directory))

refusal <- function(answer) list(heard = FALSE, refused = rawToChar(answer$content))

# First row, rows, first column, columns: as many rows as a slot holds whole, up to 1024, then as
# many columns as fit, so that what lies side by side in R and in Python is long either way.
blocks_of <- function(x, size) {
  rows <- if (is.null(dim(x))) length(x) else nrow(x)
  columns <- length(x) / rows
  within <- slot_size / size
  width <- min(columns, within %/% min(rows, 1024))
  height <- min(rows, within %/% width)
  blocks <- list()
  for (row in seq(0, rows - 1, height)) {
    for (column in seq(0, columns - 1, width)) {
      block <- c(row, min(height, rows - row), column, min(width, columns - column))
      blocks[[length(blocks) + 1L]] <- block
    }
  }
  blocks
}

element_size <- c(double = 8, single = 4, integer = 4, raw = 1)
