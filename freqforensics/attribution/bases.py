"""The averaged gradient of one path, seen in several orthonormal bases: each sums to the same gap in logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from freqforensics.attribution.outcomes import BandValue
from freqforensics.attribution.path import PathGradient, SharedGap
from freqforensics.spectra import Band, full_plane, half_plane_weights

Float = NDArray[np.float64]

EIGHT_BANDS: Final = (*(Band(n / 16, (n + 1) / 16) for n in range(7)), Band(7 / 16))
"""Radial bands of 1/16 cycles per pixel; the last takes in the plane's corners."""


def pixel_map(path: PathGradient) -> Float:
    """Attribute the gap to pixels.

    Parameters
    ----------
    path : PathGradient
        Averaged gradient of `integrate_path`.

    Returns
    -------
    ndarray of float64, shape (H, W)
        Logits, signed, summed over the planes.

    Examples
    --------
    The map sums to the gap, but for the part that the path misses.

    >>> from freqforensics.attribution.path import integrate_path
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> path = integrate_path(image, make_small_detector("local", seed=0))
    >>> bool(np.isclose(pixel_map(path).sum(), path.gap + path.delta, rtol=1e-4, atol=1e-6))
    True
    """
    return np.asarray(_products(path.difference, path.gradient).sum(axis=0))


def fourier_map(path: PathGradient, *, tile: int | None = None) -> Float:
    """Attribute the gap to frequencies: A_k = Re(D_k conj(G_k)) / (H W), D and G the DFTs of difference and gradient.

    Parameters
    ----------
    path : PathGradient
        Averaged gradient of `integrate_path`.
    tile : int, optional
        Even. Transform tiles of this side, which gives as many frequencies along each axis, summed over the tiles; an
        image is filled up with zeros to whole tiles. Default that of the path, which if None is the whole image.

    Returns
    -------
    ndarray of float64, shape (tile, tile) or (H, W)
        Logits, signed, summed over the planes; DC at the middle. A frequency and its mirror image have the same value.

    Examples
    --------
    The maps of pixels and of frequencies have the same sum.

    >>> from freqforensics.attribution.path import integrate_path
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> path = integrate_path(image, make_small_detector("local", seed=0))
    >>> bool(np.isclose(fourier_map(path, tile=32).sum(), pixel_map(path).sum(), rtol=1e-4, atol=1e-6))
    True
    """
    tile = tile or path.tile
    difference, gradient = path.difference.astype(np.float64), path.gradient.astype(np.float64)
    if tile is not None:
        difference, gradient = (_tiles(_filled(planes, tile), tile) for planes in (difference, gradient))
    height, width = difference.shape[-2:]
    product = fft.rfft2(difference) * np.conj(fft.rfft2(gradient))
    values = product.real.sum(axis=tuple(range(1, product.ndim - 2))).mean(axis=0) / (height * width)
    # rfft2 has one of two mirror images; unfolded, each has its own half of what both add.
    return full_plane(values, width)


def cosine_map(path: PathGradient) -> Float:
    """Attribute the gap to the 64 modes of the 8x8 cosine transform, in which JPEG is coded.

    Parameters
    ----------
    path : PathGradient
        Averaged gradient of `integrate_path`.

    Returns
    -------
    ndarray of float64, shape (8, 8)
        Logits, signed; the mean at [0, 0], vertical frequency along the first axis. The grid begins at the image's
        upper left corner; an image is filled up with zeros to whole blocks.
    """
    difference, gradient = (
        fft.dctn(_tiles(_filled(planes.astype(np.float64), 8), 8), axes=(-2, -1), norm="ortho")
        for planes in (path.difference, path.gradient)
    )
    return np.asarray((difference * gradient).sum(axis=(1, 2)).mean(axis=0))


def wavelet_maps(path: PathGradient, *, wavelet: str = "db2", levels: int = 3) -> dict[str, Float]:
    """Attribute the gap to wavelets: subbands times places.

    Parameters
    ----------
    path : PathGradient
        Averaged gradient of `integrate_path`.
    wavelet : str
        Name of an orthogonal wavelet of PyWavelets.
    levels : int
        Number of levels, from 1. The image is padded with zeros to a multiple of 2^levels, and is treated as periodic.

    Returns
    -------
    dict of str to ndarray of float64
        Logits, signed, summed over the planes. "smooth" is what is left after `levels`; "horizontal 1" holds the finest
        details of horizontal edges, and so on.

    Raises
    ------
    ValueError
        A wavelet that is not orthogonal, or fewer than one level.
    """
    import pywt

    if levels < 1:
        raise ValueError(f"levels must be at least 1, got {levels}")
    if not pywt.Wavelet(wavelet).orthogonal:
        raise ValueError(f"wavelet must be orthogonal, got {wavelet!r}")
    difference, gradient = (
        pywt.wavedec2(_filled(planes.astype(np.float64), 2**levels), wavelet, mode="periodization", level=levels)
        for planes in (path.difference, path.gradient)
    )
    maps = {"smooth": _products(difference[0], gradient[0]).sum(axis=0)}
    for index, (differences, gradients) in enumerate(zip(difference[1:], gradient[1:], strict=True)):
        for name, d, g in zip(("horizontal", "vertical", "diagonal"), differences, gradients, strict=True):
            maps[f"{name} {levels - index}"] = _products(d, g).sum(axis=0)
    return maps


def band_values(path: PathGradient, bands: tuple[Band, ...] = EIGHT_BANDS) -> tuple[BandValue, ...]:
    """Attribute the gap to radial bands.

    Parameters
    ----------
    path : PathGradient
        Averaged gradient of `integrate_path`.
    bands : tuple of Band
        If they make up the whole plane, the values sum to the gap.

    Returns
    -------
    tuple of BandValue
        One value for each band, in logits.

    Examples
    --------
    Eight bands fill the plane, so their values sum to what the pixels sum to.

    >>> from freqforensics.attribution.path import integrate_path
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> path = integrate_path(image, make_small_detector("local", seed=0))
    >>> total = sum(band.value for band in band_values(path))
    >>> bool(np.isclose(total, pixel_map(path).sum(), rtol=1e-4, atol=1e-6))
    True
    """
    plane = fourier_map(path)
    height, width = plane.shape
    half = np.fft.ifftshift(plane)[:, : width // 2 + 1] * half_plane_weights((height, width))
    return tuple(BandValue(band.low, band.high, float((half * band.mask((height, width))).sum())) for band in bands)


def summed_maps(shared: SharedGap, make: Callable[[PathGradient], Float]) -> Float:
    """Add the maps of all parts.

    Parameters
    ----------
    shared : SharedGap
    make : callable
        Gives the map of one path, such as `pixel_map`.

    Returns
    -------
    ndarray of float64
        Sum of the maps. A detector of coherence sees whole tiles: a smaller map is filled up with zeros.
    """
    return _total([make(path) for path in shared.paths.values()])


def summed_wavelets(shared: SharedGap) -> dict[str, Float]:
    """Add the wavelet maps of all parts, by subband; see `wavelet_maps`."""
    parts = [wavelet_maps(path) for path in shared.paths.values()]
    return {name: _total([maps[name] for maps in parts]) for name in parts[0]}


def summed_bands(parts: Iterable[Sequence[BandValue]]) -> tuple[BandValue, ...]:
    """Add what the same bands add to the logits of several parts."""
    return tuple(
        BandValue(bands[0].low, bands[0].high, sum(band.value for band in bands)) for bands in zip(*parts, strict=True)
    )


def _total(maps: Sequence[Float]) -> Float:
    height, width = (max(sides) for sides in zip(*(values.shape for values in maps), strict=True))
    total = np.zeros((height, width))
    for values in maps:
        total[: values.shape[0], : values.shape[1]] += values
    return total


def _products(difference: NDArray[np.floating], gradient: NDArray[np.floating]) -> Float:
    """Mean over baselines of the products, (3, ...)."""
    return np.asarray((difference.astype(np.float64) * gradient.astype(np.float64)).mean(axis=0))


def _filled(planes: Float, multiple: int) -> Float:
    height, width = planes.shape[-2:]
    around = [(0, 0)] * (planes.ndim - 2) + [(0, -height % multiple), (0, -width % multiple)]
    return np.pad(planes, around)


def _tiles(planes: Float, side: int) -> Float:
    """(..., H, W) to (..., number of tiles, side, side)."""
    *lead, height, width = planes.shape
    cut = planes.reshape(*lead, height // side, side, width // side, side)
    return np.moveaxis(cut, -3, -2).reshape(*lead, -1, side, side)
