"""How long does an epoch of a convolutional network take: 28x28 (4096 images), 8x8 (digits)?

And how soon does a fit start: one batch, whose later fits are of an architecture seen before.
"""

import json

import _peers
import numpy as np

PEERS = ["sklearn_cnn", "Keras fit", "Keras fit, 16 steps a call", "skorch"]
PROBLEMS = {
    "28x28": {"size": 28, "n": 4096, "batch_size": 64, "epochs": 1},
    "8x8": {"size": 8, "n": 1797, "batch_size": 32, "epochs": 2},
    "28x28, one batch": {"size": 28, "n": 64, "batch_size": 64, "epochs": 1},
}


def images(problem: dict) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    X, y = bunch.images.astype("float32") / 16, bunch.target
    if problem["size"] == 28:
        X = np.kron(X, np.ones((3, 3), "float32"))
        X = np.pad(X, ((0, 0), (2, 2), (2, 2)))
    rows = np.arange(problem["n"]) % len(X)
    return X[rows][..., None], y[rows]


def keras_model(size: int):
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((size, size, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def torch_model(size: int):
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * (size // 4) ** 2, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def fit_once(peer: str, problem: dict, quick: bool) -> dict:
    X, y = images(problem | {"n": min(256, problem["n"])} if quick else problem)
    size, batch_size, epochs = problem["size"], problem["batch_size"], problem["epochs"]
    if peer != "skorch":
        import keras  # noqa: F401  the import is no part of a fit

    def fit():
        if peer == "sklearn_cnn":
            from sklearn_cnn import CNNClassifier

            rate = {"learning_rate": "constant", "learning_rate_init": 0.001}  # as of the others
            cnn = CNNClassifier(batch_size=batch_size, max_iter=epochs, random_state=0, **rate)
            return cnn.fit(X, y).loss_
        if peer.startswith("Keras fit"):
            model = keras_model(size)
            steps = 16 if "steps" in peer else 1
            loss = "sparse_categorical_crossentropy"
            model.compile("adam", loss, steps_per_execution=steps)
            history = model.fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0)
            return float(history.history["loss"][-1])
        import torch
        from skorch import NeuralNetClassifier

        torch.manual_seed(0)
        network = NeuralNetClassifier(
            torch_model(size),
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=0.001,
            max_epochs=epochs,
            batch_size=batch_size,
            train_split=None,
            iterator_train__shuffle=True,
            verbose=0,
        ).fit(X.transpose(0, 3, 1, 2), y.astype("int64"))
        return float(network.history[-1]["train_loss"])

    return _peers.measure(fit, lambda loss: loss, n_later=1 if quick else 3)


def main() -> None:
    parser = _peers.parser(__doc__, rounds=2)
    parser.add_argument("--problem", default="28x28")
    arguments = parser.parse_args()
    if arguments.peer:
        problem = PROBLEMS[arguments.problem]
        print(json.dumps(fit_once(arguments.peer, problem, arguments.quick)))
        return
    for name, problem in PROBLEMS.items():
        flags = ("--problem", name)
        results = _peers.side_by_side(__file__, PEERS, arguments, *flags)
        title = f"convnet {name}, batch {problem['batch_size']}, {problem['n']} images"
        _peers.print_table(f"{title}, epochs: {problem['epochs']}; score is the loss", results)


if __name__ == "__main__":
    main()
