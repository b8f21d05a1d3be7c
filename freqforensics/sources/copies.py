"""Files that are copies of others, to the byte or nearly."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
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
_ROWS, _COLUMNS = 8, 9  # of the grid of cells whose brightness is compared
_FLAT: Final = 8
"""Range of the grid's grey levels below which an image is flat."""
_LARGE: Final = 1 << 17
"""Pixels below which `cv2.resize` is quick."""
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
    luma = image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    brighter = _brighter(luma)
    if brighter is None:
        small = cv2.resize(luma, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA).astype(np.int16)
        if np.ptp(small) < _FLAT:
            return -1
        brighter = small[:, 1:] > small[:, :-1]
    return int.from_bytes(np.packbits(brighter, bitorder="little").tobytes(), "little")


def _brighter(luma: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Say which cells of the grid have a brighter right neighbour after `cv2.resize`, in a quarter of its time.

    OpenCV averages a cell in single precision, pixel by pixel, and rounds. Here whole rows are summed as integers. The
    result is None where rounding might decide otherwise, where the image is nearly flat, and where it is small.
    """
    height, width = luma.shape
    if luma.size < _LARGE or height < _ROWS or width < _COLUMNS:
        return None
    tops, above = np.divmod(np.arange(_ROWS + 1) * height, _ROWS)
    bands = np.concatenate(
        [cv2.reduce(luma[top:stop], 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S) for top, stop in pairwise(tops.tolist())]
    )
    edges = luma[np.minimum(tops, height - 1)] * (above / _ROWS)[:, None]  # shares of a row that lie in the band above
    means = (bands + (edges[1:] - edges[:-1])) @ _columns(width) * (_ROWS / height)
    # Each of n additions and products in single precision errs by at most 2^-24 of a sum below 256.
    error = (height / _ROWS + width / _COLUMNS + 8) * 2.0**-16
    least, most = np.floor(means + (0.5 - error)), np.floor(means + (0.5 + error))
    brighter = least[:, 1:] > most[:, :-1]
    if least.max() - most.min() < _FLAT or (brighter != (most[:, 1:] > least[:, :-1])).any():
        return None
    return np.asarray(brighter)


@lru_cache(maxsize=16)
def _columns(width: int) -> NDArray[np.float64]:
    """Give the matrix (width, cells) that averages the columns of each cell of the grid."""
    edges = np.arange(_COLUMNS + 1) * (width / _COLUMNS)
    columns = np.arange(width)[:, None]
    shares = np.minimum(columns + 1, edges[1:]) - np.maximum(columns, edges[:-1])
    return np.asarray(np.maximum(shares, 0) * (_COLUMNS / width))


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
