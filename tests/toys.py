"""Detectors for tests whose logits are known in closed form, calibrated on logits that are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from freqforensics.detector import Detector, weights_sha256
from freqforensics.detector.calibrated import CalibratedDetector, known_detector
from freqforensics.detector.calibration import Calibration
from freqforensics.regions.kinds import ImageKind


class Roughness(nn.Module):
    """Ten times the mean absolute difference of horizontal neighbours, of the prepared image."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(10.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3))[:, None]


def rough_detector() -> Detector:
    return Detector(Roughness()).eval()


def calibrated(detector: Detector, logits: Sequence[float], kind: ImageKind | None = None) -> CalibratedDetector:
    """Calibrate on photographs of one kind; default of a kind that no image has, so that all of them count for all."""
    kinds = (kind or ImageKind("JPEG", "4:1:1", "low", "small"),) * len(logits)
    names = ("as-is",) * len(logits), ("toys",) * len(logits)
    values = np.asarray(logits, np.float32)
    return known_detector(
        detector, calibration=Calibration(values, kinds, *names, weights_sha256(detector), "drawn for a test")
    )
