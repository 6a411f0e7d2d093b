"""How many networks a second does a GPU train, fused, one by one, and against the CPU?

A thousand networks 64-100-10 that differ in their seeds, on JAX (``KERAS_BACKEND=jax`` is set here;
TensorFlow is not imported). Each device has a process of its own. Beside the time stand the
accuracy on rows that were held out, and how far the weights are from those of the same network
trained alone, trained on the CPU, and of scikit-learn's: the largest difference over the largest
weight. In float32 it is about 1e-6, and 1e-3 where rounding decides whether a unit is on.
"""

import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import _peers
import numpy as np

os.environ["KERAS_BACKEND"] = "jax"

N_TRAINING, BATCH_SIZE = 1437, 32
# Networks whose weights are compared, and that are timed one by one.
N_COMPARED = 10


def problem():
    X, y = _peers.digits("float32")
    order = np.random.RandomState(0).permutation(len(X))
    X, y = X[order], y[order]
    return (X[:N_TRAINING], y[:N_TRAINING]), (X[N_TRAINING:], y[N_TRAINING:])


def networks(n: int, epochs: int) -> list:
    made = [_peers.mlp_classifier("sklearn_cnn", BATCH_SIZE, epochs) for _ in range(n)]
    # No fit stops early: each does the same work everywhere.
    for seed, network in enumerate(made):
        network.set_params(random_state=seed, n_iter_no_change=10 * epochs)
    return made


def seconds_of(work) -> tuple[float, list]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def measure(platform: str, n: int, epochs: int, weights_file: str) -> dict:
    """Times on one device; the weights of the first networks go into a file."""
    if platform == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    import jax

    from sklearn_cnn import fit_many

    if platform != "cpu" and jax.default_backend() == "cpu":
        raise SystemExit("JAX sees no GPU here.")
    warnings.simplefilter("ignore")
    training, held_out = problem()

    def fused(count: int, width: int):
        made = networks(count, epochs)
        return fit_many(((network, *training) for network in made), n_jobs=width)

    found = {"device": str(jax.devices()[0].device_kind), "cores": os.cpu_count()}
    found["jax"], found["fused"] = jax.__version__, []
    for width in (n, n, n, *((256, 256) if n > 256 else ())):
        seconds, fitted = seconds_of(lambda width=width: fused(n, width))
        # Epochs of a stack share its time: their sum is the time in the programs.
        inside = sum(sum(network.history_["seconds"]) for network in fitted)
        found["fused"].append({"width": width, "seconds": seconds, "in programs": inside})
    scores = [network.score(*held_out) for network in fitted]
    found["accuracy"] = [float(np.mean(scores)), min(scores)]

    alone = networks(N_COMPARED, epochs)
    found["alone"] = [seconds_of(lambda one=one: one.fit(*training))[0] for one in alone]
    found["to alone"] = [
        distance(one.coefs_, other.coefs_) for one, other in zip(alone, fitted, strict=False)
    ]
    found["same length"] = all(
        one.n_iter_ == other.n_iter_ for one, other in zip(alone, fitted, strict=False)
    )
    parts = {
        f"{i} {j}": part
        for i, network in enumerate(fitted[:N_COMPARED])
        for j, part in enumerate(network.coefs_)
    }
    np.savez(weights_file, **parts)
    if "tensorflow" in sys.modules:
        raise SystemExit("TensorFlow was imported.")
    stats = jax.devices()[0].memory_stats()
    found["peak"] = stats["peak_bytes_in_use"] / 2**20 if stats else None
    return found


def distance(coefs, others) -> float:
    return max(
        float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(coefs, others, strict=True)
    )


def spread(distances: list[float]) -> str:
    return (
        f"{median(distances):.1e} apart (median of {len(distances)}; largest {max(distances):.1e})"
    )


def scikit_learn(epochs: int) -> tuple[float, list]:
    """Seconds of one fit of scikit-learn's, and the weights of its first networks."""
    warnings.simplefilter("ignore")
    (X, y), _ = problem()
    seconds, coefs = [], []
    for seed in range(N_COMPARED):
        network = _peers.mlp_classifier("scikit-learn", BATCH_SIZE, epochs)
        network.set_params(random_state=seed, n_iter_no_change=10 * epochs)
        seconds.append(seconds_of(lambda network=network: network.fit(X, y))[0])
        coefs.append(network.coefs_)
    return median(seconds), coefs


def report(title: str, found: dict, n: int) -> float:
    """Print a device's lines; returns its networks a second."""
    cores = f", {found['cores']} cores" if found["device"] == "cpu" else ""
    print(f"\n{title}: {found['device']}{cores}, JAX {found['jax']}, {n} networks")
    widths: set[int] = set()
    for run in found["fused"]:
        kind = "later" if run["width"] in widths else "compiling included"
        widths.add(run["width"])
        print(
            f"  fused, {run['width']:4d} at a time, {kind:18}: {run['seconds']:8.3f} s"
            f" {n / run['seconds']:9.1f} networks a second"
            f"  ({run['in programs']:.3f} s in the programs: {n / run['in programs']:.0f} a second)"
        )
    later = median(found["alone"][1:])
    print(
        f"  one by one: {found['alone'][0]:.3f} s the first, then {later:.4f} s each:"
        f" {1 / later:.1f} networks a second (median of {len(found['alone']) - 1})"
    )
    mean, least = found["accuracy"]
    print(f"  accuracy on held-out rows: {mean:.4f} on average, {least:.4f} the least")
    print(
        f"  weights, fused against alone: {spread(found['to alone'])};"
        f" as many epochs: {'yes' if found['same length'] else 'NO'}"
    )
    if found["peak"]:
        print(f"  largest memory on the device: {found['peak']:.0f} MiB")
    best = min(run["seconds"] for run in found["fused"][1:])
    return n / best


def coefs_of(weights_file: str) -> list:
    with np.load(weights_file) as parts:
        return [[parts[f"{i} {j}"] for j in range(2)] for i in range(len(parts) // 2)]


def main() -> None:
    parser = _peers.parser(__doc__, rounds=1)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--cpu-networks", type=int, help="on the CPU; as many, unless it is slow")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--weights", help="where the process of a device puts weights")
    parser.add_argument("--device", choices=["gpu", "cpu"], help="this device alone")
    arguments = parser.parse_args()
    n, epochs = (20, 2) if arguments.quick else (arguments.networks, arguments.epochs)
    n_cpu = min(n, arguments.cpu_networks or n)
    if arguments.peer:
        count = n_cpu if arguments.peer == "cpu" else n
        print(json.dumps(measure(arguments.peer, count, epochs, arguments.weights)))
        return
    settings = ["--networks", str(n), "--cpu-networks", str(n_cpu), "--epochs", str(epochs)]
    print(f"64-100-10, {N_TRAINING} rows, batches of {BATCH_SIZE}, {epochs} epochs, Adam, float32")
    rates, coefs = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for platform in (arguments.device,) if arguments.device else ("gpu", "cpu"):
            file = str(Path(folder) / f"{platform}.npz")
            found = _peers.in_own_process(__file__, platform, *settings, "--weights", file)
            if "missing" in found:
                print(f"\n{platform}: does not run here: {found['missing']}")
                continue
            title = "On the CPU" if platform == "cpu" else "On the GPU"
            rates[platform] = report(title, found, n_cpu if platform == "cpu" else n)
            rates[platform, "alone"] = 1 / median(found["alone"][1:])
            coefs[platform] = coefs_of(file)
    seconds, theirs = scikit_learn(epochs)
    print(f"\nscikit-learn's MLPClassifier: {seconds:.3f} s a fit, {1 / seconds:.1f} a second")
    for platform, ours in coefs.items():
        apart = [distance(a, b) for a, b in zip(theirs, ours, strict=False)]
        print(f"  its weights and those fused on the {platform.upper()}: {spread(apart)}")
    if len(coefs) == 2:
        apart = [distance(a, b) for a, b in zip(*coefs.values(), strict=True)]
        print(f"Fused on the GPU and on the CPU: {spread(apart)}")
    if "gpu" in rates and "cpu" in rates:
        print(f"\nGPU, fused / CPU, fused:       {rates['gpu'] / rates['cpu']:8.1f} times")
        print(f"GPU, fused / GPU, one by one:  {rates['gpu'] / rates['gpu', 'alone']:8.1f} times")
        print(f"GPU, fused / scikit-learn:     {rates['gpu'] * seconds:8.1f} times")


if __name__ == "__main__":
    main()
