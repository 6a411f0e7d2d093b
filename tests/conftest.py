"""What all tests share: settings of hypothesis, pictures without a screen, tests that need R."""

import os
import shutil
import sys

import pytest
from hypothesis import settings

# Before anything imports matplotlib or TensorFlow.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# Examples are the same in every run of `make test`; the nightly run draws new ones.
settings.register_profile("default", derandomize=True, deadline=None, max_examples=30)
settings.register_profile("nightly", derandomize=False, deadline=None, max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

R_IS_MISSING = shutil.which("Rscript") is None
collect_ignore = ["r_bridge"] if R_IS_MISSING else []


def pytest_report_header():
    if R_IS_MISSING:
        return "R is missing: tests/r_bridge is not run. `apt install r-base-dev` brings it."
    return None


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
