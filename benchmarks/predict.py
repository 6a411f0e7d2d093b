"""How long does predict take on a fitted perceptron: one row, 1797 rows?"""

import json

import _peers

PEERS = ["sklearn_cnn", "scikit-learn", "keras.wrappers", "scikeras", "skorch"]


def predict(peer: str, n_rows: int, quick: bool) -> dict:
    X, y = _peers.digits("float32")
    network = _peers.mlp_classifier(peer, batch_size=200, epochs=2).fit(X, y.astype("int64"))
    rows = X[:n_rows]

    def accuracy(labels) -> float:
        return (labels == y[:n_rows]).mean()

    return _peers.measure(lambda: network.predict(rows), accuracy, n_later=3 if quick else 50)


def main() -> None:
    parser = _peers.parser(__doc__, rounds=2)
    parser.add_argument("--rows", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(predict(arguments.peer, arguments.rows, arguments.quick)))
        return
    for n_rows in (1, 1797):
        flags = ("--rows", str(n_rows))
        results = _peers.side_by_side(__file__, PEERS, arguments, *flags)
        _peers.print_table(f"predict, rows: {n_rows}", results)


if __name__ == "__main__":
    main()
