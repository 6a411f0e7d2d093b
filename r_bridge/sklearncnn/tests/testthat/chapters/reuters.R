library(sklearncnn)

reuters <- dataset_reuters(num_words = 10000)
train_data <- reuters$train$x
train_labels <- reuters$train$y
test_data <- reuters$test$x
test_labels <- reuters$test$y

vectorize_sequences <- function(sequences, dimension = 2000) {
  results <- matrix(0, nrow = length(sequences), ncol = dimension)
  for (i in 1:length(sequences))
    results[i, sequences[[i]]] <- 1
  results
}

x_train <- vectorize_sequences(train_data)
x_test <- vectorize_sequences(test_data)
one_hot_train_labels <- to_categorical(train_labels)
one_hot_test_labels <- to_categorical(test_labels)

model <- keras_model_sequential() %>%
  layer_dense(units = 64, activation = "relu", input_shape = c(2000)) %>%
  layer_dense(units = 64, activation = "relu") %>%
  layer_dense(units = 46, activation = "softmax")

model %>% compile(
  optimizer = "rmsprop",
  loss = "categorical_crossentropy",
  metrics = c("accuracy")
)

history <- model %>% fit(
  x_train, one_hot_train_labels, epochs = 9, batch_size = 32, validation_split = 0.1
)
results <- model %>% evaluate(x_test, one_hot_test_labels)
test_labels_copy <- sample(test_labels)
hits <- length(which(test_labels == test_labels_copy)) / length(test_labels)

model %>% compile(
  optimizer = "rmsprop",
  loss = "sparse_categorical_crossentropy",
  metrics = c("accuracy")
)
sparse <- model %>% evaluate(x_test, test_labels)
predictions <- model %>% predict(x_test)
