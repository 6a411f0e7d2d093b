"""From which learning rate should convolutional networks start, and should it fall?

Six small problems, five seeds each, half of the rows held out: share of wrong labels in percent, or
root mean squared error, of networks that differ in their rate only.
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_cnn import CNNClassifier, CNNRegressor

RATES = {
    "constant 0.001": {"learning_rate": "constant", "learning_rate_init": 0.001},
    "falling from 0.001": {"learning_rate": "cosine", "learning_rate_init": 0.001},
    "0.002": {"learning_rate": "cosine", "learning_rate_init": 0.002},
    "0.003": {"learning_rate": "cosine", "learning_rate_init": 0.003},
}
N_SEEDS = 5


def digits(rng, n=1797):
    X, y = load_digits(return_X_y=True)
    return (X[:n] / 16).astype("float32").reshape(-1, 8, 8), y[:n]


def few_digits(rng):
    return digits(rng, 400)


def digits_as_numbers(rng):
    X, y = digits(rng)
    return X, y.astype(float)


def sums_in_a_window(rng):
    X = rng.normal(size=(400, 32, 1)).astype("float32")
    return X, X[:, 3:6, 0].sum(axis=1) + 0.1 * rng.normal(size=400)


def frequencies(rng):
    frequency, phase = rng.uniform(1, 6, 600), rng.uniform(0, 2 * np.pi, 600)
    waves = np.sin(2 * np.pi * np.outer(frequency, np.linspace(0, 1, 64)) + phase[:, np.newaxis])
    return _noisy(waves, 0.3, rng), frequency


def shapes(rng):
    """A sine, a square and a saw tooth, each begun anywhere."""
    time, kinds = 3 * np.linspace(0, 1, 48), rng.randint(3, size=300)
    sine = np.sin(2 * np.pi * time)
    waves = np.stack([sine, np.sign(sine), time % 1 * 2 - 1])
    return _noisy([np.roll(waves[kind], rng.randint(48)) for kind in kinds], 0.6, rng), kinds


def _noisy(waves, size, rng):
    waves = np.asarray(waves)
    return (waves + size * rng.normal(size=waves.shape)).astype("float32")[..., np.newaxis]


PROBLEMS = {
    "digits, % wrong": (CNNClassifier, digits),
    "400 digits, % wrong": (CNNClassifier, few_digits),
    "three shapes of waves, % wrong": (CNNClassifier, shapes),
    "digits as numbers, RMSE": (CNNRegressor, digits_as_numbers),
    "frequencies of waves, RMSE": (CNNRegressor, frequencies),
    "sums in a window, RMSE": (CNNRegressor, sums_in_a_window),
}


def error(network, X, y) -> float:
    if isinstance(network, CNNClassifier):
        return 100 * (1 - network.score(X, y))
    return float(np.sqrt(np.mean((network.predict(X) - y) ** 2)))


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"| mean of {N_SEEDS} seeds | {' | '.join(RATES)} |\n|{' --- |' * (len(RATES) + 1)}")
    for name, (cls, make) in PROBLEMS.items():
        errors = {rate: [] for rate in RATES}
        for seed in range(N_SEEDS):
            X, y = make(np.random.RandomState(seed))
            train, test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=seed)
            for rate, settings in RATES.items():
                network = cls(random_state=seed, **settings).fit(train, y_train)
                errors[rate].append(error(network, test, y_test))
        means = " | ".join(f"{np.mean(found):.3g}" for found in errors.values())
        print(f"| {name} | {means} |", flush=True)


if __name__ == "__main__":
    main()
