import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_cnn import CNNClassifier, FeatureMapsDisplay, MLPClassifier
from sklearn_cnn.prediction import activations


def test_maps_are_what_the_convolutions_give(cnn, pictures):
    X = pictures[0]
    display = FeatureMapsDisplay.from_estimator(cnn, X, row=3)
    expected = activations(cnn, X, ["conv_0", "conv_1"])
    assert list(display.maps) == ["conv_0", "conv_1"]
    for layer, maps in display.maps.items():
        assert_array_equal(maps, expected[layer][3])
    assert_array_equal(display.picture[:, :, 0], X[3].astype("float32"))


def test_a_normalised_convolution_is_seen_after_its_activation(normalised_cnn, pictures):
    X = np.stack([pictures[0]] * 3, axis=-1)
    maps = FeatureMapsDisplay.from_estimator(normalised_cnn, X).maps
    expected = activations(normalised_cnn, X[:1], ["conv_0_activation"])["conv_0_activation"]
    assert list(maps) == ["conv_0", "conv_1"]
    assert_array_equal(maps["conv_0"], expected[0])


def test_a_tile_is_a_map(cnn, pictures):
    display = FeatureMapsDisplay.from_estimator(cnn, pictures[0])
    drawn = display.images_["conv_0"].get_array()
    assert_allclose(drawn[2:38:6, 2:38:6], display.maps["conv_0"][:, :, 0], rtol=1e-6)
    assert_allclose(drawn[2:38:6, 40:76:6], display.maps["conv_0"][:, :, 1], rtol=1e-6)
    titles = [axes.get_title() for axes in display.axes_]
    assert titles == ["input of 6x6", "conv_0: 4 maps of 6x6", "conv_1: 5 maps of 3x3"]
    assert display.colorbars_["conv_0"].ax.get_ylabel() == "activation"


def test_any_layer_with_places_can_be_seen(cnn, pictures):
    display = FeatureMapsDisplay.from_estimator(cnn, pictures[0], layers="pool_0", max_maps=2)
    assert display.maps["pool_0"].shape == (3, 3, 4)
    assert display.axes_[1].get_title() == "pool_0: first 2 of 4 maps of 3x3"


def test_a_layer_without_places_is_an_error(cnn, pictures):
    with pytest.raises(ValueError, match=r"Layer 'hidden_0' has no maps: .* has shape \(64,\)"):
        FeatureMapsDisplay.from_estimator(cnn, pictures[0], layers=["conv_0", "hidden_0"])


def test_an_unknown_layer_is_an_error_that_lists_the_layers(cnn, pictures):
    with pytest.raises(ValueError, match="layers names 'conv_9', but the layers of this CNNCl"):
        FeatureMapsDisplay.from_estimator(cnn, pictures[0], layers="conv_9")


def test_the_maps_of_a_signal_are_rows(pictures):
    X, y = pictures
    X = pd.DataFrame(X.reshape(40, 36)).add_prefix("pixel")
    cnn = CNNClassifier(filters=(4,), max_iter=1, batch_size=10).fit(X, y)
    display = FeatureMapsDisplay.from_estimator(cnn, X, row=7)
    assert_array_equal(display.images_["conv_0"].get_array(), display.maps["conv_0"].T)
    assert_array_equal(display.ax_.lines[0].get_ydata(), X.iloc[7])
    assert display.axes_[1].get_xlabel() == "position"


def test_of_a_volume_the_slice_in_the_middle_is_drawn():
    maps = np.arange(27.0).reshape(3, 3, 3, 1)
    display = FeatureMapsDisplay(picture=np.ones((3, 3, 3, 1)), maps={"conv": maps}).plot()
    assert_array_equal(display.images_["conv"].get_array()[2:20:6, 2:20:6], maps[1, :, :, 0])


def test_an_axes_of_the_user_is_divided(cnn, pictures):
    figure, (_, right) = plt.subplots(1, 2)
    display = FeatureMapsDisplay.from_estimator(cnn, pictures[0], ax=right)
    assert display.figure_ is figure
    assert len(display.axes_) == 3


def test_a_network_without_convolution_is_an_error():
    mlp = MLPClassifier((3,), max_iter=1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="no convolution, and FeatureMapsDisplay draws"):
        FeatureMapsDisplay.from_estimator(mlp, [[0.0]])


def test_before_fit_there_is_nothing_to_draw():
    with pytest.raises(NotFittedError):
        FeatureMapsDisplay.from_estimator(CNNClassifier(), [[0.0]])
