"""Up-paths of pixel shuffle: every phase of the lattice has its own channels (Shi et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from freqforensics.generators.families.decoder import Code, Decoder
from freqforensics.generators.registry import Plan


class _ChannelAttention(nn.Module):
    """Scale channels by what their covariances say: second-order attention."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        centred = flat - flat.mean(dim=2, keepdim=True)
        covariance = centred @ centred.transpose(1, 2) / flat.shape[2]
        scale: Tensor = self.gate(covariance.mean(dim=2))
        return x * scale[:, :, None, None]


class SAN(Decoder):
    """Residual convolutions with second-order channel attention, then 3x3 convolutions and pixel shuffles by 2.

    Dai, Cai, Zhang, Xia, Zhang, CVPR 2019 (second-order attention network for super-resolution). Kept: attention from
    channel covariances, the up-sampler of convolution and pixel shuffle for each x2, 3x3 convolution to colours, no
    normalisation and no nonlinearity after the body. Left out: all but one residual group, the non-local modules, the
    covariance's matrix square root.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        inputs = plan.content
        self.body = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(inputs, inputs, 3, padding=1),
            _ChannelAttention(inputs),
        )
        layers: list[nn.Module] = []
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            layers += [nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.PixelShuffle(2)]
            inputs = outputs
        self.tail = nn.Sequential(*layers, nn.Conv2d(inputs, 3, 3, padding=1))

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.tail(code.content + self.body(code.content))


class Deepfake(Decoder):
    """Face-swapping autoencoders: 3x3 convolution, leaky ReLU (0.1), pixel shuffle by 2.

    The decoder of the `faceswap` programs, of which FaceForensics++ (Roessler et al., ICCV 2019, arXiv 1901.08971)
    takes its fakes. Kept: order of layers, no normalisation, 5x5 convolution to colours and its sigmoid. Left out: the
    dense bottleneck, the second decoder, the blending into a frame.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            layers += [nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.LeakyReLU(0.1), nn.PixelShuffle(2)]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Conv2d(inputs, 3, 5, padding=2))

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return 2 * torch.sigmoid(self.body(code.content)) - 1
