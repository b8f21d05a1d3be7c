"""Tables of scores, one row for each file, that can be added to while they are made."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Final, TextIO

from freqforensics.images import shown_path
from freqforensics.provenance import replacing


@dataclass(frozen=True)
class Score:
    """One row of the table.

    Parameters
    ----------
    path : str
    sha256 : str
        Of the file.
    label, generator, category : str
        As in `ImageRecord`.
    logit : float
    probability : float
        Of fake, the logit's sigmoid: for people. Rank and decide by the logit.
    crop : str
    weights : str
        SHA-256 of the detector's weights.
    warnings : str
        What was odd about the file, separated by semicolons.
    verdict : str
        "evidence", "inconclusive", "none" or "cannot-judge" (`CalibratedDetector.judge`); empty where the crop is not
        "views", for which nothing is calibrated. What cannot be judged has a logit of NaN.
    rate : float
        Share of photographs of this kind that score as high; NaN without a calibration.
    region : str
        Photographic part that was scored, ``X,Y,W,H`` in pixels; empty where the crop is not "views".
    """

    path: str
    sha256: str
    label: str
    generator: str
    category: str
    logit: float
    probability: float
    crop: str
    weights: str
    warnings: str
    verdict: str = ""
    rate: float = math.nan
    region: str = ""

    @property
    def judged(self) -> bool:
        """Whether there is a logit."""
        return math.isfinite(self.logit)


COLUMNS: Final = tuple(field.name for field in fields(Score))
_OLD: Final = COLUMNS[:-3]
"""Of tables written before there were verdicts."""


@dataclass(frozen=True)
class ScoreTable:
    """Scores of some files.

    Parameters
    ----------
    scores : tuple of Score
        In the order of the records.
    failures : tuple of (str, str)
        Path and reason of every file that could not be scored.
    """

    scores: tuple[Score, ...]
    failures: tuple[tuple[str, str], ...]

    def save(self, path: str | Path) -> None:
        """Write a CSV file, whole or not at all."""
        with (
            replacing(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(_cells(score) for score in self.scores)

    @classmethod
    def load(cls, path: str | Path) -> ScoreTable:
        """Read a CSV file that `save` or `score_files` wrote; an unfinished last row is left out.

        Raises
        ------
        ValueError
            Another header, or a row that is no score.
        """
        with Path(path).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        # Not splitlines: names may hold other characters that end lines.
        rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline="")))
        if rows and tuple(rows[0]) not in (COLUMNS, _OLD):
            raise ValueError(f"{shown_path(path)} is no table of scores: its columns are {', '.join(rows[0])}")
        try:
            scores = tuple(_from_cells(row) for row in rows[1:])
        except ValueError as error:
            raise ValueError(f"{shown_path(path)} is no table of scores: {error}") from error
        return cls(scores, ())


def known_scores(path: str | Path, *, weights: str, crop: str) -> tuple[Score, ...]:
    """Read the scores that a table has already.

    Raises
    ------
    ValueError
        The table is of other weights or another crop: they are not mixed.
    """
    scores = ScoreTable.load(path).scores
    for score in scores:
        if score.weights != weights:
            raise ValueError(
                f"{shown_path(path)} holds scores of other weights ({score.weights[:12]}...): name another"
            )
        if score.crop != crop:
            raise ValueError(f"{shown_path(path)} holds scores of crop {score.crop!r}, not {crop!r}: name another")
    return scores


class AddingScores:
    """Add rows to a table as they are made, each whole when the process dies.

    Parameters
    ----------
    out : str or Path or None
        The table; None: nothing is written.
    known : tuple of Score
        What it has already. It is written again, for an unfinished last row must go.
    """

    def __init__(self, out: str | Path | None, known: tuple[Score, ...]) -> None:
        self.path = None if out is None else Path(out)
        self.known = known
        self.file: TextIO | None = None

    def __enter__(self) -> AddingScores:
        if self.path is not None:
            ScoreTable(self.known, ()).save(self.path)
            self.file = self.path.open("a", newline="", encoding="utf-8", errors="surrogateescape")
        return self

    def __exit__(self, *exception: object) -> None:
        if self.file is not None:
            self.file.close()

    def add(self, score: Score) -> None:
        """Write a row."""
        if self.file is not None:
            csv.writer(self.file).writerow(_cells(score))
            self.file.flush()


def _cells(score: Score) -> list[str]:
    """Values as text; logits in full, so that nothing is lost on the way."""
    return [repr(value) if isinstance(value, float) else str(value) for value in astuple(score)]


def _from_cells(row: Sequence[str]) -> Score:
    path, sha256, label, generator, category, logit, probability, crop, weights, warnings, *judged = row
    numbers = float(logit), float(probability)
    score = Score(path, sha256, label, generator, category, *numbers, crop, weights, warnings)
    if not judged:
        return score
    verdict, rate, region = judged
    return replace(score, verdict=verdict, rate=float(rate), region=region)
