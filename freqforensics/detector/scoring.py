"""Reading images and running a network on them, batch by batch: the work inside `score_files`.

Files are read, decoded and searched for their region in the threads of a pool, a few ahead of the network, whose
batches run in the same threads: all of them are busy until the last image. The calling thread takes images in the order
of the records, cuts batches and writes rows.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, replace
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.inference import Backend, Scorer
from freqforensics.detector.lanes import LANE, in_lanes, lane_batches, one_thread_each, score_batch, shares_batch
from freqforensics.detector.score_table import Score
from freqforensics.images import ImageReadError, decode_image, read_file, read_header, read_jpeg_tables, shown_path
from freqforensics.perturbations.augmentation import W20_TEST, W20_VALIDATION
from freqforensics.perturbations.canvases import Region
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.regions.kinds import ImageKind, encoding_of
from freqforensics.regions.looking import look_at
from freqforensics.regions.views import median_view
from freqforensics.sources.records import ImageRecord

View = Literal["views", "center", "none", "tiles", "resize"]
Uint8 = NDArray[np.uint8]

BATCH_PIXELS: Final = 4_000_000
"""Of images that go through the network together."""
MOST_PIXELS: Final = 100_000_000
"""Of images that wait for others of their size, together."""

QUEUE: Final = 4
"""Images for each thread that wait for the network or are in it."""
AHEAD: Final = 2
"""Files for each thread that are read ahead of the network."""
WHOLE: Final = 8
"""The same for all threads together, where images are kept whole."""

SIDE: Final = 224
SMALLEST: Final = 32
"""Images with a shorter side are refused with view "none": five halvings leave a ResNet nothing of them."""


@contextmanager
def computing(detector: CalibratedDetector, backend: Backend) -> Iterator[int]:
    """Let a network compute as `lanes` has it; gives the number of threads on the CPU, 0 on an accelerator."""
    on_cpu = backend == "onnx" or detector.detector.device.type == "cpu"
    with one_thread_each() as threads, torch.inference_mode():
        yield threads if on_cpu else 0


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that read images and compute, each by itself; what has not begun when the block ends is dropped."""
    pool = ThreadPoolExecutor(
        threads,
        thread_name_prefix="freqforensics",
        initializer=torch.set_num_threads,  # holds for the thread that says it
        initargs=(1,),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, eq=False)
class Setting:
    """How images are scored: parameters of `score_files`."""

    view: View
    region: Region | None
    perturb: Perturbation | None
    salvage: bool
    batch: int
    backend: Backend


@dataclass(eq=False)
class Rows:
    """Rows of a table as they are scored, and files that cannot be.

    Parameters
    ----------
    add : callable
        Writes a row.
    known : tuple of Score
        Rows that are written already.
    """

    add: Callable[[Score], None]
    known: InitVar[tuple[Score, ...]] = ()
    seen: dict[str, Score] = field(init=False)
    scores: dict[int, Score] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self, known: tuple[Score, ...]) -> None:
        self.seen = {score.sha256: score for score in known}
        self._written = {(score.path, score.sha256) for score in known}

    def give(self, index: int, record: ImageRecord, score: Score) -> None:
        """Give a record the score of its bytes."""
        named = replace(
            score,
            path=str(record.path),
            label=record.label,
            generator=record.generator,
            category=record.category or "",
        )
        self.scores[index] = named
        if (named.path, named.sha256) not in self._written:
            self.add(named)


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


class Reading(NamedTuple):
    """What reading a file gave.

    Parameters
    ----------
    sha256 : str
        Hash of the file; empty if it cannot be read.
    image : object or None
        What is scored of it; None if it has a row already, or cannot be scored.
    failure : (str, str) or None
        Path and reason of a file that cannot be scored.
    """

    sha256: str
    image: _Image | None = None
    failure: tuple[str, str] | None = None


class _Scored(NamedTuple):
    """An image whose parts the pool scores: the batches they are in and their places there."""

    image: _Image
    logits: list[tuple[Future[NDArray[np.float32]], int]]
    pixels: int


@dataclass(eq=False)
class Work:
    """Images that wait until a batch of their size is full, and those that are computed in a pool."""

    setting: Setting
    detector: CalibratedDetector
    scorer: Scorer
    rows: Rows
    advance: Callable[[int], object]
    threads: int = 0
    known: frozenset[str] = frozenset()
    """Hashes of files that have a row elsewhere: they are not scored, and get none."""
    pool: ThreadPoolExecutor | None = None
    """Threads that compute, as many as `threads`; None: the calling one."""
    pending: dict[str, _Image] = field(default_factory=dict)
    under_way: dict[str, _Scored] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        """Images of one size that wait for each other."""
        return max(self.setting.batch, LANE * self.threads)

    @property
    def fixed(self) -> bool:
        """Whether all images are scored in one size."""
        return self.setting.view in ("center", "resize")

    def score_all(self, records: Sequence[ImageRecord], pool: ThreadPoolExecutor, *, ahead: int) -> None:
        """Score all records. The pool reads at most `ahead` of them before their turn."""
        readings: deque[tuple[int, Future[Reading]]] = deque()
        for index, record in enumerate(records):
            readings.append((index, pool.submit(self.read, index, record)))
            if len(readings) > ahead:
                first, reading = readings.popleft()
                self.take(first, records[first], reading.result())
        for first, reading in readings:
            self.take(first, records[first], reading.result())
        self.finish_all()

    def read(self, index: int, record: ImageRecord) -> Reading:
        """Read a file, and decode it unless its bytes are known; runs in any thread."""
        sha256 = ""
        try:
            data = read_file(record.path)
            sha256 = hashlib.sha256(data).hexdigest()
            if any(sha256 in known for known in (self.known, self.rows.seen, self.pending, self.under_way)):
                return Reading(sha256)
            image = _read(data, record, sha256, index, self.setting)
            for part in image.parts:
                if reason := self.detector.detector.misfit((part.shape[0], part.shape[1])):
                    raise ImageReadError(str(record.path), reason)
        except ImageReadError as error:
            return Reading(sha256, None, (error.path, error.reason))
        return Reading(sha256, image)

    def take(self, index: int, record: ImageRecord, reading: Reading) -> None:
        """Take what reading a record's file gave, and score what waits if it is enough."""
        sha256 = reading.sha256
        if sha256 in self.known:
            self.advance(1)
        elif sha256 in self.rows.seen:
            self._give(index, record, self.rows.seen[sha256])
        elif sha256 in self.pending:
            self.pending[sha256].places.append((index, record))
        elif sha256 in self.under_way:
            self.under_way[sha256].image.places.append((index, record))
        elif reading.image is not None:
            self._wait(reading.image)
        elif reading.failure is not None:
            self.rows.failures.append(reading.failure)
            self.advance(1)

    def finish_all(self) -> None:
        """Score all that wait."""
        while self.pending:
            self.score_some()
        while self.under_way:
            self._collect()

    def _wait(self, image: _Image) -> None:
        """Let an image wait for others of its size; what has nothing to be scored is finished at once."""
        if not image.parts:
            self.finish(image, math.nan)
            return
        if self.pool is not None and not shares_batch(image.parts, fixed=self.fixed):
            self._submit([image])
            return
        self.pending[image.sha256] = image
        alike = sum(other.shape == image.shape for other in self.pending.values())
        pixels = sum(len(other.parts) * other.shape[0] * other.shape[1] for other in self.pending.values())
        if alike >= self.batch or len(self.pending) >= 4 * self.batch or pixels > MOST_PIXELS:
            self.score_some()

    def score_some(self) -> None:
        """Score the size of which most images wait."""
        shapes = Counter(image.shape for image in self.pending.values())
        shape = shapes.most_common(1)[0][0]
        group = [image for image in self.pending.values() if image.shape == shape][: self.batch]
        if self.pool is not None:
            self._submit(group)
        for image in group:
            del self.pending[image.sha256]
        if self.pool is None:
            for image, logits in zip(group, self.logits(group), strict=True):
                self._conclude(image, logits)

    def _submit(self, group: Sequence[_Image]) -> None:
        """Give the batches of images of one size to the pool; waits until few enough are under way."""
        assert self.pool is not None
        height, width = group[0].shape[:2]
        batches = lane_batches([image.parts for image in group], fixed=self.fixed)
        pixels = min(len(batches), self.threads) * height * width
        while self.under_way and (
            len(self.under_way) >= QUEUE * self.threads
            or pixels + sum(scored.pixels for scored in self.under_way.values()) > BATCH_PIXELS
        ):
            self._collect()
        logits: list[list[tuple[Future[NDArray[np.float32]], int]]] = [[] for _ in group]
        for batch, places in batches:
            future = self.pool.submit(score_batch, self.scorer, batch)
            for position, place in enumerate(places):
                logits[place].append((future, position))
        for image, parts in zip(group, logits, strict=True):
            self.under_way[image.sha256] = _Scored(image, parts, pixels // len(group))

    def _collect(self) -> None:
        """Finish the image that was given to the pool first."""
        sha256 = next(iter(self.under_way))
        scored = self.under_way[sha256]
        self._conclude(scored.image, np.array([future.result()[place] for future, place in scored.logits], np.float32))
        del self.under_way[sha256]

    def logits(self, group: Sequence[_Image]) -> Sequence[NDArray[np.float32]]:
        """Give the logits of the parts of each image of a group."""
        height, width = group[0].shape[:2]
        if self.threads:
            return in_lanes(self.scorer, [image.parts for image in group], fixed=self.fixed)
        parts = [part for image in group for part in image.parts]
        step = max(1, min(self.batch, BATCH_PIXELS // (height * width)))
        logits = np.concatenate([self.scorer(parts[start : start + step]) for start in range(0, len(parts), step)])
        return np.split(logits, np.cumsum([len(image.parts) for image in group])[:-1])

    def _conclude(self, image: _Image, logits: NDArray[np.float32]) -> None:
        """Finish an image by the logits of its parts."""
        views = logits.astype(np.float64)
        logit = float(views[median_view(views)] if self.setting.view == "views" else views.mean())
        if not np.isfinite(views).all():
            name = self.detector.weights.name or self.detector.weights.sha256[:12]
            path = shown_path(image.places[0][1].path)
            raise ValueError(f"{path}: the weights {name} give a logit that is not finite ({logit})")
        self.finish(image, logit)

    def finish(self, image: _Image, logit: float) -> None:
        """Make the row of an image and of all files that are the same."""
        verdict, rate = "", math.nan
        if self.setting.view == "views":
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
            crop=self.setting.view,
            weights=self.detector.weights.sha256,
            warnings=image.warnings,
            verdict=verdict,
            rate=rate,
            region=image.region,
        )
        self.rows.seen[image.sha256] = score
        for index, record in image.places:
            self._give(index, record, score)

    def _give(self, index: int, record: ImageRecord, score: Score) -> None:
        self.rows.give(index, record, score)
        self.advance(1)


def _read(data: bytes, record: ImageRecord, sha256: str, index: int, setting: Setting) -> _Image:
    view, perturb = setting.view, setting.perturb
    notes: list[str] = []
    header = read_header(data)
    image = decode_image(data, name=record.path, salvage=setting.salvage, header=header, on_note=notes.append)
    sent = None
    try:
        if perturb is not None:
            image = perturb(image, np.random.default_rng(int(sha256, 16)))
            sent = encoding_of(perturb)
        places = [(index, record)]
        if view == "views":
            look = look_at(image, *(sent or (header.format, read_jpeg_tables(data))), region=setting.region)
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
