"""How long does one hidden layer of 100 take on digits, 20 epochs of Adam?

Every peer gets float32; scikit-learn and we are compared in float64 as well.
"""

import json

import _peers

PEERS = ["sklearn_cnn", "scikit-learn", "Keras fit", "keras.wrappers", "scikeras", "skorch"]


def fit_once(peer: str, batch_size: int, dtype: str, quick: bool) -> dict:
    epochs = 2 if quick else 20
    X, y = _peers.digits(dtype)
    if peer not in ("scikit-learn", "skorch"):
        import keras  # noqa: F401  an import is no part of a fit
    if peer != "Keras fit":
        _peers.mlp_classifier(peer, batch_size, epochs)  # imports the peer
    if peer == "skorch":
        y = y.astype("int64")

    def fit():
        if peer == "Keras fit":
            model = _peers.KerasFit(batch_size, epochs)
        else:
            model = _peers.mlp_classifier(peer, batch_size, epochs)
        return model.fit(X, y)

    slow = peer not in ("sklearn_cnn", "scikit-learn")
    n_later = 2 if slow or quick else 7
    return _peers.measure(fit, lambda fitted: fitted.score(X, y), n_later)


def main() -> None:
    parser = _peers.parser(__doc__, rounds=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--dtype", default="float32")
    arguments = parser.parse_args()
    if arguments.peer:
        settings = arguments.batch_size, arguments.dtype, arguments.quick
        print(json.dumps(fit_once(arguments.peer, *settings)))
        return
    for batch_size in (32, 200):
        for dtype, peers in (("float32", PEERS), ("float64", PEERS[:2])):
            flags = ("--batch-size", str(batch_size), "--dtype", dtype)
            results = _peers.side_by_side(__file__, peers, arguments, *flags)
            _peers.print_table(f"digits, batch {batch_size}, {dtype}", results)


if __name__ == "__main__":
    main()
