numbers <- as.integer(iris$Species) - 1

builder <- function(units = 4) {
  keras_model_sequential() %>%
    layer_dense(units = units, activation = "relu", input_shape = 4) %>%
    layer_dense(units = 3, activation = "softmax") %>%
    compile(
      optimizer = optimizer_adam(learning_rate = 0.05), loss = "sparse_categorical_crossentropy",
      metrics = "acc"
    )
}

test_that("each fold is a fit of its own, on the rows of the others", {
  folds <- rep_len(1:3, 150)
  set.seed(1)
  result <- cross_validate(builder, iris_x, numbers, folds = folds, epochs = 3, units = 5)
  expect_named(result, c("repetition", "fold", "n", "loss", "acc", "seconds"))
  expect_identical(result$n, rep(50L, 3))
  set.seed(1)
  by_hand <- vapply(1:3, function(fold) {
    model <- builder(5)
    model %>% fit(iris_x[folds != fold, ], numbers[folds != fold], epochs = 3)
    (model %>% evaluate(iris_x[folds == fold, ], numbers[folds == fold]))$loss
  }, 0)
  expect_equal(result$loss, by_hand)
})

test_that("a compiled model is a template that is not changed", {
  set.seed(1)
  model <- builder()
  before <- get_weights(model)
  set.seed(2)
  first <- cross_validate(model, iris_x, numbers, folds = 3, repeats = 2, epochs = 2)
  expect_identical(get_weights(model), before)
  expect_identical(nrow(first), 6L)
  # New weights for each fit: folds of the same rows differ by more than the rows.
  model %>% fit(iris_x, numbers, epochs = 30)
  set.seed(2)
  again <- cross_validate(model, iris_x, numbers, folds = 3, repeats = 2, epochs = 2)
  expect_equal(again[-6], first[-6])
})

test_that("a grid of settings of the function and of the fit is searched", {
  set.seed(1)
  search <- grid_search(builder, iris_x, numbers, units = c(1, 8), epochs = c(1, 15), folds = 2)
  expect_s3_class(search, "sklearncnn_grid_search")
  expect_named(search, c("units", "epochs", "loss", "acc", "sd", "rank", "seconds"))
  expect_identical(nrow(search), 4L)
  expect_equal(search$loss, rowMeans(attr(search, "folds")))
  best <- search[search$rank == 1, ]
  expect_equal(best$epochs, 15)
  expect_equal(count_params(best_model(search)), best$units * 8 + 3)
  by_accuracy <- grid_search(builder(), iris_x, to_categorical(numbers)[, 1],
    epochs = 1:2, folds = 2, metric = "acc", decreasing = TRUE, refit = FALSE
  )
  expect_identical(max(by_accuracy$acc), by_accuracy$acc[by_accuracy$rank == 1][1])
})

test_that("pictures are divided by rows, and classes evenly", {
  x <- array(1:24, c(4, 3, 2))
  expect_identical(rows_at(x, c(TRUE, FALSE, TRUE, FALSE)), x[c(1, 3), , ])
  expect_identical(rows_at(list(x, 1:4), 2), list(x[2, , , drop = FALSE], 2L))
  set.seed(1)
  folds <- fold_matrix(150, classes_of(iris_y), 5, 1)
  expect_true(all(table(folds, iris$Species) == 10))
  expect_null(classes_of(iris$Sepal.Length))
})

test_that("what cannot be searched is an error that says why", {
  expect_error(grid_search(builder, iris_x, numbers, depth = 1), "`depth` is no setting to vary")
  expect_error(
    grid_search(builder, iris_x, numbers, units = 1, metric = "mae", folds = 2),
    "metric = \"mae\" is not measured; there are \"loss\", \"acc\""
  )
  expect_error(cross_validate(function() 1, iris_x, numbers, folds = 2), "must return a model")
  expect_error(cross_validate(builder, iris_x, numbers[-1]), "`x` has 150 rows, but `y` has 149")
})
