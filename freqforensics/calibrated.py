"""A detector with its thresholds: by name, from a file, or from Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqforensics.detector.checkpoint import load_detector
from freqforensics.detector.inference import weights_sha256
from freqforensics.detector.resnet import Detector
from freqforensics.detector.weights import KNOWN, find_weights, model_card
from freqforensics.finding import Thresholds, UsedWeights


@dataclass(frozen=True)
class CalibratedDetector:
    """A detector, what it is, and between which logits nothing is concluded.

    Parameters
    ----------
    detector : Detector
    weights : UsedWeights
    thresholds : Thresholds
    """

    detector: Detector
    weights: UsedWeights
    thresholds: Thresholds


def open_detector(
    name_or_path: str | Path, *, thresholds: tuple[float, float] | None = None, device: str = "cpu"
) -> CalibratedDetector:
    """Load a detector by name or file, with the thresholds of its model card.

    Parameters
    ----------
    name_or_path : str or Path
        As for `find_weights`.
    thresholds : (float, float), optional
        Logits between which nothing is concluded. Default those of the model card; where there is none, the logits of
        the probabilities 0.1 and 0.9, which are then calibrated on nothing.
    device : str

    Returns
    -------
    CalibratedDetector

    Raises
    ------
    ValueError, FileNotFoundError
        As `find_weights` and `load_detector`; or thresholds that do not ascend.
    """
    detector = load_detector(find_weights(name_or_path), device=device).eval()
    name = str(name_or_path)
    known = KNOWN.get(name) if not Path(name).is_file() else None
    card = model_card(name) if known is not None and known.bundled else {}
    return known_detector(
        detector,
        name=name if known is not None else Path(name).name,
        notice=known.notice if known is not None else "",
        card=card,
        thresholds=thresholds,
    )


def known_detector(
    detector: Detector,
    *,
    name: str = "",
    notice: str = "",
    card: Mapping[str, Any] | None = None,
    thresholds: tuple[float, float] | None = None,
) -> CalibratedDetector:
    """Put beside a detector what is known of it; see `open_detector`."""
    if thresholds is not None:
        low, high, source = *thresholds, "given"
    elif card:
        low, high = card["thresholds"]["inconclusive"]
        error, images = card["thresholds"]["error"], card["calibration"]["images"]
        source = (
            f"model card: {error:.0%} of its photographs lie above, {error:.0%} of its fakes below ({images} images)"
        )
    else:
        low, high = -math.log(9), math.log(9)
        source = "none: probabilities of 0.1 and 0.9, calibrated on nothing"
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"thresholds must be finite and ascend, got {low} and {high}")
    weights = UsedWeights(name, weights_sha256(detector), detector.input, notice)
    return CalibratedDetector(detector, weights, Thresholds(float(low), float(high), source))
