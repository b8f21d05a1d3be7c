"""From image files to a table of logits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from tqdm import tqdm

from freqforensics.detector.calibrated import CalibratedDetector, known_detector
from freqforensics.detector.inference import Backend, make_scorer
from freqforensics.detector.resnet import Detector
from freqforensics.detector.score_chunks import score_chunks
from freqforensics.detector.score_table import AddingScores, ScoreTable, known_scores
from freqforensics.detector.scoring import AHEAD, WHOLE, Rows, Setting, View, Work, computing, thread_pool
from freqforensics.perturbations.canvases import Region
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.runtime.executors import current_executor
from freqforensics.runtime.processors import default_workers
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records

MOST_READERS: Final = 8
"""Threads that read images for an accelerator."""


def score_files(
    records: Sequence[ImageRecord] | SourcesLike,
    detector: CalibratedDetector | Detector,
    *,
    view: View = "views",
    region: Region | None = None,
    perturb: Perturbation | None = None,
    salvage: bool = False,
    out: str | Path | None = None,
    batch: int = 16,
    workers: int | None = None,
    backend: Backend = "torch",
    progress: str | None = None,
) -> ScoreTable:
    """Score image files with a detector.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
        Files of the same bytes are scored once.
    detector : CalibratedDetector or Detector
        Detector, which is not changed. A `CalibratedDetector` gives verdicts by its photographs, a `Detector` by its
        probability.
    view : {"views", "center", "none", "tiles", "resize"}
        Part of an image that is scored. "views": the median logit of up to five windows of 224 pixels spread over the
        photographic region (`find_region`, `view_boxes`); an image without one is not scored. "center": the central 224
        pixels, with zeros around smaller images (the published test). "none": the whole image. "tiles": the mean logit
        of the squares of 224 pixels that cover it, evenly spread, overlapping where need be. "resize": the shorter side
        to 256 first, which moves and blurs every trace.
    region : (int, int, int, int), optional
        x, y, width, height of the part to score with "views", of every image; default what `find_region` finds.
    perturb : Perturbation, optional
        Applied to every image before it is cropped; what it draws depends on the file's hash alone. The table does not
        say so: no `out` with it.
    salvage : bool
        As in `read_image`; a row's `warnings` say what was salvaged.
    out : str or Path, optional
        A CSV file to which rows are added as images are scored. Images that have a row are not scored again.
    batch : int
        Images of one size that go through the network together. On the CPU it says only how many wait for each other
        at the least: batches are cut by the images alone, so that the logits do not depend on it, nor on the number of
        threads.
    workers : int, optional
        Number of threads that read images and, on the CPU, run the network; by default as many as torch has, or up to
        8 beside an accelerator. Scores do not depend on it.
    backend : {"torch", "onnx"}
        Library that runs the network, see `make_scorer`.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    ScoreTable
        A row for each image that could be read, and the failures.

    Raises
    ------
    ValueError
        No records, a parameter out of range, or a file at `out` that is not a complete table of scores, or one of other
        weights, another view or another region; it is left as it is. A logit that is not finite.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import cv2, numpy as np
    >>> from freqforensics.detector.local import make_small_detector
    >>> with TemporaryDirectory() as folder:
    ...     written = cv2.imwrite(f"{folder}/flat.png", np.full((224, 224, 3), 128, np.uint8))
    ...     table = score_files(folder, make_small_detector("local", seed=0), view="center")
    >>> [score.label for score in table.scores], table.failures
    (['unknown'], ())
    """
    records = as_records(records)
    if view not in get_args(View):
        raise ValueError(f"view must be one of {', '.join(get_args(View))}, got {view!r}")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if not records:
        raise ValueError("records must not be empty")
    if perturb is not None and out is not None:
        raise ValueError("scores of perturbed images are not written beside others: save the table that is returned")
    if region is not None and view != "views":
        raise ValueError(f"region must go with view 'views', got view {view!r}")
    if isinstance(detector, Detector):
        detector = known_detector(detector)
    weights = detector.weights.sha256
    known = () if out is None else known_scores(out, weights=weights, view=view, region=region)
    setting = Setting(view, region, perturb, salvage, batch, backend)
    with AddingScores(out, known) as table:
        rows = Rows(table.add, known)
        if current_executor() is None:
            _score_here(records, detector, setting, rows, workers, progress)
        else:
            score_chunks(records, detector, setting, rows, workers=workers, progress=progress)
    scores = tuple(rows.scores[index] for index in sorted(rows.scores))
    if out is not None:
        # In the order of the records, with their names; rows of files that have changed since go.
        paths = {str(record.path) for record in records}
        ScoreTable((*(score for score in known if score.path not in paths), *scores), ()).save(out)
    return ScoreTable(scores, tuple(rows.failures))


def _score_here(
    records: Sequence[ImageRecord],
    detector: CalibratedDetector,
    setting: Setting,
    rows: Rows,
    workers: int | None,
    progress: str | None,
) -> None:
    """Score in this process, with torch's threads or an accelerator."""
    with (
        computing(detector, setting.backend) as threads,
        thread_pool(workers or threads or min(MOST_READERS, default_workers())) as pool,
        tqdm(total=len(records), desc=progress, unit="image", delay=2, disable=None if progress else True) as bar,
    ):
        if threads and workers is not None:
            threads = workers
        scorer = make_scorer(detector.detector, backend=setting.backend)
        work = Work(setting, detector, scorer, rows, bar.update, threads, pool=pool if threads else None)
        ahead = AHEAD * (threads or MOST_READERS)
        work.score_all(records, pool, ahead=min(ahead, WHOLE) if setting.view in ("none", "tiles") else ahead)
