"""From sources and weights to folders of tables and figures: evaluation, robustness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.evaluation import (
    SWEEPS,
    WAYS,
    Evaluation,
    PhotographScores,
    Robustness,
    are_miniatures,
    decision_threshold,
    evaluate_tables,
    score_ways,
    sweep_robustness,
)
from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.evaluation.ways import AS_IS, check_ways
from freqforensics.regions.views import DEFAULT_CROP
from freqforensics.runtime.destinations import check_result_folder
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import drop_manifest, scratch_folder
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import first_of_each
from freqforensics.sources.sources import index_sources
from freqforensics.training.recipe import TrainConfig

Failures = tuple[tuple[str, str], ...]
Notes = tuple[str, ...]


def evaluate_sources(
    sources: Sequence[str | Path],
    out: str | Path | None,
    *,
    weights: Sequence[str | Path],
    crop: str = DEFAULT_CROP,
    ways: Sequence[str] | None = None,
    photographs: Sequence[str | Path] = (),
    calibration: str | Path | Sequence[str | Path] | None = None,
    validation: Sequence[str | Path] = (),
    limit: int | None = None,
    resamples: int = 1000,
    device: str = "cpu",
    engine: str = "torch",
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> tuple[Evaluation, Notes, Failures]:
    """Score the images of some sources with one or several detectors, and say what they are worth.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`.
    out : str or Path, optional
        Gets ``evaluation.{json,csv}``, ``ap.{png,pdf}``, ``scores.csv`` and ``scores-<way>.csv`` (of several detectors
        with ``-<n>``), ``scores-photographs.csv`` where they were given, and ``manifest.json``.
    weights : sequence of str or Path
        As for `find_weights`; several are runs of one recipe.
    crop, device, engine
        As for `score_files` and `open_detector`.
    ways : sequence of str, optional
        Of `WAYS`: how the images are scored. Default all for crop "views", otherwise files as they are.
    photographs : sequence of str or Path
        Photographs to take thresholds from, as they are; what is labelled fake is skipped. Default those that the first
        detector is calibrated on, for crop "views".
    calibration : str, Path or several, optional
        Of the first detector, as for `open_detector`.
    validation : sequence of str or Path
        Images to fit threshold and temperature on.
    limit : int, optional
        The first so many images of each generator and label.
    resamples : int
        Ignored, as in `evaluate_tables`.
    command : str, optional
    overwrite : bool
        As for `result_folder`.
    progress : bool

    Returns
    -------
    Evaluation
    tuple of str
        What indexing left out, and what could not be evaluated.
    tuple of (str, str)
        Path and reason of every file that could not be scored.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources`, `open_detector`, `score_ways`, `evaluate_tables`, `result_folder`.
    """
    if out is not None:
        check_result_folder(out, overwrite=overwrite)
    if ways is None:
        ways = tuple(WAYS) if crop == DEFAULT_CROP else (AS_IS,)
    check_ways(ways)
    if not weights:
        raise ValueError("weights must not be empty")
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    notes += serious_confounds(records)
    others = index_sources(validation, on_note=notes.append) if validation else []
    options: dict[str, Any] = {"crop": crop, "engine": engine}
    found = _Scored({way: [] for way in ways})
    population: PhotographScores | None = None
    threshold: tuple[float, str] | None = None
    for number, name in enumerate(weights, 1):
        detector = open_detector(name, calibration=calibration if number == 1 else None, device=device)
        if number == 1:
            threshold = decision_threshold(detector)
            if others:
                found.validation = score_files(others, detector, progress="validation" if progress else None, **options)
            if photographs:
                found.photographs = _photographs(photographs, detector, notes, options, progress)
                name_of = ", ".join(str(place) for place in photographs)
                population = PhotographScores.of_table(found.photographs, name=name_of)
            elif crop == DEFAULT_CROP and detector.calibration is not None:
                population = PhotographScores.of_calibration(detector.calibration)
        bar = f"detector {number} of {len(weights)}" if progress else None
        for way, table in score_ways(records, detector, ways, progress=bar, **options).items():
            found.tables[way].append(table)
    miniatures = are_miniatures(records)
    evaluations = [
        evaluate_tables(
            found.tables[way],
            validation=found.validation,
            threshold=threshold,
            photographs=population,
            way=way,
            resamples=resamples,
            miniatures=miniatures,
        )
        for way in ways
    ]
    evaluation = replace(evaluations[0], others=tuple(evaluations[1:]))
    summary = evaluation.summary()
    if out is not None:
        inputs = {"weights": list(evaluation.weights), "images": len(found.tables[ways[0]][0].scores)}
        inputs["photographs"] = summary["photographs"]
        asked = {"crop": crop, "ways": list(ways), "threshold": summary["threshold"], "limit": limit}
        shown = manifest(asked, inputs=inputs, also=DETECTOR_LIBRARIES)
        _write_evaluation(evaluation, found.named(), out, shown, command=command, overwrite=overwrite)
    notes += [f"{one['generator']} {one['reason']}: left out" for one in summary["left_out"]]
    if summary["cannot_judge"]:
        notes.append(f"images that cannot be judged, left out of metrics: {summary['cannot_judge']}")
    return evaluation, tuple(notes), found.failures()


@dataclass
class _Scored:
    """Tables of an evaluation: by way, one for each detector; of other images, by the first."""

    tables: dict[str, list[ScoreTable]]
    validation: ScoreTable | None = None
    photographs: ScoreTable | None = None

    def named(self) -> dict[str, ScoreTable]:
        """Give the tables by the names of their files."""
        names: dict[str, ScoreTable] = {}
        for index, (way, tables) in enumerate(self.tables.items()):
            stem = "scores" if index == 0 else f"scores-{way}"
            for number, table in enumerate(tables, 1):
                names[f"{stem}-{number}" if len(tables) > 1 else stem] = table
        return names if self.photographs is None else {**names, "scores-photographs": self.photographs}

    def failures(self) -> Failures:
        """Give path and reason of each file that could not be scored, once."""
        tables = [tables[0] for tables in self.tables.values()]
        tables += [table for table in (self.validation, self.photographs) if table is not None]
        failures: dict[str, str] = {}
        for path, reason in (failure for table in tables for failure in table.failures):
            failures.setdefault(path, reason)
        return tuple(failures.items())


def _photographs(
    sources: Sequence[str | Path],
    detector: CalibratedDetector,
    notes: list[str],
    options: dict[str, Any],
    progress: bool,
) -> ScoreTable:
    records = [record for record in index_sources(sources, on_note=notes.append) if record.label != "fake"]
    if not records:
        raise ValueError(f"there is no photograph in {', '.join(map(str, sources))}: all images are labelled fake")
    return score_files(records, detector, progress="photographs" if progress else None, **options)


def baseline_sources(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    photos: Sequence[str | Path],
    crop: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    resamples: int = 1000,
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> tuple[dict[str, Evaluation], Notes, Failures]:
    """Score the images of some sources by what needs no network, and say what that is worth.

    Parameters
    ----------
    sources, limit, resamples, overwrite, progress
        As for `evaluate_sources`.
    out : str or Path
        Gets a folder for each baseline, as `evaluate_sources` writes it.
    photos : sequence of str or Path
        What the classifier of radial profiles is fitted to: photographs, and fakes of them (`fit_profiles`).
    crop : int, optional
        As for `score_baseline`.
    seed : int
    command : str, optional

    Returns
    -------
    dict of str to Evaluation
        ``"lattice-test"`` and ``"radial-profile"``.
    tuple of str
        As for `evaluate_sources`.
    tuple of (str, str)
        Path and reason of every file that could not be scored by one of them.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources`, `fit_profiles`, `evaluate_tables`, `result_folder`.
    """
    from freqforensics.training.baselines import LATTICE, PROFILE, fit_profiles, lattice_logit, score_baseline

    check_result_folder(out, overwrite=overwrite)
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    config = TrainConfig(
        tuple(map(str, photos)), simulate=("miniature", "polyphase"), crop=64, recipe="laundering", seed=seed
    )
    classifier = fit_profiles(config, progress="fitting profiles" if progress else None)
    found: dict[str, Evaluation] = {}
    failures: list[tuple[str, str]] = []
    with scratch_folder(out, overwrite=overwrite) as made:
        for name, logit in ((LATTICE, lattice_logit), (PROFILE, classifier.logit)):
            table = score_baseline(records, logit, name=name, crop=crop, progress=name if progress else None)
            evaluation = evaluate_tables([table], resamples=resamples, miniatures=are_miniatures(records))
            inputs = {"photos": classifier.images, "images": len(table.scores)}
            shown = manifest({"baseline": name, "crop": crop, "limit": limit}, inputs=inputs, seed=seed)
            _write_evaluation(evaluation, {"scores": table}, made / name, shown, command=command, overwrite=False)
            found[name] = evaluation
            failures += table.failures
        about = manifest({"crop": crop, "limit": limit}, inputs={"images": len(records)}, seed=seed, command=command)
        write_json(made / "manifest.json", about)
    return found, tuple(notes), tuple(failures)


def _write_evaluation(
    evaluation: Evaluation,
    tables: Mapping[str, ScoreTable],
    out: str | Path,
    shown: dict[str, Any],
    *,
    command: str | None,
    overwrite: bool,
) -> None:
    """Write an evaluation's folder."""
    from freqforensics import figures

    with scratch_folder(out, overwrite=overwrite) as made:
        evaluation.save(made)
        for name, table in tables.items():
            table.save(made / f"{name}.csv")
        _draw(figures.plot_evaluation(evaluation, fig=figures.new_figure()), made / "ap", shown)
        write_json(made / "manifest.json", {**shown, "command": command})


def sweep_sources(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    weights: str | Path,
    sweeps: Sequence[str] = tuple(SWEEPS),
    limit: int | None = None,
    device: str = "cpu",
    calibration: str | Path | Sequence[str | Path] | None = None,
    command: str | None = None,
    **options: Any,
) -> tuple[Robustness, Notes]:
    """Score the images of some sources under perturbations of growing strength.

    Parameters
    ----------
    sources, limit, weights, device, calibration
        As for `evaluate_sources`; one detector.
    out : str or Path
        Gets ``robustness.{csv,png,pdf}``, ``manifest.json``, and what `sweep_robustness` leaves.
    sweeps : sequence of str
    command : str, optional
    options
        As for `sweep_robustness`.

    Returns
    -------
    Robustness
    tuple of str
        What indexing left out.

    Raises
    ------
    ValueError, FileNotFoundError
        As `evaluate_sources` and `sweep_robustness`.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    detector = open_detector(weights, calibration=calibration, device=device)
    result = sweep_robustness(records, detector, out, sweeps=sweeps, miniatures=are_miniatures(records), **options)
    from freqforensics import figures

    shown = manifest({}, inputs=result.work, also=DETECTOR_LIBRARIES)
    drop_manifest(out)
    result.save(out)
    _draw(figures.plot_robustness(result, fig=figures.new_figure()), Path(out) / "robustness", shown)
    write_json(Path(out) / "manifest.json", {**shown, "command": command})
    return result, tuple(notes)


def _draw(figure: Any, path: Path, shown: dict[str, Any]) -> None:
    from freqforensics import figures

    for suffix in (".png", ".pdf"):
        figures.save_figure(figure, path.with_suffix(suffix), manifest=shown)
