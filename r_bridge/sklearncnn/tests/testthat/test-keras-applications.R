small <- function(weights = NULL) {
  application_mobilenet(
    include_top = FALSE, weights = weights, input_shape = c(32, 32, 3), alpha = 0.25,
    pooling = "avg"
  )
}

test_that("a known network takes weights of a file, and carries layers on top", {
  set.seed(1)
  base <- small()
  file <- tempfile(fileext = ".weights.h5")
  save_model_weights_hdf5(base, file)
  again <- small(file)
  expect_identical(get_weights(again), get_weights(base))
  set.seed(1)
  expect_identical(get_weights(small()), get_weights(base))
  freeze_weights(base)
  model <- keras_model_sequential() %>%
    base() %>%
    layer_dense(units = 1, activation = "sigmoid") %>%
    compile(optimizer = "adam", loss = "binary_crossentropy")
  before <- get_weights(base)
  x <- array(runif(4 * 32 * 32 * 3), c(4, 32, 32, 3))
  model %>% fit(x, c(0, 1, 0, 1), epochs = 1)
  expect_identical(get_weights(model$layers[[1]]), before)
  expect_error(small("no-such.weights.h5"), "There is no file of weights \".*no-such.weights.h5\"")
})

test_that("every known network can be made", {
  names <- grep("^application_", getNamespaceExports("sklearncnn"), value = TRUE)
  expect_gt(length(names), 10)
  skip_if(!nzchar(Sys.getenv("SKLEARNCNN_ALL_NETWORKS")), "takes a minute")
  for (name in names) {
    model <- getExportedValue("sklearncnn", name)(
      include_top = FALSE, weights = NULL, input_shape = c(96, 96, 3)
    )
    expect_gt(count_params(model), 1e6)
  }
})

test_that("pictures are prepared as Keras prepares them", {
  load_keras_commands()
  x <- array(runif(2 * 3 * 4 * 3, 0, 255), c(2, 3, 4, 3))
  for (mode in c("caffe", "tf", "torch")) {
    expect_equal(
      imagenet_preprocess_input(x, mode), dispatch("preprocessed", list(x = x, mode = mode)),
      label = mode
    )
  }
  expect_error(imagenet_preprocess_input(x[, , , 1]), "3 channels")
})
