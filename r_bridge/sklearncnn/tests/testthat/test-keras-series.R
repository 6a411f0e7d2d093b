test_that("windows begin at each step, and their targets are those of the same place", {
  x <- matrix(1:20, 10)
  windows <- timeseries_dataset_from_array(x, 101:110, sequence_length = 3, batch_size = 4)
  expect_output(print(windows), "<2 batches of 4: 8 windows of 3 steps>")
  batch <- generator_next(windows)
  expect_identical(dim(batch[[1]]), c(4L, 3L, 2L))
  expect_identical(batch[[1]][2, , ], x[2:4, ])
  expect_identical(as.vector(batch[[2]]), 101:104)
  expect_identical(dim(generator_next(timeseries_dataset_from_array(x, NULL, 4))), c(7L, 4L, 2L))
  older <- timeseries_generator(x, 101:110, length = 3, batch_size = 2)
  batch <- generator_next(older)
  expect_identical(batch[[1]][1, , ], x[1:3, ])
  expect_identical(as.vector(batch[[2]]), 104:105)
  expect_error(timeseries_dataset_from_array(x, NULL, 11), "A window takes 11 steps")
  expect_error(timeseries_dataset_from_array(x, NULL, 0), "`sequence_length` must be a whole number")
})

test_that("a linear network on windows finds the autoregression", {
  set.seed(1)
  x <- as.numeric(stats::arima.sim(list(ar = c(0.6, -0.3)), 400))
  windows <- timeseries_dataset_from_array(
    x, x[-(1:2)], sequence_length = 2, batch_size = 32, shuffle = TRUE
  )
  model <- keras_model_sequential(input_shape = 2) %>%
    layer_dense(units = 1) %>%
    compile(optimizer = optimizer_adam(0.02), loss = "mse")
  fit(model, windows, epochs = 60, verbose = 0)
  oracle <- stats::lm(x[3:400] ~ x[1:398] + x[2:399])
  expect_equal(as.vector(get_weights(model)[[1]]), unname(coef(oracle)[2:3]), tolerance = 0.1)
  expect_identical(dim(predict(model, windows)), c(398L, 1L))
})
