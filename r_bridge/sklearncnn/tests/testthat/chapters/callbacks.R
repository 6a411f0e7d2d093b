library(sklearncnn)

fashion <- dataset_fashion_mnist()
x <- fashion$train$x / 255
y <- fashion$train$y

model <- keras_model_sequential() %>%
  layer_flatten(input_shape = c(28, 28)) %>%
  layer_dense(units = 32, activation = "relu", kernel_initializer = initializer_he_uniform()) %>%
  layer_batch_normalization() %>%
  layer_dense(units = 10, activation = "softmax")

callbacks_list <- list(
  callback_early_stopping(monitor = "val_loss", patience = 2),
  callback_model_checkpoint(
    filepath = "my_model.h5", monitor = "val_loss", save_best_only = TRUE
  ),
  callback_reduce_lr_on_plateau(monitor = "val_loss", factor = 0.1, patience = 1),
  callback_csv_logger("log.csv")
)
model %>% compile(
  optimizer = optimizer_adam(lr = 0.01),
  loss = "sparse_categorical_crossentropy",
  metrics = c("acc")
)
history <- model %>% fit(
  x, y,
  epochs = 6, batch_size = 32,
  callbacks = callbacks_list,
  validation_split = 0.25
)
best <- load_model_hdf5("my_model.h5")
log <- read.csv("log.csv")
