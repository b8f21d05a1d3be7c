"""The verdict on an image: how many photographs score as high, and the rule that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from freqforensics.regions.kinds import ImageKind

Verdict = Literal["evidence", "inconclusive", "none", "cannot-judge"]

IN_WORDS: Final[dict[str, str]] = {
    "evidence": "evidence of CNN generation",
    "inconclusive": "inconclusive",
    "none": "no evidence found",
    "cannot-judge": "cannot be judged",
}
EVIDENCE: Final = 0.01
"""Greatest rate of photographs scoring as high at which an image is called evidence."""
INCONCLUSIVE: Final = 0.10
"""Greatest rate at which nothing is concluded; above it there is no evidence."""
GUARD: Final = 0.02
"""Greatest share of the photographs of any one carrier scoring as high at which an image is called evidence."""
MARGIN: Final = 0.5
"""Logits by which evidence must clear the photographs of a calibration, because others come from other sources.

The least, in steps of 0.1, at which of the photographs of a collection left out of the shipped calibration at most 2 %
as they are, and at most 3 % of at least 40 through any carrier, are evidence (`left_out_evidence`).
"""


@dataclass(frozen=True)
class Thresholds:
    """Logits between which nothing is concluded.

    Parameters
    ----------
    low, high : float
        Logits above which an image is inconclusive, and evidence, where they are calibrated.
    source : str
        Origin of the two logits, in words.
    """

    low: float
    high: float
    source: str

    def verdict(self, logit: float) -> Verdict:
        """Say on which side of the thresholds a logit lies."""
        if logit > self.high:
            return "evidence"
        return "none" if logit < self.low else "inconclusive"


@dataclass(frozen=True)
class Rate:
    """How many photographs score at least as high as an image.

    Parameters
    ----------
    above : int
        Photographs of `kind` whose logit is at least the image's.
    photographs : int
        Photographs of `kind`.
    kind : ImageKind
        Kind of the image, or the nearest wider one that holds enough photographs.
    nearly : int
        Photographs of `kind` whose logit is at most `MARGIN` below the image's, or above it.
    carrier : str
        Worst carrier among those that end in the image's container: after it most photographs score as high, or nearly
        as high.
    carried : float
        Share of its photographs that do. A kind mixes carriers; this keeps the worst of them from being outvoted.
    """

    above: int
    photographs: int
    kind: ImageKind
    nearly: int
    carrier: str
    carried: float

    @property
    def rate(self) -> float:
        """The conformal p-value, (above + 1) / (photographs + 1): valid for a photograph that is like these."""
        return (self.above + 1) / (self.photographs + 1)

    @property
    def verdict(self) -> Verdict:
        """Verdict by the one rule of the whole package.

        "evidence" if, counting also the photographs that score nearly as high, the rate is at most `EVIDENCE`, and the
        share of the worst carrier at most `GUARD`. Otherwise "inconclusive" up to a rate of `INCONCLUSIVE`, and "none".
        """
        if (self.nearly + 1) / (self.photographs + 1) <= EVIDENCE and self.carried <= GUARD:
            return "evidence"
        return "inconclusive" if self.rate <= INCONCLUSIVE else "none"

    def __str__(self) -> str:
        """Describe the rate in words, as "1 of 340 photographs of this kind scores as high"."""
        return f"{self.above} of {self.photographs} photographs of this kind ({self.kind}) score as high"
