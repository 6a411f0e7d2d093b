test_that("array_reshape fills rows first, as NumPy does", {
  x <- array(1:24, 2:4)
  flat <- array_reshape(x, c(2, 12))
  expect_identical(flat[2, ], as.vector(t(x[2, , ])))
  expect_identical(array_reshape(flat, c(2, 3, 4)), x)
  expect_identical(array_reshape(x, c(2, -1)), flat)
  expect_identical(array_reshape(x, list(2, NULL)), flat)
  expect_identical(array_reshape(1:6, c(2, 3)), matrix(1:6, 2, byrow = TRUE))
  expect_identical(array_reshape(1:6, c(2, 3), order = "F"), matrix(1:6, 2))
  expect_error(array_reshape(x, c(5, 5)), "24 elements does not have the dimensions 5 x 5")
})

test_that("array_reshape agrees with NumPy through the codec", {
  x <- array(rnorm(24), c(4, 3, 2))
  model <- keras_model_sequential() %>% layer_flatten(input_shape = c(3, 2))
  expect_equal(predict(model, x), array_reshape(x, c(4, 6)), tolerance = 1e-6)
})

test_that("class numbers become columns", {
  expect_identical(to_categorical(c(0, 2)), rbind(c(1, 0, 0), c(0, 0, 1)))
  expect_identical(to_categorical(1L, 4), rbind(c(0, 1, 0, 0)))
  expect_identical(to_categorical(factor(c("b", "a"))), rbind(c(0, 1), c(1, 0)))
  expect_identical(to_categorical(matrix(c(0, 1))), diag(2))
  expect_identical(dim(to_categorical(matrix(0:5, 2))), c(2L, 3L, 6L))
  expect_error(to_categorical(c(0, 3), 3), "class number 3.*from 0 to 2")
  expect_error(to_categorical(c(-1, 0)), "class numbers from 0")
})

test_that("vectors get unit length", {
  x <- matrix(c(3, 4, 0, 0), 2, byrow = TRUE)
  expect_identical(normalize(x), matrix(c(0.6, 0.8, 0, 0), 2, byrow = TRUE))
  expect_equal(normalize(x, axis = 1, p = 1), matrix(c(1, 1, 0, 0), 2, byrow = TRUE))
  expect_error(normalize(x, axis = 3), "from 1 to 2")
})

test_that("sequences are filled up and cut where Keras does it", {
  expect_identical(pad_sequences(list(1:2, 5:9), maxlen = 4), rbind(c(0L, 0L, 1L, 2L), 6:9))
  expect_identical(
    pad_sequences(list(1:2, 5:9), 3, padding = "post", truncating = "post", value = 7),
    rbind(c(1L, 2L, 7L), 5:7)
  )
  expect_identical(dim(pad_sequences(list(1:2, 1:3))), 2:3)
})
