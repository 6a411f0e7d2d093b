"""XLA, the plain graph, alone and shared, ``keras.Model.fit`` and JAX end with the same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ._one_engine import ALL, FACTORS, THINNED, WAYS

ROOT = Path(__file__).parents[2]
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def fitted_in_all_ways(combinations, folder):
    """Arrays of weights by way and by ``"combination part"``; ways take turns, one at a time."""
    found = {}
    for way in WAYS:
        path = folder / f"{way}.npz"
        done = subprocess.run(
            [sys.executable, "-m", "tests.training._one_engine", way, str(path)],
            input=json.dumps(combinations),
            cwd=ROOT,
            env=os.environ | {"KERAS_BACKEND": "jax" if way == "JAX" else "tensorflow"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found[way] = dict(np.load(path))
    return found


def too_far_apart(combinations, folder):
    """Combinations whose weights differ between two ways by more than rounding."""
    found = fitted_in_all_ways(combinations, folder)
    first, complaints = found[WAYS[0]], []
    for way in WAYS[1:]:
        assert found[way].keys() == first.keys()
        for key, array in found[way].items():
            combination = combinations[int(key.split()[0])]
            difference = np.abs(array - first[key]).max()
            assert array.dtype == first[key].dtype == combination["dtype"]
            if not difference <= TOLERANCE[combination["dtype"]]:
                complaints.append((way, combination, key, float(difference)))
    return complaints


def test_the_thinned_design_holds_every_level_of_every_factor():
    for factor, levels in FACTORS.items():
        assert {json.dumps(row[factor]) for row in THINNED} == set(map(json.dumps, levels))


@pytest.mark.slow
def test_one_engine(tmp_path):
    assert too_far_apart(THINNED, tmp_path) == []


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_one_engine_in_every_combination(tmp_path):
    assert too_far_apart(ALL, tmp_path) == []
