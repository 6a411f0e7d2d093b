import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_array_equal
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_cnn import Autoencoder, HistoryDisplay, MLPClassifier, MLPRegressor

IRIS = load_iris(return_X_y=True)


def classifier(**settings):
    return MLPClassifier((4,), **{"max_iter": 6, "random_state": 0} | settings)


@pytest.fixture(scope="module")
def mlp():
    return classifier(early_stopping=True, metrics=["accuracy"]).fit(*IRIS)


def test_lines_hold_what_was_recorded(mlp):
    display = HistoryDisplay.from_estimator(mlp)
    assert list(display.lines_) == ["loss", "val_loss", "accuracy", "val_accuracy"]
    for name, line in display.lines_.items():
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5, 6])
        assert_array_equal(line.get_ydata(), mlp.history_[name])


def test_training_and_validation_share_a_panel(mlp):
    display = HistoryDisplay.from_estimator(mlp)
    loss, accuracy = display.axes_
    assert [axes.get_ylabel() for axes in (loss, accuracy)] == ["Loss", "Accuracy"]
    assert accuracy.get_xlabel() == "Epoch"
    assert display.lines_["loss"].axes is display.lines_["val_loss"].axes is loss is display.ax_
    assert display.lines_["accuracy"].axes is display.lines_["val_accuracy"].axes is accuracy
    assert loss.figure is display.figure_


def test_training_and_validation_are_told_apart_in_grey(mlp):
    display = HistoryDisplay.from_estimator(mlp)
    training, validation = display.lines_["loss"], display.lines_["val_loss"]
    assert training.get_linestyle() != validation.get_linestyle()
    grey = [np.dot(to_rgb(line.get_color()), (0.299, 0.587, 0.114)) for line in display.ax_.lines]
    assert abs(grey[0] - grey[1]) > 0.3


@pytest.mark.parametrize("monitor", ["score", "loss"])
def test_the_epoch_is_marked_whose_weights_were_kept(monitor):
    X, y = IRIS
    mlp = classifier(max_iter=40, learning_rate_init=0.3, monitor=monitor, n_iter_no_change=50)
    mlp.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    best = HistoryDisplay.from_estimator(mlp).best_epoch
    assert best < 40
    mlp.set_params(max_iter=best).fit(X[::2], y[::2])
    again = [weight.copy() for weight in mlp.coefs_]
    mlp.set_params(max_iter=40).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    for kept, expected in zip(mlp.coefs_, again, strict=True):
        assert_array_equal(kept, expected)
    display = HistoryDisplay.from_estimator(mlp)
    assert [line.get_xdata()[0] for line in display.best_lines_] == [best, best]


def test_without_validation_data_no_epoch_is_marked():
    display = HistoryDisplay.from_estimator(classifier().fit(*IRIS))
    assert list(display.lines_) == ["loss"]
    assert display.best_epoch is None
    assert display.best_lines_ == []


def test_validation_scores_have_a_panel_of_their_own():
    mlp = classifier(early_stopping=True).fit(*IRIS)
    display = HistoryDisplay.from_estimator(mlp)
    assert_array_equal(display.lines_["val_accuracy"].get_ydata(), mlp.validation_scores_)
    regressor = MLPRegressor(
        hidden_layer_sizes=(4,), max_iter=3, early_stopping=True, random_state=0
    )
    display = HistoryDisplay.from_estimator(regressor.fit(*load_diabetes(return_X_y=True)))
    assert [axes.get_ylabel() for axes in display.axes_] == ["Loss", "R²"]


def test_the_labels_of_metrics_are_words():
    names = ["loss", "mean_absolute_error", "mae", "acc", "AUC"]
    display = HistoryDisplay(history={name: [1.0, 2.0] for name in names}).plot()
    labels = [axes.get_ylabel() for axes in display.axes_]
    assert labels == ["Loss", "Mean absolute error", "MAE", "Accuracy", "AUC"]


def test_an_autoencoder_has_losses_and_no_score():
    autoencoder = Autoencoder(2, max_iter=3, early_stopping=True, random_state=0).fit(IRIS[0])
    display = HistoryDisplay.from_estimator(autoencoder)
    assert list(display.lines_) == ["loss", "val_loss"]
    assert display.best_epoch == np.argmin(autoencoder.history_["val_loss"]) + 1


def test_lbfgs_counts_iterations():
    mlp = classifier(solver="lbfgs", max_iter=8).fit(*IRIS)
    display = HistoryDisplay.from_estimator(mlp)
    assert display.ax_.get_xlabel() == "Iteration"
    assert_array_equal(display.lines_["loss"].get_ydata(), mlp.history_["loss"])


def test_one_epoch_is_seen_as_a_point():
    display = HistoryDisplay.from_estimator(classifier(max_iter=1).fit(*IRIS))
    assert display.lines_["loss"].get_marker() == "o"


def test_axes_of_the_user_are_drawn_into(mlp):
    figure, axes = plt.subplots(2)
    display = HistoryDisplay.from_estimator(mlp, ax=axes)
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure


@pytest.mark.parametrize("grid", [True, False])
def test_one_axes_is_divided(mlp, grid):
    figure = plt.figure()
    whole = figure.add_subplot(1, 2, 2) if grid else figure.add_axes((0.55, 0.1, 0.4, 0.8))
    display = HistoryDisplay.from_estimator(mlp, ax=whole)
    bounds = whole.get_position()
    assert len(display.axes_) == 2
    for axes in display.axes_:
        part = axes.get_position()
        assert bounds.x0 - 1e-9 <= part.x0 < part.x1 <= bounds.x1 + 1e-9
        assert bounds.y0 - 1e-9 <= part.y0 < part.y1 <= bounds.y1 + 1e-9


def test_the_number_of_axes_must_fit(mlp):
    with pytest.raises(ValueError, match="ax must hold one Axes, or 2: one a panel. Got 3."):
        HistoryDisplay.from_estimator(mlp, ax=plt.subplots(3)[1])


def test_lines_look_as_asked(mlp):
    display = HistoryDisplay.from_estimator(
        mlp, training_kwargs={"color": "red"}, validation_kwargs={"linewidth": 5}
    )
    assert display.lines_["loss"].get_color() == "red"
    assert display.lines_["val_loss"].get_linewidth() == 5


def test_a_display_can_be_drawn_again(mlp):
    display = HistoryDisplay.from_estimator(mlp)
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


def test_before_fit_there_is_nothing_to_draw():
    with pytest.raises(NotFittedError, match="This MLPClassifier instance is not fitted yet"):
        HistoryDisplay.from_estimator(MLPClassifier())


def test_what_holds_a_network_is_an_error_that_says_where_it_is():
    pipeline = make_pipeline(StandardScaler(), classifier()).fit(*IRIS)
    with pytest.raises(TypeError, match=r"HistoryDisplay.from_estimator\(fitted\[-1\], ...\)"):
        HistoryDisplay.from_estimator(pipeline)
    search = GridSearchCV(classifier(max_iter=2), {"alpha": [0.1]}, cv=2).fit(*IRIS)
    with pytest.raises(TypeError, match=r"from_estimator\(fitted.best_estimator_, ...\)"):
        HistoryDisplay.from_estimator(search)
    with pytest.raises(TypeError, match="fitted networks of sklearn_cnn. Got LogisticRegression.$"):
        HistoryDisplay.from_estimator(LogisticRegression().fit(*IRIS))
