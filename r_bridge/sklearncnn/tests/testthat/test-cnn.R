test_that("a convolutional network tells pictures apart, and predicts what it fitted", {
  set.seed(1)
  data <- lines_of_pictures()
  fit <- cnn(data$x, data$y, filters = 4, hidden = 8, epochs = 80)
  expect_s3_class(fit, c("sklearncnn_cnn", "sklearncnn"), exact = TRUE)
  expect_gt(mean(predict(fit, type = "class") == data$y), 0.9)
  expect_equal(predict(fit, data$x), fitted(fit), tolerance = 1e-6)
  expect_identical(colnames(predict(fit, data$x[1:2, , ], type = "prob")), levels(data$y))
  expect_equal(unname(rowSums(fitted(fit))), rep(1, 60), tolerance = 1e-6)
  log_likelihood <- sum(log(fitted(fit)[cbind(1:60, as.integer(data$y))]))
  expect_equal(as.numeric(logLik(fit)), log_likelihood, tolerance = 1e-6)
  expect_equal(deviance(fit), -2 * log_likelihood, tolerance = 1e-6)
  # 4 kernels of 3 x 3, 4 x 4 x 4 values to 8 units, 3 levels.
  expect_identical(attr(logLik(fit), "df"), 4 * 10 + 65 * 8 + 9 * 3)
  expect_identical(nobs(fit), 60L)
  expect_output(print(fit), "Convolutional network of 5 layers with 587 coefficients.*none residual")
  expect_output(print(summary(fit)), "conv_0.*Conv2D.*8 x 8 x 4.*40.*Null deviance")
  expect_identical(nrow(fit$history), 80L)
})

test_that("the coefficients are the weights, named by array and place, and predict() follows them", {
  set.seed(1)
  data <- lines_of_pictures(12)
  fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 1)
  arrays <- weight_arrays(fit)
  expect_identical(dim(arrays[[1]]), c(3L, 3L, 1L, 2L))
  expect_identical(sum(lengths(arrays)), length(coef(fit)))
  expect_identical(coef(fit)[["conv_0/kernel[3,2,1,2]"]], arrays[["conv_0/kernel"]][3, 2, 1, 2])
  expect_false(anyDuplicated(names(coef(fit))) > 0)
  fit$coefficients[] <- 0
  expect_equal(unname(predict(fit, data$x)), matrix(1 / 3, 12, 3), tolerance = 1e-6)
})

test_that("a convolution is the sum that its definition says: an asymmetric picture, in R and Python", {
  set.seed(1)
  x <- array(rnorm(10 * 5 * 4 * 2), c(10, 5, 4, 2))
  fit <- cnn(x, rnorm(10),
    filters = 1, kernel_size = 3, padding = "valid", pooling = "none", hidden = NULL, epochs = 1,
    activation = "identity"
  )
  weights <- weight_arrays(fit)
  convolved <- function(picture) {
    out <- matrix(0, 3, 2)
    for (i in 1:3) {
      for (j in 1:2) {
        out[i, j] <- sum(picture[i + 0:2, j + 0:2, ] * weights[[1]][, , , 1]) + weights[[2]]
      }
    }
    out
  }
  # Python flattens row by row.
  eta <- apply(x, 1, function(picture) sum(as.vector(t(convolved(picture))) * weights[[3]]))
  eta <- (eta + as.vector(weights[[4]])) * fit$response_scaling[2] + fit$response_scaling[1]
  expect_equal(predict(fit, x), eta, tolerance = 1e-5)
})

test_that("rows of a table are pictures by input_shape, line by line", {
  set.seed(1)
  data <- lines_of_pictures(30, 4)
  flat <- t(apply(data$x, 1, function(picture) as.vector(t(picture))))
  settings <- list(y = data$y, filters = 2, hidden = 3, epochs = 3)
  fits <- lapply(list(list(x = data$x), list(x = flat, input_shape = c(4, 4, 1))), function(given) {
    set.seed(2)
    do.call(cnn, c(given, settings))
  })
  expect_equal(coef(fits[[1]]), coef(fits[[2]]), tolerance = 1e-6)
  frame <- data.frame(kind = data$y, flat)
  set.seed(2)
  by_formula <- cnn(kind ~ ., frame, input_shape = c(4, 4, 1), filters = 2, hidden = 3, epochs = 3)
  expect_equal(coef(by_formula), coef(fits[[2]]), tolerance = 1e-6)
  expect_equal(
    unname(predict(by_formula, frame[1:3, ])), unname(predict(fits[[1]], data$x[1:3, , ])),
    tolerance = 1e-5
  )
  expect_identical(formula(by_formula), formula(terms(kind ~ ., data = frame)))
})

test_that("numbers, offsets and weights: a network without convolution to learn is its lm()", {
  set.seed(1)
  x <- matrix(rnorm(200), 50)
  data <- data.frame(y = x %*% c(1, -1, 2, 0.5) + rnorm(50), o = rnorm(50), w = runif(50, 1, 2))
  fit <- cnn(x, data$y + 10,
    weights = data$w, offset = data$o, filters = 1, kernel_size = 4, padding = "valid",
    pooling = "none", hidden = NULL, activation = "identity", optimizer = "lbfgs"
  )
  oracle <- lm(y + 10 ~ x + offset(o), data, weights = w)
  expect_equal(unname(fitted(fit)), unname(fitted(oracle)), tolerance = 1e-4)
  expect_equal(deviance(fit), deviance(oracle), tolerance = 1e-6)
  expect_warning(predict(fit, x[1:2, ]), "predictions are without it")
})

test_that("validation rows are watched, and patience ends training", {
  set.seed(1)
  data <- lines_of_pictures(40, 4)
  fit <- cnn(data$x, data$y,
    filters = 2, hidden = 3, epochs = 200, learning_rate = 0.05, validation_split = 0.25,
    patience = 3
  )
  expect_true(all(c("loss", "val_loss") %in% names(fit$history)))
  expect_lt(nrow(fit$history), 200)
  fit <- cnn(data$x[1:30, , ], data$y[1:30],
    filters = 2, hidden = 3, epochs = 2, validation_data = list(data$x[31:40, , ], data$y[31:40])
  )
  expect_length(fit$history$val_loss, 2)
})

test_that("the rate falls to zero over the epochs, or stays", {
  data <- lines_of_pictures(12, 4)
  rates <- function(...) {
    cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 4, ...)$history$learning_rate
  }
  expect_equal(rates(), 0.0015 * (1 + cos(pi * 0:3 / 4)), tolerance = 1e-6)
  expect_equal(rates(schedule = "constant", learning_rate = 0.01), rep(0.01, 4), tolerance = 1e-6)
})

test_that("the same seed gives the same fit, and R's generator moves by one draw", {
  data <- lines_of_pictures(12, 4)
  fits <- lapply(1:2, function(i) {
    set.seed(7)
    fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 2)
    list(coef(fit), .Random.seed)
  })
  expect_identical(fits[[1]], fits[[2]])
  set.seed(7)
  sample.int(.Machine$integer.max, 1L)
  expect_identical(fits[[1]][[2]], .Random.seed)
})

test_that("progress is one line an epoch, and otherwise nothing is said", {
  data <- lines_of_pictures(12, 4)
  lines <- capture.output(
    fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 3, verbose = TRUE)
  )
  expect_length(grep("^ +[123] ", lines), 3)
  expect_silent(cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 3))
})

test_that("a saved network predicts the same in another session, and prints there without Python", {
  set.seed(1)
  data <- lines_of_pictures(12, 4)
  fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 2)
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(list(fit = fit, x = data$x), file)
  there <- callr::r(function(file) {
    kept <- readRDS(file)
    library(sklearncnn)
    capture.output(print(kept$fit), print(summary(kept$fit)))
    untouched <- is.null(sklearncnn:::session$engine)
    list(untouched, predict(kept$fit, kept$x))
  }, list(file), libpath = .libPaths())
  expect_true(there[[1]])
  expect_identical(there[[2]], predict(fit, data$x))
})

test_that("a network that Python has forgotten is sent again", {
  set.seed(1)
  data <- lines_of_pictures(12, 4)
  fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 1)
  expected <- predict(fit, data$x)
  expect_identical(with_engine("process", predict(fit, data$x)), expected)
})

test_that("mistakes are met with one sentence", {
  data <- lines_of_pictures(12, 4)
  refused <- function(code, message) expect_error(code, message, fixed = TRUE)
  refused(cnn(list(1), 1), "`x` must be a numeric array of three or four dimensions")
  refused(cnn(array("a", c(2, 2, 2)), 1:2), "an array of type \"character\" with dimensions 2 x 2 x 2")
  refused(cnn(iris, iris$Species), "use a formula, which codes factors")
  refused(cnn(data$x, data$y[1:3]), "`x` has 12 rows, but `y` has 3.")
  refused(cnn(data$x, data$y, epochs = -1), "`epochs` must be a whole number of 1 or more, not -1.")
  refused(cnn(data$x, data$y, schedule = "linear"), "must be \"cosine\" or \"constant\", not \"linear\"")
  refused(cnn(data$x, data$y, units = 3), "cnn() has no argument `units`.")
  refused(cnn(matrix(0, 2, 5), 1:2, input_shape = c(2, 2, 1)), "`x` has 5 columns, but input_shape")
  refused(cnn(data$x, data$y, dropout = 1), "`dropout` must be a number from 0 to below 1")
  fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 1)
  refused(predict(fit, data$x[, 1:3, ]), "with dimensions n x 4 x 4, as that of the fit")
  refused(predict(fit, iris), "an object of class \"data.frame\"")
  expect_error(cnn(data$x, data$y, padding = "none"), "padding", class = "sklearncnn_ValueError")
  expect_error(cnn(data$x, data$y, architecture = "lenet6"), "Did you mean 'lenet5'?")
})
