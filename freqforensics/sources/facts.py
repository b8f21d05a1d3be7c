"""Facts about an image file apart from its content: format, size, compression, and hashes of file and picture."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freqforensics.images import ImageReadError, JpegTables, decode_image, read_file, read_header
from freqforensics.images.headers import ImageHeader
from freqforensics.images.jpeg import tables_of_picture
from freqforensics.sources.copies import difference_hash
from freqforensics.sources.records import ImageRecord


@dataclass(frozen=True)
class FileFacts:
    """Facts about an image file apart from its content.

    Parameters
    ----------
    record : ImageRecord
        The file, its label and generator.
    sha256 : str
        SHA-256 of the file, hexadecimal.
    format : str
        File format by content, as in `ImageHeader`.
    width, height : int
        Size in pixels.
    size : int
        Size of the file in bytes.
    quality : int or None
        JPEG quality on libjpeg's scale; None for other formats.
    subsampling : str
        Chroma subsampling of a JPEG; "none" for other formats.
    bits : int
        Bits per sample.
    grey : bool
        Whether the three colours are the same everywhere.
    profile : bool
        Whether a colour profile is embedded.
    content : int
        Difference hash of the picture, 64 bits; -1 for a flat picture, or one that was not decoded.
    """

    record: ImageRecord
    sha256: str
    format: str
    width: int
    height: int
    size: int
    quality: int | None
    subsampling: str
    bits: int
    grey: bool
    profile: bool
    content: int


def header_sizes(records: Iterable[ImageRecord]) -> Iterator[tuple[int, int]]:
    """Give height and width of images, pixels, by their headers; a file whose header does not say is left out.

    Parameters
    ----------
    records : iterable of ImageRecord
        The files; each is read when its size is asked for.
    """
    for record in records:
        try:
            header = read_header(read_file(record.path))
        except (ImageReadError, OSError):
            continue
        if header.height and header.width:
            yield header.height, header.width


def read_facts(record: ImageRecord, *, content: bool = True) -> FileFacts:
    """Read the facts about an image file.

    Parameters
    ----------
    record : ImageRecord
        The file.
    content : bool
        Decode the picture, for its hash and to see whether it is grey.

    Returns
    -------
    FileFacts
        Format, size, compression and other facts.

    Raises
    ------
    ImageReadError
        It cannot be read.
    """
    if content:
        return read_facts_and_image(record)[0]
    data = read_file(record.path)
    return file_facts(record, data, hashlib.sha256(data).hexdigest())


def read_facts_and_image(record: ImageRecord) -> tuple[FileFacts, NDArray[np.uint8]]:
    """Read what a file is, and decode it.

    Returns
    -------
    FileFacts
    ndarray of uint8, shape (H, W, 3)
        RGB, as `read_image` gives it; what is odd about the file is not told.

    Raises
    ------
    ImageReadError
        It cannot be read.
    """
    data = read_file(record.path)
    header = _undamaged(record, read_header(data))  # says what is wrong without decoding
    image = decode_image(data, name=record.path, header=header, on_note=lambda note: None)
    return file_facts(record, data, hashlib.sha256(data).hexdigest(), image, header=header), image


def _undamaged(record: ImageRecord, header: ImageHeader) -> ImageHeader:
    if header.damage is not None:
        raise ImageReadError(str(record.path), header.damage)
    return header


def file_facts(
    record: ImageRecord,
    data: bytes,
    sha256: str,
    image: NDArray[np.uint8] | None = None,
    *,
    header: ImageHeader | None = None,
) -> FileFacts:
    """Say what a file is whose bytes were read.

    Parameters
    ----------
    record : ImageRecord
    data : bytes
        The whole file.
    sha256 : str
        Hash of `data`.
    image : ndarray of uint8, shape (H, W, 3), optional
        The decoded image, for the hash of the picture and to see whether it is grey. Without it the file is decoded
        only where neither header nor Pillow tell its size.
    header : ImageHeader, optional
        What `read_header` gives of the data, for callers that have it.

    Returns
    -------
    FileFacts

    Raises
    ------
    ImageReadError
        The header shows damage, or the file must be decoded and cannot be.
    """
    header = _undamaged(record, header or read_header(data))
    width, height, bits, profile, grey = header.width, header.height, 8, False, False
    tables: JpegTables | None = None
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width, height = width or picture.width, height or picture.height
            profile = bool(picture.info.get("icc_profile"))
            bits = 16 if picture.mode.startswith("I") else 1 if picture.mode == "1" else 8
            grey = picture.mode in ("L", "LA", "1") or picture.mode.startswith("I")
            tables = tables_of_picture(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        pass  # of a kind that Pillow does not know: the decoder has the last word
    content = -1 if image is None else difference_hash(image)
    if image is None and (width is None or height is None):
        image = decode_image(data, name=record.path, header=header, on_note=lambda note: None)
    if image is not None:
        height, width = image.shape[:2]
        grey = grey or _is_grey(image)
    return FileFacts(
        record=record,
        sha256=sha256,
        format=str(header.format),
        width=int(width or 0),
        height=int(height or 0),
        size=len(data),
        quality=None if tables is None else tables.quality,
        subsampling="none" if tables is None else tables.subsampling,
        bits=bits,
        grey=grey,
        profile=profile,
        content=content,
    )


def _is_grey(image: NDArray[np.uint8]) -> bool:
    """Whether the three colours are the same everywhere; a few pixels tell of most images that they are not."""
    return all(
        np.array_equal(part[..., 0], part[..., 1]) and np.array_equal(part[..., 1], part[..., 2])
        for part in (image[::16, ::16], image)
    )
