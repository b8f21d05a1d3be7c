"""Sources of photographs and weights -> verdicts after every carrier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.calibrate import ALL, AS_IS, chosen_carriers
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.detector.calibration import calibration_sha256
from freqforensics.detector.resnet import Detector
from freqforensics.detector.score_table import Score
from freqforensics.detector.weights import DEFAULT
from freqforensics.evaluation.false_alarms import FalseAlarms, count_false_alarms
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.runtime.executors import current_executor, end_of_passes
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, claim_folder, holds_work, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.stored import reading, stored_manifest, stored_rows
from freqforensics.sources.records import ImageRecord, first_of_each, records_sha256
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import index_sources

Carried = tuple[str, Perturbation | None]


@dataclass(frozen=True, repr=False)
class FalseAlarmsStudy(Drawn):
    """Wrong verdicts on photographs, by source and carrier.

    Parameters
    ----------
    alarms : FalseAlarms
        Verdicts counted by source and carrier.
    notes : tuple of str
        What was left out.
    parameters : dict
        Parameters of the study, JSON values.
    work : dict
        What the scores depend on, JSON values; the identity of a folder of cells.
    """

    alarms: FalseAlarms
    notes: tuple[str, ...]
    parameters: dict[str, Any]
    work: dict[str, Any]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every file that could not be scored."""
        return tuple(Skipped(*failure) for failure in self.alarms.failures)

    def to_json(self) -> dict[str, Any]:
        """Give everything but the scores, as JSON values."""
        return self.alarms.to_json()

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.false_alarms import plot_false_alarms

        return (drawing("false_alarms", plot_false_alarms, self.alarms),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``false_alarms.{csv,json,png,pdf}``, ``worst.csv``, ``scores.csv`` and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            A folder; that of the study's own cells may hold earlier results.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` holds other results and `overwrite` is not set, or `out` is not a folder.
        """
        photographs = {score.path for table in self.alarms.tables.values() for score in table.scores}
        inputs: dict[str, Any] = {**self.alarms.work, "photographs": len(photographs)}
        about = manifest(self.parameters, inputs=inputs, also=DETECTOR_LIBRARIES)
        overwrite = overwrite or holds_work(out, self.work)
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            self.alarms.save(folder.path)
            save_drawings(folder, self.drawings)

    @classmethod
    def load(cls, folder: str | Path) -> FalseAlarmsStudy:
        """Read the folder that `save` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder.

        Returns
        -------
        FalseAlarmsStudy
            `notes` are not stored.

        Raises
        ------
        ValueError
            The folder holds no such result.
        """
        about = stored_manifest(folder, "false_alarms.json", "scores.csv")
        with reading(folder):
            stored = json.loads((Path(folder) / "false_alarms.json").read_text(encoding="utf-8"))
            scores: dict[str, list[Score]] = {name: [] for name in stored["carriers"]}
            for score, (carrier,) in stored_rows(Path(folder) / "scores.csv", Score, also=("carrier",)):
                scores[carrier].append(score)
            tables = {name: ScoreTable(tuple(rows), ()) for name, rows in scores.items()}
            failures = tuple((failure["path"], failure["reason"]) for failure in stored["failures"])
            judged = {name: stored[name] for name in stored if name not in ("rows", "worst", "failures")}
            work = {name: value for name, value in judged.items() if name != "verdicts_from"}
            alarms = count_false_alarms(tables, failures=failures, work=judged)
            return cls(alarms, (), about["parameters"], work)


def false_alarms_study(
    sources: SourcesLike,
    *,
    weights: str | Path | Detector = DEFAULT,
    carriers: Sequence[str] = (AS_IS, ALL),
    calibration: str | Path | Sequence[str | Path] | None = None,
    limit: int | None = None,
    device: str = "auto",
    backend: str = "torch",
    batch: int = 16,
    workers: int = 1,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> FalseAlarmsStudy:
    """Score photographs as they are and after carriers, and count the wrong verdicts.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables of photographs, see `index_sources`. What is labelled fake is skipped, with a note.
    weights : str, Path or Detector
        File or name of weights, see `find_weights`; or a detector, such as `wrap` gives.
    carriers : sequence of str
        Names of carriers, see `chosen_carriers`; default files as they are, and every carrier.
    calibration : str, Path or several, optional
        Calibrations of your own photographs, see `open_detector`.
    limit : int, optional
        At most this many images of each source and label.
    device : str
        Device that torch computes on: "auto", "cpu", "cuda", "mps", ...
    backend, batch
        How images are scored, see `score_files`.
    workers : int
        Number of carriers that are scored at the same time, in threads. Results do not depend on it.
    out : str or Path, optional
        Folder that gets ``cells/`` with the scores after each carrier as they are finished, for `resume`. The results
        are written there by `FalseAlarmsStudy.save`.
    resume : bool
        Continue with the work in `out`.
    progress : bool
        Show progress bars.

    Returns
    -------
    FalseAlarmsStudy
        Verdicts counted by source and carrier.

    Raises
    ------
    ValueError, FileNotFoundError
        A source or weights that do not exist, no photograph, none that could be scored, a parameter out of range, or a
        folder that holds other work.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    chosen = chosen_carriers(carriers)
    notes: list[str] = []
    records = _photographs(first_of_each(index_sources(sources, on_note=notes.append), limit), notes)
    detector = open_detector(weights, calibration=calibration, device=device)
    work = {
        "weights": detector.weights.sha256,
        "calibration": calibration_sha256(detector.calibration),
        "images": records_sha256(records),
        "carriers": list(chosen),
    }
    cells = None if out is None else claim_folder(out, work, resume=resume) / "cells"
    options: dict[str, Any] = {"backend": backend, "batch": batch}
    tables = _score_all(records, detector, chosen, cells, workers, options, progress)
    end_of_passes()
    alarms = count_false_alarms(
        tables,
        failures=_failures(records, tables),
        work={**work, "verdicts_from": detector.thresholds.source},
    )
    return FalseAlarmsStudy(alarms, tuple(notes), {"limit": limit}, work)


def _photographs(records: Sequence[ImageRecord], notes: list[str]) -> list[ImageRecord]:
    real = [record for record in records if record.label != "fake"]
    if not real:
        raise ValueError("there is no photograph in the sources: all images are labelled fake")
    if len(real) < len(records):
        notes.append(f"images labelled fake are not photographs, skipped: {len(records) - len(real)}")
    unknown = sum(record.label == "unknown" for record in real)
    if unknown:
        notes.append(f"images of unknown label, taken for photographs: {unknown}")
    return real


def _score_all(
    records: Sequence[ImageRecord],
    detector: CalibratedDetector,
    carriers: dict[str, Perturbation | None],
    cells: Path | None,
    workers: int,
    options: dict[str, Any],
    progress: bool,
) -> dict[str, ScoreTable]:
    """Score carrier by carrier; a carrier whose table exists is not scored again."""
    bar = progress and workers == 1

    def score(chunk: Sequence[Carried]) -> dict[str, ScoreTable]:
        tables: dict[str, ScoreTable] = {}
        for name, carrier in chunk:
            cell = None if cells is None else cells / f"{name}.csv"
            if cell is not None and cell.exists():
                tables[name] = ScoreTable.load(cell)
                continue
            number = f"{list(carriers).index(name) + 1}/{len(carriers)}"
            table = score_files(
                records,
                detector,
                perturb=carrier,
                progress=f"{number} {name}" if bar else None,
                **options,
            )
            if cell is not None and table.scores:
                table.save(cell)
            tables[name] = table
        return tables

    # With one worker the libraries' own threads are the faster ones; a cluster and a shard divide a carrier's images.
    if workers == 1 or current_executor() is not None:
        return score(list(carriers.items()))
    return map_reduce(
        list(carriers.items()),
        score,
        lambda first, second: first | second,
        workers=workers,
        chunk_size=1,
        progress="carriers" if progress else None,
    )


def _failures(records: Sequence[ImageRecord], tables: dict[str, ScoreTable]) -> tuple[tuple[str, str], ...]:
    """Name what a carrier's table lacks; a table that was read again does not know why."""
    failures: dict[str, str] = {}
    for name, table in tables.items():
        scored, reasons = {score.path for score in table.scores}, dict(table.failures)
        for record in records:
            path = str(record.path)
            if path not in scored:
                reason = reasons.get(path, "could not be scored")
                failures.setdefault(path, reason if name == AS_IS else f"{name}: {reason}")
    return tuple(failures.items())
