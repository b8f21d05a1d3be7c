"""A fit under way: what it depends on, its steps, and the state that is stored to resume it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from freqforensics.generators.miniature import ALAEMiniature, make_miniature
from freqforensics.generators.registry import Plan
from freqforensics.runtime.writing import replacing

Uint8 = NDArray[np.uint8]

ADVERSARIAL_FROM: Final = 0.75
"""Part of the steps after which the adversarial term sets in."""

STATISTICS_UNTIL: Final = 0.1
"""Part of the steps during which batch normalisation follows the batch. From then on the network learns with the
statistics gathered so far, as it is used later: batches of four are too small to stand for all photos."""


@dataclass(frozen=True)
class FitConfig:
    """How a miniature is fitted: everything that the result depends on besides the photos.

    Parameters
    ----------
    family : str
        Name of the family.
    steps : int
        Number of steps.
    size : int
        Side of the training crops, pixels; divisible by 2^layers.
    batch : int
        Crops in a step.
    seed : int
        Random seed of the initial weights, the crops and the noise.
    learning_rate : float
        Adam's learning rate, warmed up over the first twentieth of the steps, then lowered to zero along a cosine.
    adversarial : bool
        Add a hinge term against a small patch discriminator for the last quarter of the steps.
    adversarial_weight : float
        Weight of the adversarial term relative to L1, for photos in 0 .. 1.
    plan : Plan
        Sizes of the miniature.

    Examples
    --------
    The learning rate is warmed up, then lowered to zero.

    >>> config = FitConfig("progan", steps=1000)
    >>> [round(config.rate(step), 4) for step in (0, 50, 500, 999)]
    [0.0001, 0.003, 0.0016, 0.0]
    """

    family: str
    steps: int = 8000
    size: int = 64
    batch: int = 4
    seed: int = 0
    learning_rate: float = 3e-3
    adversarial: bool = False
    adversarial_weight: float = 0.02
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.plan.check_size(self.size)
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")

    def rate(self, step: int) -> float:
        """Learning rate at a step, counted from 0.

        Parameters
        ----------
        step : int
            Number of the step, from 0.
        """
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


class FitRun:
    """A fit under way: everything that must be stored to resume it without a trace.

    Parameters
    ----------
    config : FitConfig
        What the result depends on besides the photos.
    device : str
        Where torch computes.
    """

    def __init__(self, config: FitConfig, device: str) -> None:
        self.config, self.device = config, device
        self.model = make_miniature(config.family, plan=config.plan, seed=config.seed).to(device).train()
        torch.manual_seed(config.seed)
        self.discriminator = _patch_discriminator().to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), betas=(0.9, 0.99))
        self.against = torch.optim.Adam(self.discriminator.parameters(), lr=4e-4, betas=(0.5, 0.99))
        self.rng = np.random.default_rng(config.seed)
        self.step = 0

    def advance(self, photos: Sequence[Uint8]) -> float:
        """Take one step; return its L1."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate(self.step)
        settled = self.step >= STATISTICS_UNTIL * self.config.steps
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(not settled)
        batch = self._draw(photos)
        pictures = self.model(batch)
        distance = F.l1_loss(pictures, batch)
        loss = distance
        if isinstance(self.model, ALAEMiniature):
            loss = loss + 0.1 * self.model.latent_loss(self.model.encode(batch))
        if self.config.adversarial and self.step >= ADVERSARIAL_FROM * self.config.steps:
            self._train_discriminator(batch, pictures.detach())
            with _frozen(self.discriminator):
                loss = loss - self.config.adversarial_weight * self.discriminator(pictures).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return float(distance.detach())

    def store(self, path: Path) -> None:
        """Write the state to a file."""
        content = {
            "config": json.dumps(asdict(self.config)),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "against": self.against.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "numpy_rng": json.dumps(self.rng.bit_generator.state),
        }
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)

    def resume(self, path: Path) -> None:
        """Read a state that `store` wrote; ValueError if it is not one, or of another configuration."""
        try:
            content: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            config = content["config"]
        except Exception as error:
            raise ValueError(f"{path} holds no unfinished fit: {error}") from error
        if config != json.dumps(asdict(self.config)):
            raise ValueError(f"{path} holds a fit of another configuration, {config}: remove it to start again")
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.discriminator.load_state_dict(content["discriminator"])
        self.against.load_state_dict(content["against"])
        torch.set_rng_state(content["torch_rng"].cpu())
        self.rng.bit_generator.state = json.loads(content["numpy_rng"])
        self.step = content["step"]

    def _draw(self, photos: Sequence[Uint8]) -> Tensor:
        size, crops = self.config.size, []
        for index in self.rng.integers(len(photos), size=self.config.batch):
            photo = photos[index]
            top, left = (int(self.rng.integers(side - size + 1)) for side in photo.shape[:2])
            crop = photo[top : top + size, left : left + size]
            crops.append(crop[:, ::-1] if self.rng.random() < 0.5 else crop)
        stacked = torch.from_numpy(np.stack(crops)).to(self.device)
        return stacked.permute(0, 3, 1, 2).float() / 255

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> None:
        loss = F.relu(1 - self.discriminator(real)).mean() + F.relu(1 + self.discriminator(fake)).mean()
        self.against.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.against.step()


def _patch_discriminator() -> nn.Module:
    """Judge patches of 22 pixels (Isola et al. 2017, smaller)."""
    return nn.Sequential(
        nn.Conv2d(3, 24, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(24, 48, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 1, 4, 1, 1),
    )


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in module.parameters():
            parameter.requires_grad_(True)
