test_that("cross-validation of a linear network is that of lm(), fold by fold", {
  set.seed(1)
  folds <- sample(rep_len(1:4, 32))
  fit <- plain(mpg ~ wt + hp, mtcars)
  result <- cross_validate(fit, folds = folds)
  expect_named(result, c(
    "repetition", "fold", "n", "deviance", "rmse", "mae", "r_squared", "seconds"
  ))
  oracle <- vapply(1:4, function(fold) {
    model <- lm(mpg ~ wt + hp, mtcars[folds != fold, ])
    sqrt(mean((mtcars$mpg - predict(model, mtcars))[folds == fold]^2))
  }, 0)
  expect_equal(result$rmse, oracle, tolerance = 1e-4)
  expect_equal(result$deviance, oracle^2, tolerance = 1e-4)
  expect_identical(result$n, as.vector(unname(table(folds)), "integer"))
  expect_identical(dim(attr(result, "predicted")), c(32L, 1L))
})

test_that("weights and offsets go into the fits and the scores", {
  set.seed(2)
  data <- transform(warpbreaks, exposure = runif(54, 1, 5), w = sample(1:3, 54, TRUE))
  folds <- sample(rep_len(1:3, 54))
  formula <- breaks ~ wool + tension + offset(log(exposure))
  fit <- plain(formula, data, family = poisson, weights = w)
  result <- cross_validate(fit, folds = folds)
  oracle <- vapply(1:3, function(fold) {
    model <- glm(formula, poisson, data[folds != fold, ], weights = w)
    left_out <- data[folds == fold, ]
    mean <- predict(model, left_out, type = "response")
    sum(poisson()$dev.resids(left_out$breaks, mean, left_out$w)) / sum(left_out$w)
  }, 0)
  expect_equal(result$deviance, oracle, tolerance = 1e-4)
  searched <- grid_search(fit, alpha = c(0, 1e6), folds = folds, refit = FALSE)
  expect_equal(unname(attr(searched, "folds")[1, ]), oracle, tolerance = 1e-4)
  expect_identical(searched$rank, c(1L, 2L))
})

test_that("factors are dealt level by level, and have an accuracy", {
  set.seed(3)
  fit <- plain(Species ~ Petal.Length + Petal.Width, iris)
  result <- cross_validate(fit, folds = 5, repeats = 2)
  expect_identical(nrow(result), 10L)
  expect_gt(mean(result$accuracy), 0.9)
  predicted <- attr(result, "predicted")
  expect_identical(dim(predicted), c(150L, 3L, 2L))
  expect_identical(dimnames(predicted)[[2]], levels(iris$Species))
  expect_equal(range(apply(predicted, c(1, 3), sum)), c(1, 1))
  folds <- folds_of(fit, 5, 1)
  expect_true(all(table(folds, iris$Species) == 10))
})

test_that("theta is estimated anew in each fold", {
  fit <- mlp(Days ~ Sex, MASS::quine, hidden = NULL, starts = 1, family = negative_binomial())
  folds <- rep_len(1:2, 146)
  result <- cross_validate(fit, folds = folds)
  model <- MASS::glm.nb(Days ~ Sex, MASS::quine[folds != 1, ])
  mean <- predict(model, MASS::quine[folds == 1, ], type = "response")
  expect_equal(attr(result, "predicted")[folds == 1, 1], mean, tolerance = 1e-3)
})

test_that("the best of a grid is fitted to all rows", {
  set.seed(4)
  fit <- plain(mpg ~ wt + hp, mtcars)
  search <- grid_search(fit, hidden = list(NULL, 2), alpha = c(0, 1), folds = 3)
  expect_s3_class(search, "sklearncnn_grid_search")
  expect_identical(nrow(search), 4L)
  expect_setequal(search$rank, 1:4)
  best <- best_model(search)
  winner <- which.min(search$deviance)
  expect_identical(best$alpha, search$alpha[winner])
  expect_equal(best$hidden, as.integer(search$hidden[[winner]]))
  expect_output(print(search), "NULL")
  table <- grid_search(fit, data.frame(alpha = c(0, 1)), folds = 3, refit = FALSE)
  expect_identical(table$alpha, c(0, 1))
  expect_error(best_model(table), "refit = FALSE", fixed = TRUE)
})

test_that("convolutional networks are cross-validated and searched too", {
  set.seed(5)
  data <- lines_of_pictures(30, 4)
  fit <- cnn(data$x, data$y, filters = 2, hidden = 3, epochs = 5)
  result <- cross_validate(fit, folds = 2)
  expect_true(all(is.finite(result$deviance)))
  search <- grid_search(fit, learning_rate = c(1e-3, 5e-2), folds = 2)
  expect_s3_class(best_model(search), "sklearncnn_cnn")
  expect_identical(search$rank, c(2L, 1L))
})

test_that("the same seed gives the same folds and fits", {
  fit <- mlp(dist ~ speed, cars, hidden = 2, starts = 1)
  results <- lapply(1:2, function(i) {
    set.seed(6)
    cross_validate(fit, folds = 2)[-8]
  })
  expect_identical(results[[1]], results[[2]])
})

test_that("mistakes are met with one sentence", {
  fit <- plain(mpg ~ wt, mtcars)
  refused <- function(code, message) expect_error(code, message, fixed = TRUE)
  refused(cross_validate(fit, folds = 1), "`folds` must be from 2 to 32")
  refused(cross_validate(fit, folds = 1:3), "give each of the 32 rows its fold")
  refused(grid_search(fit), "needs settings to vary")
  refused(grid_search(fit, layers = 1:2), "`layers` is no setting to vary. There are `hidden`")
  refused(grid_search(fit, hidden = c(1, 0)), "`hidden` must be whole numbers of 1 or more")
  refused(best_model(fit), "must be what grid_search() returned")
})
