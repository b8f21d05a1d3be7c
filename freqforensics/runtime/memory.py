"""Memory of a program that ends with its work: what is freed stays, and cycles of objects are sought seldom."""

from __future__ import annotations

import atexit
import ctypes
import gc
from contextlib import suppress
from typing import Final

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 256 << 20
_MAPPED_BYTES: Final = 32 << 20
"""Size from which memory is still mapped by itself, and given back at once."""
_NEW_OBJECTS: Final = 50_000
"""Containers that are made, less those that are freed, until those among them that nothing refers to are sought."""


def keep_freed_memory() -> None:
    """Let glibc's malloc keep up to 256 MB of freed memory for each thread's arena.

    Each layer of a network asks for megabytes that the one before has freed. Given back to the system in between, every
    page of them is mapped and cleared anew: about a tenth of a forward's time. Without glibc nothing is done. It holds
    for the whole process, so it is for a program to call, not for a library.
    """
    with suppress(AttributeError, OSError, TypeError):  # no such function, or no such way to look for one
        mallopt = ctypes.CDLL(None).mallopt
        # Both: a threshold that is set ends the search for good ones.
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def collect_seldom() -> None:
    """Let Python seek cycles of garbage seldom, and not at all as the process ends.

    torch and what it imports are a quarter of a million objects. Python goes through them time and again while they are
    made, and several times more at the end: together half a second. Objects in a cycle that are left at the end are
    not finalised. It holds for the whole process, so it is for a program to call, not for a library.
    """
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
