# Small data and networks, and Keras itself to compare with.

load_keras_commands <- function() {
  dispatch("load_commands", list(path = normalizePath(test_path("keras_commands.py"))))
}

needs_tensorflow <- function(what) {
  backend <- Sys.getenv("KERAS_BACKEND", "tensorflow")
  skip_if(backend != "tensorflow", paste(what, "are TensorFlow's"))
}

iris_x <- unname(scale(as.matrix(iris[1:4])))
attributes(iris_x) <- list(dim = dim(iris_x))
iris_y <- to_categorical(iris$Species)

iris_model <- function(seed = 1, optimizer = "rmsprop", metrics = "acc") {
  set.seed(seed)
  keras_model_sequential() %>%
    layer_dense(units = 8, activation = "relu", input_shape = 4) %>%
    layer_dense(units = 3, activation = "softmax") %>%
    compile(optimizer = optimizer, loss = "categorical_crossentropy", metrics = metrics)
}
