"""Up-paths of the StyleGANs: filtered upsampling, modulated by a style."""

from __future__ import annotations

from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freqforensics.generators.families.decoder import Code, Decoder
from freqforensics.generators.layers import (
    AdaptiveInstanceNorm,
    Blur,
    Decimation,
    LinearUpsampling,
    LowPass,
    ModulatedConv,
)
from freqforensics.generators.registry import Plan
from freqforensics.generators.upsamplers import kaiser, nearest

_GAIN: Final = 2**0.5
# Cycles per pixel. A nonlinearity of three frequencies that add to 1 would put a line on the lattice.
_BAND: Final = 0.3


class _StyledConv(nn.Module):
    """What follows a convolution in StyleGAN: bias (the convolution's), leaky ReLU, adaptive instance normalisation."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.norm = AdaptiveInstanceNorm(channels, style)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return self.norm(F.leaky_relu(x, 0.2), style)


class StyleGAN(Decoder):
    """Nearest neighbours, 3x3 convolution, the blur [1, 2, 1], leaky ReLU, instance normalisation set by the style.

    Karras, Laine, Aila, CVPR 2019, arXiv 1812.04948. Kept: that order, and a second convolution without a blur at each
    size; 1x1 convolution to colours without tanh. The encoder's content stands in the place of the learned constant
    and of the layers up to that size. Left out: the noise inputs, the eight-layer mapping network (see `ALAE`).
    """

    uses: ClassVar[frozenset[str]] = frozenset({"style"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.convs0, self.convs1 = nn.ModuleList(), nn.ModuleList()
        self.styled0, self.styled1 = nn.ModuleList(), nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            self.convs0.append(self.up(inputs, outputs))
            self.convs1.append(nn.Conv2d(outputs, outputs, 3, padding=1))
            self.styled0.append(_StyledConv(outputs, plan.style))
            self.styled1.append(_StyledConv(outputs, plan.style))
            inputs = outputs
        self.last = nn.Conv2d(inputs, 3, 1)

    @staticmethod
    def up(inputs: int, outputs: int) -> nn.Module:
        """Make the layer that doubles the size."""
        return nn.Sequential(
            LinearUpsampling(nearest(2)),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            Blur((1.0, 2.0, 1.0), padding=(1, 1)),
        )

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        return self.mix(code.content, [code.style] * (2 * len(self.convs0)))

    def mix(self, content: Tensor, styles: list[Tensor]) -> Tensor:
        """Make colours with a style for each of the 2 x layers convolutions, from coarse to fine."""
        x = content
        layers = zip(self.convs0, self.styled0, self.convs1, self.styled1, strict=True)
        for index, (conv0, styled0, conv1, styled1) in enumerate(layers):
            x = styled0(conv0(x), styles[2 * index])
            x = styled1(conv1(x), styles[2 * index + 1])
        return self.last(x)


class _FusedUp(nn.Module):
    """Nearest and 3x3 convolution at once: a transposed 4x4 convolution by the sum of four shifted 3x3 kernels.

    The sum, as in the original's `upscale2d_conv2d`; the mean belongs to its way down.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        kernel = F.pad(self.conv.weight.transpose(0, 1), (1, 1, 1, 1))
        kernel = kernel[..., 1:, 1:] + kernel[..., 1:, :-1] + kernel[..., :-1, 1:] + kernel[..., :-1, :-1]
        return F.conv_transpose2d(x, kernel, self.conv.bias, stride=2, padding=1)


class ALAE(StyleGAN):
    """StyleGAN's decoder in an adversarial latent autoencoder, with the fused up-layer of its large sizes.

    Pidhorskyi, Adjeroh, Doretto, CVPR 2020, arXiv 2004.04467. Kept: the transposed convolution whose kernel is four
    shifted copies of a 3x3 one, blur, leaky ReLU, style; a mapping network from noise to styles; styles that an encoder
    takes from the statistics of its features; see `ALAEMiniature` for what can be done with them. Left out: the noise
    inputs, the discriminator in the space of styles. The original keeps a whole picture in its style; here the content
    is a map beside it, as in all miniatures, or no small network would give the photo back.
    """

    @staticmethod
    def up(inputs: int, outputs: int) -> nn.Module:
        """Make the layer that doubles the size."""
        return nn.Sequential(_FusedUp(inputs, outputs), Blur((1.0, 2.0, 1.0), padding=(1, 1)))


class StyleGAN2(Decoder):
    """Transposed, modulated 3x3 convolutions of stride 2 and the filter [1, 3, 3, 1]; colours summed over the sizes.

    Karras et al., CVPR 2020, arXiv 1912.04958. Kept: modulation and demodulation in place of normalisation, leaky ReLU
    (0.2) of gain sqrt 2, two convolutions a size, 1x1 convolutions to colours at every size, enlarged by the same
    filter and added. Left out: the noise inputs, the equalised learning rate, the mapping network.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"style"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.ups, self.convs, self.colours = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        inputs = plan.content
        self.colours.append(ModulatedConv(inputs, 3, plan.style, kernel=1, demodulate=False))
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            self.ups.append(ModulatedConv(inputs, outputs, plan.style, up=True))
            self.convs.append(ModulatedConv(outputs, outputs, plan.style))
            self.colours.append(ModulatedConv(outputs, 3, plan.style, kernel=1, demodulate=False))
            inputs = outputs
        self.enlarge = Blur((1.0, 3.0, 3.0, 1.0), padding=(2, 1), gain=2.0)

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x, style = code.content, code.style
        total: Tensor = self.colours[0](x, style)
        for up, conv, colour in zip(self.ups, self.convs, self.colours[1:], strict=True):
            x = F.leaky_relu(up(x, style), 0.2) * _GAIN
            x = F.leaky_relu(conv(x, style), 0.2) * _GAIN
            zeros = F.pad(total[:, :, :, None, :, None], (0, 1, 0, 0, 0, 1)).flatten(4, 5).flatten(2, 3)
            total = self.enlarge(zeros) + colour(x, style)
        return total


class _AliasFreeLayer(nn.Module):
    """Modulated convolution, and a leaky ReLU at twice the resolution it leads to."""

    def __init__(self, inputs: int, outputs: int, style: int, *, up: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, style, borders="reflect")
        self.up = LinearUpsampling(kaiser(2 * up, equal_phases=True))
        self.down = Decimation(tuple(tap / 2 for tap in kaiser(2, equal_phases=True).taps))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = self.conv(x, style)
        if torch.is_grad_enabled():
            return self._activated(x)
        # Channels are independent here, and one at twice the resolution fits into the processor's cache.
        return torch.cat([self._activated(channel) for channel in x.chunk(x.shape[1], dim=1)], dim=1)

    def _activated(self, x: Tensor) -> Tensor:
        return self.down(F.leaky_relu(self.up(x), 0.2) * _GAIN)


class StyleGAN3(Decoder):
    """Alias-free: Kaiser-filtered upsampling, and nonlinearities at twice the resolution. The negative control.

    Karras et al., NeurIPS 2021, arXiv 2106.12423 (configuration T). Kept: modulated 3x3 convolutions, Kaiser-windowed
    filters of 6 taps a phase, leaky ReLU between upsampling and downsampling, a critically sampled layer at the end,
    1x1 modulated convolution to colours. What is enlarged is band-limited before: the original's features are so from
    its Fourier features on, an encoder's content is not. Each phase of the filters sums to the same, which the
    original's nearly do: constants then leave no line at all. Left out: Fourier features, cutoffs that change from
    layer to layer; borders are reflected in the place of a 10-pixel margin; the discriminator, against which a small
    decoder learns a weak line at 1/2 after all (N R 5 on 200 photos). Without frequencies near its own limit a small
    decoder cannot be sharp: this miniature is blurred.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"style"})

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.band = LowPass(_BAND)
        self.layers = nn.ModuleList()
        inputs = plan.content
        for remaining in range(plan.layers - 1, -1, -1):
            outputs = plan.channels(remaining)
            self.layers.append(_AliasFreeLayer(inputs, outputs, plan.style, up=2))
            inputs = outputs
        self.critical = _AliasFreeLayer(inputs, inputs, plan.style, up=1)
        self.last = ModulatedConv(inputs, 3, plan.style, kernel=1, demodulate=False)

    def forward(self, code: Code) -> Tensor:
        """Make colours, (N, 3, H, W)."""
        x = code.content
        for layer in self.layers:
            x = layer(self.band(x), code.style)
        return self.last(self.critical(x, code.style), code.style)
