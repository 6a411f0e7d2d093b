"""How much memory is free for this process."""

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
# Limit and use of the control group of a container, in versions 2 and 1.
_CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
# Where the system does not say.
_MODEST = 2 * 2**30


def free_memory() -> int:
    """Bytes that may be taken without swapping, within the limits of a container."""
    free = _available()
    for limit, used in _CONTROL_GROUPS:
        try:
            left = int(limit.read_text()) - int(used.read_text())
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
        free = min(free, max(left, 0))
    return free


def _available() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            name, value, *_ = line.split()
            if name == "MemAvailable:":
                return int(value) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return _MODEST
