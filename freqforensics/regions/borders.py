"""Borders, bars and gaps around pictures: rows of one colour, and a line where columns step away from it at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.perturbations import Region
from freqforensics.regions.ground import (
    EXACT,
    LEAST,
    Bools,
    Floats,
    Tiles,
    Uint8,
    distance_rows,
    every_nth,
    is_even,
    largest_of_three,
    runs,
)

_LOOSE: Final = 24  # grey levels around a bar's colour close to the picture, where compression rings
_RINGING: Final = 18  # pixels that this reaches: a block of subsampled chroma, and some
_STEP: Final = 16  # grey levels that a picture's edge steps by
_UNEVEN: Final = 14  # standard deviation of the grey levels of a row, above which it is no gap
_WHITE: Final = 7  # the same above which it is no white gap; others are evener
_PART: Final = 4  # part of the sampled columns that is looked at first
_STRETCH: Final = 64  # rows that are compared with a bar's colour at a time
_STRAIGHT: Final = 0.6  # share of the columns that have to step at the same row


def without_bars(image: Uint8, *, inside: bool) -> tuple[Region, str, Floats]:
    """Cut off rows and columns of one colour at the edges, where they end in a straight step.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    inside : bool
        The image is a picture on a canvas. It may have a frame with round corners then, and only the middle eight
        tenths of its sides are looked at.

    Returns
    -------
    box : (int, int, int, int)
        What is left: x, y, width, height.
    reason : str
        What was cut off, in words; empty if nothing was.
    colour : ndarray of float, shape (3,)
        Its colour.
    """
    height, width = image.shape[:2]
    across = image.transpose(1, 0, 2)
    sides = [image, across, image[::-1], across[::-1]]  # top, left, bottom, right: from the outside in
    if inside:
        sides = [rows[:, rows.shape[1] // 10 : -(rows.shape[1] // 10)] for rows in sides]
    tolerance = (4 if inside else 2) * EXACT  # a frame is thin: the chroma of what is around it bleeds into it
    bars = [_bar(rows, tolerance=tolerance) for rows in sides]
    cuts = [bar.width if bar.straight >= _STRAIGHT else 0 for bar in bars]
    known = [bar for bar, cut in zip(bars, cuts, strict=True) if cut]
    if not known:
        return (0, 0, width, height), "", bars[0].colour
    widest, widths = max(cuts), list(cuts)
    for side, bar in enumerate(bars):
        # A side where the picture has the colour of the border: the other sides say how far in the border goes.
        same = [other for other in known if np.abs(other.colour - bar.colour).max() <= 2 * EXACT]
        if bar.straight >= _STRAIGHT or not same:
            continue
        width_there = cuts[(side + 2) % 4] or widest
        if bar.straight >= 0.3 and bar.width <= 2 * widest + 8:
            widths[side] = bar.width
        elif bar.loose >= width_there - EXACT and (
            width_there != widest or len(same) >= 2 or abs(bar.width - widest) <= 2
        ):
            widths[side] = width_there
    top, left, bottom, right = widths
    box = (left, top, width - left - right, height - top - bottom)
    return box, _bar_reason(widths, known[0].colour), known[0].colour


@dataclass(frozen=True)
class _Bar:
    width: int  # rows up to the picture
    loose: int  # rows that have the bar's colour, nearly
    straight: float  # share of the columns that step away from the bar at the same row
    colour: Floats


def _bar(rows: Uint8, *, tolerance: int = 2 * EXACT) -> _Bar:
    """Look for a bar in rows (L, N, 3) that are ordered from the outside in."""
    limit = max(1, int(0.45 * len(rows)))
    colour = np.median(rows[0], axis=0)
    uniform, loose = 0, 0
    for start, stop in _stretches(limit):
        off = _distance(rows[start:stop], colour)
        exact = np.flatnonzero((off > EXACT).mean(axis=1) > 0.02)
        rough = np.flatnonzero((off > _LOOSE).mean(axis=1) > 0.03)
        if uniform == start:
            uniform = start + (int(exact[0]) if exact.size else len(off))
        loose = start + (int(rough[0]) if rough.size else len(off))
        if rough.size or (stop % _STRETCH == 0 and loose > uniform + _RINGING):
            break
    if loose == 0 or uniform >= limit or (uniform == 0 and not is_even(rows[0], tolerance=tolerance)):
        return _Bar(0, loose, 0.0, colour)
    ends = np.arange(max(1, uniform - 2), min(loose, uniform + _RINGING) + 2)
    ends = ends[ends + 1 < len(rows)]
    if ends.size == 0:
        return _Bar(0, loose, 0.0, colour)
    steps = _step_shares(rows, ends)
    last = int(np.flatnonzero(steps >= 0.95 * steps.max())[-1])
    return _Bar(int(ends[last]) + 1, loose, float(steps.max()), colour)


def _stretches(limit: int) -> Iterator[tuple[int, int]]:
    """Cut rows into stretches, first and one past the last: short ones first, for most sides have no bar at all."""
    starts = [*(start for start in (0, 2, 8, 24) if start < limit), *range(_STRETCH, limit, _STRETCH), limit]
    yield from itertools.pairwise(starts)


def _bar_reason(cuts: Sequence[int], colour: Floats) -> str:
    low, high = float(colour.min()), float(colour.max())
    name = "black" if high < 40 else "white" if low > 225 else "grey" if high - low < 16 else "coloured"
    top, left, bottom, right = (bool(cut) for cut in cuts)
    if top + left + bottom + right == 2 and (top == bottom):
        return f"{name} bars cut off"
    return f"{name} border cut off"


def largest_piece(image: Uint8) -> tuple[Region, str]:
    """Split an image at gaps that cross it from side to side, and take the piece with the most photographic tiles.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.

    Returns
    -------
    box : (int, int, int, int)
        The piece: x, y, width, height. One axis is split at a time.
    reason : str
        What was done, in words; empty if there is no gap.
    """
    height, width = image.shape[:2]
    for transposed in (False, True):
        rows = image.transpose(1, 0, 2) if transposed else image
        gaps = _gaps(rows)
        if not gaps:
            continue
        starts = [0, *(stop for _, stop in gaps)]
        stops = [*(start for start, _ in gaps), len(rows)]
        best, most = (0, 0), -1.0
        for start, stop in zip(starts, stops, strict=True):
            if stop - start >= LEAST:
                tiles = Tiles.of(rows[start:stop])
                amount = float(tiles.photo.sum()) * tiles.size**2 + (stop - start) / len(rows)
                if amount > most:
                    best, most = (start, stop), amount
        start, stop = best
        if start == stop:
            continue
        if transposed:
            return (start, 0, stop - start, height), "the largest picture between gaps"
        return (0, start, width, stop - start), "the largest picture between gaps"
    return (0, 0, width, height), ""


def _gaps(rows: Uint8) -> list[tuple[int, int]]:
    """Find runs of uniform rows with a straight step on both sides: first and last row, a few pixels wider."""
    step = max(1, rows.shape[1] // 256)
    if not _may_have_gaps(rows, step):
        return []
    few = every_nth(rows, 1, step)
    spread = np.full(len(few), np.inf, np.float32)
    even = _may_be_even(few, _UNEVEN)
    spread[even] = few[even].astype(np.float32).std(axis=1).max(axis=1)
    gaps = []
    for start, stop in runs(spread <= _UNEVEN):
        middle = start + int(np.argmin(spread[start:stop]))
        if not 8 <= middle < len(rows) - 8 or not is_even(rows[middle]):
            continue
        white = np.median(rows[middle], axis=0).min() >= 245
        if spread[middle] > (_WHITE if white else 1):  # other lines may be a building's, or a horizon
            continue
        before, after = _bar(rows[middle::-1]), _bar(rows[middle:])
        if min(before.straight, after.straight) >= _STRAIGHT and before.width + after.width <= 0.2 * len(rows):
            gaps.append((middle - before.width + 1, middle + after.width))
    return gaps


def _may_have_gaps(rows: Uint8, step: int) -> bool:
    """Whether any row may be as even as a gap is, by a part of every nth column.

    The squares of a part's deviations from its own mean sum to no more than those of all from theirs.
    """
    part = every_nth(rows, 1, _PART * step)
    share = part.shape[1] / -(-rows.shape[1] // step)
    return bool(_may_be_even(part, _WHITE / share**0.5).any())


def _may_be_even(rows: Uint8, deviation: float) -> Bools:
    """Rows (L, N, 3) of which no channel's standard deviation clearly exceeds a number, by sums of integers."""
    count = rows.shape[1]
    sums = cv2.reduce(rows, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).reshape(-1, 3).astype(np.int64)
    squares = cv2.reduce(rows, 1, cv2.REDUCE_SUM2, dtype=cv2.CV_32S).reshape(-1, 3).astype(np.int64)
    return np.asarray((count * squares - sums**2 <= 1.01 * (deviation * count) ** 2).all(axis=1))


def _distance(rows: Uint8, colour: Floats) -> Uint8:
    """Largest difference of the three channels from a colour, (L, N)."""
    level = np.rint(colour).astype(np.uint8)
    return largest_of_three(np.maximum(rows, level) - np.minimum(rows, level))


def _step_shares(rows: Uint8, ends: NDArray[np.int64]) -> Floats:
    """For rows at which a picture may begin: the share of the columns that step there by more than some grey levels."""
    return (distance_rows(rows[ends + 1], rows[np.maximum(ends - 2, 0)]) > _STEP).mean(axis=1)
