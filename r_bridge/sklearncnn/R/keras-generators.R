#' Pictures in batches, changed at random
#'
#' `image_data_generator()` says how pictures are changed on their way to a network: differently
#' each time, so that the network never sees the same picture twice. `flow_images_from_directory()`
#' makes batches of the pictures in the folders of a folder, one folder a class,
#' `flow_images_from_dataframe()` of the files that a data frame names, and
#' `flow_images_from_data()` of an array. They go to [fit()], [evaluate()] and [predict()].
#'
#' A batch depends on the random seed and its number alone: with `set.seed()` fits are the same.
#' [fit()] draws another seed from R's generator each time, unless `seed` is given here. [predict()]
#' goes through the pictures in the order of `filenames`, shuffled or not, so that predictions can be
#' put beside them; [evaluate()] and validation data do so too where they see all of them.
#'
#' `featurewise_center`, `featurewise_std_normalization` and `zca_whitening` need to know the
#' pictures: show some to `fit_image_data_generator()` before batches are made.
#'
#' With a `preprocessing_function` each batch comes to R and goes back: layers, such as
#' [layer_rescaling()] and [layer_random_flip()], do their work without that.
#'
#' @param featurewise_center,featurewise_std_normalization Subtract the mean, and divide by the
#'   standard deviation, of each channel of the data.
#' @param samplewise_center,samplewise_std_normalization The same with those of each picture.
#' @param zca_whitening,zca_epsilon Take correlations between pixels out, and what is added to
#'   singular values there.
#' @param rotation_range Pictures are rotated by up to so many degrees.
#' @param width_shift_range,height_shift_range Pictures are shifted by up to such a share of their
#'   size, or, from 1 on, by up to so many pixels; with several values by one of them.
#' @param brightness_range Two numbers, between which pictures are multiplied, up to 255.
#' @param shear_range Pictures are sheared by up to so many degrees.
#' @param zoom_range Pictures are scaled by factors from `1 - zoom_range` to `1 + zoom_range`, or
#'   between two numbers.
#' @param channel_shift_range All channels are moved by up to so much.
#' @param fill_mode What is seen beyond the edge: `"nearest"`, `"reflect"`, `"wrap"`, or
#'   `"constant"`, which is `cval`.
#' @param cval A value for `fill_mode = "constant"`.
#' @param horizontal_flip,vertical_flip Whether one half of the pictures is mirrored.
#' @param rescale A factor for all values, such as `1 / 255`, after the changes.
#' @param validation_split Share of the pictures, of each class, that is `subset = "validation"`.
#' @param preprocessing_function A function of R that changes one picture, an array of height, width
#'   and channels, and returns one of the same size. It is called after the changes at random and
#'   before `rescale` and the rest.
#' @param data_format Not used: channels come last.
#' @param object,generator What `image_data_generator()` returned.
#' @param x Pictures: an array of rows, height, width and channels.
#' @param augment,rounds Whether statistics are those of changed pictures, each changed `rounds`
#'   times.
#' @param seed A whole number; drawn from R's generator by default.
#' @param y Targets, one row a picture: a vector or an array.
#' @param directory A folder; in `flow_images_from_dataframe()` the one that names of files belong to,
#'   `NULL` for where R is.
#' @param target_size Height and width, to which pictures are scaled.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param classes Names of the folders or classes, in the order of their numbers; all by default,
#'   sorted.
#' @param class_mode What targets are: `"categorical"`, a column a class; `"binary"` and `"sparse"`,
#'   class numbers from 0; `"input"`, the pictures themselves; `NULL` for none; in a data frame also
#'   `"raw"` (or `"other"`), numbers as they are.
#' @param batch_size Pictures of a batch.
#' @param shuffle Whether each epoch has an order of its own.
#' @param sample_weight One weight for each row.
#' @param follow_links Whether folders are looked into that are links.
#' @param subset `"training"` or `"validation"`, if the generator has a `validation_split`.
#' @param interpolation How pictures are scaled: see [image_load()].
#' @param save_to_dir A folder to which the pictures are written as they come into batches, stretched
#'   from black to white; so that one can look at them.
#' @param save_prefix,save_format How the names of these files begin, and `"png"` or `"jpeg"`.
#' @param dataframe A data frame, one row a picture.
#' @param x_col,y_col Names of the columns that hold the files' names and the classes, or, for
#'   `class_mode = "raw"`, of one or more columns of numbers.
#' @param drop_duplicates Not used.
#' @returns `image_data_generator()` and `fit_image_data_generator()` return the generator, the others
#'   batches: see [generator_next()].
#' @family batches
#' @examplesIf python_ready()
#' # Two folders of pictures: bright lines that go across, and down
#' folder <- tempfile("lines")
#' for (class in c("across", "down")) {
#'   dir.create(file.path(folder, class), recursive = TRUE)
#'   for (i in 1:10) {
#'     picture <- matrix(runif(400, 0, 100), 20)
#'     if (class == "across") picture[i + 5, ] <- 255 else picture[, i + 5] <- 255
#'     file <- file.path(folder, class, paste0(i, ".png"))
#'     image_array_save(picture, file, scale = FALSE)
#'   }
#' }
#' set.seed(1)
#' generator <- image_data_generator(
#'   rescale = 1 / 255, width_shift_range = 0.1, height_shift_range = 0.1, horizontal_flip = TRUE
#' )
#' pictures <- flow_images_from_directory(
#'   folder, generator, target_size = c(20, 20), color_mode = "grayscale", class_mode = "binary",
#'   batch_size = 5
#' )
#' pictures
#' batch <- generator_next(pictures)
#' plot(as.raster(batch[[1]][1, , , 1]))
#' model <- keras_model_sequential(input_shape = c(20, 20, 1)) %>%
#'   layer_conv_2d(filters = 4, kernel_size = 5, activation = "relu") %>%
#'   layer_global_max_pooling_2d() %>%
#'   layer_dense(units = 1, activation = "sigmoid") %>%
#'   compile(optimizer = optimizer_adam(0.05), loss = "binary_crossentropy", metrics = "accuracy")
#' model %>% fit(pictures, epochs = 3, verbose = 0)
#' data.frame(pictures$filenames, predict(model, pictures))[c(1, 20), ]
#'
#' # The same files named by a data frame, and a function of R for each picture
#' files <- data.frame(filename = pictures$filenames, class = dirname(pictures$filenames))
#' darker <- image_data_generator(preprocessing_function = function(picture) picture / 2)
#' flow_images_from_dataframe(
#'   files, folder, generator = darker, target_size = c(20, 20), color_mode = "grayscale"
#' )
#' @export
image_data_generator <- function(featurewise_center = FALSE, samplewise_center = FALSE,
                                 featurewise_std_normalization = FALSE,
                                 samplewise_std_normalization = FALSE, zca_whitening = FALSE,
                                 zca_epsilon = 1e-6, rotation_range = 0, width_shift_range = 0,
                                 height_shift_range = 0, brightness_range = NULL, shear_range = 0,
                                 zoom_range = 0, channel_shift_range = 0, fill_mode = "nearest",
                                 cval = 0, horizontal_flip = FALSE, vertical_flip = FALSE,
                                 rescale = NULL, preprocessing_function = NULL,
                                 data_format = NULL, validation_split = 0) {
  settings <- list(
    featurewise_center = featurewise_center, samplewise_center = samplewise_center,
    featurewise_std_normalization = featurewise_std_normalization,
    samplewise_std_normalization = samplewise_std_normalization, zca_whitening = zca_whitening,
    zca_epsilon = zca_epsilon, rotation_range = rotation_range,
    width_shift_range = width_shift_range, height_shift_range = height_shift_range,
    brightness_range = brightness_range, shear_range = shear_range, zoom_range = zoom_range,
    channel_shift_range = channel_shift_range, fill_mode = fill_mode, cval = cval,
    horizontal_flip = horizontal_flip, vertical_flip = vertical_flip, rescale = rescale,
    validation_split = validation_split
  )
  check_generator(settings)
  if (!is.null(preprocessing_function)) {
    settings$preprocessing_function <- match.fun(preprocessing_function)
  }
  structure(
    list(list2env(settings, parent = emptyenv())), class = c("sklearncnn_generator", "sklearncnn")
  )
}

check_generator <- function(settings) {
  call <- sys.call(-1)
  flags <- c(
    "featurewise_center", "samplewise_center", "featurewise_std_normalization",
    "samplewise_std_normalization", "zca_whitening", "horizontal_flip", "vertical_flip"
  )
  for (name in flags) check_flag(settings[[name]], name)
  numbers <- setdiff(names(settings), c(flags, "fill_mode"))
  for (name in numbers) {
    value <- settings[[name]]
    lengths <- switch(name,
      brightness_range = c(0, 2), zoom_range = 1:2, rescale = 0:1,
      width_shift_range = , height_shift_range = seq_len(100), 1
    )
    if (!length(value) %in% lengths || length(value) && (!is.numeric(value) || anyNA(value))) {
      abort("argument", paste0(
        "`", name, "` must be ", if (2 %in% lengths) "one number or more" else "a number", "."
      ), call = call)
    }
  }
  modes <- c("nearest", "reflect", "wrap", "constant")
  if (!settings$fill_mode %in% modes) {
    abort("argument", paste0(
      "`fill_mode` must be one of ", paste0("\"", modes, "\"", collapse = ", "), "."
    ), call = call)
  }
  share <- settings$validation_split
  if (share < 0 || share >= 1) {
    abort("argument", "`validation_split` must be a number from 0 to less than 1.", call = call)
  }
}

#' @rdname image_data_generator
#' @export
fit_image_data_generator <- function(object, x, augment = FALSE, rounds = 1, seed = NULL) {
  call <- sys.call()
  state <- generator_state(object)
  check_flag(augment, "augment")
  check_count(rounds, "rounds")
  check_pictures(x, call)
  found <- dispatch("statistics_of_pictures", list(
    settings = generator_settings(object), x = as_data(x, "x", call), augment = augment,
    rounds = rounds, seed = if (is.null(seed)) draw_seed() else seed
  ))
  list2env(found, state)
  invisible(object)
}

generator_state <- function(generator) {
  if (!inherits(generator, "sklearncnn_generator")) {
    abort("argument", "A generator of image_data_generator() is wanted.", call = sys.call(-1))
  }
  .subset2(generator, 1L)
}

# What Python needs of a generator; its settings as of now.
generator_settings <- function(generator) {
  settings <- as.list(generator_state(generator))
  settings[names(settings) != "preprocessing_function"]
}

ready_settings <- function(generator, call = sys.call(-1)) {
  settings <- generator_settings(generator)
  needed <- c(
    featurewise_center = "mean", featurewise_std_normalization = "deviation",
    zca_whitening = "whitening"
  )
  for (name in names(needed)) {
    if (settings[[name]] && is.null(settings[[needed[[name]]]])) {
      abort("argument", paste0(
        "`", name, "` needs to know the pictures: call fit_image_data_generator() first."
      ), call = call)
    }
  }
  settings
}

#' @export
`$.sklearncnn_generator` <- function(x, name) generator_state(x)[[name]]

#' @export
print.sklearncnn_generator <- function(x, ...) {
  settings <- as.list(generator_state(x))
  if (!is.null(settings$preprocessing_function)) settings$preprocessing_function <- "a function"
  settings <- settings[setdiff(names(settings), c("mean", "deviation", "whitening"))]
  usual <- formals(image_data_generator)
  changed <- Filter(function(name) !identical(settings[[name]], usual[[name]]), names(settings))
  changed <- changed[!vapply(settings[changed], is.null, NA)]
  changed <- intersect(names(usual), changed)
  words <- vapply(changed, function(name) {
    paste(name, "=", paste(format(settings[[name]], digits = 3L), collapse = " "))
  }, "")
  cat("<Generator of pictures: ", if (length(words)) paste(words, collapse = ", ") else "as they are",
      ">\n", sep = "")
  invisible(x)
}

check_pictures <- function(x, call) {
  if (!is.numeric(x) || length(dim(x)) != 4L) {
    abort("data", "`x` must be pictures: an array of rows, height, width and channels.", call = call)
  }
}

check_subset <- function(subset) {
  if (!is.null(subset) && !identical(subset, "training") && !identical(subset, "validation")) {
    abort("argument", "`subset` must be \"training\" or \"validation\".", call = sys.call(-1))
  }
}

#' @rdname image_data_generator
#' @export
flow_images_from_data <- function(x, y = NULL, generator = image_data_generator(), batch_size = 32,
                                  shuffle = TRUE, sample_weight = NULL, seed = NULL,
                                  save_to_dir = NULL, save_prefix = "", save_format = "png",
                                  subset = NULL) {
  call <- sys.call()
  check_pictures(x, call)
  check_same_rows(x, y, call)
  if (!is.null(sample_weight)) check_same_rows(x, sample_weight, call)
  check_subset(subset)
  new_batches("flow_from_arrays", list(
    x = as_data(x, "x", call), y = as_data(y, "y", call),
    sample_weight = as_data(sample_weight, "sample_weight", call),
    generator = ready_settings(generator), subset = subset,
    settings = batch_settings(batch_size, shuffle, seed),
    saved = save_settings(save_to_dir, save_prefix, save_format)
  ), preprocess = generator$preprocessing_function)
}

#' @rdname image_data_generator
#' @export
flow_images_from_directory <- function(directory, generator = image_data_generator(),
                                       target_size = c(256, 256),
                                       color_mode = c("rgb", "rgba", "grayscale"), classes = NULL,
                                       class_mode = "categorical", batch_size = 32, shuffle = TRUE,
                                       seed = NULL, save_to_dir = NULL, save_prefix = "",
                                       save_format = "png", follow_links = FALSE, subset = NULL,
                                       interpolation = "nearest") {
  check_size(target_size, "target_size")
  check_subset(subset)
  check_flag(follow_links, "follow_links")
  check_class_mode(class_mode)
  new_batches("flow_from_directory", list(
    directory = path_of(directory), generator = ready_settings(generator),
    classes = if (!is.null(classes)) as.array(classes), class_mode = class_mode, subset = subset,
    follow_links = follow_links,
    pictures = list(
      color_mode = match.arg(color_mode), size = target_size,
      interpolation = check_interpolation(interpolation)
    ),
    settings = batch_settings(batch_size, shuffle, seed),
    saved = save_settings(save_to_dir, save_prefix, save_format)
  ), preprocess = generator$preprocessing_function)
}

check_class_mode <- function(class_mode, more = character()) {
  modes <- c("categorical", "binary", "sparse", "input", more)
  if (!is.null(class_mode) && !isTRUE(class_mode %in% modes)) {
    abort("argument", paste0(
      "`class_mode` must be NULL or one of ", paste0("\"", modes, "\"", collapse = ", "), "."
    ), call = sys.call(-1))
  }
}

save_settings <- function(directory, prefix, format) {
  if (is.null(directory)) return(NULL)
  call <- sys.call(-1)
  if (!isTRUE(format %in% c("png", "jpeg", "jpg"))) {
    abort("argument", "`save_format` must be \"png\" or \"jpeg\".", call = call)
  }
  directory <- path_of(directory)
  if (!dir.exists(directory)) {
    abort("argument", paste0("There is no folder \"", directory, "\" to save to."), call = call)
  }
  list(directory = directory, prefix = prefix, format = format)
}

#' @rdname image_data_generator
#' @export
flow_images_from_dataframe <- function(dataframe, directory = NULL, x_col = "filename",
                                       y_col = "class", generator = image_data_generator(),
                                       target_size = c(256, 256),
                                       color_mode = c("rgb", "rgba", "grayscale"), classes = NULL,
                                       class_mode = "categorical", batch_size = 32, shuffle = TRUE,
                                       seed = NULL, save_to_dir = NULL, save_prefix = "",
                                       save_format = "png", subset = NULL,
                                       interpolation = "nearest", drop_duplicates = NULL) {
  call <- sys.call()
  check_size(target_size, "target_size")
  check_subset(subset)
  check_class_mode(class_mode, c("raw", "other"))
  with_targets <- !is.null(class_mode) && class_mode != "input"
  check_columns(dataframe, c(x_col, if (with_targets) y_col), call)
  directory <- if (is.null(directory)) getwd() else path_of(directory)
  paths <- in_folder(as.character(dataframe[[x_col]]), directory)
  rows <- existing_rows(paths, call)
  labels <- values <- NULL
  if (with_targets && class_mode %in% c("raw", "other")) {
    values <- as_data(dataframe[rows, y_col], "dataframe", call)
  } else if (with_targets) {
    labels <- as.character(dataframe[[y_col]])
    if (is.null(classes)) classes <- sort(unique(labels[rows]), method = "radix")
    rows <- rows[labels[rows] %in% classes]
  }
  if (!length(rows)) {
    abort("data", "No row of `dataframe` names a picture that there is.", call = call)
  }
  new_batches("flow_from_table", list(
    directory = directory, paths = as.array(paths[rows]),
    names = if (!is.null(labels)) as.array(as.character(classes)),
    numbers = if (!is.null(labels)) as.array(match(labels[rows], classes) - 1L), values = values,
    generator = ready_settings(generator), class_mode = class_mode, subset = subset,
    pictures = list(
      color_mode = match.arg(color_mode), size = target_size,
      interpolation = check_interpolation(interpolation)
    ),
    settings = batch_settings(batch_size, shuffle, seed),
    saved = save_settings(save_to_dir, save_prefix, save_format)
  ), preprocess = generator$preprocessing_function)
}

check_columns <- function(dataframe, columns, call) {
  if (!is.data.frame(dataframe)) {
    abort("data", "`dataframe` must be a data frame, one row a picture.", call = call)
  }
  unknown <- setdiff(columns, names(dataframe))
  if (length(unknown)) {
    abort("data", paste0(
      "`dataframe` has no column \"", unknown[1], "\"; it has ",
      paste0("\"", names(dataframe), "\"", collapse = ", "), "."
    ), call = call)
  }
}

in_folder <- function(files, folder) {
  absolute <- grepl("^(/|~|[A-Za-z]:)", files)
  ifelse(absolute, path.expand(files), file.path(folder, files))
}

existing_rows <- function(paths, call) {
  there <- file.exists(paths)
  if (!all(there)) {
    warning(warningCondition(paste0(
      sum(!there), " of ", length(there), " pictures are not there and left out, the first: ",
      paths[!there][1]
    ), class = c("sklearncnn_missing_pictures", "sklearncnn_warning"), call = call))
  }
  which(there)
}

#' Pictures of folders in batches
#'
#' Batches of the pictures in the folders of a folder, one folder a class, with values from 0 to
#' 255: what [fit()], [evaluate()] and [predict()] take. Changes at random are layers here, such as
#' [layer_random_flip()] and [layer_random_rotation()], and [layer_rescaling()] is the first of a
#' network. [image_data_generator()] is the older way.
#'
#' Orders are drawn from R's generator: with `set.seed()` fits are the same. [predict()] goes through
#' the pictures in the order of `filenames`, shuffled or not.
#'
#' @param directory A folder.
#' @param labels `"inferred"`: the class of a picture is the folder that it lies in. Or one class
#'   number from 0 for each picture, in the order of the files' names; or `NULL` for none.
#' @param label_mode What targets are: `"int"`, class numbers from 0; `"categorical"`, a column a
#'   class; `"binary"`, a column of 0 and 1; `NULL` for none.
#' @param class_names Names of the folders, in the order of their numbers; all by default, sorted.
#' @param color_mode `"rgb"`, `"rgba"` or `"grayscale"`.
#' @param batch_size Pictures of a batch.
#' @param image_size Height and width, to which pictures are scaled.
#' @param shuffle Whether each epoch has an order of its own.
#' @param seed A whole number; drawn from R's generator by default.
#' @param validation_split Share of the pictures that is `subset = "validation"`.
#' @param subset `"training"` or `"validation"`, if `validation_split` is given. Both need the same
#'   `seed`, or `shuffle = FALSE`.
#' @param interpolation How pictures are scaled: see [image_load()].
#' @param follow_links Whether folders are looked into that are links.
#' @param crop_to_aspect_ratio,pad_to_aspect_ratio Whether pictures of other proportions are cropped,
#'   or given margins, rather than distorted.
#' @param ... Not used.
#' @returns Batches: see [generator_next()].
#' @family batches
#' @examplesIf python_ready()
#' folder <- tempfile("lines")
#' for (class in c("across", "down")) {
#'   dir.create(file.path(folder, class), recursive = TRUE)
#'   for (i in 1:10) {
#'     picture <- matrix(runif(400, 0, 100), 20)
#'     if (class == "across") picture[i + 5, ] <- 255 else picture[, i + 5] <- 255
#'     file <- file.path(folder, class, paste0(i, ".png"))
#'     image_array_save(picture, file, scale = FALSE)
#'   }
#' }
#' pictures <- image_dataset_from_directory(
#'   folder, image_size = c(20, 20), color_mode = "grayscale", batch_size = 5
#' )
#' pictures
#' set.seed(1)
#' model <- keras_model_sequential(input_shape = c(20, 20, 1)) %>%
#'   layer_random_flip("horizontal") %>%
#'   layer_rescaling(1 / 255) %>%
#'   layer_conv_2d(filters = 4, kernel_size = 5, activation = "relu") %>%
#'   layer_global_max_pooling_2d() %>%
#'   layer_dense(units = 1, activation = "sigmoid") %>%
#'   compile(optimizer = optimizer_adam(0.05), loss = "binary_crossentropy", metrics = "accuracy")
#' model %>% fit(pictures, epochs = 3, verbose = 0)
#' model %>% evaluate(pictures)
#' @export
image_dataset_from_directory <- function(directory, labels = "inferred", label_mode = "int",
                                         class_names = NULL,
                                         color_mode = c("rgb", "rgba", "grayscale"),
                                         batch_size = 32, image_size = c(256, 256), shuffle = TRUE,
                                         seed = NULL, validation_split = NULL, subset = NULL,
                                         interpolation = "bilinear", follow_links = FALSE,
                                         crop_to_aspect_ratio = FALSE, pad_to_aspect_ratio = FALSE,
                                         ...) {
  check_size(image_size, "image_size")
  check_flag(follow_links, "follow_links")
  check_flag(crop_to_aspect_ratio, "crop_to_aspect_ratio")
  check_flag(pad_to_aspect_ratio, "pad_to_aspect_ratio")
  check_part(validation_split, subset, shuffle, seed)
  modes <- c("int", "categorical", "binary")
  if (!is.null(label_mode) && !isTRUE(label_mode %in% modes)) {
    abort("argument", paste0(
      "`label_mode` must be NULL or one of ", paste0("\"", modes, "\"", collapse = ", "), "."
    ))
  }
  if (!is.null(labels) && !identical(labels, "inferred") && !is.numeric(labels)) {
    abort("argument", "`labels` must be \"inferred\", NULL, or class numbers from 0.")
  }
  new_batches("dataset_from_directory", list(
    directory = path_of(directory), labels = if (is.numeric(labels)) as.array(labels) else labels,
    label_mode = label_mode, class_names = if (!is.null(class_names)) as.array(class_names),
    validation_split = validation_split, subset = subset, follow_links = follow_links,
    pictures = list(
      color_mode = match.arg(color_mode), size = image_size,
      interpolation = check_interpolation(interpolation),
      crop_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio = pad_to_aspect_ratio
    ),
    settings = batch_settings(batch_size, shuffle, seed)
  ))
}

check_part <- function(validation_split, subset, shuffle, seed) {
  call <- sys.call(-1)
  if (is.null(validation_split) != is.null(subset)) {
    abort("argument", "`validation_split` and `subset` belong together: give both or none.", call)
  }
  if (is.null(subset)) return()
  check_subset(subset)
  share <- validation_split
  if (!is.numeric(share) || length(share) != 1L || share <= 0 || share >= 1) {
    abort("argument", "`validation_split` must be a number between 0 and 1.", call = call)
  }
  if (shuffle && is.null(seed)) {
    abort("argument", paste(
      "Give the same `seed` for both subsets, or shuffle = FALSE: otherwise pictures could be in",
      "both."
    ), call = call)
  }
}
