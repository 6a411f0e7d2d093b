"""The same data and seed from R and from Python: the same networks."""

import json

import numpy as np
import pytest

from ._r import PACKAGE, RSCRIPT, run_r

pytestmark = pytest.mark.skipif(RSCRIPT is None, reason="R is missing")

_FITS = """
library(sklearncnn)
source("{helpers}")
set.seed(3)
data <- lines_of_pictures(24, 6)
fit <- cnn(data$x, data$y, filters = c(3, 2), hidden = 5, epochs = 4, batch_size = 8)
table <- mlp(dist ~ speed, cars, hidden = 3, epochs = 5, batch_size = 10, standardize = FALSE)
coder <- autoencoder(matrix(data$x, 24), hidden = 4, epochs = 3, standardize = FALSE)
numbers <- function(x) paste(format(x, digits = 17), collapse = " ")
cat(numbers(aperm(data$x)), numbers(as.integer(data$y)), fit$seed, numbers(t(fitted(fit))),
  table$seed, numbers(fitted(table)), coder$seed, numbers(t(coder$codes)), sep = "\\n")
"""


def test_r_and_python_fit_the_same_networks_from_the_same_seed(r_library):
    from sklearn_cnn import Autoencoder, CNNClassifier, MLPRegressor

    helpers = (PACKAGE / "tests" / "testthat" / "helper-fits.R").as_posix()
    lines = run_r(_FITS.replace("{helpers}", helpers), r_library).splitlines()
    x, y, cnn_seed, probabilities, mlp_seed, means, coder_seed, codes = [
        np.array(line.split(), dtype=np.float64) for line in lines
    ]
    pictures, labels = x.reshape(24, 6, 6), y.astype(int)
    cnn = CNNClassifier(
        filters=(3, 2),
        hidden_layer_sizes=(5,),
        max_iter=4,
        batch_size=8,
        random_state=int(cnn_seed[0]),
        n_iter_no_change=np.inf,
    )
    cnn.fit(pictures, labels)
    np.testing.assert_allclose(
        cnn.predict_proba(pictures).ravel(), probabilities, rtol=1e-5, atol=1e-7
    )
    speed = run_r(
        "cat(json <- paste0('[[', toString(cars$speed), '],[', toString(cars$dist), ']]'))",
        r_library,
    )
    speed, dist = (np.array(column, dtype=float) for column in json.loads(speed))
    mlp = MLPRegressor(
        hidden_layer_sizes=(3,),
        activation="tanh",
        alpha=0.0,
        max_iter=5,
        batch_size=10,
        random_state=int(mlp_seed[0]),
        n_iter_no_change=np.inf,
    )
    mlp.fit(speed[:, None], dist)
    np.testing.assert_allclose(mlp.predict(speed[:, None]), means, rtol=1e-10)
    # matrix(x, 24) in R is column-major.
    flat = pictures.transpose(0, 2, 1).reshape(24, 36)
    coder = Autoencoder(
        hidden_layer_sizes=(4,),
        max_iter=3,
        batch_size=24,
        random_state=int(coder_seed[0]),
        n_iter_no_change=np.inf,
    )
    coder.fit(flat)
    np.testing.assert_allclose(coder.transform(flat).ravel(), codes, rtol=1e-8)
