"""The photographic part of an image: without borders and bars, the picture in a screenshot, or no part at all.

A detector of local traces must not be asked about a page of text or the frame around a picture. What a program has
drawn differs from what a lens has seen in two ways that survive compression: its ground is constant to the grey level
over whole tiles, and where a picture begins, a straight line steps away from that ground on all of its length at once.
Both are asked for before anything is cut off, so that a blown-out sky or a black night stays in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Final

import cv2
import numpy as np

from freqforensics.perturbations import Region
from freqforensics.regions.borders import largest_piece, without_bars
from freqforensics.regions.ground import LEAST, SAMPLES, Bools, Tiles, Uint8, moved
from freqforensics.regions.pictures import inside_corners, largest_picture
from freqforensics.regions.views import cut

_ROWS: Final = 5  # blank stretches between rows of text
_RESIDUAL: Final = 0.001  # share of the pixels that must differ from the median of their neighbourhood
_BAND: Final = 64  # rows that are mostly enough to tell


@dataclass(frozen=True)
class Domain:
    """Photographic part of an image, or why there is none.

    Parameters
    ----------
    region : (int, int, int, int), optional
        x, y, width and height of the photographic part, pixels; None where the image cannot be judged.
    reason : str
        Empty if the region is the whole image. Otherwise what was cut off, or why the image cannot be judged.
    """

    region: Region | None
    reason: str

    @property
    def judged(self) -> bool:
        """Whether there is a region that a detector can judge."""
        return self.region is not None


def find_region(image: Uint8, *, region: Region | None = None) -> Domain:
    """Find the photographic part of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB image.
    region : (int, int, int, int), optional
        x, y, width and height of the part to judge, pixels; nothing is searched for then.

    Returns
    -------
    Domain
        The whole image, unless there is clear evidence of a border, of bars, of gaps between several pictures or of a
        screen or page around a picture. No region where the image is smaller than 64 pixels, has no residual, or is
        all text or drawing.

    Raises
    ------
    ValueError
        The image has another shape or type; `region` leaves the image or has a side under 64 pixels.

    Notes
    -----
    Does not detect frames with a texture, nor bars filled with a blurred copy of the picture.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must be uint8 of shape (H, W, 3), got {image.dtype} of shape {image.shape}")
    height, width = image.shape[:2]
    if region is not None:
        return Domain(_checked_region(region, width, height), "chosen by hand")
    if min(height, width) < LEAST:
        return Domain(None, f"too small: {width}x{height} pixels, {LEAST} are needed")
    if not _has_residual(image):
        return Domain(None, "uniform: no residual to look at")

    box, reasons, tiles = _without_canvas(image)
    if tiles.is_drawn:
        text = tiles.blank_stretches >= _ROWS
        return Domain(None, "rows of text" if text else "few colours: a drawing or a screen")
    if min(box[2:]) < LEAST:
        return Domain(None, f"too small: the picture has {box[2]}x{box[3]} pixels, {LEAST} are needed")
    if reasons and not _has_residual(cut(image, box)):
        return Domain(None, "uniform: no residual to look at")
    return Domain(box, ", ".join(dict.fromkeys(reasons)))


def _without_canvas(image: Uint8) -> tuple[Region, list[str], Tiles]:
    """Cut off borders, screens and neighbouring pictures until none are left; give the box, the reasons, its tiles."""
    box: Region = (0, 0, image.shape[1], image.shape[0])
    reasons: list[str] = []
    tiles = Tiles.of(image)
    if tiles.is_drawn and tiles.blank_stretches >= _ROWS and not largest_picture(image, tiles)[1]:
        return box, reasons, tiles  # a page's margins would pass for a border
    colours, inside, measured = tiles.colours, False, box
    for _ in range(8):
        view = cut(image, box)
        smaller, reason, colour = without_bars(view, inside=inside)
        if reason and min(smaller[2:]) < LEAST and 2 * smaller[2] * smaller[3] >= box[2] * box[3]:
            reason = ""  # a small picture is judged with its border
        if reason:
            colours = np.concatenate([colours, np.rint(colour).astype(np.uint8)[None]])
            if not inside:  # otherwise it is the frame that a screen draws around a picture
                reasons.append(reason)
        else:
            if box != measured:
                tiles, measured = Tiles.of(view), box
            smaller, reason = largest_picture(view, tiles)
            if not reason:
                smaller, reason = largest_piece(view)
            if not reason:
                break
            inside = True
            reasons.append(reason)
        box = moved(smaller, box)
        if min(box[2:]) < LEAST:
            break
    if inside:
        box = inside_corners(image, colours, box)
    return box, reasons, tiles if box == measured else Tiles.of(cut(image, box))


def _has_residual(image: Uint8) -> bool:
    """Whether at least one pixel in a thousand differs from the median of its neighbourhood."""
    step = max(1, isqrt(image.shape[0] * image.shape[1] // SAMPLES))
    height, width = (side // step for side in image.shape[:2])
    middle = ((image.shape[1] - width) // 2, (image.shape[0] - height) // 2, width, height)
    for part in (cut(image, middle), image):  # all of a large image only if there is nothing in its middle
        top = max(0, len(part) // 2 - _BAND // 2)
        band = part[top : top + _BAND]
        pixels = part.shape[0] * part.shape[1]
        if _differing(band)[1:-1].sum() / pixels >= _RESIDUAL or _differing(part).sum() / pixels >= _RESIDUAL:
            return True
    return False


def _differing(image: Uint8) -> Bools:
    """Mark the pixels, (H, W), whose luma differs from the median of its neighbourhood."""
    luma = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    return np.asarray(luma != cv2.medianBlur(luma, 3))


def _checked_region(region: Region, width: int, height: int) -> Region:
    x, y, across, down = region
    if x < 0 or y < 0 or x + across > width or y + down > height:
        raise ValueError(f"region must lie inside the image of {width}x{height} pixels, got {region}")
    if min(across, down) < LEAST:
        raise ValueError(f"region must have sides of at least {LEAST} pixels, got {region}")
    return int(x), int(y), int(across), int(down)
