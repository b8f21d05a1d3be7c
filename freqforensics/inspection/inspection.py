"""One image, one detector, one finding: every question of `freqforensics inspect`, asked in order."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from freqforensics._version import __version__
from freqforensics.attribution.path import Baseline
from freqforensics.detector.calibrated import CalibratedDetector, known_detector, open_detector
from freqforensics.detector.inference import folded
from freqforensics.detector.resnet import Detector
from freqforensics.detector.weights import DEFAULT
from freqforensics.inspection.explanation import explain_finding
from freqforensics.inspection.finding import FORMAT, DetectorParts, Finding, PhotographRate, ScoredView
from freqforensics.inspection.judging import JudgedImage, judge_image
from freqforensics.perturbations.canvases import Region
from freqforensics.spectra.population import Population

Uint8 = NDArray[np.uint8]

SHOWN: Final = 640
"""Longest side, in pixels, of the picture of the whole image."""


def inspect(
    image: Uint8 | str | Path,
    detector: CalibratedDetector | Detector | None = None,
    *,
    region: Region | None = None,
    baseline: Baseline | None = None,
    population: Population | None = None,
    fast: bool = False,
    salvage: bool = False,
    seed: int = 0,
    progress: str | None = None,
) -> Finding:
    """Find out why an image is scored as it is.

    Up to five views of the photographic region are scored as by `score_files`. The one whose logit is the median is
    explained; of a fused detector, its part that adds most.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3), or path
    detector : CalibratedDetector or Detector, optional
        Default the one that ships.
    region : (int, int, int, int), optional
        x, y, width, height of the part to judge, pixels; default what `find_region` finds.
    baseline : str, optional
        As of `integrate_path`; default the one that suits the detector.
    population : Population, optional
        To hold the image's spectrum against; default the one that ships.
    fast : bool
        Fewer steps and controls; no Shapley values, occlusion, band stops or stability; weights made random at once.
    salvage : bool
        As in `read_image`.
    seed : int
        Of everything random.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Finding
        Of an image without a photographic region: that it cannot be judged, and why.

    Raises
    ------
    ImageReadError, FileNotFoundError
        The file cannot be read.
    ValueError
        An array that is no image; a region outside the image or with a side under 64 pixels.
    """
    given = detector if isinstance(detector, CalibratedDetector) else None
    if given is None:
        if detector is not None and not isinstance(detector, Detector):
            raise TypeError(f"detector must be a Detector or of open_detector, got {type(detector).__name__}")
        given = open_detector(DEFAULT) if detector is None else known_detector(detector)
    judged = judge_image(image, given, region=region, scorer=folded(given.detector), salvage=salvage)
    settings: dict[str, str | int | float | bool | None] = {
        "region": None if region is None else ",".join(map(str, region)),
        "baseline": baseline,
        "fast": fast,
        "seed": seed,
        "low": _finite(judged.thresholds.low),
        "high": _finite(judged.thresholds.high),
        "freqforensics": __version__,
    }
    finding = Finding(
        format=FORMAT,
        freqforensics=__version__,
        verdict=judged.verdict,
        domain=judged.domain.reason,
        image=judged.about,
        weights=given.weights,
        thresholds=judged.thresholds,
        settings=settings,
        settings_sha256=hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
        maps={"image": _small(judged.pixels)},
    )
    if judged.domain.region is None:
        return finding
    finding = replace(
        finding,
        logit=judged.logit,
        probability=float(expit(judged.logit)) if judged.rate is None else None,
        rate=None if judged.rate is None else judged.rate.rate,
        rate_of=None
        if judged.rate is None
        else PhotographRate(judged.rate.above, judged.rate.photographs, str(judged.rate.kind)),
        region=judged.domain.region,
        views=tuple(ScoredView(box, float(logit)) for box, logit in zip(judged.boxes, judged.logits, strict=True)),
        view=judged.median,
        parts=_parts(judged),
    )
    return explain_finding(
        finding,
        judged,
        given.detector,
        baseline=baseline,
        population=population,
        fast=fast,
        seed=seed,
        progress=progress,
    )


def _parts(judged: JudgedImage) -> DetectorParts | None:
    if not judged.parts:
        return None
    logits = {name: float(values[judged.median]) for name, values in judged.parts.items()}
    return DetectorParts(logits, max(logits, key=lambda name: logits[name]))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _small(pixels: Uint8) -> Uint8:
    """The whole image, made smaller if need be, to be shown."""
    scale = min(1.0, SHOWN / max(pixels.shape[:2]))
    if scale == 1.0:
        return pixels
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
