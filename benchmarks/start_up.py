"""What does importing cost, beside scikit-learn's perceptron?"""

import subprocess
import sys
import time
from statistics import median

import _peers

STATEMENTS = {
    "import sklearn.neural_network": "import sklearn.neural_network",
    "import sklearn_cnn": "import sklearn_cnn",
    "from sklearn_cnn import MLPClassifier": "from sklearn_cnn import MLPClassifier",
    "import keras": "import keras",
}


def seconds(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    runs: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    arguments = _peers.parser(__doc__, rounds=7).parse_args()
    for _ in range(1 if arguments.quick else arguments.rounds):
        for name, statement in STATEMENTS.items():
            runs[name].append(seconds(statement))
    base = runs["import sklearn.neural_network"]
    print("\nimports, a new process each")
    print(f"{'':40}{'seconds':>9}   times scikit-learn's (min, median, max)")
    for name, times in runs.items():
        ratios = [a / b for a, b in zip(times, base, strict=True)]
        spread = f"{min(ratios):.2f} {median(ratios):.2f} {max(ratios):.2f}"
        print(f"{name:40}{median(times):9.2f}   {spread}")


if __name__ == "__main__":
    main()
