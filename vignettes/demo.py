"""The main job on real data: digits, and tables with a grid search, beside scikit-learn's MLP.

Takes about a minute. Results are printed, pictures go to ``output/demo`` in the current folder.
"""

import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pandas as pd
from sklearn import datasets, neural_network
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklearn_cnn
from sklearn_cnn import Autoencoder, CNNClassifier, MLPClassifier, MLPRegressor

OUTPUT = Path("output") / "demo"


def main() -> None:
    # Both libraries say that the epochs are few: they are chosen for speed.
    warnings.simplefilter("ignore", ConvergenceWarning)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    MLPClassifier((2,), max_iter=1).fit([[0.0], [1.0]], [0, 1])  # imports Keras: some seconds
    cnn, test, y_test = read_digits()
    search_a_grid()
    fit_categories()
    draw_codes()
    end_well(cnn, test, y_test)


def read_digits():
    """Three networks on the digits; histories, filters and feature maps of one."""
    title("Handwritten digits: 1797 pictures of 8x8, a quarter kept for testing")
    X, y = datasets.load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    settings = {"batch_size": 32, "max_iter": 20, "random_state": 0}
    theirs = neural_network.MLPClassifier(**settings)
    ours = MLPClassifier(**settings)
    cnn = CNNClassifier(input_shape=(8, 8, 1), dropout=0.3, **settings)
    rows = {}
    for name, network in [
        ("scikit-learn's MLPClassifier", theirs),
        ("MLPClassifier", ours),
        ("CNNClassifier", cnn),
    ]:
        first, second = (seconds(network.fit, train, y_train) for _ in range(2))
        rows[name] = {
            "test accuracy": network.score(test, y_test),
            "first fit, s": round(first, 2),
            "second fit, s": round(second, 2),
        }
    table(rows)
    apart = max(np.abs(a - b).max() for a, b in zip(ours.coefs_, theirs.coefs_, strict=True))
    print(
        "\nThe two MLPs drew the same numbers: after 20 epochs in float32 their weights differ by\n"
        f"{apart:.0e} at most. A first fit compiles; networks of the same shape share the program."
    )
    watched = CNNClassifier(input_shape=(8, 8, 1), early_stopping=True, metrics="accuracy")
    watched.set_params(**settings | {"max_iter": 60}).fit(train, y_train)
    keep(sklearn_cnn.HistoryDisplay.from_estimator(watched), "digits_history")
    keep(sklearn_cnn.FiltersDisplay.from_estimator(cnn), "digits_filters")
    keep(sklearn_cnn.FeatureMapsDisplay.from_estimator(cnn, test, row=1), "digits_feature_maps")
    return cnn, test, y_test


def search_a_grid() -> None:
    """The same search with both libraries: only the import differs."""
    title("Breast cancer: 569 tumours, 30 measurements; a grid of 8 networks, each fitted 5 times")
    X, y = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    grid = {
        "network__hidden_layer_sizes": [(10,), (50,)],
        "network__alpha": [0.0001, 1.0],
        "network__learning_rate_init": [0.001, 0.01],
    }
    rows = {}
    for name, library in [("scikit-learn's MLP", neural_network), ("sklearn_cnn", sklearn_cnn)]:
        network = library.MLPClassifier(batch_size=32, max_iter=100, random_state=0)
        pipeline = Pipeline([("scaler", StandardScaler()), ("network", network)])
        search = GridSearchCV(pipeline, grid, cv=5)
        took = seconds(search.fit, train, y_train)
        rows[name] = {
            "best mean of 5 folds": search.best_score_,
            "test accuracy": search.score(test, y_test),
            "41 fits, s": round(took, 1),
        }
    columns = ["rank_test_score", *(f"param_{name}" for name in grid)]
    candidates = pd.DataFrame(search.cv_results_)[[*columns, "mean_test_score", "std_test_score"]]
    candidates.columns = ["rank", "units", "alpha", "rate", "accuracy, 5 folds", "spread"]
    print(candidates.sort_values("rank").to_string(index=False, float_format="{:.4g}".format))
    print()
    table(rows)


def fit_categories() -> None:
    """A DataFrame with a categorical column, through a ColumnTransformer."""
    title("Diabetes: 442 patients, progression after a year from 9 numbers and one category")
    X, y = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X["sex"] = X["sex"].map({1.0: "A", 2.0: "B"})
    columns = make_column_transformer(
        (OneHotEncoder(drop="if_binary"), ["sex"]), remainder=StandardScaler()
    )
    network = MLPRegressor(
        hidden_layer_sizes=(16,),
        activation="tanh",
        solver="lbfgs",
        alpha=10.0,
        max_iter=2000,
        random_state=0,
    )
    rows = {}
    for name, model in [
        ("mean of the training rows", DummyRegressor()),
        ("linear regression", LinearRegression()),
        (
            "MLPRegressor, 16 tanh units",
            TransformedTargetRegressor(network, transformer=StandardScaler()),
        ),
    ]:
        errors = -cross_val_score(
            make_pipeline(columns, model), X, y, cv=10, scoring="neg_mean_absolute_error"
        )
        rows[name] = {"mean absolute error, 10 folds": errors.mean(), "spread": errors.std()}
    table(rows)


def draw_codes() -> None:
    """Digits in two numbers, by principal components and by an autoencoder."""
    import matplotlib.pyplot as plt

    title("Digits in two numbers: an autoencoder beside principal components")
    X, y = datasets.load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    pca = PCA(2).fit(X)
    autoencoder = Autoencoder(
        2, hidden_layer_sizes=(64, 128, 64), activation="tanh", batch_size=32, random_state=0
    )
    took = seconds(autoencoder.fit, X)
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    rows = {}
    for panel, (name, model) in zip(
        axes, [("PCA", pca), ("Autoencoder", autoencoder)], strict=True
    ):
        codes = model.transform(X)
        error = float(((X - model.inverse_transform(codes)) ** 2).mean())
        rows[name] = {"mean squared error": round(error, 4)}
        points = panel.scatter(*codes.T, c=y, cmap="tab10", vmin=-0.5, vmax=9.5, s=8)
        for digit in range(10):
            middle = np.median(codes[y == digit], axis=0)
            panel.annotate(str(digit), middle, weight="bold", bbox={"fc": "w", "alpha": 0.7})
        panel.set(title=name, xlabel="code 1", ylabel="code 2")
    figure.colorbar(points, ax=axes, label="digit", ticks=range(10))
    figure.savefig(OUTPUT / "digits_codes.png", dpi=100)
    table(rows)
    print(f"\n{autoencoder.n_iter_} epochs in {took:.1f} s.")
    shown = sklearn_cnn.ReconstructionDisplay.from_estimator(autoencoder, X, input_shape=(8, 8, 1))
    keep(shown, "digits_reconstructed")


def end_well(cnn, test, y_test) -> None:
    """What was written, a saved network at work, and where R comes in."""
    title("The end")
    file = OUTPUT / "digits.cnn"
    cnn.save(file)
    again = sklearn_cnn.load(file)
    assert (again.predict(test) == cnn.predict(test)).all()
    right = int((again.predict(test) == y_test).sum())
    print(f"The convolutional network reads {right} of {len(test)} digits that it had never seen.")
    print("Saved to one file and loaded again, it reads this one:\n")
    for row in test[0].reshape(8, 8):
        print("    " + "".join(" .:oO@"[int(5.999 * grey)] * 2 for grey in row))
    probability = again.predict_proba(test[:1]).max()
    print(f"\nas {again.predict(test[:1])[0]}, with probability {probability:.4f}.\n")
    print("Written to output/demo:")
    for path in sorted(OUTPUT.iterdir()):
        print(f"    {path.name:28}{path.stat().st_size / 1024:6.0f} KB")
    if not Path(__file__).with_name("demo.R").exists():
        print("\nThe R half of this demonstration comes with the R package.")


def title(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


def table(rows: dict) -> None:
    frame = pd.DataFrame.from_dict(rows, orient="index")
    print(frame.to_string(float_format="{:.4g}".format))


def seconds(function, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def keep(display, name: str) -> None:
    display.figure_.savefig(OUTPUT / f"{name}.png", dpi=100)


if __name__ == "__main__":
    main()
