#' Save and load models
#'
#' Whole models are written to a file of Keras's own format, or to HDF5, as older editions did;
#' weights alone to HDF5, which does not bring back the state of the optimizer. `saveRDS()` and
#' `readRDS()` keep a model too, with all that belongs to it.
#'
#' @param object,model A model.
#' @param filepath The file; its name may end in anything.
#' @param overwrite Whether an existing file is replaced.
#' @param include_optimizer,custom_objects,by_name,... Not used: what a model was compiled with is
#'   saved with it, and there are no classes of one's own.
#' @param compile Whether the loaded model is compiled, as it was when it was saved.
#' @param skip_mismatch Whether layers of another size are left out.
#' @returns Loading a model returns it; the other functions return the model, invisibly.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
#' file <- tempfile(fileext = ".keras")
#' save_model(model, file)
#' same <- load_model(file)
#' identical(get_weights(same), get_weights(model))
#' @export
save_model <- function(model, filepath, overwrite = TRUE, ...) {
  call_kept(model, "save_model_of", path = path_of(filepath), overwrite = overwrite)
  invisible(model)
}

#' @rdname save_model
#' @export
load_model <- function(filepath, custom_objects = NULL, compile = TRUE, ...) {
  reply <- dispatch("load_model_from", list(path = path_of(filepath), compiled = compile))
  sequential <- grepl("^[^}]*\"class_name\": \"Sequential\"", reply$state$config)
  kept_object(reply, c(if (sequential) "sklearncnn_sequential", "sklearncnn_keras_model"))
}

#' @rdname save_model
#' @export
save_model_hdf5 <- function(object, filepath, overwrite = TRUE, include_optimizer = TRUE) {
  call_kept(object, "save_model_of", path = path_of(filepath), hdf5 = TRUE, overwrite = overwrite)
  invisible(object)
}

#' @rdname save_model
#' @export
load_model_hdf5 <- function(filepath, custom_objects = NULL, compile = TRUE) {
  load_model(filepath, compile = compile)
}

#' @rdname save_model
#' @export
save_model_weights_hdf5 <- function(object, filepath, overwrite = TRUE) {
  call_kept(object, "save_weights_of", path = path_of(filepath), overwrite = overwrite)
  invisible(object)
}

#' @rdname save_model
#' @export
load_model_weights_hdf5 <- function(object, filepath, by_name = FALSE, skip_mismatch = FALSE) {
  state <- call_kept(
    object, "load_weights_of", path = path_of(filepath), skip_mismatch = skip_mismatch
  )
  take_state(object, state)
}

#' @rdname save_model
#' @export
save_model_weights <- function(object, filepath, overwrite = TRUE) {
  save_model_weights_hdf5(object, filepath, overwrite)
}

#' @rdname save_model
#' @export
load_model_weights <- function(object, filepath, skip_mismatch = FALSE, ...) {
  load_model_weights_hdf5(object, filepath, skip_mismatch = skip_mismatch)
}

# A worker process has a working directory of its own.
path_of <- function(filepath) {
  if (!is.character(filepath) || length(filepath) != 1L || is.na(filepath)) {
    abort("argument", "`filepath` must be the name of a file.", call = sys.call(-1))
  }
  normalizePath(filepath, winslash = "/", mustWork = FALSE)
}
