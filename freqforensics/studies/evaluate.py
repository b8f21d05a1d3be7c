"""Sources and weights -> metrics of detectors, generator by generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.detector.resnet import Detector
from freqforensics.detector.weights import DEFAULT
from freqforensics.evaluation import (
    WAYS,
    Evaluation,
    PhotographScores,
    are_miniatures,
    decision_threshold,
    evaluate_tables,
    score_ways,
)
from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.evaluation.ways import AS_IS, check_ways
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.records import first_of_each
from freqforensics.sources.selection import SourcesLike, listed_paths
from freqforensics.sources.shared import real_sides
from freqforensics.sources.sources import index_sources


@dataclass(frozen=True, repr=False)
class EvaluationStudy(Drawn):
    """Metrics of one or several detectors on some sources, and the scores that they follow from.

    Parameters
    ----------
    evaluation : Evaluation
        Metrics by generator; its `others` are of the same images scored in other ways.
    tables : dict of str to ScoreTable
        Scores by the name of their file: ``scores``, ``scores-<way>`` (with ``-<n>`` of several detectors) and
        ``scores-photographs``.
    notes : tuple of str
        What indexing left out or found doubtful, and what could not be evaluated.
    skipped : tuple of Skipped
        Every file that could not be scored.
    parameters : dict
        Parameters of the study, JSON values.
    """

    evaluation: Evaluation
    tables: Mapping[str, ScoreTable]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    parameters: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give the summary and a row for each generator and way, as JSON values."""
        return {**self.evaluation.summary(), "generators": self.evaluation.rows()}

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.evaluate import plot_evaluation

        return (drawing("ap", plot_evaluation, self.evaluation),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``evaluation.{json,csv}``, ``ap.{png,pdf}``, the tables of scores and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            Folder for the results; an existing one is treated as by `result_folder`.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        summary = self.evaluation.summary()
        inputs = {
            "weights": list(self.evaluation.weights),
            "images": len(next(iter(self.tables.values())).scores),
            "photographs": summary["photographs"],
        }
        about = manifest(self.parameters, inputs={**inputs, **real_sides(self.notes)}, also=DETECTOR_LIBRARIES)
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            self.evaluation.save(folder.path)
            for name, table in self.tables.items():
                table.save(folder / f"{name}.csv")
            save_drawings(folder, self.drawings)


def evaluate_study(
    sources: SourcesLike,
    *,
    weights: Sequence[str | Path | Detector] = (DEFAULT,),
    view: str = DEFAULT_VIEW,
    ways: Sequence[str] | None = None,
    photographs: SourcesLike = (),
    calibration: str | Path | Sequence[str | Path] | None = None,
    validation: SourcesLike = (),
    limit: int | None = None,
    device: str = "auto",
    backend: str = "torch",
    batch: int = 16,
    workers: int | None = None,
    progress: bool = False,
) -> EvaluationStudy:
    """Score the images of some sources with one or several detectors, and compute metrics of the scores.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables of images, see `index_sources`.
    weights : sequence of str, Path or Detector
        Files or names of weights, see `find_weights`, or detectors of `wrap`; several are runs of one recipe.
    view : str
        Part of an image that is scored, see `score_files`.
    ways : sequence of str, optional
        Names of `WAYS`: how the images are scored. Default all for view "views", otherwise files as they are.
    photographs : Sources, str, Path, or sequence of str or Path
        Photographs whose scores give the thresholds. Images labelled fake are skipped. Default for view "views": those
        that the first detector is calibrated on.
    calibration : str, Path or several, optional
        Calibrations of your own photographs for the first detector, see `open_detector`.
    validation : Sources, str, Path, or sequence of str or Path
        Images to fit threshold and temperature on.
    limit : int, optional
        At most this many images of each generator and label.
    device : str
        Device that torch computes on: "auto", "cpu", "cuda", "mps", ...
    backend, batch, workers
        How images are scored, see `score_files`.
    progress : bool
        Show progress bars.

    Returns
    -------
    EvaluationStudy
        Metrics of every generator, with intervals.

    Raises
    ------
    ValueError, FileNotFoundError
        A source or weights do not exist, a parameter is out of range, or there is nothing to evaluate.
    """
    if ways is None:
        ways = tuple(WAYS) if view == DEFAULT_VIEW else (AS_IS,)
    check_ways(ways)
    if not weights:
        raise ValueError("weights must not be empty")
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    notes += serious_confounds(records)
    validation_records = index_sources(validation, on_note=notes.append) if validation else []
    options: dict[str, Any] = {"view": view, "backend": backend, "batch": batch, "workers": workers}
    tables: dict[str, list[ScoreTable]] = {way: [] for way in ways}
    validation_table: ScoreTable | None = None
    photograph_table: ScoreTable | None = None
    population: PhotographScores | None = None
    threshold: tuple[float, str] | None = None
    for number, name in enumerate(weights, 1):
        detector = open_detector(name, calibration=calibration if number == 1 else None, device=device)
        if number == 1:
            threshold = decision_threshold(detector)
            if validation_records:
                bar = "validation" if progress else None
                validation_table = score_files(validation_records, detector, progress=bar, **options)
            if photographs:
                photograph_table = _score_photographs(photographs, detector, notes, options, progress)
                population = PhotographScores.of_table(photograph_table, name=listed_paths(photographs))
            elif view == DEFAULT_VIEW and detector.calibration is not None:
                population = PhotographScores.of_calibration(detector.calibration)
        bar = f"detector {number} of {len(weights)}" if progress else None
        for way, table in score_ways(records, detector, ways, progress=bar, **options).items():
            tables[way].append(table)
    miniatures = are_miniatures(records)
    evaluations = [
        evaluate_tables(
            tables[way],
            validation=validation_table,
            threshold=threshold,
            photographs=population,
            way=way,
            miniatures=miniatures,
        )
        for way in ways
    ]
    evaluation = replace(evaluations[0], others=tuple(evaluations[1:]))
    summary = evaluation.summary()
    notes += [f"{row['generator']} {row['reason']}: left out" for row in summary["left_out"]]
    if summary["cannot_judge"]:
        notes.append(f"images that cannot be judged, left out of metrics: {summary['cannot_judge']}")
    first_tables = [tables[way][0] for way in ways]
    first_tables += [table for table in (validation_table, photograph_table) if table is not None]
    return EvaluationStudy(
        evaluation,
        _by_file(tables, photograph_table),
        tuple(notes),
        _skipped(first_tables),
        {"crop": view, "ways": list(ways), "threshold": summary["threshold"], "limit": limit},
    )


def _score_photographs(
    sources: SourcesLike,
    detector: CalibratedDetector,
    notes: list[str],
    options: dict[str, Any],
    progress: bool,
) -> ScoreTable:
    records = [record for record in index_sources(sources, on_note=notes.append) if record.label != "fake"]
    if not records:
        raise ValueError(f"there is no photograph in {listed_paths(sources)}: all images are labelled fake")
    return score_files(records, detector, progress="photographs" if progress else None, **options)


def _by_file(tables: Mapping[str, Sequence[ScoreTable]], photographs: ScoreTable | None) -> dict[str, ScoreTable]:
    """Name each table by its file."""
    names: dict[str, ScoreTable] = {}
    for index, (way, of_way) in enumerate(tables.items()):
        stem = "scores" if index == 0 else f"scores-{way}"
        for number, table in enumerate(of_way, 1):
            names[f"{stem}-{number}" if len(of_way) > 1 else stem] = table
    return names if photographs is None else {**names, "scores-photographs": photographs}


def _skipped(tables: Sequence[ScoreTable]) -> tuple[Skipped, ...]:
    """List each file that could not be scored, once."""
    reasons: dict[str, str] = {}
    for path, reason in (failure for table in tables for failure in table.failures):
        reasons.setdefault(path, reason)
    return tuple(Skipped(path, reason) for path, reason in reasons.items())
