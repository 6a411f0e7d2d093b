# Folders of small pictures: bright lines that go across, and down.
line_folder <- function(n = 12, size = 16) {
  folder <- tempfile("lines")
  for (class in c("across", "down")) {
    dir.create(file.path(folder, class), recursive = TRUE)
    for (i in seq_len(n)) {
      picture <- matrix(stats::runif(size^2, 0, 100), size)
      at <- 3 + i %% (size - 6)
      if (class == "across") picture[at, ] <- 255 else picture[, at] <- 255
      image_array_save(picture, file.path(folder, class, paste0(i, ".png")), scale = FALSE)
    }
  }
  folder
}

line_model <- function() {
  keras_model_sequential(input_shape = c(16, 16, 1)) %>%
    layer_conv_2d(filters = 4, kernel_size = 5, activation = "relu") %>%
    layer_global_max_pooling_2d() %>%
    layer_dense(units = 1, activation = "sigmoid") %>%
    compile(optimizer = optimizer_adam(0.05), loss = "binary_crossentropy", metrics = "accuracy")
}

line_flow <- function(folder, generator = image_data_generator(rescale = 1 / 255), ...) {
  flow_images_from_directory(
    folder, generator, target_size = c(16, 16), color_mode = "grayscale", class_mode = "binary",
    batch_size = 5, ...
  )
}
