"""An image as it is inspected: pixels, and what its file says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from freqforensics.images import (
    JpegTables,
    Testimony,
    as_image,
    decode_image,
    is_array,
    parse_testimony,
    read_file,
    read_header,
    read_jpeg_tables,
)
from freqforensics.inspection.parts import InspectedImage
from freqforensics.storage.locations import as_path

Uint8 = NDArray[np.uint8]

PREVIEW: Final = 640
"""Longest side, in pixels, of the picture of the whole image."""


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """An image with what is known of its file.

    Parameters
    ----------
    pixels : ndarray of uint8, (H, W, 3)
    about : InspectedImage
    jpeg : JpegTables or None
        None unless the file is a JPEG.
    testimony : Testimony or None
        What the file says of itself; None of an array.
    """

    pixels: Uint8
    about: InspectedImage
    jpeg: JpegTables | None = None
    testimony: Testimony | None = None


def open_image(image: Any, *, salvage: bool = False) -> OpenedImage:
    """Read an image file, or take an array.

    Parameters
    ----------
    image : str, Path, ndarray, torch.Tensor or PIL.Image.Image
        A file, or anything that `as_image` takes.
    salvage : bool
        As in `read_image`: use the complete rows of JPEG files that end early.

    Returns
    -------
    OpenedImage

    Raises
    ------
    ImageReadError, FileNotFoundError
        The file cannot be read.
    ValueError
        An array that is no image.
    """
    if is_array(image):
        array = as_image(image)
        sha256 = hashlib.sha256(array.tobytes()).hexdigest()
        return OpenedImage(array, InspectedImage("", sha256, array.shape[1], array.shape[0], "array", None, None, ()))
    if not isinstance(image, (str, Path)):
        raise TypeError(f"image must be a path, an array, a tensor or a picture of PIL, got {type(image).__name__}")
    notes: list[str] = []
    data = read_file(image)
    pixels = decode_image(data, name=image, salvage=salvage, on_note=notes.append)
    jpeg = read_jpeg_tables(data)
    about = InspectedImage(
        name=as_path(image).name,
        sha256=hashlib.sha256(data).hexdigest(),
        width=pixels.shape[1],
        height=pixels.shape[0],
        format=str(read_header(data).format),
        jpeg_quality=None if jpeg is None else jpeg.quality,
        jpeg_subsampling=None if jpeg is None else jpeg.subsampling,
        notes=tuple(notes),
    )
    return OpenedImage(pixels, about, jpeg, parse_testimony(data, pixels=pixels))


def preview(pixels: Uint8) -> Uint8:
    """Shrink an image to at most `PREVIEW` pixels a side; a smaller one stays as it is."""
    scale = min(1.0, PREVIEW / max(pixels.shape[:2]))
    if scale == 1.0:
        return pixels
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
