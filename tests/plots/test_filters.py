from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_cnn import Autoencoder, CNNClassifier, FiltersDisplay, MLPClassifier
from sklearn_cnn.plots._network import convolutions


def tiles(display, layer, n, columns, size):
    """The tiles of a picture that was drawn, at one pixel for each weight."""
    picture = display.images_[layer].get_array()
    height, width = 6 * size[0] + 2, 6 * size[1] + 2
    found = []
    for number in range(n):
        top, left = 2 + number // columns * height, 2 + number % columns * width
        found.append(picture[top : top + height - 2 : 6, left : left + width - 2 : 6])
    return np.stack(found)


def test_kernels_are_those_of_the_network(cnn):
    display = FiltersDisplay.from_estimator(cnn)
    weights = cnn.model_.get_weights()
    assert list(display.kernels) == list(display.images_) == ["conv_0", "conv_1"]
    assert_array_equal(display.kernels["conv_0"], weights[0])
    assert_array_equal(display.kernels["conv_1"], weights[2])


def test_a_tile_is_a_filter(cnn):
    display = FiltersDisplay.from_estimator(cnn)
    drawn = tiles(display, "conv_0", 4, 2, (3, 3))
    assert_allclose(drawn, np.moveaxis(display.kernels["conv_0"][:, :, 0], -1, 0))
    assert display.ax_.get_title() == "conv_0: 4 filters of 3x3"


def test_where_several_maps_come_in_rows_are_filters_and_columns_maps(cnn):
    display = FiltersDisplay.from_estimator(cnn)
    drawn = tiles(display, "conv_1", 20, 4, (3, 3)).reshape(5, 4, 3, 3)
    assert_allclose(drawn, display.kernels["conv_1"].transpose(3, 2, 0, 1))
    assert display.axes_[1].get_ylabel() == "filter"
    assert display.axes_[1].get_xlabel() == "map coming in (4)"


def test_the_middle_of_the_colours_is_zero(cnn):
    display = FiltersDisplay.from_estimator(cnn)
    for layer, image in display.images_.items():
        low, high = image.get_clim()
        assert high == -low == pytest.approx(np.abs(display.kernels[layer]).max())
        assert display.colorbars_[layer].ax.get_ylabel() == "weight"


def test_filters_of_red_green_and_blue_are_coloured(normalised_cnn):
    display = FiltersDisplay.from_estimator(normalised_cnn)
    kernel = display.kernels["conv_0"]
    drawn = tiles(display, "conv_0", 4, 2, (3, 3))
    assert_allclose(drawn, 0.5 + np.moveaxis(kernel, -1, 0) / (2 * np.abs(kernel).max()))
    assert list(display.colorbars_) == ["conv_1"]


def test_three_maps_within_a_network_are_no_colours(pictures):
    cnn = CNNClassifier(filters=(3, 2), max_iter=1, batch_size=10).fit(*pictures)
    display = FiltersDisplay.from_estimator(cnn)
    assert list(display.colorbars_) == ["conv_0", "conv_1"]
    assert list(FiltersDisplay.from_estimator(cnn, layers="conv_1").colorbars_) == ["conv_1"]


def test_filters_of_signals_are_strips(pictures):
    X, y = pictures
    cnn = CNNClassifier(filters=(4,), kernel_size=5, max_iter=1, batch_size=10)
    display = FiltersDisplay.from_estimator(cnn.fit(X.reshape(40, 36), y))
    drawn = tiles(display, "conv_0", 4, 2, (1, 5))
    assert_allclose(drawn[:, 0], display.kernels["conv_0"][:, 0].T)
    assert display.ax_.get_title() == "conv_0: 4 filters of 5"


def test_the_decoder_of_an_autoencoder_has_filters_too(pictures):
    autoencoder = Autoencoder(2, filters=(3, 4), hidden_layer_sizes=(), max_iter=1)
    kernels = FiltersDisplay.from_estimator(autoencoder.fit(pictures[0])).kernels
    assert {layer: kernel.shape[-2:] for layer, kernel in kernels.items()} == {
        "conv_0": (1, 3),
        "conv_1": (3, 4),
        "decoder_conv_1": (4, 3),
        "output": (3, 1),
    }


def test_depthwise_and_separable_filters_see_one_map_each():
    from keras import Sequential, layers

    model = Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
            layers.SeparableConv2D(5, 3, name="separable"),
            layers.Conv2DTranspose(7, 3, name="transposed"),
        ]
    )
    kernels = convolutions(SimpleNamespace(model_=model), None, FiltersDisplay)
    assert {layer: kernel.shape for layer, kernel in kernels.items()} == {
        "depthwise": (3, 3, 1, 6),
        "separable": (3, 3, 1, 6),
        "transposed": (3, 3, 5, 7),
    }
    sixth = model.get_layer("depthwise").get_weights()[0][:, :, 2, 1]
    assert_array_equal(kernels["depthwise"][:, :, 0, 5], sixth)


def test_slices_of_a_volume_stand_in_a_row():
    kernel = np.arange(24.0).reshape(2, 3, 4, 1, 1)
    display = FiltersDisplay(kernels={"volume": kernel}).plot()
    (drawn,) = tiles(display, "volume", 1, 1, (3, 8))
    assert_array_equal(drawn, np.hstack([kernel[0, :, :, 0, 0], kernel[1, :, :, 0, 0]]))


def test_what_is_left_out_is_said(cnn):
    display = FiltersDisplay.from_estimator(cnn, layers="conv_1", max_filters=3, max_maps=2)
    assert display.ax_.get_title() == "conv_1: first 3 of 5 filters of 3x3"
    assert display.ax_.get_xlabel() == "map coming in (first 2 of 4)"


def test_filters_that_are_all_zero_are_grey():
    display = FiltersDisplay(kernels={"conv_0": np.zeros((3, 3, 1, 2))}).plot()
    assert display.images_["conv_0"].get_clim() == (-1.0, 1.0)


def test_a_network_without_convolution_is_an_error_that_lists_its_layers():
    mlp = MLPClassifier((3,), max_iter=1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(
        ValueError,
        match="This MLPClassifier has no convolution, and FiltersDisplay draws convolutions. Its "
        "layers are 'input', 'hidden_0', 'output'.",
    ):
        FiltersDisplay.from_estimator(mlp)


def test_a_layer_that_is_no_convolution_is_an_error_that_lists_them(cnn):
    with pytest.raises(
        ValueError,
        match="layers names 'hidden_0', but the convolutions of this CNNClassifier are 'conv_0', "
        "'conv_1'.",
    ):
        FiltersDisplay.from_estimator(cnn, layers=["conv_0", "hidden_0"])


def test_before_fit_there_is_nothing_to_draw():
    with pytest.raises(NotFittedError):
        FiltersDisplay.from_estimator(CNNClassifier())
