"""Periodic traces in the second difference of images, which resizing and JPEG's block grid leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaincinv

from freqforensics.runtime.showing import Summarised
from freqforensics.spectra.crops import crop_origins
from freqforensics.spectra.spec import channel_planes

Float = NDArray[np.float64]

_LOWEST = 1 / 14  # cycles per pixel; below, the profile follows the content
_CORRELATED = 1 + 2 * (4 / 9 + 1 / 36)  # sum of the squared correlations of neighbouring bins under Hann's window
_REACH, _GAP = 14, 2  # bins on either side that give the background, and those left out around a bin


@dataclass(frozen=True, eq=False, repr=False)
class ResamplingTrace(Summarised):
    """The averaged spectrum of the second difference of images, along x and along y.

    Parameters
    ----------
    images : int
        Number of images averaged.
    frequencies : ndarray, shape (bins,)
        Cycles per pixel.
    power : ndarray, shape (2, bins)
        Mean over images of the normalised periodogram of the profile of the absolute second difference; first along
        x, then along y.
    """

    images: int
    frequencies: Float
    power: Float

    @property
    def ratio(self) -> Float:
        """Power relative to the median of the bins around, shape (2, bins); NaN below 1/14 cycles per pixel."""
        return self._ratio_and_support[0].copy()

    @property
    def p_value(self) -> Float:
        """Probability of a ratio at least as large by chance, shape (2, bins), each bin by itself.

        A mean of N periodograms follows a gamma distribution of shape N (N / 2 at the last bin of an even length). The
        median around is taken for one of shape M, with which a median of as many bins as are independent under the
        window would have the same variance; the ratio then follows Fisher's F with 2 N and 2 M degrees of freedom.
        NaN as in `ratio`.
        """
        ratio, support = self._ratio_and_support
        shape = np.full(self.power.shape[1], float(self.images))
        shape[-1] /= 2
        level = self.images * support * (2 / np.pi) / _CORRELATED
        f = ratio * gammaincinv(self.images, 0.5) / self.images  # from the median of a gamma distribution to its mean
        return betainc(level, shape, level / (level + shape * f))

    @cached_property
    def _ratio_and_support(self) -> tuple[Float, Float]:
        """The ratio, and how many different bins around gave its median, shape (bins,)."""
        bins = self.power.shape[1]
        ratio, support = np.full(self.power.shape, np.nan), np.full(bins, np.nan)
        lowest = int(np.ceil(_LOWEST * 2 * (bins - 1)))
        alike: defaultdict[int, list[tuple[int, list[int]]]] = defaultdict(list)  # bins by the length of their median
        for index in range(lowest, bins):
            around = [i for i in range(index - _REACH, index + _REACH + 1) if abs(i - index) > _GAP]
            # Beyond the ends the spectrum is its own mirror image.
            folded = [abs(i) if i < bins else 2 * (bins - 1) - i for i in around]
            selected = [i for i in folded if i >= lowest - _REACH // 2]
            alike[len(selected)].append((index, selected))
            support[index] = len(set(selected))
        for group in alike.values():
            here, beside = [index for index, _ in group], np.array([selected for _, selected in group])
            ratio[:, here] = self.power[:, here] / np.maximum(np.median(self.power[:, beside], axis=2), 1e-30)
        return ratio, support


def resampling_trace(images: Iterable[NDArray[Any]], *, size: int = 256) -> ResamplingTrace:
    """Measure the periodicity of the second difference, averaged over images.

    Interpolation by a factor s makes the variance of the second difference periodic with period s, a line at 1/s (mod
    1, folded): 1/3 for 1.5, 1/4 for 4/3, 1/5 for 1.25, 1/4 for 0.8 (Gallagher 2005). Exactly x2 with half-pixel linear
    interpolation leaves none. JPEG's blocks end every 8 pixels: lines at 1/8, 1/4, 3/8.

    Parameters
    ----------
    images : iterable of ndarray, (H, W) or (H, W, 3)
        Smaller ones than `size` are left out.
    size : int
        Side of the central crop, pixels; its offsets are multiples of 16.

    Returns
    -------
    ResamplingTrace
        With size // 2 - 3 bins of 1 / (size - 8) cycles per pixel: multiples of 1/8 fall on bins where 8 divides
        `size`.

    Raises
    ------
    ValueError
        No image is large enough, or `size` is below 32.

    Examples
    --------
    Enlarged along x by 4/3 with linear interpolation: a line at 1/(4/3), folded to 1/4.

    >>> rng, x = np.random.default_rng(0), np.arange(136) * 3 / 4
    >>> i, part = x.astype(int), x % 1
    >>> noise = rng.normal(128, 20, (10, 136, 104))
    >>> trace = resampling_trace(noise[:, :, i] * (1 - part) + noise[:, :, i + 1] * part, size=136)
    >>> float(trace.frequencies[trace.power[0].argmax()])
    0.25
    """
    accumulator = TraceAccumulator(size=size)
    for image in images:
        accumulator.add(np.asarray(image))
    return accumulator.result()


class TraceAccumulator:
    """Sums of normalised periodograms of the second difference; merging is addition.

    Parameters
    ----------
    size, align : int
        Side and alignment of the central crop, pixels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sums = TraceAccumulator(size=128)
    >>> for _ in range(3):
    ...     sums.add(rng.integers(0, 256, (160, 160), np.uint8))
    >>> trace = sums.result()
    >>> trace.images, trace.power.shape
    (3, (2, 61))
    """

    def __init__(self, *, size: int = 256, align: int = 16) -> None:
        if size < 32 or size % 2:
            raise ValueError(f"size must be even and at least 32, got {size}")
        self.size, self.align = size, align
        self.images = 0
        length = size - 8
        self._window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)
        self._total = np.zeros((2, length // 2 + 1))

    def add(self, image: NDArray[Any]) -> None:
        """Add the central crop of one image, (H, W) or (H, W, 3); a smaller image adds nothing.

        Parameters
        ----------
        image : ndarray, shape (H, W) or (H, W, 3)
            Image in grey levels.
        """
        size, length = self.size, self.size - 8
        origins = crop_origins(image.shape[:2], (size, size), align=self.align)
        if not origins:
            return
        (row, column), *_ = origins
        plane = channel_planes(image[row : row + size, column : column + size], "luma")[0].astype(np.float64)
        for axis in (1, 0):
            second = np.diff(plane, 2, axis=axis)
            bend = np.abs(second, out=second).mean(axis=1 - axis)
            profile = np.log(bend[3 : 3 + length] + 0.05)  # the log weighs bright and dark regions alike
            power = np.abs(np.fft.rfft((profile - profile.mean()) * self._window)) ** 2
            self._total[1 - axis] += power / max(float(power[length // 14 :].mean()), 1e-30)
        self.images += 1

    def merge(self, other: TraceAccumulator) -> None:
        """Add another's sums, of the same size and alignment.

        Parameters
        ----------
        other : TraceAccumulator
            Sums of other images.
        """
        if (self.size, self.align) != (other.size, other.align):
            raise ValueError(f"size and align differ: {self.size, self.align} and {other.size, other.align}")
        self.images += other.images
        self._total += other._total

    def result(self) -> ResamplingTrace:
        """Give the average; ValueError where there is no image."""
        if not self.images:
            raise ValueError(f"no image is as large as {self.size}x{self.size}")
        frequencies = np.fft.rfftfreq(self.size - 8).astype(np.float64)
        return ResamplingTrace(self.images, frequencies, self._total / self.images)
