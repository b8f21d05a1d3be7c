"""HEIC by pillow-heif, and by Pillow what has no decoder of its own here: GIF, AVIF, animated WebP, JPEG 2000, PPM."""

from __future__ import annotations

import io
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from freqforensics.images.content import TEXT, UNKNOWN, content_name
from freqforensics.images.headers import ImageHeader
from freqforensics.images.samples import (
    NO_RANGE,
    Notes,
    Uint8,
    UndecodableError,
    check_size,
    to_8_bits,
    to_rgb,
)

_EXIF_ORIENTATION: Final = 0x0112
_ZERO_TAIL: Final = 64
_PLAIN_MODES: Final = frozenset({"RGB", "L", "1", "P", "CMYK", "YCbCr", "HSV", "RGBX"})
_ALPHA_MODES: Final = frozenset({"RGBA", "LA", "PA", "RGBa"})
_DEEP_MODES: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})


def decode_heic(data: bytes, notes: Notes, *, max_pixels: int) -> Uint8:
    """Decode the primary image of a HEIC file, turned as its own header says; refused without `pillow_heif`."""
    try:
        import pillow_heif
    except ImportError:
        raise UndecodableError("HEIC, the iPhone's format: pip install 'freqforensics[heic]'") from None

    def decode(data: bytes) -> Any:
        file = pillow_heif.open_heif(data)
        primary = file[file.primary_index]
        check_size(*primary.size, max_pixels)
        return primary, np.asarray(primary.to_pillow())

    primary, samples = decode(data)
    zeros = len(data) - len(data.rstrip(b"\0"))
    # Whole files of some phones end in zeros too; what the picture does not depend on may be anything.
    if zeros > _ZERO_TAIL and not np.array_equal(samples, decode(data[:-zeros] + b"\x55" * zeros)[1]):
        raise UndecodableError("damaged HEIC: it ends in zeros, like an interrupted download")
    if int(primary.info.get("bit_depth", 8)) > 8:
        notes.add(f"{primary.info['bit_depth']}-bit samples reduced to 8 bits")
    return to_rgb(samples, notes)


def decode_by_pillow(data: bytes, header: ImageHeader, notes: Notes, *, max_pixels: int) -> tuple[Uint8, int]:
    """Decode any other format that Pillow reads; give the pixels and their EXIF orientation."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise UndecodableError("not read while PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set: it hides truncation")
    content = content_name(data) if header.format == "other" else f"a damaged {header.format} file"
    if header.format == "other" and content not in (TEXT, UNKNOWN):  # Pillow would open previews, and run PostScript
        raise UndecodableError(f"{content}, not an image")
    try:
        picture: Image.Image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise UndecodableError(f"{content}, not an image that can be read") from None
    with picture:
        check_size(*picture.size, max_pixels)
        frames = int(getattr(picture, "n_frames", 1))
        picture.seek(0)
        picture.load()
        if frames > 1:
            notes.add("animation: first frame taken")
        orientation = header.orientation
        if header.format in ("AVIF", "other"):
            orientation = int(picture.getexif().get(_EXIF_ORIENTATION, 1))
        return _rgb(picture, data, notes), orientation


def _rgb(picture: Image.Image, data: bytes, notes: Notes) -> Uint8:
    if picture.format == "JPEG2000" and picture.mode == "RGB":
        # Pillow, which has found it whole, keeps the wrong byte of 16-bit samples.
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if raw is not None and raw.dtype == np.uint16 and raw.ndim == 3 and raw.shape[2] == 3:
            return to_rgb(to_8_bits(raw[..., ::-1], 16, notes), notes)
    if picture.mode in _DEEP_MODES or (picture.mode == "I" and picture.format == "PPM"):
        return to_rgb(to_8_bits(np.asarray(picture).astype(np.uint16), 16, notes), notes)
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        return to_rgb(np.asarray(picture.convert("RGBA")), notes)
    if picture.mode == "CMYK":
        notes.add("CMYK converted to RGB")
    if picture.mode in _PLAIN_MODES:
        return np.asarray(picture.convert("RGB"))
    raise UndecodableError(f"samples of mode {picture.mode!r} {NO_RANGE}")
