test_that("caret tunes a regression, and predicts as the best model does", {
  set.seed(1)
  tuned <- caret::train(
    mpg ~ wt + hp, mtcars,
    method = sklearncnn_caret(), starts = 1,
    tuneGrid = data.frame(hidden = c(0, 2), alpha = c(0, 1)),
    trControl = caret::trainControl("cv", number = 2)
  )
  expect_s3_class(tuned$finalModel, "sklearncnn_mlp")
  expect_false(anyNA(tuned$results$RMSE))
  expect_equal(
    unname(predict(tuned, mtcars[1:3, ])),
    unname(predict(tuned$finalModel, as.matrix(mtcars[1:3, c("wt", "hp")])))
  )
})

test_that("caret's linear network is its glm", {
  control <- caret::trainControl("cv", index = list(1:20, 13:32))
  set.seed(1)
  ours <- caret::train(
    mpg ~ wt, mtcars,
    method = sklearncnn_caret(), starts = 1,
    tuneGrid = data.frame(hidden = 0, alpha = 0), trControl = control
  )
  oracle <- caret::train(mpg ~ wt, mtcars, method = "lm", trControl = control)
  expect_equal(ours$results$RMSE, oracle$results$RMSE, tolerance = 1e-5)
})

test_that("caret has classes and probabilities", {
  set.seed(1)
  tuned <- caret::train(
    wool ~ breaks + tension, warpbreaks,
    method = sklearncnn_caret(), starts = 1, metric = "ROC",
    tuneGrid = data.frame(hidden = 1, alpha = 0.1),
    trControl = caret::trainControl(
      "cv",
      number = 2, classProbs = TRUE, summaryFunction = caret::twoClassSummary
    )
  )
  expect_identical(levels(predict(tuned, warpbreaks)), c("A", "B"))
  prob <- predict(tuned, warpbreaks[1:4, ], type = "prob")
  expect_named(prob, c("A", "B"))
  expect_equal(rowSums(prob), rep(1, 4), ignore_attr = TRUE)
})
