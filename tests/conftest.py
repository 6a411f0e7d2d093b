"""What all tests share: settings of hypothesis, figures without a screen, a word on R."""

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


def pytest_report_header():
    if shutil.which("Rscript") is None:
        return "R is missing: what needs it is not tested. On Debian: apt install r-base-dev"
    return None


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
