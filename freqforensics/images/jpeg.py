"""The quantisation tables of JPEG files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from freqforensics.runtime.showing import Summarised

Int = NDArray[np.int64]

_SUBSAMPLING: Final = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
# The luma table of ITU-T T.81, annex K, row by row; libjpeg scales it by the quality.
_ANNEX_K: Final = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


@dataclass(frozen=True, repr=False)
class JpegTables(Summarised):
    """The quantisation of a JPEG file.

    Parameters
    ----------
    quality : int
        Quality 1 .. 100 on libjpeg's scale whose luma table is nearest.
    standard : bool
        Whether the file has exactly that table. Cameras and editors have tables of their own.
    subsampling : str
        "4:4:4", "4:2:2", "4:2:0", or "other" (grey has none).
    luma : tuple of int
        The luma table's 64 steps, row by row from the lowest frequency.
    chroma : tuple of int
        The steps of the last table, if there are several.
    """

    quality: int
    standard: bool
    subsampling: str
    luma: tuple[int, ...]
    chroma: tuple[int, ...] = ()


def read_jpeg_tables(data: bytes) -> JpegTables | None:
    """Read the quantisation of a JPEG file.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    JpegTables or None
        None for other formats, and where the header cannot be read.

    Examples
    --------
    >>> import cv2
    >>> data = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    >>> tables = read_jpeg_tables(data)
    >>> tables.quality, tables.standard, tables.subsampling
    (85, True, '4:2:0')
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            return tables_of_picture(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def tables_of_picture(picture: Image.Image) -> JpegTables | None:
    """Read the quantisation of a JPEG file that Pillow has opened, as `read_jpeg_tables`.

    Parameters
    ----------
    picture : PIL.Image.Image
        Just opened: an image made from one has no tables.
    """
    if not isinstance(picture, JpegImagePlugin.JpegImageFile) or not picture.quantization:
        return None
    tables = picture.quantization
    luma, last = tuple(tables[min(tables)]), tables[max(tables)] if len(tables) > 1 else ()
    subsampling = _SUBSAMPLING.get(JpegImagePlugin.get_sampling(picture), "other")
    if len(luma) != 64:
        return None
    quality, standard = _nearest_quality(luma)
    steps, chroma = (tuple(int(step) for step in table) for table in (luma, last))
    return JpegTables(quality, standard, subsampling, steps, chroma)


@lru_cache(maxsize=256)
def _nearest_quality(luma: tuple[int, ...]) -> tuple[int, bool]:
    """Give the quality whose luma table is nearest, and whether it is the same table."""
    distance = np.abs(_STANDARD - np.array(luma)).sum(axis=1)
    # 100 is preferred where several are as near: the finest steps are all ones.
    best = len(distance) - 1 - int(distance[::-1].argmin())
    return best + 1, not distance[best]


def luma_table(quality: int) -> Int:
    """Give libjpeg's luma quantisation table, shape (8, 8), of a quality 1 .. 100.

    Parameters
    ----------
    quality : int
        Quality, 1 .. 100.

    Examples
    --------
    At quality 100 every step is 1, so that only rounding is lost.

    >>> luma_table(100).max().item(), luma_table(50)[0, :4].tolist()
    (1, [16, 11, 10, 16])
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must lie between 1 and 100, got {quality}")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_ANNEX_K * scale + 50) // 100, 1, 255).astype(np.int64)


_STANDARD: Final = np.stack([luma_table(quality).ravel() for quality in range(1, 101)])
