"""Perturbations of growing strength that detectors are tried on. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from freqforensics.perturbations import JPEG, Blur, Chain, Perturbation, Resize, WebP
from freqforensics.perturbations.augmentation import double_jpeg, social

QUALITIES: Final = (100, 90, 80, 70, 60, 50, 40, 30)


@dataclass(frozen=True)
class Sweep:
    """One perturbation at several strengths.

    Parameters
    ----------
    name : str
        Name in tables and figures.
    axis : str
        What varies, with its unit.
    values : tuple of float
        From weak to strong.
    make : callable
        From a value to a perturbation; None for what changes nothing.
    """

    name: str
    axis: str
    values: tuple[float, ...]
    make: Callable[[float], Perturbation | None]


def _blur(sigma: float) -> Perturbation | None:
    return Blur(sigma) if sigma else None


def _resize(scale: float) -> Perturbation | None:
    return Resize(scale, "antialiased") if scale != 1 else None


def _blur_and_jpeg(sigma: float) -> Perturbation:
    return Chain((Blur(sigma), JPEG(round(100 - 15 * sigma)))) if sigma else JPEG(100)


def _twice(quality: float) -> Perturbation:
    return double_jpeg(90, int(quality), shift=4)


def _social(quality: float) -> Perturbation:
    return social(0.75, int(quality))


SWEEPS: Final[dict[str, Sweep]] = {
    sweep.name: sweep
    for sweep in (
        Sweep("blur", "Gaussian blur: sigma (pixels)", (0, 1, 2, 3, 4), _blur),
        Sweep("jpeg", "JPEG: quality", QUALITIES, lambda q: JPEG(int(q))),
        Sweep("webp", "WebP: quality", QUALITIES, lambda q: WebP(int(q))),
        Sweep("resize", "resize, antialiased: factor", (2, 1.5, 1.25, 1, 0.75, 0.5), _resize),
        Sweep("double-jpeg", "JPEG 90, shifted by 4, JPEG: quality", QUALITIES, _twice),
        Sweep("blur+jpeg", "blur and JPEG of quality 100 − 15 sigma: sigma", (0, 1, 2, 3, 4), _blur_and_jpeg),
        Sweep("social", "resize by 0.75 and JPEG: quality", (90, 80, 70, 60), _social),
    )
}
"""Sigma 0 to 4 and quality 100 to 30 are the protocol of Wang et al.'s successors. Blur is the sound one."""


def check_sweeps(names: Sequence[str]) -> None:
    """Raise ValueError unless all names are of `SWEEPS`, and there is one."""
    unknown = [name for name in names if name not in SWEEPS]
    if unknown or not names:
        raise ValueError(f"sweeps must be of {', '.join(SWEEPS)}; got {', '.join(unknown) or 'none'}")
