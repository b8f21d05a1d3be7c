"""Bands of spatial frequency: the one definition that ablation, attribution and counterfactuals share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

HIGHEST: Final = math.sqrt(0.5)
"""Radial frequency of the plane's corner, cycles per pixel."""


@dataclass(frozen=True)
class Band:
    """Radial frequencies from `low`, included, to `high`, excluded.

    Parameters
    ----------
    low, high : float
        Cycles per pixel, 0 <= low < high. The axes end at 0.5, the plane's corners lie at 0.707: a `high` above that,
        as is the default, takes them in. A `low` of 0 takes the mean in.

    Raises
    ------
    ValueError
        Not in this order, or a `low` beyond the corners.

    Examples
    --------
    >>> Band(high=0.25).name, Band(low=0.25).name, Band(0.125, 0.25).name
    ('below 0.25', 'from 0.25', '0.125 to 0.25')
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high < math.inf:
            raise ValueError(f"band must be ascending and not negative, got {self.low} to {self.high}")
        if self.low > HIGHEST:
            raise ValueError(f"there is no frequency from {self.low} on: the highest is {HIGHEST:.3f} cycles per pixel")

    @classmethod
    def parse(cls, text: str) -> Band:
        """Read "LOW:HIGH", either of which may miss.

        Raises
        ------
        ValueError
            It is something else.

        Examples
        --------
        >>> Band.parse("0.25:").name
        'from 0.25'
        """
        low, colon, high = text.partition(":")
        try:
            if not colon:
                raise ValueError("no colon")
            return cls(float(low or 0), float(high or 1))
        except ValueError as error:
            reason = f"band must be LOW:HIGH in cycles per pixel, such as 0.25: or :0.125, got {text!r}"
            raise ValueError(reason) from error

    @property
    def name(self) -> str:
        """In words."""
        if self.high > HIGHEST:
            return f"from {self.low:g}" if self.low else "all"
        return f"{self.low:g} to {self.high:g}" if self.low else f"below {self.high:g}"

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Give the bins of the half plane that lie in the band.

        Parameters
        ----------
        shape : (int, int)
            Height and width of the image, pixels.

        Returns
        -------
        ndarray of bool, shape (H, W // 2 + 1)
            In the order of `scipy.fft.rfft2`. The masks of bands that adjoin add up to that of their union.
        """
        radius = _radius(*shape)
        return (radius >= self.low) & (radius < self.high)


@lru_cache(maxsize=8)
def _radius(height: int, width: int) -> NDArray[np.float64]:
    """Distance of the half plane's bins from DC, cycles per pixel."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    radius.setflags(write=False)
    return radius


def keep_band(planes: NDArray[Any], band: Band) -> NDArray[np.float32]:
    """Keep a band of frequencies and remove the others.

    The filter is ideal, an orthogonal projection. The results for adjoining bands add up, and so do their energies.
    Like every ideal filter it rings at edges. The step between opposite borders of the plane is such an edge.

    Parameters
    ----------
    planes : ndarray, shape (..., H, W)
        Image planes.
    band : Band
        Frequencies that stay.

    Returns
    -------
    ndarray of float32, shape (..., H, W)
        The images without the other frequencies.

    Examples
    --------
    A wave of 1/4 cycles per pixel passes the band around its frequency and is stopped by another.

    >>> wave = np.tile(np.cos(np.pi / 2 * np.arange(16)), (16, 1))
    >>> [round(float(np.ptp(keep_band(wave, Band(*edges)))), 3) for edges in ((0.2, 0.3), (0.3, 0.4))]
    [2.0, 0.0]
    """
    samples = np.asarray(planes, np.float32)
    height, width = samples.shape[-2:]
    spectrum = fft.rfft2(samples)
    spectrum *= band.mask((height, width))
    return fft.irfft2(spectrum, s=(height, width))


def notch_mask(shape: tuple[int, int], lines: Iterable[tuple[float, float]], *, reach: int = 1) -> NDArray[np.bool_]:
    """Mark the bins of the half plane at which lines of an image lie, and their mirror images.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, pixels.
    lines : iterable of (fx, fy)
        Frequencies, cycles per pixel, folded into -1/2 .. 1/2. Lines at Nyquist are included.
    reach : int
        Number of bins around the nearest one that are marked, too, for lines that fall between bins.

    Returns
    -------
    ndarray of bool, shape (H, W // 2 + 1)
        In the order of `scipy.fft.rfft2`. DC is never in it.

    Examples
    --------
    A line has one bin in the half plane; with a reach of one, the eight bins around it are marked too.

    >>> [int(notch_mask((64, 64), [(0.25, 0.0)], reach=reach).sum()) for reach in (0, 1)]
    [1, 9]
    """
    height, width = shape
    mask = np.zeros((height, width), bool)
    around = range(-reach, reach + 1)
    for fx, fy in lines:
        row, column = round(fy * height), round(fx * width)
        for sign in (1, -1):
            for down in around:
                for right in around:
                    mask[sign * (row + down) % height, sign * (column + right) % width] = True
    mask[0, 0] = False
    return mask[:, : width // 2 + 1]
