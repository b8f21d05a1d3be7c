"""Sources and weights -> a table of scores, one row for each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.resnet import Detector
from freqforensics.detector.score_parquet import is_parquet
from freqforensics.detector.score_parts import score_parts
from freqforensics.detector.weights import DEFAULT
from freqforensics.figures.drawings import Drawing, drawing
from freqforensics.perturbations.canvases import Region
from freqforensics.regions.views import DEFAULT_VIEW
from freqforensics.runtime.destinations import check_result_file, errors_name
from freqforensics.runtime.executors import end_of_passes
from freqforensics.runtime.results import Skipped
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.records import first_of_each
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import index_sources

_VERDICTS: Final = {
    "evidence": "evidence",
    "inconclusive": "inconclusive",
    "none": "none",
    "cannot-judge": "cannot_judge",
}
"""Verdicts, and the names of their counts."""


@dataclass(frozen=True, repr=False)
class ScoreStudy(Drawn):
    """Scores of the images of some sources.

    Parameters
    ----------
    table : ScoreTable
        A row for each image that could be read.
    verdicts_from : str
        Origin of the verdicts, or why there are none, in words.
    notes : tuple of str
        Files that indexing skipped or found ambiguous.
    """

    table: ScoreTable
    verdicts_from: str
    notes: tuple[str, ...]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every file that could not be scored."""
        return tuple(Skipped(*failure) for failure in self.table.failures)

    def groups(self) -> list[dict[str, Any]]:
        """Count images, and verdicts or, where there are none, logits above 0, by generator and label."""
        rows: dict[tuple[str, str], list[Any]] = {}
        for score in self.table.scores:
            rows.setdefault((score.generator, score.label), []).append(score)
        groups = []
        for (generator, label), scores in sorted(rows.items()):
            logits = [score.logit for score in scores if score.judged]
            mean = sum(logits) / len(logits) if logits else None
            group = {"generator": generator, "label": label, "images": len(scores), "mean_logit": mean}
            if any(score.verdict for score in scores):
                counts = Counter(score.verdict for score in scores)
                group |= {name: counts[verdict] for verdict, name in _VERDICTS.items()}
            else:
                group["above_0"] = sum(logit > 0 for logit in logits)
            groups.append(group)
        return groups

    def to_json(self) -> dict[str, Any]:
        """Give the origin of the verdicts and the counts by group, as JSON values."""
        return {"verdicts_from": self.verdicts_from, "groups": self.groups()}

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figure that Jupyter shows; `save` writes none."""
        from freqforensics.figures.score import plot_scores

        return (drawing("scores", plot_scores, self.table),) if any(score.judged for score in self.table.scores) else ()

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write the table, a CSV file; a table has no manifest.

        Parameters
        ----------
        out : str or Path
            A file.
        command : str, optional
            Not used: the table has no manifest.
        overwrite : bool
            Replace a file that exists.

        Raises
        ------
        ValueError
            `out` exists and `overwrite` is not given, or cannot be written.
        """
        check_result_file(out, overwrite=overwrite, hint="overwrite must be set to replace it")
        self.table.save(out)

    @classmethod
    def load(cls, path: str | Path) -> ScoreStudy:
        """Read the file that `save` wrote; notes, and the files that a CSV file lacks, are not in it.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        ScoreStudy
            The study, with what the file holds.

        Raises
        ------
        ValueError
            It is no such file.
        OSError
            It cannot be read.
        """
        return cls(ScoreTable.load(path), f"stored in {Path(path).name}", ())


def score_study(
    sources: SourcesLike,
    *,
    weights: str | Path | Detector = DEFAULT,
    view: str = DEFAULT_VIEW,
    region: Region | None = None,
    calibration: str | Path | Sequence[str | Path] | None = None,
    limit: int | None = None,
    device: str = "auto",
    backend: str = "torch",
    batch: int = 16,
    workers: int | None = None,
    salvage: bool = False,
    out: str | Path | None = None,
    progress: bool = False,
) -> ScoreStudy:
    """Score the images of some sources.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables of images, see `index_sources`.
    weights : str, Path or Detector
        File or name of weights, see `find_weights`; or a detector, such as `wrap` gives.
    view : str
        Part of an image that is scored, see `score_files`.
    region : (int, int, int, int), optional
        x, y, width and height of the part of every image to score with view "views".
    calibration : str, Path or several, optional
        Calibrations of your own photographs, see `open_detector`.
    limit : int, optional
        At most this many images of each generator and label.
    device : str
        Device that torch computes on: "auto", "cpu", "cuda", "mps", ...
    backend, batch, workers, salvage
        How images are read and scored, see `score_files`.
    out : str or Path, optional
        A CSV file to which rows are added as images are scored. Images that have a row are not scored again. With the
        suffix ``.parquet`` it is a folder of files, each written when its records are scored, see `score_parts`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ScoreStudy
        The table of scores, and what could not be read.

    Raises
    ------
    ValueError, FileNotFoundError
        A source or weights that do not exist, a parameter out of range, or a file at `out` that is not a table of
        scores by these weights.
    """
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    detector = open_detector(weights, calibration=calibration, device=device)
    options: dict[str, Any] = {"view": view, "region": region, "backend": backend, "batch": batch, "workers": workers}
    options |= {"salvage": salvage, "progress": "score" if progress else None}
    if out is None:
        table = score_files(records, detector, **options)
    elif is_parquet(out):
        table = score_parts(records, detector, out, **options)
    else:
        with errors_name(Path(out), Path(out)):
            table = score_files(records, detector, out=out, **options)
    end_of_passes()
    origin = detector.thresholds.source if view == DEFAULT_VIEW else f"view {view!r} has no verdicts"
    return ScoreStudy(table, origin, tuple(notes))
