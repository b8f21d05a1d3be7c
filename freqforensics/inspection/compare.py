"""An image compared with photographs and generators, and what else could leave the traces that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.attribution.causes import other_causes
from freqforensics.attribution.outcomes import OtherCause
from freqforensics.detector.verdict import Verdict
from freqforensics.inspection.explain import ExplainedView
from freqforensics.inspection.parts import Comparison
from freqforensics.inspection.score import JudgedImage
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling

Uint8 = NDArray[np.uint8]

CONTEXT: Final = 640
"""Pixels a side of the middle of the region in which other causes are sought and the population's lattices."""
_TILE: Final = 32


def causes_of(judged: JudgedImage, view: ExplainedView) -> tuple[OtherCause, ...]:
    """Look for other causes of periodic traces."""
    image = judged.image
    path = None
    if view.has_gradient:
        paths = view.path.paths
        # Colour is told from luma only where the path runs through coherence.
        path = paths.get("coherence", next(iter(paths.values())))
    return other_causes(context(judged), image.jpeg, path, gap=view.gap, file=image.about.format != "array")


def compare_image(judged: JudgedImage, view: ExplainedView, causes: tuple[OtherCause, ...]) -> Comparison:
    """Compare an image with photographs and generators.

    A generator is named only on evidence, and if the image's own tiles have a significant lattice.

    Parameters
    ----------
    judged : JudgedImage
    view : ExplainedView
    causes : tuple of OtherCause

    Returns
    -------
    Comparison
    """
    middle = context(judged)
    nearest = view.population.nearest(middle)
    if not may_name(judged.score.verdict, middle, causes):
        nearest = replace(nearest, name=None)
    return Comparison(view.population.standing(middle), nearest, causes)


def context(judged: JudgedImage) -> Uint8:
    """Cut out the middle of the region; its corner keeps the grid of 32 pixels."""
    region = judged.region
    top, left = (max(0, side - CONTEXT) // 64 * 32 for side in region.shape[:2])
    return np.ascontiguousarray(region[top : top + CONTEXT, left : left + CONTEXT])


def may_name(verdict: Verdict, image: Uint8, causes: Sequence[OtherCause]) -> bool:
    """Whether a generator may be named: there is evidence, and the image's own tiles have a significant lattice."""
    return verdict == "evidence" and has_lattice(image, causes)


def has_lattice(image: Uint8, causes: Sequence[OtherCause]) -> bool:
    """Whether the image's own tiles have a significant lattice, by the test among the causes or a new one."""
    for cause in causes:
        if cause.name == "lattice of tiles":
            return bool(cause.found)
    tiles = SpectrumAccumulator(SpectrumSpec(size=_TILE))
    height, width = image.shape[:2]
    for row in range(0, height - _TILE + 1, _TILE):
        tiles.update([image[row : row + _TILE, left : left + _TILE] for left in range(0, width - _TILE + 1, _TILE)])
    return tiles.images > 1 and estimate_upsampling(tiles.result()).factor is not None
