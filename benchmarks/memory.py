"""Does memory stay flat: 1000 fits in one process over 20 architectures?"""

import json
import time
import warnings

import _peers
import numpy as np
import psutil


def fits(peer: str, n_fits: int) -> dict:
    warnings.simplefilter("ignore")
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(200, 8)).astype("float32"), rng.randint(0, 2, 200)
    process = psutil.Process()
    memory, seconds = {}, {}
    for i in range(1, n_fits + 1):
        started = time.perf_counter()
        width = 4 + i % 20
        if peer == "sklearn_cnn":
            from sklearn_cnn import MLPClassifier

            MLPClassifier((width,), max_iter=5, random_state=i).fit(X, y).predict(X)
        else:
            import keras
            from scikeras.wrappers import KerasClassifier

            def build(meta, width=width):
                layers = [keras.Input((8,)), keras.layers.Dense(width, "relu")]
                model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
                model.compile("adam", "binary_crossentropy")
                return model

            KerasClassifier(build, epochs=5, verbose=0).fit(X, y).predict(X)
        seconds[i] = time.perf_counter() - started
        if i % (n_fits // 10) == 0:
            memory[i] = process.memory_info().rss / 2**20
    times = np.array([seconds[i] for i in range(1, n_fits + 1)])
    tenths = 1000 * times.reshape(10, -1).mean(axis=1)
    return {"memory": memory, "milliseconds": tenths.tolist()}


def main() -> None:
    parser = _peers.parser(__doc__, rounds=1)
    parser.add_argument("--fits", type=int, default=1000)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(fits(arguments.peer, arguments.fits)))
        return
    all_fits = 100 if arguments.quick else arguments.fits
    for peer, n_fits in (("sklearn_cnn", all_fits), ("scikeras", all_fits // 10)):
        result = _peers.in_own_process(__file__, peer, "--fits", str(n_fits))
        if "missing" in result:
            print(f"{peer}: does not run here: {result['missing']}")
            continue
        after = ", ".join(f"{i}: {size:.0f}" for i, size in result["memory"].items())
        tenths = " ".join(f"{t:.1f}" for t in result["milliseconds"])
        print(f"{peer}: MiB after fit {after}; ms a fit, by tenths {tenths}")


if __name__ == "__main__":
    main()
