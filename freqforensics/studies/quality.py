"""Sources and weights -> logits beside scores of quality."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.calibration import Calibration
from freqforensics.detector.score_table import ScoreTable
from freqforensics.detector.verdict import IN_WORDS
from freqforensics.detector.weights import DEFAULT, SHELF
from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.images import read_image
from freqforensics.quality.association import Association
from freqforensics.quality.fakeness import FakenessByQuality, fakeness_by_quality
from freqforensics.quality.pooling import Summary
from freqforensics.quality.ranks import check_resampling
from freqforensics.quality.scores import SCORES, QualityScore, chosen_scores, measure_quality
from freqforensics.regions.kinds import ImageKind
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.executors import end_of_passes
from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.records import ImageRecord, first_of_each
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.shared import real_sides
from freqforensics.sources.sources import index_sources
from freqforensics.storage.locations import as_path

if TYPE_CHECKING:
    from freqforensics.detector.resnet import Detector
    from freqforensics.report.builder import Report

_THUMBNAIL: Final = 256


@dataclass(frozen=True, eq=False, repr=False)
class QualityStudy(Drawn):
    """Associations of the logits of a detector with the quality of images.

    Parameters
    ----------
    fakeness : FakenessByQuality
        Logits, scores and their associations, as figures take them.
    labels : dict of str to str
        Labels of the scores in figures, by name.
    pictures : dict of Path to ndarray of uint8
        Squares of the images that `FakenessByQuality.percentile_images` names, at most 256 pixels a side.
    notes : tuple of str
        What was skipped, and what may mislead.
    skipped : tuple of Skipped
        Every file that could not be read or scored.
    parameters : dict
        Parameters of the study, JSON values.
    weights : tuple of str
        SHA-256 of the weights that made the logits.
    seed : int
        Random seed.
    """

    fakeness: FakenessByQuality
    labels: Mapping[str, str]
    pictures: Mapping[Path, NDArray[np.uint8]]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    parameters: Mapping[str, Any]
    weights: tuple[str, ...]
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Give everything but the images' own rows as JSON values."""
        return {**self.fakeness.to_json(), "notes": list(self.notes)}

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.quality import (
            plot_forest,
            plot_least,
            plot_percentiles,
            plot_scatter,
            scattered_generators,
        )

        fakeness = self.fakeness
        drawings = [drawing("forest", plot_forest, fakeness, self.labels)]
        if fakeness.least:
            drawings.append(drawing("percentiles", plot_percentiles, fakeness, self.pictures))
            drawings.append(drawing("least", plot_least, fakeness))
        for score in (score for score in fakeness.scores if scattered_generators(fakeness, score)):
            label = self.labels.get(score, "JPEG quality")
            drawings.append(drawing(f"scatter-{score}", plot_scatter, fakeness, score, label))
        return tuple(drawings)

    def report(self, pictures: Mapping[str, bytes]) -> Report:
        """Give the page that `save` writes, of the PNG files of `drawings` by name.

        Parameters
        ----------
        pictures : mapping of str to bytes
            PNG files of `drawings`, by name.
        """
        from freqforensics.report.study_pages import quality_page

        return quality_page(self.fakeness, self.labels, self.notes, self.skipped, pictures)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write a page, tables (CSV), ``quality.json``, figures (PNG and PDF) and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            A folder; see `result_folder` for what becomes of one that exists. It gets ``index.html``;
            ``images.csv`` (facts, scores, logit, verdict), ``associations.csv``, ``summaries.csv`` and ``least.csv``;
            ``forest``, ``percentiles``, ``least``, and ``scatter-<score>`` of every score that some image has.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        from freqforensics.report.study_pages import read_pictures

        fakeness, associations = self.fakeness, self.fakeness.associations
        inputs = {
            "images": len(fakeness.logits),
            "cannot_judge": fakeness.cannot_judge,
            "weights": sorted(self.weights),
        }
        about = manifest(
            self.parameters, inputs={**inputs, **real_sides(self.notes)}, seed=self.seed, also=DETECTOR_LIBRARIES
        )
        tables: dict[str, tuple[Sequence[str], Iterable[Sequence[object]]]] = {
            "images": ((*_FACTS, *fakeness.quality.scores, "logit", "verdict"), _image_rows(fakeness)),
            "associations": ([field.name for field in fields(Association)], map(astuple, associations.tests)),
            "summaries": (
                ["partial", *(field.name for field in fields(Summary))],
                [(False, *astuple(summary)) for summary in associations.summaries]
                + [(True, *astuple(summary)) for summary in associations.partial_summaries],
            ),
            "least": (
                ("generator", "k", "expected", "low", "high", "evades"),
                ((name, *astuple(least)) for name, choices in fakeness.least.items() for least in choices),
            ),
        }
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            folder.json("quality.json", self.to_json())
            for name, (header, rows) in tables.items():
                folder.table(f"{name}.csv", header, ([_cell(value) for value in row] for row in rows))
            save_drawings(folder, self.drawings)
            folder.text("index.html", self.report(read_pictures(folder)).render())


_FACTS: Final = ("path", "generator", "label", "width", "height", "format", "jpeg_quality")


def _image_rows(fakeness: FakenessByQuality) -> Iterator[Sequence[object]]:
    columns = zip(fakeness.quality.rows, fakeness.labels, fakeness.logits, fakeness.verdicts, strict=True)
    for row, label, logit, verdict in columns:
        jpeg_quality = "" if row.jpeg_quality is None else row.jpeg_quality
        facts = row.path, row.generator, label, row.width, row.height, row.format, jpeg_quality
        yield *facts, *row.values, float(logit), verdict


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "; ".join(map(str, value)) if isinstance(value, tuple) else value


def quality_study(
    sources: SourcesLike,
    *,
    weights: str | Path | Detector = DEFAULT,
    logits: str | Path | None = None,
    threshold: float | None = None,
    clusters: Mapping[str, object] | None = None,
    scores: Sequence[QualityScore | str] = tuple(SCORES),
    view: str = DEFAULT_VIEW,
    limit: int | None = None,
    bootstrap: int = 1000,
    permutations: int = 1999,
    seed: int = 0,
    device: str = "auto",
    backend: str = "torch",
    batch: int = 16,
    workers: int | None = None,
    progress: bool = False,
) -> QualityStudy:
    """Test whether the logits of a detector follow the quality of images, for each generator.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables, see `index_sources`.
    weights : str, Path or Detector
        Weights, by name or file; not used where `logits` is given.
    logits : str or Path, optional
        A table that ``score`` wrote, of these images or more.
    threshold : float, optional
        Logit above which an image is called fake. Default the upper threshold of `weights`; with `logits` that of the
        weights that ship, if they made them, otherwise 0.
    clusters : mapping of str to object, optional
        Cluster of each image, by absolute path. Images of one cluster, such as copies, are not independent. Default:
        all are.
    scores : sequence of QualityScore or str
        Scores of quality: names of `SCORES`, or your own functions through `as_score`.
    view : {"views", "center", "none", "tiles", "resize"}
        Part of an image that is scored; see `score_files`.
    limit : int, optional
        Maximum number of images of each generator and label; the first are taken.
    bootstrap : int
        Number of bootstrap samples, 2 or more.
    permutations : int
        Number of permutations for p-values.
    seed : int
        Random seed, for both.
    device : str
        Device of torch: "auto", "cpu", "cuda", ...
    backend : {"torch", "onnx"}
        Library that runs the network.
    batch : int
        Number of images of one size that are scored together.
    workers : int, optional
        Number of threads that measure quality and test its relation to the logits; default all processors.
    progress : bool
        Show bars for what takes over two seconds, on a terminal.

    Returns
    -------
    QualityStudy
        Correlations of every generator and score, and their means.

    Raises
    ------
    ValueError
        No image has both a logit and scores of quality, or a parameter is out of range.
    FileNotFoundError
        A source, the table or the weights do not exist.
    """
    check_resampling("bootstrap", bootstrap)
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    notes += serious_confounds(records)
    if logits is None:
        from freqforensics.detector import open_detector, score_files
        from freqforensics.runtime.device import chosen_device

        opened = open_detector(weights, device=chosen_device(device))
        options: dict[str, Any] = {"view": view, "backend": backend, "batch": batch}
        scored = score_files(records, opened, progress="logits" if progress else None, **options)
        high = opened.thresholds.high
    else:
        scored = _located(ScoreTable.load(logits), records, notes)
        high = _high_threshold({score.weights for score in scored.scores})
    if threshold is None:
        threshold = high
    if any(score.verdict for score in scored.scores):
        verdicts = Counter(score.verdict for score in scored.scores)
        notes.append("verdicts: " + ", ".join(f"{IN_WORDS[name]} {verdicts[name]}" for name in IN_WORDS))
    notes.append(f"an image is called fake above a logit of {threshold:+.3f}")
    quality = measure_quality(records, scores, workers=workers, progress="quality" if progress else None)
    end_of_passes()
    fakeness = fakeness_by_quality(
        scored,
        quality,
        threshold=threshold,
        clusters=clusters,
        resamples=bootstrap,
        permutations=permutations,
        seed=seed,
        workers=workers,
    )
    notes += [f"{name}: no value for {count} images ({reason})" for name, count, reason in quality.missing]
    labels = {score.name: score.label for score in chosen_scores(scores)}
    percentiles = fakeness.percentile_images().values() if fakeness.least else ()
    return QualityStudy(
        fakeness,
        labels,
        {path: _thumbnail(path) for images in percentiles for _, path, _ in images},
        notes=(*notes, *fakeness.notes),
        skipped=tuple(Skipped(*failure) for failure in dict([*quality.failures, *scored.failures]).items()),
        parameters={
            "crop": view,
            "limit": limit,
            "threshold": threshold if math.isfinite(threshold) else None,
            "scores": list(labels),
            "seed": seed,
        },
        weights=tuple({score.weights for score in scored.scores}),
        seed=seed,
    )


def _high_threshold(weights: set[str]) -> float:
    """Give the upper threshold of the weights that ship if they alone made the logits, otherwise 0; without torch."""
    shipped = Calibration.load(SHELF / f"{DEFAULT}.npz")
    return shipped.thresholds(ImageKind()).high if weights == {shipped.weights} else 0.0


def _located(table: ScoreTable, records: Sequence[ImageRecord], notes: list[str]) -> ScoreTable:
    """Give a table's rows the paths that records have; notes get what one has and the other has not."""
    rows = {as_path(score.path).resolve(): score for score in table.scores}
    pairs = [(record, rows.get(record.path.resolve())) for record in records]
    located = tuple(replace(score, path=str(record.path)) for record, score in pairs if score is not None)
    if len(located) < len(pairs):
        notes.append(f"{len(pairs) - len(located)} of {len(pairs)} images are not in the table of logits: left out")
    return ScoreTable(located, table.failures)


def _thumbnail(path: Path) -> NDArray[np.uint8]:
    """The middle square of an image, at most 256 pixels a side."""
    image = read_image(path, on_note=lambda note: None)
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    square = image[top : top + side, left : left + side]
    if side <= _THUMBNAIL:
        return square.copy()
    return np.asarray(cv2.resize(square, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA), np.uint8)
