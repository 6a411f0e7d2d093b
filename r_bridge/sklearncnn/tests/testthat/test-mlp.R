# Without a hidden layer a network is a generalised linear model: R's own fits are the oracle.

test_that("gaussian without a hidden layer is lm()", {
  fit <- plain(mpg ~ wt + hp + factor(cyl), mtcars)
  oracle <- lm(mpg ~ wt + hp + factor(cyl), mtcars)
  expect_same_fit(fit, oracle)
  new <- mtcars[3:7, ] * 1.1
  new$cyl <- c(4, 6, 8, 8, 4)
  expect_equal(predict(fit, new), predict(oracle, new), tolerance = 1e-4)
  expect_equal(residuals(fit, "response"), residuals(oracle), tolerance = 1e-3)
})

test_that("interactions and transformations are those of the formula", {
  formula <- log(mpg) ~ poly(wt, 2) * factor(am)
  expect_same_fit(plain(formula, mtcars), lm(formula, mtcars))
})

test_that("gaussian with weights and an offset is glm()", {
  set.seed(1)
  data <- transform(mtcars, w = runif(32, 0.5, 2), o = runif(32))
  data$w[c(3, 9)] <- 0
  fit <- plain(mpg ~ wt + hp + offset(o), data, weights = w)
  oracle <- glm(mpg ~ wt + hp + offset(o), data = data, weights = w)
  # glm warns that rows of weight zero do not count for the dispersion.
  suppressWarnings(expect_same_fit(fit, oracle))
})

test_that("binomial without a hidden layer is glm(binomial)", {
  fit <- plain(vs ~ mpg + am, mtcars, family = binomial)
  oracle <- glm(vs ~ mpg + am, binomial, mtcars)
  expect_same_fit(fit, oracle)
  for (type in c("link", "response")) {
    expect_equal(predict(fit, mtcars[1:5, ], type = type),
      predict(oracle, mtcars[1:5, ], type = type),
      tolerance = 1e-3
    )
  }
  for (type in c("deviance", "pearson", "response", "working")) {
    expect_equal(residuals(fit, type), residuals(oracle, type), tolerance = 5e-3)
  }
})

test_that("binomial of counts is glm()", {
  dose <- data.frame(x = 0:5, dead = c(1, 4, 9, 13, 18, 20), alive = c(19, 16, 11, 7, 2, 0))
  expect_same_fit(
    plain(cbind(dead, alive) ~ x, dose, family = binomial),
    glm(cbind(dead, alive) ~ x, binomial, dose)
  )
})

test_that("poisson without a hidden layer is glm(poisson), offset and weights included", {
  fit <- plain(breaks ~ wool * tension, warpbreaks, family = poisson)
  oracle <- glm(breaks ~ wool * tension, poisson, warpbreaks)
  expect_same_fit(fit, oracle)
  set.seed(2)
  data <- transform(warpbreaks, exposure = runif(54, 1, 5), w = sample(1:3, 54, TRUE))
  formula <- breaks ~ wool + tension + offset(log(exposure))
  fit <- plain(formula, data, family = poisson, weights = w)
  oracle <- glm(formula, poisson, data, weights = w)
  expect_same_fit(fit, oracle)
  expect_equal(fit$null.deviance, oracle$null.deviance, tolerance = 1e-6)
  new <- data[c(1, 20, 40), ]
  expect_equal(predict(fit, new, type = "response"), predict(oracle, new, type = "response"),
    tolerance = 1e-3
  )
})

test_that("an offset given as an argument counts in predictions too", {
  set.seed(3)
  data <- transform(warpbreaks, exposure = runif(54, 1, 5))
  fit <- plain(breaks ~ wool, data, family = poisson, offset = log(exposure))
  oracle <- glm(breaks ~ wool, poisson, data, offset = log(exposure))
  expect_same_fit(fit, oracle)
  expect_equal(predict(fit, data[1:4, ]), predict(oracle, data[1:4, ], type = "response"),
    tolerance = 1e-3
  )
})

test_that("multinomial without a hidden layer is nnet::multinom()", {
  data <- transform(warpbreaks, w = rep(c(1, 2, 1), 18))
  fit <- plain(tension ~ breaks * wool, data, weights = w)
  oracle <- nnet::multinom(tension ~ breaks * wool, data, w, trace = FALSE, reltol = 1e-14)
  expect_named(coef(fit), rownames(vcov(oracle)))
  expect_equal(unname(coef(fit)), as.vector(t(coef(oracle))), tolerance = 1e-3)
  expect_equal(deviance(fit), deviance(oracle), tolerance = 1e-6)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(oracle)), tolerance = 1e-6)
  expect_equal(attr(logLik(fit), "df"), attr(logLik(oracle), "df"))
  expect_equal(vcov(fit), vcov(oracle), tolerance = 1e-3)
  expect_equal(predict(fit, data, type = "prob"), predict(oracle, data, type = "probs"),
    tolerance = 1e-3
  )
  expect_identical(predict(fit, data, type = "class"), predict(oracle, data, type = "class"))
})

test_that("rows with missing values are left out or padded as na.action says", {
  data <- airquality
  left_out <- plain(Ozone ~ Wind + Temp, data)
  oracle <- lm(Ozone ~ Wind + Temp, data)
  expect_same_fit(left_out, oracle)
  padded <- plain(Ozone ~ Wind + Temp, data, na.action = na.exclude)
  expect_identical(is.na(fitted(padded)), is.na(fitted(update(oracle, na.action = na.exclude))))
  expect_length(residuals(padded), 153)
  new <- data.frame(Wind = c(10, NA), Temp = c(70, 80))
  expect_identical(unname(is.na(predict(padded, new))), c(FALSE, TRUE))
})

test_that("subset and contrasts act as in lm()", {
  coding <- list(group = "contr.sum")
  fit <- plain(weight ~ group, PlantGrowth, subset = weight > 4, contrasts = coding)
  expect_same_fit(fit, lm(weight ~ group, PlantGrowth, weight > 4, contrasts = coding))
  expect_equal(
    predict(fit, data.frame(group = "trt2")),
    predict(lm(weight ~ group, PlantGrowth, weight > 4), data.frame(group = "trt2")),
    tolerance = 1e-4
  )
})

test_that("columns of very different scales are no obstacle", {
  data <- transform(mtcars, wt = wt * 1e6, hp = hp * 1e-6 + 5)
  expect_same_fit(plain(mpg ~ wt + hp, data), lm(mpg ~ wt + hp, data))
})

test_that("a matrix and a vector are fitted like a formula", {
  fit <- mlp(as.matrix(mtcars[c("wt", "hp")]), mtcars$mpg, hidden = NULL, starts = 1)
  oracle <- lm(mpg ~ wt + hp, mtcars)
  expect_equal(unname(coef(fit)), unname(coef(oracle)), tolerance = 1e-3)
  expect_equal(unname(predict(fit, as.matrix(mtcars[1:3, c("wt", "hp")]))),
    unname(predict(oracle, mtcars[1:3, ])),
    tolerance = 1e-4
  )
  expect_length(predict(fit, as.matrix(mtcars[1:2])), 32)
  expect_error(predict(fit, as.matrix(mtcars[1:4])), "4 columns, but the model was fitted to 2")
})

test_that("text is a factor", {
  data <- transform(warpbreaks, wool = as.character(wool), tension = as.character(tension))
  fit <- plain(wool ~ breaks + tension, data)
  expect_same_fit(fit, glm(factor(wool) ~ breaks + tension, binomial, data))
  expect_identical(levels(predict(fit, type = "class")), c("A", "B"))
  expect_identical(colnames(predict(fit, data[1:2, ], type = "prob")), c("A", "B"))
})

test_that("a fit to a matrix with an offset warns that new rows have none", {
  x <- as.matrix(mtcars["wt"])
  fit <- mlp(x, mtcars$mpg, hidden = NULL, starts = 1, offset = mtcars$qsec)
  oracle <- lm(mpg ~ wt + offset(qsec), mtcars)
  expect_equal(unname(coef(fit)), unname(coef(oracle)), tolerance = 1e-3)
  expect_warning(predict(fit, x[1:2, , drop = FALSE]), "predictions are without it")
})

# With hidden units.

test_that("a hidden layer finds what a line cannot", {
  set.seed(1)
  data <- data.frame(x = seq(-3, 3, length.out = 80))
  data$y <- sin(2 * data$x) + rnorm(80, sd = 0.05)
  fit <- mlp(y ~ x, data, hidden = 6)
  expect_lt(deviance(fit), 0.5)
  expect_gt(deviance(lm(y ~ x, data)), 20)
  expect_length(coef(fit), 6 * 2 + 7)
  expect_identical(names(coef(fit))[c(1, 2, 13, 14)],
    c("(Intercept)->h1", "x->h1", "(Intercept)->y", "h1->y")
  )
})

test_that("several hidden layers and classes are named layer by layer", {
  set.seed(1)
  fit <- mlp(Species ~ Petal.Length + Petal.Width, iris, hidden = c(3, 2), starts = 2)
  expect_length(coef(fit), 3 * 3 + 2 * 4 + 2 * 3)
  expect_true(all(c("Petal.Width->h1.3", "h1.1->h2.2", "h2.1->virginica") %in% names(coef(fit))))
  expect_false(anyDuplicated(names(coef(fit))) > 0)
  expect_gt(mean(predict(fit, type = "class") == iris$Species), 0.95)
  expect_equal(unname(rowSums(predict(fit, type = "prob"))), rep(1, 150))
})

test_that("the same seed gives the same fit, and R's generator moves by one draw", {
  fits <- lapply(1:2, function(i) {
    set.seed(7)
    fit <- mlp(dist ~ speed, cars, hidden = 3, starts = 2)
    list(coef(fit), .Random.seed)
  })
  expect_identical(fits[[1]], fits[[2]])
  set.seed(7)
  sample.int(.Machine$integer.max, 1L)
  expect_identical(fits[[1]][[2]], .Random.seed)
})

test_that("training by epochs runs all of them and says nothing", {
  set.seed(1)
  expect_silent(fit <- mlp(dist ~ speed, cars, hidden = 4, epochs = 12))
  expect_identical(fit$history$epoch, 1:12)
  expect_silent(fit <- mlp(dist ~ speed, cars, epochs = 3, optimizer = "rmsprop", batch_size = 10))
  expect_identical(nrow(fit$history), 3L)
})

test_that("derivatives by the coefficients are those of finite differences", {
  set.seed(1)
  for (activation in setdiff(names(activation_functions), "relu")) {
    units <- unit_names(c("a", "b"), c(3, 2), c("u", "v"))
    n <- 3 * 3 + 4 * 2 + 3 * 2
    beta <- rnorm(n)
    x <- matrix(rnorm(10), 5)
    eta <- function(beta) {
      tail(forward(layer_matrices(beta, units), x, activation)$values, 1)[[1]]
    }
    exact <- jacobian(layer_matrices(beta, units), x, activation, output = 2L)
    near <- vapply(seq_len(n), function(i) {
      step <- replace(numeric(n), i, 1e-6)
      (eta(beta + step)[, 2] - eta(beta - step)[, 2]) / 2e-6
    }, numeric(5))
    expect_equal(exact, near, tolerance = 1e-6)
  }
})

test_that("a fitted model predicts after it was saved, in a session without Python", {
  set.seed(1)
  fit <- mlp(Species ~ ., iris, hidden = 3, starts = 1)
  expected <- predict(fit, iris[c(1, 70, 150), ], type = "prob")
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(fit, file)
  code <- paste0(
    "library(sklearncnn); fit <- readRDS('", file, "');",
    "invisible(capture.output(print(fit), summary(fit)));",
    "saveRDS(predict(fit, iris[c(1, 70, 150), ], type = 'prob'), '", file, "')"
  )
  status <- system2(
    file.path(R.home("bin"), "Rscript"), c("-e", shQuote(code)),
    env = c(
      paste0("R_LIBS=", shQuote(paste(.libPaths(), collapse = .Platform$path.sep))),
      "SKLEARNCNN_PYTHON=/no/python/here"
    ),
    stdout = FALSE, stderr = FALSE
  )
  expect_identical(status, 0L)
  expect_identical(readRDS(file), expected)
})

test_that("a fit in a PSOCK worker is the fit made here", {
  cluster <- parallel::makePSOCKcluster(1)
  on.exit(parallel::stopCluster(cluster))
  libraries <- .libPaths()
  parallel::clusterExport(cluster, "libraries", environment())
  there <- parallel::clusterEvalQ(cluster, {
    .libPaths(libraries)
    set.seed(5)
    sklearncnn::mlp(dist ~ speed, cars, hidden = 2, starts = 1)
  })[[1]]
  set.seed(5)
  here <- mlp(dist ~ speed, cars, hidden = 2, starts = 1)
  expect_identical(coef(there), coef(here))
  expect_identical(predict(there, cars[1:3, ]), predict(here, cars[1:3, ]))
})

test_that("predictions follow the coefficients when these are changed", {
  fit <- plain(mpg ~ wt, mtcars)
  fit$coefficients[] <- c(10, 2)
  expect_equal(unname(predict(fit, data.frame(wt = 1:3))), c(12, 14, 16))
})

test_that("update() refits", {
  fit <- plain(mpg ~ wt, mtcars)
  expect_equal(coef(update(fit, . ~ . + hp)), coef(lm(mpg ~ wt + hp, mtcars)), tolerance = 1e-3)
})

test_that("confint, anova by AIC, and simulate work from the methods", {
  fit <- plain(mpg ~ wt, mtcars)
  expect_equal(confint.default(fit), confint.default(lm(mpg ~ wt, mtcars)), tolerance = 1e-3)
  simulated <- simulate(fit, 3, seed = 1)
  expect_identical(dim(simulated), c(32L, 3L))
  classes <- simulate(plain(Species ~ Petal.Length, iris), 1, seed = 1)
  expect_identical(levels(classes[[1]]), levels(iris$Species))
})

test_that("print and summary show call, network, deviance and coefficients", {
  fit <- plain(am ~ wt, mtcars, family = binomial)
  expect_output(print(fit), "Network 1-1 with 2 coefficients; binomial family, logit link")
  expect_output(print(summary(fit)), "z value.*Null deviance: 43.23 on 31.*explained")
  oracle <- coef(summary(glm(am ~ wt, binomial, mtcars)))
  expect_equal(coef(summary(fit)), oracle, tolerance = 5e-3)
})

# What users do wrong.

test_that("a new factor level is an error that names it", {
  fit <- mlp(weight ~ group, PlantGrowth, hidden = NULL, starts = 1)
  expect_error(
    predict(fit, data.frame(group = "trt9")),
    "`group` has \"trt9\", but the model knows only \"ctrl\", \"trt1\", \"trt2\"",
    class = "sklearncnn_new_level"
  )
})

test_that("mistakes are met with one sentence", {
  refused <- function(code, message) expect_error(code, message, fixed = TRUE)
  refused(mlp(dist ~ speed, cars, epochs = -1), "`epochs` must be a whole number of 1 or more, not")
  refused(mlp(dist ~ speed, cars, layers = 3), "mlp() has no argument `layers`.")
  refused(mlp(dist ~ speed, cars, hidden = c(3, 0)), "`hidden` must be whole numbers of 1 or more")
  refused(mlp(dist ~ sped, cars), "object 'sped' not found")
  refused(mlp(dist ~ speed - 1, cars), "intercept in every unit")
  refused(mlp(~speed, cars), "no response")
  refused(mlp(dist ~ speed, cars, activation = "tahn"), "Known are \"identity\"")
  refused(mlp(dist ~ speed, cars, family = "quasi"), "family \"quasi\" is unknown")
  refused(mlp(Species ~ ., iris, family = binomial), "`Species` has 3 levels")
  refused(mlp(Species ~ ., iris, family = poisson), "is a factor")
  refused(mlp(dist ~ speed, cars, weights = rep(-1, 50)), "`weights` must be")
  refused(mlp(list(1, 2), 1:2), "must be a formula, a numeric matrix")
  refused(mlp(iris, iris$Species), "Column `Species` of `x` is of class \"factor\": use a formula")
  refused(mlp(matrix(1:4, 2), 1:3), "`x` has 2 rows, but `y` has 3.")
  refused(predict(plain(mpg ~ wt, mtcars), type = "class"), "the response was numeric")
  x <- as.matrix(iris[1:100, 1:4])
  refused(mlp(x, iris$Species[1:100]), "no row of level \"virginica\": drop it with droplevels()")
})

test_that("validation rows are watched, the same by formula and by matrices", {
  train <- mtcars[1:24, ]
  rest <- mtcars[25:32, ]
  fit <- function(x, ...) {
    set.seed(1)
    mlp(x, ..., hidden = 3, epochs = 15, learning_rate = 0.05, batch_size = 8)
  }
  by_formula <- fit(mpg ~ wt + hp, train, validation_data = rest)
  x <- as.matrix(mtcars[c("wt", "hp")])
  by_matrix <- fit(x[1:24, ], train$mpg, validation_data = list(x[25:32, ], rest$mpg))
  expect_identical(unname(coef(by_formula)), unname(coef(by_matrix)))
  # The weights kept are those of the best epoch, whose loss is that of the rows watched.
  scale <- sqrt(mean((train$mpg - mean(train$mpg))^2))
  loss <- mean((rest$mpg - predict(by_formula, rest))^2) / scale^2
  best <- min(by_formula$history$val_loss)
  expect_true(isTRUE(all.equal(loss, best)) || isTRUE(all.equal(loss / 2, best)))
  kinds <- mlp(Species ~ ., iris,
    hidden = 3, epochs = 200, learning_rate = 0.05, validation_split = 0.3, patience = 3
  )
  expect_lt(nrow(kinds$history), 200)
  expect_length(kinds$history$val_loss, nrow(kinds$history))
  expect_identical(nobs(kinds), 150L)
})

test_that("what cannot be watched is an error that says why", {
  expect_error(mlp(mpg ~ wt, mtcars, validation_split = 0.2), "Validation rows need mini-batches")
  expect_error(mlp(mpg ~ wt, mtcars, patience = 2), "`patience` needs mini-batches")
  expect_error(mlp(mpg ~ wt, mtcars, epochs = 2, validation_split = 1), "from 0 to below 1")
  expect_error(
    mlp(carb ~ wt + offset(log(hp)), mtcars, family = poisson, epochs = 2, validation_split = 0.2),
    "Rows with an offset cannot be watched"
  )
  expect_error(
    mlp(as.matrix(mtcars[2:3]), mtcars$mpg, epochs = 2, validation_data = list(cbind(1:3), 1:3)),
    "`validation_data` has 1 columns, but the model is fitted to 2"
  )
  expect_error(
    mlp(Species ~ ., iris[1:100, ], epochs = 2, validation_data = iris[101:110, ]),
    "validation_data` has \"virginica\", but that of the fit only"
  )
})
