"""Freed memory that stays with the process, for the next array of its size."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 256 << 20
_MAPPED_BYTES: Final = 32 << 20
"""Size from which memory is still mapped by itself, and given back at once."""


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
