"""What all tests share: settings of hypothesis, figures without a screen, a word on R."""

import os
import shutil
import signal
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports matplotlib or TensorFlow.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# On a busy machine every example is slow, and every strategy.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# Examples are the same in every run of `make test`; the nightly run draws new ones.
settings.register_profile("default", derandomize=True, max_examples=30, **_PATIENT)
settings.register_profile("nightly", derandomize=False, max_examples=100, **_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Modules of few tests that take minutes each.
_LONG_MODULES = ("test_r_package.py", "test_vignettes.py")


def pytest_collection_modifyitems(items):
    """Long modules first, then those with most tests: two processes end at about the same time."""
    n_tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in _LONG_MODULES, -n_tests[item.path]))


def pytest_report_header():
    if shutil.which("Rscript") is None:
        return "R is missing: what needs it is not tested. On Debian: apt install r-base-dev"
    return None


@pytest.fixture
def ctrl_c_is_heard():
    """Processes of pytest-xdist, and those that a shell starts in the background, ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def groups(monkeypatch):
    """How many fits there were in each of the groups that were trained together."""
    from sklearn_cnn.training import fusing

    sizes = []
    train_together = fusing.train_together

    def counted(fits, **settings):
        sizes.append(len(fits))
        return train_together(fits, **settings)

    monkeypatch.setattr(fusing, "train_together", counted)
    return sizes


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
