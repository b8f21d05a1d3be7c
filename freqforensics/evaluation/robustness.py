"""How a detector's ranking holds when images are blurred, compressed, resized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from freqforensics.detector import Detector, ScoreTable, score_files
from freqforensics.detector.calibrated import CalibratedDetector, known_detector
from freqforensics.detector.calibration import calibration_sha256
from freqforensics.detector.score_table import Score
from freqforensics.evaluation.evaluate import evaluate_tables
from freqforensics.evaluation.photographs import against_photographs, decision_threshold
from freqforensics.evaluation.sweeps import SWEEPS, check_sweeps
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.results import claim_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.tables import write_csv
from freqforensics.sources.records import ImageRecord, records_sha256
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records


@dataclass(frozen=True)
class RobustnessRow:
    """AP of one generator at one strength of one sweep.

    Parameters
    ----------
    sweep : str
    value : float
    generator : str
    ap, ap_low, ap_high : float
        Average precision, with the 95 % interval of `ranking_interval`.
    accuracy : float
        Accuracy at the threshold in `Robustness.work`.
    real, fake : int
        Images that can be judged.
    cannot_judge : int
        Images that cannot be judged; where no image of a side can, AP and accuracy are NaN.
    evidence_fake, evidence_real : float
        Share of all fakes, of all real images, with the verdict "evidence"; NaN where the view gives no verdicts.
    """

    sweep: str
    value: float
    generator: str
    ap: float
    ap_low: float
    ap_high: float
    accuracy: float
    real: int
    fake: int
    cannot_judge: int = 0
    evidence_fake: float = math.nan
    evidence_real: float = math.nan

    def to_json(self) -> dict[str, Any]:
        """Give the fields as JSON values; NaN is None."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, repr=False)
class Robustness(Drawn):
    """AP and verdicts at every strength of some sweeps.

    Parameters
    ----------
    rows : tuple of RobustnessRow
        One row for each sweep, strength and generator.
    failures : tuple of (str, str)
        Path and reason of every file that could not be scored.
    work : dict
        What the result depends on, JSON values: hashes of weights, calibration and images, crop, sweeps, and threshold
        (a logit; None if no logit reaches it).
    miniatures : bool
        The images are simulated.
    """

    rows: tuple[RobustnessRow, ...]
    failures: tuple[tuple[str, str], ...]
    work: dict[str, Any]
    miniatures: bool = False

    def save(self, folder: str | Path) -> None:
        """Write ``robustness.csv``.

        Parameters
        ----------
        folder : str or Path
            Existing folder.
        """
        columns = (field.name for field in fields(RobustnessRow))
        write_csv(Path(folder) / "robustness.csv", columns, map(astuple, self.rows))

    def curve(self, sweep: str, generator: str) -> list[RobustnessRow]:
        """The rows of one line of the figure.

        Parameters
        ----------
        sweep : str
            Name of the sweep.
        generator : str
            Name of the generator.
        """
        return [row for row in self.rows if (row.sweep, row.generator) == (sweep, generator)]


def sweep_robustness(
    records: Sequence[ImageRecord] | SourcesLike,
    detector: CalibratedDetector | Detector,
    out: str | Path | None = None,
    *,
    sweeps: Sequence[str] = tuple(SWEEPS),
    view: str = DEFAULT_VIEW,
    backend: str = "torch",
    batch: int = 16,
    workers: int | None = None,
    resume: bool = False,
    miniatures: bool = False,
    progress: bool = False,
) -> Robustness:
    """Score images at every strength of one or several sweeps.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
    detector : CalibratedDetector or Detector
        Accuracy is measured at its `decision_threshold`.
    out : str or Path, optional
        Gets ``cells/`` with the scores at each strength, each written when all images are scored.
    sweeps : sequence of str
        Names of `SWEEPS`.
    view : str
        Part of an image that is scored, see `score_files`; images are perturbed first, then cropped.
    backend, batch, workers
        How images are scored, see `score_files`.
    resume : bool
        Continue with the work in `out`.
    miniatures : bool
        The images are simulated.
    progress : bool
        Show progress bars.

    Returns
    -------
    Robustness
        A row for each sweep, strength and generator.

    Raises
    ------
    ValueError
        No such sweep; as `score_files`, `evaluate_tables` and `claim_folder`.
    """
    records = as_records(records)
    check_sweeps(sweeps)
    labelled = [record for record in records if record.label != "unknown"]
    if isinstance(detector, Detector):
        detector = known_detector(detector)
    threshold, origin = decision_threshold(detector)
    identity = {
        "weights": detector.weights.sha256,
        "calibration": calibration_sha256(detector.calibration),
        "threshold": threshold if math.isfinite(threshold) else None,
        "images": records_sha256(labelled),
        "crop": view,
        "sweeps": list(sweeps),
    }
    folder = None if out is None else claim_folder(out, identity, resume=resume) / "cells"
    rows: list[RobustnessRow] = []
    failures: dict[str, str] = {}
    unchanged: dict[str, ScoreTable] = {}
    cells = [(SWEEPS[name], value) for name in sweeps for value in SWEEPS[name].values]
    for number, (sweep, value) in enumerate(cells, 1):
        perturbation = sweep.make(value)
        # What changes nothing is one cell, whichever sweep it stands in.
        name = f"{sweep.name}-{value:g}" if perturbation else "unchanged"
        cell = None if folder is None else folder / f"{name}.csv"
        if name in unchanged:
            table = unchanged[name]
        elif cell is not None and cell.exists():
            table = ScoreTable.load(cell)
        else:
            bar = f"{number}/{len(cells)} {sweep.name} {value:g}" if progress else None
            table = score_files(
                labelled,
                detector,
                view=view,  # type: ignore[arg-type]  # checked there
                backend=backend,  # type: ignore[arg-type]
                batch=batch,
                workers=workers,
                perturb=perturbation,
                progress=bar,
            )
            if not table.scores:
                first = ": ".join(table.failures[0])
                raise ValueError(f"no image could be scored at {sweep.name} {value:g}; the first: {first}")
            if cell is not None:
                table.save(cell)
        if not perturbation:
            unchanged[name] = table
        scored = {score.path for score in table.scores}
        known = dict(table.failures)
        for record in labelled:
            path = str(record.path)
            if path not in scored:
                failures.setdefault(path, known.get(path, "could not be scored"))
        rows += _rows(sweep.name, float(value), table, (threshold, origin))
    if not rows:
        raise ValueError("no generator has both real and fake images: there is nothing to tell apart")
    return Robustness(tuple(rows), tuple(failures.items()), identity, miniatures)


def _rows(sweep: str, value: float, table: ScoreTable, threshold: tuple[float, str]) -> list[RobustnessRow]:
    """Evaluate one cell; a generator of which nothing can be judged on one side keeps its row."""
    groups: dict[str, list[Score]] = {}
    for score in table.scores:
        groups.setdefault(score.generator, []).append(score)
    rows = []
    for generator, scores in sorted(groups.items()):
        if {score.label for score in scores} < {"real", "fake"}:
            continue
        against = against_photographs(generator, scores)
        row = RobustnessRow(
            sweep,
            value,
            generator,
            *(math.nan,) * 4,
            against.real,
            against.fake,
            against.cannot_judge,
            *(math.nan if share is None else share for share in (against.evidence_fake, against.evidence_real)),
        )
        if against.real and against.fake:
            (metrics,) = evaluate_tables([ScoreTable(tuple(scores), ())], threshold=threshold).generators
            interval, accuracy = metrics.ap_interval, metrics.metrics.accuracy
            row = replace(row, ap=metrics.metrics.ap, ap_low=interval.low, ap_high=interval.high, accuracy=accuracy)
        rows.append(row)
    return rows
