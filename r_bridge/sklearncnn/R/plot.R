#' Plot a fitted network
#'
#' @param x,object A model fitted by [mlp()] or [cnn()].
#' @param which `"history"`: the loss, epoch by epoch, on a logarithmic scale where it is positive,
#'   with that of validation rows where there were some; `"fitted"`: the response against the fitted
#'   values; `"residuals"`: deviance residuals against the linear predictor; `"filters"`: the kernels
#'   of a convolution, one column a filter and one row a channel, dark below zero and light above,
#'   in colour where there are three channels. For factors of three or more levels `"fitted"` and
#'   `"residuals"` show the observed level instead of the linear predictor, and the probability that
#'   the fit gives it.
#' @param layer Which convolution, for `"filters"`: its number, or the name of its kernel in
#'   [weight_arrays()].
#' @param ... Passed to [graphics::plot()].
#' @returns `plot()` returns what it drew, invisibly: a data frame with columns `x`, `y` and for the
#'   history `data`, or for `"filters"` the kernel. `ggplot2::autoplot()` returns a ggplot.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- mlp(dist ~ speed, cars, hidden = 3, starts = 1)
#' plot(fit)
#' plot(fit, "residuals")
#' @export
plot.sklearncnn <- function(x, which = c("history", "fitted", "residuals", "filters"), layer = 1,
                            ...) {
  which <- match.arg(which)
  if (which == "filters") return(draw_filters(kernel_of(x, layer), ...))
  drawn <- shown(x, which)
  if (which == "history") draw_history(drawn, ...) else draw_points(drawn, ...)
  invisible(drawn$points)
}

# What is drawn, apart from how: points, the labels of the axes, and the line to compare with.
shown <- function(x, which) {
  if (which == "history") return(shown_history(x$history))
  several <- is.matrix(x$y)
  across <- if (several) factor(x$levels[max.col(x$y)], x$levels)
  switch(which,
    fitted = list(
      points = if (several) {
        data.frame(x = across, y = rowSums(x$y * x$fitted.values))
      } else {
        data.frame(x = unname(as.vector(x$fitted.values)), y = unname(x$y))
      },
      labels = if (several) {
        c("Observed level", "Fitted probability of it")
      } else {
        c("Fitted value", "Response")
      },
      line = if (!several) c(0, 1)
    ),
    residuals = list(
      points = data.frame(
        x = if (several) across else unname(as.vector(x$linear.predictors)),
        y = unname(row_residuals(x))
      ),
      labels = c(if (several) "Observed level" else "Linear predictor", "Deviance residual"),
      line = c(0, 0)
    )
  )
}

# Without the padding of rows that were left out.
row_residuals <- function(x) {
  x$na.action <- NULL
  as.vector(stats::residuals(x, "deviance"))
}

shown_history <- function(history) {
  losses <- intersect(c("loss", "val_loss"), names(history))
  points <- do.call(rbind, lapply(losses, function(name) {
    data <- if (name == "loss") "training" else "validation"
    data.frame(x = history$epoch, y = history[[name]], data = data)
  }))
  log <- all(points$y > 0, na.rm = TRUE)
  step <- if (is.null(history$learning_rate)) "Iteration" else "Epoch"
  list(points = points, labels = c(step, if (log) "Loss (log scale)" else "Loss"), log = log)
}

draw_history <- function(drawn, ...) {
  points <- drawn$points
  frame <- list(
    x = range(points$x), y = range(points$y, finite = TRUE), type = "n",
    xlab = drawn$labels[1], ylab = drawn$labels[2], log = if (drawn$log) "y" else ""
  )
  draw_with(frame, ...)
  kinds <- unique(points$data)
  for (i in seq_along(kinds)) {
    graphics::lines(points[points$data == kinds[i], 1:2], lty = i, lwd = 2, col = line_colours[i])
  }
  if (length(kinds) > 1L) {
    y <- if (drawn$log) log(points$y) else points$y
    graphics::legend(free_corner(points$x, y), kinds,
      lty = seq_along(kinds), lwd = 2, col = line_colours[seq_along(kinds)], bty = "n"
    )
  }
}

# The corner of a plot in which the fewest points lie.
free_corner <- function(x, y) {
  place <- function(v) {
    ends <- range(v, finite = TRUE)
    if (ends[1] < ends[2]) (v - ends[1]) / diff(ends) else rep(0.5, length(v))
  }
  x <- place(x)
  y <- place(y)
  taken <- c(
    topright = sum(x > 0.6 & y > 0.7, na.rm = TRUE),
    bottomright = sum(x > 0.6 & y < 0.3, na.rm = TRUE),
    bottomleft = sum(x < 0.4 & y < 0.3, na.rm = TRUE),
    topleft = sum(x < 0.4 & y > 0.7, na.rm = TRUE)
  )
  names(which.min(taken))
}

# Told apart in grey too.
line_colours <- c("black", "#c2571a")

draw_points <- function(drawn, ...) {
  draw_with(list(
    x = drawn$points$x, y = drawn$points$y, xlab = drawn$labels[1], ylab = drawn$labels[2]
  ), ...)
  if (!is.null(drawn$line)) graphics::abline(drawn$line[1], drawn$line[2], lty = 2)
}

# The user's arguments of plot() win.
draw_with <- function(arguments, ...) {
  given <- list(...)
  arguments[names(given)] <- given
  do.call(graphics::plot, arguments)
}

kernel_of <- function(x, layer) {
  if (is.null(x$archive)) {
    abort("type", "A perceptron has no filters: which = \"filters\" is for cnn().", call = NULL)
  }
  arrays <- weight_arrays(x)
  kernels <- arrays[vapply(arrays, function(array) length(dim(array)) >= 3L, NA)]
  if (is.character(layer) && !layer %in% names(kernels) ||
    is.numeric(layer) && !layer %in% seq_along(kernels)) {
    abort("argument", paste0(
      "layer = ", deparse(layer), " is no convolution: there are ",
      paste0(seq_along(kernels), " (\"", names(kernels), "\")", collapse = ", "), "."
    ), call = NULL)
  }
  kernel <- kernels[[layer]]
  # Filters of signals are lines of one pixel's height.
  if (length(dim(kernel)) == 3L) dim(kernel) <- c(1L, dim(kernel))
  kernel
}

most_tiles <- 32L

draw_filters <- function(kernel, ...) {
  shape <- dim(kernel)
  coloured <- shape[3] == 3L
  rows <- if (coloured) 1L else min(shape[3], most_tiles)
  columns <- min(shape[4], most_tiles)
  title <- paste0(columns, " of ", shape[4], " filters")
  if (!coloured && shape[3] > 1L) title <- paste0(title, ", ", rows, " of ", shape[3], " channels")
  largest <- max(abs(kernel), .Machine$double.xmin)
  tiles <- lapply(seq_len(rows), function(row) {
    lapply(seq_len(columns), function(column) {
      tile <- if (coloured) kernel[, , , column] else kernel[, , row, column]
      array(0.5 + tile / (2 * largest), if (coloured) shape[1:3] else shape[1:2])
    })
  })
  draw_mosaic(tiles, main = title, ...)
  invisible(kernel)
}

# Rows of pictures with values from 0 to 1: grey matrices, or arrays of three colours.
draw_mosaic <- function(tiles, labels = NULL, ...) {
  rows <- length(tiles)
  columns <- length(tiles[[1]])
  draw_with(list(
    x = NULL, xlim = c(0, columns), ylim = c(0, rows), xlab = "", ylab = "", axes = FALSE, asp = 1,
    xaxs = "i", yaxs = "i"
  ), ...)
  gap <- 0.04
  for (row in seq_len(rows)) {
    for (column in seq_len(columns)) {
      tile <- tiles[[row]][[column]]
      size <- dim(tile)[1:2] / max(dim(tile)[1:2]) * (1 - 2 * gap)
      left <- column - 0.5 - size[2] / 2
      bottom <- rows - row + 0.5 - size[1] / 2
      graphics::rasterImage(
        grDevices::as.raster(tile), left, bottom, left + size[2], bottom + size[1],
        interpolate = FALSE
      )
    }
  }
  if (!is.null(labels)) {
    graphics::mtext(labels, side = 2, at = rows - seq_len(rows) + 0.5, las = 1, line = 0.2, cex = 0.7)
  }
}

#' Plot an autoencoder
#'
#' @param x,object A model fitted by [autoencoder()].
#' @param which `"history"`: the loss, epoch by epoch; `"codes"`: the codes of the rows of the fit,
#'   the first component against the second; `"reconstruction"`: pictures above what was made of
#'   them, or for tables the rebuilt values against the data, in standard deviations.
#' @param rows Which rows to show, for pictures.
#' @param ... Passed to [graphics::plot()].
#' @returns `plot()` returns what it drew, invisibly: a data frame, for pictures a list of the arrays
#'   `data` and `rebuilt`. `ggplot2::autoplot()` returns a ggplot.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- autoencoder(iris[1:4], hidden = NULL, optimizer = "lbfgs")
#' plot(fit, "codes", col = iris$Species)
#' plot(fit, "reconstruction")
#' @export
plot.sklearncnn_autoencoder <- function(x, which = c("history", "codes", "reconstruction"),
                                        rows = 1:8, ...) {
  which <- match.arg(which)
  if (which == "reconstruction" && is_picture(x)) return(draw_reconstructions(x, rows, ...))
  drawn <- shown_autoencoder(x, which)
  if (which == "history") draw_history(drawn, ...) else draw_points(drawn, ...)
  invisible(drawn$points)
}

is_picture <- function(x) !is.null(x$input_shape) || length(x$row_shape) > 1L

shown_autoencoder <- function(x, which) {
  switch(which,
    history = shown_history(x$history),
    codes = {
      second <- ncol(x$codes) > 1L
      list(
        points = data.frame(
          x = if (second) unname(x$codes[, 1]) else seq_len(nrow(x$codes)),
          y = unname(x$codes[, if (second) 2L else 1L])
        ),
        labels = if (second) c("Code 1", "Code 2") else c("Row", "Code 1")
      )
    },
    reconstruction = {
      data <- data_of_fit(x)
      center <- colMeans(data)
      scale <- spread(data, center)
      standard <- function(values) sweep(sweep(values, 2, center), 2, scale, "/")
      list(
        points = data.frame(
          x = as.vector(standard(data)), y = as.vector(standard(x$fitted.values)),
          column = rep(x$columns, each = nrow(data))
        ),
        labels = c("Data (standardised)", "Rebuilt"), line = c(0, 1)
      )
    }
  )
}

data_of_fit <- function(x) {
  if (is.null(x$x)) abort("data", "The fit did not keep its data: fit with `model = TRUE`.", NULL)
  x$x
}

draw_reconstructions <- function(x, rows, ...) {
  pairs <- reconstructed_pictures(x, rows)
  tiles <- lapply(pairs, function(values) {
    lapply(seq_along(dimnames(values)[[1]]), function(i) {
      picture <- array(values[i, , , ], dim(values)[-1])
      if (dim(picture)[3] == 3L) picture else array(picture[, , 1L], dim(picture)[1:2])
    })
  })
  draw_mosaic(tiles, labels = c("data", "rebuilt"), ...)
  invisible(pairs)
}

# Some rows and what was made of them, as pictures with values from 0 to 1.
reconstructed_pictures <- function(x, rows) {
  data <- data_of_fit(x)
  rows <- rows[rows %in% seq_len(dim(data)[1])]
  shape <- if (is.null(x$input_shape)) x$row_shape else x$input_shape
  channels <- if (length(shape) == 3L) shape[3] else 1L
  # A signal is a line of one pixel's height; its channels lie side by side in the data.
  size <- if (length(shape) > 2L || is.null(x$input_shape) && length(shape) == 2L) {
    shape[1:2]
  } else {
    c(1L, shape[1])
  }
  low <- min(data)
  high <- max(data, low + .Machine$double.eps)
  picture <- function(values) {
    values <- as_rows(values)[rows, , drop = FALSE]
    values <- pmin(pmax((values - low) / (high - low), 0), 1)
    # Flat rows are in the order of files, line by line, arrays in R's.
    if (is.null(x$input_shape)) {
      values <- array(values, c(length(rows), size, channels))
    } else {
      values <- aperm(array(values, c(length(rows), channels, rev(size))), c(1L, 4L, 3L, 2L))
    }
    dimnames(values) <- list(rows, NULL, NULL, NULL)
    values
  }
  list(data = picture(data), rebuilt = picture(x$fitted.values))
}
