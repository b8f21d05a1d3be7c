"""Kinds of images, by their files: an image is compared with photographs of its own kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from freqforensics.images import JpegTables, luma_table
from freqforensics.perturbations import AVIF, GIF, JPEG, Chain, Perturbation, WebP

ANY: Final = ""
"""A field that says nothing: all values are alike."""
MEDIUM: Final = 75
HIGH: Final = 90
"""JPEG qualities that separate the quality classes "low", "medium" and "high"."""
SMALL: Final = 224
LARGE: Final = 600
"""Shorter sides, in pixels, that separate the size classes "small", "medium" and "large"."""
LOSSY: Final = ("JPEG", "WebP", "AVIF", "GIF")
"""Containers that are told apart; all others store pixels as they are, and count as "lossless"."""


@dataclass(frozen=True)
class ImageKind:
    """What images of one kind have in common. An empty field stands for all values.

    Parameters
    ----------
    container : str
        One of `LOSSY`, or "lossless".
    subsampling : str
        Chroma subsampling of a JPEG, as "4:2:0"; empty for other containers.
    quality : str
        "low" (below 75), "medium" (75 to 89) or "high" quality of a JPEG; empty for other containers.
    size : str
        "small" (shorter side of the scored region up to 224 pixels), "medium" (up to 600) or "large".
    """

    container: str = ANY
    subsampling: str = ANY
    quality: str = ANY
    size: str = ANY

    def __str__(self) -> str:
        """Give the kind in words, as "JPEG 4:2:0, medium quality, large"."""
        first = " ".join(part for part in (self.container, self.subsampling) if part)
        parts = [first, f"{self.quality} quality" if self.quality else "", self.size]
        return ", ".join(part for part in parts if part) or "any"

    def contains(self, other: ImageKind) -> bool:
        """Whether the other kind has the same value in every field of this one that is not empty."""
        return (
            self.container in (ANY, other.container)
            and self.subsampling in (ANY, other.subsampling)
            and self.quality in (ANY, other.quality)
            and self.size in (ANY, other.size)
        )

    def wider(self) -> Iterator[ImageKind]:
        """Give the kind itself, then ever wider ones: without size, quality, subsampling, container."""
        kind = self
        yield kind
        for name in ("size", "quality", "subsampling", "container"):
            if getattr(kind, name):
                kind = replace(kind, **{name: ANY})
                yield kind


def kind_of_image(format: str, jpeg: JpegTables | None, *, shorter: int) -> ImageKind:  # noqa: A002 - the field's word
    """Tell an image's kind.

    Parameters
    ----------
    format : str
        Format that `read_header` gives, or "array" for an image that does not come from a file.
    jpeg : JpegTables or None
        Quantisation tables of a JPEG; None for other formats.
    shorter : int
        Shorter side of the region that is scored, pixels.

    Returns
    -------
    ImageKind
    """
    size = "small" if shorter <= SMALL else "medium" if shorter <= LARGE else "large"
    if jpeg is not None:
        quality = "low" if jpeg.quality < MEDIUM else "medium" if jpeg.quality < HIGH else "high"
        return ImageKind("JPEG", jpeg.subsampling, quality, size)
    return ImageKind(format if format in LOSSY else "lossless", size=size)


def encoding_of(perturbation: Perturbation) -> tuple[str, JpegTables | None]:
    """Give the format in which a perturbation leaves an image, by its last step.

    Parameters
    ----------
    perturbation : Perturbation
        The perturbation.

    Returns
    -------
    str
        "JPEG", "WebP", "AVIF" or "GIF" if it ends by compressing, else "PNG".
    JpegTables or None
        Quantisation tables of a JPEG; for a quality that is drawn at random, the middle of its range.
    """
    while isinstance(perturbation, Chain) and perturbation.steps:
        perturbation = perturbation.steps[-1]
    if isinstance(perturbation, JPEG):
        quality = perturbation.quality
        if isinstance(quality, tuple):
            quality = sum(quality) // 2
        luma = tuple(int(step) for step in luma_table(quality).ravel())
        return "JPEG", JpegTables(quality, True, perturbation.subsampling, luma)
    names = {WebP: "WebP", AVIF: "AVIF", GIF: "GIF"}
    return next((name for kind, name in names.items() if isinstance(perturbation, kind)), "PNG"), None
