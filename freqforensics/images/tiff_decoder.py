"""TIFF to pixels by libtiff, where a warning of the library about the picture is an error."""

from __future__ import annotations

import io
import re
import zlib
from typing import Any, Final

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from freqforensics.images.chatter import listening
from freqforensics.images.samples import (
    NO_RANGE,
    Notes,
    Uint8,
    UndecodableError,
    check_size,
    note_alpha,
    to_8_bits,
    to_rgb,
    unpremultiplied,
)

_WHITE_IS_ZERO: Final = 0
_GREY: Final = frozenset({0, 1, 4})  # white is zero, black is zero, a mask
_RGB: Final = 2
_PALETTE: Final = 3
_CMYK: Final = 5
_YCBCR: Final = 6
_DEFLATE: Final = frozenset({8, 32946})
_TWICE: Final = frozenset({6, 7, 32773})  # JPEG and PackBits, which tifffile takes more strictly than libtiff
_BYTES: Final = frozenset({1, 8, 16})
_FAX: Final = frozenset({2, 3, 4})
_PREMULTIPLIED: Final = 1
_MOST_SAMPLES: Final = 16

# What libtiff says of files whose pixels it reads right.
_HARMLESS: Final = re.compile(
    r"not terminated with EOI|Old-style LZW|ld-style JPEG compression mode|ASCII value|null byte"
    r"|not sorted in ascending|Nonstandard tile|Unknown field with tag"
    # A last strip of JPEG that is higher than what is left of the picture, and counts that follow from others.
    r"|strip size exceeds expected dimensions, expected (\d+)x\d+, got \1x"
    r"|SamplesPerPixel tag is missing, applying correct|Sum of Photometric type-related color channels"
)
_LAYOUT_TAGS_END: Final = 1024


def decode_tiff(data: bytes, notes: Notes, *, max_pixels: int) -> Uint8:
    """Decode the first page of a TIFF file; a warning of libtiff about the picture refuses it."""
    with listening() as messages, tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        check_size(page.imagewidth, page.imagelength, max_pixels)
        bits = _bits(page)
        if page.samplesperpixel > _MOST_SAMPLES:
            raise UndecodableError(f"{page.samplesperpixel} samples per pixel")
        if page.imagedepth > 1:
            raise UndecodableError("a volume, not an image")
        _check_tags(page)
        _check_strips(data, page)
        messages.clear()  # of a damaged comment, or of a second page, which are not read
        samples = imagecodecs.tiff_decode(data, index=0, verbose=1)
        _check(messages)
        if page.photometric == _CMYK or bits not in _BYTES:
            samples = page.asarray(maxworkers=1)  # above, CMYK becomes RGB, and bits packed big-endian lose their order
        elif page.is_tiled or page.compression in _TWICE:  # libtiff's errors in a tile do not always come through
            again = page.asarray(maxworkers=1)
            if again.shape != samples.shape:
                raise UndecodableError(f"damaged TIFF: shapes {samples.shape} and {again.shape}")
        several = len(file.pages) > 1
    if page.planarconfig == 2 and samples.ndim == 3 and samples.shape[0] == page.samplesperpixel:
        samples = np.moveaxis(samples, 0, 2)
    if samples.shape[:2] != (page.imagelength, page.imagewidth) or samples.ndim > 3:
        raise UndecodableError(f"cannot be decoded: an array of shape {samples.shape}")
    image = _rgb(samples, bits, page, notes)
    if several:
        notes.add("several pages: first taken")
    return image


def _bits(page: tifffile.TiffPage) -> int:
    bits, kind = page.bitspersample, page.sampleformat
    if not isinstance(bits, int) or not 1 <= bits <= 16 or kind not in (None, 1, 4):
        raise UndecodableError(f"{bits}-bit samples of format {int(kind or 1)} {NO_RANGE}")
    return bits


def _check_tags(page: tifffile.TiffPage) -> None:
    """Raise for a missing tag that says what samples mean, and for an unknown tag, which is a damaged one."""
    if "PhotometricInterpretation" not in page.tags:
        raise UndecodableError("damaged TIFF: no tag says what the samples mean")
    row = (page.imagewidth + 7) // 8
    one_bit = page.compression in _FAX or (page.compression == 1 and sum(page.databytecounts) == row * page.imagelength)
    if "BitsPerSample" not in page.tags and not one_bit:
        raise UndecodableError("damaged TIFF: no tag says how many bits a sample has")
    for tag in page.tags:
        if tag.code < _LAYOUT_TAGS_END and tag.code not in tifffile.TIFF.TAGS:
            raise UndecodableError(f"damaged TIFF: unknown tag {tag.code}")


def _check_strips(data: bytes, page: tifffile.TiffPage) -> None:
    """Raise unless every strip or tile lies in the file and, if deflated, is whole; libtiff does not always look."""
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count == 0 or start + count > len(data):
            raise UndecodableError("truncated TIFF: a strip is missing or runs past the end")
        if page.compression in _DEFLATE:
            decoder = zlib.decompressobj()
            rest = data[start : start + count]
            while rest and not decoder.eof:
                decoder.decompress(rest, 1 << 24)
                rest = decoder.unconsumed_tail
            if not decoder.eof:
                raise UndecodableError("damaged TIFF: a strip breaks off")


def _check(messages: list[str]) -> None:
    """Raise for a message of libtiff, unless it is known not to concern the picture."""
    for message in messages:
        if not _HARMLESS.search(message):
            raise UndecodableError(f"damaged TIFF: {message.strip().rstrip('.').splitlines()[0]}")


def _rgb(samples: NDArray[Any], bits: int, page: tifffile.TiffPage, notes: Notes) -> Uint8:
    """8-bit RGB of the samples of a page, (H, W) or (H, W, C)."""
    meaning = int(page.photometric)
    if meaning == _PALETTE:
        return _from_palette(samples, bits, page, notes)
    if meaning == _CMYK:
        if samples.ndim != 3 or samples.shape[2] < 4:
            raise UndecodableError("cannot be decoded: CMYK of fewer than four samples")
        notes.add("CMYK converted to RGB")
        inks = Image.fromarray(np.ascontiguousarray(to_8_bits(samples[..., :4], bits, notes)), "CMYK")
        return np.asarray(inks.convert("RGB"))
    if meaning not in (_GREY | {_RGB, _YCBCR}):
        raise UndecodableError(f"colours of photometric interpretation {meaning} are not read")
    eight = to_8_bits(samples, bits, notes)
    if meaning == _WHITE_IS_ZERO:
        eight = 255 - eight if eight.ndim == 2 else np.concatenate([255 - eight[..., :1], eight[..., 1:]], axis=2)
    colours = 1 if meaning in _GREY else 3
    if eight.ndim == 2:
        if colours == 3:
            raise UndecodableError("cannot be decoded: one sample of three colours")
        return to_rgb(eight, notes)
    if eight.shape[2] < colours:
        raise UndecodableError(f"cannot be decoded: {eight.shape[2]} samples of three colours")
    kinds = [int(kind) for kind in page.extrasamples]
    alpha = eight.shape[2] > colours and (not kinds or kinds[0] in (1, 2) or colours == 1)
    if eight.shape[2] > colours + alpha:
        notes.add("extra samples dropped")
    eight = eight[..., : colours + alpha]
    if alpha and kinds and kinds[0] == _PREMULTIPLIED:
        eight = unpremultiplied(eight, notes)
    return to_rgb(eight, notes)


def _from_palette(samples: NDArray[Any], bits: int, page: tifffile.TiffPage, notes: Notes) -> Uint8:
    table = page.colormap
    indices = (samples if samples.ndim == 2 else samples[..., 0]).astype(np.uint16)
    if table is None or table.shape[0] != 3 or int(indices.max()) >= table.shape[1]:
        raise UndecodableError("damaged TIFF: a palette that is too short")
    if samples.ndim == 3:
        note_alpha(to_8_bits(samples[..., 1], bits, notes), notes)
    # 16 bits; old writers fill only the upper or the lower 8 of them.
    colours = (table if table.max() < 256 else table >> 8).astype(np.uint8)
    return np.ascontiguousarray(colours.T[indices])
