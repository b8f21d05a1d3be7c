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
