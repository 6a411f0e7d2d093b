"""What is said of an unknown name."""

import pytest

from sklearn_cnn.architectures._names import unknown


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("lenet6", ["lenet", "lenet5"], "lenet5"),
        ("LeNet5", ["lenet", "lenet5"], "lenet5"),
        ("reelu", ["relu", "relu6", "elu"], "relu"),
        ("rleu", ["relu", "relu6", "elu", "selu"], "relu"),
        ("sigmod", ["sigmoid", "hard_sigmoid", "log_sigmoid"], "sigmoid"),
    ],
)
def test_the_nearest_name_is_offered(typed, known, meant):
    assert unknown("activation", typed, known).endswith(f"Did you mean {meant!r}?")


def test_nothing_is_offered_where_nothing_is_near():
    message = unknown("architecture", "zebra", ["lenet5", "lenet"])
    assert message == "architecture='zebra' is unknown. Known names: 'lenet', 'lenet5'."
