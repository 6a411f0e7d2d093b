drawn <- function(code) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  code
}

test_that("plot() draws and returns what it drew", {
  set.seed(1)
  fit <- mlp(dist ~ speed, cars, hidden = 2, starts = 1)
  expect_identical(drawn(plot(fit))$y, fit$history$loss)
  expect_identical(drawn(plot(fit, "fitted"))$x, unname(fitted(fit)))
  expect_equal(drawn(plot(fit, "residuals", main = "title"))$y, unname(residuals(fit)))
  expect_error(plot(fit, "filters"), "A perceptron has no filters")
})

test_that("levels are shown with the probability that the fit gives them", {
  fit <- plain(Species ~ Petal.Length, iris)
  points <- drawn(plot(fit, "fitted"))
  expect_identical(points$x, iris$Species)
  expect_equal(points$y, fitted(fit)[cbind(1:150, as.integer(iris$Species))])
  expect_length(drawn(plot(fit, "residuals"))$y, 150)
})

test_that("filters are the kernels, and validation loss is a second line", {
  set.seed(1)
  data <- lines_of_pictures(20, 8)
  fit <- cnn(data$x, data$y, filters = c(2, 3), hidden = 3, epochs = 3, validation_split = 0.2)
  expect_identical(drawn(plot(fit, "filters")), weight_arrays(fit)[[1]])
  expect_identical(dim(drawn(plot(fit, "filters", layer = 2))), c(3L, 3L, 2L, 3L))
  expect_identical(
    drawn(plot(fit, "filters", layer = "conv_1/kernel")), weight_arrays(fit)[["conv_1/kernel"]]
  )
  expect_error(plot(fit, "filters", layer = 3), "is no convolution: there are 1 (\"conv_0/kernel\")",
    fixed = TRUE
  )
  expect_identical(unique(drawn(plot(fit))$data), c("training", "validation"))
})

test_that("reconstructions are drawn pixel by pixel, in their place", {
  set.seed(1)
  x <- lines_of_pictures(12, 4)$x
  fit <- autoencoder(x, components = 2, filters = 2, hidden = NULL, epochs = 2)
  pairs <- drawn(plot(fit, "reconstruction", rows = c(2, 5)))
  scaled <- (x - min(x)) / (max(x) - min(x))
  expect_equal(unname(pairs$data[1, , , 1]), scaled[2, , ])
  expect_equal(unname(pairs$data[2, , , 1]), scaled[5, , ])
  flat <- t(apply(x, 1, function(picture) as.vector(t(picture))))
  flat <- autoencoder(flat,
    components = 2, filters = 2, hidden = NULL, epochs = 1, input_shape = c(4, 4, 1)
  )
  expect_equal(drawn(plot(flat, "reconstruction", rows = 2))$data[1, , , 1], scaled[2, , ],
    ignore_attr = TRUE
  )
})

test_that("tables are drawn in standard deviations, codes as they are", {
  set.seed(1)
  fit <- autoencoder(iris[1:4], hidden = NULL, optimizer = "lbfgs")
  points <- drawn(plot(fit, "reconstruction"))
  expect_equal(mean(points$x[points$column == "Petal.Width"]), 0)
  expect_equal(mean(points$x^2), 1)
  expect_identical(drawn(plot(fit, "codes", col = iris$Species))$x, unname(fit$codes[, 1]))
  expect_length(drawn(plot(fit))$y, fit$iterations)
})

test_that("autoplot() has the same points", {
  skip_if_not_installed("ggplot2")
  set.seed(1)
  data <- lines_of_pictures(12, 4)
  fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 2, validation_split = 0.25)
  for (which in c("history", "fitted", "residuals")) {
    plotted <- ggplot2::autoplot(fit, which)
    expect_equal(plotted$data, drawn(plot(fit, which)), ignore_attr = TRUE)
    expect_gt(length(drawn(ggplot2::ggplot_build(plotted))$data), 0)
  }
  tiles <- ggplot2::ggplot_build(ggplot2::autoplot(fit, "filters"))$data[[1]]
  expect_identical(nrow(tiles), 18L)
  encoder <- autoencoder(data$x, components = 2, filters = 2, hidden = NULL, epochs = 1)
  tiles <- ggplot2::ggplot_build(ggplot2::autoplot(encoder, "reconstruction", rows = 1:3))
  expect_identical(nrow(tiles$data[[1]]), 96L)
  expect_s3_class(ggplot2::autoplot(encoder, "codes"), "ggplot")
  expect_s3_class(ggplot2::autoplot(encoder), "ggplot")
})

test_that("a legend stands in the corner where the fewest points lie", {
  expect_identical(free_corner(1:10, 10:1), "topright")
  expect_identical(free_corner(1:10, 1:10), "bottomright")
  falls_and_stays <- free_corner(rep(1:10, 2), c(10:1, rep(10, 10)))
  expect_identical(falls_and_stays, "bottomleft")
  expect_identical(free_corner(1:3, rep(1, 3)), "topright")
})
