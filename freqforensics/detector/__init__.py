"""The ResNet-50 detector of Wang et al. 2020. What needs torch is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freqforensics.lazy import lazy_names

_HOME = {
    "CheckpointError": "checkpoint",
    "Detector": "resnet",
    "ScoreTable": "score_table",
    "TrainConfig": "recipe",
    "Training": "train",
    "InputKind": "resnet",
    "WeightsError": "weights",
    "attribution_safe": "resnet",
    "fetch_weights": "weights",
    "find_weights": "weights",
    "load_detector": "checkpoint",
    "open_detector": "calibrated",
    "plan_training": "train",
    "score_files": "score",
    "train_detector": "train",
    "verify_weights": "weights",
    "weights_sha256": "inference",
    "make_detector": "resnet",
    "prepare_input": "resnet",
    "save_detector": "checkpoint",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from freqforensics.detector.calibrated import open_detector as open_detector
    from freqforensics.detector.checkpoint import (
        CheckpointError as CheckpointError,
        load_detector as load_detector,
        save_detector as save_detector,
    )
    from freqforensics.detector.inference import weights_sha256 as weights_sha256
    from freqforensics.detector.recipe import TrainConfig as TrainConfig
    from freqforensics.detector.resnet import (
        Detector as Detector,
        InputKind as InputKind,
        attribution_safe as attribution_safe,
        make_detector as make_detector,
        prepare_input as prepare_input,
    )
    from freqforensics.detector.score import score_files as score_files
    from freqforensics.detector.score_table import ScoreTable as ScoreTable
    from freqforensics.detector.train import (
        Training as Training,
        plan_training as plan_training,
        train_detector as train_detector,
    )
    from freqforensics.detector.weights import (
        WeightsError as WeightsError,
        fetch_weights as fetch_weights,
        find_weights as find_weights,
        verify_weights as verify_weights,
    )


__getattr__ = lazy_names(__name__, _HOME, globals())
