"""Give one image the radial power of another, so that sharpness no longer tells them apart."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

CORNER: Final = 0.6
"""Radius, in cycles per pixel, beyond which all is one ring."""


def match_radial_power(image: NDArray[Any], reference: NDArray[Any], *, limit: float = 4.0) -> NDArray[np.float32]:
    """Filter an image so that its radial power equals that of another image.

    Each ring and channel has one real gain. The filter has no direction and no phase, so it moves nothing and makes no
    lines. The power of a ring is the geometric mean of its bins, which single lines hardly raise. A lattice of lines
    therefore keeps its height above its surroundings. The mean stays as it is. Generated images can be detected by
    these profiles alone (Durall et al., CVPR 2020). A detector that should learn something else needs them aligned
    (Chen et al., NeurIPS 2025).

    Parameters
    ----------
    image, reference : ndarray, shape (H, W) or (H, W, C)
        Two images of the same shape and unit.
    limit : float
        Gains lie between 1 / limit and limit.

    Returns
    -------
    ndarray of float32, shape of `image`
        Not rounded, not clipped.

    Raises
    ------
    ValueError
        Shapes that differ or are none of these, or a `limit` below 1.

    Examples
    --------
    An image with twice the contrast gets the contrast of its reference and keeps its own mean.

    >>> reference = np.random.default_rng(0).normal(100, 10, (64, 64))
    >>> matched = match_radial_power(2 * (reference - reference.mean()) + 50, reference)
    >>> round(float(matched.std() / reference.std()), 2), round(float(matched.mean()))
    (1.0, 50)
    """
    if image.shape != reference.shape or image.ndim not in (2, 3):
        raise ValueError(f"both must have one shape (H, W) or (H, W, C), got {image.shape} and {reference.shape}")
    if not limit >= 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    height, width = image.shape[:2]
    spectrum = fft.rfft2(np.asarray(image, np.float32), axes=(0, 1))
    target = fft.rfft2(np.asarray(reference, np.float32), axes=(0, 1))
    ring = _rings(height, width)
    counts = np.bincount(ring.ravel())
    gain = np.empty(spectrum.shape, np.float32)
    for channel in np.ndindex(spectrum.shape[2:]):
        place = (slice(None), slice(None), *channel)
        ratio = np.log(np.abs(target[place]) + 1e-3) - np.log(np.abs(spectrum[place]) + 1e-3)
        mean = np.bincount(ring.ravel(), weights=ratio.ravel()) / np.maximum(counts, 1)
        gain[place] = np.exp(np.clip(mean, -np.log(limit), np.log(limit)))[ring]
    gain[0, 0] = 1.0
    return fft.irfft2(spectrum * gain, s=(height, width), axes=(0, 1))


def _rings(height: int, width: int) -> NDArray[np.int64]:
    """Number of the ring of each bin of the half plane; rings are as wide as the shorter side's bins."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    # The corner is one ring: in a ring of few bins the line at (1/2, 1/2) would be most of the power, and go.
    return np.asarray(np.rint(np.minimum(radius, CORNER) * min(height, width)), np.int64)
