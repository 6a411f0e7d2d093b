#' Train a model
#'
#' Trains the model in place, as Keras does, by compiled epochs where they can express the fit and
#' by Keras's own loop elsewhere: weighted rows, several outputs, callbacks around batches,
#' generators. Rows are drawn in a new order for each epoch; `set.seed()` makes the fit
#' reproducible. Ctrl-C ends training with a warning, and the model keeps what it has learned.
#'
#' `x` and `y` are arrays whose first dimension is the rows: matrices, vectors (one number a row),
#' arrays of images (rows, height, width, channels), data frames of numbers, or lists of these for
#' models with several inputs or outputs. Class numbers count from 0.
#'
#' Instead of arrays, `x` may be batches: pictures of [flow_images_from_directory()] and
#' [image_dataset_from_directory()], windows of [timeseries_dataset_from_array()] and the like. They
#' hold their targets, and so do those for `validation_data`. An epoch are all of them, or
#' `steps_per_epoch`.
#'
#' A generator is a function without arguments that returns `list(x, y)`, the next batch, or
#' `list(x, y, sample_weight)`; it needs `steps_per_epoch`.
#'
#' @param object A model that was compiled.
#' @param x,y Rows and targets; or `x` batches or a generator.
#' @param batch_size Rows a step.
#' @param epochs The number of the last epoch.
#' @param verbose 0 prints nothing, 1 or 2 a line for each epoch; `"auto"` is 1, or 0 in tests of
#'   testthat. `options(sklearncnn.fit_verbose = 0)` changes the default.
#' @param callbacks A callback, or a list of them.
#' @param view_metrics Not used; [plot()] the history.
#' @param validation_split Share of the rows, the last ones, that is evaluated after each epoch and
#'   not trained on.
#' @param validation_data `list(x, y)` or `list(x, y, sample_weight)` to evaluate after each epoch;
#'   or batches; for a generator another one.
#' @param shuffle Whether rows are drawn in a new order for each epoch.
#' @param class_weight A named list or vector: weights of class numbers, as in `list("0" = 1,
#'   "1" = 5)`.
#' @param sample_weight One weight for each row.
#' @param initial_epoch The number of epochs that count as done.
#' @param steps_per_epoch,validation_steps Batches of an epoch and of an evaluation, for batches and
#'   generators.
#' @param generator A generator, for `fit_generator()`, which is [fit()].
#' @param ... Further arguments of Keras's `fit()`.
#' @returns The history, an object of class `sklearncnn_history`: a list of `params` (what the fit
#'   was asked for) and `metrics` (a vector for the loss and each metric, one number an epoch).
#' @seealso [compile()], [evaluate()], [predict()][predict.sklearncnn_keras_model],
#'   [plot()][plot.sklearncnn_history] of the history, [callback_early_stopping()] and other callbacks,
#'   [image_data_generator()] for pictures in folders.
#' @examplesIf python_ready()
#' set.seed(1)
#' model <- keras_model_sequential() %>%
#'   layer_dense(units = 8, activation = "relu", input_shape = 2) %>%
#'   layer_dense(units = 1)
#' model %>% compile(optimizer = "adam", loss = "mse", metrics = "mae")
#' history <- model %>% fit(
#'   as.matrix(cars), cars$dist, epochs = 10, validation_split = 0.2, verbose = 0
#' )
#' history
#' plot(history)
#' head(as.data.frame(history))
#' @export
fit.sklearncnn_keras_model <- function(object, x = NULL, y = NULL, batch_size = NULL, epochs = 10,
                                       verbose = getOption("sklearncnn.fit_verbose", "auto"),
                                       callbacks = NULL, view_metrics = NULL,
                                       validation_split = 0, validation_data = NULL,
                                       shuffle = TRUE, class_weight = NULL, sample_weight = NULL,
                                       initial_epoch = 0, steps_per_epoch = NULL,
                                       validation_steps = NULL, ...) {
  call <- sys.call()
  check_compiled(object, call)
  check_count(epochs, "epochs")
  check_count(batch_size, "batch_size")
  if (!is.numeric(validation_split) || length(validation_split) != 1L || validation_split < 0 ||
        validation_split >= 1) {
    abort("argument", "`validation_split` must be a number from 0 to less than 1.", call = call)
  }
  in_batches <- is.function(x) || is_batches(x)
  if (is_batches(x)) check_batched(y, batch_size, validation_split, call)
  seed <- draw_seed()
  if (needs_r(x)) {
    if (is.null(steps_per_epoch)) steps_per_epoch <- length(x)
    x <- batches_by_r(x, seed)
  }
  if (needs_r(validation_data)) {
    validation_data <- rows_by_r(validation_data, validation_steps)
    validation_steps <- NULL
  }
  settings <- list(
    batch_size = if (is.null(batch_size) && !in_batches) 32L else batch_size,
    epochs = epochs, verbose = if (speaks(verbose)) 1L else 0L,
    initial_epoch = initial_epoch, shuffle = if (!in_batches) shuffle,
    validation_split = if (validation_split > 0) validation_split,
    class_weight = named_weights(class_weight),
    sample_weight = if (!is.null(sample_weight)) as.double(sample_weight),
    steps_per_epoch = steps_per_epoch, validation_steps = validation_steps, ...
  )
  settings <- settings[!vapply(settings, is.null, NA)]
  asked <- new.env(parent = emptyenv())
  generator <- NULL
  if (is.function(x)) {
    if (is.null(steps_per_epoch)) {
      abort("argument", "A generator needs `steps_per_epoch`, the batches of an epoch.", call = call)
    }
    generator <- list(x = "generator")
    asked$generator <- batch_function(x)
    if (is.function(validation_data)) {
      generator$validation <- "validation"
      asked$validation <- batch_function(validation_data)
      validation_data <- NULL
    }
    x <- y <- NULL
  } else if (!is_batches(x)) {
    check_same_rows(x, y, call)
  }
  if (is_batches(validation_data)) {
    settings$validation_data <- ready_batches(validation_data)
  } else if (!is.null(validation_data)) {
    validation_data <- unname(validation_data)
    check_same_rows(validation_data[[1]], validation_data[[2]], call)
    settings$validation_data <- unname(as_data(validation_data, "validation_data", call))
  }
  callbacks <- lapply(as_items(callbacks), sendable_callback, asked = asked)
  arguments <- list(
    x = data_or_batches(x, call), y = as_data(y, "y", call), settings = settings,
    callbacks = callbacks, seed = seed, directory = getwd()
  )
  # A Ctrl-C that is too late for Python waits until the model has what it has learned.
  suspendInterrupts({
    reply <- if (length(asked)) {
      arguments <- c(arguments, list(generator = generator))
      converse(call_with(object, "fit_model_with_r", arguments, call), asked, call)
    } else {
      call_with(object, "fit_model", arguments, call)
    }
    take_state(object, reply$state)
  })
  new_history(reply, epochs, settings$batch_size)
}

check_batched <- function(y, batch_size, validation_split, call) {
  if (!is.null(y) || !is.null(batch_size) || !isTRUE(validation_split == 0)) {
    abort("argument", paste(
      "Batches have their targets, their size and their rows for validation: `y`, `batch_size` and",
      "`validation_split` belong to arrays."
    ), call = call)
  }
}

data_or_batches <- function(x, call) if (is_batches(x)) ready_batches(x) else as_data(x, "x", call)

speaks <- function(verbose) {
  if (identical(verbose, "auto")) return(!identical(Sys.getenv("TESTTHAT"), "true"))
  isTRUE(verbose > 0)
}

named_weights <- function(weights) {
  if (is.null(weights)) return(NULL)
  weights <- as.list(weights)
  if (is.null(names(weights))) {
    abort("argument", "`class_weight` needs names, the class numbers: list(\"0\" = 1, \"1\" = 5).")
  }
  weights
}

batch_function <- function(f) {
  force(f)
  function() {
    batch <- f()
    if (is.null(batch)) return(NULL)
    if (!is.list(batch) || length(batch) < 2L) {
      abort("data", "A generator must return list(x, y), or NULL at its end.", call = NULL)
    }
    unname(as_data(batch, "batch"))
  }
}

# Answer what Python asks until it has the result. An error of R's own functions ends the fit; after
# Ctrl-C, in one of them or while R waits, Python hands over what it has.
converse <- function(reply, functions, call) {
  number <- NULL
  on.exit(if (!is.null(number)) dispatch("end_conversation", list(number = number), call = NULL))
  suspendInterrupts(while (!is.null(reply$question)) {
    number <- reply$number
    reply <- tryCatch(
      {
        value <- allowInterrupts({
          # Ctrl-C may have come in the turn before.
          .Call(C_check_interrupt)
          do.call(get(reply$question, functions), reply$arguments)
        })
        dispatch("answer_question", list(number = number, value = value), call)
      },
      interrupt = function(condition) {
        dispatch("interrupt_conversation", list(number = number), call)
      }
    )
  })
  number <- NULL
  reply$result
}

# Functions of R in a callback stay here; Python knows them by name.
sendable_callback <- function(callback, asked) {
  if (is.function(callback)) callback <- object_of_function(callback)
  described <- sendable(callback)
  functions <- callback$functions
  if (length(functions)) {
    names <- paste0("function ", length(asked) + seq_along(functions))
    for (i in seq_along(functions)) assign(names[i], functions[[i]], asked)
    described$functions <- stats::setNames(as.list(names), names(functions))
  }
  described
}

#' @rdname fit.sklearncnn_keras_model
#' @export
fit_generator <- function(object, generator, steps_per_epoch = NULL, epochs = 1, ...) {
  fit.sklearncnn_keras_model(
    object, generator, steps_per_epoch = steps_per_epoch, epochs = epochs, ...
  )
}

#' Train on one batch
#'
#' @param object A model that was compiled.
#' @param x,y,sample_weight,class_weight One batch, as in [fit()].
#' @returns Loss and metrics, as [evaluate()] returns them; before the step for
#'   `train_on_batch()`, which changes the model.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
#' model %>% compile(optimizer = "sgd", loss = "mse")
#' model %>% train_on_batch(cars$speed / 25, cars$dist / 120)
#' model %>% test_on_batch(cars$speed / 25, cars$dist / 120)
#' @export
train_on_batch <- function(object, x, y, class_weight = NULL, sample_weight = NULL) {
  call <- sys.call()
  check_compiled(object, call)
  check_same_rows(x, y, call)
  reply <- call_kept(
    object, "train_on_batch_of",
    x = as_data(x, "x", call), y = as_data(y, "y", call), sample_weight = sample_weight,
    class_weight = named_weights(class_weight)
  )
  take_state(object, reply$state)
  new_metrics(reply$values)
}

#' @rdname train_on_batch
#' @export
test_on_batch <- function(object, x, y) {
  call <- sys.call()
  check_compiled(object, call)
  check_same_rows(x, y, call)
  new_metrics(call_kept(
    object, "test_on_batch_of", x = as_data(x, "x", call), y = as_data(y, "y", call)
  ))
}

#' Loss and metrics of a model on data
#'
#' @param object A model that was compiled.
#' @param x,y Rows and targets, or batches, as in [fit()].
#' @param batch_size Rows that pass through the network at once.
#' @param verbose Not used.
#' @param sample_weight One weight for each row.
#' @param steps How many batches; all by default.
#' @param generator Batches, for `evaluate_generator()`, which is `evaluate()`.
#' @param ... Not used.
#' @returns A named vector, the loss first, whose members can also be reached by `$`:
#'   `scores$acc`, `scores["acc"]`. Keras's long names are understood too:
#'   `scores$mean_absolute_error` where the metric is `"mae"`.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
#' model %>% compile(optimizer = "sgd", loss = "mse", metrics = "mae")
#' scores <- model %>% evaluate(cars$speed / 25, cars$dist / 120)
#' scores$mae
#' @export
evaluate <- function(object, ...) UseMethod("evaluate")

#' @rdname evaluate
#' @export
evaluate.sklearncnn_keras_model <- function(object, x = NULL, y = NULL, batch_size = 32,
                                            verbose = "auto", sample_weight = NULL, steps = NULL,
                                            ...) {
  call <- sys.call()
  check_compiled(object, call)
  if (needs_r(x)) {
    batch_size <- x$batch_size
    parts <- rows_by_r(x, steps)
    x <- parts[[1]]
    if (length(parts) > 1L) y <- parts[[2]]
    if (length(parts) > 2L) sample_weight <- parts[[3]]
    steps <- NULL
  }
  if (!is_batches(x)) check_same_rows(x, y, call)
  new_metrics(call_kept(
    object, "evaluate_model",
    x = data_or_batches(x, call), y = as_data(y, "y", call), batch_size = batch_size,
    sample_weight = sample_weight, steps = steps
  ))
}

#' @rdname evaluate
#' @export
evaluate_generator <- function(object, generator, steps = NULL, ...) {
  evaluate(object, generator, steps = steps)
}

new_metrics <- function(values) {
  structure(unlist(values), class = c("sklearncnn_metrics", "numeric"))
}

long_names <- c(
  mean_absolute_error = "mae", mean_squared_error = "mse", accuracy = "acc", acc = "accuracy",
  mae = "mean_absolute_error", mse = "mean_squared_error"
)

# The place of a metric under its own name or Keras's other name for it.
metric_place <- function(names, name) {
  place <- match(name, names)
  if (!is.na(place)) return(place)
  prefix <- if (startsWith(name, "val_")) "val_" else ""
  other <- long_names[substring(name, nchar(prefix) + 1L)]
  match(paste0(prefix, other), names)
}

#' @export
`$.sklearncnn_metrics` <- function(x, name) {
  place <- metric_place(names(x), name)
  if (is.na(place)) NULL else .subset2(x, place)
}

#' @export
print.sklearncnn_metrics <- function(x, ...) {
  if (is.list(x)) print(unclass(x), ...) else print(stats::setNames(as.numeric(x), names(x)), ...)
  invisible(x)
}

#' Predict with a Keras model
#'
#' @param object A model.
#' @param x Rows, or batches, as in [fit()]. Rows of batches are taken in their order, shuffled or
#'   not.
#' @param batch_size Rows that pass through the network at once.
#' @param steps How many batches; all by default.
#' @param generator Batches, for `predict_generator()`, which is `predict()`.
#' @param ... Not used.
#' @returns A matrix with one row for each row of `x` and one column for each output unit; an array
#'   where the output of a row has more dimensions; a list of them for several outputs.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 2, input_shape = 1)
#' model %>% predict(c(1, 2, 3))
#' @export
predict.sklearncnn_keras_model <- function(object, x, batch_size = 32, steps = NULL, ...) {
  call <- sys.call()
  if (needs_r(x)) {
    x <- rows_by_r(x, steps, in_order = TRUE)[[1]]
    steps <- NULL
  }
  call_kept(
    object, "predict_model", x = data_or_batches(x, call), batch_size = batch_size, steps = steps
  )
}

#' @rdname predict.sklearncnn_keras_model
#' @export
predict_generator <- function(object, generator, steps = NULL, ...) {
  predict.sklearncnn_keras_model(object, generator, steps = steps)
}

#' @rdname predict.sklearncnn_keras_model
#' @export
predict_on_batch <- function(object, x) {
  predict.sklearncnn_keras_model(object, x, batch_size = rows_of(x))
}
