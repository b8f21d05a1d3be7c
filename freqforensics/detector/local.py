"""A small network at full resolution on a local residual: what is left of an image without its 3x3 median.

Neighbouring pixels of a decoder's output depend on each other in ways that a sensor's do not. That shows in the first
few pixels around each pixel, so nothing here is downsampled before it has been looked at (Gragnaniello et al., ICME
2021; Tan et al., CVPR 2024; Liang et al., NeurIPS 2025).
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

from freqforensics.detector.resnet import Detector, InputKind

WIDTHS: Final = (32, 64, 128)
"""Channels at full, half and quarter resolution."""
STRIDE: Final = 4
"""Pixels from one of the local network's last features to the next."""
REACH: Final = 23
"""Pixels to each side of a last feature's own that it depends on."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., CVPR 2016)."""

    def __init__(self, channels: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or channels != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        y = self.relu1(self.bn1(self.conv1(x)))
        features: Tensor = self.relu2(self.bn2(self.conv2(y)) + self.downsample(x))
        return features


class LocalNetwork(nn.Module):
    """Two convolutions at full resolution, two stages of two residual blocks at a half and a quarter, global average.

    0.7 million parameters; takes (N, 3, H, W) of any size from 32 pixels, gives (N, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        stem, half, quarter = WIDTHS
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, 1, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.Conv2d(stem, stem, 3, 1, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
        )
        self.layer1 = nn.Sequential(ResidualBlock(stem, half, 2), ResidualBlock(half, half, 1))
        self.layer2 = nn.Sequential(ResidualBlock(half, quarter, 2), ResidualBlock(quarter, quarter, 1))
        self.fc = nn.Linear(quarter, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Give logits, (N, 1)."""
        return self.decide(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Give the last features. Each depends on the pixels up to `REACH` around its own.

        Parameters
        ----------
        x : Tensor, shape (N, 3, H, W)
            Prepared images.

        Returns
        -------
        Tensor, shape (N, 128, H / 4, W / 4)
            One feature vector for every `STRIDE` pixels along each axis.
        """
        features: Tensor = self.layer2(self.layer1(self.stem(x)))
        return features

    def decide(self, features: Tensor) -> Tensor:
        """Give the logits for the last features.

        Parameters
        ----------
        features : Tensor, shape (N, 128, h, w)
            What `features` gives.

        Returns
        -------
        Tensor, shape (N, 1)
            A logit for each image.
        """
        logits: Tensor = self.fc(features.mean(dim=(2, 3)))
        return logits


class CoherenceNetwork(nn.Module):
    """The same blocks on an image of frequencies of 32 x 32 (`prepare_input`, "coherence").

    0.7 million parameters; takes (N, 3, 32, 32), gives (N, 1).
    """

    def __init__(self) -> None:
        super().__init__()
        stem, half, quarter = WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU())
        self.layer1 = nn.Sequential(ResidualBlock(stem, half, 1), ResidualBlock(half, half, 1))
        self.layer2 = nn.Sequential(ResidualBlock(half, quarter, 2), ResidualBlock(quarter, quarter, 1))
        self.layer3 = nn.Sequential(ResidualBlock(quarter, quarter, 2))
        self.fc = nn.Linear(quarter * 8 * 8, 1)
        nn.init.normal_(self.fc.weight, 0.0, 0.002)

    def forward(self, x: Tensor) -> Tensor:
        """Give logits, (N, 1)."""
        return self.decide(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Give features at half the resolution, in which most of the work is.

        Parameters
        ----------
        x : Tensor, shape (N, 3, 32, 32)
            Prepared images.

        Returns
        -------
        Tensor, shape (N, 128, 16, 16)
        """
        features: Tensor = self.layer2(self.layer1(self.stem(x)))
        return features

    def decide(self, features: Tensor) -> Tensor:
        """Give the logits for features; where in the plane something lies matters, so nothing is averaged.

        Parameters
        ----------
        features : Tensor, shape (N, 128, 16, 16)
            What `features` gives.

        Returns
        -------
        Tensor, shape (N, 1)
            A logit for each image.
        """
        logits: Tensor = self.fc(torch.flatten(self.layer3(features), 1))
        return logits


NETWORKS: Final[dict[str, tuple[type[nn.Module], InputKind]]] = {
    "local": (LocalNetwork, "local"),
    "coherence-small": (CoherenceNetwork, "coherence"),
}
"""By name: the network, and what it is fed with."""


def make_small_detector(name: str, *, seed: int | None = None) -> Detector:
    """Make an untrained detector with a small network.

    Parameters
    ----------
    name : {"local", "coherence-small"}
    seed : int, optional
        Random seed of the weights; without one they come from torch's global generator.

    Returns
    -------
    Detector
        In training mode.

    Raises
    ------
    ValueError
        No such network.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(NETWORKS)}; got {name!r}")
    network, kind = NETWORKS[name]
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        trunk: Any = network()
        return Detector(trunk, input=kind)
