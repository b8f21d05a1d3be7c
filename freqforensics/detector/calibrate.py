"""From photographs to a calibration: their scores as they are and through carriers, each with its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from freqforensics.detector.calibrated import CalibratedDetector
from freqforensics.detector.calibration import Calibration
from freqforensics.detector.score import score_files
from freqforensics.detector.score_table import Score
from freqforensics.images import read_file, read_header, read_jpeg_tables
from freqforensics.perturbations.carriers import ALL as ALL, AS_IS as AS_IS, chosen_carriers as chosen_carriers
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.regions.kinds import ImageKind, encoding_of, kind_of_image
from freqforensics.runtime.executors import end_of_passes
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records


def kind_of_score(score: Score, carrier: Perturbation | None = None) -> ImageKind:
    """Tell the kind of image that a row of a table is of, as `score_files` did.

    Parameters
    ----------
    score : Score
        Score with the view "views". Without a carrier its file is read again.
    carrier : Perturbation, optional
        What was done to the image before it was scored.

    Returns
    -------
    ImageKind

    Raises
    ------
    ValueError
        The score has no region.
    """
    if not score.region:
        raise ValueError(f"score must have a region, got none for {score.path}")
    shorter = min(map(int, score.region.split(",")[2:]))
    if carrier is not None:
        return kind_of_image(*encoding_of(carrier), shorter=shorter)
    data = read_file(score.path)
    return kind_of_image(read_header(data).format, read_jpeg_tables(data), shorter=shorter)


def calibrate_photographs(
    records: Sequence[ImageRecord] | SourcesLike,
    detector: CalibratedDetector,
    *,
    carriers: Mapping[str, Perturbation | None] | None = None,
    about: str = "",
    progress: str | None = None,
    **options: Any,
) -> tuple[Calibration, tuple[tuple[str, str], ...]]:
    """Score photographs that the detector was not trained on, for verdicts to be read off.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
        What is labelled fake is skipped. Their generator is the collection they are from.
    detector : CalibratedDetector
        A calibration that it has plays no part.
    carriers : mapping of str to Perturbation or None, optional
        What is done to every photograph, by name; default nothing ("as-is").
    about : str
        What the photographs are; kept.
    progress : str, optional
        Name of the progress bars.
    options
        `batch` and `backend` of `score_files`.

    Returns
    -------
    Calibration
        A row for each photograph and carrier. Files of the same bytes have one, photographs that cannot be judged
        none.
    tuple of (str, str)
        Path and reason of every file that could not be scored.

    Raises
    ------
    ValueError
        No photograph, or none that can be judged.
    """
    records = as_records(records)
    photographs = [record for record in records if record.label != "fake"]
    if not photographs:
        raise ValueError("records must hold photographs, got none that is not labelled fake")
    chosen = {AS_IS: None} if carriers is None else carriers
    logits: list[float] = []
    kinds: list[ImageKind] = []
    names: list[str] = []
    collections: list[str] = []
    failures: list[tuple[str, str]] = []
    for number, (name, carrier) in enumerate(chosen.items(), 1):
        bar = None if progress is None else f"{progress} {number}/{len(chosen)} {name}"
        table = score_files(photographs, detector, perturb=carrier, progress=bar, **options)
        failures += [(path, reason if name == AS_IS else f"{name}: {reason}") for path, reason in table.failures]
        files: dict[str, Score] = {}
        for score in table.scores:
            if score.judged:
                files.setdefault(score.sha256, score)
        for score in files.values():
            logits.append(score.logit)
            kinds.append(kind_of_score(score, carrier))
            names.append(name)
            collections.append(score.generator)
    end_of_passes()
    if not logits:
        raise ValueError(f"none of {len(photographs)} photographs can be judged: there is nothing to calibrate on")
    calibration = Calibration(
        np.array(logits, np.float32), tuple(kinds), tuple(names), tuple(collections), detector.weights.sha256, about
    )
    return calibration, tuple(failures)


def left_out_evidence(calibration: Calibration) -> dict[tuple[str, str], tuple[int, int]]:
    """Count the photographs of each collection that would be evidence if the others alone were the calibration.

    Photographs that a user brings come from no collection of the calibration; this is what can be known of them
    without looking at any others.

    Parameters
    ----------
    calibration : Calibration
        Logits of two collections or more.

    Returns
    -------
    dict of (str, str) to (int, int)
        By collection and carrier: photographs that are evidence, and all.

    Raises
    ------
    ValueError
        One collection only.
    """
    collections = np.array(calibration.collections)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for collection in dict.fromkeys(calibration.collections):
        rest = calibration.only(collections != collection)
        for index in np.flatnonzero(collections == collection):
            key = collection, calibration.carriers[index]
            evidence, photographs = counts.get(key, (0, 0))
            verdict = rest.rate(float(calibration.logits[index]), calibration.kinds[index]).verdict
            counts[key] = evidence + (verdict == "evidence"), photographs + 1
    return counts
