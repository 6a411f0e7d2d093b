"""Scripts that need a process of their own."""

import os
import subprocess
import sys


def run(script, **environment):
    """What a script prints, with what it wrote to stderr; it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done
