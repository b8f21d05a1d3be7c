"""Layers of the miniatures' decoders that torch does not have."""

from __future__ import annotations

from typing import Final, Literal

import torch
from scipy.signal import firwin
from torch import Tensor, nn
from torch.nn import functional as F

from freqforensics.generators.upsamplers import Upsampler

Borders = Literal["constant", "reflect"]

_LOW_PASS_TAPS: Final = 41


class LinearUpsampling(nn.Module):
    """An `Upsampler` for tensors: the same taps, the same phases, on every channel.

    Parameters
    ----------
    upsampler : Upsampler
        Factor, taps and offset.
    borders : {"reflect", "constant"}
        What lies beyond the borders: the mirror image, or zeros.
    """

    def __init__(self, upsampler: Upsampler, *, borders: Borders = "reflect") -> None:
        super().__init__()
        self.upsampler = upsampler
        self.borders = borders

    def forward(self, x: Tensor) -> Tensor:
        """Upsample (N, C, H, W) to (N, C, factor H, factor W)."""
        s = self.upsampler.factor
        if set(self.upsampler.taps) == {1.0} and len(self.upsampler.taps) == s and self.upsampler.offset == 0:
            return F.interpolate(x, scale_factor=s, mode="nearest")
        return self._along(self._along(x).transpose(2, 3)).transpose(2, 3)

    def _along(self, x: Tensor) -> Tensor:
        s, taps, offset = self.upsampler.factor, self.upsampler.taps, self.upsampler.offset
        length = x.shape[3]
        # Sample m of phase p is the sum over k of h[k] x[m + (p + c - k) / s], for the k that s divides it for.
        before, after = -((offset - len(taps) + 1) // s), (s - 1 + offset) // s
        padded = F.pad(x, (before, after, 0, 0), mode=self.borders)
        phases = []
        for phase in range(s):
            total: Tensor | None = None
            for k in range((phase + offset) % s, len(taps), s):
                start = before + (phase + offset - k) // s
                part = padded[..., start : start + length] * taps[k]
                total = part if total is None else total.add_(part)
            phases.append(torch.zeros_like(x) if total is None else total)
        return torch.stack(phases, dim=-1).flatten(3)


class Decimation(nn.Module):
    """Filter along both axes and keep every second sample: the way down of an alias-free nonlinearity.

    Parameters
    ----------
    taps : tuple of float
        Filter of even length, so that the remaining samples lie half a sample from the dropped ones, where
        `LinearUpsampling` puts them.
    """

    def __init__(self, taps: tuple[float, ...]) -> None:
        super().__init__()
        self.taps = taps

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 2H, 2W) to (N, C, H, W)."""
        return self._along(self._along(x).transpose(2, 3)).transpose(2, 3)

    def _along(self, x: Tensor) -> Tensor:
        before = len(self.taps) // 2 - 1
        padded = F.pad(x, (before, len(self.taps) - 2 - before, 0, 0), mode="reflect")
        length = x.shape[3] // 2
        # Each half lies close together: every second sample of a row would be gathered once a tap.
        halves = [padded[..., first::2].contiguous() for first in (0, 1)]
        total = halves[0][..., :length] * self.taps[0]
        for k, tap in enumerate(self.taps[1:], start=1):
            total.add_(halves[k % 2][..., k // 2 : k // 2 + length] * tap)
        return total


class Blur(nn.Module):
    """A small fixed low-pass filter along both axes, zeros beyond the borders.

    Parameters
    ----------
    taps : tuple of float
        Normalised to the sum `gain` along each axis.
    padding : tuple of int
        Zeros before and after, along each axis.
    gain : float
        Sum of the taps along each axis.
    """

    kernel: Tensor

    def __init__(self, taps: tuple[float, ...], *, padding: tuple[int, int], gain: float = 1.0) -> None:
        super().__init__()
        line = torch.tensor(taps) * (gain / sum(taps))
        self.register_buffer("kernel", line, persistent=False)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Filter (N, C, H, W)."""
        channels = x.shape[1]
        x = F.pad(x, (*self.padding, *self.padding))
        line = self.kernel.to(x.dtype).expand(channels, 1, -1)
        x = F.conv2d(x, line[:, :, :, None], groups=channels)
        return F.conv2d(x, line[:, :, None, :], groups=channels)


class LowPass(nn.Module):
    """A Kaiser-windowed low-pass filter along both axes, borders replicated.

    Parameters
    ----------
    cutoff : float
        Cycles per pixel; 0.035 above it 50 dB are gone.
    """

    kernel: Tensor

    def __init__(self, cutoff: float) -> None:
        super().__init__()
        line = firwin(_LOW_PASS_TAPS, cutoff, width=0.07, fs=1.0)
        self.register_buffer("kernel", torch.tensor(line, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Filter (N, C, H, W)."""
        channels, margin = x.shape[1], _LOW_PASS_TAPS // 2
        line = self.kernel.to(x.dtype).expand(channels, 1, -1)
        x = F.pad(x, (margin,) * 4, mode="replicate")
        x = F.conv2d(x, line[:, :, :, None], groups=channels)
        return F.conv2d(x, line[:, :, None, :], groups=channels)


class PixelNorm(nn.Module):
    """Every pixel's feature vector to unit mean square (Karras et al. 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W) over C."""
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


class AdaptiveInstanceNorm(nn.Module):
    """Instance normalisation, then scale and shift by the style (Huang and Belongie 2017; StyleGAN)."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise (N, C, H, W), modulated by (N, S)."""
        scale, shift = self.affine(style)[:, :, None, None].chunk(2, dim=1)
        return F.instance_norm(x) * (1 + scale) + shift


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with scale and shift from the style (BigGAN)."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.affine = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Normalise (N, C, H, W), modulated by (N, S)."""
        scale, shift = self.affine(style)[:, :, None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class SpatialNorm(nn.Module):
    """SPADE: batch normalisation with scale and shift from a layout, pixel by pixel (Park et al. 2019)."""

    def __init__(self, channels: int, layout: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Conv2d(layout, hidden, 3, padding=1)
        self.affine = nn.Conv2d(hidden, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, layout: Tensor) -> Tensor:
        """Normalise (N, C, H, W), modulated by the layout (N, L, H', W'), taken at every H'/H-th pixel."""
        layout = F.interpolate(layout, size=x.shape[2:], mode="nearest")
        scale, shift = self.affine(F.relu(self.shared(layout))).chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class LayerNorm(nn.Module):
    """Normalisation over channels and places, with a scale and shift for each channel (CRN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        return self.norm(x)


class ModulatedConv(nn.Module):
    """Convolution whose input channels are scaled by the style and whose output is normalised back (StyleGAN2).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    style : int
        Length of the style vector.
    kernel : int
        Odd side.
    up : bool
        Transposed with stride 2, and then the filter [1, 3, 3, 1] that StyleGAN2 puts behind it.
    demodulate : bool
        Normalise the output; not in the layers that make colours.
    borders : {"constant", "reflect"}
        What lies beyond the borders: zeros, or the mirror image.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style: int,
        *,
        kernel: int = 3,
        up: bool = False,
        demodulate: bool = True,
        borders: Borders = "constant",
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = nn.Linear(style, inputs)
        self.blur = Blur((1.0, 3.0, 3.0, 1.0), padding=(1, 1), gain=2.0) if up else None
        self.demodulate = demodulate
        self.borders = borders

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, inputs, H, W) and (N, S) to (N, outputs, H, W), or 2H, 2W."""
        scale = 1 + self.affine(style)
        x = x * scale[:, :, None, None]
        if self.blur is not None:
            x = self.blur(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2))
        else:
            margin = self.weight.shape[2] // 2
            if margin:
                x = F.pad(x, (margin,) * 4, mode=self.borders)
            x = F.conv2d(x, self.weight)
        if self.demodulate:
            energy = torch.einsum("ni,oi->no", scale.square(), self.weight.square().sum(dim=(2, 3)))
            x = x * torch.rsqrt(energy + 1e-8)[:, :, None, None]
        return x + self.bias[:, None, None]
