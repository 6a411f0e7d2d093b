tier_a <- scan(test_path("tier-a.txt"), "", quiet = TRUE)
tier_b <- scan(test_path("tier-b.txt"), "", quiet = TRUE)
exports <- getNamespaceExports("sklearncnn")
families <- grep("^(loss|metric|initializer|constraint)_", exports, value = TRUE)

test_that("every function of the book is exported", {
  expect_setequal(setdiff(c(tier_a, tier_b), exports), character())
  expect_gt(length(families), 60)
  for (generic in c("predict", "summary", "print", "plot")) {
    expect_true(is.function(getS3method(generic, "sklearncnn_keras_model")))
  }
  for (generic in c("plot", "print", "as.data.frame")) {
    expect_true(is.function(getS3method(generic, "sklearncnn_history")))
  }
})

test_that("every function of the book is documented", {
  index <- system.file("help", "AnIndex", package = "sklearncnn")
  skip_if(!nzchar(index), "installed without help")
  aliases <- sub("\t.*", "", readLines(index))
  reexported <- c("compile", "fit")
  expect_setequal(setdiff(c(tier_a, tier_b, families), c(aliases, reexported)), character())
})

test_that("every function of the book is used by a test", {
  files <- list.files(test_path("."), "[.]R$", recursive = TRUE, full.names = TRUE)
  code <- unlist(lapply(files, readLines, warn = FALSE))
  used <- vapply(tier_a, function(name) any(grepl(name, code, fixed = TRUE)), NA)
  expect_identical(tier_a[!used], character())
})

test_that("every layer, loss, metric, optimizer and part of a layer can be made", {
  a <- layer_input(shape = c(4, 4, 2))
  expect_identical(dim(a %>% layer_average_pooling_2d(pool_size = c(2, 2))), c(NA, 2L, 2L, 2L))
  b <- layer_input(shape = 4)
  expect_identical(dim(b %>% layer_reshape(target_shape = c(2, 2))), c(NA, 2L, 2L))
  for (layer in list(layer_activation_relu, layer_activation_leaky_relu)) {
    expect_identical(dim(b %>% layer()), c(NA, 4L))
  }
  expect_identical(dim(b %>% layer_activation("tanh")), c(NA, 4L))
  for (name in grep("^loss_", exports, value = TRUE)) {
    expect_s3_class(getExportedValue("sklearncnn", name)(), "sklearncnn_keras_object")
  }
  expect_output(print(optimizer_adagrad(lr = 0.1)), "<Keras Adagrad\\(learning_rate = 0.1\\)>")
  expect_output(print(optimizer_adadelta(rho = 0.9)), "<Keras Adadelta\\(rho = 0.9\\)>")
  y <- cbind(c(0, 1, 1, 0))
  for (name in grep("^optimizer_", exports, value = TRUE)) {
    optimizer <- getExportedValue("sklearncnn", name)(learning_rate = 0.01)
    model <- keras_model_sequential() %>%
      layer_dense(units = 1, input_shape = 1) %>%
      compile(optimizer = optimizer, loss = "mse")
    expect_true(is.finite(train_on_batch(model, y, y)$loss), label = name)
  }
  parts <- list(
    kernel_regularizer = list(
      regularizer_l1(0.1), regularizer_l2(0.1), regularizer_l1_l2(l1 = 0.1, l2 = 0.1)
    ),
    kernel_initializer = grep("^initializer_", exports, value = TRUE),
    kernel_constraint = grep("^constraint_", exports, value = TRUE)
  )
  for (place in names(parts)) {
    for (part in parts[[place]]) {
      if (is.character(part)) part <- getExportedValue("sklearncnn", part)()
      made <- do.call(layer_dense, c(list(b, units = 4), stats::setNames(list(part), place)))
      expect_identical(dim(made), c(NA, 4L))
    }
  }
})
