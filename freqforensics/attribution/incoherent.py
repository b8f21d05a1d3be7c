"""The baseline of a detector of coherence: the same tiles with random phases, which have no lattice in common."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft
from torch import Tensor

from freqforensics.attribution.differentiable import TILE, PixelLogit, as_tensor
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.resnet import Detector
from freqforensics.spectra.tiles import LEAST_POWER, log_coherence

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

DRAWS: Final = 8
"""Random phases that the baseline "incoherent" is averaged over."""
_OF_TILES: Final = (-3, -1)
"""Rows and columns within a tile, of (C, rows, TILE, columns, TILE)."""


def incoherent_inputs(
    image: Uint8, detector: Detector, *, draws: int = DRAWS, rng: np.random.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Give what a detector of coherence is fed with, (1, 3, 32, 32), and what it would be were all phases random.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
    detector : Detector
        With the input "coherence".
    draws : int
    rng : Generator, optional
        Random generator; default with seed 0.

    Returns
    -------
    (Tensor, Tensor)
        The second has `draws` images.
    """
    return coherence_inputs(whole_tiles(image, detector), draws=draws, rng=rng)


def whole_tiles(image: Uint8, detector: Detector) -> Float32:
    """The residuals of luma and colour differences, as far as they fill tiles, (3, H, W)."""
    rows, columns = (side // TILE * TILE for side in image.shape[:2])
    if min(rows, columns) < TILE:
        raise ValueError(f"an image of at least {TILE}x{TILE} pixels is needed, got {image.shape[1]}x{image.shape[0]}")
    planes = PixelLogit(detector, image).residual(as_tensor(image))[0]
    return np.ascontiguousarray(planes[:, :rows, :columns].numpy())


def coherence_inputs(residual: Float32, *, draws: int, rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
    """Give the network's input from residuals that fill tiles, and `draws` inputs of the same with random phases."""
    rng = rng if rng is not None else np.random.default_rng(0)
    tiles = _tiles(residual.shape)
    amplitudes = np.abs(fft.rfft2(residual.reshape(tiles), axes=_OF_TILES))

    def drawn(noise: NDArray[Any]) -> Float32:
        return log_coherence(_scrambled(amplitudes, noise).reshape(residual.shape))

    z0 = np.stack(side_by_side(drawn, (rng.standard_normal(tiles) for _ in range(draws))))
    return torch.from_numpy(log_coherence(residual[None])), torch.from_numpy(z0)


def _tiles(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of planes (C, H, W) as tiles, (C, rows, TILE, columns, TILE)."""
    channels, height, width = shape
    return channels, height // TILE, TILE, width // TILE, TILE


def _scrambled(amplitudes: Float32, noise: NDArray[Any]) -> Float32:
    """Tiles with given amplitudes and the phases of noise, the same in no two of them."""
    phases = np.exp(1j * np.angle(fft.rfft2(noise.astype(np.float32), axes=_OF_TILES)))
    return np.asarray(fft.irfft2(amplitudes * phases, s=(TILE, TILE), axes=_OF_TILES), np.float32)


def shared_out(parts: NDArray[np.float64], residual: Float32) -> Float32:
    """A field whose products with the residual sum to `parts`, frequency by frequency, in tiles' Fourier transforms.

    S_k, the sum of all tiles' transforms F_i, is the wave of frequency k that they have in common, and tile i adds
    Re(F_i conj(S_k)) / |S_k|^2 to it: these shares sum to 1. Where n R is not above 1, its mean by chance, there is no
    common wave, and a tile's share is that of the power, |F_i|^2 / sum |F_j|^2. In between the shares are mixed, with
    the weight 1 - 1 / (n R) for the former.
    """
    tiles = residual.astype(np.float64).reshape(_tiles(residual.shape))
    spectra = fft.fft2(tiles, axes=(2, 4))
    summed = spectra.sum(axis=(1, 3), keepdims=True)
    coherent, total = np.abs(summed) ** 2, (np.abs(spectra) ** 2).sum(axis=(1, 3), keepdims=True)
    some = total > LEAST_POWER
    coherence = np.where(some, coherent / np.where(some, total, 1.0), 0.0)
    common = 1 - 1 / np.maximum(coherence, 1.0)
    shares = common * np.conj(summed) / np.where(common > 0, coherent, 1.0)
    shares = shares + (1 - common) * np.conj(spectra) / np.where(some, total, np.inf)
    field = fft.fft2(parts[:, None, :, None, :] * shares, axes=(2, 4)).real
    return np.asarray(field.reshape(residual.shape), np.float32)
