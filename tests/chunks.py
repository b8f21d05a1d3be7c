"""Functions of chunks, for whatever process computes them."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence

import cv2

from freqforensics.runtime.executors import Shared

ONLY_IN = "FREQFORENSICS_TEST_PROCESS"
"""Variable of the environment: the only process in which `demanding` does not fail."""


def processes(chunk: Sequence[int]) -> list[tuple[int, int]]:
    """Say in which process each item is computed."""
    time.sleep(0.01)
    return [(item, os.getpid()) for item in chunk]


def demanding(chunk: Sequence[int]) -> list[tuple[int, int]]:
    """Fail in other processes than one."""
    if os.environ[ONLY_IN] != str(os.getpid()):
        raise RuntimeError("not in this process")
    return processes(chunk)


def refusing(chunk: Sequence[int]) -> list[int]:
    """Refuse the item 7, in any process."""
    if 7 in chunk:
        raise KeyError("seven")
    time.sleep(0.01)
    return list(chunk)


def conditions(chunk: Sequence[int]) -> list[tuple[int, int, bool]]:
    """Give the process, OpenCV's number of threads, and whether garbage is collected."""
    time.sleep(0.01)
    return [(os.getpid(), cv2.getNumThreads(), gc.isenabled()) for _ in chunk]


def added(shared: Shared[int], chunk: Sequence[int]) -> list[tuple[int, int]]:
    """Add a shared number to items, and say in which process."""
    time.sleep(0.01)
    return [(item + shared.value, os.getpid()) for item in chunk]


def join(left: list[object], right: list[object]) -> list[object]:
    """Put two results together."""
    return left + right
