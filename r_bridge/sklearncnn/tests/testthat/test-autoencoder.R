test_that("linear layers find the subspace of prcomp()", {
  set.seed(1)
  fit <- autoencoder(~ . - Species, iris, components = 2, hidden = NULL, optimizer = "lbfgs")
  oracle <- prcomp(iris[1:4], scale. = TRUE)
  expect_equal(1 - deviance(fit) / fit$null.deviance, sum(oracle$sdev[1:2]^2) / 4, tolerance = 1e-5)
  rebuilt <- oracle$x[, 1:2] %*% t(oracle$rotation[, 1:2])
  rebuilt <- sweep(sweep(rebuilt, 2, oracle$scale, "*"), 2, oracle$center, "+")
  expect_equal(fitted(fit), rebuilt, tolerance = 1e-3, ignore_attr = TRUE)
  expect_identical(dim(fit$codes), c(150L, 2L))
  expect_output(print(fit), "4 values to 2 and back, 22 coefficients.*95.8 % explained")
  expect_output(print(summary(fit)), "Explained of each column")
})

test_that("predict() gives codes, reconstructions and errors of new rows", {
  set.seed(1)
  fit <- autoencoder(iris[1:4], components = 2, hidden = 6, epochs = 30)
  new <- iris[c(3, 70), 1:4]
  codes <- predict(fit, new)
  expect_equal(codes, fit$codes[c(3, 70), ], tolerance = 1e-5, ignore_attr = TRUE)
  expect_identical(colnames(codes), c("code1", "code2"))
  rebuilt <- predict(fit, new, type = "reconstruction")
  expect_equal(rebuilt, fitted(fit)[c(3, 70), ], tolerance = 1e-5, ignore_attr = TRUE)
  expect_identical(colnames(rebuilt), names(iris)[1:4])
  expect_equal(decode_codes(fit, codes), rebuilt, tolerance = 1e-5)
  errors <- predict(fit, type = "error")
  expect_equal(sum(errors), deviance(fit))
  expect_equal(predict(fit, new, type = "error"), errors[c(3, 70)],
    tolerance = 1e-4, ignore_attr = TRUE
  )
  expect_equal(residuals(fit), as.matrix(iris[1:4]) - fitted(fit), ignore_attr = TRUE)
  expect_identical(length(coef(fit)), length(fit$coefficients))
  expect_named(coef(fit)[1], "encoder_0/kernel[1,1]")
})

test_that("pictures go through convolutions and back in their shape", {
  set.seed(1)
  x <- lines_of_pictures(20, 8)$x
  fit <- autoencoder(x, components = 3, filters = c(4, 2), hidden = NULL, epochs = 40)
  expect_identical(dim(fitted(fit)), dim(x))
  expect_lt(deviance(fit), sum(x^2))
  expect_equal(predict(fit, x, type = "reconstruction"), fitted(fit), tolerance = 1e-4)
  expect_equal(deviance(fit), sum((x - fitted(fit))^2))
})

test_that("values from 0 to 1 have the binomial deviance, and weights count rows", {
  set.seed(1)
  x <- matrix(rbinom(200, 1, 0.3), 40)
  fit <- autoencoder(x,
    components = 1, hidden = 3, family = "binomial", epochs = 10, weights = rep(1:2, 20)
  )
  expect_true(all(fitted(fit) > 0 & fitted(fit) < 1))
  p <- fitted(fit)
  each <- -2 * (x * log(p) + (1 - x) * log(1 - p))
  expect_equal(deviance(fit), sum(each * rep(1:2, 20)), tolerance = 1e-5)
})

test_that("the same seed gives the same codes", {
  codes <- lapply(1:2, function(i) {
    set.seed(3)
    autoencoder(iris[1:20, 1:4], hidden = 3, epochs = 2)$codes
  })
  expect_identical(codes[[1]], codes[[2]])
})

test_that("mistakes are met with one sentence", {
  refused <- function(code, message) expect_error(code, message, fixed = TRUE)
  refused(autoencoder(Species ~ ., iris), "leave the left side of the formula empty")
  refused(autoencoder(iris), "Column `Species` of `x` is of class \"factor\"")
  refused(autoencoder(array(0, c(3, 4, 4))), "Pictures need `filters`")
  refused(autoencoder(iris[1:4], family = "binomial"), "rebuilds values from 0 to 1")
  refused(autoencoder(iris[1:4], components = 0), "`components` must be a whole number of 1 or more")
  fit <- autoencoder(iris[1:20, 1:4], hidden = NULL, epochs = 1)
  refused(decode_codes(fit, matrix(0, 1, 3)), "must be a numeric matrix of 2 columns")
  refused(predict(fit, iris[1:3]), "n x 4")
})
