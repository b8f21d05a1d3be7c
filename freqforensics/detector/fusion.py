"""Several detectors as one: their evidence is added.

Each part's logit is put on one scale first, on which photographs of all kinds lie alike: 0 is the median photograph,
1 the one out of a hundred that scores highest. The logit of the whole is their sum, as log likelihood ratios of
independent observations are added. So what each part adds is known, and the part that adds most can be explained by
itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqforensics.detector.resnet import Detector, InputKind

Uint8 = NDArray[np.uint8]


class Part(nn.Module):
    """A detector's network with the scale of its logit.

    Parameters
    ----------
    detector : Detector
    factor, offset : float
        The part's logit is `factor` times the network's, plus `offset`; `factor` is positive.
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, detector: Detector, *, factor: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        if not factor > 0:
            raise ValueError(f"factor must be positive, got {factor}")
        self.network = detector.network
        self.register_buffer("factor", torch.tensor(float(factor)))
        self.register_buffer("offset", torch.tensor(float(offset)))

    def forward(self, prepared: Tensor) -> Tensor:
        """Give scaled logits, (N, 1), of prepared images."""
        return self.scaled(self.network(prepared))

    def scaled(self, logits: Tensor) -> Tensor:
        """Put the network's logits on the common scale.

        Parameters
        ----------
        logits : Tensor, shape (N, 1)
            Logits of the network alone.

        Returns
        -------
        Tensor, shape (N, 1)
            The factor times these, plus the offset.
        """
        return logits * self.factor + self.offset


class FusedDetector(Detector):
    """Detectors of one image whose scaled logits are added.

    Parameters
    ----------
    parts : mapping of str to Detector
        By name, "local" and "coherence" of those that ship. Every network is shared, not copied.
    scales : mapping of str to (float, float)
        Factor and offset of each part's logit.

    Raises
    ------
    ValueError
        No part, a part with a band, or scales of other names.
    """

    def __init__(self, parts: Mapping[str, Detector], *, scales: Mapping[str, tuple[float, float]]) -> None:
        if not parts or set(parts) != set(scales):
            raise ValueError(f"parts and scales must have the same names, got {sorted(parts)} and {sorted(scales)}")
        if any(part.band is not None or isinstance(part, FusedDetector) for part in parts.values()):
            raise ValueError("a part must be a single detector without a band")
        networks = {name: Part(part, factor=scales[name][0], offset=scales[name][1]) for name, part in parts.items()}
        super().__init__(nn.ModuleDict(networks))
        self.input = cast("InputKind", "fused")  # no input of one network: see `inputs`
        self.inputs: dict[str, InputKind] = {name: part.input for name, part in parts.items()}

    @property
    def parts(self) -> dict[str, Detector]:
        """The parts as detectors of their own, whose logits are on the common scale; networks are shared."""
        network: Any = self.network
        parts = {name: Detector(network[name], input=kind) for name, kind in self.inputs.items()}
        for part in parts.values():
            part.training = self.training
        return parts

    def forward(self, prepared: Tensor) -> Tensor:
        """Refuse: the parts are fed with different inputs; see `logits` and `part_logits`."""
        raise TypeError("a fused detector has no single input: use logits, or one of its parts")

    @torch.no_grad()
    def logits(self, images: Sequence[Uint8]) -> NDArray[np.float32]:
        """Score images as they are, as `Detector.logits`: the sum of the parts' logits."""
        return np.asarray(np.sum(list(self.part_logits(images).values()), axis=0), np.float32)

    def part_logits(self, images: Sequence[Uint8]) -> dict[str, NDArray[np.float32]]:
        """Score images with every part.

        Parameters
        ----------
        images : sequence of ndarray of uint8, (H, W, 3)
            All of one size.

        Returns
        -------
        dict of str to ndarray of float32, shape (N,)
        """
        return {name: part.logits(images) for name, part in self.parts.items()}

    def strongest(self, image: Uint8) -> str:
        """Name the part whose logit of an image is the greatest."""
        logits = self.part_logits([image])
        return max(logits, key=lambda name: float(logits[name][0]))
