test_that("recurrent layers and embeddings learn sequences", {
  set.seed(1)
  x <- matrix(sample.int(20L, 600, TRUE) - 1L, 60)
  y <- as.integer(x[, 1] > 9)
  model <- keras_model_sequential() %>%
    layer_embedding(input_dim = 20, output_dim = 4, input_length = 10) %>%
    bidirectional(layer_gru(units = 4)) %>%
    layer_dense(units = 1, activation = "sigmoid")
  expect_equal(count_params(model), 20 * 4 + 2 * (3 * 4 * (4 + 4 + 2)) + 9)
  model %>% compile(optimizer = "adam", loss = "binary_crossentropy", metrics = "acc")
  history <- model %>% fit(x, y, epochs = 3, batch_size = 20)
  expect_lt(history$metrics$loss[3], history$metrics$loss[1])
  kept <- unserialize(serialize(model, NULL))
  expect_identical(predict(kept, x), predict(model, x))
})

test_that("a layer is applied to each step, and a recurrent one reads them", {
  a <- layer_input(shape = list(NULL, 3))
  expect_identical(dim(a %>% time_distributed(layer_dense(units = 2))), c(NA, NA, 2L))
  for (layer in list(layer_simple_rnn, layer_lstm, layer_gru)) {
    expect_identical(dim(a %>% layer(units = 5, return_sequences = TRUE)), c(NA, NA, 5L))
    expect_identical(dim(a %>% bidirectional(layer(units = 5))), c(NA, 10L))
  }
  expect_identical(dim(a %>% layer_conv_1d(filters = 4, kernel_size = 3)), c(NA, NA, 4L))
})
