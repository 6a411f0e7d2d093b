# What packages that report and compare models ask for: insight and with it parameters, performance
# and ggeffects; emmeans; marginaleffects; DALEX; caret. None of them is needed.

#' @exportS3Method insight::find_statistic
find_statistic.sklearncnn_mlp <- function(x, ...) {
  if (has_dispersion(x$family)) "t-statistic" else "z-statistic"
}

#' @exportS3Method insight::get_statistic
get_statistic.sklearncnn_mlp <- function(x, ...) {
  table <- summary(x)$coefficients
  structure(
    data.frame(Parameter = rownames(table), Statistic = unname(table[, 3]), row.names = NULL),
    class = c("sklearncnn_statistic", "data.frame"),
    statistic = find_statistic.sklearncnn_mlp(x)
  )
}

#' @exportS3Method insight::get_data
get_data.sklearncnn <- function(x, ...) x$model

#' @exportS3Method insight::get_df
get_df.sklearncnn_mlp <- function(x, type = "residual", ...) {
  if (type == "model") return(x$rank)
  if (has_dispersion(x$family)) x$df.residual else Inf
}

# parameters knows the classes of models by a list in insight, and refuses others: it gets its table
# from here, in the form of its own.
#' @exportS3Method parameters::model_parameters
model_parameters.sklearncnn_mlp <- function(model, ci = 0.95, exponentiate = FALSE, vcov = NULL,
                                            ...) {
  estimate <- stats::coef(model)
  v <- if (is.null(vcov)) stats::vcov(model) else if (is.function(vcov)) vcov(model) else vcov
  se <- sqrt(diag(v))
  statistic <- unname(estimate / se)
  df <- get_df.sklearncnn_mlp(model)
  half <- stats::qt((1 + ci) / 2, df) * se
  kind <- find_statistic.sklearncnn_mlp(model)
  table <- data.frame(
    Parameter = names(estimate), Coefficient = unname(estimate), SE = unname(se), CI = ci,
    CI_low = unname(estimate - half), CI_high = unname(estimate + half), statistic = statistic,
    df_error = df, p = 2 * stats::pt(-abs(statistic), df)
  )
  names(table)[7] <- substr(kind, 1L, 1L)
  label <- "Coefficient"
  if (isTRUE(exponentiate)) {
    values <- c("Coefficient", "CI_low", "CI_high")
    table[values] <- exp(table[values])
    table$SE <- table$SE * table$Coefficient
    label <- "exp(Coefficient)"
  }
  pretty <- stats::setNames(table$Parameter, table$Parameter)
  structure(
    table,
    class = c("parameters_model", "see_parameters_model", "data.frame"),
    pretty_names = pretty, pretty_labels = pretty, ci = ci, ci_method = "Wald", df_method = "Wald",
    exponentiate = isTRUE(exponentiate), test_statistic = kind, residual_df = model$df.residual,
    n_obs = stats::nobs(model), model_class = class(model), coefficient_name = label,
    model_formula = if (!is.null(model$terms)) {
      paste(deparse(stats::formula(model$terms)), collapse = " ")
    },
    verbose = TRUE, bootstrap = FALSE, ignore_group = TRUE, no_caption = TRUE, title = "",
    show_summary = FALSE, digits = 2, ci_digits = 2, p_digits = 3, footer_digits = 3
  )
}

#' @exportS3Method emmeans::recover_data
recover_data.sklearncnn_mlp <- function(object, ...) {
  if (is.null(object$terms)) {
    return("Estimated marginal means need a model that was fitted by a formula.")
  }
  emmeans::recover_data(
    object$call, stats::delete.response(object$terms), object$na.action,
    frame = object$model, ...
  )
}

# The linear predictor at the grid's points and its variance by the delta method: with hidden units
# it is not linear in the coefficients, so that emmeans works on a grid of its own.
#' @exportS3Method emmeans::emm_basis
emm_basis.sklearncnn_mlp <- function(object, trms, xlev, grid, ...) {
  if (is.matrix(object$y)) {
    return("Estimated marginal means are there for one linear predictor, not for several levels.")
  }
  frame <- stats::model.frame(trms, grid, na.action = stats::na.pass, xlev = xlev)
  x <- unname(design_matrix(trms, frame, object$contrasts))
  slopes <- jacobian(
    layer_matrices(object$coefficients, object$units), x, object$activation
  )
  offset <- stats::model.offset(frame)
  link <- unname(network_link(object, x)) + (if (is.null(offset)) 0 else offset)
  plain <- object$family$link == "identity"
  misc <- list(regrid.flag = TRUE)
  if (!plain) misc <- c(misc, list(tran = object$family$link, inv.lbl = "response"))
  df <- if (has_dispersion(object$family)) object$df.residual else Inf
  list(
    X = diag(nrow(grid)), bhat = link, nbasis = matrix(NA),
    V = slopes %*% stats::vcov(object) %*% t(slopes),
    dffun = function(k, dfargs) dfargs$df, dfargs = list(df = df), misc = misc
  )
}

# marginaleffects asks for a vector of coefficients, sets it, and asks for predictions.

#' @exportS3Method marginaleffects::get_coef
get_coef.sklearncnn_mlp <- function(model, ...) model$coefficients

#' @exportS3Method marginaleffects::set_coef
set_coef.sklearncnn_mlp <- function(model, coefs, ...) {
  model$coefficients[names(coefs)] <- coefs
  model
}

#' @exportS3Method marginaleffects::get_vcov
get_vcov.sklearncnn_mlp <- function(model, ...) stats::vcov(model)

#' @exportS3Method marginaleffects::get_predict
get_predict.sklearncnn_mlp <- function(model, newdata = model$model, type = "response", ...) {
  predicted <- stats::predict(model, newdata, type = if (type == "probs") "prob" else type)
  if (!is.matrix(predicted)) {
    return(data.frame(rowid = seq_along(predicted), estimate = unname(predicted)))
  }
  data.frame(
    rowid = rep(seq_len(nrow(predicted)), ncol(predicted)),
    group = rep(colnames(predicted), each = nrow(predicted)), estimate = as.vector(predicted)
  )
}

#' @exportS3Method DALEX::model_info
model_info.sklearncnn <- function(model, is_multiclass = FALSE, ...) {
  type <- if (is.null(model$levels)) {
    "regression"
  } else if (length(model$levels) > 2L) {
    "multiclass"
  } else {
    "classification"
  }
  structure(
    list(
      package = "sklearncnn", ver = as.character(utils::packageVersion("sklearncnn")), type = type
    ),
    class = "model_info"
  )
}

#' @exportS3Method caret::varImp
varImp.sklearncnn_mlp <- function(object, ...) {
  result <- importance(object, ...)
  data.frame(Overall = result$importance, row.names = result$variable)
}

#' @exportS3Method performance::r2
r2.sklearncnn <- function(model, ...) {
  structure(
    list(R2 = c(R2 = 1 - model$deviance / model$null.deviance)),
    class = "r2_generic", model_type = paste("Network,", model$family$family, "family")
  )
}

#' @exportS3Method performance::model_performance
model_performance.sklearncnn <- function(model, ...) {
  residual <- as.vector(model$residuals)
  structure(
    data.frame(
      AIC = stats::AIC(model), BIC = stats::BIC(model),
      R2 = 1 - model$deviance / model$null.deviance, RMSE = sqrt(mean(residual^2)),
      Sigma = sqrt(dispersion(model))
    ),
    class = c("performance_model", "data.frame")
  )
}

# What ggeffects draws.
#' @exportS3Method insight::get_predicted
get_predicted.sklearncnn <- function(x, data = NULL, predict = "expectation", ...) {
  type <- if (identical(predict, "link")) "link" else "response"
  values <- stats::predict(x, newdata = data, type = type)
  structure(values, class = c("get_predicted", class(values)))
}
