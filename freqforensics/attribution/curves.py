"""How one image's score moves as the image is compressed, blurred, resized, cropped; and from tile to tile."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.resnet import Detector
from freqforensics.perturbations import JPEG, Blur, Resize

Uint8 = NDArray[np.uint8]

LEAST_SIDE: Final = 64
"""Of an image that is still scored."""


@dataclass(frozen=True)
class ScoreCurve:
    """Logits of one image along one change.

    Parameters
    ----------
    name : str
    axis : str
        What varies, with its unit.
    values : tuple of float
        From no change, or the least, on.
    logits : tuple of float
    flip : float or None
        Where the logit first crosses the threshold, linear between the values; the first value if it lies beyond the
        threshold there already, as seen from the unchanged image; None if it stays on its side.
    threshold : float
    """

    name: str
    axis: str
    values: tuple[float, ...]
    logits: tuple[float, ...]
    flip: float | None
    threshold: float

    @property
    def crossings(self) -> tuple[tuple[float, bool], ...]:
        """Every crossing of the threshold along the curve, as (value, whether the logit rises there).

        Linear between the values. The first is where `flip` lies, if the curve begins on the unchanged image's side.
        """
        crossings = []
        pairs = list(zip(self.values, self.logits, strict=True))
        for (x0, y0), (x1, y1) in itertools.pairwise(pairs):
            above = y0 > self.threshold
            if above != (y1 > self.threshold):
                crossings.append((x0 + (x1 - x0) * (self.threshold - y0) / (y1 - y0), not above))
        return tuple(crossings)


@dataclass(frozen=True)
class TileScores:
    """Logits of the tiles of one image.

    Parameters
    ----------
    side : int
        Side of a tile, pixels.
    logits : tuple of tuple of float
        Row by row from the top; tiles touch, and what does not fill one is left out.
    """

    side: int
    logits: tuple[tuple[float, ...], ...]

    @property
    def spread(self) -> float | None:
        """Standard deviation of the logits; None of a single tile."""
        flat = [logit for row in self.logits for logit in row]
        return float(np.std(flat, ddof=1)) if len(flat) > 1 else None


def _jpeg(image: Uint8, quality: float) -> Uint8:
    return JPEG(int(quality))(image)


def _blurred(image: Uint8, sigma: float) -> Uint8:
    return Blur(sigma)(image) if sigma else image


def _resized(image: Uint8, factor: float) -> Uint8:
    return Resize(factor, "antialiased")(image) if factor != 1 else image


def _cropped(image: Uint8, pixels: float) -> Uint8:
    cut = int(pixels)
    return image[cut:, cut:]


_CURVES: Final[tuple[tuple[str, str, tuple[float, ...], Callable[[Uint8, float], Uint8]], ...]] = (
    ("jpeg", "JPEG quality (4:2:0)", (100, 95, 90, 85, 80, 70, 60, 50, 40, 30), _jpeg),
    ("blur", "Gaussian blur: sigma (pixels)", (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3), _blurred),
    ("resize", "resize, antialiased: factor", (1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5), _resized),
    ("crop", "pixels cut off above and to the left", tuple(range(17)), _cropped),
)


def score_curves(image: Uint8, detector: Detector, *, threshold: float = 0.0) -> tuple[ScoreCurve, ...]:
    """Score an image after JPEG, blur, resizing, and cropping off the grid.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Is left as it is.
    threshold : float
        A logit; see `ScoreCurve.flip`.

    Returns
    -------
    tuple of ScoreCurve
        "jpeg", "blur", "resize", "crop"; values that leave less than 64 pixels a side are left out.
    """
    unchanged = float(detector.logits([image])[0])
    curves = []
    for name, axis, values, change in _CURVES:
        scored, logits = [], []
        for value in values:
            changed = np.ascontiguousarray(change(image, value))
            if min(changed.shape[:2]) < LEAST_SIDE:
                continue
            scored.append(float(value))
            logits.append(float(detector.logits([changed])[0]))
        if scored:
            curves.append(
                ScoreCurve(
                    name, axis, tuple(scored), tuple(logits), _flip(scored, logits, threshold, unchanged), threshold
                )
            )
    return tuple(curves)


def tile_scores(image: Uint8, detector: Detector, *, side: int = 128) -> TileScores | None:
    """Score the tiles of an image, each by itself.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        Is left as it is.
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
    return TileScores(
        side,
        tuple(
            tuple(
                float(value)
                for value in detector.logits(
                    [
                        np.ascontiguousarray(image[row * side : (row + 1) * side, column * side : (column + 1) * side])
                        for column in range(columns)
                    ]
                )
            )
            for row in range(rows)
        ),
    )


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
