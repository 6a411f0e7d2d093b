"""Does a long life cost anything: 10,000 fits of 50 architectures, from two threads?

Memory must stay within 20 MB of what it was after 500 fits, and the last 100 fits must take what
the second 100 took, to 10 %. Says so by its exit status.
"""

import argparse
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sklearn_cnn import Autoencoder, CNNClassifier, MLPClassifier, MLPRegressor

MEGABYTES, PERCENT = 20, 10
N_WARM = 500  # fits after which everything is compiled


def architectures() -> list[Callable]:
    """Fifty networks, each a function of a seed that gives an unfitted estimator."""
    settings = {"max_iter": 3, "batch_size": 32}
    made: list[Callable] = []
    for width in range(4, 24):
        made.append(lambda seed, w=width: MLPClassifier((w,), random_state=seed, **settings))
        made.append(
            lambda seed, w=width: MLPRegressor(
                hidden_layer_sizes=(w, 5), activation="tanh", random_state=seed, **settings
            )
        )
    for n_maps in range(2, 7):
        made.append(
            lambda seed, n=n_maps: CNNClassifier(
                n, hidden_layer_sizes=(), input_shape=(8, 8, 1), random_state=seed, **settings
            )
        )
        made.append(lambda seed, n=n_maps: Autoencoder(n, random_state=seed, **settings))
    return made


def resident_megabytes() -> float:
    """Memory of this process that is not swapped out."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def soak(n_fits: int, n_threads: int) -> tuple[np.ndarray, dict[int, float]]:
    """Seconds at which each fit ended, and memory after every twentieth of them."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    made, ended, memory = architectures(), np.empty(n_fits), {}
    lock, done = threading.Lock(), 0
    step = max(n_fits // 20, 1)

    def fit(number: int) -> None:
        nonlocal done
        rng = np.random.RandomState(number)
        rows = rng.choice(len(X), rng.randint(100, 128), replace=False)
        estimator = made[number % len(made)](number)
        target = y[rows].astype(float) if isinstance(estimator, MLPRegressor) else y[rows]
        fitted = estimator.fit(X[rows], target)
        (fitted.transform if isinstance(fitted, Autoencoder) else fitted.predict)(X[rows])
        with lock:
            ended[done] = time.perf_counter()
            done += 1
            if done % step == 0 or done == N_WARM:
                memory[done] = resident_megabytes()
                print(f"{done} fits: {memory[done]:.0f} MB", flush=True)

    with ThreadPoolExecutor(n_threads) as pool:
        for future in [pool.submit(fit, number) for number in range(n_fits)]:
            future.result()
    return ended, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.fits < 2 * N_WARM:
        parser.error(f"--fits must be at least {2 * N_WARM}: the first {N_WARM} compile.")
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    ended, memory = soak(arguments.fits, arguments.threads)
    growth = max(memory.values()) - memory[N_WARM]
    second, last = ended[199] - ended[99], ended[-1] - ended[-101]
    minutes = (ended[-1] - started) / 60
    print(f"{arguments.fits} fits in {minutes:.1f} minutes")
    print(f"memory after {N_WARM} fits {memory[N_WARM]:.0f} MB, at most {growth:+.1f} MB later")
    print(f"the second 100 fits took {second:.2f} s, the last 100 {last:.2f} s")
    flat = growth <= MEGABYTES
    steady = last <= (1 + PERCENT / 100) * second
    print(f"memory is {'' if flat else 'not '}flat, time is {'' if steady else 'not '}steady")
    sys.exit(0 if flat and steady else 1)


if __name__ == "__main__":
    main()
