"""JPEG to pixels by libjpeg-turbo, where a warning of the library is an error.

libjpeg goes on past damage: it warns, fills the rest of the picture with grey or with what the shifted code happens to
mean, and returns. After one wrong bit most of the picture may be wrong.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile

from freqforensics.images.headers import ImageHeader
from freqforensics.images.samples import Notes, Uint8, UndecodableError, to_rgb

_COLOURS: Final = {1: "GRAY", 3: "RGB", 4: "CMYK"}
_ENDS_EARLY: Final = re.compile("premature end", re.IGNORECASE)
_UNUSUAL_SAMPLING: Final = re.compile("subsampling", re.IGNORECASE)
_TRUNCATED: Final = "truncated JPEG: its picture data ends before the picture does"
_END: Final = b"\xff\xd9"
_BLOCK: Final = 8


def decode_jpeg(
    data: bytes, header: ImageHeader, notes: Notes, *, salvage: bool = False, stored_luma: bool = False
) -> Uint8:
    """Decode a JPEG file; any warning of libjpeg refuses it.

    With `salvage`, a file that ends early gives its whole rows. With `stored_luma`, a file that stores luma and chroma
    gives its luma as stored, shape (H, W).
    """
    for start, end in reversed(header.gaps):
        data = data[:start] + data[end:]
    if header.components not in _COLOURS:
        raise UndecodableError(f"JPEG of {header.components} components")
    colours = _COLOURS[header.components]

    def decode(data: bytes, *, strict: bool = False) -> Uint8:
        return simplejpeg.decode_jpeg(data, colours, strict=strict)

    try:
        if stored_luma and colours == "RGB" and simplejpeg.decode_jpeg_header(data)[2] == "YCbCr":
            colours = "GRAY"
        pixels = decode(data, strict=True)
    except ValueError as error:
        reason = str(error)
        if _UNUSUAL_SAMPLING.search(reason):
            return _of_unusual_sampling(data, header)
        if not _ENDS_EARLY.search(reason):
            raise UndecodableError(f"damaged JPEG: {reason.removeprefix('Corrupt JPEG data: ')}") from None
        if not salvage:
            raise UndecodableError(_TRUNCATED) from None
        pixels = decode(data)
        rows = _whole_rows(data, header, decode)
        if not 0 < rows < len(pixels):  # none, or data is missing in the middle
            raise UndecodableError(_TRUNCATED) from None
        notes.add(f"salvaged: {rows} of {len(pixels)} rows, picture data ends early")
        pixels = pixels[:rows]
    if colours == "CMYK":
        notes.add("CMYK converted to RGB")
        inverted = Image.fromarray(
            np.ascontiguousarray(255 - pixels), "CMYK"
        )  # Adobe stores it inverted, and all follow
        return np.asarray(inverted.convert("RGB"))
    if stored_luma and colours == "GRAY":
        return pixels[..., 0]
    return to_rgb(pixels, notes)


def _whole_rows(data: bytes, header: ImageHeader, decode: Callable[[bytes], NDArray[Any]]) -> int:
    """Count the rows from the top that do not depend on what follows the last coded byte: multiples of 8, or all.

    A decoder that has the whole picture does not look at what stands before the end marker; one that ran out does.
    """
    end = _end_of_data(data, header)
    rng = np.random.default_rng(0)
    first, second = (
        decode(data[:end] + rng.integers(0, 255, 4096, dtype=np.uint8).tobytes() + _END)  # no 0xFF: no marker
        for _ in range(2)
    )
    differing = np.flatnonzero((first != second).reshape(len(first), -1).any(axis=1))
    return len(first) if not differing.size else int(differing[0]) // _BLOCK * _BLOCK


def _end_of_data(data: bytes, header: ImageHeader) -> int:
    end = len(data) if header.end is None else header.end - sum(end - start for start, end in header.gaps)
    return len(data[:end].rstrip(b"\xff"))


def _of_unusual_sampling(data: bytes, header: ImageHeader) -> Uint8:
    """Decode by Pillow, which does not pass warnings on: that all the data was needed, and was enough, is tried out."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise UndecodableError("not read while PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set: it hides truncation")

    def decode(data: bytes) -> Uint8:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            return np.asarray(picture.convert("RGB"))

    pixels = decode(data)
    if _whole_rows(data, header, decode) < len(pixels):
        raise UndecodableError(_TRUNCATED)
    end = _end_of_data(data, header)
    if np.array_equal(
        pixels, decode(data[: end - 16] + np.random.default_rng(0).bytes(16).replace(b"\xff", b"\0") + _END)
    ):
        raise UndecodableError("damaged JPEG: extraneous bytes after its picture data")
    return pixels
