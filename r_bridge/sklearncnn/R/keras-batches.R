# Batches that Python makes: Keras trains on them without sending them here. R keeps their
# description, from which they are made again in another process.

new_batches <- function(maker, arguments, call = sys.call(-1), preprocess = NULL) {
  force(call)
  reply <- dispatch(maker, arguments, call)
  state <- list2env(
    list(
      key = reply$key, about = reply$about, maker = maker, arguments = arguments, number = 0,
      preprocess = preprocess
    ),
    parent = emptyenv()
  )
  release_with(state)
  structure(list(), state = state, class = c("sklearncnn_batches", "sklearncnn_kept", "sklearncnn"))
}

is_batches <- function(x) inherits(x, "sklearncnn_batches")

# What a command gets that works on batches: it may be a process that does not know them yet.
ready_batches <- function(x) {
  call_kept(x, "know_batches", call = NULL)
  sendable(x)
}

# A batch as a list of arrays. Where a function of R changes pictures, they come here for it and go
# back for what follows.
batch_of <- function(batches, number, seed = NULL, in_order = FALSE) {
  which <- list(number = number, seed = seed, in_order = in_order)
  call <- sys.call(-1)
  preprocess <- state_of(batches)$preprocess
  if (is.null(preprocess)) return(call_with(batches, "batch_of", which, call))
  x <- call_with(batches, "changed_batch", which, call)
  for (i in seq_len(nrow(x))) {
    picture <- array(x[i, , , ], dim(x)[-1])
    changed <- preprocess(picture)
    if (!is.numeric(changed) || length(changed) != length(picture)) {
      abort("argument", paste0(
        "`preprocessing_function` must return a picture of ",
        paste(dim(picture), collapse = " x "), "."
      ), call = call)
    }
    x[i, , , ] <- changed
  }
  call_with(batches, "finished_batch", c(list(x = as_data(x, "x", call)), which), call)
}

needs_r <- function(x) is_batches(x) && !is.null(state_of(x)$preprocess)

# Batches that need R, one after the other, for fit().
batches_by_r <- function(batches, seed) {
  force(batches)
  force(seed)
  number <- -1
  function() batch_of(batches, number <<- number + 1, seed = seed)
}

# The same of one epoch, or of its first batches, put together, for evaluate() and predict().
rows_by_r <- function(batches, steps, in_order = steps %% length(batches) == 0) {
  if (is.null(steps)) steps <- length(batches)
  numbers <- seq_len(steps) - 1
  parts <- lapply(numbers, function(number) batch_of(batches, number, in_order = in_order))
  lapply(seq_along(parts[[1]]), function(i) bind_rows_of(lapply(parts, `[[`, i)))
}

bind_rows_of <- function(arrays) {
  shape <- dim(arrays[[1]])
  if (length(shape) < 2L) return(unlist(arrays))
  # Rows are the first dimension: they are put together as the last one.
  columns <- lapply(arrays, function(x) aperm(x, c(seq_along(shape)[-1], 1L)))
  n <- sum(vapply(arrays, nrow, 0L))
  aperm(array(unlist(columns), c(shape[-1], n)), c(length(shape), seq_along(shape[-1])))
}

batch_settings <- function(batch_size, shuffle, seed) {
  check_count(batch_size, "batch_size")
  check_flag(shuffle, "shuffle")
  list(
    batch_size = batch_size, shuffle = shuffle, seed = if (is.null(seed)) draw_seed() else seed,
    seed_is_given = !is.null(seed)
  )
}

#' The next batch
#'
#' Batches of [flow_images_from_directory()], [flow_images_from_data()],
#' [flow_images_from_dataframe()], [image_dataset_from_directory()],
#' [timeseries_dataset_from_array()] and [timeseries_generator()] go to [fit()], [evaluate()] and
#' [predict()], and can be looked at one by one.
#'
#' `generator_next()` goes on with the next epoch after the last batch. `as_iterator()` begins at the
#' first batch, and `iter_next()` ends with the last one.
#'
#' What the batches are is told by `x$n` (rows), `length(x)` (batches of an epoch), `x$batch_size`,
#' and for pictures by `x$image_shape`; for those of folders by `x$class_names`, `x$class_indices`
#' (numbers of the classes, from 0), `x$classes` (the number of each picture), `x$filenames` and
#' `x$filepaths`. `x$reset()` goes back to the first batch.
#'
#' @param generator,x Batches.
#' @param it What `as_iterator()` returned.
#' @param completed What is returned after the last batch.
#' @returns `list(x, y)`, with weights as a third where there are any; the inputs alone where there
#'   are no targets. `as_iterator()` returns an iterator.
#' @family batches
#' @examplesIf python_ready()
#' windows <- timeseries_dataset_from_array(
#'   as.numeric(lynx), as.numeric(lynx)[-(1:10)], sequence_length = 10, batch_size = 16
#' )
#' windows
#' batch <- generator_next(windows)
#' dim(batch[[1]])
#' iterator <- as_iterator(windows)
#' sizes <- c()
#' while (!is.null(batch <- iter_next(iterator))) sizes <- c(sizes, length(batch[[2]]))
#' sizes
#' @export
generator_next <- function(generator) {
  check_batches(generator)
  state <- state_of(generator)
  parts <- batch_of(generator, state$number)
  state$number <- state$number + 1
  if (length(parts) == 1L) parts[[1]] else parts
}

#' @rdname generator_next
#' @export
as_iterator <- function(x) {
  check_batches(x)
  key_of(x)
  state <- list2env(as.list(state_of(x)), parent = emptyenv())
  state$number <- 0
  # The same object of Python, which stays as long as its owner does.
  state$owner <- state_of(x)
  structure(list(), state = state, class = class(x))
}

#' @rdname generator_next
#' @export
iter_next <- function(it, completed = NULL) {
  check_batches(it)
  if (state_of(it)$number >= length(it)) completed else generator_next(it)
}

check_batches <- function(x) {
  if (!is_batches(x)) {
    abort("argument", paste0(
      "Batches are wanted, of flow_images_from_directory() and the like. Got an object of class \"",
      class(x)[1], "\"."
    ), call = sys.call(-1))
  }
}

#' @export
length.sklearncnn_batches <- function(x) state_of(x)$about$n_batches

#' @export
`$.sklearncnn_batches` <- function(x, name) {
  state <- state_of(x)
  about <- state$about
  switch(name,
    reset = function() {
      state$number <- 0
      invisible(x)
    },
    batch_size = state$arguments$settings$batch_size,
    class_indices = if (!is.null(about$class_names)) {
      stats::setNames(as.list(seq_along(about$class_names) - 1L), about$class_names)
    },
    samples = about$n,
    about[[name]]
  )
}

#' @export
print.sklearncnn_batches <- function(x, ...) {
  about <- state_of(x)$about
  rows <- if (!is.null(about$image_shape)) {
    paste0("pictures of ", paste(about$image_shape, collapse = " x "))
  } else {
    paste("windows of", about$sequence_length, "steps")
  }
  classes <- if (length(about$class_names)) {
    shown <- utils::head(about$class_names, 5L)
    paste0(
      ", ", length(about$class_names), " classes: ", paste(shown, collapse = ", "),
      if (length(shown) < length(about$class_names)) ", ..."
    )
  }
  cat("<", length(x), " batches of ", x$batch_size, ": ", about$n, " ", rows, classes, ">\n", sep = "")
  invisible(x)
}
