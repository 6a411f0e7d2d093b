# Every link against glm(), and the negative binomial against MASS::glm.nb().

linked <- list(
  list(Gamma("log"), dist + 1 ~ speed, cars),
  list(Gamma("inverse"), dist + 1 ~ speed, cars),
  list(Gamma("identity"), dist + 1 ~ speed, cars),
  list(gaussian("log"), mpg ~ wt, mtcars),
  list(gaussian("inverse"), mpg ~ wt, mtcars),
  list(poisson("sqrt"), breaks ~ tension, warpbreaks),
  list(poisson("identity"), breaks ~ tension, warpbreaks),
  list(binomial("probit"), am ~ wt, mtcars),
  list(binomial("cloglog"), am ~ wt, mtcars)
)

for (case in linked) {
  family <- case[[1]]
  test_that(paste(family$family, "with link", family$link, "is its glm()"), {
    start <- if (family$link == "inverse") c(0.02, 0.01) else NULL
    oracle <- suppressWarnings(glm(case[[2]], family, case[[3]], start = start, epsilon = 1e-12))
    # On the wrong side of the pole of an inverse link is another optimum.
    set.seed(1)
    starts <- if (family$link == "inverse") 5 else 1
    fit <- mlp(case[[2]], case[[3]], hidden = NULL, starts = starts, family = family)
    # From observed information in glm's last step, the expected here: the same to 1e-2.
    expect_named(coef(fit), names(coef(oracle)))
    expect_equal(coef(fit), coef(oracle), tolerance = 1e-3)
    expect_equal(deviance(fit), deviance(oracle), tolerance = 1e-5)
    expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(oracle)), tolerance = 1e-5)
    expect_equal(vcov(fit), vcov(oracle), tolerance = 1e-2)
    expect_equal(predict(fit, case[[3]][1:3, ]),
      predict(oracle, case[[3]][1:3, ], type = "response"),
      tolerance = 1e-3
    )
  })
}

test_that("the negative binomial with theta estimated is MASS::glm.nb()", {
  formula <- Days ~ Sex + Age + Eth + Lrn
  fit <- mlp(formula, MASS::quine, hidden = NULL, starts = 1, family = negative_binomial())
  oracle <- MASS::glm.nb(formula, MASS::quine, control = glm.control(1e-10, 100))
  expect_same_fit(fit, oracle)
  expect_equal(fit$theta, oracle$theta, tolerance = 1e-4)
  expect_equal(fit$SE.theta, oracle$SE.theta, tolerance = 1e-3)
  expect_equal(fit$null.deviance, oracle$null.deviance, tolerance = 1e-4)
  expect_equal(residuals(fit, "deviance"), residuals(oracle, "deviance"), tolerance = 5e-3)
  expect_output(print(summary(fit)), "Theta: 1.275, standard error 0.161")
  expect_identical(dim(simulate(fit, 2, seed = 1)), c(146L, 2L))
})

test_that("the negative binomial with theta given is glm() with MASS's family", {
  oracle <- glm(Days ~ Sex + Eth, MASS::negative.binomial(2), MASS::quine)
  for (family in list(negative_binomial(2), MASS::negative.binomial(2))) {
    fit <- mlp(Days ~ Sex + Eth, MASS::quine, hidden = NULL, starts = 1, family = family)
    expect_equal(coef(fit), coef(oracle), tolerance = 1e-3)
    expect_equal(deviance(fit), deviance(oracle), tolerance = 1e-6)
    expect_equal(AIC(fit), AIC(oracle), tolerance = 1e-6)
    expect_null(fit$SE.theta)
  }
})

test_that("negative binomial weights count rows", {
  data <- MASS::quine[MASS::quine$Age != "F3", ]
  data$w <- rep_len(c(1, 2, 0), nrow(data))
  twice <- data[rep(seq_len(nrow(data)), data$w), ]
  weighted <- mlp(Days ~ Sex, data,
    hidden = NULL, starts = 1, weights = w, family = negative_binomial()
  )
  repeated <- mlp(Days ~ Sex, twice, hidden = NULL, starts = 1, family = negative_binomial())
  expect_equal(coef(weighted), coef(repeated), tolerance = 1e-5)
  expect_equal(weighted$theta, repeated$theta, tolerance = 1e-5)
})

test_that("what no family is or has is refused", {
  refused <- function(code, message) expect_error(code, message, fixed = TRUE)
  refused(negative_binomial(-1), "`theta` must be a positive number, or NULL")
  refused(negative_binomial(2, "sqrt"), "must be \"log\"")
  refused(mlp(am ~ wt, mtcars, family = binomial("cauchit")), "has no link \"cauchit\" here")
  refused(
    mlp(Days ~ Sex, MASS::quine, family = negative_binomial(), epochs = 2),
    "By epochs theta is not estimated"
  )
})
