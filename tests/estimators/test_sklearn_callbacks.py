"""scikit-learn's own callbacks: hooks, scores, an early end, progress of a whole search."""

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_cnn import Autoencoder, CNNClassifier, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
ESTIMATORS = {
    "mlp classifier": MLPClassifier((4,), max_iter=4, random_state=0),
    "mlp regressor": MLPRegressor(hidden_layer_sizes=(4,), max_iter=4, random_state=0),
    "cnn": CNNClassifier((2,), hidden_layer_sizes=(3,), max_iter=4, random_state=0),
    "autoencoder": Autoencoder(2, (4,), max_iter=4, random_state=0),
}


class Recorder:
    """Notes every hook; ends training after ``stop_after`` epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.calls, self.predictions = [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "epoch":
            use = getattr(fitted_estimator, "predict", None) or fitted_estimator.transform
            self.predictions.append(use(X))
        return len(self.predictions) == self.stop_after

    def teardown(self, estimator, context):
        self.calls.append("teardown")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_epoch_is_a_task_with_an_estimator_that_predicts(name):
    recorder = Recorder()
    estimator = ESTIMATORS[name].set_callbacks(recorder)
    estimator.fit(X, Y)
    epochs = ["begin epoch", "end epoch"] * estimator.n_iter_
    assert recorder.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    assert len(recorder.predictions) == 4
    use = getattr(estimator, "predict", None) or estimator.transform
    np.testing.assert_array_equal(recorder.predictions[-1], use(X))
    estimator.set_callbacks()


def test_a_hook_that_returns_true_ends_training():
    mlp = MLPClassifier((4,), max_iter=50).set_callbacks(Recorder(stop_after=3)).fit(X, Y)
    assert mlp.n_iter_ == 3


def test_callbacks_change_no_number():
    plain = MLPClassifier((4,), max_iter=6, random_state=0).fit(X, Y)
    watched = MLPClassifier((4,), max_iter=6, random_state=0).set_callbacks(Recorder()).fit(X, Y)
    np.testing.assert_allclose(watched.coefs_[0], plain.coefs_[0], rtol=1e-12)


def test_teardown_comes_after_a_failed_fit_too():
    recorder = Recorder()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MLPClassifier().set_callbacks(recorder).fit(X, Y[:5])
    assert recorder.calls[-1] == "teardown"


def test_scoring_monitor_scores_every_epoch():
    monitor = ScoringMonitor(scoring="accuracy")
    mlp = MLPClassifier((4,), max_iter=5, random_state=0).set_callbacks(monitor).fit(X, Y)
    log = monitor.get_logs().data
    scores = [row["accuracy"] for row in log if row["task_name"] == "epoch"]
    assert len(scores) == mlp.n_iter_
    assert scores[-1] == accuracy_score(Y, mlp.predict(X))


def test_a_progress_bar_shows_a_search_as_a_whole(capsys):
    network = make_pipeline(StandardScaler(), MLPClassifier((3,), max_iter=2, random_state=0))
    search = GridSearchCV(network, {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert "GridSearchCV - fit" in shown
    assert "100%" in shown
