"""What examinations give to the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["quick", "whole"]


@dataclass(frozen=True)
class PictureResult:
    """Result of one picture.

    Parameters
    ----------
    verdict : {"evidence", "inconclusive", "none", "cannot-judge"}
    tone : str
        Class of its colour.
    headline, what, how_often, then : str
        The verdict, what was found, how often that is wrong, and what to do next: sentences of the report.
    contradictions : tuple of str
        What the file says of itself that does not agree with the verdict.
    """

    verdict: str
    tone: str
    headline: str
    what: str
    how_often: str
    then: str
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Counts of verdicts in one group.

    Parameters
    ----------
    name : str
    side : str
        What the folder says its pictures are, in words.
    pictures, evidence, inconclusive, none, cannot_judge : int
    """

    name: str
    side: str
    pictures: int
    evidence: int
    inconclusive: int
    none: int
    cannot_judge: int


@dataclass(frozen=True)
class FolderResult:
    """Result of one folder.

    Parameters
    ----------
    summary : tuple of str
        Sentences: false alarms, what was noticed.
    groups : tuple of Group
    crop : int
        Side of the squares that were averaged, pixels; 0 if there is no figure.
    notes : tuple of str
        What was left out or may mislead.
    skipped : tuple of (str, str)
        Path and reason of files that could not be used.
    signs : tuple of str
        Pictures with signs, most first.
    shown : tuple of str
        The same, relative to the folder, for people.
    """

    summary: tuple[str, ...]
    groups: tuple[Group, ...]
    crop: int
    notes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    signs: tuple[str, ...]
    shown: tuple[str, ...]
