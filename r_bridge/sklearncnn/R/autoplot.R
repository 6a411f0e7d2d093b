# The same pictures by ggplot2, where that is installed.

#' @rdname plot.sklearncnn
#' @exportS3Method ggplot2::autoplot
autoplot.sklearncnn <- function(object, which = c("history", "fitted", "residuals", "filters"),
                                layer = 1, ...) {
  which <- match.arg(which)
  if (which == "filters") return(tile_plot(filter_tiles(kernel_of(object, layer))))
  drawn <- shown(object, which)
  if (which == "history") line_plot(drawn) else point_plot(drawn)
}

#' @rdname plot.sklearncnn_autoencoder
#' @exportS3Method ggplot2::autoplot
autoplot.sklearncnn_autoencoder <- function(object, which = c("history", "codes", "reconstruction"),
                                            rows = 1:8, ...) {
  which <- match.arg(which)
  if (which == "reconstruction" && is_picture(object)) {
    pairs <- reconstructed_pictures(object, rows)
    tiles <- lapply(names(pairs), function(name) picture_tiles(pairs[[name]], name))
    return(tile_plot(do.call(rbind, tiles)))
  }
  drawn <- shown_autoencoder(object, which)
  if (which == "history") return(line_plot(drawn))
  plotted <- point_plot(drawn)
  if (is.null(drawn$points$column)) return(plotted)
  plotted + ggplot2::facet_wrap("column")
}

# Columns are named by symbols: ggplot2 evaluates them in the data.
point_plot <- function(drawn) {
  plotted <- ggplot2::ggplot(drawn$points, ggplot2::aes(x, y)) +
    (if (is.factor(drawn$points$x)) ggplot2::geom_boxplot() else ggplot2::geom_point()) +
    ggplot2::labs(x = drawn$labels[1], y = drawn$labels[2])
  if (is.null(drawn$line)) return(plotted)
  plotted +
    ggplot2::geom_abline(intercept = drawn$line[1], slope = drawn$line[2], linetype = 2)
}

line_plot <- function(drawn) {
  plotted <- ggplot2::ggplot(
    drawn$points, ggplot2::aes(x, y, colour = data, linetype = data)
  ) +
    ggplot2::geom_line() +
    ggplot2::labs(x = drawn$labels[1], y = drawn$labels[2], colour = NULL, linetype = NULL)
  if (drawn$log) plotted + ggplot2::scale_y_log10() else plotted
}

# One row a pixel, line 1 on top.
filter_tiles <- function(kernel) {
  shape <- dim(kernel)
  coloured <- shape[3] == 3L
  kernel <- kernel[, , seq_len(min(shape[3], most_tiles)), seq_len(min(shape[4], most_tiles)),
    drop = FALSE
  ]
  level <- 0.5 + kernel / (2 * max(abs(kernel), .Machine$double.xmin))
  if (coloured) level <- array(grDevices::rgb(
    level[, , 1, ], level[, , 2, ], level[, , 3, ]
  ), c(shape[1:2], 1L, dim(kernel)[4])) else level <- array(grDevices::grey(level), dim(kernel))
  place <- expand.grid(lapply(dim(level), seq_len))
  data.frame(
    x = place[[2]], y = -place[[1]], colour = as.vector(level),
    row = paste("channel", place[[3]]), column = paste("filter", place[[4]])
  )
}

picture_tiles <- function(values, name) {
  colour <- if (dim(values)[4] == 3L) {
    grDevices::rgb(values[, , , 1], values[, , , 2], values[, , , 3])
  } else {
    grDevices::grey(values[, , , 1])
  }
  place <- expand.grid(lapply(dim(values)[1:3], seq_len))
  data.frame(
    x = place[[3]], y = -place[[2]], colour = colour, row = name,
    column = paste("row", dimnames(values)[[1]][place[[1]]])
  )
}

tile_plot <- function(tiles) {
  tiles$row <- factor(tiles$row, unique(tiles$row))
  tiles$column <- factor(tiles$column, unique(tiles$column))
  ggplot2::ggplot(tiles, ggplot2::aes(x, y, fill = colour)) +
    ggplot2::geom_raster() +
    ggplot2::scale_fill_identity() +
    ggplot2::facet_grid(row ~ column) +
    ggplot2::coord_fixed() +
    ggplot2::theme_void()
}

utils::globalVariables(c("x", "y", "data", "colour"))
