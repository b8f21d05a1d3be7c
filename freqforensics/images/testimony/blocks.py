"""What stands in an image file beside its pixels: found by its structure, bounded, and not yet understood."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from freqforensics.images.headers import ImageFormat
from freqforensics.images.testimony.exif import read_exif
from freqforensics.images.testimony.iptc import photoshop_record

MOST_BLOCKS: Final = 65_536
"""Most segments, chunks or boxes that are looked at."""
MOST_TEXTS: Final = 64
"""Most text chunks that are read."""
LONGEST_BLOCK: Final = 1 << 20
"""Most bytes of a block, unpacked."""
_ALL_TEXTS: Final = 4 << 20
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_ICC: Final = b"ICC_PROFILE\0"
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_GIF_TRAILER: Final = b"\x01\xff\xfe"
_PNG_XMP: Final = "XML:com.adobe.xmp"
_C2PA_BOX: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass
class Blocks:
    """What stands in an image file beside its pixels.

    Parameters
    ----------
    exif, xmp, iptc, icc : bytes
        Empty where the file has none.
    texts : list of (str, str)
        Key and text of each text chunk or comment.
    credentials : bool
        Whether the file carries content credentials (C2PA).
    notes : list of str
        What was passed over, and why.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    icc: bytes = b""
    texts: list[tuple[str, str]] = field(default_factory=list)
    credentials: bool = False
    notes: list[str] = field(default_factory=list)

    def keep(self, name: str, block: bytes) -> None:
        """Keep the first block of a kind, if it is not too large."""
        if not block or getattr(self, name):
            return
        if len(block) > LONGEST_BLOCK:
            self.note(f"{name.upper()} of {len(block):,} bytes was not read: too large")
        else:
            setattr(self, name, block)

    def keep_text(self, key: str, text: str) -> None:
        """Keep a text, up to the most texts and characters of a file."""
        if len(self.texts) >= MOST_TEXTS:
            self.note(f"of its text chunks only the first {MOST_TEXTS} were read")
        elif sum(len(known) for _, known in self.texts) + len(text) > _ALL_TEXTS:
            self.note("some of its text was not read: too long")
        else:
            self.texts.append((key, text))

    def note(self, phrase: str) -> None:
        """Note something once."""
        if phrase not in self.notes:
            self.notes.append(phrase)


def find_blocks(data: bytes, image_format: ImageFormat) -> Blocks:
    """Find what an image file holds beside its pixels.

    Parameters
    ----------
    data : bytes
        The whole file.
    image_format : str
        Of `read_header`.

    Returns
    -------
    Blocks
        The blocks; for a damaged file, those before the damage.
    """
    blocks = Blocks()
    walk = _WALKS.get(image_format)
    if walk is not None:
        try:
            walk(data, blocks)
        except (struct.error, IndexError):
            blocks.note("its structure breaks off")
    return blocks


def _jpeg(data: bytes, blocks: Blocks) -> None:
    profile: dict[int, bytes] = {}
    position = 2
    for _ in range(MOST_BLOCKS):
        match = _MARKER.search(data, position)
        if match is None:
            break
        marker, position = data[match.start() + 1], match.end()
        if marker in (0xD9, 0xDA):  # the end, or the picture
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        body = data[position + 2 : position + max(2, length)]
        if marker == 0xE1 and body.startswith(_EXIF):
            blocks.keep("exif", body[len(_EXIF) :])
        elif marker == 0xE1 and body.startswith(_XMP):
            blocks.keep("xmp", body[len(_XMP) :])
        elif marker == 0xE2 and body.startswith(_ICC) and len(body) > len(_ICC) + 2:
            profile[body[len(_ICC)]] = body[len(_ICC) + 2 :]
        elif marker == 0xED and body.startswith(_PHOTOSHOP):
            blocks.keep("iptc", photoshop_record(body[len(_PHOTOSHOP) :]))
        elif marker == 0xEB and body.startswith(b"JP") and b"jumb" in body[:32] and b"c2pa" in body[:128]:
            blocks.credentials = True
        elif marker == 0xFE:
            blocks.keep_text("Comment", body.decode("utf-8", "replace"))
        position += max(2, length)
    else:
        blocks.note(f"only its first {MOST_BLOCKS:,} segments were looked at")
    blocks.keep("icc", b"".join(profile[number] for number in sorted(profile)))


def _png(data: bytes, blocks: Blocks) -> None:
    position = 8
    for _ in range(MOST_BLOCKS):
        if position + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if kind == b"IEND" or end + 4 > len(data):
            break
        if kind in _PNG_KINDS:
            body = data[position + 8 : end]
            if zlib.crc32(kind + body) != struct.unpack_from(">I", data, end)[0]:
                blocks.note(f"a {kind.decode('ascii')} chunk was not read: wrong check sum")
            else:
                _png_chunk(kind, body, blocks)
        position = end + 4
    else:
        blocks.note(f"only its first {MOST_BLOCKS:,} chunks were looked at")


_PNG_KINDS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"caBX"})


def _png_chunk(kind: bytes, body: bytes, blocks: Blocks) -> None:
    if kind == b"caBX":
        blocks.credentials = True
    elif kind == b"eXIf":
        blocks.keep("exif", body.removeprefix(_EXIF))
    elif kind == b"iCCP":
        blocks.keep("icc", _unpacked(body.partition(b"\0")[2][1:], blocks))
    else:
        key, _, rest = body.partition(b"\0")
        name = key[:79].decode("latin-1")
        if len(blocks.texts) >= MOST_TEXTS and name != _PNG_XMP:
            blocks.keep_text(name, "")  # is noted
        elif kind == b"tEXt":
            blocks.keep_text(name, _cut(rest, blocks).decode("latin-1"))
        elif kind == b"zTXt":
            blocks.keep_text(name, _unpacked(rest[1:], blocks).decode("latin-1"))
        else:
            packed = rest[:1] == b"\1"
            text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # behind the language and the translated key
            text = _unpacked(text, blocks) if packed else _cut(text, blocks)
            if name == _PNG_XMP:
                blocks.keep("xmp", text)
            else:
                blocks.keep_text(name, text.decode("utf-8", "replace"))


def _unpacked(packed: bytes, blocks: Blocks) -> bytes:
    """Inflate, up to the most bytes of a block; nothing of damaged data."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(packed, LONGEST_BLOCK + 1)
    except zlib.error:
        blocks.note("a compressed chunk was not read: damaged")
        return b""
    return _cut(plain, blocks)


def _cut(text: bytes, blocks: Blocks) -> bytes:
    if len(text) > LONGEST_BLOCK:
        blocks.note(f"of a chunk only the first {LONGEST_BLOCK:,} bytes were read")
    return text[:LONGEST_BLOCK]


def _webp(data: bytes, blocks: Blocks) -> None:
    position = 12
    for _ in range(MOST_BLOCKS):
        if position + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        body = position + 8, min(position + 8 + length, len(data))
        if kind == b"EXIF":
            blocks.keep("exif", data[slice(*body)].removeprefix(_EXIF))
        elif kind == b"XMP ":
            blocks.keep("xmp", data[slice(*body)])
        elif kind == b"ICCP":
            blocks.keep("icc", data[slice(*body)])
        elif kind == b"C2PA":
            blocks.credentials = True
        position += 8 + length + (length & 1)
    else:
        blocks.note(f"only its first {MOST_BLOCKS:,} chunks were looked at")


def _tiff(data: bytes, blocks: Blocks) -> None:
    # The file is built as an EXIF block is: its directory is read as one.
    blocks.exif = data
    inside = read_exif(data)
    for name, block in ({} if inside is None else inside.blocks).items():
        if name == "c2pa":
            blocks.credentials = True
        else:
            blocks.keep(name, block)


def _gif(data: bytes, blocks: Blocks) -> None:
    blocks.credentials = b"!\xff\x0bC2PA_GIF" in data
    start = data.find(b"!\xff\x0bXMP DataXMP")
    if start >= 0:
        packet, trailer, _ = data[start + 14 : start + 14 + LONGEST_BLOCK].partition(_GIF_TRAILER)
        blocks.keep("xmp", packet if trailer else b"")


def _boxes(data: bytes, blocks: Blocks) -> None:
    """Boxes of HEIC and AVIF: credentials have one of their own, for the rest the decoders' libraries know the way."""
    position = 0
    for _ in range(MOST_BLOCKS):
        if position + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, position + 8)
            header = 16
        elif length == 0:
            length = len(data) - position
        if kind == b"uuid" and data[position + header : position + header + 16] == _C2PA_BOX:
            blocks.credentials = True
        if length < header:
            break
        position += length
    else:
        blocks.note(f"only its first {MOST_BLOCKS:,} boxes were looked at")


def _heic(data: bytes, blocks: Blocks) -> None:
    _boxes(data, blocks)
    try:
        import pillow_heif
    except ImportError:
        blocks.note("EXIF and XMP of HEIC were not read: pip install 'freqforensics[heic]'")
        return
    try:
        file = pillow_heif.open_heif(data)
        _keep_info(file[file.primary_index].info, blocks)
    except Exception:  # a damaged file can lead the library to any error
        blocks.note("its structure breaks off")


def _avif(data: bytes, blocks: Blocks) -> None:
    import io

    from PIL import Image

    _boxes(data, blocks)
    try:
        with Image.open(io.BytesIO(data), formats=["AVIF"]) as picture:
            _keep_info(picture.info, blocks)
    except Exception:  # as above
        blocks.note("its structure breaks off")


def _keep_info(info: dict[Any, Any], blocks: Blocks) -> None:
    for name, key in (("exif", "exif"), ("xmp", "xmp"), ("icc", "icc_profile")):
        block = info.get(key)
        if isinstance(block, bytes):
            blocks.keep(name, block.removeprefix(_EXIF))


_WALKS: Final[dict[str, Callable[[bytes, Blocks], None]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WebP": _webp,
    "TIFF": _tiff,
    "GIF": _gif,
    "HEIC": _heic,
    "AVIF": _avif,
}
