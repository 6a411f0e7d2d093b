test_that("models and weights go to files of any name and come back", {
  folder <- tempfile("models")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  model <- iris_model()
  model %>% fit(iris_x, iris_y, epochs = 1)
  expected <- predict(model, iris_x)
  scores <- model %>% evaluate(iris_x, iris_y)
  for (name in c("model.keras", "model.h5", "model.hdf5", "model")) {
    file <- file.path(folder, name)
    if (name == "model.keras") save_model(model, file) else save_model_hdf5(model, file)
    read <- if (name == "model.keras") load_model(file) else load_model_hdf5(file)
    expect_equal(predict(read, iris_x), expected, tolerance = 1e-6)
    expect_equal(c(read %>% evaluate(iris_x, iris_y)), c(scores), tolerance = 1e-6)
    read %>% layer_dense(units = 2)
  }
  for (name in c("weights.h5", "weights.weights.h5", "weights")) {
    file <- file.path(folder, name)
    model %>% save_model_weights_hdf5(file)
    other <- iris_model(seed = 9)
    other %>% load_model_weights_hdf5(file)
    expect_identical(get_weights(other), get_weights(model))
  }
  # Nothing half-written stays.
  expect_length(list.files(folder, all.files = TRUE, no.. = TRUE), 7)
  expect_error(save_model(model, file, overwrite = FALSE), "overwrite = TRUE")
  expect_error(load_model(file.path(folder, "none.keras")), "There is no file")
  expect_error(save_model(model, file.path(folder, "no", "x.keras")), "There is no folder")
  expect_error(save_model(model, 3), "name of a file")
})

test_that("short names of losses come back from HDF5", {
  model <- iris_model(metrics = list("mse", metric_auc(name = "area")))
  model %>% compile(optimizer = "sgd", loss = "mse", metrics = list("mae", metric_auc(name = "a")))
  file <- tempfile(fileext = ".h5")
  on.exit(unlink(file))
  save_model_hdf5(model, file)
  scores <- load_model_hdf5(file) %>% evaluate(iris_x, iris_y)
  expect_equal(c(scores), c(model %>% evaluate(iris_x, iris_y)), tolerance = 1e-6)
  expect_error(load_model_hdf5(file, compile = FALSE) %>% evaluate(iris_x, iris_y), "not compiled")
})
