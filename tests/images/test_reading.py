from __future__ import annotations

import os
import pickle
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import encoded, picture
from PIL import Image, ImageOps

from freqforensics.images import (
    AlphaDroppedWarning,
    ImageReadError,
    ImageReadWarning,
    decode_image,
    read_header,
    read_image,
)


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return picture(rng)


def pillow(data: bytes) -> np.ndarray:
    import io

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# --- whole files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_give_the_pixels_back(image, form, tmp_path):
    if form == "GIF":
        image = np.repeat(image[..., :1], 3, axis=2)
    path = tmp_path / f"x.{form.lower()}"
    path.write_bytes(encoded(Image.fromarray(image[..., 0]) if form == "GIF" else image, form))
    read = read_image(path)
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize(
    ("form", "options"),
    [("JPEG", {"quality": 90}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("WEBP", {"lossless": True})],
)
def test_lossy_formats_agree_with_pillow(image, form, options):
    data = encoded(image, form, **options)
    difference = decode_image(data).astype(int) - pillow(data)
    assert np.abs(difference).max() <= 1  # two builds of one library


def test_grey_palette_and_bilevel_are_converted(image):
    grey = Image.fromarray(image).convert("L")
    for form in ("PNG", "JPEG", "TIFF"):
        data = encoded(grey, form)
        read = decode_image(data)
        assert read.shape == image.shape
        np.testing.assert_array_equal(read[..., 0], read[..., 2])
        np.testing.assert_array_equal(read, pillow(data))
    for mode in ("P", "1"):
        data = encoded(Image.fromarray(image).convert(mode), "PNG")
        np.testing.assert_array_equal(decode_image(data), pillow(data))


def test_cmyk_is_converted_as_pillow_does_and_named(image):
    for form in ("JPEG", "TIFF"):
        data = encoded(Image.fromarray(image).convert("CMYK"), form)
        notes: list[str] = []
        np.testing.assert_array_equal(decode_image(data, on_note=notes.append), pillow(data))
        assert notes == ["CMYK converted to RGB"]


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("grey", [True, False])
def test_16_bit_is_divided_by_257_never_clipped(rng, suffix, grey):
    deep = rng.integers(0, 65536, (40, 50) if grey else (40, 50, 3), dtype=np.uint16)
    deep.flat[:4] = [0, 128, 129, 65535]
    notes: list[str] = []
    read = decode_image(cv2.imencode(suffix, deep)[1].tobytes(), on_note=notes.append)
    expected = np.round(deep / 257)
    expected = np.repeat(expected[..., None], 3, axis=2) if grey else expected[..., ::-1]  # OpenCV writes BGR
    np.testing.assert_array_equal(read, expected)
    assert notes == ["16-bit samples divided by 257"]


def test_alpha_is_dropped_unblended_with_a_named_warning(image, rng, tmp_path):
    alpha = rng.integers(0, 256, image.shape[:2], dtype=np.uint8)
    rgba = np.dstack([image, alpha])
    for form in ("PNG", "TIFF"):
        path = tmp_path / f"a.{form.lower()}"
        path.write_bytes(encoded(rgba, form))
        with pytest.warns(AlphaDroppedWarning, match=r"a\.\w+: alpha channel dropped$"):
            np.testing.assert_array_equal(read_image(path), image)
    notes: list[str] = []
    decode_image(encoded(Image.fromarray(image).convert("LA"), "PNG"), on_note=notes.append)
    palette = Image.fromarray(image).convert("P")
    used = int(np.asarray(palette)[0, 0])
    decode_image(encoded(palette, "PNG", transparency=used), on_note=notes.append)
    decode_image(encoded(rgba, "WEBP", lossless=True, exact=True), on_note=notes.append)
    assert notes == ["alpha channel dropped (opaque)", "alpha channel dropped", "alpha channel dropped"]


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_animations_give_their_first_frame(image, form):
    first = Image.fromarray(image).convert("P") if form == "GIF" else Image.fromarray(image)
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(first, form, save_all=True, append_images=[first.rotate(180)], **options)
    notes: list[str] = []
    np.testing.assert_array_equal(decode_image(data, on_note=notes.append), np.asarray(first.convert("RGB")))
    assert notes == ["animation: first frame taken"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied_only_on_request(image, orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, form, exif=exif.tobytes())
    import io

    stored = Image.open(io.BytesIO(data))
    notes: list[str] = []
    as_stored = decode_image(data, on_note=notes.append)
    assert as_stored.shape == image.shape
    assert notes == ([] if orientation == 1 else [f"EXIF orientation {orientation} not applied"])
    upright = decode_image(data, exif_orientation=True, on_note=notes.append)
    expected = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))
    assert upright.shape == expected.shape
    assert np.abs(upright.astype(int) - expected).max() <= 1


def test_a_name_that_contradicts_the_content_is_named(image, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(image, "PNG"))
    with pytest.warns(ImageReadWarning, match="content is PNG, the name says JPEG"):
        np.testing.assert_array_equal(read_image(path), image)


@pytest.mark.parametrize("name", ["ünï→画像.png", "two\nlines.png", "[red]#%00.png", " leading.png"])
def test_any_name_can_be_read(image, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(encoded(image, "PNG"))
    np.testing.assert_array_equal(read_image(path), image)
    np.testing.assert_array_equal(read_image(str(path)), image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2), (8, 8), (17, 16), (31, 33)])
def test_odd_and_tiny_sizes(rng, shape):
    for image in (rng.integers(0, 256, (*shape, 3), dtype=np.uint8), np.zeros((*shape, 3), np.uint8)):
        for form in ("PNG", "BMP", "TIFF", "PPM"):
            np.testing.assert_array_equal(decode_image(encoded(image, form)), image)
        for form in ("JPEG", "WEBP", "AVIF"):
            assert decode_image(encoded(image, form)).shape == image.shape


def test_headers_give_size_and_format_without_decoding(image):
    for form, expected in [
        ("PNG", "PNG"),
        ("JPEG", "JPEG"),
        ("BMP", "BMP"),
        ("GIF", "GIF"),
        ("WEBP", "WebP"),
    ]:
        header = read_header(encoded(image, form))
        assert (header.format, header.width, header.height, header.damage) == (expected, 120, 96, None)
    lossless = read_header(encoded(image, "WEBP", lossless=True))
    assert (lossless.width, lossless.height) == (120, 96)
    with_alpha = read_header(encoded(np.dstack([image, image[..., 0]]), "WEBP"))
    assert (with_alpha.width, with_alpha.height) == (120, 96)


# --- files that are not -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"restart_marker_blocks": 2}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
    ],
)
def test_a_file_cut_anywhere_is_refused(image, form, options):
    data = encoded(image, form, **options)
    ends = sorted({1, 2, 5, 12, *range(17, len(data) - 2, max(1, len(data) // 40))})
    for end in ends:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's on damaged TIFF directories
            with pytest.raises(ImageReadError):
                decode_image(data[:end])


def test_a_jpeg_with_zeros_for_its_end_is_refused(image):
    data = encoded(image, "JPEG")
    with pytest.raises(ImageReadError, match="truncated JPEG"):
        decode_image(data[: len(data) // 2] + bytes(len(data) // 2))


def test_a_jpeg_may_be_followed_by_anything(image):
    data = encoded(image, "JPEG")
    np.testing.assert_array_equal(decode_image(data + b"trailing bytes \xff\xd8"), decode_image(data))


def test_a_thumbnail_does_not_hide_that_a_jpeg_is_cut(image):
    thumbnail = encoded(image[::4, ::4], "JPEG")  # has its own end-of-image marker
    segment = b"Exif\0\0" + thumbnail
    data = encoded(image, "JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    assert decode_image(data).shape == image.shape
    with pytest.raises(ImageReadError, match="truncated JPEG"):
        decode_image(data[:-200])


def test_flipped_bits_in_a_png_never_pass(image, rng):
    data = bytearray(encoded(image, "PNG"))
    for position in rng.integers(33, len(data) - 12, 100):
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(rng.integers(8))
        with pytest.raises(ImageReadError):
            decode_image(bytes(damaged))


def test_damaged_strips_of_a_tiff_never_pass(image, rng):
    data = encoded(image, "TIFF", compression="tiff_lzw")
    start = data.index(b"\x80")  # LZW strips begin with the clear code
    refused = 0
    for position in rng.integers(start, len(data) - 200, 30):
        damaged = bytearray(data)
        damaged[position : position + 40] = b"\xff" * 40
        try:
            decode_image(bytes(damaged))
        except ImageReadError:
            refused += 1
    assert refused == 30


def test_header_of_a_gigapixel_png_is_refused_by_its_size():
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    whole = start + png_chunk(b"IDAT", zlib.compress(bytes(100))) + png_chunk(b"IEND", b"")
    for data in (start, whole):
        with pytest.raises(ImageReadError, match="30000x30000 is over the limit of 178956970 pixels"):
            decode_image(data, name="bomb.png")


def test_pixel_limit_holds_for_every_format(image):
    for form in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"):
        assert decode_image(encoded(image, form), max_pixels=96 * 120).shape == image.shape
        with pytest.raises(ImageReadError, match="over the limit"):
            decode_image(encoded(image, form), max_pixels=96 * 120 - 1)


def test_zero_size_image_is_refused():
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    with pytest.raises(ImageReadError, match="zero-size image"):
        decode_image(data)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_range_are_refused(image, mode):
    with pytest.raises(ImageReadError, match="no defined range"):
        decode_image(encoded(Image.fromarray(image[..., 0]).convert(mode), "TIFF"))


def test_what_is_no_image_says_what_it_is(tmp_path):
    cases = {
        "empty.png": (b"", "empty file"),
        "text.png": (b"this is no picture\n", "text, not an image"),
        "noise.png": (bytes(range(256)), "unknown content, not an image"),
    }
    for name, (data, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ImageReadError, match=f"{name}: .*{reason}"):
            read_image(path)


def test_what_is_no_file_says_so(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in [
        ("folder.png", "not a regular file"),
        ("pipe.png", "not a regular file"),
        ("broken.png", "no such file"),
        ("missing.png", "no such file"),
        ("null\0.png", "null"),
    ]:
        with pytest.raises(ImageReadError, match=reason):
            read_image(tmp_path / name)


def test_a_file_without_permission_is_an_image_read_error(image, tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    path.write_bytes(encoded(image, "PNG"))

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read anything, so a mode of 0 proves nothing
    with pytest.raises(ImageReadError, match="permission denied"):
        read_image(path)


def test_an_oversized_file_is_not_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(ImageReadError, match="too many"):
        read_image(path, max_pixels=1000)


def test_errors_stay_on_one_line_and_travel(tmp_path):
    path = tmp_path / "two\nlines.png"
    path.write_bytes(b"")
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.path, again.reason) == (str(path), "empty file")


# --- found by reviewers ------------------------------------------------------------------------------------------


def test_a_png_whose_pixels_end_early_is_refused(image):
    """Chunks and check sums right, but only half the rows in the compressed stream."""
    height, width = image.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in image[: height // 2])
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data += png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    with pytest.raises(ImageReadError, match="damaged PNG"):
        decode_image(data)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"subsampling": 0}])
def test_a_cut_jpeg_closed_with_an_end_marker_is_refused(image, options):
    data = encoded(image, "JPEG", quality=90, **options)
    start = data.index(b"\xff\xda")
    assert decode_image(data).shape == image.shape
    for end in range(start + 40, len(data) - 20, (len(data) - start) // 12):
        cut = data[: end - (data[end - 1] == 0xFF)] + b"\xff\xd9"
        with pytest.raises(ImageReadError):
            decode_image(cut)


def test_flat_and_progressive_jpegs_that_are_whole_are_read(image):
    flat = image.copy()
    flat[40:] = 128
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}):
        for picture_ in (flat, np.full_like(image, 255), image):
            for colours in (picture_, picture_[..., 0]):
                data = encoded(np.ascontiguousarray(colours), "JPEG", **options)
                assert np.abs(decode_image(data).astype(int) - pillow(data)).max() <= 1


def test_a_jpeg_followed_by_its_whole_self_after_a_cut_is_refused(image):
    data = encoded(image, "JPEG", quality=90)
    with pytest.raises(ImageReadError, match="another image begins"):
        decode_image(data[: len(data) // 2].rstrip(b"\xff") + data)


@pytest.mark.parametrize(("form", "options"), [("WEBP", {}), ("WEBP", {"lossless": True}), ("AVIF", {})])
def test_an_unfinished_download_filled_with_zeros_is_refused(image, form, options):
    data = encoded(image, form, **options)
    assert decode_image(data).shape == image.shape
    with pytest.raises(ImageReadError, match=r"ends in zeros|cannot be decoded"):
        decode_image(data[:-200] + bytes(200))


def test_flat_pictures_are_no_unfinished_downloads():
    for value in (0, 128, 255):
        flat = np.full((1000, 1000, 3), value, np.uint8)
        assert encoded(flat, "WEBP")[-64:] == bytes(64)  # or this tests nothing
        for form in ("WEBP", "AVIF", "JPEG"):
            assert np.abs(decode_image(encoded(flat, form)).astype(int) - value).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_tiff_is_applied_only_on_request(image, orientation, rng):
    eight = encoded(image, "TIFF", tiffinfo={274: orientation})
    notes: list[str] = []
    np.testing.assert_array_equal(decode_image(eight, on_note=notes.append), image)
    assert notes == ([] if orientation == 1 else [f"EXIF orientation {orientation} not applied"])
    import io

    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(eight))).convert("RGB"))
    np.testing.assert_array_equal(decode_image(eight, exif_orientation=True), upright)


def test_orientation_of_an_avif_is_named(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(image, "AVIF", exif=exif.tobytes())
    notes: list[str] = []
    assert decode_image(data, on_note=notes.append).shape == image.shape
    assert notes == ["EXIF orientation 6 not applied"]
    assert decode_image(data, exif_orientation=True).shape == (image.shape[1], image.shape[0], 3)


def test_damaged_deflated_tiffs_never_pass(image, rng):
    data = encoded(image, "TIFF", compression="tiff_adobe_deflate")
    np.testing.assert_array_equal(decode_image(data), image)
    start = data.index(b"\x78")
    for position in rng.integers(start + 2, start + 4000, 20):
        damaged = bytearray(data)
        damaged[position : position + 64] = bytes(64)
        with pytest.raises(ImageReadError):
            decode_image(bytes(damaged))


def test_pillows_leave_to_truncate_is_no_way_round(image, monkeypatch):
    from PIL import ImageFile

    data = encoded(Image.fromarray(image).convert("P"), "GIF")
    assert decode_image(data).shape == image.shape
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageReadError, match="LOAD_TRUNCATED_IMAGES"):
        decode_image(data)
    np.testing.assert_array_equal(decode_image(encoded(image, "PNG")), image)


def test_16_bit_jpeg_2000_and_pgm_are_scaled(rng):
    deep = rng.integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    data = cv2.imencode(".jp2", deep, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    read = decode_image(data, on_note=lambda note: None)
    np.testing.assert_array_equal(read, np.round(deep / 257)[..., ::-1])
    grey = deep[..., 0]
    pgm = b"P5\n50 40\n65535\n" + grey.astype(">u2").tobytes()
    np.testing.assert_array_equal(decode_image(pgm, on_note=lambda note: None)[..., 1], np.round(grey / 257))


def test_a_transparent_grey_png_is_named(image):
    notes: list[str] = []
    decode_image(encoded(image[..., 0], "PNG", transparency=int(image[0, 0, 0])), on_note=notes.append)
    assert notes == ["alpha channel dropped"]
