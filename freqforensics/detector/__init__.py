"""The ResNet-50 detector of Wang et al. 2020. What needs torch is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "CheckpointError": "checkpoint",
    "Detector": "resnet",
    "ScoreTable": "score",
    "TrainConfig": "recipe",
    "Training": "train",
    "InputKind": "resnet",
    "attribution_safe": "resnet",
    "load_detector": "checkpoint",
    "plan_training": "train",
    "score_files": "score",
    "train_detector": "train",
    "weights_sha256": "score",
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
    from freqforensics.detector.recipe import TrainConfig as TrainConfig
    from freqforensics.detector.resnet import (
        Detector as Detector,
        InputKind as InputKind,
        attribution_safe as attribution_safe,
        make_detector as make_detector,
        prepare_input as prepare_input,
    )
    from freqforensics.detector.score import (
        ScoreTable as ScoreTable,
        score_files as score_files,
        weights_sha256 as weights_sha256,
    )
    from freqforensics.detector.train import (
        Training as Training,
        plan_training as plan_training,
        train_detector as train_detector,
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"freqforensics.detector.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'freqforensics.detector' has no attribute {name!r}")
