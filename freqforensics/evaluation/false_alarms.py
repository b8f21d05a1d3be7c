"""How often photographs are called evidence of CNN generation, by where they are from and how they came."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final

from freqforensics.detector import ScoreTable
from freqforensics.detector.score_table import COLUMNS
from freqforensics.evaluation.metrics import binomial_interval
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import write_json

EVERYTHING: Final = "all sources"
"""Name of the rows that take all sources together."""
WORST: Final = 50
"""Files that are named, at most."""


@dataclass(frozen=True)
class FalseAlarmRow:
    """Verdicts on one source's photographs after one carrier; intervals are exact, of 95 %.

    Parameters
    ----------
    source, carrier : str
    images : int
    evidence : int
        Photographs with this verdict.
    evidence_rate, evidence_low, evidence_high : float
        Their share, 0 .. 1, and its interval (Clopper & Pearson).
    inconclusive, cannot_judge : int
    inconclusive_rate, inconclusive_low, inconclusive_high : float
    cannot_judge_rate, cannot_judge_low, cannot_judge_high : float
        The same of the two other verdicts. What is left is "none".
    """

    source: str
    carrier: str
    images: int
    evidence: int
    evidence_rate: float
    evidence_low: float
    evidence_high: float
    inconclusive: int
    inconclusive_rate: float
    inconclusive_low: float
    inconclusive_high: float
    cannot_judge: int
    cannot_judge_rate: float
    cannot_judge_low: float
    cannot_judge_high: float


@dataclass(frozen=True)
class WorstFile:
    """A photograph whose logit is among the highest.

    Parameters
    ----------
    path, source, carrier : str
    logit : float
    rate : float
        Share of photographs of this kind that score as high; NaN without a calibration.
    verdict : str
    """

    path: str
    source: str
    carrier: str
    logit: float
    rate: float
    verdict: str


@dataclass(frozen=True, repr=False)
class FalseAlarms(Drawn):
    """Verdicts on photographs, none of which should be "evidence".

    Parameters
    ----------
    rows : tuple of FalseAlarmRow
        Carrier by carrier within a source; of several sources, all together at the end.
    worst : tuple of WorstFile
        The highest logits first.
    tables : dict of str to ScoreTable
        The scores, by carrier.
    failures : tuple of (str, str)
        Path and reason of every file that could not be scored; of carriers but the first, with the carrier's name.
    work : dict
        What the counts depend on, JSON values: weights, calibration, images, carriers.
    """

    rows: tuple[FalseAlarmRow, ...]
    worst: tuple[WorstFile, ...]
    tables: Mapping[str, ScoreTable]
    failures: tuple[tuple[str, str], ...]
    work: Mapping[str, Any]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, all together last."""
        return tuple(dict.fromkeys(row.source for row in self.rows))

    @property
    def carriers(self) -> tuple[str, ...]:
        """Names of the carriers."""
        return tuple(self.tables)

    def row(self, source: str, carrier: str) -> FalseAlarmRow | None:
        """Look up a cell of the table; None where no image was scored.

        Parameters
        ----------
        source : str
            Name of the source.
        carrier : str
            Name of the carrier.
        """
        return next((row for row in self.rows if (row.source, row.carrier) == (source, carrier)), None)

    def to_json(self) -> dict[str, Any]:
        """Give everything but the scores, as JSON values."""
        worst = [{**asdict(file), "rate": file.rate if math.isfinite(file.rate) else None} for file in self.worst]
        return {
            **self.work,
            "rows": [asdict(row) for row in self.rows],
            "worst": worst,
            "failures": [{"path": path, "reason": reason} for path, reason in self.failures],
        }

    def save(self, folder: str | Path) -> None:
        """Write ``false_alarms.csv``, ``worst.csv``, ``scores.csv`` (with a column carrier), ``false_alarms.json``.

        Parameters
        ----------
        folder : str or Path
            Existing folder.
        """
        place = Path(folder)
        for name, kind, rows in (
            ("false_alarms", FalseAlarmRow, self.rows),
            ("worst", WorstFile, self.worst),
        ):
            write_csv(place / f"{name}.csv", [field.name for field in fields(kind)], map(astuple, rows))
        scores = [(*astuple(score), carrier) for carrier, table in self.tables.items() for score in table.scores]
        write_csv(place / "scores.csv", (*COLUMNS, "carrier"), scores)
        write_json(place / "false_alarms.json", self.to_json())


def count_false_alarms(
    tables: Mapping[str, ScoreTable],
    *,
    worst: int = WORST,
    failures: tuple[tuple[str, str], ...] = (),
    work: Mapping[str, Any] | None = None,
) -> FalseAlarms:
    """Count verdicts on photographs.

    Parameters
    ----------
    tables : mapping of str to ScoreTable
        Scores of photographs with view "views", by the carrier they went through.
    worst : int
        Number of files to name, at most.
    failures, work
        Kept, see `FalseAlarms`.

    Returns
    -------
    FalseAlarms
        Counts and rates by source and carrier.

    Raises
    ------
    ValueError
        No score, one without a verdict, or one of an image that is labelled fake.
    """
    verdicts: dict[str, dict[str, Counter[str]]] = {}
    everything: dict[str, Counter[str]] = {}
    judged: list[WorstFile] = []
    for carrier, table in tables.items():
        for score in table.scores:
            if score.label == "fake":
                raise ValueError(f"false alarms are of photographs, but {score.path} is labelled fake")
            if not score.verdict:
                raise ValueError(f"scores must have verdicts, which view {score.crop!r} does not give")
            verdicts.setdefault(score.generator, {}).setdefault(carrier, Counter())[score.verdict] += 1
            everything.setdefault(carrier, Counter())[score.verdict] += 1
            if score.judged:
                judged.append(WorstFile(score.path, score.generator, carrier, score.logit, score.rate, score.verdict))
    if not verdicts:
        raise ValueError("there is no score of a photograph")
    groups = dict(sorted(verdicts.items()))
    if len(groups) > 1:
        groups[EVERYTHING] = everything
    rows = [
        _row(source, carrier, counts[carrier])
        for source, counts in groups.items()
        for carrier in tables
        if carrier in counts
    ]
    judged.sort(key=lambda file: (-file.logit, file.path, file.carrier))
    return FalseAlarms(tuple(rows), tuple(judged[:worst]), dict(tables), failures, work or {})


def _row(source: str, carrier: str, counts: Counter[str]) -> FalseAlarmRow:
    images = counts.total()
    cells: list[Any] = []
    for verdict in ("evidence", "inconclusive", "cannot-judge"):
        count = counts[verdict]
        cells += [count, count / images, *binomial_interval(count, images)]
    return FalseAlarmRow(source, carrier, images, *cells)
