"""Detectors by name: weights, or a model of the user's own code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freqforensics.cli.app import Failed
from freqforensics.cli.options import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from freqforensics.detector.resnet import Detector


def named_weights(weights: str | Sequence[str] | None, model: str | None) -> list[str]:
    """Give the names of weights to check and to load: none with a model, which is looked for, but not imported.

    Raises
    ------
    Failed
        Both are given.
    ValueError
        There is no such model.
    """
    names = [weights] if isinstance(weights, str) else list(weights or [DEFAULT_WEIGHTS])
    if model is None:
        return names
    if names != [DEFAULT_WEIGHTS]:
        raise Failed("--model takes the place of --weights: give one of them")
    from freqforensics.detector.named_model import check_named_model

    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    check_named_model(model)
    return []


def chosen_detector(weights: str, model: str | None, device: str) -> str | Detector:
    """Give the weights, or with a model the detector that its function returns, on a device.

    The user's code runs before torch is imported here: what it returns may be refused without it.

    Raises
    ------
    ValueError
        The user's code fails, or returns no detector.
    """
    if model is None:
        return weights
    from freqforensics.detector.named_model import returned_model

    returned = returned_model(model)
    from freqforensics.detector.resnet import Detector
    from freqforensics.detector.wrap import wrap

    try:
        detector = returned if isinstance(returned, Detector) else wrap(returned)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if next(detector.parameters(), None) is not None:
        from freqforensics.runtime.device import chosen_device

        detector = detector.to(chosen_device(device))
    return detector
