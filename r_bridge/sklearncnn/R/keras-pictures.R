#' Picture files
#'
#' Reads PNG, JPEG, GIF (the first picture) and BMP files, and writes PNG and JPEG.
#'
#' @param path The file.
#' @param grayscale Whether grey values are wanted: `color_mode = "grayscale"`.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param target_size Height and width, to which the picture is scaled.
#' @param interpolation How: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"`, `"lanczos5"` or
#'   `"area"`.
#' @param img A picture of `image_load()`, or an array of height, width and channels, or a matrix of
#'   grey values.
#' @param height,width The new size.
#' @param data_format Not used: channels come last.
#' @param file_format `"png"` or `"jpeg"`; by default what the name of the file ends in.
#' @param scale Whether the lowest value becomes black and the highest white. Without, values go from
#'   0 to 255.
#' @param x A picture.
#' @param ... Further arguments of [graphics::plot.raster()].
#' @returns `image_load()` returns a picture, an array that can be plotted. `image_to_array()` and
#'   `image_array_resize()` return an array of height, width and channels, with values from 0 to 255
#'   for a picture of a file. `image_array_save()` returns `img`, invisibly.
#' @family pictures
#' @examplesIf python_ready()
#' file <- tempfile(fileext = ".png")
#' image_array_save(volcano, file)
#' picture <- image_load(file, target_size = c(60, 60))
#' picture
#' plot(picture)
#' range(image_to_array(picture))
#' @export
image_load <- function(path, grayscale = FALSE, color_mode = c("rgb", "rgba", "grayscale"),
                       target_size = NULL, interpolation = "nearest") {
  check_flag(grayscale, "grayscale")
  color_mode <- if (grayscale) "grayscale" else match.arg(color_mode)
  interpolation <- check_interpolation(interpolation)
  if (!is.null(target_size)) check_size(target_size, "target_size")
  picture <- dispatch("read_picture", list(
    path = path_of(path), color_mode = color_mode, size = target_size, interpolation = interpolation
  ))
  structure(picture, class = c("sklearncnn_picture", "sklearncnn"))
}

check_size <- function(size, name) {
  check_count(size, name, several = TRUE)
  if (length(size) != 2L) {
    abort("argument", paste0("`", name, "` must be a height and a width."), call = sys.call(-1))
  }
}

check_interpolation <- function(interpolation) {
  known <- c("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")
  if (!is.character(interpolation) || length(interpolation) != 1L || !interpolation %in% known) {
    abort("argument", paste0(
      "`interpolation` must be one of ", paste0("\"", known, "\"", collapse = ", "), "."
    ), call = sys.call(-1))
  }
  interpolation
}

#' @rdname image_load
#' @export
image_to_array <- function(img, data_format = NULL) {
  if (is.character(img)) img <- image_load(img)
  picture_array(img)
}

picture_array <- function(img, call = sys.call(-1)) {
  shape <- dim(img)
  if (!is.numeric(img) || !length(shape) %in% 2:3) {
    abort("data", "`img` must be a picture: an array of height, width and channels.", call = call)
  }
  if (length(shape) == 2L) shape <- c(shape, 1L)
  attributes(img) <- list(dim = shape)
  img
}

#' @rdname image_load
#' @export
image_array_resize <- function(img, height, width, data_format = NULL) {
  size <- c(height, width)
  check_size(size, "c(height, width)")
  several <- length(dim(img)) == 4L
  if (several) attributes(img) <- list(dim = dim(img))
  x <- if (several) img else picture_array(img)
  dispatch("resize_picture", list(x = as_float32(x), size = size))
}

#' @rdname image_load
#' @export
image_array_save <- function(img, path, data_format = NULL, file_format = NULL, scale = TRUE) {
  check_flag(scale, "scale")
  if (is.null(file_format)) file_format <- tolower(tools::file_ext(path))
  if (file_format == "jpg") file_format <- "jpeg"
  if (!file_format %in% c("png", "jpeg")) {
    abort("argument", "Pictures are written as \"png\" or \"jpeg\": say which by `file_format`.")
  }
  x <- picture_array(img)
  if (!dim(x)[3] %in% c(1L, 3L, if (file_format == "png") 4L)) {
    abort("data", paste0("`img` has ", dim(x)[3], " channels: 1, 3, or for PNG 4 are possible."))
  }
  dispatch("write_picture", list(
    x = as_float32(x), path = path_of(path), file_format = file_format, scale = scale
  ))
  invisible(img)
}

#' @export
print.sklearncnn_picture <- function(x, ...) {
  cat("<Picture of ", paste(dim(x), collapse = " x "), ">\n", sep = "")
  invisible(x)
}

#' @rdname image_load
#' @export
plot.sklearncnn_picture <- function(x, ...) {
  x <- picture_array(x)
  if (dim(x)[3] == 1L) dim(x) <- dim(x)[1:2]
  graphics::plot(grDevices::as.raster(x, max = 255), ...)
}
