test_that("a network learns from folders of pictures, and predicts them in order", {
  set.seed(1)
  folder <- line_folder()
  moved <- image_data_generator(
    rescale = 1 / 255, width_shift_range = 0.1, height_shift_range = 0.1, horizontal_flip = TRUE
  )
  pictures <- line_flow(folder, moved)
  expect_identical(pictures$n, 24L)
  expect_length(pictures, 5L)
  expect_identical(pictures$class_indices, list(across = 0L, down = 1L))
  expect_identical(pictures$image_shape, c(16L, 16L, 1L))
  expect_output(print(pictures), "<5 batches of 5: 24 pictures of 16 x 16 x 1, 2 classes: across, down>")
  model <- line_model()
  history <- model %>% fit(pictures, epochs = 12, validation_data = line_flow(folder), verbose = 0)
  expect_named(history$metrics, c("loss", "accuracy", "val_loss", "val_accuracy"))
  plain <- line_flow(folder)
  expect_gt(evaluate(model, plain)$accuracy, 0.9)
  files <- lapply(plain$filepaths, image_load, color_mode = "grayscale")
  x <- aperm(simplify2array(lapply(files, image_to_array)), c(4, 1, 2, 3)) / 255
  expect_equal(predict(model, plain), predict(model, x), tolerance = 1e-5)
  expect_equal(evaluate(model, plain)$loss, evaluate(model, x, plain$classes)$loss, tolerance = 1e-5)
  expect_identical(predict_generator(model, plain, steps = 2), predict(model, plain)[1:10, , drop = FALSE])
  expect_identical(evaluate_generator(model, plain), evaluate(model, plain))
})

test_that("set.seed() makes fits on changed pictures identical, and their seed is another each time", {
  folder <- line_folder(5)
  moved <- image_data_generator(rotation_range = 30, zoom_range = 0.2, rescale = 1 / 255)
  fitted <- function(pictures, seed) {
    set.seed(seed)
    model <- line_model()
    fit(model, pictures, epochs = 2, verbose = 0)
    get_weights(model)
  }
  pictures <- line_flow(folder, moved)
  first <- fitted(pictures, 1)
  generator_next(pictures)
  expect_identical(fitted(pictures, 1), first)
  expect_false(identical(fitted(pictures, 2), first))
  others <- line_flow(folder, moved)
  expect_identical(fitted(others, 1), first)
})

test_that("batches come one after the other, epoch after epoch", {
  x <- array(rep(1:7, each = 1), c(7, 1, 1, 1))
  flow <- flow_images_from_data(x, 1:7, batch_size = 3, shuffle = FALSE)
  seen <- lapply(1:4, function(i) as.vector(generator_next(flow)[[2]]))
  expect_equal(seen, list(1:3, 4:6, 7, 1:3), ignore_attr = TRUE)
  flow$reset()
  expect_equal(as.vector(generator_next(flow)[[1]]), 1:3)
  expect_equal(dim(generator_next(flow_images_from_data(x, batch_size = 2))), c(2, 1, 1, 1))
  iterator <- as_iterator(flow)
  sizes <- c()
  while (!is.null(batch <- iter_next(iterator))) sizes <- c(sizes, length(batch[[2]]))
  expect_identical(sizes, c(3L, 3L, 1L))
  expect_identical(iter_next(iterator, completed = "no more"), "no more")
  weighted <- flow_images_from_data(x, 1:7, sample_weight = 7:1, shuffle = FALSE)
  expect_equal(as.vector(generator_next(weighted)[[3]]), 7:1)
})

test_that("batches outlive saveRDS() and the end of their worker", {
  with_engine("process", {
    flow <- flow_images_from_data(array(1:4, c(4, 1, 1, 1)), 1:4, batch_size = 2, shuffle = FALSE)
    generator_next(flow)
    model <- keras_model_sequential(input_shape = c(1, 1, 1)) %>%
      layer_flatten() %>%
      layer_dense(units = 1) %>%
      compile(optimizer = "sgd", loss = "mse")
    file <- tempfile()
    saveRDS(flow, file)
    stop_worker(session$engine$worker)
    session$engine <- NULL
    expect_equal(as.vector(generator_next(flow)[[2]]), 3:4)
    expect_equal(as.vector(generator_next(readRDS(file))[[2]]), 3:4)
    stop_worker(session$engine$worker)
    session$engine <- NULL
    fit(model, flow, epochs = 1, verbose = 0)
    expect_identical(dim(predict(model, readRDS(file))), c(4L, 1L))
  })
})

test_that("callbacks of R run between epochs on batches", {
  flow <- flow_images_from_data(array(1:4, c(4, 1, 1, 1)), 1:4, batch_size = 2)
  model <- keras_model_sequential(input_shape = c(1, 1, 1)) %>%
    layer_flatten() %>%
    layer_dense(units = 1) %>%
    compile(optimizer = optimizer_sgd(0.01), loss = "mse")
  epochs <- c()
  fit_generator(
    model, flow, steps_per_epoch = 3, epochs = 2, verbose = 0,
    callbacks = callback_lambda(on_epoch_end = function(epoch, logs) epochs <<- c(epochs, epoch))
  )
  expect_equal(epochs, 0:1)
})

test_that("what does not belong to batches is an error that says so", {
  flow <- flow_images_from_data(array(1:4, c(4, 1, 1, 1)), 1:4)
  model <- keras_model_sequential(input_shape = c(1, 1, 1)) %>% layer_flatten()
  compile(model, optimizer = "sgd", loss = "mse")
  expect_error(fit(model, flow, 1:4), "Batches have their targets")
  expect_error(fit(model, flow, batch_size = 2), "Batches have their targets")
  expect_error(generator_next(1), "Batches are wanted.*class \"numeric\"")
  expect_error(flow_images_from_data(matrix(1, 2, 2)), "`x` must be pictures")
  expect_error(flow_images_from_data(array(1, c(2, 1, 1, 1)), 1:3), "`x` has 2 rows, but `y` has 3")
  expect_error(line_flow(tempfile("none")), "There is no folder")
  folder <- line_folder(1)
  writeLines("no picture", file.path(folder, "across", "1.png"))
  expect_error(fit(line_model(), line_flow(folder), verbose = 0), "1.png' cannot be read as a picture")
})
