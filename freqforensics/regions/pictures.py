"""The picture on a screen or a page: photographic tiles whose outline is straight against a ground of one colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from scipy import ndimage

from freqforensics.perturbations import Region
from freqforensics.regions.ground import EXACT, GROUND, LEAST, Bools, Tiles, Uint8, distance_rows, is_even, near_colours
from freqforensics.regions.views import cut

_MARGIN: Final = 2  # pixels left off all around: an edge is blurred if the screen was scaled
_AHEAD: Final = 6  # pixels beyond a picture's corner from which on its sides must have ended


def largest_picture(image: Uint8, tiles: Tiles) -> tuple[Region, str]:
    """Find the largest picture that has straight edges against a ground of one colour.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    tiles : Tiles
        Tiles of this image.

    Returns
    -------
    box : (int, int, int, int)
        The picture, perhaps with a frame: x, y, width, height.
    reason : str
        What it is, in words; empty if there is none.
    """
    best, area = (0, 0, image.shape[1], image.shape[0]), 0
    if tiles.has_ground:
        labels, count = ndimage.label(ndimage.binary_opening(tiles.photo, np.ones((2, 2), bool)))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        for label in np.argsort(-sizes, kind="stable")[:4] + 1:
            rectangle = _framed(image, tiles, _filled_box(labels == label))
            if rectangle is not None and rectangle[2] * rectangle[3] > area:
                best, area = rectangle, rectangle[2] * rectangle[3]
    return best, "the picture in a screenshot" if area else ""


def _filled_box(group: Bools) -> Region:
    """Bounding box of a group of tiles, x, y, width, height, without rows and columns that are mostly empty."""
    top, bottom, left, right = 0, group.shape[0], 0, group.shape[1]
    while bottom - top > 1 and right - left > 1:
        inside = group[top:bottom, left:right]
        fills = (inside[0].mean(), inside[-1].mean(), inside[:, 0].mean(), inside[:, -1].mean())
        worst = int(np.argmin(fills))
        if fills[worst] >= 0.3:
            break
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return left, top, right - left, bottom - top


def _framed(image: Uint8, tiles: Tiles, box: Region) -> Region | None:
    """Move the sides of a box of tiles to the edges of the picture; None if it has no such edges."""
    height, width = image.shape[:2]
    around = np.ones(tiles.photo.shape, bool)
    cut(around, box)[:] = False
    if tiles.photo[around].sum() > 0.5 * around.sum():
        return None
    left, top, across, down = (value * tiles.size for value in box)
    right, bottom = left + across, top + down
    turned = image.transpose(1, 0, 2)
    edges = [
        _edge(image, (left, right), top, tiles),
        _edge(turned, (top, bottom), left, tiles),
        _edge(image[::-1], (left, right), height - bottom, tiles),
        _edge(turned[::-1], (top, bottom), width - right, tiles),
    ]
    for side, rows in enumerate((image, turned, image[::-1], turned[::-1])):
        edges[side] = _further(rows, edges, side, tiles)
    for side, edge in enumerate(edges):
        if edge.straight == 0 and edges[side - 1].position == edges[side - 3].position == 0:
            edges[side] = _Edge(1.0, 0)  # a picture as wide as the screen begins where the screen does
    top, left, bottom, right = (edge.position for edge in edges)
    box = (left, top, width - left - right, height - top - bottom)
    steps = [edge.straight for edge in edges if edge.position > 0]
    clear = [step for step in steps if step > 0]
    if min(box[2:]) <= 0 or not clear or len(steps) > len(clear) + 1:
        return None
    # The fewer sides speak for a picture, the clearer they have to; one that is too small to judge needs all of them.
    small = min(box[2:]) < LEAST
    if sum(clear) < len(clear) * (0.8 if small else {1: 0.9, 2: 0.75}.get(len(clear), 0.6)):
        return None
    if (small or len(steps) < 3) and not _is_canvas(image, tiles, box):
        return None
    return None if small and len(clear) < 4 else box


def _is_canvas(image: Uint8, tiles: Tiles, box: Region) -> bool:
    """Whether half of what is around a box has one colour, to a few grey levels: a sky is not that even."""
    most = 0
    for colour in tiles.colours.astype(int):
        same = cv2.inRange(image, np.maximum(colour - 2, 0), np.minimum(colour + 2, 255))
        most = max(most, cv2.countNonZero(same) - cv2.countNonZero(cut(same, box)))
    return bool(most >= 0.5 * (image.shape[0] * image.shape[1] - box[2] * box[3]))


@dataclass(frozen=True)
class _Edge:
    straight: float  # share of the columns that step there
    position: int  # 0: the limit of the image


def _edge(rows: Uint8, span: tuple[int, int], position: int, tiles: Tiles) -> _Edge:
    """Find the straight edge between ground (before) and picture (after) near a row."""
    reach = 3 * tiles.size // 2
    start, stop = max(0, position - reach), min(len(rows), position + reach)
    inset = min(tiles.size, (span[1] - span[0]) // 4)
    lines = _straight_lines(rows[start:stop, span[0] + inset : span[1] - inset], tiles, least=0.3)
    if lines:
        best = max(share for _, share in lines)
        return next(_Edge(share, start + row) for row, share in reversed(lines) if share >= 0.95 * best)
    if position <= tiles.size:
        return _Edge(1.0, 0)
    return _Edge(0.0, position)


def _straight_lines(strip: Uint8, tiles: Tiles, *, least: float) -> list[tuple[int, float]]:
    """Rows at which at least a share of the columns leave a ground of one colour all at once, and that share."""
    strip = np.ascontiguousarray(strip)
    ends = np.arange(2, len(strip) - 1)
    if ends.size == 0 or strip.shape[1] < 8:
        return []
    ground = near_colours(strip, tiles.colours) > 0
    shares = ((distance_rows(strip[ends + 1], strip[ends - 2]) > GROUND) & ground[ends - 2]).mean(axis=1)
    return [
        (int(end) + 1, float(share))
        for end, share in zip(ends, shares, strict=True)
        if share >= least and is_even(strip[end - 2], tolerance=(4 if share >= 0.8 else 2) * EXACT)
    ]


def _further(rows: Uint8, edges: Sequence[_Edge], side: int, tiles: Tiles) -> _Edge:
    """Look further out for a side's edge if the edges at its two ends go on there: the picture does too."""
    edge = edges[side]
    first, last = (edges[1], edges[3]) if side % 2 == 0 else (edges[0], edges[2])
    span = (first.position, rows.shape[1] - last.position)
    reach = round(0.8 * (span[1] - span[0]))
    if edge.position < 3 * _AHEAD or not _goes_on(rows, (first, last), edge.position):
        return edge
    start = max(0, edge.position - reach)
    strip = rows[start : edge.position, span[0] : span[1]]
    for position, share in reversed(_straight_lines(strip, tiles, least=0.5)):
        if not _goes_on(rows, (first, last), start + position):
            return _Edge(share, start + position)
    return edge


def _goes_on(rows: Uint8, ends: Sequence[_Edge], position: int) -> bool:
    """Whether an edge across the rows is there for a few rows beyond a position."""
    beyond = rows[max(0, position - 4 * _AHEAD) : max(0, position - _AHEAD)]
    if not len(beyond):
        return False
    for end, flipped in zip(ends, (False, True), strict=True):
        across = beyond[:, ::-1] if flipped else beyond
        if end.position >= 6 and end.straight > 0:
            near = across[:, end.position - 5 : end.position + 1]
            steps = near.max(axis=1).astype(int) - near.min(axis=1)
            if (steps.max(axis=1) > GROUND).mean() >= 0.95:
                return True
    return False


def inside_corners(image: Uint8, colours: Uint8, box: Region) -> Region:
    """Shrink a box by two pixels, and on until the ground is out of its corners: a picture may have round ones.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    colours : ndarray of uint8, shape (n, 3)
        Colours of the ground and of frames.
    box : (int, int, int, int)
        x, y, width, height.

    Returns
    -------
    (int, int, int, int)
        Nine tenths of each side at least. A corner that shows the ground that far in is the picture's own.
    """
    most = max(2 * _MARGIN, round(0.05 * min(box[2:])))
    shrinks = np.arange(most)
    least = _MARGIN
    x, y, width, height = box
    for column, step_x in ((x, 1), (x + width - 1, -1)):
        for row, step_y in ((y, 1), (y + height - 1, -1)):
            diagonal = image[row + step_y * shrinks, column + step_x * shrinks]
            clear = np.flatnonzero(near_colours(diagonal[None], colours)[0] == 0)
            if clear.size:  # otherwise the picture itself has the colour
                least = max(least, int(clear[0]))
    return x + least, y + least, width - 2 * least, height - 2 * least
