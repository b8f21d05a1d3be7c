"""Two properties of a map: how many frequencies carry it, and how far it moves where the image hardly changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.notches import line_values
from freqforensics.perturbations import JPEG

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]

SHARE: Final = 0.9
QUALITY: Final = 95
"""JPEG quality of the change that stability is measured by."""


def map_complexity(plane: Float, *, share: float = SHARE) -> int:
    """Count the frequencies that make up most of the absolute attribution.

    Parameters
    ----------
    plane : ndarray of float64, shape (q, q)
        A Fourier map of tiles of side q, DC in the middle.
    share : float
        Share of the sum of absolute values, 0 to 1.

    Returns
    -------
    int
        The fewest frequencies, a mirror pair counted once and DC left out, that reach the share. 0 of an empty map.

    Examples
    --------
    >>> plane = np.zeros((4, 4))
    >>> plane[2, 3] = plane[2, 1] = 4.0
    >>> plane[0, 0] = -1.0
    >>> map_complexity(plane), map_complexity(plane, share=0.8)
    (2, 1)

    Raises
    ------
    ValueError
        A share out of range.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    sizes = np.sort(np.abs(list(line_values(plane).values())))[::-1]
    total = float(sizes.sum())
    if not total:
        return 0
    # A sum that reaches the share but for rounding reaches it.
    return int(np.searchsorted(np.cumsum(sizes), share * total * (1 - 1e-12)) + 1)


def max_sensitivity(
    image: Uint8,
    explain: Callable[[Uint8], NDArray[Any]],
    *,
    changes: Sequence[Callable[[Uint8], Uint8]] = (JPEG(QUALITY),),
) -> float:
    """Measure the largest change of a map under small changes of the image.

    It is the max-sensitivity of Yeh et al. (NeurIPS 2019), relative to the map, with changes of forensic interest in
    place of random ones: |map of the changed image - map of the image| / |map of the image|, Frobenius norms.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    explain : callable
        From an image to its map, an ndarray of any shape.
    changes : sequence of callable
        From the image to a changed one; default JPEG of quality 95, 4:2:0.

    Returns
    -------
    float
        0 if the map does not move; 1 if it moves by as much as it holds. Infinite of an empty map that does not stay
        empty.

    Raises
    ------
    ValueError
        No changes.

    Examples
    --------
    Here the map is the image itself, so that it moves by as much as the image.

    >>> image = np.full((8, 8), 100, np.uint8)
    >>> max_sensitivity(image, lambda changed: changed.astype(float), changes=[lambda original: original + 10])
    0.1
    """
    if not changes:
        raise ValueError("changes must not be empty")
    unchanged = np.asarray(explain(image), np.float64)
    moved = max(float(np.linalg.norm(np.asarray(explain(change(image)), np.float64) - unchanged)) for change in changes)
    size = float(np.linalg.norm(unchanged))
    return moved / size if size else (float("inf") if moved else 0.0)
