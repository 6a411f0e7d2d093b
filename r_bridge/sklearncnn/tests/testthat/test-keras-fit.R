test_that("evaluation, prediction, a step and a fit are Keras's own", {
  load_keras_commands()
  problems <- list(
    list(
      optimizer = "rmsprop", loss = "categorical_crossentropy", metrics = c("acc", "mae"),
      y = iris_y
    ),
    list(optimizer = "adam", loss = "mse", metrics = "mse", y = iris_y),
    list(
      optimizer = "sgd", loss = "sparse_categorical_crossentropy", metrics = "accuracy",
      y = as.integer(iris$Species) - 1L
    )
  )
  for (problem in problems) {
    make <- function() {
      set.seed(1)
      keras_model_sequential() %>%
        layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
        layer_dense(units = 3, activation = "softmax") %>%
        compile(
          optimizer = problem$optimizer, loss = problem$loss, metrics = problem$metrics
        )
    }
    model <- make()
    weights <- get_weights(model)
    config <- get_config(model)$config
    compiled <- problem[c("optimizer", "loss", "metrics")]
    compiled$metrics <- as.list(compiled$metrics)
    says <- dispatch("keras_says", list(
      config = config, weights = lapply(weights, numeric_array), compiled = compiled,
      x = as_float32(iris_x), y = problem$y
    ))
    scores <- model %>% evaluate(iris_x, problem$y)
    expect_identical(names(scores), c("loss", problem$metrics))
    expect_equal(unlist(says$evaluation)[names(scores)], c(unclass(scores)), tolerance = 1e-5)
    expect_equal(predict(model, iris_x), says$prediction, tolerance = 1e-5)
    model %>% train_on_batch(iris_x, problem$y)
    expect_equal(get_weights(model), says$step, tolerance = 1e-4)
    model <- make()
    history <- model %>% fit(
      iris_x, problem$y, epochs = 2, shuffle = FALSE, validation_split = 0.2
    )
    expect_equal(get_weights(model), says$fit, tolerance = 1e-3)
    expect_identical(names(history$metrics), paste0(
      rep(c("", "val_"), each = 1 + length(problem$metrics)), c("loss", problem$metrics)
    ))
    for (name in names(history$metrics)) {
      expect_equal(history$metrics[[name]], c(says$history[[name]]), tolerance = 1e-3)
    }
  }
})

test_that("a fit runs 10 epochs of batches of 32 unless it is told otherwise", {
  history <- iris_model() %>% fit(iris_x, iris_y)
  expect_length(history$metrics$loss, 10)
  expect_identical(history$params$batch_size, 32L)
})

test_that("set.seed() makes a fit reproducible and is advanced as by sample.int once", {
  fit_once <- function() {
    model <- iris_model()
    set.seed(7)
    model %>% fit(iris_x, iris_y, epochs = 2)
    list(get_weights(model), runif(1))
  }
  first <- fit_once()
  expect_identical(fit_once(), first)
  set.seed(7)
  sample.int(.Machine$integer.max, 1L)
  expect_identical(first[[2]], runif(1))
})

test_that("scores are a named number with `$`", {
  model <- iris_model(metrics = c("acc", "mae"))
  scores <- model %>% evaluate(iris_x, iris_y, verbose = 0)
  expect_identical(scores$acc, scores[["acc"]])
  expect_identical(scores$accuracy, scores$acc)
  expect_identical(scores$mean_absolute_error, scores$mae)
  expect_null(scores$auc)
  expect_identical(sprintf("%.3f", scores["acc"]), sprintf("%.3f", scores$acc))
  expect_output(print(scores), "loss +acc +mae")
  c(loss, acc) %<-% scores[c("loss", "acc")]
  expect_identical(acc, scores$acc)
})

test_that("a history prints, draws, and becomes a data frame", {
  history <- iris_model() %>% fit(iris_x, iris_y, epochs = 3, validation_split = 0.2)
  frame <- as.data.frame(history)
  expect_identical(names(frame), c("epoch", "value", "metric", "data"))
  expect_identical(frame$value[frame$metric == "acc" & frame$data == "validation"], history$metrics$val_acc)
  expect_identical(levels(frame$data), c("training", "validation"))
  expect_output(print(history), "Final epoch.*loss: .*val_acc: ")
  expect_identical(history$metrics$val_accuracy, history$metrics$val_acc)
  pdf(NULL)
  on.exit(dev.off())
  expect_silent(plot(history))
  expect_silent(plot(history, metrics = "loss"))
  expect_error(plot(history, metrics = "auc"), "no metric \"auc\"")
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(history), "ggplot")
})

test_that("early stopping leaves NA in the data frame and keeps the best weights", {
  set.seed(2)
  model <- iris_model(optimizer = optimizer_sgd(learning_rate = 3))
  history <- model %>% fit(
    iris_x, iris_y, epochs = 40, validation_split = 0.3,
    callbacks = callback_early_stopping(patience = 1, restore_best_weights = TRUE)
  )
  done <- length(history$metrics$loss)
  expect_lt(done, 40)
  expect_identical(sum(is.na(as.data.frame(history)$value)), 4L * (40L - done))
  scores <- model %>% evaluate(iris_x[106:150, ], iris_y[106:150, ])
  expect_equal(scores$loss, min(history$metrics$val_loss), tolerance = 1e-4)
})

test_that("the rate follows its callback and its older name", {
  model <- iris_model(optimizer = optimizer_rmsprop(lr = 0.5))
  history <- model %>% fit(
    iris_x, iris_y, epochs = 4,
    callbacks = list(callback_learning_rate_scheduler(function(epoch) 0.1 / (1 + epoch)))
  )
  expect_equal(history$metrics$learning_rate, 0.1 / 1:4, tolerance = 1e-6)
  decayed <- iris_model(optimizer = optimizer_sgd(lr = 0.1, decay = 1e-2, momentum = 0.9))
  expect_silent(decayed %>% fit(iris_x, iris_y, epochs = 1))
  expect_error(optimizer_sgd(lr = 0.1, learning_rate = 0.2), "given twice")
})

test_that("callbacks of R run in R and may ask the model", {
  model <- iris_model()
  seen <- list()
  history <- model %>% fit(
    iris_x, iris_y, epochs = 3,
    callbacks = callback_lambda(
      on_epoch_end = function(epoch, logs) {
        seen[[length(seen) + 1]] <<- list(epoch, logs$loss, predict(model, iris_x[1:2, ]))
      },
      on_train_begin = function(logs) seen <<- list("begin")
    )
  )
  expect_identical(seen[[1]], "begin")
  expect_identical(lapply(seen[-1], `[[`, 1), list(0L, 1L, 2L))
  expect_equal(vapply(seen[-1], `[[`, 0, 2), history$metrics$loss)
  expect_identical(seen[[4]][[3]], predict(model, iris_x[1:2, ]))
})

test_that("batches are told to callbacks of R", {
  steps <- 0
  iris_model() %>% fit(
    iris_x, iris_y, epochs = 2, batch_size = 50,
    callbacks = list(callback_lambda(on_train_batch_end = function(batch, logs) steps <<- steps + 1))
  )
  expect_equal(steps, 6)
})

test_that("stop() in a callback is an error of R and leaves the session healthy", {
  model <- iris_model()
  for (attempt in 1:3) {
    expect_error(
      model %>% fit(iris_x, iris_y, epochs = 5, callbacks = callback_lambda(
        on_epoch_end = function(epoch, logs) if (epoch == 1) stop("that is enough")
      )),
      "that is enough"
    )
  }
  expect_identical(echo(1), 1)
  history <- model %>% fit(iris_x, iris_y, epochs = 2)
  expect_length(history$metrics$loss, 2)
})

test_that("a function of R generates batches", {
  model <- iris_model()
  calls <- 0
  batches <- function() {
    calls <<- calls + 1
    rows <- sample(150, 30)
    list(iris_x[rows, ], iris_y[rows, ])
  }
  history <- model %>% fit_generator(batches, steps_per_epoch = 4, epochs = 3)
  expect_length(history$metrics$loss, 3)
  expect_gte(calls, 12)
  validation <- function() list(iris_x, iris_y)
  history <- model %>% fit(
    batches, steps_per_epoch = 2, epochs = 1, validation_data = validation, validation_steps = 1
  )
  expect_true("val_loss" %in% names(history$metrics))
  expect_error(model %>% fit(batches), "steps_per_epoch")
})

test_that("weights of classes and of rows are Keras's", {
  y <- as.integer(iris$Species == "virginica")
  fitted <- function(...) {
    set.seed(1)
    model <- keras_model_sequential() %>%
      layer_dense(units = 1, activation = "sigmoid", input_shape = 4) %>%
      compile(optimizer = "sgd", loss = "binary_crossentropy")
    model %>% fit(iris_x, y, epochs = 1, batch_size = 150, ...)
    get_weights(model)
  }
  by_class <- fitted(class_weight = list("0" = 1, "1" = 5))
  expect_equal(by_class, fitted(sample_weight = 1 + 4 * y), tolerance = 1e-6)
  expect_false(isTRUE(all.equal(by_class, fitted())))
  expect_error(fitted(class_weight = c(1, 5)), "needs names")
})

test_that("checkpoints, logs and plateaus are callbacks", {
  folder <- tempfile("callbacks")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  best <- file.path(folder, "best.keras")
  log <- file.path(folder, "log.csv")
  model <- iris_model()
  model %>% fit(
    iris_x, iris_y, epochs = 3, validation_split = 0.2,
    callbacks = list(
      callback_model_checkpoint(best, save_best_only = TRUE, monitor = "val_loss"),
      callback_csv_logger(log),
      callback_reduce_lr_on_plateau(monitor = "val_loss", patience = 1),
      callback_tensorboard(log_dir = file.path(folder, "logs")),
      callback_terminate_on_nan()
    )
  )
  expect_equal(nrow(read.csv(log)), 3)
  expect_true(length(list.files(file.path(folder, "logs"), recursive = TRUE)) > 0)
  expect_identical(names(load_model(best) %>% evaluate(iris_x, iris_y)), c("loss", "acc"))
})

test_that("epochs are counted on from initial_epoch", {
  model <- iris_model()
  epochs <- c()
  model %>% fit(
    iris_x, iris_y, epochs = 5, initial_epoch = 3,
    callbacks = callback_lambda(on_epoch_begin = function(epoch, logs) epochs <<- c(epochs, epoch))
  )
  expect_equal(epochs, 3:4)
})

test_that("progress is one line an epoch, or nothing", {
  model <- iris_model()
  expect_output(
    model %>% fit(iris_x, iris_y, epochs = 2, verbose = 1), "Epoch 1/2 - .*loss: .*\nEpoch 2/2"
  )
  expect_silent(model %>% fit(iris_x, iris_y, epochs = 1, verbose = 0))
  expect_silent(model %>% fit(iris_x, iris_y, epochs = 1))
})

test_that("losses and metrics are numbers of predictions, or parts of a model", {
  expect_equal(loss_mean_squared_error(cbind(1:2), cbind(c(1, 4))), 2)
  expect_equal(metric_categorical_accuracy(diag(2), rbind(c(0.9, 0.1), c(0.8, 0.2))), 0.5)
  model <- iris_model(metrics = list(metric_categorical_accuracy, metric_auc(name = "area")))
  expect_identical(
    names(model %>% evaluate(iris_x, iris_y)), c("loss", "categorical_accuracy", "area")
  )
  model %>% compile(optimizer = optimizer_adam, loss = loss_categorical_crossentropy)
  expect_identical(names(model %>% evaluate(iris_x, iris_y)), "loss")
})

test_that("regularizers, initializers and constraints act", {
  model <- keras_model_sequential() %>%
    layer_dense(
      units = 2, input_shape = 4, kernel_regularizer = regularizer_l2(0.5),
      kernel_initializer = initializer_constant(2), bias_constraint = constraint_nonneg()
    ) %>%
    compile(optimizer = "sgd", loss = "mse")
  scores <- model %>% evaluate(matrix(0, 3, 4), matrix(0, 3, 2))
  expect_equal(scores$loss, 0.5 * 8 * 4)
  model %>% fit(matrix(0, 3, 4), matrix(-5, 3, 2), epochs = 3)
  expect_true(all(get_weights(model)[[2]] >= 0))
})

test_that("an asymmetric picture arrives as it is", {
  load_keras_commands()
  picture <- array(0, c(2, 5, 7, 3))
  picture[2, 1, 7, 3] <- 1
  index <- c(1, 0, 6, 2)
  expect_identical(dispatch("element_of", list(x = as_data(picture, "x"), index = index)), 1)
  model <- keras_model_sequential() %>%
    layer_flatten(input_shape = c(5, 7, 3))
  flat <- predict(model, picture)
  expect_identical(which(flat == 1, arr.ind = TRUE)[1, ], c(row = 2L, col = 21L))
})

test_that("wrong data are errors that say what to do", {
  model <- iris_model()
  expect_error(model %>% fit(iris, iris_y), "Column `Species` of `x` is of class \"factor\"")
  expect_error(model %>% fit(iris_x, iris$Species), "`y` is a factor: give class numbers from 0")
  expect_error(model %>% fit(iris_x, iris_y[-1, ]), "`x` has 150 rows, but `y` has 149")
  expect_error(model %>% fit(replace(iris_x, 3, NA), iris_y), "`x` has missing values")
  expect_error(model %>% fit(iris_x, iris_y, epochs = -1), "`epochs` must be a whole number")
  expect_error(model %>% fit(iris_x, iris_y, validation_split = 1), "less than 1")
  expect_error(model %>% predict(mean), "class \"function\"")
  plain <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 4)
  expect_error(plain %>% fit(iris_x, 1:150), "not compiled", class = "sklearncnn_not_compiled")
  expect_error(plain %>% evaluate(iris_x, 1:150), "not compiled")
  expect_error(
    model %>% compile(optimizer = "fastest", loss = "mse"), "fastest", class = "sklearncnn_error"
  )
  counted <- iris_model()
  counted %>% compile(optimizer = "sgd", loss = "sparse_categorical_crossentropy")
  expect_error(counted %>% fit(iris_x, as.integer(iris$Species)), "classes count from 0")
})

test_that("rows that a network does not take are an error of one sentence", {
  model <- keras_model_sequential(input_shape = c(4, 4, 1)) %>%
    layer_flatten() %>%
    layer_dense(units = 1) %>%
    compile(optimizer = "sgd", loss = "mse")
  wrong <- "^A row of x is 4 numbers, but the network takes rows of 4 x 4 x 1.$"
  expect_error(fit(model, iris[1:4], 1:150, verbose = 0), wrong)
  expect_error(evaluate(model, iris[1:4], 1:150), wrong)
  expect_error(predict(model, iris[1:4]), wrong)
  expect_error(train_on_batch(model, iris[1:4], 1:150), wrong)
  expect_error(predict(model, c("a", "b")), "^x holds texts, but the network takes numbers")
  expect_identical(dim(predict(model, array(1, c(2, 4, 4)))), c(2L, 1L))
})
