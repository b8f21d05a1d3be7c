"""The exact null distribution of the coherence, and intervals of a mean power.

F_1 .. F_N are one frequency bin of N images' spectra, R = |sum F|^2 / (N sum |F|^2) its coherence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def coherence_p_value(coherence: Float, n: int, *, self_conjugate: NDArray[np.bool_]) -> Float:
    """Give the probability of a coherence at least as large when phases are random.

    Under independent zero-mean circular complex Gaussian F, R follows Beta(1, N - 1), and p = (1 - R)^(N - 1). At a
    self-conjugate bin (DC, Nyquist) F is real, R follows Beta(1/2, (N - 1)/2).

    Parameters
    ----------
    coherence : ndarray, shape (..., H, W//2 + 1)
        R, in [0, 1]. NaN (a bin without any power) gives p = 1.
    n : int
        Number N of independent images. One image has no coherence to test: p = 1 everywhere.
    self_conjugate : ndarray of bool, shape (H, W//2 + 1)
        Bins that are their own mirror image; see `self_conjugate_bins`.

    Returns
    -------
    ndarray, shape of `coherence`
        In [0, 1]; uniform under the null, each bin by itself. Nothing is corrected for the number of bins.

    Examples
    --------
    R = 0.1 is common among 20 images and rare among 200.

    >>> no_mirror = np.zeros(1, bool)
    >>> [f"{coherence_p_value(np.array([0.1]), n, self_conjugate=no_mirror)[0]:.1g}" for n in (20, 200)]
    ['0.1', '8e-10']
    """
    from scipy.special import betainc

    if n < 2:
        return np.ones_like(coherence)
    r = np.clip(np.nan_to_num(coherence, nan=0.0), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        p: Float = np.exp((n - 1) * np.log1p(-r))
    real = np.broadcast_to(self_conjugate, r.shape)
    # The upper tail of Beta(a, b) at R is the lower tail of Beta(b, a) at 1 - R, which does not cancel.
    p[real] = betainc((n - 1) / 2, 0.5, 1.0 - r[real])
    return p


def mean_interval(mean: Float, mean_square: Float, n: int, level: float) -> tuple[Float, Float]:
    """Interval of a mean of N non-negative numbers from their first two moments, symmetric on the log scale.

    Parameters
    ----------
    mean, mean_square : ndarray
        Averages of x and of x^2.
    n : int
        Number of independent x. One gives (0, inf).
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    (lower, upper) : ndarrays
        mean exp(-+ t s), s the relative standard error (delta method), t the quantile of Student's t with (N - 1) / 2
        degrees of freedom, at least 1: the variance of powers, which are exponential, is less sure than that of normal
        numbers. Half is by simulation (`docs/results/calibration.md`).
    """
    from scipy.special import stdtrit

    if n < 2:
        return np.zeros_like(mean), np.full_like(mean, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_variance = np.nan_to_num((mean_square / mean**2 - 1.0) / (n - 1))
    freedom = max(1.0, (n - 1) / 2)
    spread = np.exp(stdtrit(freedom, 0.5 + level / 2) * np.sqrt(np.maximum(relative_variance, 0.0)))
    return mean / spread, mean * spread


def chi_square_interval(mean: Float, n: int, level: float, *, self_conjugate: NDArray[np.bool_]) -> tuple[Float, Float]:
    """Interval of a mean power of N spectra of one and the same Gaussian process.

    2 N mean / truth is chi-square with 2 N degrees of freedom (N at self-conjugate bins). Real images differ in
    contrast, so this is too narrow for them; `mean_interval` is not.

    Parameters
    ----------
    mean : ndarray, shape (..., H, W//2 + 1)
        Mean power.
    n, level
        Number of images and coverage, as in `mean_interval`.
    self_conjugate : ndarray of bool, shape (H, W//2 + 1)
        Bins that are their own mirror image; see `self_conjugate_bins`.

    Returns
    -------
    (lower, upper) : ndarrays
    """
    from scipy.special import gammaincinv

    shape = np.where(self_conjugate, 0.5, 1.0) * n  # half the degrees of freedom
    low, high = (gammaincinv(shape, tail) for tail in (0.5 - level / 2, 0.5 + level / 2))
    return mean * shape / high, mean * shape / low


def self_conjugate_bins(size: tuple[int, int]) -> NDArray[np.bool_]:
    """Mark the bins of the half-plane (H, W//2 + 1) that are their own mirror image: DC, and Nyquist of even sides.

    Parameters
    ----------
    size : (int, int)
        Height and width of the full plane.

    Examples
    --------
    >>> int(self_conjugate_bins((8, 8)).sum()), int(self_conjugate_bins((7, 8)).sum())
    (4, 2)
    """
    return _self_conjugate_bins(*size)


@lru_cache(maxsize=8)
def _self_conjugate_bins(height: int, width: int) -> NDArray[np.bool_]:
    rows, columns = (np.isin(np.arange(n), [0, n // 2] if n % 2 == 0 else [0]) for n in (height, width))
    bins = np.outer(rows, columns[: width // 2 + 1])
    bins.setflags(write=False)
    return bins


def half_plane_weights(size: tuple[int, int]) -> Float:
    """Count the full-plane bins that a bin in each half-plane column represents, shape (W//2 + 1,).

    Columns at zero and at Nyquist hold their mirror images themselves.

    Parameters
    ----------
    size : (int, int)
        Height and width of the full plane.

    Examples
    --------
    >>> half_plane_weights((4, 6)).tolist(), half_plane_weights((4, 5)).tolist()
    ([1.0, 2.0, 2.0, 1.0], [1.0, 2.0, 2.0])
    """
    weights = np.full(size[1] // 2 + 1, 2.0)
    weights[0] = 1.0
    if size[1] % 2 == 0:
        weights[-1] = 1.0
    return weights


def full_plane(half: NDArray[Any], width: int) -> NDArray[Any]:
    """Unfold a real, mirror-symmetric half-plane to the full plane, DC at (H//2, W//2).

    Parameters
    ----------
    half : ndarray, shape (..., H, W//2 + 1)
        A magnitude, a power, a p-value: anything with value(-f) = value(f).
    width : int
        W of the full plane.

    Returns
    -------
    ndarray, shape (..., H, W)
        The full plane.

    Examples
    --------
    >>> full_plane(np.array([[0.0, 1.0, 2.0]]), 4).tolist()
    [[2.0, 1.0, 0.0, 1.0]]
    """
    height = half.shape[-2]
    mirrored_columns = np.arange((width - 1) // 2, 0, -1)
    mirrored_rows = -np.arange(height) % height
    left = half[..., mirrored_rows[:, None], mirrored_columns[None, :]]
    return np.fft.fftshift(np.concatenate([half, left], axis=-1), axes=(-2, -1))
