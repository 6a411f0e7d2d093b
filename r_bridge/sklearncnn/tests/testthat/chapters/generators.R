library(sklearncnn)

train_dir <- file.path(base_dir, "train")
validation_dir <- file.path(base_dir, "validation")

model <- keras_model_sequential() %>%
  layer_conv_2d(filters = 8, kernel_size = c(3, 3), activation = "relu",
                input_shape = c(24, 24, 3)) %>%
  layer_max_pooling_2d(pool_size = c(2, 2)) %>%
  layer_conv_2d(filters = 8, kernel_size = c(3, 3), activation = "relu") %>%
  layer_global_max_pooling_2d() %>%
  layer_dense(units = 16, activation = "relu") %>%
  layer_dense(units = 1, activation = "sigmoid")

model %>% compile(
  loss = "binary_crossentropy",
  optimizer = optimizer_rmsprop(lr = 3e-3),
  metrics = c("acc")
)

datagen <- image_data_generator(
  rescale = 1/255,
  rotation_range = 10,
  width_shift_range = 0.1,
  height_shift_range = 0.1,
  shear_range = 0.1,
  zoom_range = 0.1,
  horizontal_flip = TRUE
)
test_datagen <- image_data_generator(rescale = 1/255)

fnames <- list.files(file.path(train_dir, "across"), full.names = TRUE)
img_path <- fnames[[3]]
img <- image_load(img_path, target_size = c(24, 24))
img_array <- image_to_array(img)
img_array <- array_reshape(img_array, c(1, 24, 24, 3))
augmentation_generator <- flow_images_from_data(
  img_array,
  generator = datagen,
  batch_size = 1
)
op <- par(mfrow = c(2, 2), pty = "s", mar = c(1, 0, 1, 0))
for (i in 1:4) {
  batch <- generator_next(augmentation_generator)
  plot(as.raster(batch[1,,,]))
}
par(op)

train_generator <- flow_images_from_directory(
  train_dir,
  datagen,
  target_size = c(24, 24),
  batch_size = 10,
  class_mode = "binary"
)
validation_generator <- flow_images_from_directory(
  validation_dir,
  test_datagen,
  target_size = c(24, 24),
  batch_size = 10,
  class_mode = "binary"
)
batch <- generator_next(train_generator)
str(batch)

history <- model %>% fit_generator(
  train_generator,
  steps_per_epoch = 8,
  epochs = 12,
  validation_data = validation_generator,
  validation_steps = 2
)
plot(history)

extract_features <- function(directory, sample_count) {
  features <- array(0, dim = c(sample_count, 11, 11, 8))
  labels <- array(0, dim = c(sample_count))
  generator <- flow_images_from_directory(
    directory = directory,
    generator = test_datagen,
    target_size = c(24, 24),
    batch_size = 10,
    class_mode = "binary"
  )
  conv_base <- keras_model_sequential() %>%
    layer_conv_2d(filters = 8, kernel_size = c(3, 3), input_shape = c(24, 24, 3)) %>%
    layer_max_pooling_2d(pool_size = c(2, 2))
  i <- 0
  while (TRUE) {
    batch <- generator_next(generator)
    inputs_batch <- batch[[1]]
    labels_batch <- batch[[2]]
    features_batch <- conv_base %>% predict(inputs_batch)
    index_range <- ((i * 10) + 1):((i + 1) * 10)
    features[index_range,,,] <- features_batch
    labels[index_range] <- labels_batch
    i <- i + 1
    if (i * 10 >= sample_count) break
  }
  list(features = features, labels = labels)
}
extracted <- extract_features(validation_dir, 20)

results <- model %>% evaluate_generator(validation_generator, steps = 2)
