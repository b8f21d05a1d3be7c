"""Positions of crops at which a lattice keeps its phase from image to image."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Crop = Literal["center", "tiles", "random"]


def crop_origins(
    shape: tuple[int, int],
    size: tuple[int, int],
    crop: Crop = "center",
    *,
    align: int = 16,
    rng: np.random.Generator | None = None,
) -> list[tuple[int, int]]:
    """Top left corners (row, column) of the crops of `size` in an image of `shape`.

    Every offset is a multiple of `align` from the image's origin. A pattern whose period divides `align` (the lines
    of x2, x4, x8 and x16 upsampling, and of JPEG's blocks) then has the same phase in every crop of images of any
    size; with free offsets a coherent average loses the very lines it looks for.

    Parameters
    ----------
    shape, size : (int, int)
        Height and width of the image and of the crop, in pixels.
    crop : {"center", "tiles", "random"}
        The aligned crop nearest to the centre (towards the origin), all that fit without overlap from the origin on,
        or one aligned crop drawn uniformly.
    align : int
        1 leaves the offsets free.
    rng : numpy.random.Generator, optional
        Needed by "random".

    Returns
    -------
    list of (int, int)
        Empty where the image is smaller than the crop in a direction.

    Raises
    ------
    ValueError
        Unknown `crop`, `align` below 1, or "random" without `rng`.

    Examples
    --------
    >>> crop_origins((300, 300), (256, 256)), crop_origins((300, 300), (256, 256), align=1)
    ([(16, 16)], [(22, 22)])
    """
    if crop not in get_args(Crop):
        raise ValueError(f"crop must be one of {', '.join(get_args(Crop))}; got {crop!r}")
    if align < 1:
        raise ValueError(f"align must be at least 1 pixel, got {align}")
    room = (shape[0] - size[0], shape[1] - size[1])
    if min(room) < 0:
        return []
    if crop == "center":
        row, column = (free // 2 // align * align for free in room)
        return [(row, column)]
    if crop == "random":
        if rng is None:
            raise ValueError("crop 'random' needs a random generator: give rng")
        row, column = (int(rng.integers(free // align + 1)) * align for free in room)
        return [(row, column)]
    step = tuple(-(-length // align) * align for length in size)
    return [(row, column) for row in range(0, room[0] + 1, step[0]) for column in range(0, room[1] + 1, step[1])]
