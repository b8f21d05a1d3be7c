"""Files that are copies of others, to the byte or nearly."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.images import ImageReadError, read_file
from freqforensics.storage.locations import is_location
from freqforensics.storage.opening import file_size
from freqforensics.storage.protocol import StorageError

_BEGINNING: Final = 4096
NEAR_BITS: Final = 3
"""Bits of 64 in which the difference hashes of near duplicates may differ."""


def distinct_files(paths: Sequence[Path]) -> list[int]:
    """List the files that are not equal to an earlier one.

    Parameters
    ----------
    paths : sequence of Path
        Also members of archives and remote files. Only files of equal size are read, and only those that begin alike
        are read whole. A file that is empty or cannot be read is equal to none.

    Returns
    -------
    list of int
        Their positions, ascending.
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    first: list[int] = []
    for index, path in enumerate(paths):
        try:
            size = file_size(path)
        except (OSError, StorageError):
            size = 0
        if size:
            by_size[size].append(index)
        else:
            first.append(index)
    for members in by_size.values():
        if len(members) == 1:
            first += members
            continue
        by_beginning: dict[bytes, list[int]] = defaultdict(list)
        for index in members:
            try:
                by_beginning[_beginning(paths[index])].append(index)
            except OSError:
                first.append(index)
        for alike in by_beginning.values():
            first += alike if len(alike) == 1 else _first_of_equal(paths, alike)
    return sorted(first)


def _first_of_equal(paths: Sequence[Path], members: Sequence[int]) -> list[int]:
    seen: set[bytes] = set()
    first: list[int] = []
    for index in members:
        try:
            digest = _digest(paths[index])
        except (OSError, ImageReadError):
            first.append(index)
            continue
        if digest not in seen:
            seen.add(digest)
            first.append(index)
    return first


def _beginning(path: Path) -> bytes:
    """The first bytes of a local file; nothing of others, which are read at once."""
    if is_location(str(path)):
        return b""
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def _digest(path: Path) -> bytes:
    if is_location(str(path)):
        return hashlib.sha256(read_file(path)).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def difference_hash(image: NDArray[np.uint8]) -> int:
    """Hash the appearance of an image, so that similar images differ in few bits.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3) or (H, W)
        RGB, or luma.

    Returns
    -------
    int
        64 bits, one for each cell of an 8 x 8 grid: whether its right neighbour is brighter. Pictures that look alike
        differ in few bits. -1 for a flat image.

    Examples
    --------
    In a ramp every cell has a brighter neighbour on its right. In the mirror image of the ramp none has.

    >>> ramp = np.tile(np.arange(144, dtype=np.uint8), (144, 1))
    >>> [f"{difference_hash(image):x}" for image in (ramp, ramp[:, ::-1])]
    ['ffffffffffffffff', '0']
    """
    luma = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    if np.ptp(small) < 8:
        return -1
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1], bitorder="little").tobytes(), "little")


def near_copies(hashes: Iterable[int]) -> list[int]:
    """List the pictures that look like an earlier one.

    Parameters
    ----------
    hashes : iterable of int
        Hashes that `difference_hash` gives. Pictures look alike whose hashes differ in at most 3 bits; flat ones
        never do.

    Returns
    -------
    list of int
        Their positions, ascending.

    Examples
    --------
    The second hash differs from the first one in a single bit.

    >>> near_copies([0b1010, 0b1011, 0xFFFF0000])
    [1]
    """
    # Hashes that differ in at most 3 bits agree in at least one of four quarters.
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    seen: set[int] = set()
    copies = []
    for index, code in enumerate(hashes):
        if code < 0:
            continue
        keys = [(quarter, code >> (16 * quarter) & 0xFFFF) for quarter in range(4)]
        if code in seen or any((code ^ other).bit_count() <= NEAR_BITS for key in keys for other in buckets[key]):
            copies.append(index)
        if code not in seen:
            seen.add(code)
            for key in keys:
                buckets[key].append(code)
    return copies
