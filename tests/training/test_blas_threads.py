"""One thread of BLAS in L-BFGS, and as many as before afterwards."""

import numpy as np
import pytest
from scipy import optimize
from threadpoolctl import ThreadpoolController

from sklearn_cnn import MLPRegressor

X = np.random.RandomState(0).normal(size=(30, 2))


def threads():
    controller = ThreadpoolController().select(user_api="blas")
    return {library["num_threads"] for library in controller.info()}


@pytest.mark.parametrize("n_init", [1, 3])
def test_lbfgs_has_one_thread_of_blas_and_leaves_as_many_as_there_were(n_init, monkeypatch):
    seen = []
    minimize = optimize.minimize

    def noted(*arguments, **settings):
        seen.append(threads())
        return minimize(*arguments, **settings)

    monkeypatch.setattr(optimize, "minimize", noted)
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = threads()
        MLPRegressor(hidden_layer_sizes=2, solver="lbfgs", max_iter=5, n_init=n_init).fit(
            X, X[:, 0]
        )
        assert threads() == before
    assert seen == [{1}] * n_init
