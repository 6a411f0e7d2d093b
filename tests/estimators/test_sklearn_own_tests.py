"""scikit-learn's own tests of its perceptrons, run on ours in a process of their own."""

import re
import subprocess
import sys
from pathlib import Path

import sklearn.neural_network
from sklearn.neural_network import tests as sklearn_tests

# Test: why it is left out.
NOT_RUN = {
    "test_fit": "assigns arrays to private attributes of an estimator that was never fitted",
    "test_gradient": "calls the private _loss_grad_lbfgs; tests/training checks the gradients",
}


def test_scikit_learns_tests_of_its_perceptrons_pass_on_ours():
    tests = Path(sklearn_tests.__file__).parent / "test_mlp.py"
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", str(tests), "-q", "-rA", "-p", "no:cacheprovider"]
    command += ["-c", "/dev/null", "--rootdir", str(tests.parent), "-p", "_swap_perceptrons"]
    command += ["-k", f"not ({' or '.join(NOT_RUN)})"]
    done = subprocess.run(
        command, cwd=here, env=_environment(here), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    summary = done.stdout.strip().splitlines()[-1]
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", summary)}
    assert counts["passed"] >= 57
    assert counts.get("deselected", 0) == len(NOT_RUN)


def test_elsewhere_scikit_learns_perceptrons_are_its_own():
    """Else every comparison with them would compare ours with ours."""
    for name in ("MLPClassifier", "MLPRegressor"):
        assert getattr(sklearn.neural_network, name).__module__.startswith("sklearn.")


def _environment(folder: Path) -> dict[str, str]:
    import os

    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
