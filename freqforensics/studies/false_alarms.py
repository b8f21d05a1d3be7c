"""Sources of photographs and weights -> verdicts after every carrier -> a folder of tables and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.calibrate import ALL, AS_IS, calibration_sha256, chosen_carriers
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.detector.weights import DEFAULT
from freqforensics.evaluation.false_alarms import FalseAlarms, count_false_alarms
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import claim_folder, drop_manifest
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import ImageRecord, first_of_each, records_sha256
from freqforensics.sources.sources import index_sources

Carried = tuple[str, Perturbation | None]


def measure_false_alarms(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    weights: str | Path = DEFAULT,
    carriers: Sequence[str] = (AS_IS, ALL),
    calibration: str | Path | Sequence[str | Path] | None = None,
    limit: int | None = None,
    jobs: int = 1,
    device: str = "cpu",
    engine: str = "torch",
    resume: bool = False,
    command: str | None = None,
    progress: bool = False,
) -> tuple[FalseAlarms, tuple[str, ...]]:
    """Score photographs as they are and after carriers, and count the wrong verdicts.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`. What is labelled fake is skipped, with a note.
    out : str or Path, optional
        Gets ``false_alarms.{csv,json,png,pdf}``, ``worst.csv``, ``scores.csv``, ``manifest.json``, and ``cells/`` with
        the scores after each carrier, written when they are all made.
    weights, calibration, device
        As for `open_detector`.
    carriers : sequence of str
        As for `chosen_carriers`; default files as they are, and every carrier.
    limit : int, optional
        At most so many images of each source and label, the first ones.
    jobs : int
        Carriers that are scored at the same time, in threads. Results do not depend on it.
    engine : str
        As for `score_files`.
    resume : bool
        Continue with what is in `out`.
    command : str, optional
        The command line, for the manifest.
    progress : bool
        Show progress bars.

    Returns
    -------
    FalseAlarms
    tuple of str
        What was left out.

    Raises
    ------
    ValueError, FileNotFoundError
        No photograph, none that could be scored; as `index_sources`, `chosen_carriers`, `open_detector`,
        `claim_folder`.
    """
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
    tables = _score_all(records, detector, chosen, cells, jobs, engine, progress)
    failures = _failures(records, tables)
    result = count_false_alarms(tables, failures=failures, work={**work, "verdicts_from": detector.thresholds.source})
    if out is not None:
        _save(result, Path(out), limit, command)
    return result, tuple(notes)


def _photographs(records: Sequence[ImageRecord], notes: list[str]) -> list[ImageRecord]:
    real = [record for record in records if record.label != "fake"]
    if not real:
        raise ValueError("there is no photograph in the sources: all images are labelled fake")
    if len(real) < len(records):
        notes.append(f"images labelled fake are no photographs, skipped: {len(records) - len(real)}")
    unknown = sum(record.label == "unknown" for record in real)
    if unknown:
        notes.append(f"images of unknown label, taken for photographs: {unknown}")
    return real


def _score_all(
    records: Sequence[ImageRecord],
    detector: CalibratedDetector,
    carriers: dict[str, Perturbation | None],
    cells: Path | None,
    jobs: int,
    engine: str,
    progress: bool,
) -> dict[str, ScoreTable]:
    """Score carrier by carrier; those whose table is there are not scored again."""
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    bar = progress and jobs == 1

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
                engine=engine,  # type: ignore[arg-type]  # checked there
                progress=f"{number} {name}" if bar else None,
            )
            if cell is not None and table.scores:
                table.save(cell)
            tables[name] = table
        return tables

    if jobs == 1:  # the libraries' own threads are the faster ones then
        return score(list(carriers.items()))
    return map_reduce(
        list(carriers.items()),
        score,
        lambda first, second: first | second,
        workers=jobs,
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


def _save(result: FalseAlarms, out: Path, limit: int | None, command: str | None) -> None:
    from freqforensics import figures

    inputs: dict[str, Any] = {
        **result.work,
        "photographs": len({s.path for t in result.tables.values() for s in t.scores}),
    }
    shown = manifest({"limit": limit}, inputs=inputs, also=DETECTOR_LIBRARIES)
    drop_manifest(out)
    result.save(out)
    figure = figures.plot_false_alarms(result, fig=figures.new_figure())
    for suffix in (".png", ".pdf"):
        figures.save_figure(figure, out / f"false_alarms{suffix}", manifest=shown)
    write_json(out / "manifest.json", {**shown, "command": command})
