"""A detector with what its scores mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any

from freqforensics.detector.calibration import Calibration
from freqforensics.detector.checkpoint import load_detector
from freqforensics.detector.inference import weights_sha256
from freqforensics.detector.resnet import Detector
from freqforensics.detector.used_weights import ErrorRates, UsedWeights
from freqforensics.detector.verdict import Rate, Thresholds, Verdict
from freqforensics.detector.weights import KNOWN, SHELF, find_weights, model_card
from freqforensics.detector.wrap import UNSEEN, WrappedDetector
from freqforensics.regions.kinds import ImageKind


@dataclass(frozen=True)
class CalibratedDetector:
    """A detector, what it is, and what its scores mean.

    Parameters
    ----------
    detector : Detector
    weights : UsedWeights
    thresholds : Thresholds
        Thresholds for all kinds together; `thresholds_of` gives those for one kind.
    calibration : Calibration or None
        None of weights for which no photographs were scored: the verdict then goes by the thresholds alone.
    """

    detector: Detector
    weights: UsedWeights
    thresholds: Thresholds
    calibration: Calibration | None = None

    def thresholds_of(self, kind: ImageKind) -> Thresholds:
        """Give the logits between which nothing is concluded on an image of a kind."""
        return self.thresholds if self.calibration is None else self.calibration.thresholds(kind)

    def judge(self, logit: float, kind: ImageKind) -> tuple[Verdict, Rate | None]:
        """Give the verdict on an image of a kind, and the rate it follows from, if there is a calibration."""
        if self.calibration is None:
            return self.thresholds.verdict(logit), None
        rate = self.calibration.rate(logit, kind)
        return rate.verdict, rate


def open_detector(
    name_or_path: str | Path | Detector | CalibratedDetector,
    *,
    thresholds: tuple[float, float] | None = None,
    calibration: str | Path | Sequence[str | Path] | None = None,
    device: str = "cpu",
) -> CalibratedDetector:
    """Load a detector with its thresholds and calibration.

    Parameters
    ----------
    name_or_path : str, Path, Detector or CalibratedDetector
        Name of known weights, or a file. A detector, such as `wrap` gives, stays on its device; a calibrated one is
        given back as it is.
    thresholds : (float, float), optional
        Logits between which nothing is concluded, for every kind of image; no calibration is used then.
    calibration : str, Path or several, optional
        Calibrations of your own photographs, which are added to the one that ships.
    device : str
        Device that torch computes on: "auto", "cpu", "cuda", "mps", ...

    Returns
    -------
    CalibratedDetector
        Without thresholds, a calibration or a model card the thresholds are the logits of the probabilities 0.1 and
        0.9, which are calibrated on nothing.

    Raises
    ------
    ValueError, FileNotFoundError
        As `find_weights` and `load_detector`; thresholds that do not ascend; a calibration of other weights.

    Examples
    --------
    Between its two thresholds the detector concludes nothing.

    >>> detector = open_detector("everyday", thresholds=(-1.0, 3.0))
    >>> detector.weights.name, detector.thresholds.low, detector.thresholds.high
    ('everyday', -1.0, 3.0)
    """
    if isinstance(name_or_path, CalibratedDetector):
        return name_or_path
    if isinstance(name_or_path, Detector):
        added = [calibration] if isinstance(calibration, (str, Path)) else calibration or ()
        return known_detector(
            name_or_path,
            thresholds=thresholds,
            calibration=None if thresholds is not None else _all_of(tuple(map(str, added))),
        )
    if not isinstance(name_or_path, (str, Path)):
        raise TypeError(
            "detector must be a name, a file or a Detector, got"
            f" {type(name_or_path).__name__}: pass a model to freqforensics.wrap first"
        )
    detector = load_detector(find_weights(name_or_path), device=device).eval()
    name = str(name_or_path)
    known = KNOWN.get(name) if not Path(name).is_file() else None
    bundled = known is not None and known.bundled
    shipped = SHELF / f"{name}.npz"
    paths = [shipped] if bundled and shipped.is_file() else []
    if calibration is not None:
        paths += [Path(p) for p in ([calibration] if isinstance(calibration, (str, Path)) else calibration)]
    return known_detector(
        detector,
        name=name if known is not None else Path(name).name,
        notice=known.notice if known is not None else "",
        card=model_card(name) if bundled else {},
        thresholds=thresholds,
        calibration=None if thresholds is not None else _all_of(tuple(map(str, paths))),
    )


def known_detector(
    detector: Detector,
    *,
    name: str = "",
    notice: str = "",
    card: Mapping[str, Any] | None = None,
    thresholds: tuple[float, float] | None = None,
    calibration: Calibration | None = None,
) -> CalibratedDetector:
    """Combine a detector with its thresholds or calibration; see `open_detector`."""
    if isinstance(detector, WrappedDetector):
        name, notice = name or detector.name, notice or ("" if detector.has_weights else UNSEEN)
    rates = ErrorRates.of_card(card) if card else None
    weights = UsedWeights(name, weights_sha256(detector), detector.input, notice, rates)
    if calibration is not None:
        if calibration.weights != weights.sha256:
            raise ValueError(
                f"the calibration is of other weights ({calibration.weights[:12]}..., not {weights.sha256[:12]}...)"
            )
        return CalibratedDetector(detector, weights, calibration.thresholds(ImageKind()), calibration)
    if thresholds is not None:
        low, high, source = *thresholds, "given"
    elif card and "thresholds" in card:
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
    return CalibratedDetector(detector, weights, Thresholds(float(low), float(high), source))


@lru_cache(maxsize=4)
def _all_of(paths: tuple[str, ...]) -> Calibration | None:
    calibrations = [Calibration.load(path) for path in paths]
    return reduce(Calibration.merged, calibrations) if calibrations else None
