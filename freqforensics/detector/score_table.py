"""Tables of scores, one row for each file, that can be added to while they are made."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Final, TextIO

from freqforensics.detector.score_parquet import is_parquet, part_files, read_rows
from freqforensics.images import shown_path
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.tables import TableWriter, parsed_rows, read_text, unquoted, write_csv


@dataclass(frozen=True)
class Score:
    """One row of the table.

    Parameters
    ----------
    path : str
    sha256 : str
        SHA-256 of the file.
    label, generator, category : str
        As in `ImageRecord`.
    logit : float
    probability : float
        Probability of fake, the logit's sigmoid: for people. Rank and decide by the logit.
    crop : str
        Part of the image that was scored, `view` of `score_files`.
    weights : str
        SHA-256 of the detector's weights.
    warnings : str
        What was odd about the file, separated by semicolons.
    verdict : str
        "evidence", "inconclusive", "none" or "cannot-judge" (`CalibratedDetector.judge`); empty where `crop` is not
        "views", for which nothing is calibrated. What cannot be judged has a logit of NaN.
    rate : float
        Share of photographs of this kind that score as high; NaN without a calibration.
    region : str
        Photographic part that was scored, ``X,Y,W,H`` in pixels; empty where `crop` is not "views".
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
_SHA256: Final = re.compile("[0-9a-f]{64}")
_VERDICTS: Final = ("", "evidence", "inconclusive", "none", "cannot-judge")


@dataclass(frozen=True, repr=False)
class ScoreTable(Drawn):
    """Scores of image files.

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
        """Write a CSV file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        write_csv(path, COLUMNS, map(_cells, self.scores), end="\r\n")

    @classmethod
    def load(cls, path: str | Path) -> ScoreTable:
        """Read a CSV file that `save` or `score_files` wrote, or a folder or file of parquet of `score_parts`.

        An unfinished last row of a CSV file is left out.

        Raises
        ------
        ValueError
            It is empty, has another header, a row is no score, or a part is missing.
        """
        if is_parquet(path):
            return _load_parquet(Path(path))
        text = read_text(path, raw_bytes=True)
        rows = parsed_rows(text, path=path)
        header = tuple(rows[0]) if rows else ()
        if header not in (COLUMNS, _OLD):
            what = f"its columns are {', '.join(header)[:200]}" if header else "it is empty"
            raise ValueError(f"{shown_path(path)} is not a table of scores: {what}")
        # Quotes inside a cell are doubled: an odd number means that the last row ends inside a cell.
        if text.count('"') % 2 or not text.endswith(("\n", "\r")):
            unfinished = rows.pop() if len(rows) > 1 else []
            if any(_is_row(line) for cell in unfinished for line in cell.splitlines()[1:]):
                raise ValueError(f"{shown_path(path)} is not a table of scores: a quote hides rows from {len(rows)} on")
        try:
            scores = tuple(_from_cells([unquoted(cell) for cell in row], len(header)) for row in rows[1:])
        except ValueError as error:
            raise ValueError(f"{shown_path(path)} is not a table of scores: {error}") from error
        return cls(scores, ())


def _load_parquet(path: Path) -> ScoreTable:
    scores: list[Score] = []
    failures: list[tuple[str, str]] = []
    files = part_files(path) if path.is_dir() else [path]
    for place, file in enumerate(files):
        rows, about = read_rows(file, COLUMNS)
        if path.is_dir() and (about.get("part"), about.get("parts")) != (place, len(files)):
            raise ValueError(f"{shown_path(path)} is not complete: resume the command that wrote it")
        scores += (Score(*row) for row in rows)
        failures += ((str(name), str(reason)) for name, reason in about.get("failures", ()))
    if not files:
        raise ValueError(f"{shown_path(path)} is not a table of scores: it holds no part")
    return ScoreTable(tuple(scores), tuple(failures))


def known_scores(
    path: str | Path, *, weights: str, view: str, region: Sequence[int] | None = None
) -> tuple[Score, ...]:
    """Read the scores that a table has already; none where there is no file, or an empty one.

    Raises
    ------
    ValueError
        The file is not a table of scores, or one of other weights, another view or, where one is given, another region:
        they are not mixed.
    """
    if not Path(path).exists() or (Path(path).is_file() and not Path(path).stat().st_size):
        return ()
    scores = ScoreTable.load(path).scores
    box = None if region is None else ",".join(map(str, region))
    for number, score in enumerate(scores, 1):
        if not _is_possible(score):
            raise ValueError(f"{shown_path(path)} is not a table of scores: row {number} is not a score")
        if box is not None and score.region not in ("", box):
            raise ValueError(f"{shown_path(path)} holds scores of other regions: name another")
        if score.weights != weights:
            raise ValueError(
                f"{shown_path(path)} holds scores of other weights ({score.weights[:12]}...): name another"
            )
        if score.crop != view:
            raise ValueError(f"{shown_path(path)} holds scores of view {score.crop!r}, not {view!r}: name another")
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
            TableWriter(self.file, end="\r\n").row(_cells(score))
            self.file.flush()


def _cells(score: Score) -> list[str]:
    """Values as text; logits in full, so that nothing is lost on the way."""
    return [repr(value) if isinstance(value, float) else str(value) for value in astuple(score)]


def _is_row(text: str) -> bool:
    """Whether a line is a row of its own: the second cell is a hash."""
    cells = text.split(",", 2)
    return len(cells) == 3 and _SHA256.fullmatch(cells[1]) is not None


def _is_possible(score: Score) -> bool:
    """Whether `score_files` can have written a row."""
    hashes = _SHA256.fullmatch(score.sha256) and _SHA256.fullmatch(score.weights)
    judged = math.isfinite(score.logit) or (math.isnan(score.logit) and score.verdict == "cannot-judge")
    shares = all(math.isnan(share) or 0 <= share <= 1 for share in (score.probability, score.rate))
    labels = score.label in ("real", "fake", "unknown")
    return bool(score.path and hashes and judged and shares and labels and score.verdict in _VERDICTS)


def _from_cells(row: Sequence[str], count: int) -> Score:
    if len(row) != count:
        raise ValueError(f"a row has {len(row)} cells, not {count}")
    path, sha256, label, generator, category, logit, probability, crop, weights, warnings, *judged = row
    numbers = float(logit), float(probability)
    score = Score(path, sha256, label, generator, category, *numbers, crop, weights, warnings)
    if not judged:
        return score
    verdict, rate, region = judged
    return replace(score, verdict=verdict, rate=float(rate), region=region)
