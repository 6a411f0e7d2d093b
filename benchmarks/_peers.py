"""The peers, each as a function that fits, in a process of its own."""

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

HERE = Path(__file__).parent


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """What all scripts ask: which peer (in its own process), how often, or only whether it runs."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--peer", help="measure this peer here, print JSON")
    found.add_argument("--rounds", type=int, default=rounds)
    found.add_argument("--quick", action="store_true", help="little of everything: does it run?")
    return found


def measure(fit: Callable, score: Callable, n_later: int) -> dict:
    """Seconds of the first fit and of later fits, and the score of what the last returned."""
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    fitted = fit()
    first = time.perf_counter() - started
    later = []
    for _ in range(n_later):
        started = time.perf_counter()
        fitted = fit()
        later.append(time.perf_counter() - started)
    return {"first": first, "later": later, "score": float(score(fitted))}


def in_own_process(script: str, peer: str, *arguments: str) -> dict:
    """What ``script --peer PEER`` prints as JSON, or ``{"missing": reason}``."""
    done = subprocess.run(
        [sys.executable, script, "--peer", peer, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"missing": done.stderr.strip().splitlines()[-1][:160]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def side_by_side(
    script: str, peers: list[str], settings, *arguments: str, once: Sequence[str] = ()
) -> dict:
    """Each peer in turn, several rounds, so that a drift of the machine meets all of them.

    Those of ``once``, which take minutes, run in the first round only.
    """
    results: dict[str, list[dict]] = {peer: [] for peer in peers}
    if settings.quick:
        arguments = (*arguments, "--quick")
    for i in range(1 if settings.quick else settings.rounds):
        for peer in peers:
            if i == 0 or (peer not in once and "missing" not in results[peer][-1]):
                results[peer].append(in_own_process(script, peer, *arguments))
    return results


def print_table(title: str, results: dict, ours: str = "sklearn_cnn") -> None:
    """Seconds, score and how many times longer than ours each peer takes (min, median, max)."""
    print(f"\n{title}")
    print(f"{'':24}{'first fit s':>12}{'later fit s':>12}{'score':>9}  times ours (later fits)")
    own = results[ours]
    for peer, runs in results.items():
        if "missing" in runs[-1]:
            print(f"{peer:24}does not run here: {runs[-1]['missing']}")
            continue
        first = median(run["first"] for run in runs)
        later = median(t for run in runs for t in run["later"])
        ratios = [
            median(run["later"]) / median(mine["later"])
            for run, mine in zip(runs, own, strict=False)
        ]
        spread = f"{min(ratios):7.2f} {median(ratios):7.2f} {max(ratios):7.2f}"
        score = runs[-1]["score"]
        shown = "" if score is None else f"{score:.4f}"
        print(f"{peer:24}{first:12.3f}{later:12.4f}{shown:>9}  {spread}")


def digits(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits, pixels between 0 and 1."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(dtype), y


def keras_mlp(dtype: str = "float32"):
    """The network of scikit-learn's MLP on digits, written in Keras."""
    import keras

    return keras.Sequential(
        [
            keras.Input((64,), dtype=dtype),
            keras.layers.Dense(100, activation="relu", dtype=dtype),
            keras.layers.Dense(10, activation="softmax", dtype=dtype),
        ]
    )


def compiled_keras_mlp(meta=None):
    """The same, compiled as scikeras wants it."""
    model = keras_mlp()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def torch_mlp():
    """The same in PyTorch."""
    from torch import nn

    return nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))


def mlp_classifier(peer: str, batch_size: int, epochs: int):
    """An unfitted classifier of each peer: one hidden layer of 100, Adam at 0.001."""
    if peer == "sklearn_cnn":
        from sklearn_cnn import MLPClassifier

        return MLPClassifier(batch_size=batch_size, max_iter=epochs, random_state=0)
    if peer == "scikit-learn":
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier(batch_size=batch_size, max_iter=epochs, random_state=0)
    if peer == "keras.wrappers":
        from keras.wrappers import SKLearnClassifier

        def build(X, y):
            model = keras_mlp()
            model.compile("adam", "categorical_crossentropy")
            return model

        return SKLearnClassifier(
            build, fit_kwargs={"epochs": epochs, "batch_size": batch_size, "verbose": 0}
        )
    if peer == "scikeras":
        from scikeras.wrappers import KerasClassifier

        return KerasClassifier(
            compiled_keras_mlp, epochs=epochs, batch_size=batch_size, verbose=0, random_state=0
        )
    if peer == "skorch":
        import torch
        from skorch import NeuralNetClassifier

        torch.manual_seed(0)
        return NeuralNetClassifier(
            torch_mlp(),
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=0.001,
            max_epochs=epochs,
            batch_size=batch_size,
            train_split=None,
            iterator_train__shuffle=True,
            verbose=0,
        )
    raise ValueError(peer)


class KerasFit:
    """A new Keras model and ``fit``, as in a script without any wrapper."""

    def __init__(self, batch_size: int, epochs: int):
        self.batch_size, self.epochs = batch_size, epochs

    def fit(self, X, y):
        self.model = keras_mlp(str(X.dtype))
        self.model.compile("adam", "sparse_categorical_crossentropy")
        self.model.fit(X, y, batch_size=self.batch_size, epochs=self.epochs, verbose=0)
        return self

    def score(self, X, y):
        return float((self.model.predict(X, verbose=0).argmax(axis=1) == y).mean())
