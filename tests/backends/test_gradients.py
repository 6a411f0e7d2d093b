"""Gradients in one piece and in two halves, on whichever backend is in use."""

import numpy as np
from keras import ops
from numpy.testing import assert_allclose

from sklearn_cnn import backends
from sklearn_cnn.backends import Executor

X = np.random.RandomState(0).normal(size=(5, 4)).astype("float32")
KERNEL = np.random.RandomState(1).normal(size=(4, 3)).astype("float32")
BIAS = np.random.RandomState(2).normal(size=3).astype("float32")
UNUSED = np.ones(2, "float32")


def outputs(parameters, x):
    kernel, bias, _ = parameters
    linear = ops.matmul(x, kernel) + bias
    return [ops.tanh(linear), ops.sum(ops.square(kernel))], linear


def in_one_piece(parameters, x):
    (output, penalty), linear = outputs(parameters, x)
    return ops.sum(ops.square(output)) + 3 * penalty, (output, linear)


def in_two_halves(parameters, x):
    (output, penalty), linear, pull = backends.current().pullback(outputs)(parameters, x)
    return pull([2 * output, 3 * ops.ones_like(penalty)]), (output, linear)


def test_two_halves_are_the_gradient_in_one_piece():
    backend = backends.current()
    arguments = [backend.array(part) for part in (KERNEL, BIAS, UNUSED)], backend.array(X)
    whole = backend.compile(backend.value_and_grad(in_one_piece), Executor.GRAPH)
    halves = backend.compile(in_two_halves, Executor.GRAPH)
    (_, expected_values), expected = whole(*arguments)
    gradients, values = halves(*arguments)
    for got, wanted in zip([*gradients, *values], [*expected, *expected_values], strict=True):
        assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-5, atol=1e-6)


def test_it_is_the_closed_form_and_zero_for_what_is_not_used():
    backend = backends.current()
    parameters = [backend.array(part) for part in (KERNEL, BIAS, UNUSED)]
    gradients, _ = backend.compile(in_two_halves, Executor.GRAPH)(parameters, backend.array(X))
    output = np.tanh(X @ KERNEL + BIAS)
    slope = 2 * output * (1 - output**2)
    expected = [X.T @ slope + 6 * KERNEL, slope.sum(axis=0), np.zeros(2)]
    for got, wanted in zip(gradients, expected, strict=True):
        assert_allclose(np.asarray(got), wanted, rtol=1e-5, atol=1e-6)
