"""Grounds of one colour, on which programs draw, and the tiles of an image that are not photographic.

A page, a screen or a border is constant to the grey level over whole tiles, also after compression; a sky is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
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


@dataclass(frozen=True, eq=False)
class Tiles:
    """Grid of square tiles, and what each of them looks like.

    What only drawings and screens are asked for is computed when it is first used: most photographs never are.

    Parameters
    ----------
    size : int
        Side of a tile, pixels.
    colours : ndarray of uint8, shape (n, 3)
        Colours of the ground, which several tiles have throughout; the most frequent one first.
    main : ndarray of uint8, shape (m, 3)
        Colours of the ground that at least one tile of fifty has.
    extent : ndarray of uint8, shape (rows, columns)
        Range of the grey levels of each tile, the largest of the three channels.
    samples : ndarray of uint8, shape (H, W, 3)
        The pixels that the tiles consist of.
    """

    size: int
    colours: Uint8
    main: Uint8
    extent: Uint8
    samples: Uint8 = field(repr=False)

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
            no_colours = np.zeros((0, 3), np.uint8)
            return cls(side * step, no_colours, no_colours, np.zeros((rows, columns), np.uint8), no_colours[None])
        samples = every_nth(image[: rows * side * step, : columns * side * step], step, step)
        low, high = (_extremes(samples, side, extreme) for extreme in (np.minimum, np.maximum))
        extent = (high - low).max(axis=2)
        colours, counts = _frequent_colours(low[extent <= 1], least=max(3, round(0.0015 * extent.size)))
        return cls(side * step, colours, colours[counts >= 0.02 * extent.size], extent, samples)

    @cached_property
    def flat(self) -> Bools:
        """Tiles of one colour, nearly, (rows, columns)."""
        return np.asarray(self.extent <= _FLAT)

    @cached_property
    def exact(self) -> Bools:
        """Tiles of one colour, to a grey level, (rows, columns)."""
        return np.asarray(self.extent <= 1)

    @cached_property
    def photo(self) -> Bools:
        """Tiles that are neither flat nor mostly ground nor of two colours, (rows, columns)."""
        if not self.extent.size:
            return self.flat
        return ~self.flat & (self._shares(near_colours(self.samples, self.colours)) < 0.4) & ~self._two_coloured

    @cached_property
    def is_drawn(self) -> bool:
        """Whether there is next to nothing but ground and what is drawn on it, in strong contrast."""
        return self._has_main_ground and self._looks_drawn()

    @cached_property
    def blank_stretches(self) -> int:
        """Number of runs of rows that have nothing but ground, counted where there is enough of it for a drawing."""
        return len(runs(self._main_mask.mean(axis=1) >= 0.98 * 255)) if self._has_main_ground else 0

    @property
    def _has_main_ground(self) -> bool:
        least = max(0.7 * self.flat.sum(), 0.05 * self.exact.size)
        return bool(len(self.main) and self.exact.sum() >= least)

    @cached_property
    def _main_mask(self) -> Uint8:
        return near_colours(self.samples, self.main)

    @cached_property
    def _two_coloured(self) -> Bools:
        marks: Bools = self.extent >= 80
        luma = np.asarray(cv2.cvtColor(self.samples, cv2.COLOR_RGB2GRAY), np.uint8)
        marks[marks] = _mode_share(luma, marks) >= 0.45
        return marks

    def _shares(self, mask: Uint8) -> Floats:
        """Share of each tile's pixels that a mask of 0 and 255 marks, (rows, columns)."""
        size = (self.extent.shape[1], self.extent.shape[0])
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA) / np.float32(255))

    def _looks_drawn(self) -> bool:
        uneven = ~self.exact
        photo = uneven & (self._shares(self._main_mask) < 0.4) & ~self._two_coloured
        _, _, across, down = largest_rectangle(photo & ~self.flat)
        bare = self.exact.mean() >= 0.2  # small letters leave few tiles without any
        if (
            self._main_mask.mean() < (0.6 if bare else 0.55) * 255
            or photo.sum() > 0.35 * uneven.sum()
            or min(across, down) * self.size >= LEAST
        ):
            return False
        # A dark or hazy photograph can have as little on a ground; what is drawn on one stands out more.
        far = np.abs(self.main[:1].astype(int) - self.main).max(axis=1) > 2 * GROUND
        dark = self.main[0].max() < 40
        sharp = 0.22 if far.any() or (self.blank_stretches >= 8 and not dark) else 0.75 if dark else 0.5
        return bool((uneven & (self.extent >= 64)).sum() >= (sharp if bare else 0.85) * uneven.sum())

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
