"""PNG, WebP and BMP to pixels."""

from __future__ import annotations

import io
import struct
from typing import Final

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from freqforensics.images.chatter import listening
from freqforensics.images.headers import ImageHeader
from freqforensics.images.samples import Notes, Uint8, UndecodableError, to_8_bits, to_rgb

_ANIMATION: Final = {True: "animation: first frame taken", False: "animation: still image taken, which is not a frame"}


def decode_png(data: bytes, header: ImageHeader, notes: Notes) -> Uint8:
    """Decode a PNG file by libpng; an animated one gives its still image."""
    with listening(needed=False):  # a comment or profile that libpng warns of is no part of the picture
        samples = imagecodecs.png_decode(data)
    image = to_rgb(to_8_bits(samples, 8 * samples.itemsize, notes), notes)
    if header.animated:
        notes.add(_ANIMATION[header.still_is_frame])
    return image


def decode_webp(data: bytes, notes: Notes) -> Uint8:
    """Decode a still WebP file by libwebp."""
    return to_rgb(imagecodecs.webp_decode(data), notes)


def decode_bmp(data: bytes, notes: Notes) -> Uint8:
    """Decode a BMP file: plain 24-bit ones by OpenCV, which is faster, all others by Pillow.

    OpenCV reads OS/2 bitmaps as grey, and gives 248 for a 5-bit sample of 31.
    """
    header_size, _, _, _, bits, compression = struct.unpack_from("<IiiHHI", data.ljust(34, b"\0"), 14)
    if header_size >= 40 and bits == 24 and compression == 0:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise UndecodableError("cannot be decoded: damaged BMP")
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    with Image.open(io.BytesIO(data), formats=["BMP"]) as picture:
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        return to_rgb(np.asarray(picture.convert(mode)), notes)
