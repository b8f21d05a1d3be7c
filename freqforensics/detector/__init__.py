"""The ResNet-50 detector of Wang et al. 2020. What needs torch is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "CheckpointError": "checkpoint",
    "Detector": "resnet",
    "InputKind": "resnet",
    "attribution_safe": "resnet",
    "load_detector": "checkpoint",
    "make_detector": "resnet",
    "prepare_input": "resnet",
    "save_detector": "checkpoint",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from freqforensics.detector.checkpoint import (
        CheckpointError as CheckpointError,
        load_detector as load_detector,
        save_detector as save_detector,
    )
    from freqforensics.detector.resnet import (
        Detector as Detector,
        InputKind as InputKind,
        attribution_safe as attribution_safe,
        make_detector as make_detector,
        prepare_input as prepare_input,
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"freqforensics.detector.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'freqforensics.detector' has no attribute {name!r}")
