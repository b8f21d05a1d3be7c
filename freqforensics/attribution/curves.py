"""How one image's score moves as the image is compressed, blurred, resized, cropped; and from tile to tile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.outcomes import ScoreCurve, TileScores
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.resnet import Detector, evaluating
from freqforensics.perturbations import JPEG, Blur, Resize

Uint8 = NDArray[np.uint8]

LEAST_SIDE: Final = 64
"""Of an image that is still scored."""


def _jpeg(image: Uint8, quality: float) -> Uint8:
    return JPEG(int(quality))(image)


def _blurred(image: Uint8, sigma: float) -> Uint8:
    return Blur(sigma)(image) if sigma else image


def _resized(image: Uint8, factor: float) -> Uint8:
    return Resize(factor, "antialiased")(image) if factor != 1 else image


def _cropped(image: Uint8, pixels: float) -> Uint8:
    cut = int(pixels)
    return image[cut:, cut:]


class _Change(NamedTuple):
    name: str
    axis: str
    values: tuple[float, ...]
    coarse: tuple[float, ...]
    change: Callable[[Uint8, float], Uint8]


_QUALITIES: Final = (100, 95, 90, 85, 80, 70, 60, 50, 40, 30)
_SIGMAS: Final = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3)
_FACTORS: Final = (1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
_CHANGES: Final = (
    _Change("jpeg", "JPEG quality (4:2:0)", _QUALITIES, (95, 80, 60, 40), _jpeg),
    _Change("blur", "Gaussian blur: sigma (pixels)", _SIGMAS, (0, 0.5, 1, 2), _blurred),
    _Change("resize", "resize, antialiased: factor", _FACTORS, (1, 0.8, 0.6), _resized),
    _Change("crop", "pixels cut off above and to the left", tuple(range(17)), (0, 1, 4, 8), _cropped),
)


def score_curves(
    image: Uint8, detector: Detector, *, threshold: float = 0.0, coarse: bool = False
) -> tuple[ScoreCurve, ...]:
    """Score an image after JPEG, blur, resizing, and cropping off the grid.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Detector, which is not changed.
    threshold : float
        A logit; see `ScoreCurve.flip`.
    coarse : bool
        Three or four values a curve.

    Returns
    -------
    tuple of ScoreCurve
        "jpeg", "blur", "resize", "crop"; values that leave less than 64 pixels a side are left out, and
        those that leave a size which the detector does not take.
    """
    changed: dict[tuple[str, float], Uint8] = {}
    refused: set[str] = set()
    for of in _CHANGES:
        for value in of.coarse if coarse else of.values:
            variant = of.change(image, value)
            if detector.misfit((variant.shape[0], variant.shape[1])):
                refused.add(of.name)
            elif min(variant.shape[:2]) >= LEAST_SIDE:
                changed[of.name, float(value)] = variant
    # A blur, a resizing and a crop of nothing leave the image as it is, which is scored once.
    places = [place for place, variant in changed.items() if variant.shape != image.shape or (variant != image).any()]
    unchanged, *logits = _scored([image, *(changed[place] for place in places)], detector)
    logit_of = dict.fromkeys(changed, unchanged) | dict(zip(places, logits, strict=True))
    curves = []
    for of in _CHANGES:
        along = {value: logit for (name, value), logit in logit_of.items() if name == of.name}
        if along and (len(along) > 1 or of.name not in refused):
            scored, values = list(along), list(along.values())
            flip = _flip(scored, values, threshold, unchanged)
            curves.append(ScoreCurve(of.name, of.axis, tuple(scored), tuple(values), flip, threshold))
    return tuple(curves)


def tile_scores(image: Uint8, detector: Detector, *, side: int = 128) -> TileScores | None:
    """Score the tiles of an image, each by itself.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Detector, which is not changed.
    side : int
        Side of a tile, pixels.

    Returns
    -------
    TileScores or None
        None of an image that has no two tiles.
    """
    rows, columns = (length // side for length in image.shape[:2])
    if rows * columns < 2:
        return None
    tiles = [
        image[row * side : (row + 1) * side, column * side : (column + 1) * side]
        for row in range(rows)
        for column in range(columns)
    ]
    logits = iter(_scored(tiles, detector))
    return TileScores(side, tuple(tuple(itertools.islice(logits, columns)) for _ in range(rows)))


def _scored(images: Sequence[Uint8], detector: Detector) -> list[float]:
    def logit(image: Uint8) -> float:
        return float(detector.logits([np.ascontiguousarray(image)])[0])

    with evaluating(detector):  # once for all threads
        return side_by_side(logit, images)


def _flip(values: list[float], logits: list[float], threshold: float, unchanged: float) -> float | None:
    above = unchanged > threshold
    if (logits[0] > threshold) != above:
        return values[0]
    for (before, start), (after, end) in zip(
        zip(values, logits, strict=True), zip(values[1:], logits[1:], strict=True), strict=False
    ):
        if (end > threshold) != above:
            return before + (after - before) * (threshold - start) / (end - start)
    return None
