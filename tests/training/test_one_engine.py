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
# Every fit compiles here, without the engine's bound; of XLA's programs, which are never given
# back, a process has room for some hundreds.
FITS_A_PROCESS = 144
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
# Where a penalty turns its sign, and where a rectifier opens, a rounding of float32 decides.
NUDGES = (-4, -3, -2, -1, 1, 2, 3, 4)


def fitted_in(way, combinations, folder):
    """Arrays of weights by ``"combination part"``; one process after the other."""
    found = {}
    for start in range(0, len(combinations), FITS_A_PROCESS):
        path = folder / f"{way}-{start}.npz"
        done = subprocess.run(
            [sys.executable, "-m", "tests.training._one_engine", way, str(path)],
            input=json.dumps(combinations[start : start + FITS_A_PROCESS]),
            cwd=ROOT,
            env=os.environ | {"KERAS_BACKEND": "jax" if way == "JAX" else "tensorflow"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        for key, array in np.load(path).items():
            number, part = key.split()
            found[f"{start + int(number)} {part}"] = array
    return found


def too_far_apart(combinations, folder):
    """Combinations whose weights differ between two ways by more than rounding."""
    found = {way: fitted_in(way, combinations, folder) for way in WAYS}
    first, complaints = found[WAYS[0]], []
    for way in WAYS[1:]:
        assert found[way].keys() == first.keys()
        for key, array in found[way].items():
            number = int(key.split()[0])
            dtype = combinations[number]["dtype"]
            difference = np.abs(array - first[key]).max()
            assert array.dtype == first[key].dtype == dtype
            if not difference <= TOLERANCE[dtype]:
                complaints.append((way, number, key, float(difference)))
    reach = reach_of_rounding(combinations, complaints, first, folder)
    return [
        (way, combinations[number], key, difference)
        for way, number, key, difference in complaints
        if not difference <= 2 * reach.get(number, 0.0)
    ]


def reach_of_rounding(combinations, complaints, first, folder):
    """By how much a fit in float32 changes in one way if data, rate and penalties are rounded anew.

    By its number; only asked of what is complained of.
    """
    numbers = sorted({number for _, number, _, _ in complaints})
    numbers = [n for n in numbers if combinations[n]["dtype"] == "float32"]
    nudged = [combinations[n] | {"nudged_by": nudge} for n in numbers for nudge in NUDGES]
    reach = dict.fromkeys(numbers, 0.0)
    for key, array in fitted_in(WAYS[0], nudged, folder).items():
        place, part = key.split()
        number = numbers[int(place) // len(NUDGES)]
        change = float(np.abs(array - first[f"{number} {part}"]).max())
        reach[number] = max(reach[number], change)
    return reach


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
