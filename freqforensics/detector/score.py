"""From image files to a table of logits."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from tqdm import tqdm

from freqforensics.detector.calibrated import CalibratedDetector, known_detector
from freqforensics.detector.inference import Backend, Scorer, make_scorer
from freqforensics.detector.lanes import LANE, in_lanes, one_thread_each
from freqforensics.detector.resnet import Detector
from freqforensics.detector.score_table import AddingScores, Score, ScoreTable, known_scores
from freqforensics.images import ImageReadError, decode_image, read_file, read_header, read_jpeg_tables, shown_path
from freqforensics.perturbations.augmentation import W20_TEST, W20_VALIDATION
from freqforensics.perturbations.canvases import Region
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.regions.kinds import ImageKind, encoding_of
from freqforensics.regions.looking import look_at
from freqforensics.regions.views import median_view
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records

View = Literal["views", "center", "none", "tiles", "resize"]
Uint8 = NDArray[np.uint8]

BATCH_PIXELS: Final = 4_000_000
"""Of images that go through the network together."""
MOST_PIXELS: Final = 100_000_000
"""Of images that wait for others of their size, together."""

SIDE: Final = 224
SMALLEST: Final = 32
"""Images with a shorter side are refused with view "none": five halvings leave a ResNet nothing of them."""


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
    """Score image files.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
        Files of the same bytes are scored once.
    detector : CalibratedDetector or Detector
        Left as it is. A `CalibratedDetector` gives verdicts by its photographs, a `Detector` by its probability.
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
        Number of threads on the CPU, by default as many as torch has. Scores do not depend on it.
    backend : {"torch", "onnx"}
        Library that runs the network, see `make_scorer`.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    ScoreTable

    Raises
    ------
    ValueError
        No records, a parameter out of range, or a file at `out` that is no whole table of scores, or one of other
        weights, another view or another region; it is left as it is. A logit that is not finite.
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
    on_cpu = backend == "onnx" or next(detector.detector.parameters()).device.type == "cpu"
    with (
        one_thread_each() if on_cpu else nullcontext(0) as threads,
        nullcontext(make_scorer(detector.detector, backend=backend)) as scorer,
        AddingScores(out, known) as table,
        torch.inference_mode(),
        tqdm(total=len(records), desc=progress, unit="image", delay=2, disable=None if progress else True) as bar,
    ):
        if on_cpu and workers is not None:
            threads = workers
        work = _Work(view, detector, scorer, table.add, bar.update, threads)
        batch = max(batch, LANE * threads)
        work.seen = {score.sha256: score for score in known}
        written = {(score.path, score.sha256) for score in known}
        for index, record in enumerate(records):
            try:
                data = read_file(record.path)
                sha256 = hashlib.sha256(data).hexdigest()
                if sha256 in work.seen:
                    work.give(index, record, work.seen[sha256], written=(str(record.path), sha256) in written)
                elif sha256 in work.pending:
                    work.pending[sha256].places.append((index, record))
                else:
                    work.take(_read(data, record, sha256, index, view, region, perturb, salvage), batch)
            except ImageReadError as error:
                work.failures.append((error.path, error.reason))
                bar.update(1)
        while work.pending:
            work.score_some(batch)
    scores = tuple(work.scores[index] for index in sorted(work.scores))
    if out is not None:
        # In the order of the records, with their names; rows of files that have changed since go.
        paths = {str(record.path) for record in records}
        ScoreTable((*(score for score in known if score.path not in paths), *scores), ()).save(out)
    return ScoreTable(scores, tuple(work.failures))


@dataclass(frozen=True, eq=False)
class _Image:
    """What is scored of a file, and all records that are this file."""

    sha256: str
    parts: tuple[Uint8, ...]
    warnings: str
    places: list[tuple[int, ImageRecord]]
    kind: ImageKind = ImageKind()  # noqa: RUF009 - frozen, so it may be shared
    region: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts[0].shape


@dataclass(eq=False)
class _Work:
    """Images that wait until a batch of their size is full, and their scores."""

    view: View
    detector: CalibratedDetector
    scorer: Scorer
    add: Callable[[Score], None]
    advance: Callable[[int], object]
    threads: int = 0
    seen: dict[str, Score] = field(default_factory=dict)
    pending: dict[str, _Image] = field(default_factory=dict)
    scores: dict[int, Score] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def take(self, image: _Image, batch: int) -> None:
        """Let an image wait for others of its size; what has nothing to be scored is finished at once."""
        if not image.parts:
            self.finish(image, math.nan)
            return
        self.pending[image.sha256] = image
        alike = sum(other.shape == image.shape for other in self.pending.values())
        pixels = sum(len(other.parts) * other.shape[0] * other.shape[1] for other in self.pending.values())
        if alike >= batch or len(self.pending) >= 4 * batch or pixels > MOST_PIXELS:
            self.score_some(batch)

    def score_some(self, batch: int) -> None:
        """Score the size of which most images wait."""
        shapes = Counter(image.shape for image in self.pending.values())
        shape = shapes.most_common(1)[0][0]
        group = [image for image in self.pending.values() if image.shape == shape][:batch]
        for image in group:
            del self.pending[image.sha256]
        for image, logits in zip(group, self.logits(group, batch), strict=True):
            views = logits.astype(np.float64)
            logit = float(views[median_view(views)] if self.view == "views" else views.mean())
            if not np.isfinite(views).all():
                name = self.detector.weights.name or self.detector.weights.sha256[:12]
                path = shown_path(image.places[0][1].path)
                raise ValueError(f"{path}: the weights {name} give a logit that is not finite ({logit})")
            self.finish(image, logit)

    def logits(self, group: Sequence[_Image], batch: int) -> Sequence[NDArray[np.float32]]:
        """Give the logits of the parts of each image of a group."""
        height, width = group[0].shape[:2]
        if self.threads:
            fixed, side_by_side = self.view in ("center", "resize"), max(1, BATCH_PIXELS // (height * width))
            images = [image.parts for image in group]
            return in_lanes(self.scorer, images, fixed=fixed, threads=min(self.threads, side_by_side))
        parts = [part for image in group for part in image.parts]
        step = max(1, min(batch, BATCH_PIXELS // (height * width)))
        logits = np.concatenate([self.scorer(parts[start : start + step]) for start in range(0, len(parts), step)])
        return np.split(logits, np.cumsum([len(image.parts) for image in group])[:-1])

    def finish(self, image: _Image, logit: float) -> None:
        """Make the row of an image and of all files that are the same."""
        verdict, rate = "", math.nan
        if self.view == "views":
            verdict = "cannot-judge"
            if math.isfinite(logit):
                verdict, photographs = self.detector.judge(logit, image.kind)
                rate = math.nan if photographs is None else photographs.rate
        score = Score(
            path="",
            sha256=image.sha256,
            label="",
            generator="",
            category="",
            logit=logit,
            probability=float(expit(logit)),
            crop=self.view,
            weights=self.detector.weights.sha256,
            warnings=image.warnings,
            verdict=verdict,
            rate=rate,
            region=image.region,
        )
        self.seen[image.sha256] = score
        for index, record in image.places:
            self.give(index, record, score)

    def give(self, index: int, record: ImageRecord, score: Score, *, written: bool = False) -> None:
        named = replace(
            score,
            path=str(record.path),
            label=record.label,
            generator=record.generator,
            category=record.category or "",
        )
        self.scores[index] = named
        if not written:
            self.add(named)
        self.advance(1)


def _read(
    data: bytes,
    record: ImageRecord,
    sha256: str,
    index: int,
    view: View,
    region: Region | None,
    perturb: Perturbation | None,
    salvage: bool,
) -> _Image:
    notes: list[str] = []
    image = decode_image(data, name=record.path, salvage=salvage, on_note=notes.append)
    sent = None
    try:
        if perturb is not None:
            image = perturb(image, np.random.default_rng(int(sha256, 16)))
            sent = encoding_of(perturb)
        places = [(index, record)]
        if view == "views":
            look = look_at(image, *(sent or (read_header(data).format, read_jpeg_tables(data))), region=region)
            if look.domain.reason:
                notes.append(look.domain.reason)
            warnings = "; ".join(notes)
            if look.domain.region is None or look.kind is None:
                return _Image(sha256, (), warnings, places)
            box = ",".join(map(str, look.domain.region))
            return _Image(sha256, tuple(look.views(image)), warnings, places, look.kind, box)
    except ValueError as error:  # too few pixels for a perturbation, or too many; a region outside
        raise ImageReadError(str(record.path), str(error)) from error
    if view == "none" and min(image.shape[:2]) < SMALLEST:
        height, width = image.shape[:2]
        raise ImageReadError(str(record.path), f"{width}x{height} pixels are too few to be scored whole")
    height, width = image.shape[:2]
    if view in ("center", "tiles") and min(height, width) < SIDE:
        notes.append(f"{width}x{height} pixels do not fill the crop of {SIDE}x{SIDE}: padded with zeros")
    return _Image(sha256, tuple(_parts(image, view)), "; ".join(notes), places)


def _parts(image: Uint8, view: View) -> list[Uint8]:
    if view == "none":
        return [image]
    if view == "center":
        return [W20_TEST(image)]
    if view == "resize":
        return [W20_VALIDATION(image)]
    short = [max(0, SIDE - side) for side in image.shape[:2]]
    padded = np.pad(image, [(0, n) for n in short] + [(0, 0)])
    rows, columns = (_starts(side) for side in padded.shape[:2])
    return [padded[row : row + SIDE, column : column + SIDE] for row in rows for column in columns]


def _starts(side: int) -> list[int]:
    """Offsets of as few tiles as cover a side, evenly spread."""
    count = -(-side // SIDE)
    return [0] if count == 1 else [round(i * (side - SIDE) / (count - 1)) for i in range(count)]
