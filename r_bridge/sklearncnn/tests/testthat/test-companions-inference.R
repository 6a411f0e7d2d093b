fit <- mlp(mpg ~ wt + factor(cyl), mtcars, hidden = NULL, starts = 1)
oracle <- lm(mpg ~ wt + factor(cyl), mtcars)
counts <- mlp(breaks ~ wool * tension, warpbreaks, hidden = NULL, starts = 1, family = poisson)
glm_counts <- glm(breaks ~ wool * tension, poisson, warpbreaks)

test_that("insight finds formula, data, parameters and statistics", {
  skip_if_not_installed("insight")
  expect_identical(insight::find_formula(fit)$conditional, mpg ~ wt + factor(cyl),
    ignore_formula_env = TRUE
  )
  expect_identical(insight::n_obs(fit), 32L)
  expect_identical(insight::get_family(counts)$family, "poisson")
  statistic <- insight::get_statistic(fit)
  expect_equal(statistic$Statistic, unname(coef(summary(oracle))[, 3]), tolerance = 1e-3)
  expect_identical(find_statistic.sklearncnn_mlp(counts), "z-statistic")
  expect_equal(insight::get_df(fit), 28)
  expect_equal(insight::get_parameters(fit)$Estimate, unname(coef(oracle)), tolerance = 1e-3)
})

test_that("performance has R2 and its table", {
  skip_if_not_installed("performance")
  expect_equal(performance::r2(fit)$R2[["R2"]], summary(oracle)$r.squared, tolerance = 1e-4)
  table <- performance::model_performance(fit)
  expect_equal(table$AIC, AIC(oracle), tolerance = 1e-6)
  expect_equal(table$Sigma, summary(oracle)$sigma, tolerance = 1e-4)
  expect_equal(performance::performance_rmse(fit), sqrt(mean(residuals(oracle)^2)), tolerance = 1e-4)
})

test_that("estimated marginal means and contrasts are those of lm() and glm()", {
  skip_if_not_installed("emmeans")
  ours <- as.data.frame(emmeans::emmeans(fit, "cyl"))
  theirs <- as.data.frame(emmeans::emmeans(oracle, "cyl"))
  expect_equal(ours$emmean, theirs$emmean, tolerance = 1e-3)
  expect_equal(ours$SE, theirs$SE, tolerance = 5e-3)
  expect_equal(ours$df, theirs$df)
  averaged <- function(model) suppressMessages(emmeans::emmeans(model, "tension"))
  ours <- as.data.frame(pairs(averaged(counts)))
  theirs <- as.data.frame(pairs(averaged(glm_counts)))
  expect_equal(ours$estimate, theirs$estimate, tolerance = 1e-3)
  expect_equal(ours$SE, theirs$SE, tolerance = 5e-3)
  set.seed(1)
  hidden <- mlp(mpg ~ wt + factor(cyl), mtcars, hidden = 1, alpha = 1, starts = 2)
  means <- as.data.frame(emmeans::emmeans(hidden, "cyl", at = list(wt = 3)))
  expect_equal(means$emmean, unname(predict(hidden, data.frame(wt = 3, cyl = c(4, 6, 8)))))
})

test_that("marginaleffects can set the coefficients and predict", {
  changed <- set_coef.sklearncnn_mlp(fit, c(wt = 0))
  expect_identical(coef(changed)[["wt"]], 0)
  predicted <- get_predict.sklearncnn_mlp(changed, mtcars[1:3, ])
  expect_named(predicted, c("rowid", "estimate"))
  expect_equal(predicted$estimate, unname(predict(changed, mtcars[1:3, ])))
  flowers <- mlp(Species ~ Petal.Length, iris, hidden = NULL, starts = 1)
  long <- get_predict.sklearncnn_mlp(flowers, iris[c(1, 80), ])
  expect_identical(long$group, rep(levels(iris$Species), each = 2))
  expect_equal(long$estimate, as.vector(predict(flowers, iris[c(1, 80), ], type = "prob")))
  expect_true("sklearncnn_mlp" %in% getOption("marginaleffects_model_classes"))
})

test_that("DALEX is told the kind of the response, and caret the importance", {
  expect_identical(model_info.sklearncnn(fit)$type, "regression")
  flowers <- mlp(Species ~ Petal.Length, iris, hidden = NULL, starts = 1)
  expect_identical(model_info.sklearncnn(flowers)$type, "multiclass")
  set.seed(1)
  expect_identical(row.names(caret::varImp(fit))[1], "wt")
})

test_that("leverages, robust variances and tests of coefficients are those of lm()", {
  expect_equal(hatvalues(fit), hatvalues(oracle), tolerance = 1e-6)
  expect_equal(hatvalues(counts), hatvalues(glm_counts), tolerance = 1e-3)
  skip_if_not_installed("sandwich")
  expect_equal(sandwich::vcovHC(fit), sandwich::vcovHC(oracle), tolerance = 1e-3)
  skip_if_not_installed("lmtest")
  expect_equal(lmtest::coeftest(fit)[, 4], lmtest::coeftest(oracle)[, 4], tolerance = 1e-2)
})

test_that("anova() is that of glm(), and step() finds what it finds", {
  small <- update(counts, . ~ wool)
  ours <- anova(small, counts)
  theirs <- anova(update(glm_counts, . ~ wool), glm_counts, test = "Chisq")
  expect_equal(ours$Deviance, theirs$Deviance, tolerance = 1e-5)
  expect_equal(ours$`Pr(>Chi)`, theirs$`Pr(>Chi)`, tolerance = 1e-4)
  expect_equal(anova(update(fit, . ~ wt), fit)$F[2],
    anova(lm(mpg ~ wt, mtcars), oracle)$F[2],
    tolerance = 1e-3
  )
  expect_output(print(ours), "Model 2: Network 5-1")
  expect_error(anova(counts), "two or more models")
  expect_equal(extractAIC(counts), extractAIC(glm_counts), tolerance = 1e-6)
  expect_error(mlp(mpg ~ 1, mtcars), "no predictors")
})

test_that("insight, and with it ggeffects, gets predictions as of glm()", {
  skip_if_not_installed("insight")
  set.seed(1)
  fit <- plain(carb ~ wt + hp, mtcars, family = poisson)
  oracle <- glm(carb ~ wt + hp, poisson, mtcars)
  new <- data.frame(wt = c(2, 3), hp = c(100, 150))
  for (predict in c("expectation", "link")) {
    type <- if (predict == "link") "link" else "response"
    found <- insight::get_predicted(fit, data = new, predict = predict)
    expect_s3_class(found, "get_predicted")
    expect_equal(as.numeric(found), unname(predict.glm(oracle, new, type = type)), tolerance = 1e-4)
  }
  expect_equal(as.numeric(insight::get_predicted(fit)), unname(fitted(oracle)), tolerance = 1e-4)
})

test_that("parameters has the table that it has of lm() and glm()", {
  skip_if_not_installed("parameters")
  columns <- function(model, ...) {
    table <- parameters::model_parameters(model, ci_method = "wald", ...)
    expect_s3_class(table, "parameters_model")
    lapply(stats::setNames(nm = names(table)), function(name) unname(table[[name]]))
  }
  expect_equal(columns(fit), columns(oracle), tolerance = 1e-3)
  set.seed(1)
  network <- plain(am ~ wt, mtcars, family = binomial)
  logistic <- stats::glm(am ~ wt, binomial, mtcars)
  for (exponentiate in c(FALSE, TRUE)) {
    expect_equal(
      columns(network, ci = 0.9, exponentiate = exponentiate),
      columns(logistic, ci = 0.9, exponentiate = exponentiate),
      tolerance = 1e-3
    )
  }
  halved <- parameters::model_parameters(fit, vcov = stats::vcov(fit) / 4)
  expect_equal(halved$SE, sqrt(diag(stats::vcov(fit))) / 2, ignore_attr = TRUE)
  expect_output(print(parameters::model_parameters(fit)), "Coefficient.*95% CI.*t\\(28\\)")
})
