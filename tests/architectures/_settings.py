"""Strategies for the settings of networks, small enough to build many."""

from hypothesis import strategies as st

ACTIVATIONS = ["relu", "tanh", "logistic", "identity", "gelu"]


def outputs():
    """Output units and activation; a softmax of one unit is always 1."""
    one_or_more = st.tuples(
        st.integers(1, 3), st.sampled_from(["linear", "sigmoid", "exponential"])
    )
    return one_or_more | st.tuples(st.integers(2, 4), st.just("softmax"))


def common_settings():
    """What every architecture takes."""
    return st.fixed_dictionaries(
        {
            "activation": st.sampled_from(ACTIVATIONS),
            "dropout": st.sampled_from([0.0, 0.5]),
            "batch_normalization": st.booleans(),
            "dtype": st.sampled_from(["float32", "float64"]),
        }
    )


@st.composite
def convolution_settings(draw, max_axes=3):
    """Input shape and settings of convolutions on 1 to ``max_axes`` axes."""
    n_axes = draw(st.integers(1, max_axes))
    n_layers = draw(st.integers(0, 2))
    largest = 9 if n_axes < 3 else 5

    def sizes(low, high):
        axis = st.integers(low, high)
        layer = st.tuples(*[axis] * n_axes)
        return draw(st.one_of(axis, layer, st.lists(layer, min_size=n_layers, max_size=n_layers)))

    shape = (*(draw(st.integers(1, largest)) for _ in range(n_axes)), draw(st.integers(1, 3)))
    return shape, {
        "filters": draw(st.lists(st.integers(1, 4), min_size=n_layers, max_size=n_layers)),
        "kernel_size": sizes(1, 3),
        "strides": sizes(1, 2),
        "pool_size": sizes(1, 3),
    }
