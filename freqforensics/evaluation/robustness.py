"""How a detector's ranking holds when images are blurred, compressed, resized."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final

from freqforensics.detector import Detector, ScoreTable, score_files, weights_sha256
from freqforensics.evaluation.evaluate import evaluate_tables
from freqforensics.images import ImageRecord, records_sha256
from freqforensics.images.augmentation import double_jpeg, social
from freqforensics.images.perturb import JPEG, Blur, Chain, Perturbation, Resize, WebP
from freqforensics.provenance import claim_folder, replacing

QUALITIES: Final = (100, 90, 80, 70, 60, 50, 40, 30)


@dataclass(frozen=True)
class Sweep:
    """One perturbation at several strengths.

    Parameters
    ----------
    name : str
    axis : str
        What varies, with its unit.
    values : tuple of float
        From weak to strong.
    make : callable
        From a value to a perturbation; None for what changes nothing.
    """

    name: str
    axis: str
    values: tuple[float, ...]
    make: Callable[[float], Perturbation | None]


def _blur(sigma: float) -> Perturbation | None:
    return Blur(sigma) if sigma else None


def _resize(scale: float) -> Perturbation | None:
    return Resize(scale, "antialiased") if scale != 1 else None


def _blur_and_jpeg(sigma: float) -> Perturbation:
    return Chain((Blur(sigma), JPEG(round(100 - 15 * sigma)))) if sigma else JPEG(100)


def _twice(quality: float) -> Perturbation:
    return double_jpeg(90, int(quality), shift=4)


def _social(quality: float) -> Perturbation:
    return social(0.75, int(quality))


SWEEPS: Final[dict[str, Sweep]] = {
    sweep.name: sweep
    for sweep in (
        Sweep("blur", "Gaussian blur: sigma (pixels)", (0, 1, 2, 3, 4), _blur),
        Sweep("jpeg", "JPEG: quality", QUALITIES, lambda q: JPEG(int(q))),
        Sweep("webp", "WebP: quality", QUALITIES, lambda q: WebP(int(q))),
        Sweep("resize", "resize, antialiased: factor", (2, 1.5, 1.25, 1, 0.75, 0.5), _resize),
        Sweep("double-jpeg", "JPEG 90, shifted by 4, JPEG: quality", QUALITIES, _twice),
        Sweep("blur+jpeg", "blur and JPEG of quality 100 − 15 sigma: sigma", (0, 1, 2, 3, 4), _blur_and_jpeg),
        Sweep("social", "resize by 0.75 and JPEG: quality", (90, 80, 70, 60), _social),
    )
}
"""Sigma 0 to 4 and quality 100 to 30 are the protocol of Wang et al.'s successors. Blur is the sound one."""


@dataclass(frozen=True)
class RobustnessRow:
    """AP of one generator at one strength of one sweep.

    Parameters
    ----------
    sweep : str
    value : float
    generator : str
    ap, ap_low, ap_high : float
        With a 95 % bootstrap interval.
    accuracy : float
        At a probability of one half.
    real, fake : int
        Images.
    """

    sweep: str
    value: float
    generator: str
    ap: float
    ap_low: float
    ap_high: float
    accuracy: float
    real: int
    fake: int


@dataclass(frozen=True)
class Robustness:
    """What `sweep_robustness` found.

    Parameters
    ----------
    rows : tuple of RobustnessRow
    failures : tuple of (str, str)
        Path and reason of every file that could not be scored.
    work : dict
        What it depends on, JSON values: hashes of weights and images, crop, sweeps.
    miniatures : bool
        The images are simulated.
    """

    rows: tuple[RobustnessRow, ...]
    failures: tuple[tuple[str, str], ...]
    work: dict[str, Any]
    miniatures: bool = False

    def save(self, folder: str | Path) -> None:
        """Write ``robustness.csv``."""
        with replacing(Path(folder) / "robustness.csv") as temporary, temporary.open("w", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(field.name for field in fields(RobustnessRow))
            writer.writerows(astuple(row) for row in self.rows)

    def curve(self, sweep: str, generator: str) -> list[RobustnessRow]:
        """The rows of one line of the figure."""
        return [row for row in self.rows if (row.sweep, row.generator) == (sweep, generator)]


def sweep_robustness(
    records: Sequence[ImageRecord],
    detector: Detector,
    out: str | Path,
    *,
    sweeps: Sequence[str] = tuple(SWEEPS),
    crop: str = "center",
    engine: str = "torch",
    resume: bool = False,
    resamples: int = 200,
    miniatures: bool = False,
    progress: bool = False,
) -> Robustness:
    """Score images at every strength of some sweeps; broken off and called again, go on where it was.

    Parameters
    ----------
    records : sequence of ImageRecord
    detector : Detector
    out : str or Path
        Gets ``cells/`` with the scores at each strength, written when they are all made.
    sweeps : sequence of str
        Of `SWEEPS`.
    crop, engine : str
        As for `score_files`; images are perturbed first, then cropped.
    resume : bool
        Go on with what is in `out`.
    resamples : int
        Of the bootstrap.
    miniatures : bool
        The images are simulated.
    progress : bool

    Returns
    -------
    Robustness

    Raises
    ------
    ValueError
        No such sweep; as `score_files`, `evaluate_tables` and `claim_folder`.
    """
    unknown = [name for name in sweeps if name not in SWEEPS]
    if unknown or not sweeps:
        raise ValueError(f"sweeps must be of {', '.join(SWEEPS)}; got {', '.join(unknown) or 'none'}")
    labelled = [record for record in records if record.label != "unknown"]
    identity = {
        "weights": weights_sha256(detector),
        "images": records_sha256(labelled),
        "crop": crop,
        "sweeps": list(sweeps),
    }
    folder = claim_folder(out, identity, resume=resume)
    rows: list[RobustnessRow] = []
    failures: dict[str, str] = {}
    cells = [(SWEEPS[name], value) for name in sweeps for value in SWEEPS[name].values]
    for number, (sweep, value) in enumerate(cells, 1):
        perturbation = sweep.make(value)
        # What changes nothing is one cell, whichever sweep it stands in.
        place = folder / "cells" / (f"{sweep.name}-{value:g}.csv" if perturbation else "unchanged.csv")
        if place.exists():
            table = ScoreTable.load(place)
        else:
            bar = f"{number}/{len(cells)} {sweep.name} {value:g}" if progress else None
            table = score_files(
                labelled,
                detector,
                crop=crop,  # type: ignore[arg-type]  # checked there
                engine=engine,  # type: ignore[arg-type]
                perturb=perturbation,
                progress=bar,
            )
            if not table.scores:
                first = ": ".join(table.failures[0])
                raise ValueError(f"no image could be scored at {sweep.name} {value:g}; the first: {first}")
            table.save(place)
        scored = {score.path for score in table.scores}
        known = dict(table.failures)
        for record in labelled:
            path = str(record.path)
            if path not in scored:
                failures.setdefault(path, known.get(path, "could not be scored"))
        evaluation = evaluate_tables([table], resamples=resamples)
        rows += [
            RobustnessRow(
                sweep.name,
                float(value),
                found.generator,
                found.metrics.ap,
                found.ap_interval.low,
                found.ap_interval.high,
                found.metrics.accuracy,
                found.metrics.real,
                found.metrics.fake,
            )
            for found in evaluation.generators
        ]
    return Robustness(tuple(rows), tuple(failures.items()), identity, miniatures)
