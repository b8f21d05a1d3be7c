"""Scores of many images as a folder of parquet files, each of as many records: resumed and shared out by file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.score import score_files
from freqforensics.detector.score_parquet import check_parquet, part_file, read_rows, write_rows
from freqforensics.detector.score_table import COLUMNS, Score, ScoreTable
from freqforensics.images import shown_path
from freqforensics.runtime.executors import current_share
from freqforensics.runtime.results import clear_unfinished
from freqforensics.sources.records import ImageRecord, path_text

PART: Final = 4096
"""Records of a file."""


def score_parts(
    records: Sequence[ImageRecord],
    detector: CalibratedDetector,
    out: str | Path,
    *,
    progress: str | None = None,
    **options: Any,
) -> ScoreTable:
    """Score image files into a folder of parquet files, ``part-00000.parquet`` and so on.

    Records are cut by their number alone. A file is written when all of its records are scored; one that is there
    already is read, not scored again. In a share of the work (`sharing`) only every N-th file is written, of N shares.

    Parameters
    ----------
    records : sequence of ImageRecord
        Files of the same bytes are scored once in each part.
    detector : CalibratedDetector
        The detector.
    out : str or Path
        The folder.
    progress : str, optional
        Name of a progress bar.
    options
        Keyword arguments of `score_files`.

    Returns
    -------
    ScoreTable
        Scores of the parts of this share.

    Raises
    ------
    ValueError
        The folder holds scores of other images, weights, views or regions; a path that is not text; or as for
        `score_files`.
    """
    check_parquet()
    folder = Path(out)
    number, count = current_share()
    parts = -(-len(records) // PART)
    region = options.get("region")
    common = {
        "format": 1,
        "parts": parts,
        "weights": detector.weights.sha256,
        "view": options.get("view", "views"),
        "region": None if region is None else ",".join(map(str, region)),
        "salvage": bool(options.get("salvage", False)),
    }
    clear_unfinished(folder)
    scores: list[Score] = []
    failures: list[tuple[str, str]] = []
    for index in range(number - 1, parts, count):
        chunk = records[index * PART : (index + 1) * PART]
        path = part_file(folder, index)
        about = {**common, "part": index, "records": _hash(chunk)}
        if path.exists():
            table = _stored(path, about)
        else:
            bar = None if progress is None else f"{progress} {index + 1}/{parts}" if parts > 1 else progress
            table = score_files(chunk, detector, progress=bar, **options)
            rows = [astuple(score) for score in table.scores]
            write_rows(path, COLUMNS, rows, {**about, "failures": table.failures})
        scores += table.scores
        failures += table.failures
    return ScoreTable(tuple(scores), tuple(failures))


def _hash(records: Sequence[ImageRecord]) -> str:
    digest = hashlib.sha256()
    for record in records:
        try:
            text = "\0".join((path_text(record), record.label, record.generator, record.category or ""))
            digest.update(text.encode() + b"\n")
        except UnicodeEncodeError:
            name = shown_path(record.path)
            raise ValueError(f"out must be a CSV file for names that are not text, got {name}") from None
    return digest.hexdigest()


_CALLED: Final = {"records": "images", "parts": "images"}


def _stored(path: Path, about: dict[str, Any]) -> ScoreTable:
    rows, stored = read_rows(path, COLUMNS)
    for name, value in about.items():
        if stored.get(name) != value:
            raise ValueError(f"{shown_path(path)} holds scores of other {_CALLED.get(name, name)}: name another folder")
    return ScoreTable(tuple(Score(*row) for row in rows), tuple((p, reason) for p, reason in stored["failures"]))
