"""Where an image is scored: a few windows of one size, so that evidence does not grow with the image."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.perturbations import Region

DEFAULT_VIEW: Final = "views"
"""Default part of an image that is scored; verdicts are calibrated for no other."""
SIDE: Final = 224
"""Side of a view, pixels; in a smaller image the view is as large as the image."""
GRID: Final = 8
"""Views begin at multiples of it, so that each sees JPEG's blocks alike."""
_MIDDLE: Final = ((0.5, 0.5),)
_ALONG: Final = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0))
_SPREAD: Final = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))


def view_boxes(region: Region, *, side: int = SIDE) -> tuple[Region, ...]:
    """Give the windows of a region that are scored.

    Parameters
    ----------
    region : (int, int, int, int)
        x, y, width, height.
    side : int
        Side of the square windows, pixels.

    Returns
    -------
    tuple of (int, int, int, int)
        One, three or five, of one size: the middle, and, where the region is larger by at least half a window in one
        direction or in both, the ends or the corners. An odd number, so that the median of their logits is the logit
        of one of them.
    """
    x, y, width, height = region
    across, down = min(side, width), min(side, height)
    room = (width - across, height - down)
    wide, high = (free >= side // 2 for free in room)
    positions = _SPREAD if wide and high else _ALONG if wide or high else _MIDDLE
    boxes = []
    for fx, fy in positions:
        left, top = (int(free * f) // GRID * GRID for free, f in zip(room, (fx, fy), strict=True))
        boxes.append((x + left, y + top, across, down))
    return tuple(boxes)


def cut(image: NDArray[Any], box: Region) -> NDArray[Any]:
    """Cut a box out of an image (H, W, ...), without copying it."""
    x, y, width, height = box
    return image[y : y + height, x : x + width]


def median_view(logits: NDArray[Any]) -> int:
    """Give the index of the view whose logit is the median, or the lower of the middle two."""
    order = np.argsort(logits, kind="stable")
    return int(order[(len(order) - 1) // 2])
