"""Windows: the treatment of a plane's borders before its Fourier transform."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Window = Literal["none", "hann", "periodic"]


def apply_window(plane: NDArray[Any], window: Window) -> NDArray[Any]:
    """Multiply a plane by its window; "none" and "periodic" (see `smooth_component`) leave it as it is.

    Parameters
    ----------
    plane : ndarray of floating point, shape (..., H, W)
        Image planes.
    window : {"none", "hann", "periodic"}
        Window, see `SpectrumSpec`.

    Returns
    -------
    ndarray, shape and type of `plane`
    """
    if window != "hann":
        return plane
    rows, columns = (_hann(length).astype(plane.dtype) for length in plane.shape[-2:])
    return plane * rows[:, None] * columns


def window_sums(size: tuple[int, int], window: Window) -> tuple[float, float]:
    """Sum and sum of squares of a window over a plane of `size` (H, W)."""
    if window != "hann":
        return float(size[0] * size[1]), float(size[0] * size[1])
    rows, columns = (_hann(length) for length in size)
    return float(rows.sum() * columns.sum()), float((rows**2).sum() * (columns**2).sum())


def smooth_component(plane: NDArray[Any]) -> NDArray[Any]:
    """Half-plane DFT of the smooth component of a plane; the plane's DFT minus this is its periodic component's.

    Parameters
    ----------
    plane : ndarray of floating point, shape (..., H, W)
        Image planes.

    Returns
    -------
    ndarray of complex, shape (..., H, W//2 + 1)
        Zero at DC: the mean stays with the periodic component.

    Notes
    -----
    Moisan, J. Math. Imaging Vis. 39 (2011), theorem 1: the smooth component solves a Poisson equation whose right
    side lives on the border alone, so two one-dimensional transforms suffice.
    """
    height, width = plane.shape[-2:]
    across = scipy.fft.rfft(plane[..., -1, :] - plane[..., 0, :])
    down = scipy.fft.fft(plane[..., :, -1] - plane[..., :, 0])
    q = np.arange(height)[:, None] / height
    r = np.arange(width // 2 + 1) / width
    border = across[..., None, :] * (1 - np.exp(2j * np.pi * q)) + down[..., :, None] * (1 - np.exp(2j * np.pi * r))
    laplacian = 2 * np.cos(2 * np.pi * q) + 2 * np.cos(2 * np.pi * r) - 4
    laplacian[0, 0] = 1.0
    smooth = border / laplacian
    smooth[..., 0, 0] = 0.0
    return np.asarray(smooth, across.dtype)


@lru_cache(maxsize=16)
def _hann(length: int) -> NDArray[np.float64]:
    """The periodic Hann window, whose transform has three non-zero bins."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
