"""The architectures that go by a name."""

import re

import pytest

from sklearn_cnn.architectures import named_architecture, named_architectures


@pytest.mark.parametrize("name", named_architectures())
def test_every_name_makes_a_description_that_bears_its_name(name):
    make = named_architecture(name)
    architecture = make((32, 32, 3), 5, "softmax", dropout=0.5, dtype="float64")
    assert architecture.function == name
    assert architecture.build().output_shape == (None, 5)


def test_an_unknown_name_is_answered_with_the_known_ones():
    message = (
        "architecture='lenet6' is unknown. Known names: 'lenet', 'lenet5'. Did you mean 'lenet5'?"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        named_architecture("lenet6")
