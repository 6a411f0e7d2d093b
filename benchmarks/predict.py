"""How long does predict take on a fitted perceptron: one row, 1797 rows?"""

import argparse
import json

import _peers

PEERS = ["sklearn_cnn", "scikit-learn", "keras.wrappers", "scikeras", "skorch"]


def predict(peer: str, n_rows: int) -> dict:
    X, y = _peers.digits("float32")
    network = _peers.mlp_classifier(peer, batch_size=200, epochs=2).fit(X, y.astype("int64"))
    rows = X[:n_rows]
    return _peers.measure(lambda: float((network.predict(rows) == y[:n_rows]).mean()), n_later=50)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer")
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(predict(arguments.peer, arguments.rows)))
        return
    for n_rows in (1, 1797):
        flags = ("--rows", str(n_rows))
        results = _peers.side_by_side(__file__, PEERS, *flags, rounds=arguments.rounds)
        _peers.print_table(f"predict, rows: {n_rows}", results)


if __name__ == "__main__":
    main()
