# Scripts in the style of the chapters of "Deep Learning with R", unchanged but for library().

test_that("a first network learns digits", {
  chapter <- run_chapter("first-network.R")
  expect_gt(chapter$metrics$accuracy, 0.9)
  expect_identical(dim(chapter$predictions), c(10L, 10L))
  expect_equal(rowSums(chapter$predictions), rep(1, 10), tolerance = 1e-5)
})

test_that("reviews are told apart, with penalties, dropout and validation data", {
  chapter <- run_chapter("imdb.R")
  expect_gt(chapter$results$binary_accuracy, 0.85)
  expect_identical(nrow(chapter$history_df), 80L)
  expect_match(chapter$decoded_review[2], "word")
  expect_identical(names(chapter$history$metrics), c(
    "loss", "binary_accuracy", "val_loss", "val_binary_accuracy"
  ))
})

test_that("newswires are sorted by topics, given as columns or as numbers", {
  chapter <- run_chapter("reuters.R")
  expect_gt(chapter$results$accuracy, 5 * chapter$hits)
  expect_equal(c(chapter$sparse), c(chapter$results), tolerance = 1e-5)
})

test_that("K-fold regression has a mean absolute error for each fold", {
  chapter <- run_chapter("boston.R")
  expect_length(chapter$all_scores, 4)
  expect_identical(dim(chapter$all_mae_histories), c(4L, 20L))
  history <- chapter$average_mae_history$validation_mae
  expect_lt(history[20], history[1])
})

test_that("a convnet learns pictures, and is saved and restored", {
  chapter <- run_chapter("convnet.R")
  expect_gt(chapter$results$accuracy, 0.9)
  expect_equal(count_params(chapter$model), 93322)
  expect_equal(
    predict(chapter$restored, chapter$test_images), predict(chapter$model, chapter$test_images),
    tolerance = 1e-6
  )
})

test_that("callbacks stop, save and log", {
  chapter <- run_chapter("callbacks.R")
  expect_identical(nrow(chapter$log), length(chapter$history$metrics$loss))
  rows <- 301:400
  scores <- chapter$best %>% evaluate(chapter$x[rows, , ], chapter$y[rows])
  expect_equal(scores$loss, min(chapter$history$metrics$val_loss), tolerance = 1e-4)
})

test_that("pictures of CIFAR-10 are drawn and learned from plain arrays", {
  skip_if_not_installed("purrr")
  chapter <- run_chapter("cifar.R")
  expect_equal(count_params(chapter$model), 122570)
  expect_identical(dim(chapter$cifar$train$x), c(60L, 32L, 32L, 3L))
  expect_identical(dim(chapter$cifar$train$y), c(60L, 1L))
  expect_type(chapter$cifar$train$x, "integer")
  expect_identical(names(chapter$history$metrics), c(
    "loss", "accuracy", "val_loss", "val_accuracy"
  ))
})

test_that("a data set that is missing is named", {
  folder <- tempfile_folder()
  expect_error(dataset_mnist(folder), "mnist.npz", class = "sklearncnn_FileNotFoundError")
  expect_error(dataset_imdb(folder), "No file imdb.npz found; looked in")
  expect_error(dataset_reuters_word_index(folder), "reuters_word_index.json")
})

test_that("pictures of folders are changed at random, and features are taken from them", {
  set.seed(1)
  base_dir <- tempfile_folder()
  file.rename(line_folder(20, size = 24), file.path(base_dir, "train"))
  file.rename(line_folder(10, size = 24), file.path(base_dir, "validation"))
  chapter <- run_chapter("generators.R", base_dir = base_dir)
  expect_gt(chapter$results$acc, 0.8)
  expect_identical(dim(chapter$batch[[1]]), c(10L, 24L, 24L, 3L))
  expect_identical(sum(chapter$extracted$labels), 10)
  expect_length(chapter$history$metrics$val_acc, 12L)
})
