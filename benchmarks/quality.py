"""How good are the fitted networks on real data, beside what others have published?

``SKLEARN_CNN_DATA`` names the folder that holds ``mnist/``, ``cifar-10-batches-py/`` and ``uci/``.
Without arguments all questions are asked; ``quality.py lenet5 boston`` asks two. One line each:
what was fitted, our figure, scikit-learn's or the published one, seconds of our fit.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_cnn import CNNClassifier, MLPClassifier, MLPRegressor
from sklearn_cnn.datasets import load_cifar10, load_mnist

# Epochs, and mean RMSE over the 20 splits, one hidden layer of 50: probabilistic back-propagation
# (Hernandez-Lobato & Adams 2015), deep ensembles (Lakshminarayanan et al. 2017), tuned dropout
# (Gal & Ghahramani 2016).
UCI = {
    "boston": (1000, (3.01, 3.28, 2.90)),
    "concrete": (1000, (5.67, 6.03, 4.83)),
    "power": (200, (4.12, 4.11, 4.01)),
    "wine": (100, (0.64, 0.64, 0.62)),
    "yacht": (2000, (1.02, 1.58, 0.67)),
}


class Answer(NamedTuple):
    """A line of the table."""

    what: str
    ours: str
    others: str
    seconds: float


def test_error(network, train, test) -> tuple[float, float]:
    """Share of test pictures that get a wrong label, in percent, and seconds of the fit."""
    started = time.perf_counter()
    network.fit(*train)
    seconds = time.perf_counter() - started
    return 100 * (1 - network.score(*test)), seconds


def mnist(*, flat: bool = False):
    """Training and test part, pixels between 0 and 1."""
    for subset in ("train", "test"):
        bunch = load_mnist(subset=subset)
        X = bunch.data if flat else bunch.images
        yield (X / 255).astype("float32"), bunch.target


def cosine(rate: float, epochs: int, batch_size: int, n: int = 60_000):
    """A rate that falls from ``rate`` to zero in half a cosine over all steps."""
    import keras

    steps = epochs * -(-n // batch_size)
    return keras.optimizers.schedules.CosineDecay(rate, steps)


def lenet5(seed: int) -> Answer:
    """Pixels of mean 0 and variance 1, as in the paper, and a rate that falls, as there."""
    (X, y), (X_test, y_test) = mnist()
    network = CNNClassifier(
        architecture="lenet5",
        learning_rate=cosine(1e-3, 20, 32),
        batch_size=32,
        max_iter=20,
        random_state=seed,
    )
    parts = [((part - X.mean()) / X.std(), labels) for part, labels in ((X, y), (X_test, y_test))]
    error, seconds = test_error(network, *parts)
    return Answer("MNIST, LeNet-5, 20 epochs", f"{error:.2f} %", "LeCun 1998: 0.95 %", seconds)


def cnn(seed: int) -> Answer:
    network = CNNClassifier(random_state=seed)
    error, seconds = test_error(network, *mnist())
    what = f"MNIST, CNNClassifier(), {network.n_iter_} epochs"
    return Answer(what, f"{error:.2f} %", "Chollet's convnet: 0.8 %", seconds)


def dropout(seed: int) -> Answer:
    """With dropout a network learns more slowly and profits from more epochs.

    Of fifteen settings (epochs, batches, rates, what stops it), four seeds each, this one
    had the fewest errors on 10,000 pictures held out of the training part.
    """
    network = CNNClassifier(
        dropout=0.5,
        early_stopping=True,
        learning_rate_init=0.002,
        batch_size=128,
        max_iter=40,
        n_iter_no_change=20,
        random_state=seed,
    )
    error, seconds = test_error(network, *mnist())
    what = (
        f"the same with dropout=0.5, early_stopping=True, batches of 128, {network.n_iter_} epochs"
    )
    return Answer(what, f"{error:.2f} %", "", seconds)


def dense(seed: int) -> Answer:
    network = MLPClassifier(
        (512,), solver="rmsprop", alpha=0, batch_size=128, max_iter=5, random_state=seed
    )
    error, seconds = test_error(network, *mnist(flat=True))
    what = "MNIST, dense 512, RMSprop, 5 epochs"
    return Answer(what, f"{error:.2f} %", "Chollet & Allaire: 2.1 %", seconds)


def lenet(seed: int) -> Answer:
    network = CNNClassifier(
        architecture="lenet",
        solver="sgd",
        momentum=0.0,
        learning_rate="constant",
        learning_rate_init=0.1,
        batch_size=50,
        max_iter=10,
        random_state=seed,
    )
    error, seconds = test_error(network, *mnist())
    what = "MNIST, LeNet of the tutorial, SGD 0.1, batch 50, 10 epochs"
    return Answer(what, f"{error:.2f} %", "tutorial, 200 epochs: 0.91 to 0.93 %", seconds)


def cifar(seed: int) -> Answer:
    """The convolutional network of the course, and scikit-learn's MLP, on the same pictures."""
    import sklearn.neural_network

    parts = [load_cifar10(subset=subset) for subset in ("train", "test")]
    pictures = [((part.images / 255).astype("float32"), part.target) for part in parts]
    network = CNNClassifier(
        (32, 64, 64), learning_rate_init=0.002, dropout=0.5, max_iter=30, random_state=seed
    )
    error, seconds = test_error(network, *pictures)
    flat = [(X.reshape(len(X), -1), y) for X, y in pictures]
    theirs = sklearn.neural_network.MLPClassifier((512,), early_stopping=True, random_state=seed)
    their_error, their_seconds = test_error(theirs, *flat)
    what = f"CIFAR-10, {len(pictures[0][0])} pictures: CNNClassifier((32, 64, 64), dropout=0.5)"
    others = f"scikit-learn's MLP of 512: {100 - their_error:.1f} % right, {their_seconds:.0f} s"
    return Answer(what, f"{100 - error:.1f} % right", others, seconds)


def uci_splits(name: str):
    """Training and test rows of each of the 20 splits."""
    folder = Path(os.environ["SKLEARN_CNN_DATA"], "uci")
    table = np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1)
    X, y = table[:, :-1], table[:, -1]
    for line in (folder / f"{name}_test_rows.txt").read_text().splitlines():
        test = np.fromstring(line, dtype=int, sep=" ")
        train = np.setdiff1d(np.arange(len(y)), test)
        yield (X[train], y[train]), (X[test], y[test])


def uci(name: str, seed: int) -> Answer:
    """One hidden layer of 50, inputs and target scaled; scikit-learn's MLP with the same words."""
    import sklearn.neural_network

    epochs, figures = UCI[name]
    errors, seconds = {}, {}
    for module, regressor in (("ours", MLPRegressor), ("sklearn", None)):
        regressor = regressor or sklearn.neural_network.MLPRegressor
        network = regressor(
            hidden_layer_sizes=(50,),
            batch_size=32,
            alpha=0.05,
            max_iter=epochs,
            tol=1e-6,
            n_iter_no_change=50,
            random_state=seed,
        )
        model = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), network), transformer=StandardScaler()
        )
        started = time.perf_counter()
        # Products of so small matrices are quickest in one thread, scikit-learn's above all.
        with threadpool_limits(1, "blas"):
            errors[module] = [
                float(np.sqrt(np.mean((model.fit(*train).predict(test[0]) - test[1]) ** 2)))
                for train, test in uci_splits(name)
            ]
        seconds[module] = time.perf_counter() - started
    mean = {module: np.mean(found) for module, found in errors.items()}
    standard_error = np.std(errors["ours"], ddof=1) / np.sqrt(len(errors["ours"]))
    published = ", ".join(f"{figure:.2f}" for figure in figures)
    others = f"scikit-learn {mean['sklearn']:.3f} in {seconds['sklearn']:.0f} s; {published}"
    ours = f"{mean['ours']:.3f} +- {standard_error:.3f}"
    return Answer(
        f"UCI {name}, RMSE over 20 splits, {epochs} epochs", ours, others, seconds["ours"]
    )


QUESTIONS = {
    "lenet5": lenet5,
    "cnn": cnn,
    "dropout": dropout,
    "dense": dense,
    "lenet": lenet,
    "cifar": cifar,
    **{name: lambda seed, name=name: uci(name, seed) for name in UCI},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", nargs="*", choices=[*QUESTIONS, []], metavar="QUESTION")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if "SKLEARN_CNN_DATA" not in os.environ:
        sys.exit("Set SKLEARN_CNN_DATA to the folder that holds mnist/, cifar-10-batches-py/, uci/")
    warnings.simplefilter("ignore")
    print("| what | ours | scikit-learn, or published | seconds |\n| --- | --- | --- | --- |")
    for question in arguments.questions or QUESTIONS:
        answer = QUESTIONS[question](arguments.seed)
        print(f"| {answer.what} | {answer.ours} | {answer.others} | {answer.seconds:.0f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
