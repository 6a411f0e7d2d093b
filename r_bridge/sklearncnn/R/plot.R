#' Plot a fitted network
#'
#' @param x A model fitted by [mlp()].
#' @param which `"history"`: the loss, iteration by iteration; `"fitted"`: the response against the
#'   fitted values; `"residuals"`: deviance residuals against the linear predictor. For factors of
#'   three or more levels, `"fitted"` shows the probability of the observed level.
#' @param ... Passed to [graphics::plot()].
#' @returns The plotted points, a data frame with columns `x` and `y`, invisibly.
#' @examplesIf python_ready()
#' set.seed(1)
#' fit <- mlp(dist ~ speed, cars, hidden = 3, starts = 1)
#' plot(fit)
#' plot(fit, "residuals")
#' @export
plot.sklearncnn_mlp <- function(x, which = c("history", "fitted", "residuals"), ...) {
  which <- match.arg(which)
  several <- is.matrix(x$y)
  points <- switch(which,
    history = data.frame(x = seq_along(x$history), y = x$history),
    fitted = if (several) {
      data.frame(x = max.col(x$y), y = rowSums(x$y * x$fitted.values))
    } else {
      data.frame(x = unname(x$fitted.values), y = unname(x$y))
    },
    residuals = data.frame(
      x = if (several) max.col(x$y) else unname(x$linear.predictors),
      y = unname(as.vector(stats::na.omit(stats::residuals(x, "deviance"))))
    )
  )
  labels <- switch(which,
    history = c("Iteration", "Loss"),
    fitted = if (several) c("Level", "Fitted probability") else c("Fitted value", "Response"),
    residuals = c(if (several) "Level" else "Linear predictor", "Deviance residual")
  )
  given <- list(...)
  drawn <- list(
    x = points$x, y = points$y, xlab = labels[1], ylab = labels[2],
    type = if (which == "history") "l" else "p"
  )
  drawn[names(given)] <- given
  do.call(graphics::plot, drawn)
  if (which == "fitted" && !several) graphics::abline(0, 1, lty = 2)
  if (which == "residuals") graphics::abline(h = 0, lty = 2)
  invisible(points)
}
