"""Is any perceptron on digits slower than scikit-learn's: solvers, depths, batches, options?

Later fits of one process each, medians; how many times longer scikit-learn takes. Rows in which it
takes less are repeated at the end.
"""

import argparse
import itertools
import time
import warnings
from statistics import median

import _peers
import sklearn.neural_network

import sklearn_cnn

SOLVERS = ["adam", "sgd"]
HIDDEN = [(100,), (100, 100), ()]
BATCHES = [1, 32, 200, "full"]
OPTIONS = {
    "": {},
    "weights": {},
    "penalty 1": {"alpha": 1.0},
    "early stopping": {"early_stopping": True},
}


def seconds(module, settings: dict, options: str, X, y, repeats: int) -> float:
    """Median of later fits."""
    weight = 1.0 + (y % 2) if options == "weights" else None
    times = []
    for _ in range(1 + repeats):
        network = module.MLPClassifier(random_state=0, **settings)
        started = time.perf_counter()
        network.fit(X, y, sample_weight=weight)
        times.append(time.perf_counter() - started)
    return median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--all", action="store_true", help="every option for every batch size")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="little of everything: does it run?")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = _peers.digits(arguments.dtype)
    print(f"{'':52}{'ours s':>9}{'theirs s':>9}{'ratio':>7}")
    slower = []
    for solver, hidden, batch, options in itertools.product(SOLVERS, HIDDEN, BATCHES, OPTIONS):
        if options and not arguments.all and batch != 32:
            continue
        settings = {
            "solver": solver,
            "hidden_layer_sizes": hidden,
            "batch_size": len(X) if batch == "full" else batch,
            "max_iter": 1 if batch == 1 or arguments.quick else 20,
            **OPTIONS[options],
        }
        repeats = 1 if arguments.quick else arguments.repeats
        ours = seconds(sklearn_cnn, settings, options, X, y, repeats)
        theirs = seconds(sklearn.neural_network, settings, options, X, y, repeats)
        name = f"{solver}, {hidden}, batch {batch}" + (options and f", {options}")
        line = f"{name:52}{ours:9.4f}{theirs:9.4f}{theirs / ours:7.2f}"
        print(line, flush=True)
        if theirs < ours:
            slower.append(line)
    print("\nslower than scikit-learn:" if slower else "\nnone is slower than scikit-learn")
    print("\n".join(slower))


if __name__ == "__main__":
    main()
