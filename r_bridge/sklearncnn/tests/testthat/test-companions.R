fit_poisson <- function() {
  mlp(breaks ~ wool + tension, warpbreaks, hidden = NULL, family = poisson, starts = 1)
}
glm_poisson <- glm(breaks ~ wool + tension, poisson, warpbreaks)

test_that("tidy(), glance() and augment() have broom's columns and glm's numbers", {
  fit <- fit_poisson()
  tidied <- generics::tidy(fit, conf.int = TRUE)
  expect_named(tidied, c(
    "term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high"
  ))
  expect_identical(tidied$term, names(coef(glm_poisson)))
  expect_equal(tidied$std.error, unname(sqrt(diag(vcov(glm_poisson)))), tolerance = 1e-3)
  glanced <- generics::glance(fit)
  expect_named(glanced, c(
    "null.deviance", "df.null", "logLik", "AIC", "BIC", "deviance", "df.residual", "nobs"
  ))
  expect_equal(glanced$BIC, BIC(glm_poisson), tolerance = 1e-6)
  expect_equal(glanced$df.null, glm_poisson$df.null)
  augmented <- generics::augment(fit)
  expect_named(augmented, c("breaks", "wool", "tension", ".fitted", ".resid"))
  expect_equal(augmented$.resid, unname(residuals(glm_poisson)), tolerance = 1e-3)
  new <- generics::augment(fit, newdata = warpbreaks[1:2, -1])
  expect_named(new, c("wool", "tension", ".fitted"))
})

test_that("augment() of a factor has the class and a probability of each level", {
  fit <- mlp(tension ~ breaks, warpbreaks, hidden = NULL, starts = 1)
  augmented <- generics::augment(fit)
  expect_named(augmented, c(
    "tension", "breaks", ".fitted", ".prob_L", ".prob_M", ".prob_H", ".resid"
  ))
  expect_identical(levels(augmented$.fitted), c("L", "M", "H"))
})

test_that("robust standard errors are those of glm() and lm()", {
  expect_equal(sandwich::sandwich(fit_poisson()), sandwich::sandwich(glm_poisson), tolerance = 1e-3)
  fit <- mlp(mpg ~ wt, mtcars, hidden = NULL, starts = 1)
  expect_equal(sandwich::sandwich(fit), sandwich::sandwich(lm(mpg ~ wt, mtcars)), tolerance = 1e-3)
})

test_that("scores of a model with hidden units and levels are derivatives of the likelihood", {
  set.seed(1)
  fit <- suppressWarnings(
    mlp(tension ~ breaks + wool, warpbreaks, hidden = 2, starts = 1, max_iter = 5)
  )
  likelihood <- function(beta) {
    fit$coefficients <- beta
    as.numeric(logLik(with_fitted_values(fit)))
  }
  beta <- coef(fit)
  near <- vapply(seq_along(beta), function(i) {
    step <- replace(numeric(length(beta)), i, 1e-5)
    (likelihood(beta + step) - likelihood(beta - step)) / 2e-5
  }, 0)
  expect_equal(unname(colSums(sandwich::estfun(fit))), near, tolerance = 1e-4)
})
