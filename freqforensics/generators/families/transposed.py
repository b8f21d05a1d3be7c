"""Up-paths of transposed convolutions: lattices of unequal polyphase sums (Odena et al. 2016)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freqforensics.generators.families.decoder import Code, Decoder
from freqforensics.generators.registry import Plan


class DCGAN(Decoder):
    """Transposed 4x4 convolutions of stride 2, the last of them straight to colours.

    Radford, Metz, Chintala, ICLR 2016, arXiv 1511.06434. Kept: transposed convolution, batch normalisation, ReLU; no
    convolution in between, no normalisation before the tanh. The kernel is the 4x4 of the customary implementations
    (the paper draws 5x5). Left out: the noise vector's projection, for a 1x1 convolution of the content; all but the
    last layers.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels = [plan.channels(remaining) for remaining in range(plan.layers, 0, -1)]
        layers: list[nn.Module] = [nn.Conv2d(plan.content, channels[0], 1, bias=False)]
        layers += [nn.BatchNorm2d(channels[0]), nn.ReLU()]
        for inputs, outputs in pairwise(channels):
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(channels[-1], 3, 4, 2, 1), nn.Tanh())

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.body(code.content)


class Pix2pix(Decoder):
    """A U-Net's transposed 4x4 convolutions of stride 2, each followed by what the encoder saw at that size.

    Isola, Zhu, Zhou, Efros, CVPR 2017, arXiv 1611.07004. Kept: ReLU before each transposed convolution, batch
    normalisation after it, concatenated skips, tanh after the last, which gives colours. Left out: dropout (it belongs
    to the innermost layers), the 4x4 strided convolutions of the encoder.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"skips"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.ups = nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, 0, -1):
            outputs = plan.channels(remaining)
            self.ups.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
                    nn.BatchNorm2d(outputs),
                )
            )
            inputs = outputs + plan.skips
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(inputs, 3, 4, 2, 1), nn.Tanh())

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x = code.content
        for up, skip in zip(self.ups, code.skips, strict=True):
            x = torch.cat([up(x), skip], dim=1)
        return self.last(x)


class _InstanceNormResidual(nn.Module):
    """Two 3x3 convolutions with instance normalisation, added to their input."""

    def __init__(self, channels: int, *, padding: Literal["reflect", "zeros"], affine: bool) -> None:
        super().__init__()

        def conv() -> nn.Conv2d:
            return nn.Conv2d(channels, channels, 3, padding=1, padding_mode=padding, bias=not affine)

        def norm() -> nn.InstanceNorm2d:
            return nn.InstanceNorm2d(channels, affine=affine)

        self.body = nn.Sequential(conv(), norm(), nn.ReLU(), conv(), norm())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class CycleGAN(Decoder):
    """Transposed 3x3 convolutions of stride 2: one tap on even, two on odd places, and so the strongest checkerboard.

    Zhu, Park, Isola, Efros, ICCV 2017, arXiv 1703.10593. Kept: a residual block with reflected borders, instance
    normalisation without scale and shift, ReLU, the 7x7 convolution to colours and its tanh. Left out: eight of the
    nine residual blocks. Instance normalisation forgets a picture's brightness and contrast, which a translator may
    change and an autoencoder may not: they are taken off before and put back after.
    """

    restores_contrast: ClassVar[bool] = True

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        inputs = plan.content
        layers: list[nn.Module] = [_InstanceNormResidual(inputs, padding="reflect", affine=False)]
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            up = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)
            layers += [up, nn.InstanceNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(inputs, 3, 7), nn.Tanh())

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.body(code.content)


class StarGAN(Decoder):
    """Transposed 4x4 convolutions of stride 2 between instance normalisations with scale and shift.

    Choi et al., CVPR 2018, arXiv 1711.09020. Kept: a residual block with zeros at the borders, convolutions without
    bias, ReLU, the 7x7 convolution to colours and its tanh. Left out: five of the six residual blocks, the domain
    label. Brightness and contrast as for `CycleGAN`.
    """

    restores_contrast: ClassVar[bool] = True

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        inputs = plan.content
        layers: list[nn.Module] = [_InstanceNormResidual(inputs, padding="zeros", affine=True)]
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
            layers += [up, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU()]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Conv2d(inputs, 3, 7, padding=3, bias=False), nn.Tanh())

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.body(code.content)


class SITD(Decoder):
    """A U-Net's transposed 2x2 convolutions of stride 2, and a pixel shuffle at the end: learning to see in the dark.

    Chen, Chen, Xu, Koltun, CVPR 2018, arXiv 1805.01934. Kept: transposed convolutions without bias, concatenated
    skips, two 3x3 convolutions with leaky ReLU (0.2) after each, a 1x1 convolution to 12 channels that a pixel shuffle
    makes colours at twice the size (in the paper it undoes the packing of the Bayer pattern); no normalisation. Left
    out: the raw sensor's input.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"skips"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.ups, self.convs = nn.ModuleList(), nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, 0, -1):
            outputs = plan.channels(remaining)
            self.ups.append(nn.ConvTranspose2d(inputs, outputs, 2, 2, bias=False))
            self.convs.append(
                nn.Sequential(
                    nn.Conv2d(outputs + plan.skips, outputs, 3, padding=1),
                    nn.LeakyReLU(0.2),
                    nn.Conv2d(outputs, outputs, 3, padding=1),
                    nn.LeakyReLU(0.2),
                )
            )
            inputs = outputs
        self.last = nn.Conv2d(inputs, 12, 1)

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x = code.content
        for up, conv, skip in zip(self.ups, self.convs, code.skips, strict=True):
            x = conv(torch.cat([up(x), skip], dim=1))
        return F.pixel_shuffle(self.last(x), 2)
