"""A detector as a function of floating-point pixels that has a gradient: median, tiles and all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from freqforensics.attribution.stages import weighted_stages
from freqforensics.detector.fusion import FusedDetector, Part
from freqforensics.detector.local import CoherenceNetwork
from freqforensics.detector.resnet import IMAGENET_MEAN, IMAGENET_STD, MEDIANS, RESIDUAL_SCALE, Detector, evaluating
from freqforensics.detector.wrap import WrappedDetector
from freqforensics.spectra import Band, high_pass_residual
from freqforensics.spectra.tiles import LEAST, LEAST_POWER

Uint8 = NDArray[np.uint8]

TILE: Final = 32
# Luma and both colour differences of ITU-R BT.601, as OpenCV takes them: Y, Cr, Cb by R, G, B.
_LUMA: Final = (0.299, 0.587, 0.114)
_CR, _CB = 0.713, 0.564


class PixelLogit(nn.Module):
    """A detector's logit of images in floating point.

    Parameters
    ----------
    detector : Detector
        Is used as it is, in evaluation mode while it is called, and left as it was found. Of a `FusedDetector` the
        sum of its parts' logits is given, each part with a preparation of its own.
    image : ndarray of uint8, (H, W, 3), optional
        Coherence is measured of luma and colour differences that are rounded to whole grey levels. A rounding has no
        gradient: its error at `image` is kept for all images. So the logit of `image` is exactly that of
        `Detector.logits`, and on the way to it nothing jumps. Without one nothing is rounded.

    Examples
    --------
    >>> from freqforensics.detector import make_detector
    >>> logit = PixelLogit(make_detector(seed=0))
    >>> logit(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2])
    """

    rounding: Tensor | None

    def __init__(self, detector: Detector, image: Uint8 | None = None) -> None:
        super().__init__()
        self.detector = detector
        self.rounding = None
        self.parts = nn.ModuleList(
            [PixelLogit(part, image) for part in detector.parts.values()] if isinstance(detector, FusedDetector) else []
        )
        if image is not None and detector.input == "coherence":
            rounded = torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb).transpose(2, 0, 1).copy()).float()
            self.rounding = (rounded - luma_and_colour(as_tensor(image))[0])[None]

    def forward(self, pixels: Tensor) -> Tensor:
        """Give logits, (N,), of images (N, 3, H, W) in grey levels 0 .. 255.

        Parameters
        ----------
        pixels : Tensor, shape (N, 3, H, W)
            Images in grey levels 0 .. 255.
        """
        if self.parts:
            return torch.stack([part(pixels) for part in self.parts]).sum(dim=0)
        return self.of_prepared(self.prepare(pixels))

    def of_prepared(self, prepared: Tensor) -> Tensor:
        """Give logits, (N,), of what `prepare` gives.

        Parameters
        ----------
        prepared : Tensor
            Network input that `prepare` gives.
        """
        with evaluating(self.detector):
            logits: Tensor = self.detector(self.detector.beside(prepared))
            return logits

    def of_several(self, images: Sequence[Tensor]) -> Tensor:
        """Give logits, (N,), of images that are computed together; not for a `FusedDetector`.

        A `CoherenceNetwork` gives each image the logit that it has by itself, to the last digit: its last layers, in
        which torch sums in another order if images are many, take one at a time.

        Parameters
        ----------
        images : sequence of Tensor, shape (1, 3, H, W)
            Images in grey levels 0 .. 255, of one size.
        """
        network = bare_network(self.detector)
        if not isinstance(network, CoherenceNetwork):
            return self.of_prepared(self.prepare(torch.cat(list(images))))
        with evaluating(self.detector):
            prepared = torch.cat([self.detector.beside(self.prepare(image)) for image in images])
            logits = torch.cat([network.decide(features) for features in torch.split(network.features(prepared), 1)])
            return (self.detector.network.scaled(logits) if isinstance(self.detector.network, Part) else logits)[:, 0]

    def prepare(self, pixels: Tensor) -> Tensor:
        """Do what `prepare_input` does, to floating-point images (N, 3, H, W); not for a `FusedDetector`.

        Parameters
        ----------
        pixels : Tensor, shape (N, 3, H, W)
            Images in grey levels 0 .. 255.
        """
        if self.parts:
            raise ValueError("the parts of a fused detector are fed with different inputs: prepare for one of them")
        if isinstance(self.detector, WrappedDetector):
            return self.detector.prepare_pixels(pixels)
        kind = self.detector.input
        if kind in ("residual", "local"):
            return self.residual(pixels) / RESIDUAL_SCALE
        if kind == "coherence":
            return log_coherence(self.residual(pixels))
        planes = pixels if self.detector.band is None else keep_band(pixels, self.detector.band)
        mean, std = (
            torch.tensor(values, dtype=planes.dtype, device=planes.device)[:, None, None]
            for values in (IMAGENET_MEAN, IMAGENET_STD)
        )
        return (planes / 255 - mean) / std

    def residual(self, pixels: Tensor) -> Tensor:
        """Give residuals, (N, 3, H, W): of luma and colour differences for coherence, else of R, G, B.

        Parameters
        ----------
        pixels : Tensor, shape (N, 3, H, W)
            Images in grey levels 0 .. 255.
        """
        planes = pixels
        if self.detector.input == "coherence":
            planes = luma_and_colour(pixels)
            if self.rounding is not None:
                planes = planes + self.rounding.to(planes.device, planes.dtype)
        planes = median_residual(planes, kernel=MEDIANS.get(self.detector.input, 5))
        return planes if self.detector.band is None else keep_band(planes, self.detector.band)


def strongest_part(detector: Detector, image: Uint8) -> Detector:
    """Give the part of a fused detector that adds most to the logit of an image, or a single detector itself.

    Parameters
    ----------
    detector : Detector
    image : ndarray of uint8, (H, W, 3)

    Returns
    -------
    Detector
        Shares its network with `detector`; the logits of a part are on the common scale.
    """
    if not isinstance(detector, FusedDetector):
        return detector
    return detector.parts[detector.strongest(image)]


def bare_network(detector: Detector) -> nn.Module:
    """Give the network of a detector, without the scale that a part of a fused detector puts on its logit."""
    network = detector.network
    return network.network if isinstance(network, Part) else network


def stage_names(detector: Detector) -> tuple[str, ...]:
    """Name the stages of a detector's network that have weights, from the logit down.

    >>> from freqforensics.detector import make_detector
    >>> stage_names(make_detector(seed=0))
    ('fc', 'layer4', 'layer3', 'layer2', 'layer1', 'conv1')

    Raises
    ------
    ValueError
        A fused detector: its parts have stages of their own.
    """
    if isinstance(detector, FusedDetector):
        raise ValueError("a fused detector has no stages of its own: take one of its parts")
    return weighted_stages(bare_network(detector))


def as_tensor(image: NDArray[Any]) -> Tensor:
    """Make an image, (H, W, 3), a batch of one, float32 (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.asarray(image, np.float32).transpose(2, 0, 1)))[None]


def luma_and_colour(pixels: Tensor) -> Tensor:
    """Give Y, Cr, Cb, (N, 3, H, W), of R, G, B, not rounded and not clipped."""
    red, green, blue = pixels.unbind(1)
    luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return torch.stack([luma, (red - luma) * _CR + 128, (blue - luma) * _CB + 128], dim=1)


def median_residual(planes: Tensor, *, kernel: int = 5) -> Tensor:
    """Subtract from planes (N, C, H, W) their medians, `kernel` pixels a side, as `high_pass_residual`.

    The gradient of a median goes to the pixel that is the median; where several are equal to it, to all in equal parts.
    """
    result: Tensor = _MedianResidual.apply(planes, kernel)
    return result


def keep_band(planes: Tensor, band: Band) -> Tensor:
    """Keep a band of planes (N, C, H, W), as `freqforensics.spectra.keep_band`."""
    height, width = planes.shape[-2:]
    mask = torch.from_numpy(band.mask((height, width))).to(planes.device)
    band_planes: Tensor = torch.fft.irfft2(torch.fft.rfft2(planes) * mask, s=(height, width))
    return band_planes


def log_coherence(planes: Tensor) -> Tensor:
    """Give the log coherence of tiles, (N, C, 32, 32), as `freqforensics.spectra.log_coherence`."""
    height, width = planes.shape[-2:]
    if min(height, width) < TILE:
        raise ValueError(f"an image of at least {TILE}x{TILE} pixels is needed, got {width}x{height}")
    rows, columns = height // TILE, width // TILE
    cut = planes[..., : rows * TILE, : columns * TILE]
    tiles = cut.reshape(*planes.shape[:-2], rows, TILE, columns, TILE)
    spectra = torch.fft.fft2(tiles, dim=(-3, -1))
    total = (spectra.real**2 + spectra.imag**2).sum(dim=(-4, -2))
    summed = spectra.sum(dim=(-4, -2))
    coherence = (summed.real**2 + summed.imag**2) / total.clamp_min(LEAST_POWER)
    values = (torch.log(coherence + LEAST) + np.euler_gamma) / np.sqrt(np.pi**2 / 6)
    known: Tensor = torch.where((total > LEAST_POWER) & (coherence > 0), values, torch.zeros_like(values))
    shifted: Tensor = torch.fft.fftshift(known, dim=(-2, -1))
    return shifted


class _MedianResidual(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, kernel: int) -> Tensor:
        residual = high_pass_residual(planes.detach().cpu().float().numpy(), "median", kernel=kernel)
        result = torch.from_numpy(residual).to(planes.device, planes.dtype)
        ctx.save_for_backward(planes, result)
        ctx.kernel = kernel
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        planes, residual = ctx.saved_tensors
        height, width = planes.shape[-2:]
        reach = ctx.kernel // 2
        # In single precision, as the median was found: planes - residual need not give it back exactly.
        near = pad(planes, (reach,) * 4, mode="replicate").float()
        pixels, residual = planes.float(), residual.float()
        windows = [
            (slice(row, row + height), slice(column, column + width))
            for row in range(ctx.kernel)
            for column in range(ctx.kernel)
        ]
        # The residual of a pixel is its value minus the median's, rounded: so is its difference to the median itself.
        same = [(pixels - near[..., rows, columns]) == residual for rows, columns in windows]
        count = torch.stack(same).sum(0).clamp_min(1)
        share = gradient / count
        spread = torch.zeros_like(near, dtype=gradient.dtype)
        for (rows, columns), equal in zip(windows, same, strict=True):
            spread[..., rows, columns] += share * equal
        return gradient - _fold_border(_fold_border(spread, reach, -1), reach, -2), None


def _fold_border(padded: Tensor, reach: int, axis: int) -> Tensor:
    """Add what fell on a replicated border to the pixels that were replicated."""
    side = padded.shape[axis]
    middle = padded.narrow(axis, reach, side - 2 * reach).clone()
    middle.narrow(axis, 0, 1).add_(padded.narrow(axis, 0, reach).sum(axis, keepdim=True))
    middle.narrow(axis, middle.shape[axis] - 1, 1).add_(
        padded.narrow(axis, side - reach, reach).sum(axis, keepdim=True)
    )
    return middle
