"""Random histories of an image: the same for a photograph and for its fake."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from freqforensics.perturbations import (
    AVIF,
    JPEG,
    Blur,
    Chain,
    ChromaSubsampling,
    Interpolation,
    Perturbation,
    Resize,
    Sharpen,
    Subsampling,
    WebP,
)
from freqforensics.perturbations.carriers import GIF, CutGrid, Denoise, Grey

UNTOUCHED: Final = 0.3
"""Share of images to which nothing happens."""
DOWN: Final[tuple[Interpolation, ...]] = ("area", "antialiased", "bicubic", "lanczos")
UP: Final[tuple[Interpolation, ...]] = ("bilinear", "antialiased", "bicubic", "lanczos")
SUBSAMPLED: Final[tuple[Literal["nearest", "bilinear", "integer-up", "integer-down"], ...]] = (
    "nearest",
    "bilinear",
    "integer-up",
    "integer-down",
)
_SAMPLINGS: Final[tuple[Subsampling, ...]] = ("4:4:4", "4:2:2", "4:2:0")
_SAMPLED: Final = (0.3, 0.1, 0.6)


def draw_laundering(rng: np.random.Generator, *, chroma: float = 0.0) -> Chain:
    """Draw a chain of perturbations.

    Resampling by 0.55 to 2.1 (one in two), sharpening, blur or denoising (one in seven), grey (one in 33), and
    compression: JPEG of quality 60 to 100 in three samplings, one in five of them twice with another grid; WebP,
    AVIF, GIF; or none. `UNTOUCHED` of all chains are empty.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of every draw.
    chroma : float
        Share of the chains that are not empty whose colours are subsampled by themselves, as Photo CD and video do.

    Returns
    -------
    Chain
        Parameters are fixed but for the offset of `CutGrid`: called with generators of one seed it does the same to
        both sides of a pair.
    """
    if rng.random() < UNTOUCHED:
        return Chain(())
    steps: list[Perturbation] = []
    if rng.random() < 0.5:
        steps.append(_resampling(rng))
    filtered = rng.random()
    if filtered < 0.06:
        steps.append(Sharpen(float(rng.uniform(0.2, 1.5)), sigma=float(rng.uniform(0.6, 1.6))))
    elif filtered < 0.09:
        steps.append(Blur(float(rng.uniform(0.3, 0.9))))
    elif filtered < 0.14:
        steps.append(Denoise(float(rng.uniform(6, 25))))
    if rng.random() < 0.03:
        steps.append(Grey())
    if chroma and rng.random() < chroma:
        steps.append(ChromaSubsampling(SUBSAMPLED[int(rng.integers(len(SUBSAMPLED)))]))
    return Chain((*steps, *_compression(rng)))


def _resampling(rng: np.random.Generator) -> Resize:
    if rng.random() < 0.75:
        scale = float(np.exp(rng.uniform(np.log(0.55), np.log(1.15))))
    else:
        scale = float(rng.uniform(1.15, 2.1))
    kinds = DOWN if scale < 1 else UP
    return Resize(scale, kinds[int(rng.integers(len(kinds)))])


def _compression(rng: np.random.Generator) -> list[Perturbation]:
    kind = rng.random()
    if kind < 0.62:
        steps: list[Perturbation] = []
        for _ in range(2 if rng.random() < 0.2 else 1):
            if rng.random() < 0.5:
                steps.append(CutGrid())
            quality = int(rng.integers(60, 100)) if rng.random() < 0.8 else int(rng.integers(90, 101))
            steps.append(JPEG(quality, _SAMPLINGS[int(rng.choice(3, p=_SAMPLED))]))
        return steps
    if kind < 0.72:
        return [WebP(int(rng.integers(45, 98)))]
    if kind < 0.74:
        return [AVIF(int(rng.integers(50, 95)))]
    return [GIF()] if kind < 0.77 else []
