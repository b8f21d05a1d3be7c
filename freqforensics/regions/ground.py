"""Grounds of one colour, on which programs draw, and the tiles of an image that are not photographic.

A page, a screen or a border is constant to the grey level over whole tiles, also after compression; a sky is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.perturbations import Region

Uint8 = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

LEAST: Final = 64
"""Pixels that the shorter side of a photographic region must have."""
EXACT: Final = 4
"""Grey levels by which a ground of one colour may differ from it."""
GROUND: Final = 12
"""Grey levels by which it may close to a picture, where compression rings."""
SAMPLES: Final = 2_000_000
"""Pixels of an image that tiles look at: every nth of each row and column."""
_FLAT: Final = 3  # range of the grey levels of a flat tile


@dataclass(frozen=True)
class Tiles:
    """Grid of square tiles, and what each of them looks like.

    Parameters
    ----------
    size : int
        Side of a tile, pixels.
    colours : ndarray of uint8, shape (n, 3)
        Colours of the ground, which several tiles have throughout; the most frequent one first.
    main : ndarray of uint8, shape (m, 3)
        Colours of the ground that at least one tile of fifty has.
    flat : ndarray of bool, shape (rows, columns)
        Tiles of one colour, nearly.
    exact : ndarray of bool, shape (rows, columns)
        Tiles of one colour, to a grey level.
    photo : ndarray of bool, shape (rows, columns)
        Tiles that are neither flat nor mostly ground nor of two colours.
    is_drawn : bool
        Whether there is next to nothing but ground and what is drawn on it, in strong contrast.
    blank_stretches : int
        Number of runs of rows that have nothing but ground, counted where there is enough of it for a drawing.
    """

    size: int
    colours: Uint8
    main: Uint8
    flat: Bools
    exact: Bools
    photo: Bools
    is_drawn: bool = False
    blank_stretches: int = 0

    @classmethod
    def of(cls, image: Uint8) -> Tiles:
        """Measure the tiles of an image.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB image. Tiles are 16 pixels wide, or 8 where a side has less than 320. In a large image only every nth
            pixel of each row and column is sampled, and tiles are 16 n wide. Pixels left over at the right and below
            belong to no tile.

        Returns
        -------
        Tiles
        """
        height, width = image.shape[:2]
        step = max(1, isqrt(height * width // SAMPLES))
        side = 16 if min(height, width) >= 320 else 8
        rows, columns = -(-height // step) // side, -(-width // step) // side
        if rows == 0 or columns == 0:
            empty, no_colours = np.zeros((rows, columns), bool), np.zeros((0, 3), np.uint8)
            return cls(side * step, no_colours, no_colours, empty, empty, empty)
        samples = every_nth(image[: rows * side * step, : columns * side * step], step, step)
        low, high = (_extremes(samples, side, extreme) for extreme in (np.minimum, np.maximum))
        extent = (high - low).max(axis=2)
        flat: Bools = extent <= _FLAT
        exact: Bools = extent <= 1
        colours, counts = _frequent_colours(low[exact], least=max(3, round(0.0015 * flat.size)))
        mask = near_colours(samples, colours)
        ground = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) / np.float32(255)
        luma = np.asarray(cv2.cvtColor(samples, cv2.COLOR_RGB2GRAY), np.uint8)
        two_coloured: Bools = extent >= 80
        two_coloured[two_coloured] = _mode_share(luma, two_coloured) >= 0.45
        photo: Bools = ~flat & (ground < 0.4) & ~two_coloured
        main = colours[counts >= 0.02 * flat.size]
        tiles = cls(side * step, colours, main, flat, exact, photo)
        if len(main) and exact.sum() >= max(0.7 * flat.sum(), 0.05 * exact.size):
            mask = near_colours(samples, main)
            blank = len(runs(mask.mean(axis=1) >= 0.98 * 255))
            return replace(tiles, is_drawn=tiles._looks_drawn(mask, extent, two_coloured, blank), blank_stretches=blank)
        return tiles

    def _looks_drawn(self, mask: Uint8, extent: NDArray[np.uint8], two_coloured: Bools, blank: int) -> bool:
        shape = (self.flat.shape[1], self.flat.shape[0])
        ground = cv2.resize(mask, shape, interpolation=cv2.INTER_AREA) / np.float32(255)
        uneven = ~self.exact
        photo = uneven & (ground < 0.4) & ~two_coloured
        _, _, across, down = largest_rectangle(photo & ~self.flat)
        bare = self.exact.mean() >= 0.2  # small letters leave few tiles without any
        if (
            mask.mean() < (0.6 if bare else 0.55) * 255
            or photo.sum() > 0.35 * uneven.sum()
            or min(across, down) * self.size >= LEAST
        ):
            return False
        # A dark or hazy photograph can have as little on a ground; what is drawn on one stands out more.
        far = np.abs(self.main[:1].astype(int) - self.main).max(axis=1) > 2 * GROUND
        dark = self.main[0].max() < 40
        sharp = 0.22 if far.any() or (blank >= 8 and not dark) else 0.75 if dark else 0.5
        return bool((uneven & (extent >= 64)).sum() >= (sharp if bare else 0.85) * uneven.sum())

    @property
    def has_ground(self) -> bool:
        """Whether enough tiles have the same colours throughout for a screen, a page or a drawing."""
        return bool(len(self.colours) and self.exact.mean() >= 0.02 and self.exact.sum() >= 0.5 * self.flat.sum())


def largest_rectangle(mask: Bools) -> Region:
    """Find the largest rectangle of a grid in which all cells are true.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        Cells of the grid.

    Returns
    -------
    (int, int, int, int)
        x, y, width and height in cells; zeros where no cell is true.
    """
    best, area = (0, 0, 0, 0), 0
    heights = np.zeros(mask.shape[1] + 1, np.int64)  # a column of zeros ends every run
    for row, cells in enumerate(mask):
        heights[:-1] = np.where(cells, heights[:-1] + 1, 0)
        stack: list[int] = []
        for column, height in enumerate(heights.tolist()):
            while stack and heights[stack[-1]] >= height:
                tall = int(heights[stack.pop()])
                left = stack[-1] + 1 if stack else 0
                if tall * (column - left) > area:
                    area = tall * (column - left)
                    best = (left, row - tall + 1, column - left, tall)
            stack.append(column)
    return best


def near_colours(image: Uint8, colours: Uint8) -> Uint8:
    """Mark the pixels that have one of some colours.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    colours : ndarray of uint8, shape (n, 3)
        RGB colours.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        255 where all channels are within `GROUND` levels of one of the colours, 0 elsewhere.
    """
    mask = np.zeros(image.shape[:2], np.uint8)
    for colour in colours.astype(int):
        low, high = np.maximum(colour - GROUND, 0), np.minimum(colour + GROUND, 255)
        mask |= np.asarray(cv2.inRange(image, low, high), np.uint8)
    return mask


def _frequent_colours(colours: Uint8, *, least: int) -> tuple[Uint8, NDArray[np.int64]]:
    """Up to twelve colours that occur `least` times or more, with counts; a few grey levels make no other colour."""
    values, counts = np.unique(colours, axis=0, return_counts=True)
    chosen: list[Uint8] = []
    totals: list[int] = []
    while len(values) and len(chosen) < 12:
        colour = values[counts.argmax()]
        same = np.abs(values.astype(int) - colour).max(axis=1) <= _FLAT
        if counts[same].sum() < least:
            break
        chosen.append(colour)
        totals.append(int(counts[same].sum()))
        values, counts = values[~same], counts[~same]
    return np.array(chosen, np.uint8).reshape(-1, 3), np.array(totals, np.int64)


def _extremes(samples: Uint8, side: int, extreme: np.ufunc) -> Uint8:
    """Least or greatest values of each channel in each tile, (rows, columns, 3): halves against halves."""
    rows, columns = samples.shape[0] // side, samples.shape[1] // side
    values: Uint8 = samples.reshape(rows, side, columns * side * 3)
    while values.shape[1] > 1:
        half = values.shape[1] // 2
        values = extreme(values[:, :half], values[:, half:])
    inside = values.reshape(rows * columns, side * 3)
    while inside.shape[1] > 3:
        half = inside.shape[1] // 2
        inside = extreme(inside[:, :half], inside[:, half:])
    return np.asarray(inside, np.uint8).reshape(rows, columns, 3)


def _mode_share(luma: Uint8, chosen: Bools) -> Floats:
    """Share of the pixels of each chosen tile, (n,), that lie in its fullest eight grey levels in a row."""
    rows, columns = chosen.shape
    side = luma.shape[0] // rows
    tiles = luma.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)[chosen].reshape(-1, side**2)
    counts = np.empty((len(tiles), 64), np.int64)
    for start in range(0, len(tiles), 256):
        part = tiles[start : start + 256]
        bins = (part >> 2).astype(np.int64) + 64 * np.arange(len(part))[:, None]
        counts[start : start + 256] = np.bincount(bins.ravel(), minlength=64 * len(part)).reshape(-1, 64)
    return (counts[:, 1:] + counts[:, :-1]).max(axis=1) / side**2


def distance_rows(first: Uint8, second: Uint8) -> Uint8:
    """Compare two rows of pixels, uint8 (..., 3): the largest difference of the three channels, uint8 (...)."""
    return largest_of_three(np.maximum(first, second) - np.minimum(first, second))


def every_nth(image: Uint8, rows: int, columns: int) -> Uint8:
    """Copy every nth row and column of an image, (H, W, 3); pixels are moved whole."""
    pixels = image.view("V3")[::rows, ::columns]
    return np.ascontiguousarray(pixels).view(np.uint8)


def largest_of_three(values: Uint8) -> Uint8:
    """Give the largest value of the last axis, which has three: (..., 3) to (...)."""
    return np.asarray(np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2]), np.uint8)


def is_even(row: Uint8, *, tolerance: int = 2 * EXACT) -> bool:
    """Tell whether eight sections of a row, (N, 3), have the same mean, as a drawn line has and a lit one does not."""
    sections = np.array([section.mean(axis=0) for section in np.array_split(row, 8)])
    return bool(np.ptp(sections, axis=0).max() <= tolerance)


def runs(mask: Bools) -> list[tuple[int, int]]:
    """List the first and one past the last index of every run of true values."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in changes.reshape(-1, 2)]


def moved(box: Region, origin: Region) -> Region:
    """Give a box inside another one in the coordinates that the other one is in."""
    return box[0] + origin[0], box[1] + origin[1], box[2], box[3]
