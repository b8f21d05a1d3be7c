"""The fields of an EXIF block that tell its origin.

Pillow reads every value of every directory; where thousands of entries point to the same megabytes, that takes
gigabytes. Here only the entries that are asked for are read, from four directories.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from freqforensics.images.testimony.statements import printable

_ENTRIES: Final = 1024
_LONGEST_VALUE: Final = 1 << 20
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 13: 4}
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_LATITUDE, _LONGITUDE = 2, 4
_THUMBNAIL, _THUMBNAIL_SIZE = 0x0201, 0x0202
_MAKE, _MODEL, _DESCRIPTION, _SOFTWARE, _MODIFIED = 0x010F, 0x0110, 0x010E, 0x0131, 0x0132
_PROCESSED, _ORIGINAL, _LENS_MAKE, _LENS, _COMMENT = 0x000B, 0x9003, 0xA433, 0xA434, 0x9286
_BLOCKS: Final = {700: "xmp", 33723: "iptc", 34675: "icc", 52545: "c2pa"}
_CODES: Final = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "", bytes(8): "utf-8"}


@dataclass(frozen=True)
class ExifFields:
    """What an EXIF block says of an image's origin.

    Parameters
    ----------
    make, model, lens : str
        Camera and lens; empty where not stated, as all texts here.
    software : str
        Program that wrote the file, or the camera's own.
    taken : str
        Date at which the photograph was taken, as written.
    modified : str
        Date of the last change, as written.
    has_position : bool
        Whether it has a GPS position, which is not read.
    """

    make: str = ""
    model: str = ""
    lens: str = ""
    software: str = ""
    taken: str = ""
    modified: str = ""
    has_position: bool = False

    @property
    def camera(self) -> str:
        """Make and model in one, the make once."""
        if self.make and self.model.casefold().startswith(self.make.casefold().split()[0]):
            return self.model
        return f"{self.make} {self.model}".strip()


@dataclass(frozen=True)
class ExifBlock:
    """An EXIF block, or the directory of a TIFF file, with what else it holds.

    Parameters
    ----------
    fields : ExifFields
    texts : dict of str to str
        Fields of free text by name, uncut: ImageDescription, UserComment, Make, Model.
    thumbnail : bytes
        The embedded preview, JPEG; empty if there is none.
    blocks : dict of str to bytes
        Blocks of a TIFF file: its "xmp", "iptc", "icc" and "c2pa".
    """

    fields: ExifFields
    texts: dict[str, str]
    thumbnail: bytes
    blocks: dict[str, bytes]


def read_exif(data: bytes) -> ExifBlock | None:
    """Read the fields of an EXIF block that tell its origin.

    Parameters
    ----------
    data : bytes
        From the byte order on; a TIFF file is built in the same way.

    Returns
    -------
    ExifBlock or None
        None where it is no EXIF block. What is damaged in it is empty.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return None
    (start,) = struct.unpack_from(order + "I", data, 4)
    first, following = _directory(data, order, start)
    detail, _ = _directory(data, order, _number(first.get(_EXIF_IFD), order))
    place, _ = _directory(data, order, _number(first.get(_GPS_IFD), order))
    preview, _ = _directory(data, order, following)
    make, model = _text(first.get(_MAKE, b"")), _text(first.get(_MODEL, b""))
    lens_make, lens = _text(detail.get(_LENS_MAKE, b"")), _text(detail.get(_LENS, b""))
    texts = {
        "ImageDescription": _text(first.get(_DESCRIPTION, b"")),
        "UserComment": _comment(detail.get(_COMMENT, b""), order),
        "Make": make,
        "Model": model,
    }
    fields = ExifFields(
        make=printable(make, longest=64),
        model=printable(model, longest=64),
        lens=printable(lens if lens.startswith(lens_make) else f"{lens_make} {lens}", longest=96),
        software=printable(_text(first.get(_SOFTWARE, b"")) or _text(first.get(_PROCESSED, b"")), longest=96),
        taken=printable(_text(detail.get(_ORIGINAL, b"")), longest=32),
        modified=printable(_text(first.get(_MODIFIED, b"")), longest=32),
        has_position=_LATITUDE in place and _LONGITUDE in place,
    )
    blocks = {name: first[tag] for tag, name in _BLOCKS.items() if tag in first}
    return ExifBlock(
        fields, {name: text for name, text in texts.items() if text}, _preview(data, preview, order), blocks
    )


def _directory(data: bytes, order: str, start: int) -> tuple[dict[int, bytes], int]:
    """Give the values of a directory's entries that are known here, and where the next directory starts."""
    values: dict[int, bytes] = {}
    if not 0 < start <= len(data) - 2:
        return values, 0
    (count,) = struct.unpack_from(order + "H", data, start)
    if count > _ENTRIES:
        return values, 0
    end = start + 2 + 12 * count
    for entry in range(start + 2, min(end, len(data) - 11), 12):
        tag, kind, length = struct.unpack_from(order + "HHI", data, entry)
        if tag in (_LATITUDE, _LONGITUDE):  # that there is a position is enough
            values.setdefault(tag, b"")
        if tag not in _KNOWN or kind not in _SIZES:
            continue
        size = length * _SIZES[kind]
        position = entry + 8
        if size > 4:
            (position,) = struct.unpack_from(order + "I", data, position)
        if position + size <= len(data):
            values.setdefault(tag, data[position : position + min(size, _LONGEST_VALUE)])
    following = struct.unpack_from(order + "I", data, end)[0] if end + 4 <= len(data) else 0
    return values, following


_KNOWN: Final = frozenset(
    {
        *(_EXIF_IFD, _GPS_IFD, _THUMBNAIL, _THUMBNAIL_SIZE, _MAKE, _MODEL, _DESCRIPTION, _SOFTWARE, _MODIFIED),
        *(_PROCESSED, _ORIGINAL, _LENS_MAKE, _LENS, _COMMENT),
        *_BLOCKS,
    }
)


def _number(value: bytes | None, order: str) -> int:
    return 0 if value is None else int.from_bytes(value[:4], "little" if order == "<" else "big")


def _text(value: bytes) -> str:
    return value.split(b"\0")[0].decode("utf-8", "replace").strip()


def _comment(value: bytes, order: str) -> str:
    """Decode a UserComment, whose first eight bytes name its code."""
    code = _CODES.get(value[:8])
    if code is None:
        return _text(value)
    text = value[8:]
    if code == "utf-16":
        # Writers differ in the byte order: Latin text has its zeros in front (big endian) or behind.
        big = text[0::2].count(0) - text[1::2].count(0)
        if big == 0:
            big = 1 if order == ">" else -1
        return text.decode("utf-16-be" if big > 0 else "utf-16-le", "replace").split("\0")[0].strip()
    return _text(text)


def _preview(data: bytes, directory: dict[int, bytes], order: str) -> bytes:
    start = _number(directory.get(_THUMBNAIL), order)
    size = _number(directory.get(_THUMBNAIL_SIZE), order)
    preview = data[start : start + min(size, _LONGEST_VALUE)] if start and size else b""
    return preview if preview.startswith(b"\xff\xd8") else b""
