texts <- c("The cat sat on the mat.", "The dog, again!", "", "\u00e9t\u00e9 cat")

test_that("texts become word numbers, in order of how often words occur", {
  words <- layer_text_vectorization(output_sequence_length = 4)
  expect_identical(adapt(words, texts), words)
  vocabulary <- get_vocabulary(words)
  expect_identical(vocabulary[1:4], c("", "[UNK]", "the", "cat"))
  expect_setequal(vocabulary[-(1:4)], c("sat", "on", "mat", "dog", "again", "\u00e9t\u00e9"))
  expect_identical(words("the cat unknown"), matrix(c(2L, 3L, 1L, 0L), 1))
  expect_identical(get_vocabulary(words, include_special_tokens = FALSE), vocabulary[-(1:2)])
  one <- layer_text_vectorization(output_mode = "multi_hot")
  set_vocabulary(one, "cat")
  expect_equal(one(texts), cbind(c(1, 1, 0, 1), c(1, 0, 0, 1)))
})

test_that("a network of texts is trained, saved and revived with its words", {
  needs_tensorflow("networks of texts")
  words <- layer_text_vectorization(output_mode = "tf_idf")
  adapt(words, texts)
  input <- layer_input(shape = 1, dtype = "string")
  output <- input %>% words() %>% layer_dense(units = 1)
  set.seed(1)
  model <- keras_model(input, output) %>% compile(optimizer = "adam", loss = "mse")
  history <- fit(model, texts, c(1, 0, 0, 1), epochs = 5, verbose = 0)
  expect_lt(history$metrics$loss[5], history$metrics$loss[1])
  before <- predict(model, texts)
  expect_identical(dim(before), c(4L, 1L))
  files <- c(tempfile(fileext = ".rds"), tempfile(fileext = ".keras"))
  saveRDS(list(model, words), files[1])
  save_model(model, files[2])
  again <- readRDS(files[1])
  expect_identical(predict(again[[1]], texts), before)
  expect_identical(again[[2]](texts), words(texts))
  expect_equal(predict(load_model(files[2]), texts), before, tolerance = 1e-6)
  first <- keras_model_sequential() %>%
    words() %>%
    layer_dense(units = 2)
  expect_identical(dim(predict(first, texts)), c(4L, 2L))
})

test_that("numbers are standardised by data that were seen", {
  standardise <- layer_normalization()
  x <- as.matrix(iris[1:4])
  adapt(standardise, x)
  expect_equal(colMeans(standardise(x)), numeric(4), tolerance = 1e-4)
  model <- keras_model_sequential(input_shape = 4) %>% standardise()
  expect_equal(predict(model, x), standardise(x), tolerance = 1e-5)
})

test_that("what cannot be adapted is an error that says so", {
  expect_error(adapt(layer_dense(units = 1), 1:3), "layer_text_vectorization\\(\\) or layer_norm")
  expect_error(adapt(1, texts), "layer_text_vectorization\\(\\) or layer_norm")
  expect_error(adapt(layer_text_vectorization(), NA_character_), "leave NA out")
})
