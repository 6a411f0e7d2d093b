"""The R functions that are generated from Keras's signatures."""

import re

import keras
import pytest

from r_bridge import generate_layers
from r_bridge._keras_objects import class_of


@pytest.fixture(scope="module")
def generated():
    return generate_layers.generated()


def test_the_committed_files_are_what_the_generator_writes(generated):
    header = (generate_layers.FOLDER / "layers.R").read_text()[:500]
    written_from = re.search(r"Keras (\d+)\.(\d+)", header).groups()
    if tuple(map(int, keras.__version__.split(".")[:2])) < tuple(map(int, written_from)):
        pytest.skip(f"descriptions are those of Keras {'.'.join(written_from)}")
    for name, text in generated.items():
        committed = (generate_layers.FOLDER / name).read_text()
        assert committed == text, f"{name}: run `python -m r_bridge.generate_layers`."


def test_every_argument_of_a_layer_is_one_of_the_function(generated):
    definition = re.search(r"layer_conv_2d <- function\((.*?)\) \{", generated["layers.R"], re.S)
    written = re.findall(r"(\w+)(?: = |,|$)", definition.group(1))
    signature = generate_layers._signature(class_of("layers.Conv2D"))
    assert set(signature) <= set(written)


@pytest.mark.parametrize(
    ("keras_class", "name"),
    [
        ("Conv2D", "conv_2d"),
        ("MaxPooling2D", "max_pooling_2d"),
        ("Conv1DTranspose", "conv_1d_transpose"),
        ("LSTM", "lstm"),
        ("SimpleRNN", "simple_rnn"),
        ("GlobalAveragePooling1D", "global_average_pooling_1d"),
        ("KLDivergence", "kl_divergence"),
        ("MeanSquaredError", "mean_squared_error"),
        ("AUC", "auc"),
    ],
)
def test_names_are_spelled_as_r_users_know_them(keras_class, name):
    assert generate_layers.snake_case(keras_class) == name


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        ((2, 2), "c(2, 2)"),
        (1e-7, "1e-07"),
        (1.0, "1"),
        ('a"b', '"a\\"b"'),
    ],
)
def test_defaults_are_spelled_as_in_r(value, written):
    assert generate_layers.r_value(value) == written


def test_descriptions_are_safe_for_help_pages():
    text = "If None, 50% of `[batch, x]` are {kept}. See [the paper](http://x).\n\nMore."
    assert generate_layers.in_roxygen(text) == (
        "If NULL, 50\\% of `[batch, x]` are (kept). See (the paper)(http://x)."
    )
