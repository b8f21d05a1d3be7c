"""Stages of any network that have weights."""

from __future__ import annotations

from typing import Final

from torch import nn

_FEWEST_STAGES: Final = 4


def weighted_stages(network: nn.Module) -> tuple[str, ...]:
    """Name the stages of a network that have weights, from the logit down.

    Children that only hold others are opened until there are four stages, or nothing is left to open.

    >>> features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    >>> weighted_stages(nn.Sequential(features, nn.Linear(4, 1)))
    ('1', '0.2', '0.0')
    """
    stages = _weighted_children(network, "")
    while len(stages) < _FEWEST_STAGES:
        opened = [below for name in stages for below in _opened(network, name)]
        if opened == stages:
            break
        stages = opened
    return tuple(reversed(stages))


def has_weights(module: nn.Module) -> bool:
    """Whether a module or one below it has weights that can be put in random order."""
    return any(parameter.ndim >= 2 for parameter in module.parameters())


def _weighted_children(module: nn.Module, prefix: str) -> list[str]:
    return [f"{prefix}{name}" for name, child in module.named_children() if has_weights(child)]


def _opened(network: nn.Module, name: str) -> list[str]:
    stage = network.get_submodule(name)
    below = _weighted_children(stage, f"{name}.")
    has_weights = any(parameter.ndim >= 2 for parameter in stage.parameters(recurse=False))
    return [name] if has_weights or not below else below
