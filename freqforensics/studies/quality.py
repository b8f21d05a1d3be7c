"""Sources and weights -> logits beside scores of quality -> a folder of tables and figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any, Final

import cv2

from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.calibrated import CalibratedDetector, open_detector
from freqforensics.detector.verdict import IN_WORDS
from freqforensics.detector.weights import DEFAULT
from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.images import read_image
from freqforensics.quality.association import Association
from freqforensics.quality.fakeness import FakenessStudy, study_fakeness
from freqforensics.quality.pooling import Summary
from freqforensics.quality.scores import SCORES, QualityScore, measure_quality
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.destinations import check_result_folder
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import write_json
from freqforensics.sources.records import ImageRecord, first_of_each
from freqforensics.sources.sources import index_sources

Failures = tuple[tuple[str, str], ...]

_THUMBNAIL: Final = 256


def relate_quality(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    weights: str | Path = DEFAULT,
    logits: str | Path | None = None,
    threshold: float | None = None,
    clusters: Mapping[str, object] | None = None,
    scores: Sequence[QualityScore | str] = tuple(SCORES),
    view: str = DEFAULT_VIEW,
    limit: int | None = None,
    resamples: int = 1000,
    permutations: int = 1999,
    seed: int = 0,
    device: str = "cpu",
    backend: str = "torch",
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> tuple[FakenessStudy, Failures]:
    """Ask whether a detector's fakeness follows images' quality, generator by generator.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`.
    out : str or Path, optional
        Gets ``images.csv`` (facts, scores, logit, verdict), ``associations.csv``, ``summaries.csv``, ``least.csv``,
        ``quality.json``, ``forest``, ``percentiles``, ``least`` and ``scatter-<score>`` as PNG and PDF, and
        ``manifest.json``.
    weights : str or Path
        As for `open_detector`; not used where `logits` is given.
    logits : str or Path, optional
        A table that ``score`` wrote, of these images or more.
    threshold : float, optional
        Logit above which an image is called fake. Default the upper threshold of `weights`; of `logits` that of the
        weights that ship, if they made them, otherwise 0.
    clusters : mapping of str to object, optional
        As for `study_fakeness`.
    scores : sequence of QualityScore or str
        As for `measure_quality`: names, or functions of one's own through `as_score`.
    view, device, backend
        As for `score_files`.
    limit : int, optional
        The first so many images of each generator and label.
    resamples, permutations, seed
        As for `associate`.
    command : str, optional
    overwrite : bool
        As for `result_folder`.
    progress : bool

    Returns
    -------
    FakenessStudy
    tuple of (str, str)
        Path and reason of every file that could not be read or scored.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources`, `open_detector`, `measure_quality`, `study_fakeness`, `result_folder`.
    """
    if out is not None:
        check_result_folder(out, overwrite=overwrite)
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    notes += serious_confounds(records)
    opened: CalibratedDetector | None
    if logits is None:
        opened = open_detector(weights, device=device)
        options: dict[str, Any] = {"view": view, "backend": backend, "progress": "logits" if progress else None}
        scored = score_files(records, opened, **options)
    else:
        scored = _located(ScoreTable.load(logits), records, notes)
        opened = open_detector(DEFAULT)
        if {score.weights for score in scored.scores} != {opened.weights.sha256}:
            opened = None
    if threshold is None:
        threshold = 0.0 if opened is None else opened.thresholds.high
    if any(one.verdict for one in scored.scores):
        verdicts = Counter(one.verdict for one in scored.scores)
        notes.append("verdicts: " + ", ".join(f"{IN_WORDS[name]} {verdicts[name]}" for name in IN_WORDS))
    notes.append(f"an image is called fake above a logit of {threshold:+.3f}")
    quality = measure_quality(records, scores, progress="quality" if progress else None)
    study = study_fakeness(
        scored,
        quality,
        threshold=threshold,
        clusters=clusters,
        resamples=resamples,
        permutations=permutations,
        seed=seed,
    )
    notes += [f"{name}: no value for {count} images ({reason})" for name, count, reason in quality.missing]
    study = replace(study, notes=(*notes, *study.notes))
    failures = tuple(dict([*quality.failures, *scored.failures]).items())
    if out is not None:
        labels = {score.name: score.label for score in map(_as_known, scores)}
        shown = manifest(
            {
                "crop": view,
                "limit": limit,
                "threshold": threshold if math.isfinite(threshold) else None,
                "scores": list(labels),
                "seed": seed,
            },
            inputs={
                "images": len(study.logits),
                "cannot_judge": study.cannot_judge,
                "weights": sorted({one.weights for one in scored.scores}),
            },
            seed=seed,
            also=DETECTOR_LIBRARIES,
        )
        _save(study, labels, Path(out), shown, command, overwrite)
    return study, failures


def _located(table: ScoreTable, records: Sequence[ImageRecord], notes: list[str]) -> ScoreTable:
    """Give a table's rows the paths that records have; notes get what one has and the other has not."""
    rows = {Path(score.path).resolve(): score for score in table.scores}
    found = [(record, rows.get(record.path.resolve())) for record in records]
    kept = tuple(replace(score, path=str(record.path)) for record, score in found if score is not None)
    if len(kept) < len(found):
        notes.append(f"{len(found) - len(kept)} of {len(found)} images are not in the table of logits: left out")
    return ScoreTable(kept, table.failures)


def _as_known(score: QualityScore | str) -> QualityScore:
    return SCORES[score] if isinstance(score, str) else score


def _number(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "; ".join(map(str, value)) if isinstance(value, tuple) else value


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    write_csv(path, header, ([_number(value) for value in row] for row in rows))


def _save(
    study: FakenessStudy,
    labels: dict[str, str],
    out: Path,
    shown: dict[str, Any],
    command: str | None,
    overwrite: bool,
) -> None:
    from freqforensics.figures.quality import plot_forest, plot_least, plot_percentiles, plot_scatter
    from freqforensics.figures.style import new_figure, save_figure

    def draw(folder: Path, name: str, plot: Any, *arguments: Any) -> None:
        figure = new_figure()
        plot(study, *arguments, fig=figure)
        for suffix in (".png", ".pdf"):
            save_figure(figure, folder / f"{name}{suffix}", manifest=shown)

    with scratch_folder(out, overwrite=overwrite) as folder:
        write_json(folder / "quality.json", study.to_json())
        _table(
            folder / "images.csv",
            ("path", "generator", "label", "width", "height", "format", "jpeg_quality", *study.quality.scores, "logit",
             "verdict"),
            (
                (row.path, row.generator, label, row.width, row.height, row.format,
                 "" if row.jpeg_quality is None else row.jpeg_quality, *row.values, float(logit), verdict)
                for row, label, logit, verdict in zip(
                    study.quality.rows, study.labels, study.logits, study.verdicts, strict=True
                )
            ),
        )  # fmt: skip
        found = study.associations
        _table(folder / "associations.csv", [field.name for field in fields(Association)], map(astuple, found.tests))
        _table(
            folder / "summaries.csv",
            ["partial", *(field.name for field in fields(Summary))],
            [(False, *astuple(one)) for one in found.summaries]
            + [(True, *astuple(one)) for one in found.partial_summaries],
        )
        _table(
            folder / "least.csv",
            ("generator", "k", "expected", "low", "high", "evades"),
            ((name, *astuple(one)) for name, least in study.least.items() for one in least),
        )
        draw(folder, "forest", plot_forest, labels)
        if study.least:
            pictures = {
                path: _thumbnail(path) for chosen in study.percentile_images().values() for _, path, _ in chosen
            }
            draw(folder, "percentiles", plot_percentiles, pictures)
            draw(folder, "least", plot_least)
        for score in study.scores:
            draw(folder, f"scatter-{score}", plot_scatter, score, labels.get(score, "JPEG quality"))
        write_json(folder / "manifest.json", {**shown, "command": command})


def _thumbnail(path: Path) -> Any:
    """The middle square of an image, at most 256 pixels a side."""
    image = read_image(path, on_note=lambda note: None)
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    square = image[top : top + side, left : left + side]
    if side <= _THUMBNAIL:
        return square
    return cv2.resize(square, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
