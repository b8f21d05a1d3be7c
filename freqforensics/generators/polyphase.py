"""Random periodically varying filters: what every linear upsampler does to a photograph, without any network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def random_polyphase(
    image: NDArray[Any],
    rng: np.random.Generator,
    *,
    period: int = 2,
    strength: float = 0.1,
    kernel: int = 3,
    preserve_mean: bool = False,
    per_colour: bool = False,
) -> NDArray[Any]:
    """Filter an image with one small random kernel for each phase of a square lattice.

    Each kernel is the identity plus white noise. The pixel at (y, x) is filtered with the kernel of phase
    (y mod period, x mod period), counted from the image's origin, so differences between the phases appear at multiples
    of 1 / period cycles per pixel.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, 3)
        uint8, or floating point in any unit.
    rng : numpy.random.Generator
        Random generator of the kernels.
    period : int
        At least 1. 2, 4, 8 are those of one, two, three x2 layers.
    strength : float
        Standard deviation of the noise on each tap; 0 changes nothing.
    kernel : int
        Odd side of the kernels.
    preserve_mean : bool
        Make every kernel sum to 1: no checkerboard on flat parts, only on structure (nearest or bilinear upsampling
        with what follows it); else phases differ in brightness too (transposed convolution, pixel shuffle).
    per_colour : bool
        Draw kernels for each colour; else all colours have the same.

    Returns
    -------
    ndarray, shape and type of `image`
        uint8 is rounded and clipped once; float64 is computed and returned in float64, other types in float32.

    Raises
    ------
    ValueError
        A shape that is none of these, or a number out of range.

    Examples
    --------
    A flat image gets one level for each of the 2 x 2 phases.

    >>> flat = random_polyphase(np.full((8, 8), 100.0), np.random.default_rng(0), period=2)
    >>> len(np.unique(flat.round(6)))
    4
    """
    if image.ndim not in (2, 3):
        raise ValueError(f"image must have shape (H, W) or (H, W, 3), got {image.shape}")
    if period < 1:
        raise ValueError(f"period must be at least 1, got {period}")
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel must be odd and at least 1, got {kernel}")
    if not strength >= 0:
        raise ValueError(f"strength must not be negative, got {strength}")
    colours = (image.shape[2],) if per_colour and image.ndim == 3 else ()
    kernels = strength * rng.normal(0.0, 1.0, (period, period, kernel, kernel, *colours))
    if preserve_mean:
        kernels -= kernels.mean(axis=(2, 3), keepdims=True)
    kernels[:, :, kernel // 2, kernel // 2] += 1.0

    depth = np.float64 if image.dtype == np.float64 else np.float32
    source = image.astype(depth)
    kernels = kernels.astype(depth)
    margin = kernel // 2
    beyond = [(margin, margin), (margin, margin)] + [(0, 0)] * (image.ndim - 2)
    padded = np.pad(source, beyond, mode="reflect" if min(image.shape[:2]) > margin else "edge")
    height, width = image.shape[:2]
    result = np.zeros_like(source)
    for i in range(min(period, height)):
        for j in range(min(period, width)):
            phase = result[i::period, j::period]
            for dy in range(kernel):
                for dx in range(kernel):
                    phase += kernels[i, j, dy, dx] * padded[i + dy : height + dy : period, j + dx : width + dx : period]
    if image.dtype == np.uint8:
        return np.clip(np.rint(result), 0, 255).astype(np.uint8)
    return result
