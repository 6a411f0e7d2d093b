# A folder with small files in the formats of Keras's data sets, named as the place of the data.
with_data_sets <- function(code) {
  load_keras_commands()
  if (is.null(session$data_sets)) {
    session$data_sets <- tempfile("data-sets")
    dir.create(session$data_sets)
    dispatch("write_data_sets", list(folder = session$data_sets))
  }
  code
}

# Run a script of a chapter as a user would, with the data sets where Keras keeps them.
run_chapter <- function(name, ...) {
  with_data_sets({
    folder <- normalizePath(session$data_sets)
    old <- setwd(tempfile_folder())
    on.exit(setwd(old))
    frame <- list2env(list(...), parent = globalenv())
    # The script finds the data by path: Python took its environment at its start.
    for (data_set in c("mnist", "fashion_mnist", "cifar10", "imdb", "reuters", "boston_housing",
                       "imdb_word_index")) {
      load <- getExportedValue("sklearncnn", paste0("dataset_", data_set))
      assign(paste0("dataset_", data_set), local({
        load_from <- load
        function(...) load_from(path = folder, ...)
      }), frame)
    }
    pdf(NULL)
    on.exit(dev.off(), add = TRUE)
    capture.output(sys.source(file.path(old, "chapters", name), frame))
    frame
  })
}

tempfile_folder <- function() {
  folder <- tempfile("chapter")
  dir.create(folder)
  folder
}
