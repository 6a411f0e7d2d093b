# What a fit reports: the loss and the metrics, epoch by epoch.

new_history <- function(reply, epochs, batch_size) {
  metrics <- structure(reply$history, class = c("sklearncnn_metrics", "list"))
  params <- list(
    epochs = as.integer(epochs), batch_size = batch_size,
    metrics = grep("^val_", names(reply$history), value = TRUE, invert = TRUE),
    do_validation = any(startsWith(names(reply$history), "val_"))
  )
  structure(list(params = params, metrics = metrics, epoch = reply$epoch), class = c(
    "sklearncnn_history", "sklearncnn"
  ))
}

#' The history of a fit
#'
#' @param x A history that [fit()] returned.
#' @param metrics Names of what to draw; all by default.
#' @param ... Further arguments.
#' @returns `as.data.frame()` returns a data frame with the columns `epoch`, `value`, `metric` and
#'   `data` (`"training"` or `"validation"`), which has `NA` for epochs that were not run; `print()`
#'   and `plot()` return the history, invisibly.
#' @examplesIf python_ready()
#' model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
#' model %>% compile(optimizer = "sgd", loss = "mse", metrics = "mae")
#' history <- model %>% fit(cars$speed / 25, cars$dist / 120, epochs = 5, validation_split = 0.2)
#' history
#' plot(history)
#' as.data.frame(history)
#' @export
plot.sklearncnn_history <- function(x, metrics = NULL, ...) {
  known <- x$params$metrics
  if (is.null(metrics)) metrics <- known
  unknown <- setdiff(metrics, known)
  if (length(unknown)) {
    abort("argument", paste0(
      "The history has no metric \"", unknown[1], "\"; it has ",
      paste0("\"", known, "\"", collapse = ", "), "."
    ), call = sys.call())
  }
  old <- graphics::par(mfrow = c(length(metrics), 1L), mar = c(4, 4, 1, 1))
  on.exit(graphics::par(old))
  for (metric in metrics) {
    curves <- unclass(x$metrics)[intersect(c(metric, paste0("val_", metric)), names(x$metrics))]
    epochs <- seq_along(curves[[1]])
    graphics::matplot(
      epochs, do.call(cbind, curves), type = "o", pch = c(16, 1), lty = 1:2,
      col = c("#0072B2", "#D55E00"), xlab = "Epoch", ylab = metric, ...
    )
    if (length(curves) > 1L) {
      graphics::legend(
        free_corner(rep(epochs, length(curves)), unlist(curves)),
        c("training", "validation"), pch = c(16, 1), lty = 1:2,
        col = c("#0072B2", "#D55E00"), bty = "n"
      )
    }
  }
  invisible(x)
}

#' @rdname plot.sklearncnn_history
#' @export
print.sklearncnn_history <- function(x, ...) {
  cat("Final epoch (plot to see history):\n")
  last <- vapply(unclass(x$metrics), function(values) values[length(values)], 0)
  cat(paste0(format(names(last), justify = "right"), ": ", format(signif(last, 4), drop0trailing = TRUE)), sep = "\n")
  invisible(x)
}

#' @rdname plot.sklearncnn_history
#' @param row.names,optional Not used.
#' @export
as.data.frame.sklearncnn_history <- function(x, row.names = NULL, optional = FALSE, ...) {
  n <- x$params$epochs
  parts <- lapply(names(x$metrics), function(name) {
    values <- unclass(x$metrics)[[name]]
    data.frame(
      epoch = seq_len(n), value = c(values, rep(NA, n - length(values)))[seq_len(n)],
      metric = sub("^val_", "", name),
      data = if (startsWith(name, "val_")) "validation" else "training"
    )
  })
  frame <- do.call(rbind, parts)
  frame$metric <- factor(frame$metric, unique(frame$metric))
  frame$data <- factor(frame$data, c("training", "validation"))
  frame
}

#' @exportS3Method ggplot2::autoplot
autoplot.sklearncnn_history <- function(object, ...) {
  frame <- stats::na.omit(as.data.frame(object))
  epoch <- value <- data <- NULL
  ggplot2::ggplot(frame, ggplot2::aes(epoch, value, colour = data, linetype = data)) +
    ggplot2::geom_line() +
    ggplot2::geom_point() +
    ggplot2::facet_wrap(~metric, ncol = 1, scales = "free_y")
}
