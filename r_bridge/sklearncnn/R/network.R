# A dense network in plain R: from the flat vector of coefficients to predictions and their
# derivatives. A fitted model so predicts without Python, and its coefficients can be changed.

activation_functions <- list(
  identity = list(f = identity, d = function(x) x * 0 + 1),
  logistic = list(f = stats::plogis, d = function(x) stats::dlogis(x)),
  tanh = list(f = tanh, d = function(x) 1 - tanh(x)^2),
  relu = list(f = function(x) x * (x > 0), d = function(x) (x > 0) + 0),
  softplus = list(
    f = function(x) pmax(x, 0) + log1p(exp(-abs(x))), d = function(x) stats::plogis(x)
  ),
  elu = list(
    f = function(x) ifelse(x > 0, x, expm1(pmin(x, 0))), d = function(x) exp(pmin(x, 0))
  ),
  silu = list(
    f = function(x) x * stats::plogis(x),
    d = function(x) stats::plogis(x) * (1 + x * stats::plogis(-x))
  ),
  gelu = list(
    f = function(x) x * stats::pnorm(x), d = function(x) stats::pnorm(x) + x * stats::dnorm(x)
  )
)

check_activation <- function(activation) {
  if (length(activation) != 1L || !activation %in% names(activation_functions)) {
    abort("activation", paste0(
      "activation = ", deparse(activation), " is unknown. Known are ",
      paste0("\"", names(activation_functions), "\"", collapse = ", "), "."
    ), call = NULL)
  }
  activation
}

# Names of the units, layer by layer: inputs, hidden units, outputs.
unit_names <- function(inputs, hidden, outputs) {
  layers <- seq_along(hidden)
  units <- lapply(layers, function(layer) {
    paste0(if (length(hidden) > 1L) paste0("h", layer, ".") else "h", seq_len(hidden[layer]))
  })
  c(list(inputs), units, list(outputs))
}

# One matrix a layer: a row for the intercept, then one for each unit below; a column for each unit.
layer_matrices <- function(coefficients, units) {
  at <- 0L
  lapply(seq_along(units)[-1], function(layer) {
    rows <- length(units[[layer - 1L]]) + 1L
    size <- rows * length(units[[layer]])
    values <- coefficients[at + seq_len(size)]
    at <<- at + size
    matrix(values, rows, dimnames = list(c("(Intercept)", units[[layer - 1L]]), units[[layer]]))
  })
}

# Without a hidden layer the names are those of glm() or, for several outputs, of multinom().
flat_coefficients <- function(matrices, units) {
  plain <- length(units) == 2L
  several <- length(units[[2]]) > 1L
  unlist(lapply(matrices, function(matrix) {
    from <- rownames(matrix)[row(matrix)]
    to <- colnames(matrix)[col(matrix)]
    names <- if (!plain) {
      paste0(from, "->", to)
    } else if (several) {
      paste0(to, ":", from)
    } else {
      from
    }
    stats::setNames(as.vector(matrix), names)
  }))
}

# Values of all layers: the last is the linear predictor.
forward <- function(matrices, x, activation) {
  f <- activation_functions[[activation]]$f
  before <- list()
  values <- list(x)
  for (layer in seq_along(matrices)) {
    m <- matrices[[layer]]
    inputs <- values[[layer]] %*% m[-1, , drop = FALSE]
    before[[layer]] <- inputs + rep(m[1, ], each = nrow(x))
    values[[layer + 1L]] <- if (layer < length(matrices)) f(before[[layer]]) else before[[layer]]
  }
  list(before = before, values = values)
}

# Derivative of one linear predictor by all coefficients: one row a row of x.
jacobian <- function(matrices, x, activation, output = 1L) {
  pass <- forward(matrices, x, activation)
  n_layers <- length(matrices)
  delta <- matrix(0, nrow(x), ncol(matrices[[n_layers]]))
  delta[, output] <- 1
  blocks <- vector("list", n_layers)
  for (layer in rev(seq_len(n_layers))) {
    below <- cbind(1, pass$values[[layer]])
    units <- seq_len(ncol(delta))
    blocks[[layer]] <- do.call(cbind, lapply(units, function(unit) below * delta[, unit]))
    if (layer > 1L) {
      slope <- activation_functions[[activation]]$d(pass$before[[layer - 1L]])
      delta <- (delta %*% t(matrices[[layer]][-1, , drop = FALSE])) * slope
    }
  }
  unname(do.call(cbind, blocks))
}

# The linear predictor of a fitted model, without offset: a vector, or a matrix for several levels.
network_link <- function(object, x) {
  matrices <- layer_matrices(object$coefficients, object$units)
  eta <- utils::tail(forward(matrices, x, object$activation)$values, 1L)[[1]]
  if (ncol(eta) == 1L) drop_column(eta) else eta
}

drop_column <- function(x) stats::setNames(as.vector(x), rownames(x))
