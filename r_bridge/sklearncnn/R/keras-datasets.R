#' Data sets of pictures, texts and houses
#'
#' Read files on this machine: nothing is downloaded, and nothing in a file is executed. They are
#' looked for in `path`, else in the folder that the environment variable `SKLEARN_CNN_DATA` names,
#' else where Keras keeps its data sets (`~/.keras/datasets`). Where a file is missing, the error
#' says which to put where.
#'
#' @param path A folder, or the file: `mnist.npz` or the four idx files, `fashion-mnist.npz`, the
#'   batches of CIFAR-10, `boston_housing.npz`, `imdb.npz`, `reuters.npz`,
#'   `imdb_word_index.json`, `reuters_word_index.json`. The name alone is looked for as above.
#' @param test_split Share of the rows that are for testing.
#' @param seed Draws the order of the rows, as Keras does.
#' @param num_words Words from this number on are replaced by `oov_char`: they are numbered by how
#'   often they occur.
#' @param skip_top The most frequent words are replaced too.
#' @param maxlen Texts of this length or longer are left out.
#' @param start_char,oov_char Numbers that begin a text, and that stand for a word left out.
#' @param index_from Words are numbered from here.
#' @seealso [image_dataset_from_directory()] and [timeseries_dataset_from_array()] for data of one's
#'   own.
#' @returns A list of `train` and `test`, each a list of `x` and `y`. Pictures are integer arrays of
#'   the dimensions (rows, height, width), with a fourth for colours; `y` counts classes from 0, and
#'   is a matrix of one column for CIFAR-10. Texts are lists of integer vectors. The word index is a
#'   named list, or for Reuters too, of numbers.
#' @examples
#' # Two pictures in a file as Keras has it
#' try(dataset_mnist(path = tempdir()), silent = TRUE)
#' @examplesIf python_ready() && file.exists("~/.keras/datasets/mnist.npz")
#' mnist <- dataset_mnist()
#' dim(mnist$train$x)
#' @name datasets
NULL

# What scripts write where they mean the usual file, wherever it lies.
usual_path <- function(path, usual) {
  if (is.null(path) || path %in% usual && !file.exists(path)) NULL else path_of(path)
}

pictures <- function(name, path, usual) {
  dispatch("read_pictures", list(name = name, path = usual_path(path, usual)), call = NULL)
}

#' @rdname datasets
#' @export
dataset_mnist <- function(path = "mnist.npz") pictures("mnist", path, "mnist.npz")

#' @rdname datasets
#' @export
dataset_fashion_mnist <- function(path = NULL) pictures("fashion_mnist", path, character())

#' @rdname datasets
#' @export
dataset_cifar10 <- function(path = NULL) {
  parts <- pictures("cifar10", path, character())
  lapply(parts, function(part) {
    dim(part$y) <- c(length(part$y), 1L)
    part
  })
}

#' @rdname datasets
#' @export
dataset_boston_housing <- function(path = "boston_housing.npz", test_split = 0.2, seed = 113L) {
  dispatch("read_boston_housing", list(
    path = usual_path(path, "boston_housing.npz"), test_split = test_split, seed = seed
  ), call = NULL)
}

texts <- function(name, path, settings) {
  parts <- dispatch("read_texts", list(
    name = name, path = usual_path(path, paste0(name, ".npz")), settings = settings
  ), call = NULL)
  lapply(parts, function(part) {
    number <- rep(seq_along(part$lengths), part$lengths)
    x <- split(part$words, factor(number, seq_along(part$lengths)))
    list(x = unname(x), y = part$y)
  })
}

#' @rdname datasets
#' @export
dataset_imdb <- function(path = "imdb.npz", num_words = NULL, skip_top = 0L, maxlen = NULL,
                         seed = 113L, start_char = 1L, oov_char = 2L, index_from = 3L) {
  texts("imdb", path, list(
    num_words = num_words, skip_top = skip_top, maxlen = maxlen, seed = seed,
    start_char = start_char, oov_char = oov_char, index_from = index_from
  ))
}

#' @rdname datasets
#' @export
dataset_reuters <- function(path = "reuters.npz", num_words = NULL, skip_top = 0L, maxlen = NULL,
                            test_split = 0.2, seed = 113L, start_char = 1L, oov_char = 2L,
                            index_from = 3L) {
  texts("reuters", path, list(
    num_words = num_words, skip_top = skip_top, maxlen = maxlen, test_split = test_split,
    seed = seed, start_char = start_char, oov_char = oov_char, index_from = index_from
  ))
}

word_index <- function(name, path) {
  path <- usual_path(path, paste0(name, "_word_index.json"))
  index <- dispatch("read_word_index", list(name = name, path = path), call = NULL)
  stats::setNames(as.list(index$numbers), index$words)
}

#' @rdname datasets
#' @export
dataset_imdb_word_index <- function(path = "imdb_word_index.json") word_index("imdb", path)

#' @rdname datasets
#' @export
dataset_reuters_word_index <- function(path = "reuters_word_index.json") {
  word_index("reuters", path)
}
