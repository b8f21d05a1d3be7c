"""Scoring as a pass over chunks of records: what a cluster, a shard and a merge compute.

Logits depend on the image alone (`lanes`), so the rows are those of one run in one process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final, NamedTuple

from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.calibration import calibration_sha256
from freqforensics.detector.inference import Backend, Scorer, make_scorer
from freqforensics.detector.score_table import Score
from freqforensics.detector.scoring import Rows, Setting, Work, computing
from freqforensics.runtime.executors import Shared
from freqforensics.runtime.parallel import map_in_order
from freqforensics.sources.records import ImageRecord

CHUNK: Final = 32
"""Images in a chunk: four full lanes."""


class Outcome(NamedTuple):
    """What a chunk's worker says of one record.

    Parameters
    ----------
    sha256 : str
        Hash of the file; empty if it cannot be read.
    score : Score or None
        Its row.
    failure : (str, str) or None
        Path and reason of a file that cannot be scored. Without it and without a row, the hash is known.
    """

    sha256: str
    score: Score | None
    failure: tuple[str, str] | None


def score_chunks(
    records: Sequence[ImageRecord],
    detector: CalibratedDetector,
    setting: Setting,
    rows: Rows,
    *,
    workers: int | None,
    progress: str | None,
) -> None:
    """Score records chunk by chunk; `rows` gets theirs in order, or in a shard those of its share.

    Parameters
    ----------
    records : sequence of ImageRecord
        The images.
    detector : CalibratedDetector
        Goes to each worker once.
    setting : Setting
        How they are scored.
    rows : Rows
        Rows so far. Files whose bytes have one are hashed and not scored.
    workers, progress
        Number of threads and name of the progress bar, as for `map_in_order`.
    """
    thresholds, calibration = detector.thresholds, calibration_sha256(detector.calibration)
    shared = Shared(detector, key=_hash(detector.weights.sha256, str(thresholds), str(calibration)))
    known = sorted(rows.seen)
    scored = Shared(frozenset(known), key=_hash(*known)) if known else None
    work = partial(_outcomes, setting, shared, scored)
    for start, outcomes in map_in_order(records, work, workers=workers, chunk_size=CHUNK, progress=progress):
        for index, outcome in enumerate(outcomes, start):
            # Files of the same bytes have the row of the first one, also where others computed their own.
            score = rows.seen.get(outcome.sha256, outcome.score)
            if score is not None:
                rows.seen.setdefault(outcome.sha256, score)
                rows.give(index, records[index], score)
            elif outcome.failure is not None:
                rows.failures.append(outcome.failure)


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _outcomes(
    setting: Setting,
    detector: Shared[CalibratedDetector],
    scored: Shared[frozenset[str]] | None,
    chunk: Sequence[ImageRecord],
) -> list[Outcome]:
    """Score a chunk of records by one thread, or an accelerator."""
    known = frozenset() if scored is None else scored.value
    rows = Rows(lambda score: None)
    hashes: list[str] = []
    failures: dict[int, tuple[str, str]] = {}
    with computing(detector.value, setting.backend) as threads:
        scorer = _scorer(detector, setting.backend)
        work = Work(setting, detector.value, scorer, rows, lambda count: None, min(threads, 1), known)
        for index, record in enumerate(chunk):
            reading = work.read(index, record)
            hashes.append(reading.sha256)
            work.take(index, record, reading)
            if rows.failures:
                failures[index] = rows.failures.pop()
        work.finish_all()
    return [Outcome(sha256, rows.scores.get(index), failures.get(index)) for index, sha256 in enumerate(hashes)]


@lru_cache(maxsize=1)
def _scorer(detector: Shared[CalibratedDetector], backend: Backend) -> Scorer:
    return make_scorer(detector.value.detector, backend=backend)
