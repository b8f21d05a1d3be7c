"""Up-paths of interpolation and convolution: lines only where a nonlinearity follows before the next interpolation."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freqforensics.generators.families.decoder import Code, Decoder
from freqforensics.generators.layers import (
    ConditionalBatchNorm,
    LayerNorm,
    LinearUpsampling,
    PixelNorm,
    SpatialNorm,
)
from freqforensics.generators.registry import Plan
from freqforensics.generators.upsamplers import nearest


class ProGAN(Decoder):
    """Nearest neighbours, then two 3x3 convolutions with leaky ReLU and pixel normalisation.

    Karras, Aila, Laine, Lehtinen, ICLR 2018, arXiv 1710.10196. Kept: leaky ReLU (0.2) before the pixel normalisation,
    1x1 convolution to colours without tanh. Left out: the equalised learning rate (it scales the training, not the
    function), the fading in of layers.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            layers += [LinearUpsampling(nearest(2)), nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2)]
            layers += [PixelNorm(), nn.Conv2d(outputs, outputs, 3, padding=1), nn.LeakyReLU(0.2), PixelNorm()]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Conv2d(inputs, 3, 1))

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.body(code.content)


class _BigGANBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.up = LinearUpsampling(nearest(2))
        self.norm1, self.norm2 = ConditionalBatchNorm(inputs, style), ConditionalBatchNorm(outputs, style)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        h = self.conv1(self.up(F.relu(self.norm1(x, style))))
        h = self.conv2(F.relu(self.norm2(h, style)))
        return h + self.shortcut(self.up(x))


class BigGAN(Decoder):
    """Residual blocks that interpolate by nearest neighbours inside, with batch normalisation set by class and noise.

    Brock, Donahue, Simonyan, ICLR 2019, arXiv 1809.11096. Kept: normalisation, ReLU, nearest, 3x3 convolution,
    normalisation, ReLU, 3x3 convolution; a shortcut of nearest and 1x1 convolution; batch normalisation, ReLU, 3x3
    convolution, tanh at the end. The encoder's style stands for class and noise. Left out: spectral normalisation (a
    constraint of training), the self-attention at 64x64.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"style"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            self.blocks.append(_BigGANBlock(inputs, outputs, plan.style))
            inputs = outputs
        self.last = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, 3, 3, padding=1), nn.Tanh())

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x = code.content
        for block in self.blocks:
            x = block(x, code.style)
        return self.last(x)


class _SPADEBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, layout: int) -> None:
        super().__init__()
        middle, hidden = min(inputs, outputs), max(8, min(inputs, outputs) // 2)
        self.norm0 = SpatialNorm(inputs, layout, hidden)
        self.norm1 = SpatialNorm(middle, layout, hidden)
        self.norm_shortcut = SpatialNorm(inputs, layout, hidden)
        self.conv0 = nn.Conv2d(inputs, middle, 3, padding=1)
        self.conv1 = nn.Conv2d(middle, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, layout: Tensor) -> Tensor:
        h = self.conv0(F.leaky_relu(self.norm0(x, layout), 0.2))
        h = self.conv1(F.leaky_relu(self.norm1(h, layout), 0.2))
        return h + self.shortcut(self.norm_shortcut(x, layout))


class GauGAN(Decoder):
    """Nearest neighbours before residual blocks whose normalisation follows a layout pixel by pixel (SPADE).

    Park, Liu, Wang, Zhu, CVPR 2019, arXiv 1903.07291. Kept: the SPADE residual block with its learned shortcut, leaky
    ReLU (0.2), 3x3 convolution and tanh at the end. A one-hot map of the smoothed photo's grey levels stands for the
    segmentation. Left out: spectral normalisation.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"layout"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.up = LinearUpsampling(nearest(2))
        self.blocks = nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            self.blocks.append(_SPADEBlock(inputs, outputs, plan.layout))
            inputs = outputs
        self.last = nn.Conv2d(inputs, 3, 3, padding=1)

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x = code.content
        for block in self.blocks:
            x = block(self.up(x), code.layout)
        return torch.tanh(self.last(F.leaky_relu(x, 0.2)))


class CRN(Decoder):
    """Cascaded refinement: bilinear interpolation, the layout beside it, two 3x3 convolutions with layer normalisation.

    Chen and Koltun, ICCV 2017, arXiv 1707.09405. Kept: interpolation that lets the corners coincide, layout
    area-averaged to each size and concatenated, layer normalisation, leaky ReLU (0.2), 1x1 convolution to colours. The
    layout is that of `GauGAN`. Left out: the several images of one layout.

    With coinciding corners an image of side n is sampled at steps of (n - 1) / (2n - 1): its line lies half a bin of
    the whole image below 1/2, at another frequency for every size of image.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"layout"})
    noise: ClassVar[int] = 0

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.modules_ = nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            self.modules_.append(
                nn.Sequential(
                    nn.Conv2d(inputs + plan.layout + self.noise, outputs, 3, padding=1),
                    LayerNorm(outputs),
                    nn.LeakyReLU(0.2),
                    nn.Conv2d(outputs, outputs, 3, padding=1),
                    LayerNorm(outputs),
                    nn.LeakyReLU(0.2),
                )
            )
            inputs = outputs
        self.last = nn.Conv2d(inputs, 3, 1)

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x = code.content
        full = code.layout.shape[2:]
        source = torch.Generator().manual_seed(0)
        noise = torch.randn(x.shape[0], self.noise, *full, generator=source).to(x) if self.noise else None
        for module in self.modules_:
            size = (2 * x.shape[2], 2 * x.shape[3])
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=True)
            layout = F.interpolate(code.layout, size=size, mode="area")
            beside = [x, layout]
            if noise is not None:
                beside.append(F.interpolate(noise, size=size, mode="nearest"))
            x = module(torch.cat(beside, dim=1))
        return self.last(x)


class IMLE(CRN):
    """CRN with noise beside the layout: diverse images by implicit maximum likelihood.

    Li, Zhang, Malik, ICCV 2019, arXiv 1811.12373. Kept: CRN's modules, with channels of noise at every size, drawn at
    full size and subsampled for the others. It is drawn from a fixed seed, so the same photo gives the same image. Left
    out: the noise encoder, the matching of noise to images.
    """

    noise: ClassVar[int] = 4


class _LDMBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(4, inputs, eps=1e-6),
            nn.SiLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.GroupNorm(4, outputs, eps=1e-6),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class LDMVAE(Decoder):
    """The decoder of latent diffusion: residual blocks, nearest neighbours and a 3x3 convolution, three times.

    Rombach, Blattmann, Lorenz, Esser, Ommer, CVPR 2022, arXiv 2112.10752. Kept: group normalisation, swish, residual
    blocks, nearest and convolution, normalisation, swish and 3x3 convolution to colours, x8 in all. Left out: two of
    the three blocks of each size, the middle's self-attention, the noise of the latent; 4 groups of 32 and the
    latent has more than 4 channels, for a small network could not hold a photo in those.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        first = plan.channels(plan.layers)
        layers: list[nn.Module] = [nn.Conv2d(plan.content, first, 3, padding=1), _LDMBlock(first, first)]
        inputs = first
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            layers += [LinearUpsampling(nearest(2)), nn.Conv2d(inputs, inputs, 3, padding=1)]
            layers += [_LDMBlock(inputs, outputs)]
            inputs = outputs
        self.body = nn.Sequential(
            *layers, nn.GroupNorm(4, inputs, eps=1e-6), nn.SiLU(), nn.Conv2d(inputs, 3, 3, padding=1)
        )

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.body(code.content)
