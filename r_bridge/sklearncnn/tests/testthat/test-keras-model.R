test_that("layers are added in place, and the model counts as the book counts", {
  model <- keras_model_sequential()
  same <- model %>% layer_dense(units = 512, activation = "relu", input_shape = c(28 * 28))
  same %>% layer_dense(units = 10, activation = "softmax")
  expect_equal(count_params(model), 407050)
  expect_length(model$layers, 2)
  expect_identical(state_of(same), state_of(model))
})

test_that("the networks of the book have the book's numbers of weights", {
  convnet <- keras_model_sequential() %>%
    layer_conv_2d(
      filters = 32, kernel_size = c(3, 3), activation = "relu", input_shape = c(28, 28, 1)
    ) %>%
    layer_max_pooling_2d(pool_size = c(2, 2)) %>%
    layer_conv_2d(filters = 64, kernel_size = c(3, 3), activation = "relu") %>%
    layer_max_pooling_2d(pool_size = c(2, 2)) %>%
    layer_conv_2d(filters = 64, kernel_size = c(3, 3), activation = "relu")
  expect_equal(count_params(convnet), 55744)
  convnet %>%
    layer_flatten() %>%
    layer_dense(units = 64, activation = "relu") %>%
    layer_dense(units = 10, activation = "softmax")
  expect_equal(count_params(convnet), 93322)
  imdb <- keras_model_sequential() %>%
    layer_dense(units = 16, activation = "relu", input_shape = c(10000)) %>%
    layer_dense(units = 16, activation = "relu") %>%
    layer_dense(units = 1, activation = "sigmoid")
  expect_equal(count_params(imdb), 160305)
  boston <- keras_model_sequential() %>%
    layer_dense(units = 64, activation = "relu", input_shape = 13) %>%
    layer_dense(units = 64, activation = "relu") %>%
    layer_dense(units = 1)
  expect_equal(count_params(boston), 5121)
})

test_that("the summary is Keras's table", {
  model <- keras_model_sequential() %>% layer_dense(units = 3, input_shape = 2, name = "only")
  expect_output(print(model), "only \\(Dense\\).*\\(None, 3\\).*9")
  expect_output(summary(model), "Total params: 9")
})

test_that("a model without input_shape is built by its first data", {
  model <- keras_model_sequential() %>%
    layer_dense(units = 4, activation = "relu") %>%
    layer_dense(units = 1)
  model %>% compile(optimizer = "sgd", loss = "mse")
  model %>% fit(matrix(1:6, 3), 1:3, epochs = 1)
  expect_equal(count_params(model), 4 * 3 + 5)
})

test_that("a functional model joins inputs, and a layer can be shared", {
  a <- layer_input(shape = 3)
  b <- keras_input(shape = c(3))
  shared <- layer_dense(units = 2, activation = "tanh")
  joined <- layer_concatenate(list(a %>% shared(), b %>% shared()))
  output <- joined %>% layer_dense(units = 1)
  model <- keras_model(list(a, b), output)
  expect_equal(count_params(model), 3 * 2 + 2 + 4 + 1)
  x <- matrix(rnorm(12), 4)
  expect_equal(dim(predict(model, list(x, x))), c(4L, 1L))
  expect_output(print(output), "<Keras tensor .*\\(any, 1\\) float32>")
  expect_identical(output$shape, c(NA, 1L))
})

test_that("a model is a layer of another model, and shares its weights", {
  base <- keras_model_sequential() %>% layer_dense(units = 3, input_shape = 2)
  whole <- keras_model_sequential() %>%
    base() %>%
    layer_dense(units = 1)
  weights <- get_weights(base)
  weights[[1]][] <- 1
  set_weights(base, weights)
  expect_equal(get_weights(whole)[[1]], weights[[1]])
  freeze_weights(base)
  whole %>% compile(optimizer = "sgd", loss = "mse")
  whole %>% fit(matrix(rnorm(20), 10), rnorm(10), epochs = 1)
  expect_equal(get_weights(whole)[[1]], weights[[1]])
  unfreeze_weights(base)
  expect_true(base$trainable)
})

test_that("layers are frozen from and to places and names", {
  model <- keras_model_sequential(input_shape = 2) %>%
    layer_dense(units = 2, name = "one") %>%
    layer_dense(units = 2, name = "two") %>%
    layer_dense(units = 2, name = "three")
  trainable <- function() vapply(model$layers, function(layer) layer$trainable, NA)
  freeze_weights(model, to = "two")
  expect_identical(trainable(), c(FALSE, FALSE, TRUE))
  unfreeze_weights(model, from = "two")
  expect_identical(trainable(), c(FALSE, TRUE, TRUE))
  layer <- get_layer(model, "one")
  layer$trainable <- TRUE
  expect_identical(trainable(), c(TRUE, TRUE, TRUE))
})

test_that("weights go out and in, of a model and of a layer", {
  model <- iris_model()
  weights <- get_weights(model)
  expect_identical(lapply(weights, NROW), list(4L, 8L, 8L, 3L))
  layer <- get_layer(model, index = -1)
  expect_identical(get_weights(layer), weights[3:4])
  set_weights(layer, list(weights[[3]] * 0, weights[[4]]))
  expect_true(all(get_weights(model)[[3]] == 0))
  expect_error(set_weights(model, weights[1:2]), class = "sklearncnn_ValueError")
  expect_error(get_layer(model, "none"), "none", class = "sklearncnn_ValueError")
  expect_error(get_layer(model, index = 3), "from 1 to 2")
})

test_that("a configuration makes a model of the same structure", {
  model <- iris_model()
  copy <- from_config(get_config(model))
  expect_equal(count_params(copy), count_params(model))
  expect_false(identical(get_weights(copy), get_weights(model)))
  expect_equal(count_params(clone_model(model)), count_params(model))
})

test_that("a popped layer is gone", {
  model <- iris_model()
  pop_layer(model)
  expect_equal(count_params(model), 40)
})

test_that("wrong arguments of layers are errors at once", {
  expect_error(layer_dense(keras_model_sequential(), units = -1, input_shape = 2), "units")
  expect_error(layer_dense(keras_model_sequential(), unit_s = 3), "unused argument")
  expect_error(layer_dense(1:3, units = 2), "class \"integer\"", class = "sklearncnn_layer")
  expect_error(
    keras_model_sequential() %>% layer_dense(units = 1, activation = function(x) x), "compiled"
  )
  functional <- keras_model(a <- layer_input(2), a %>% layer_dense(units = 1))
  expect_error(functional %>% layer_dense(units = 1), "model\\$output")
  expect_error(
    layer_batch_normalization(keras_model_sequential(), axis = 0, input_shape = 2), "from 1"
  )
})

test_that("axes count from 1", {
  a <- layer_input(shape = c(2, 3))
  expect_identical(dim(layer_concatenate(list(a, a), axis = 2)), c(NA, 4L, 3L))
  expect_identical(dim(layer_concatenate(list(a, a), axis = 3)), c(NA, 2L, 6L))
  expect_identical(dim(layer_concatenate(a, a)), c(NA, 2L, 6L))
})

test_that("initial weights come from R's generator", {
  first <- get_weights(iris_model(seed = 3))
  expect_identical(get_weights(iris_model(seed = 3)), first)
  expect_false(identical(get_weights(iris_model(seed = 4)), first))
})

test_that("weights can be given with a layer", {
  kernel <- matrix(1:6, 2)
  model <- keras_model_sequential() %>%
    layer_dense(units = 3, input_shape = 2, weights = list(kernel, 7:9))
  expect_equal(get_weights(model)[[1]], kernel)
  expect_equal(as.vector(predict(model, cbind(1, 1))), colSums(kernel) + 7:9)
})

test_that("a model lives through saveRDS with its optimizer, in another process too", {
  model <- iris_model()
  model %>% fit(iris_x, iris_y, epochs = 2)
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(model, file)
  read <- readRDS(file)
  expect_identical(predict(read, iris_x), predict(model, iris_x))
  model %>% train_on_batch(iris_x, iris_y)
  read %>% train_on_batch(iris_x, iris_y)
  expect_equal(get_weights(read), get_weights(model), tolerance = 1e-6)
  skip_if_not_installed("callr")
  saveRDS(model, file)
  elsewhere <- callr::r(
    function(file, x) {
      library(sklearncnn)
      predict(readRDS(file), x)
    },
    list(file, iris_x), libpath = .libPaths()
  )
  expect_identical(elsewhere, predict(model, iris_x))
})

test_that("a model survives the crash of the worker", {
  with_engine("process", {
    model <- iris_model()
    model %>% fit(iris_x, iris_y, epochs = 1)
    before <- predict(model, iris_x)
    tensor <- layer_input(shape = 2)
    tools::pskill(session$engine$worker$pid, tools::SIGKILL)
    Sys.sleep(0.3)
    expect_error(echo(1), class = "sklearncnn_worker")
    expect_identical(predict(model, iris_x), before)
    expect_error(tensor %>% layer_dense(units = 1), "define it again")
  })
})

test_that("what R no longer names is forgotten in Python", {
  model <- iris_model()
  key <- key_of(model)
  rm(model)
  gc()
  release_unneeded()
  expect_error(
    dispatch("describe_model", list(key = key)), class = "sklearncnn_NotKept"
  )
})

test_that("a model is drawn", {
  pdf(NULL)
  on.exit(dev.off())
  expect_silent(plot(iris_model()))
  a <- layer_input(shape = 3)
  expect_silent(plot(keras_model(a, layer_add(list(a, a %>% layer_dense(units = 3))))))
})

test_that("a session starts anew", {
  clear_session()
  k_clear_session()
  expect_identical(iris_model()$layers[[1]]$name, "dense")
  set_random_seed(5)
  first <- runif(1)
  set.seed(5)
  expect_identical(first, runif(1))
})
