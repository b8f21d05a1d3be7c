"""From trained parts to one detector: their logits on a common scale, found on photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.resnet import Detector
from freqforensics.detector.score import score_files
from freqforensics.perturbations.perturb import Perturbation
from freqforensics.sources.records import ImageRecord
from freqforensics.training.everyday_sources import part_paths as part_paths

MEDIAN: Final = 0.5
EXTREME: Final = 0.99
"""The quantiles of the photographs' logits that become 0 and 1."""


def fuse_detectors(
    parts: Mapping[str, Detector],
    shares: Mapping[str, tuple[Perturbation | None, Sequence[ImageRecord]]],
    *,
    progress: str | None = None,
) -> tuple[FusedDetector, dict[str, tuple[float, float]]]:
    """Put detectors on a common scale and fuse them.

    Parameters
    ----------
    parts : mapping of str to Detector
        Trained detectors by name.
    shares : mapping of str to (Perturbation or None, sequence of ImageRecord)
        Photographs that no part was trained on, by what is done to them first.
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    FusedDetector
        In evaluation mode. Of each part, the median photograph has the logit 0, the one at the 99th percentile 1.
    dict of str to (float, float)
        Factor and offset of each part.

    Raises
    ------
    ValueError
        No photograph that can be judged; as `score_files`.
    """
    scales: dict[str, tuple[float, float]] = {}
    for name, part in parts.items():
        logits: list[float] = []
        for carrier, photographs in shares.values():
            if photographs:
                bar = f"{progress} {name}" if progress else None
                table = score_files(photographs, part, perturb=carrier, progress=bar)
                logits += [score.logit for score in table.scores if score.judged]
        scales[name] = common_scale(np.array(logits))
    return FusedDetector(parts, scales=scales).eval(), scales


def common_scale(logits: NDArray[np.float64]) -> tuple[float, float]:
    """Give the factor and offset that take photographs' median logit to 0 and their 99th percentile to 1.

    Parameters
    ----------
    logits : ndarray, shape (N,)

    Raises
    ------
    ValueError
        No logit, or all the same.
    """
    if not len(logits):
        raise ValueError("no photograph could be judged")
    low, high = np.quantile(logits, (MEDIAN, EXTREME))
    if not high > low:
        raise ValueError("all photographs have the same logit")
    return float(1 / (high - low)), float(-low / (high - low))
