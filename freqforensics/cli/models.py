"""Detectors of the user's own code, MODULE:FUNCTION."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        No module of that name, or no MODULE:FUNCTION.
    """
    names = [weights] if isinstance(weights, str) else list(weights or [DEFAULT_WEIGHTS])
    if model is None:
        return names
    if names != [DEFAULT_WEIGHTS]:
        raise Failed("--model takes the place of --weights: give one of them")
    module, _ = _parsed(model)
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ValueError(f"model must name a module in this folder or installed, got {module!r}, which is not there")
    return []


def chosen_detector(weights: str, model: str | None, device: str) -> str | Detector:
    """Give the weights, or with a model the detector that its function returns, on a device.

    Raises
    ------
    ValueError
        The user's code fails, or returns no detector.
    """
    if model is None:
        return weights
    detector = _returned(model)
    if next(detector.parameters(), None) is not None:
        from freqforensics.runtime.device import chosen_device

        detector = detector.to(chosen_device(device))
    return detector


def _returned(model: str) -> Detector:
    from freqforensics.detector.resnet import Detector
    from freqforensics.detector.wrap import wrap

    module, name = _parsed(model)
    try:
        function: Any = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        given = function() if _is_maker(function) else function
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"model must return a detector, got {type(error).__name__}: {reason}") from error
    try:
        return given if isinstance(given, Detector) else wrap(given)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _is_maker(thing: Any) -> bool:
    """Whether a thing returns a model, and is none itself."""
    from torch import nn

    return not isinstance(thing, nn.Module)


def _parsed(model: str) -> tuple[str, str]:
    module, colon, name = model.partition(":")
    if not colon or not all(word.isidentifier() for word in (*module.split("."), *name.split("."))):
        raise ValueError(f"model must be MODULE:FUNCTION, such as my_detector:make, got {model!r}")
    return module, name
