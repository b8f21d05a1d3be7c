"""How many processors there are to work with."""

from __future__ import annotations

import os


def default_workers() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def granted_processors() -> int:
    """Return the number of processors this process may use, at most the one that OMP_NUM_THREADS grants."""
    granted = os.environ.get("OMP_NUM_THREADS", "")
    return min(default_workers(), int(granted)) if granted.isdecimal() else default_workers()
