import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from sklearn_cnn import DiagnosisDisplay, MLPClassifier, diagnose

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
IRIS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def mlp():
    network = MLPClassifier((8, 6), activation="tanh", max_iter=3, random_state=0)
    return network.fit(*IRIS)


def test_the_line_holds_the_gradients_and_the_bars_the_shares(mlp):
    display = DiagnosisDisplay.from_estimator(mlp, *IRIS)
    found = diagnose(mlp, *IRIS)
    assert_allclose(display.line_.get_ydata(), list(found.gradient_norms.values()))
    assert [bar.get_height() for bar in display.bars_["dead"]] == [s.dead for s in found.layers]
    heights = [bar.get_height() for bar in display.bars_["saturated"]]
    assert heights == [state.saturated for state in found.layers]


def test_layers_are_named_and_axes_have_units(mlp):
    display = DiagnosisDisplay.from_estimator(mlp, *IRIS)
    gradients, units = display.axes_
    assert gradients.get_yscale() == "log"
    assert [label.get_text() for label in gradients.get_xticklabels()] == [
        "hidden_0",
        "hidden_1",
        "output",
    ]
    assert [label.get_text() for label in units.get_xticklabels()] == ["hidden_0", "hidden_1"]
    assert (gradients.get_ylabel(), units.get_ylabel()) == ("Norm of the gradient", "Share")
    assert units.get_ylim() == (0, 1)
    assert display.ax_ is gradients
    assert display.figure_ is gradients.figure


def test_dead_and_saturated_are_told_apart_in_grey(mlp):
    display = DiagnosisDisplay.from_estimator(mlp, *IRIS)
    grey = [
        np.dot(to_rgb(bars[0].get_facecolor()), (0.299, 0.587, 0.114))
        for bars in display.bars_.values()
    ]
    assert abs(grey[0] - grey[1]) > 0.3


def test_relu_has_no_bars_of_saturation():
    relu = MLPClassifier((4,), max_iter=2, random_state=0).fit(*IRIS)
    assert list(DiagnosisDisplay.from_estimator(relu, *IRIS).bars_) == ["dead"]


def test_without_hidden_layers_there_is_one_panel():
    linear = MLPClassifier((), max_iter=2, random_state=0).fit(*IRIS)
    display = DiagnosisDisplay.from_estimator(linear, *IRIS)
    assert len(display.axes_) == 1
    assert display.bars_ == {}


def test_axes_of_the_user_are_drawn_into(mlp):
    figure, axes = plt.subplots(2)
    display = DiagnosisDisplay.from_estimator(mlp, *IRIS, ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)
    assert display.plot() is display


def test_before_fit_there_is_nothing_to_draw():
    with pytest.raises(NotFittedError):
        DiagnosisDisplay.from_estimator(MLPClassifier(), *IRIS)
