"""Values of SciPy."""

import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.stats
from numpy.testing import assert_array_equal

from ._same import same


@pytest.mark.parametrize("container", ["matrix", "array"])
@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "dok"])
def test_a_sparse_matrix_comes_back_the_same(there_and_back, kind, container):
    dense = np.diag([1.0, 0.0, 2.0, 3.0])[:, :3]
    sparse = getattr(scipy.sparse, f"{kind}_{container}")(dense)
    assert same(there_and_back(sparse), sparse)


def test_an_empty_sparse_vector_comes_back_the_same(there_and_back):
    sparse = scipy.sparse.coo_array((5,), dtype="f4")
    assert same(there_and_back(sparse), sparse)


def test_a_spline_comes_back_the_same(there_and_back):
    x = np.linspace(0, 1, 9)
    spline = scipy.interpolate.make_interp_spline(x, np.c_[x, x**2].T, axis=1)
    assert_array_equal(there_and_back(spline)(x[1:] / 2), spline(x[1:] / 2))


@pytest.mark.parametrize(
    "distribution",
    [scipy.stats.loguniform(1e-4, 1.0), scipy.stats.norm(loc=2), scipy.stats.randint(1, 9)],
    ids=lambda distribution: distribution.dist.name,
)
def test_a_distribution_of_a_randomised_search_draws_the_same(there_and_back, distribution):
    back = there_and_back(distribution)
    assert_array_equal(back.rvs(5, random_state=0), distribution.rvs(5, random_state=0))
