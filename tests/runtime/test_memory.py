from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from freqforensics.runtime.memory import keep_freed_memory
{call}
def touch():
    for _ in range(40):
        arrays = [np.ones(2_000_000, np.float32) for _ in range(4)]
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone can be told")
@pytest.mark.long
def test_memory_that_was_freed_is_not_mapped_again():
    faults = [
        int(subprocess.run([sys.executable, "-c", FAULTS.format(call=call)], capture_output=True, check=True).stdout)
        for call in ("", "keep_freed_memory()")
    ]
    assert faults[1] < faults[0] / 10


def test_without_glibc_nothing_happens(monkeypatch):
    import freqforensics.runtime.memory as memory

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed_memory() is None


COLLECTIONS = """
import atexit, gc
from freqforensics.runtime.memory import collect_seldom
atexit.register(lambda: print(gc.get_freeze_count() > 1000))  # runs after what is registered later
{call}
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
alive = [[] for _ in range(40_000)]
print(len(seen))
"""


def test_cycles_are_sought_seldom_and_not_at_the_end():
    usual, seldom = (
        subprocess.run(
            [sys.executable, "-c", COLLECTIONS.format(call=call)], capture_output=True, check=True, text=True
        ).stdout.split()
        for call in ("", "collect_seldom()")
    )
    assert int(usual[0]) > 10
    assert usual[1] == "False"
    assert seldom == ["0", "True"]
