"""How long do many fits take: a grid search, a wide search, a bootstrap, one by one and fused?

Each case runs in a process of its own for each peer; what is printed beside the time is a score, by
which the work can be seen to be the same. Of the two large cases scikit-learn and we, one by one,
fit a tenth, and their time is taken ten times.
"""

import json
import time
import warnings
from contextlib import nullcontext

import _peers
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.utils import resample

CASES = {
    "digits": ["fused", "sklearn_cnn", "scikit-learn", "scikeras", "skorch"],
    "widths": ["fused", "sklearn_cnn", "scikit-learn"],
    "wide": ["fused", "sklearn_cnn", "scikit-learn"],
    "bootstrap": ["fused", "sklearn_cnn", "scikit-learn"],
    "convnets": ["fused", "sklearn_cnn"],
    "starts": ["fused", "sklearn_cnn", "scikit-learn"],
    "searches": ["fused", "sklearn_cnn", "scikit-learn"],
}
TITLES = {
    "digits": "4 candidates x 5 folds of 64-100-10 on digits, 20 epochs, batch 32",
    "widths": "20 hidden layers of 5 to 99 units x 3 folds on digits, 20 epochs, batch 32",
    "wide": "40 candidates x 5 folds of 8-16-1 on 1000 rows, 200 epochs, batch 32",
    "bootstrap": "200 bootstrap replicates of 13-64-1 on 500 rows, 100 epochs, batch 32",
    "convnets": "3 candidates x 5 folds of a convnet on 8x8 digits, 10 epochs, batch 32",
    "starts": "50 starts of 13-5-1 on 500 rows, 200 epochs, one batch (fused: n_init=50)",
    "searches": "50 starts of 12-2-1 on 506 rows by L-BFGS (fused: n_init=50)",
}
RATES = {
    "scikeras": "optimizer__learning_rate",
    "skorch": "lr",
}


def linear_problem(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, n_features)).astype("float32")
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n_rows)
    return X, y.astype("float32")


def regressor(peer: str, units: int, epochs: int, seed: int = 0):
    if peer == "scikit-learn":
        from sklearn.neural_network import MLPRegressor
    else:
        from sklearn_cnn import MLPRegressor
    # No fit stops early: each does the same work for every peer.
    return MLPRegressor(
        hidden_layer_sizes=(units,),
        max_iter=epochs,
        batch_size=32,
        random_state=seed,
        n_iter_no_change=10 * epochs,
    )


def context(peer: str):
    import joblib

    return joblib.parallel_config("fused") if peer == "fused" else nullcontext()


def digits_search(peer: str, quick: bool):
    X, y = _peers.digits("float32")
    y = y.astype("int64")
    ours = peer in ("fused", "sklearn_cnn")
    network = _peers.mlp_classifier("sklearn_cnn" if ours else peer, 32, 2 if quick else 20)
    grid = {RATES.get(peer, "learning_rate_init"): [3e-4, 1e-3, 3e-3, 1e-2]}
    search = GridSearchCV(network, grid, cv=StratifiedKFold(5), refit=False)

    def fit():
        with context(peer):
            return search.fit(X, y)

    return fit, lambda fitted: fitted.best_score_, 1


def search_of_widths(peer: str, quick: bool):
    X, y = _peers.digits("float32")
    ours = peer in ("fused", "sklearn_cnn")
    network = _peers.mlp_classifier("sklearn_cnn" if ours else peer, 32, 2 if quick else 20)
    widths = np.random.RandomState(0).randint(5, 100, 20)
    grid = {"hidden_layer_sizes": [(int(width),) for width in widths]}
    search = GridSearchCV(network, grid, cv=StratifiedKFold(3), refit=False)

    def fit():
        with context(peer):
            return search.fit(X, y)

    return fit, lambda fitted: fitted.best_score_, 1


def wide_search(peer: str, quick: bool):
    X, y = linear_problem(1000, 8)
    share = 1 if peer == "fused" and not quick else 10
    grid = {"learning_rate_init": np.geomspace(1e-3, 1e-2, 10), "alpha": [1e-4, 1e-3, 1e-2, 1e-1]}
    if share > 1:
        grid["learning_rate_init"] = grid["learning_rate_init"][5:6]
    search = GridSearchCV(regressor(peer, 16, 2 if quick else 200), grid, cv=KFold(5), refit=False)

    def fit():
        with context(peer):
            return search.fit(X, y)

    def score(fitted):
        # Of the candidates that all peers fit.
        rates = fitted.cv_results_["param_learning_rate_init"].astype(float)
        chosen = np.isclose(rates, np.geomspace(1e-3, 1e-2, 10)[5])
        return fitted.cv_results_["mean_test_score"][chosen].max()

    return fit, score, share


def bootstrap(peer: str, quick: bool):
    X, y = linear_problem(500, 13)
    share = 1 if peer == "fused" and not quick else 10
    epochs, n_replicates = 2 if quick else 100, 200 // share
    samples = [resample(np.arange(500), random_state=seed) for seed in range(n_replicates)]

    def fit():
        networks = [regressor(peer, 64, epochs, seed) for seed in range(n_replicates)]
        if peer == "fused":
            from sklearn_cnn import fit_many

            return fit_many(
                (network, X, y, rows) for network, rows in zip(networks, samples, strict=True)
            )
        return [
            network.fit(X[rows], y[rows]) for network, rows in zip(networks, samples, strict=True)
        ]

    return fit, lambda fitted: fitted[7].score(X, y), share


def convnet_search(peer: str, quick: bool):
    from sklearn_cnn import CNNClassifier

    X, y = _peers.digits("float32")
    network = CNNClassifier(
        input_shape=(8, 8, 1),
        batch_size=32,
        max_iter=1 if quick else 10,
        random_state=0,
    )
    search = GridSearchCV(
        network, {"learning_rate_init": [3e-4, 1e-3, 3e-3]}, cv=StratifiedKFold(5), refit=False
    )

    def fit():
        with context(peer):
            return search.fit(X, y)

    return fit, lambda fitted: fitted.best_score_, 1


def starts(peer: str, quick: bool):
    X, y = linear_problem(500, 13)
    settings = {"batch_size": len(X), "max_iter": 2 if quick else 200}
    return best_of_starts(peer, regressor(peer, 5, 200).set_params(**settings), X, y)


def searches(peer: str, quick: bool):
    X, y = linear_problem(506, 12)
    settings = {"solver": "lbfgs", "max_iter": 5 if quick else 200}
    return best_of_starts(peer, regressor(peer, 2, 200).set_params(**settings), X, y)


def best_of_starts(peer: str, network, X, y):
    seeds = [0, *np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=49).tolist()]

    def fit():
        if peer == "fused":
            return clone(network).set_params(n_init=len(seeds)).fit(X, y)
        fits = [clone(network).set_params(random_state=seed).fit(X, y) for seed in seeds]
        return min(fits, key=lambda fitted: fitted.loss_)

    return fit, lambda fitted: fitted.score(X, y), 1


MAKERS = {
    "digits": digits_search,
    "widths": search_of_widths,
    "wide": wide_search,
    "bootstrap": bootstrap,
    "convnets": convnet_search,
    "starts": starts,
    "searches": searches,
}


def measure(case: str, peer: str, quick: bool) -> dict:
    if peer not in ("scikit-learn", "skorch"):
        import keras  # noqa: F401  the import is no part of a search
    warnings.simplefilter("ignore")
    fit, score, share = MAKERS[case](peer, quick)
    found = _peers.measure(fit, score, n_later={"scikit-learn": 1, "scikeras": 0}.get(peer, 2))
    if peer == "scikeras":  # traces anew for each fit: its second search takes what the first took
        found["later"] = [found["first"]]
    found["first"] *= share
    found["later"] = [seconds * share for seconds in found["later"]]
    return found


def growth(quick: bool) -> None:
    """Seconds and memory against the number of networks 64-100-10 on half of digits, 5 epochs."""
    import resource

    from sklearn_cnn import fit_many

    warnings.simplefilter("ignore")
    X, y = _peers.digits("float32")
    X, y = X[:900], y[:900]
    print("networks    seconds    ms a network    largest memory of the process, MB")
    for n in (10, 20) if quick else (10, 100, 1000):
        for _ in range(2):  # the second finds its programs compiled
            networks = [_peers.mlp_classifier("sklearn_cnn", 32, 5) for _ in range(n)]
            for seed, network in enumerate(networks):
                network.set_params(random_state=seed)
            started = time.perf_counter()
            fit_many((network, X, y) for network in networks)
            seconds = time.perf_counter() - started
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{n:8d}{seconds:11.2f}{1000 * seconds / n:16.2f}{largest:20.0f}")


def main() -> None:
    parser = _peers.parser(__doc__, rounds=2)
    parser.add_argument("--case", choices=[*CASES, "growth"], help="this case alone")
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(measure(arguments.case, arguments.peer, arguments.quick)))
        return
    for case, peers in CASES.items():
        if arguments.case in (None, case):
            results = _peers.side_by_side(
                __file__, peers, arguments, "--case", case, once=("scikeras",)
            )
            _peers.print_table(TITLES[case], results, ours="fused")
    if arguments.case in (None, "growth"):
        growth(arguments.quick)


if __name__ == "__main__":
    main()
