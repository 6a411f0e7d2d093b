# Without a hidden layer a network is a generalised linear model: R's own fits are the oracle.

plain <- function(formula, data, ...) {
  eval(substitute(mlp(formula, data, hidden = NULL, starts = 1, ...)), parent.frame())
}

expect_same_fit <- function(fit, oracle, tolerance = 1e-3) {
  expect_named(coef(fit), names(coef(oracle)))
  expect_equal(coef(fit), coef(oracle), tolerance = tolerance)
  expect_equal(deviance(fit), deviance(oracle), tolerance = 1e-6)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(oracle)), tolerance = 1e-6)
  expect_equal(attr(logLik(fit), "df"), attr(logLik(oracle), "df"))
  expect_equal(AIC(fit), AIC(oracle), tolerance = 1e-6)
  expect_equal(BIC(fit), BIC(oracle), tolerance = 1e-6)
  expect_equal(fitted(fit), fitted(oracle), tolerance = 1e-3)
  expect_equal(vcov(fit), vcov(oracle), tolerance = 5e-3)
  expect_equal(nobs(fit), nobs(oracle))
  expect_equal(df.residual(fit), df.residual(oracle))
}

# Pictures with a bright line: across in the first level, down in the second, none in the third.
lines_of_pictures <- function(n = 60, size = 8) {
  pictures <- array(stats::rnorm(n * size^2), c(n, size, size))
  kind <- factor(rep_len(c("across", "down", "none"), n))
  pictures[kind == "across", 3, ] <- pictures[kind == "across", 3, ] + 3
  pictures[kind == "down", , 3] <- pictures[kind == "down", , 3] + 3
  list(x = pictures, y = kind)
}
