"""Headers of image files, read before decoding: format, size, and whether the file is whole.

Decoders differ in what they do with a damaged file: some fail, some fill the missing part with grey and say
nothing. A half-decoded image in an average is a false spectrum, so the structure is checked here, before any decoder
sees the bytes, and at a cost that is small against decoding.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final, Literal

ImageFormat = Literal["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "AVIF", "HEIC", "other"]

SUFFIXES: Final[dict[str, ImageFormat]] = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".jp2": "other",
    ".pbm": "other",
    ".pgm": "other",
    ".pnm": "other",
    ".ppm": "other",
}
"""File name endings (lower case) that are taken for images, with the format they promise."""

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# In entropy-coded JPEG data 0xFF is followed by 0x00 (stuffing), a restart marker, or another 0xFF (fill).
_JPEG_NEXT_MARKER: Final = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")  # with \xff+ a run of them takes quadratic time
_MOST_GAPS: Final = 256
_JPEG_APPLICATION: Final = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF})  # comments too; E0 and EE tell the colours
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_ZERO_TAIL: Final = 64
_JPEG_NOT_SOF: Final = frozenset({0xC4, 0xC8, 0xCC})


class _Damaged(Exception):  # noqa: N818 - never leaves this module
    """The structure breaks off; the message is the reason."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Facts that the structure of an image file shows before it is decoded.

    Parameters
    ----------
    format : {"JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "AVIF", "HEIC", "other"}
        By content, never by name. "other" is anything not recognised here.
    width, height : int or None
        In pixels, as stored. None where only a decoder can tell ("AVIF", "HEIC", "other", "TIFF").
    components : int or None
        Components of a JPEG frame (4 is CMYK or YCCK).
    animated : bool
        Whether the file declares more than one frame (PNG, WebP; a GIF has to be decoded to tell).
    still_is_frame : bool
        Whether the still image of an animated PNG is the first frame of its animation.
    orientation : int
        EXIF orientation, 1 (as stored) to 8; 1 where none is given.
    transparency : bool
        Whether a PNG names a transparent colour (tRNS).
    progressive : bool
        Whether a JPEG is coded in several scans over the whole picture.
    end : int or None
        Where a JPEG's end-of-image marker stands.
    gaps : tuple of (int, int)
        Where a JPEG has bytes between its header segments that belong to none of them: begin and end of each.
    cut : bool
        Whether the damage is that a JPEG ends inside its picture data, all before being there.
    damage : str or None
        Why the file cannot be whole, or None. What was read before the damage is still given.
    """

    format: ImageFormat
    width: int | None = None
    height: int | None = None
    components: int | None = None
    animated: bool = False
    still_is_frame: bool = True
    orientation: int = 1
    transparency: bool = False
    progressive: bool = False
    end: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    cut: bool = False
    damage: str | None = None


def read_header(data: bytes) -> ImageHeader:
    """Recognise an image file by its content and check that its structure is complete.

    A JPEG must run to its end-of-image marker, a PNG to its IEND chunk with right check sums in the critical chunks,
    a WebP as far as its RIFF header says, a BMP as far as its pixel array.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    ImageHeader
        With `damage` set where the structure breaks off or contradicts itself.

    Examples
    --------
    >>> read_header(b"GIF89a" + (120).to_bytes(2, "little") + (96).to_bytes(2, "little")).width
    120
    """
    fields: dict[str, Any] = {}
    try:
        image_format = _parse(data, fields)
    except struct.error:
        return ImageHeader(_signature(data), **fields, damage="truncated inside its header")
    except _Damaged as reason:
        return ImageHeader(_signature(data), **fields, damage=str(reason))
    return ImageHeader(image_format, **fields)


def _signature(data: bytes) -> ImageFormat:
    if data.startswith(_PNG_SIGNATURE):
        return "PNG"
    if data.startswith(b"\xff\xd8"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM":
        return "BMP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[4:8] == b"ftyp":
        end = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[8:12], *(data[start : start + 4] for start in range(16, end, 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIC_BRANDS:
            return "HEIC"
    return "other"


def _parse(data: bytes, fields: dict[str, Any]) -> ImageFormat:
    image_format = _signature(data)
    if image_format == "PNG":
        _png(data, fields)
    elif image_format == "JPEG":
        _jpeg(data, fields)
    elif image_format == "WebP":
        _webp(data, fields)
    elif image_format == "BMP":
        _bmp(data, fields)
    elif image_format == "GIF":
        fields["width"], fields["height"] = struct.unpack_from("<HH", data, 6)
    elif image_format == "TIFF":
        fields["orientation"] = _orientation(data)  # a TIFF file is built as an EXIF block is
    elif data[4:8] == b"ftyp" and image_format != "HEIC" and _ends_in_zeros(data):
        raise _Damaged("damaged file: it ends in zeros, like an interrupted download")
    return image_format


def _jpeg(data: bytes, fields: dict[str, Any]) -> None:
    position, end = 2, len(data)
    scans, marker = 0, 0
    while True:
        if position >= end:
            raise _Damaged(f"truncated JPEG: no end-of-image marker in {end} bytes")
        if data[position] != 0xFF or data[position : position + 2] == b"\xff\0":
            following = _JPEG_MARKER.search(data, position)
            if scans or marker not in _JPEG_APPLICATION or following is None:
                raise _Damaged(f"damaged JPEG: no marker at byte {position}")
            # What a comment or preview leaves behind its segment is no part of the picture.
            start = following.start()
            while start > position and data[start - 1] == 0xFF:  # fill bytes belong to the marker
                start -= 1
            fields["gaps"] = (*fields.get("gaps", ()), (position, start))
            if len(fields["gaps"]) > _MOST_GAPS:
                raise _Damaged(f"damaged JPEG: bytes outside its segments at more than {_MOST_GAPS} places")
            position = start
        while position < end and data[position] == 0xFF:  # fill bytes
            position += 1
        if position >= end:
            raise _Damaged(f"truncated JPEG: no end-of-image marker in {end} bytes")
        marker = data[position]
        position += 1
        if marker == 0xD9:
            fields["end"] = position - 2
            break
        if marker == 0xD8:
            raise _Damaged(f"damaged JPEG: another image begins at byte {position - 2}")
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # stand-alone markers
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2 or position + length > end:
            raise _Damaged(f"truncated JPEG: the segment at byte {position} runs past the end")
        if 0xC0 <= marker <= 0xCF and marker not in _JPEG_NOT_SOF:
            fields["height"], fields["width"], fields["components"] = struct.unpack_from(">HHB", data, position + 3)
            fields["progressive"] = marker in (0xC2, 0xC6, 0xCA, 0xCE)
        elif marker == 0xE1 and data[position + 2 : position + 8] == b"Exif\0\0":
            fields["orientation"] = _orientation(data[position + 8 : position + length])
        position += length
        if marker == 0xDA:
            scans += 1
            following = _JPEG_NEXT_MARKER.search(data, position)
            if following is None:
                fields["cut"] = "width" in fields
                raise _Damaged(f"truncated JPEG: no end-of-image marker in {end} bytes")
            position = following.start()
    if "width" not in fields or not scans:
        raise _Damaged("damaged JPEG: it holds no picture data")


def _png(data: bytes, fields: dict[str, Any]) -> None:
    position, end = len(_PNG_SIGNATURE), len(data)
    pixels, frames = False, 0
    while True:
        if position + 12 > end:
            raise _Damaged(f"truncated PNG: no IEND chunk in {end} bytes")
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IHDR":
            # The size first: a header alone can promise gigapixels, and the reader wants to say so.
            fields["width"], fields["height"] = struct.unpack_from(">II", data, position + 8)
        if position + 12 + length > end:
            raise _Damaged(f"truncated PNG: the {_chunk_name(kind)} chunk runs past the end")
        body_end = position + 8 + length
        if not kind[0] & 0x20:  # critical chunks; decoders pass over a damaged comment
            (expected,) = struct.unpack_from(">I", data, body_end)
            if zlib.crc32(memoryview(data)[position + 4 : body_end]) != expected:
                raise _Damaged(f"damaged PNG: wrong check sum in the {_chunk_name(kind)} chunk")
        if kind == b"IEND":
            break
        if kind == b"acTL":
            fields["animated"] = struct.unpack_from(">I", data, position + 8)[0] > 1
        elif kind == b"fcTL":
            frames += 1
        elif kind == b"eXIf":
            fields["orientation"] = _orientation(data[position + 8 : body_end])
        elif kind == b"tRNS":
            fields["transparency"] = True
        elif kind == b"IDAT" and not pixels:
            pixels = True
            fields["still_is_frame"] = frames > 0
        position = body_end + 4
    if "width" not in fields or not pixels:
        raise _Damaged("damaged PNG: it holds no picture data")


def _chunk_name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace")


def _webp(data: bytes, fields: dict[str, Any]) -> None:
    (riff,) = struct.unpack_from("<I", data, 4)
    kind = data[12:16]
    if kind == b"VP8X":
        fields["animated"] = bool(struct.unpack_from("<B", data, 20)[0] & 0x02)
        fields["width"] = 1 + int.from_bytes(data[24:27], "little")
        fields["height"] = 1 + int.from_bytes(data[27:30], "little")
        fields["orientation"] = _orientation(_riff_chunk(data, b"EXIF"))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        fields["width"], fields["height"] = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        fields["width"], fields["height"] = width & 0x3FFF, height & 0x3FFF
    else:
        raise _Damaged("damaged WebP: unknown first chunk")
    if riff + 8 > len(data):
        raise _Damaged(f"truncated WebP: {len(data)} of {riff + 8} bytes")
    if _ends_in_zeros(data[: riff + 8], share=0.0 if kind == b"VP8L" else 0.1):
        raise _Damaged("damaged WebP: it ends in zeros, like an interrupted download")


def _ends_in_zeros(data: bytes, *, share: float = 0.0) -> bool:
    """Whether a file was allocated in full but not written to its end.

    Whole AVIF and lossless WebP files end in a zero or two, lossy WebP of flat pictures in up to 6 % of the file.
    """
    if len(data) <= 2 * _ZERO_TAIL or any(data[-_ZERO_TAIL:]):
        return False
    return len(data) - len(data.rstrip(b"\0")) > share * len(data)


def _riff_chunk(data: bytes, wanted: bytes) -> bytes:
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == wanted:
            return data[position + 8 : position + 8 + length].removeprefix(b"Exif\0\0")
        position += 8 + length + (length & 1)
    return b""


def _bmp(data: bytes, fields: dict[str, Any]) -> None:
    (offset, header_size) = struct.unpack_from("<II", data, 10)
    if header_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        width, height = abs(width), abs(height)
    fields["width"], fields["height"] = width, height
    if compression in (0, 3):  # plain or bit fields: the size of the pixel array is known
        needed = offset + ((width * bits + 31) // 32) * 4 * height
        if needed > len(data):
            raise _Damaged(f"truncated BMP: {len(data)} of {needed} bytes")


def _orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory of an EXIF block; 1 where it is absent or damaged."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == 0x0112:
                return int(value) if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
