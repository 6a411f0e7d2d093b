"""How long does one hidden layer of 100 take on digits, 20 epochs of Adam?

Every peer gets float32; scikit-learn and we are compared in float64 as well.
"""

import argparse
import json

import _peers

PEERS = ["sklearn_cnn", "scikit-learn", "Keras fit", "keras.wrappers", "scikeras", "skorch"]
EPOCHS = 20


def fit_once(peer: str, batch_size: int, dtype: str) -> dict:
    X, y = _peers.digits(dtype)
    if peer not in ("scikit-learn", "skorch"):
        import keras  # noqa: F401  the import is no part of a fit

    if peer == "skorch":
        y = y.astype("int64")

    def fit():
        if peer == "Keras fit":
            model = _peers.KerasFit(batch_size, EPOCHS)
        else:
            model = _peers.mlp_classifier(peer, batch_size, EPOCHS)
        return float(model.fit(X, y).score(X, y))

    slow = peer not in ("sklearn_cnn", "scikit-learn")
    return _peers.measure(fit, n_later=2 if slow else 7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(fit_once(arguments.peer, arguments.batch_size, arguments.dtype)))
        return
    for batch_size in (32, 200):
        for dtype, peers in (("float32", PEERS), ("float64", PEERS[:2])):
            flags = ("--batch-size", str(batch_size), "--dtype", dtype)
            results = _peers.side_by_side(__file__, peers, *flags, rounds=arguments.rounds)
            _peers.print_table(f"digits, batch {batch_size}, {dtype}", results)


if __name__ == "__main__":
    main()
