"""Verdicts and stages in words that need no glossary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from freqforensics.detector.verdict import Verdict
from freqforensics.inspection.finding import Finding


@dataclass(frozen=True)
class Plain:
    """A verdict for people.

    Parameters
    ----------
    headline : str
    meaning : str
        What follows from it, and what not.
    then : str
        What to do next.
    """

    headline: str
    meaning: str
    then: str


VERDICTS: Final[Mapping[Verdict, Plain]] = {
    "evidence": Plain(
        "Signs of a generated picture were found",
        "This is a hint, not a proof: photographs look like this now and then.",
        "Read the report before you rely on it, and look for where the picture was first published.",
    ),
    "inconclusive": Plain(
        "Unclear",
        "What was found is too weak, or too common in photographs, to say anything.",
        "Try to get the original file: copies that were sent or saved again have lost traces.",
    ),
    "none": Plain(
        "No signs of a generated picture were found",
        "This does not show that it is a photograph. Many generated pictures leave no signs that this program knows.",
        "If you have doubts, look for where the picture was first published, and ask for the original file.",
    ),
    "cannot-judge": Plain(
        "This picture cannot be judged",
        "There is no part in it that looks like a photograph and is large enough. That says nothing about its origin.",
        "Try a larger copy, or one without text and frames around the picture.",
    ),
}

STAGES: Final[Mapping[str, str]] = {
    "reading and scoring": "Reading and scoring the picture",
    "path and other causes": "Looking for other causes",
    "explanation": "Finding out what counts",
    "weights made random": "Checking against chance",
    "deletion": "Checking by leaving things out",
    "changes": "Trying what changes the verdict",
    "maps": "Drawing maps",
    "population": "Comparing with photographs",
    "page": "Writing the report",
}
"""Stages of `inspect`, and the last one, for people; a name that is not here is said as it is."""


def rate_in_words(finding: Finding) -> str:
    """Say how many photographs score as high; empty where that was not measured."""
    rate = finding.score.rate_of
    if rate is None:
        return ""
    if rate.above == 0:
        return f"Of {rate.photographs:,} photographs to compare with, none showed as many signs as this picture."
    many = "1 showed" if rate.above == 1 else f"{rate.above:,} showed"
    return f"Of {rate.photographs:,} photographs to compare with, {many} as many signs as this picture."


def reason_in_words(domain: str) -> str:
    """Say why a picture cannot be judged."""
    return _REASONS.get(domain, domain)


_REASONS: Final = {
    "uniform: no residual to look at": "it is one even colour, without any fine detail",
    "rows of text": "it is a page of text",
    "few colours: a drawing or a screen": "it is a drawing or a screen, with few colours",
}
"""Reasons of `find_region` in words that need no glossary; others say sizes."""


def share_in_words(count: int, total: int, what: str) -> str:
    """Write a share of a group.

    >>> share_in_words(2, 40, "photographs"), share_in_words(0, 1, "photographs")
    ('2 of 40 photographs (5 %)', '0 of 1 photograph (0 %)')
    """
    noun = what.removesuffix("s") if total == 1 else what
    return f"{count:,} of {total:,} {noun} ({100 * count / total:.0f} %)"


def range_in_words(low: float, high: float) -> str:
    """Write the bounds of a share.

    >>> range_in_words(0.0, 0.116), range_in_words(0.0061, 0.169), range_in_words(0.2, 1.0)
    ('up to 12 %', '0.6 to 17 %', '20 to 100 %')
    """
    ends = [f"{100 * share:.0f}" if share == 0 or share >= 0.0095 else f"{100 * share:.1f}" for share in (low, high)]
    return f"up to {ends[1]} %" if low == 0 else f"{ends[0]} to {ends[1]} %"
