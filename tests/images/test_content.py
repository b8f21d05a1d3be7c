from __future__ import annotations

import io
import tarfile
import zipfile
from typing import Any

import numpy as np
import pytest
import tifffile

from freqforensics.images import ImageReadError, decode_image
from freqforensics.images.content import content_name


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "b")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


NAMES = {
    b"%PDF-1.4\n%\xe2\xe3": "a PDF document",
    b"8BPS\0\1": "a Photoshop document",
    zipped(): "a ZIP archive",
    tarred(): "a tar archive",
    b"\x1f\x8b\x08\0": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07\0": "a RAR archive",
    b"\0\0\0\x20ftypisom\0\0\2\0": "a video",
    b"\0\0\0\x14ftypqt  ": "a video",
    b"RIFF\0\0\0\0AVI LIST": "a video",
    b"\x1a\x45\xdf\xa3\x9f": "a video",
    b"\0\0\0\x18ftypcrx \0\0\0\1": "a camera RAW file (Canon CR3)",
    b"FUJIFILMCCD-RAW 0201": "a camera RAW file (Fujifilm RAF)",
    b"IIRO\x08\0\0\0": "a camera RAW file (Olympus ORF)",
    b"IIU\0\x18\0\0\0": "a camera RAW file (Panasonic RW2)",
    b"II*\0\x10\0\0\0CR\2\0": "a camera RAW file (Canon CR2)",
    b"<!DOCTYPE html><html>": "an HTML page",
    b"\n <html lang='de'>": "an HTML page",
    b'<?xml version="1.0"?>\n<svg xmlns="x">': "an SVG drawing",
    "größer\n".encode(): "text",
    b"version https://git-lfs.github.com/spec/v1\n": "a Git LFS pointer: the file itself has not been fetched",
    bytes(range(256)): "unknown content",
}


@pytest.mark.parametrize("data", NAMES, ids=lambda data: NAMES[data])
def test_what_is_no_image_is_named_and_refused(data):
    assert content_name(data) == NAMES[data]
    with pytest.raises(ImageReadError) as caught:
        decode_image(data, name="x.jpg")
    assert str(caught.value).startswith(f"x.jpg: {NAMES[data]}, not an image")


def test_a_long_text_that_is_cut_inside_a_letter_is_text():
    assert content_name(("ä" * 2000).encode()[: 1024 * 3]) == "text"
    assert content_name(b"a" + ("ä" * 2000).encode()) == "text"


PREVIEW = np.zeros((16, 16, 3), np.uint8)


def camera_tiff(**options: Any) -> bytes:
    """A preview in front, and below it what a colour filter array saw."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(PREVIEW, photometric="rgb", subifds=1, metadata=None, **options)
        file.write(np.zeros((64, 64), np.uint16), photometric="cfa", metadata=None)
    return buffer.getvalue()


def test_raw_files_that_are_tiffs_inside_are_not_read_as_their_preview():
    nef = camera_tiff(extratags=[(0x010F, 2, 0, "NIKON CORPORATION", True)])
    dng = camera_tiff(extratags=[(0xC612, 1, 4, b"\1\4\0\0", True)])
    for data, name in ((dng, "DNG"), (nef, "Nikon Corporation")):
        with pytest.raises(ImageReadError, match=rf"a camera RAW file \({name}\), not an image"):
            decode_image(data, name="x.tif")


def test_a_tiff_with_a_smaller_copy_below_is_no_raw_file():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(PREVIEW, photometric="rgb", subifds=1, metadata=None)
        file.write(PREVIEW[::2, ::2], photometric="rgb", metadata=None)
    np.testing.assert_array_equal(decode_image(buffer.getvalue()), PREVIEW)
