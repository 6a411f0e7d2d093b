"""How long does GridSearchCV take: 4 candidates, 5 folds, the digits network, 20 epochs?"""

import json

import _peers
from sklearn.model_selection import GridSearchCV, StratifiedKFold

PEERS = ["sklearn_cnn", "scikit-learn", "keras.wrappers", "scikeras", "skorch"]
GRIDS = {
    "sklearn_cnn": {"learning_rate_init": [3e-4, 1e-3, 3e-3, 1e-2]},
    "scikit-learn": {"learning_rate_init": [3e-4, 1e-3, 3e-3, 1e-2]},
    # keras.wrappers tunes nothing but the arguments of its model function.
    "keras.wrappers": {"warm_start": [False, False, False, False]},
    "scikeras": {"optimizer__learning_rate": [3e-4, 1e-3, 3e-3, 1e-2]},
    "skorch": {"lr": [3e-4, 1e-3, 3e-3, 1e-2]},
}


def search(peer: str, quick: bool) -> dict:
    X, y = _peers.digits("float32")
    y = y.astype("int64")
    if peer not in ("scikit-learn", "skorch"):
        import keras  # noqa: F401  the import is no part of a search

    def fit():
        network = _peers.mlp_classifier(peer, batch_size=32, epochs=2 if quick else 20)
        folds = StratifiedKFold(2 if quick else 5)
        return GridSearchCV(network, GRIDS[peer], cv=folds, refit=False).fit(X, y)

    return _peers.measure(fit, lambda fitted: fitted.best_score_, n_later=1)


def main() -> None:
    arguments = _peers.parser(__doc__, rounds=2).parse_args()
    if arguments.peer:
        print(json.dumps(search(arguments.peer, arguments.quick)))
        return
    results = _peers.side_by_side(__file__, PEERS, arguments)
    _peers.print_table("GridSearchCV, 4 candidates x 5 folds", results)
    print("keras.wrappers loses fit_kwargs when it is cloned: each of its fits is of one epoch.")


if __name__ == "__main__":
    main()
