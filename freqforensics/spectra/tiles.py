"""The coherence of one image's tiles, which is high where the phase is the same all over it, as in a lattice."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

LEAST: Final = 0.01
"""Added to N R, so that its logarithm has a floor."""

LEAST_POWER: Final = 1e-3
"""Squared grey levels, summed over a frequency of all tiles, below which there is nothing but the rounding of floats:
one pixel that is one grey level off gives 1."""


def tile_coherence(planes: NDArray[Any], *, tile: int = 32) -> NDArray[np.float32]:
    """Measure at which frequencies the tiles of one image agree in phase.

    The image is cut into adjacent tiles from its upper left corner; what does not fill one is left out. Of n tiles with
    transforms F_i, n R = |sum F_i|^2 / sum |F_i|^2 is exponentially distributed with mean 1 where phases are random
    (`coherence_p_value`), and n where all are the same. A periodic trace whose period divides `tile` is coherent
    wherever the image was cut off.

    Parameters
    ----------
    planes : ndarray, shape (..., H, W)
        High-pass residuals. Sides from `tile`; a single tile agrees with itself everywhere.
    tile : int
        Side of the tiles, even.

    Returns
    -------
    ndarray of float32, shape (..., tile, tile)
        n R, from 0 to n; DC at (tile // 2, tile // 2). 0 where there is no power at all.

    Raises
    ------
    ValueError
        Sides below `tile`, or an odd `tile`.

    Examples
    --------
    Four equal tiles have n R = 4 at every frequency. Four tiles of noise have 1 on average.

    >>> rng = np.random.default_rng(0)
    >>> equal, noise = np.tile(rng.normal(size=(32, 32)), (2, 2)), rng.normal(size=(64, 64))
    >>> [f"{tile_coherence(plane).mean():.2f}" for plane in (equal, noise)]
    ['4.00', '1.01']
    """
    height, width = planes.shape[-2:]
    if tile < 2 or tile % 2:
        raise ValueError(f"tile must be even and positive, got {tile}")
    if min(height, width) < tile:
        raise ValueError(f"an image of at least {tile}x{tile} pixels is needed, got {width}x{height}")
    rows, columns = height // tile, width // tile
    cut = np.asarray(planes, np.float32)[..., : rows * tile, : columns * tile]
    tiles = cut.reshape(*planes.shape[:-2], rows, tile, columns, tile)
    spectra = fft.rfft2(tiles, axes=(-3, -1))
    coherent = np.abs(spectra.sum(axis=(-4, -2))) ** 2
    total = (spectra.real**2 + spectra.imag**2).sum(axis=(-4, -2))
    half = np.where(total > LEAST_POWER, coherent / np.maximum(total, LEAST_POWER), 0)
    return fft.fftshift(_whole(half, tile), axes=(-2, -1))


def log_coherence(planes: NDArray[Any]) -> NDArray[np.float32]:
    """Give the logarithm of `tile_coherence`, standardised for random phases.

    Parameters
    ----------
    planes : ndarray, shape (..., H, W)
        High-pass residuals. Sides and errors are those of `tile_coherence`.

    Returns
    -------
    ndarray of float32, shape (..., 32, 32)
        The logarithm of an exponential variable has mean -0.5772 (Euler's constant) and variance pi^2 / 6;
        `LEAST` adds 0.04 to the result's mean and takes 0.08 off its deviation. 0 where there is no power, as in the
        colour differences of a grey image: nothing is known there.

    Examples
    --------
    >>> values = log_coherence(np.random.default_rng(0).normal(size=(256, 256)))
    >>> values.shape, f"{values.mean():.1f}", f"{values.std():.1f}"
    ((32, 32), '0.1', '0.9')
    """
    coherence = tile_coherence(planes)
    values = (np.log(coherence + LEAST) + np.euler_gamma) / np.sqrt(np.pi**2 / 6)
    return np.asarray(np.where(coherence > 0, values, 0), np.float32)


def _whole(half: NDArray[Any], tile: int) -> NDArray[Any]:
    """Complete the half plane of something that is the same at opposite frequencies."""
    whole = np.empty((*half.shape[:-1], tile), half.dtype)
    whole[..., : tile // 2 + 1] = half
    mirrored = np.roll(half[..., ::-1, 1 : tile // 2], 1, axis=-2)
    whole[..., tile // 2 + 1 :] = mirrored[..., ::-1]
    return whole
