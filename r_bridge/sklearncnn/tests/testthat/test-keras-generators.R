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

test_that("a function of R changes pictures between the changes at random and the rescaling", {
  set.seed(1)
  x <- array(runif(5 * 4 * 3 * 2, 0, 255), c(5, 4, 3, 2))
  seen <- list()
  generator <- image_data_generator(rescale = 1 / 255, preprocessing_function = function(picture) {
    seen[[length(seen) + 1]] <<- picture
    255 - picture
  })
  expect_output(print(generator), "preprocessing_function = a function")
  flow <- flow_images_from_data(x, 1:5, generator, batch_size = 5, shuffle = FALSE)
  batch <- generator_next(flow)
  expect_equal(batch[[1]], 1 - x / 255, tolerance = 1e-6)
  expect_equal(as.vector(batch[[2]]), 1:5)
  expect_equal(seen[[2]], x[2, , , ], tolerance = 1e-6)
  wrong <- image_data_generator(preprocessing_function = function(picture) picture[1, , ])
  expect_error(
    generator_next(flow_images_from_data(x, generator = wrong)), "must return a picture of 4 x 3 x 2"
  )
  failing <- image_data_generator(preprocessing_function = function(picture) stop("on purpose"))
  expect_error(generator_next(flow_images_from_data(x, generator = failing)), "on purpose")
})

test_that("fits, scores and predictions with a function of R are those of its result", {
  set.seed(1)
  folder <- line_folder(5)
  settings <- list(rescale = 1 / 255, width_shift_range = 0.1, horizontal_flip = TRUE)
  plain <- do.call(image_data_generator, settings)
  by_r <- do.call(image_data_generator, c(settings, preprocessing_function = identity))
  fitted <- function(generator) {
    set.seed(2)
    model <- line_model()
    train <- line_flow(folder, generator)
    history <- fit(
      model, train, epochs = 2, validation_data = line_flow(folder, generator, seed = 3), verbose = 0
    )
    test <- line_flow(folder, generator, seed = 4)
    list(
      history$metrics, get_weights(model), as.list(evaluate(model, test)),
      as.list(evaluate(model, test, steps = 1)), predict(model, test)
    )
  }
  expect_equal(fitted(by_r), fitted(plain), tolerance = 1e-5)
  # What the function does is seen: nothing is left to learn from.
  black <- image_data_generator(preprocessing_function = function(picture) 0 * picture)
  expect_length(unique(as.vector(predict(line_model(), line_flow(folder, black)))), 1L)
  failing <- image_data_generator(preprocessing_function = function(picture) stop("on purpose"))
  expect_error(fit(line_model(), line_flow(folder, failing), epochs = 1, verbose = 0), "on purpose")
  expect_identical(echo("alive"), "alive")
})

test_that("pictures are saved as they come into batches", {
  set.seed(1)
  folder <- line_folder(3)
  seen <- tempfile("seen")
  expect_error(line_flow(folder, save_to_dir = seen), "There is no folder .*seen.* to save to")
  dir.create(seen)
  expect_error(line_flow(folder, save_to_dir = seen, save_format = "gif"), "\"png\" or \"jpeg\"")
  flow <- line_flow(folder, shuffle = FALSE, save_to_dir = seen, save_prefix = "line")
  batch <- generator_next(flow)
  files <- list.files(seen, full.names = TRUE)
  expect_match(basename(files), "^line_[0-4]_[0-9]+[.]png$")
  first <- image_to_array(image_load(files[1], color_mode = "grayscale"))
  x <- batch[[1]][1, , , ]
  expect_equal(first[, , 1], round(255 * (x - min(x)) / diff(range(x))), tolerance = 1e-2)
  jpeg <- flow_images_from_data(
    batch[[1]], save_to_dir = seen, save_format = "jpeg",
    generator = image_data_generator(preprocessing_function = function(picture) 1 - picture)
  )
  generator_next(jpeg)
  expect_length(list.files(seen, pattern = "^_[0-4]_[0-9]+[.]jpeg$"), 5L)
})

test_that("a data frame names files, with their classes or with numbers", {
  set.seed(1)
  folder <- line_folder(4)
  of_folder <- line_flow(folder, shuffle = FALSE)
  files <- data.frame(
    filename = of_folder$filenames, class = factor(dirname(of_folder$filenames)), size = 1:8 / 2,
    other = 8:1
  )
  flow <- function(data = files, directory = folder, class_mode = "binary", ...) {
    flow_images_from_dataframe(
      data, directory, generator = image_data_generator(rescale = 1 / 255), target_size = c(16, 16),
      color_mode = "grayscale", class_mode = class_mode, batch_size = 5, shuffle = FALSE, ...
    )
  }
  expect_identical(generator_next(flow()), generator_next(of_folder))
  expect_identical(flow()$class_indices, list(across = 0L, down = 1L))
  expect_identical(flow()$filenames, of_folder$filenames)
  turned <- flow(classes = c("down", "across"))
  expect_identical(as.vector(generator_next(turned)[[2]]), c(1, 1, 1, 1, 0))
  expect_identical(flow(classes = "down", class_mode = "sparse")$n, 4L)
  expect_equal(as.vector(generator_next(flow(y_col = "size", class_mode = "raw"))[[2]]), 1:5 / 2)
  several <- generator_next(flow(y_col = c("size", "other"), class_mode = "other"))[[2]]
  expect_equal(several, unname(as.matrix(files[1:5, c("size", "other")])))
  expect_identical(dim(generator_next(flow(class_mode = NULL))), c(5L, 16L, 16L, 1L))
  absolute <- files
  absolute$filename <- of_folder$filepaths
  of_folder$reset()
  expect_identical(generator_next(flow(absolute, NULL)), generator_next(of_folder))
  gone <- files
  gone$filename[2] <- "none.png"
  expect_warning(fewer <- flow(gone), "1 of 8 pictures are not there", class = "sklearncnn_warning")
  expect_identical(fewer$filenames, of_folder$filenames[-2])
  expect_error(flow(x_col = "file"), "no column \"file\"; it has \"filename\"")
  expect_error(flow(as.list(files)), "`dataframe` must be a data frame")
  expect_error(flow(class_mode = "multi"), "`class_mode` must be NULL or one of .*\"raw\"")
  expect_error(suppressWarnings(flow(directory = tempfile())), "names a picture that there is")
  model <- line_model()
  fit(model, flow(), epochs = 1, verbose = 0)
  expect_identical(predict(model, flow()), predict(model, of_folder))
})
