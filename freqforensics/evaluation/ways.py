"""The ways in which sets of real and fake images are scored: as they are, and with their compression made alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from freqforensics.detector.score_table import Score, ScoreTable
from freqforensics.perturbations import JPEG, Perturbation
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records

if TYPE_CHECKING:
    from freqforensics.detector.calibrated import CalibratedDetector

AS_IS: Final = "as-is"


@dataclass(frozen=True)
class Way:
    """A way of compressing real and fake images before they are scored.

    Parameters
    ----------
    name : str
        Name in tables and figures.
    about : str
        Description in words.
    real, fake : Perturbation or None
        None leaves images as they are.
    """

    name: str
    about: str
    real: Perturbation | None = None
    fake: Perturbation | None = None

    def step(self, record: ImageRecord) -> Perturbation | None:
        """Give what is done to an image; those of unknown label are treated as fakes.

        Parameters
        ----------
        record : ImageRecord
            Record of the image.
        """
        return self.real if record.label == "real" else self.fake


WAYS: Final[dict[str, Way]] = {
    way.name: way
    for way in (
        Way(AS_IS, "as the files are"),
        Way("re-encoded", "both sides as JPEG 90, 4:2:0", JPEG(90), JPEG(90)),
        Way("fakes-jpeg96", "fakes as JPEG 96, 4:2:0", None, JPEG(96)),
    )
}
"""By name. Real images are mostly JPEG and fakes PNG, which a detector may learn in place of what it should; fakes as
JPEG 96 are the test of Dual Data Alignment (Chen et al. 2025, arXiv 2505.14359)."""


def check_ways(names: Sequence[str]) -> None:
    """Raise ValueError unless all names are of `WAYS`, each once, and there is one."""
    unknown = [name for name in names if name not in WAYS]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(f"ways must be of {', '.join(WAYS)}, each once; got {', '.join(names) or 'none'}")


def score_ways(
    records: Sequence[ImageRecord] | SourcesLike,
    detector: CalibratedDetector,
    ways: Sequence[str] = tuple(WAYS),
    *,
    progress: str | None = None,
    **options: Any,
) -> dict[str, ScoreTable]:
    """Score the same images in several ways.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
    detector : CalibratedDetector
        Detector with its calibration.
    ways : sequence of str
        Names of `WAYS`.
    progress : str, optional
        Name of the progress bars.
    **options
        Keyword arguments of `score_files`.

    Returns
    -------
    dict of str to ScoreTable
        By way, in the order of the records.

    Raises
    ------
    ValueError
        No such way; as `score_files`.
    """
    records = as_records(records)
    from freqforensics.detector.score import score_files  # loads torch

    check_ways(ways)
    scored: dict[tuple[str, Perturbation | None], dict[str, Score]] = {}
    failed: dict[Perturbation | None, dict[str, str]] = {}
    tables: dict[str, ScoreTable] = {}
    for name in ways:
        way = WAYS[name]
        wanted: dict[Perturbation | None, list[ImageRecord]] = {}
        for record in records:
            if (record.label, way.step(record)) not in scored:
                wanted.setdefault(way.step(record), []).append(record)
        for step, chosen in wanted.items():
            bar = None if progress is None else f"{progress}, {name}"
            table = score_files(chosen, detector, perturb=step, progress=bar, **options)
            failed.setdefault(step, {}).update(table.failures)
            for label in {record.label for record in chosen}:
                scored[label, step] = {score.path: score for score in table.scores if score.label == label}
        rows, failures = [], []
        for record in records:
            step, path = way.step(record), str(record.path)
            row = scored[record.label, step].get(path)
            if row is not None:
                rows.append(row)
            else:
                failures.append((path, failed[step].get(path, "could not be scored")))
        tables[name] = ScoreTable(tuple(rows), tuple(failures))
    return tables
