"""The small preview that cameras store in EXIF, compared with the image: editors often leave the old one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float32]

LEAST_CORRELATION: Final = 0.8
"""Correlation under which a preview does not match its image: eleven photographs' previews have 0.91 and more."""
_MOST_PIXELS: Final = 1 << 22
_SIDE: Final = 64
_ENOUGH: Final = 512
_PLAIN: Final = 12


@dataclass(frozen=True)
class EmbeddedThumbnail:
    """The preview in an image's EXIF, compared with the image.

    Parameters
    ----------
    width, height : int
        Pixels.
    aspect : float
        Width by height of the preview without plain bars, relative to the image's: 1 for the same.
    correlation : float or None
        Between grey levels of preview and image, both about 64 pixels wide; the largest of four turns. None where the
        image was not at hand, or is uniform.
    difference : float or None
        Mean absolute difference there, grey levels.
    """

    width: int
    height: int
    aspect: float | None = None
    correlation: float | None = None
    difference: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the preview does not match the image."""
        return self.correlation is not None and self.correlation < LEAST_CORRELATION


def compare_thumbnail(preview: bytes, pixels: Uint8 | None) -> EmbeddedThumbnail | None:
    """Compare an embedded preview with its image.

    Parameters
    ----------
    preview : bytes
        JPEG.
    pixels : ndarray of uint8, (H, W, 3), or None
        The image.

    Returns
    -------
    EmbeddedThumbnail or None
        None where there is no preview that can be decoded.
    """
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(preview)
        if not 0 < width * height <= _MOST_PIXELS:
            return None
        grey = simplejpeg.decode_jpeg(preview, "GRAY")[..., 0]
    except ValueError:
        return None
    if pixels is None:
        return EmbeddedThumbnail(width, height)
    rows, columns = _picture_in(grey, pixels.shape[1] / pixels.shape[0])
    inner = grey[rows, columns]
    image = _small(_thinned(pixels))
    best: tuple[float, float] | None = None
    for turns in range(4):
        turned = _resized(np.ascontiguousarray(np.rot90(inner, turns)), image.shape[1], image.shape[0])
        correlation = _correlation(turned, image)
        if correlation is not None and (best is None or correlation > best[0]):
            best = correlation, float(np.abs(turned - image).mean())
    aspect = inner.shape[1] / inner.shape[0] * pixels.shape[0] / pixels.shape[1]
    if best is None:
        return EmbeddedThumbnail(width, height, aspect)
    return EmbeddedThumbnail(width, height, aspect, best[0], best[1])


def reduced_jpeg(data: bytes) -> Uint8 | None:
    """Decode a JPEG file at an eighth of its size, enough to be compared; None where it cannot be decoded."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        least = max(1, min(height, width) // 8)
        return simplejpeg.decode_jpeg(data, "RGB", min_height=least, min_width=least)
    except ValueError:
        return None


def _picture_in(grey: Uint8, aspect: float) -> tuple[slice, slice]:
    """Cut off the plain bars, black or white, of a preview that has another aspect than its image."""
    height, width = grey.shape
    whole = slice(0, height), slice(0, width)
    if width / height < aspect:
        bar = round((height - width / aspect) / 2)
        bars, inner = (grey[:bar], grey[height - bar :]), (slice(bar, height - bar), slice(0, width))
    else:
        bar = round((width - height * aspect) / 2)
        bars, inner = (grey[:, :bar], grey[:, width - bar :]), (slice(0, height), slice(bar, width - bar))
    if bar < 2 or any(float(part.std()) > _PLAIN for part in bars):
        return whole
    return inner if min(height, width) > 2 * bar + 8 else whole


def _thinned(pixels: Uint8) -> Uint8:
    step = max(1, min(pixels.shape[:2]) // _ENOUGH)
    return np.ascontiguousarray(pixels[::step, ::step])


def _small(pixels: Uint8) -> Float:
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    height, width = grey.shape
    return _resized(grey, _SIDE, min(4 * _SIDE, max(8, round(_SIDE * height / width))))


def _resized(grey: Uint8, width: int, height: int) -> Float:
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _correlation(first: Float, second: Float) -> float | None:
    a, b = first - first.mean(), second - second.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0 else None
