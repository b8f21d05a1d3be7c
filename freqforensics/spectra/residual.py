"""High-pass residuals: what remains of an image without its smooth content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_KERNEL: Final = 99
"""Largest side of a filter; beyond it a residual is the image itself, and the exact median takes gigabytes."""

_NARROW: Final = 68
"""Width in pixels below which OpenCV's 5 x 5 median of uint8 takes one pixel at a time, up to 15 times as long as of
float32."""

Residual = Literal["median", "gaussian", "laplacian", "wavelet", "npr", "none"]


def high_pass_residual(plane: NDArray[Any], method: Residual = "median", *, kernel: int = 5) -> NDArray[np.float32]:
    """Subtract the smooth part of an image plane.

    Parameters
    ----------
    plane : ndarray, shape (..., H, W)
        Grey levels 0..255, uint8 or floating point. Leading axes are planes filtered one by one.
    method : {"median", "gaussian", "laplacian", "wavelet", "npr", "none"}
        - ``median``: minus its ``kernel`` x ``kernel`` median, borders replicated (Wang et al. 2020 with 5).
        - ``gaussian``: minus its Gaussian blur on ``kernel`` x ``kernel`` taps,
          sigma = 0.3 ((kernel - 1) / 2 - 1) + 0.8 (1.1 for 5), borders mirrored.
        - ``laplacian``: minus the mean of its four neighbours, which is -1/4 of the discrete Laplacian; borders
          mirrored. Gain 1 - (cos 2 pi fx + cos 2 pi fy) / 2.
        - ``wavelet``: minus its wavelet denoising (BayesShrink, soft, db2), the residual of camera and GAN
          fingerprints (Marra et al. 2019). Slow: tens of milliseconds a megapixel.
        - ``npr``: minus the nearest-neighbour enlargement of its 2x decimation: the difference of each pixel to the
          top left one of its 2x2 block (Tan et al., CVPR 2024).
        - ``none``: the plane itself.
    kernel : int
        Odd, 3 to 99. Used by ``median`` and ``gaussian``.

    Returns
    -------
    ndarray of float32, shape of `plane`
        Signed grey levels. Subtraction is done after conversion, so nothing wraps around.

    Raises
    ------
    ValueError
        An unknown method, an even or too small kernel, or fewer than two dimensions.

    Notes
    -----
    The median of uint8 planes is fast for every kernel; floating-point planes are fast for 3 and 5, and go through
    SciPy's exact filter above that (some twenty times slower).

    Examples
    --------
    >>> plane = np.zeros((8, 8), np.uint8)
    >>> plane[4, 4] = 200
    >>> float(high_pass_residual(plane)[4, 4]), float(high_pass_residual(255 - plane)[4, 4])
    (200.0, -200.0)
    """
    check_residual(method, kernel)
    if plane.ndim < 2:
        raise ValueError(f"plane must have at least two dimensions (..., H, W), got shape {plane.shape}")
    if plane.dtype != np.uint8:
        plane = np.asarray(plane, np.float32)
    if plane.ndim == 2:
        return _METHODS[method](plane, kernel)
    flat = plane.reshape(-1, *plane.shape[-2:])
    if len(flat) == 1:
        return _METHODS[method](flat[0], kernel).reshape(plane.shape)
    out = np.empty(flat.shape, np.float32)
    for index, layer in enumerate(flat):
        out[index] = _METHODS[method](layer, kernel)
    return out.reshape(plane.shape)


def check_residual(method: str, kernel: int) -> None:
    """Raise ValueError unless `method` is a `Residual` and `kernel` an odd integer from 3 to 99."""
    if method not in get_args(Residual):
        raise ValueError(f"residual must be one of {', '.join(get_args(Residual))}; got {method!r}")
    if not isinstance(kernel, (int, np.integer)) or not 3 <= kernel <= MAX_KERNEL or kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, from 3 to {MAX_KERNEL}, got {kernel}")


def residual_margin(method: Residual, kernel: int) -> int:
    """Pixels around a crop that its residual depends on.

    With that margin cut away again, the residual of a crop equals the crop of the whole image's residual (``wavelet``
    estimates the noise of what it is given, and agrees only nearly).
    """
    return {"median": kernel // 2, "gaussian": kernel // 2, "laplacian": 1, "wavelet": 16}.get(method, 0)


def _median(plane: NDArray[Any], kernel: int) -> NDArray[np.float32]:
    if kernel == 5 and plane.shape[1] < _NARROW:
        plane = plane.astype(np.float32, copy=False)
    if plane.dtype == np.uint8 or kernel <= 5:
        smooth = cv2.medianBlur(plane, kernel)
    else:
        from scipy.ndimage import median_filter

        smooth = median_filter(plane, kernel, mode="nearest")
    return np.subtract(plane, smooth, dtype=np.float32)


def _gaussian(plane: NDArray[Any], kernel: int) -> NDArray[np.float32]:
    plane = plane.astype(np.float32)
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8  # given, or OpenCV takes binomial taps for small kernels
    blurred = cv2.GaussianBlur(plane, (kernel, kernel), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.subtract(plane, blurred, dtype=np.float32)


def _laplacian(plane: NDArray[Any], kernel: int) -> NDArray[np.float32]:
    laplacian = cv2.Laplacian(plane.astype(np.float32), cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REFLECT_101)
    return laplacian * np.float32(-0.25)


def _wavelet(plane: NDArray[Any], kernel: int) -> NDArray[np.float32]:
    import pywt
    from skimage.restoration import denoise_wavelet

    unit = plane.astype(np.float32) / np.float32(255)
    # The noise estimate of scikit-image (Donoho & Johnstone 1994), which gives NaN where there is no noise at all.
    finest = pywt.dwtn(unit, "db2")["dd"]
    finest = np.abs(finest[finest != 0])
    if finest.size == 0:
        return np.zeros(plane.shape, np.float32)
    sigma = float(np.median(finest)) / 0.6744897501960817
    smooth = denoise_wavelet(unit, sigma=sigma, method="BayesShrink", mode="soft", wavelet="db2", rescale_sigma=False)
    return (unit - smooth) * np.float32(255)


def _npr(plane: NDArray[Any], kernel: int) -> NDArray[np.float32]:
    rows, columns = (np.arange(length) // 2 * 2 for length in plane.shape)
    return np.subtract(plane, plane[np.ix_(rows, columns)], dtype=np.float32)


def _none(plane: NDArray[Any], kernel: int) -> NDArray[np.float32]:
    return plane.astype(np.float32)


_METHODS: dict[str, Callable[[NDArray[Any], int], NDArray[np.float32]]] = {
    "median": _median,
    "gaussian": _gaussian,
    "laplacian": _laplacian,
    "wavelet": _wavelet,
    "npr": _npr,
    "none": _none,
}
