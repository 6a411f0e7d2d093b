test_that("importance of a linear model is twice the variance that a variable explains", {
  set.seed(1)
  data <- data.frame(a = rnorm(400), b = rnorm(400), c = rnorm(400))
  data$y <- 3 * data$a + data$b + rnorm(400)
  result <- importance(plain(y ~ a + b + c, data), repeats = 20)
  expect_named(result, c("variable", "importance", "sd"))
  expect_identical(result$variable[1:2], c("a", "b"))
  # E[(x - x')^2] = 2 Var x.
  expect_equal(result$importance[1:2], 2 * c(9, 1), tolerance = 0.15)
  expect_lt(abs(result$importance[3]), 0.1)
  expect_equal(attr(result, "deviance"), mean(residuals(lm(y ~ a + b + c, data))^2),
    tolerance = 1e-4
  )
})

test_that("a variable is shuffled in all its terms, a factor with all its columns", {
  set.seed(2)
  fit <- plain(breaks ~ wool * tension, warpbreaks, family = poisson)
  result <- importance(fit)
  expect_setequal(result$variable, c("wool", "tension"))
  squared <- plain(mpg ~ poly(wt, 2) + log(hp), mtcars)
  expect_setequal(importance(squared, repeats = 3)$variable, c("wt", "hp"))
})

test_that("new rows are scored with their own response, levels and offset", {
  set.seed(3)
  half <- seq(1, 150, 2)
  fit <- plain(Species ~ Petal.Length + Sepal.Width, iris[half, ])
  result <- importance(fit, iris[-half, ])
  expect_identical(result$variable[1], "Petal.Length")
  p <- predict(fit, iris[-half, ], type = "prob")
  expected <- -2 * mean(log(p[cbind(1:75, as.integer(iris$Species[-half]))]))
  expect_equal(attr(result, "deviance"), expected, tolerance = 1e-6)
})

test_that("a matrix has the importance of its columns", {
  set.seed(4)
  fit <- mlp(as.matrix(mtcars[c("wt", "qsec")]), mtcars$mpg, hidden = NULL, starts = 1)
  expect_identical(importance(fit)$variable[1], "wt")
  expect_error(importance(fit, mtcars), "Only a model fitted by a formula")
})

test_that("pictures have no variables", {
  set.seed(5)
  data <- lines_of_pictures(6, 4)
  fit <- cnn(data$x, data$y, filters = 1, hidden = 2, epochs = 1)
  expect_error(importance(fit), "is for tables")
})
