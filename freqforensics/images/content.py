"""Names of the content of files that are not images, by their first bytes."""

from __future__ import annotations

import re
import struct
from typing import Final

TEXT: Final = "text"
UNKNOWN: Final = "unknown content"

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"%PDF-", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"FUJIFILMCCD-RAW", "a camera RAW file (Fujifilm RAF)"),
    (0, b"IIRO", "a camera RAW file (Olympus ORF)"),
    (0, b"IIRS", "a camera RAW file (Olympus ORF)"),
    (0, b"MMOR", "a camera RAW file (Olympus ORF)"),
    (0, b"IIU\0", "a camera RAW file (Panasonic RW2)"),
    (0, b"FOVb", "a camera RAW file (Sigma X3F)"),
    (0, b"\0MRM", "a camera RAW file (Minolta MRW)"),
    (0, b"II\x1a\0\0\0HEAPCCDR", "a camera RAW file (Canon CRW)"),
    (4, b"ftypcrx", "a camera RAW file (Canon CR3)"),
    (4, b"ftyp", "a video"),
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (4, b"wide", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (0, b"\0\0\x01\xba", "a video"),
    (0, b"\0\0\x01\xb3", "a video"),
    (0, b"FLV\x01", "a video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"SQLite format 3\0", "a database"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"ID3", "a sound file"),
    (0, b"OggS", "a sound or video file"),
    (0, b"fLaC", "a sound file"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (0, b"version https://git-lfs", "a Git LFS pointer: the file itself has not been fetched"),
)
_RIFF: Final = {b"AVI ": "a video", b"WAVE": "a sound file"}
_HTML: Final = re.compile(rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_SVG: Final = re.compile(rb"<svg\b", re.IGNORECASE)
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_MAKE, _SUB_DIRECTORIES, _PHOTOMETRIC, _DNG_VERSION = 0x010F, 0x014A, 0x0106, 0xC612
_SENSOR: Final = frozenset({32803, 34892})  # colour filter array, linear raw


def content_name(data: bytes) -> str:
    """Name the content of a file that is not an image.

    Parameters
    ----------
    data : bytes
        The file, or its first few kilobytes.

    Returns
    -------
    str
        With its article, as "a PDF document"; "unknown content" where nothing fits.

    Examples
    --------
    >>> content_name(b"%PDF-1.7"), content_name(b"hello")
    ('a PDF document', 'text')
    """
    if not data:
        return "nothing"
    for offset, magic, name in _MAGIC:
        if data.startswith(magic, offset):
            return name
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    raw = raw_name(data)
    if raw is not None:
        return raw
    start = data[:1024]
    if _HTML.match(start.removeprefix(_BOMS[0])):
        return "an HTML page"
    if _SVG.search(start):
        return "an SVG drawing"
    if start.startswith(_BOMS) or (
        all(byte in b"\t\n\r\f\x1b" or byte >= 32 for byte in start[:256]) and _is_utf8(start)
    ):
        return TEXT
    return UNKNOWN


def raw_name(data: bytes) -> str | None:
    """Name a camera's RAW file that is built like a TIFF file, with a preview in front.

    Parameters
    ----------
    data : bytes
        The file, or as much of its beginning as holds its directories.

    Returns
    -------
    str or None
        None where the file is not such a RAW file.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return None
    if data[8:10] == b"CR":
        return "a camera RAW file (Canon CR2)"
    try:
        tags = _directory(data, order, struct.unpack_from(order + "I", data, 4)[0])
        if _DNG_VERSION in tags:
            return "a camera RAW file (DNG)"
        below = [_directory(data, order, start) for start in tags.get(_SUB_DIRECTORIES, ())[:8]]
    except struct.error:
        return None
    for directory in (tags, *below):
        if _SENSOR & set(directory.get(_PHOTOMETRIC, ())):
            make = bytes(tags.get(_MAKE, ())).split(b"\0")[0].decode("ascii", "ignore").strip().title()
            return f"a camera RAW file ({make})" if make.isprintable() and make else "a camera RAW file"
    return None


def _directory(data: bytes, order: str, start: int) -> dict[int, tuple[int, ...]]:
    """Read the short entries of a TIFF directory that tell its content."""
    (count,) = struct.unpack_from(order + "H", data, start)
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from(order + "HHI", data, entry)
        if tag not in (_MAKE, _SUB_DIRECTORIES, _PHOTOMETRIC, _DNG_VERSION) or not 0 < length <= 64:
            continue
        letter = {1: "B", 2: "B", 3: "H", 4: "I", 13: "I"}.get(kind)
        if letter is not None:
            form = f"{order}{length}{letter}"
            position = entry + 8
            if struct.calcsize(form) > 4:
                (position,) = struct.unpack_from(order + "I", data, position)
            tags[tag] = struct.unpack_from(form, data, position)
    return tags


def _is_utf8(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4 and len(start) == 1024  # a character cut at the end
    return True
