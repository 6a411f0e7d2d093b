test_that("a generator standardises with statistics of pictures that it has seen", {
  set.seed(1)
  x <- array(runif(6 * 5 * 5 * 2, 0, 255), c(6, 5, 5, 2))
  generator <- image_data_generator(featurewise_center = TRUE, featurewise_std_normalization = TRUE)
  expect_error(
    flow_images_from_data(x, generator = generator), "call fit_image_data_generator\\(\\) first"
  )
  expect_identical(fit_image_data_generator(generator, x), generator)
  y <- generator_next(flow_images_from_data(x, generator = generator, shuffle = FALSE))
  for (channel in 1:2) {
    expected <- x[, , , channel] - mean(x[, , , channel])
    expect_equal(y[, , , channel], expected / sqrt(mean(expected^2)), tolerance = 1e-4)
  }
  expect_equal(generator$mean, apply(x, 4, mean), tolerance = 1e-4)
})

test_that("a generator shows its settings and refuses wrong ones", {
  generator <- image_data_generator(rotation_range = 40, rescale = 1 / 255)
  expect_output(print(generator), "rotation_range = 40, rescale = 0.00392")
  expect_output(print(image_data_generator()), "as they are")
  expect_error(image_data_generator(rotation_range = "a"), "`rotation_range` must be a number")
  expect_error(image_data_generator(fill_mode = "none"), "`fill_mode` must be one of")
  expect_error(image_data_generator(horizontal_flip = NA), "`horizontal_flip` must be TRUE or FALSE")
  expect_error(image_data_generator(validation_split = 1), "from 0 to less than 1")
  expect_error(flow_images_from_data(array(1, c(1, 1, 1, 1)), generator = 1), "image_data_generator")
})

test_that("folders are split into pictures for training and for validation", {
  set.seed(1)
  folder <- line_folder(8)
  generator <- image_data_generator(validation_split = 0.25)
  train <- line_flow(folder, generator, subset = "training")
  test <- line_flow(folder, generator, subset = "validation")
  expect_identical(c(train$n, test$n), c(12L, 4L))
  expect_length(intersect(train$filepaths, test$filepaths), 0L)
  dataset <- function(...) {
    image_dataset_from_directory(
      folder, image_size = c(16, 16), color_mode = "grayscale", validation_split = 0.25, ...
    )
  }
  train <- dataset(subset = "training", seed = 3)
  test <- dataset(subset = "validation", seed = 3)
  expect_identical(c(train$n, test$n), c(12L, 4L))
  expect_length(intersect(train$filepaths, test$filepaths), 0L)
  expect_error(dataset(subset = "training"), "same `seed` for both subsets")
  expect_error(dataset(), "belong together")
})

test_that("an asymmetric picture of a file arrives as it is", {
  folder <- file.path(tempfile("one"), "class")
  dir.create(folder, recursive = TRUE)
  picture <- matrix(0, 6, 9)
  picture[2, 3] <- 255
  image_array_save(picture, file.path(folder, "a.png"))
  whole <- function(labels) {
    image_dataset_from_directory(
      dirname(folder), image_size = c(6, 9), color_mode = "grayscale", labels = labels
    )
  }
  expect_identical(generator_next(whole(NULL))[1, , , 1], picture)
  batch <- generator_next(whole("inferred"))
  expect_identical(batch[[1]][1, , , 1], picture)
  expect_identical(as.vector(batch[[2]]), 0L)
})

test_that("random layers of a network that learns from folders obey set.seed()", {
  set.seed(1)
  folder <- line_folder(6)
  pictures <- image_dataset_from_directory(
    folder, image_size = c(16, 16), color_mode = "grayscale", batch_size = 4
  )
  fitted <- function() {
    set.seed(2)
    model <- keras_model_sequential(input_shape = c(16, 16, 1)) %>%
      layer_random_flip("horizontal") %>%
      layer_random_rotation(0.1) %>%
      layer_rescaling(1 / 255) %>%
      layer_flatten() %>%
      layer_dense(units = 1, activation = "sigmoid") %>%
      compile(optimizer = "adam", loss = "binary_crossentropy")
    history <- fit(model, pictures, epochs = 2, validation_data = pictures, verbose = 0)
    list(get_weights(model), history$metrics)
  }
  expect_identical(fitted(), fitted())
})
