"""Stages and shares in words that need no glossary; verdicts have those of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STAGES: Final[Mapping[str, str]] = {
    "reading and scoring": "Reading and scoring the picture",
    "path and other causes": "Looking for other causes",
    "explanation": "Finding out what counts",
    "maps": "Drawing maps",
    "population": "Comparing with photographs",
    "weights made random": "Checking against chance",
    "deletion": "Checking by leaving things out",
    "changes": "Trying what changes the verdict",
    "page": "Writing the report",
}
"""Stages of `inspect`, and the last one, for people; a name that is not here is said as it is."""


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
