convnet <- function() {
  set.seed(1)
  keras_model_sequential() %>%
    layer_conv_2d(
      filters = 4, kernel_size = 3, activation = "relu", input_shape = c(8, 8, 2), name = "eyes"
    ) %>%
    layer_global_average_pooling_2d() %>%
    layer_dense(units = 3, name = "scores")
}
pictures <- array(sin(seq_len(5 * 128)), c(5, 8, 8, 2))

test_that("activations of the last layer are predictions, and of a convolution its formula", {
  model <- convnet()
  values <- activations(model, pictures)
  expect_length(values, 3)
  expect_equal(values$scores, predict(model, pictures), tolerance = 1e-6)
  weights <- get_weights(model)
  by_hand <- sum(pictures[2, 3:5, 4:6, ] * weights[[1]][, , , 3]) + weights[[2]][3]
  expect_equal(values$eyes[2, 3, 4, 3], max(by_hand, 0), tolerance = 1e-5)
  expect_equal(activations(model, pictures, "eyes"), values["eyes"])
  expect_equal(activations(model, pictures, 1), values["eyes"])
  expect_error(activations(model, pictures, "ears"), "no layer 'ears'; there are eyes, ")
  expect_error(activations(model, pictures, 9), "The model has 3 layers")
})

test_that("with pooling and a dense layer above, the map is that of class activation mapping", {
  model <- convnet()
  features <- activations(model, pictures, "eyes")$eyes
  kernel <- get_weights(model)[[3]]
  for (class in 1:3) {
    by_hand <- array(matrix(features, ncol = 4) %*% kernel[, class], dim(features)[1:3])
    by_hand <- pmax(by_hand, 0)
    highest <- apply(by_hand, 1, max)
    by_hand <- by_hand / ifelse(highest > 0, highest, 1)
    expect_equal(gradcam(model, pictures, class_index = class), by_hand, tolerance = 1e-4)
  }
  input <- layer_input(shape = c(8, 8, 2))
  functional <- keras_model(input, input %>%
    layer_conv_2d(filters = 4, kernel_size = 3, activation = "relu") %>%
    layer_global_average_pooling_2d() %>%
    layer_dense(units = 3))
  set_weights(functional, get_weights(model))
  expect_equal(gradcam(functional, pictures), gradcam(model, pictures), tolerance = 1e-6)
  predicted <- max.col(predict(model, pictures), "first")
  expect_equal(gradcam(model, pictures), gradcam(model, pictures, class_index = predicted))
  expect_error(gradcam(model, pictures, class_index = 4), "class_index must be from 1 to 3")
  expect_error(gradcam(model, pictures[, , , 1]), "rows, height, width and channels")
})

test_that("each step moves a picture by the given length towards what the filter answers to", {
  set.seed(1)
  model <- keras_model_sequential() %>%
    layer_conv_2d(filters = 20, kernel_size = 4, input_shape = c(4, 4, 1))
  kernels <- aperm(get_weights(model)[[1]][, , 1, c(2, 20)], c(3, 1, 2))
  after <- function(steps) {
    set.seed(2)
    filter_patterns(model, 1, filters = c(2, 20), steps = steps, step_size = 0.5)[, , , 1]
  }
  for (i in 1:2) {
    direction <- kernels[i, , ] / sqrt(sum(kernels[i, , ]^2))
    expect_equal(after(3)[i, , ] - after(1)[i, , ], direction, tolerance = 1e-4)
  }
  expect_identical(dim(filter_patterns(model, 1, steps = 1)), c(16L, 4L, 4L, 1L))
  expect_identical(dim(filter_patterns(model, 1, 1:20, steps = 1)), c(20L, 4L, 4L, 1L))
  expect_error(filter_patterns(model, 1, filters = 21), "filters must be from 1 to 20")
})
