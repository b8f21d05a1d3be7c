"""Each format's decoder: right pixels of whole files of every kind, and no pixels of damaged ones."""

from __future__ import annotations

import io
import logging
import struct
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
import tifffile
from pictures import encoded, picture
from PIL import Image

from freqforensics import SpectrumSpec, mean_spectrum
from freqforensics.images import ImageReadError, chatter, decode_image, read_header, read_image
from freqforensics.spectra import SpectrumAccumulator
from freqforensics.studies.spectrum import spectrum_study


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return picture(rng)


def quiet(data: bytes, **options: Any) -> np.ndarray:
    return decode_image(data, on_note=lambda note: None, **options)


def notes_of(data: bytes, **options: Any) -> list[str]:
    notes: list[str] = []
    decode_image(data, on_note=notes.append, **options)
    return notes


def by_opencv(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def by_pillow(data: bytes, mode: str = "RGB") -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def tiff(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, metadata=None, **options)
    return buffer.getvalue()


def scan_start(data: bytes) -> int:
    start = data.index(b"\xff\xda")
    return start + 2 + struct.unpack_from(">H", data, start + 2)[0]


# --- JPEG ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
@pytest.mark.parametrize("shape", [(96, 120), (31, 33), (1, 1), (8, 7)])
def test_whole_jpegs_have_the_pixels_that_opencv_gives(rng, subsampling, shape):
    data = simplejpeg.encode_jpeg(picture(rng, *shape), 85, "RGB", subsampling)
    np.testing.assert_array_equal(decode_image(data), by_opencv(data))


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 3}, {"keep_rgb": True}, {"subsampling": 1}],
)
def test_jpegs_of_every_coding_have_the_pixels_that_opencv_gives(image, options):
    for colours in (image, image[..., 0]):
        data = encoded(np.ascontiguousarray(colours), "JPEG", quality=90, **options)
        np.testing.assert_array_equal(decode_image(data), by_opencv(data))


def test_real_jpegs_have_the_pixels_that_opencv_gives(data):
    paths = sorted(path for path in data.rglob("*.jp*g") if path.stat().st_size < 1 << 20)[::10][:40]
    assert paths
    for path in paths:
        np.testing.assert_array_equal(read_image(path, on_note=lambda _: None), by_opencv(path.read_bytes()))


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"restart_marker_blocks": 4}])
def test_bytes_put_into_a_jpegs_picture_data_are_refused(image, options, rng):
    """Nearly always: now and then the code falls into step again and ends where it should."""
    data = encoded(image, "JPEG", quality=90, **options)
    start = scan_start(data)
    refused = 0
    for position in rng.integers(start + 20, len(data) - 60, 60):
        inserted = rng.integers(1, 255, 25, dtype=np.uint8).tobytes()
        try:
            decode_image(data[:position] + inserted + data[position:])
        except ImageReadError:
            refused += 1
    assert refused >= 57


def test_a_bad_huffman_code_is_refused(image):
    """Sixteen ones are no code of a standard table. OpenCV returns a picture of which most is wrong."""
    data = encoded(image, "JPEG", quality=90)
    place = scan_start(data) + 300
    damaged = data[:place] + b"\xff\0" * 4 + data[place:]
    assert (by_opencv(damaged) != by_opencv(data)).mean() > 0.3
    with pytest.raises(ImageReadError, match="damaged JPEG: bad Huffman code"):
        decode_image(damaged)


@pytest.mark.parametrize("mode", ["CMYK", "YCCK"])
def test_a_cmyk_jpeg_is_converted_whole_and_refused_cut(image, mode):
    inks = Image.fromarray(image).convert("CMYK")
    data = encoded(inks, "JPEG", quality=90)
    if mode == "YCCK":  # the same bytes read as YCCK are another picture, but a whole one
        place = data.index(b"Adobe") + 11
        data = data[:place] + b"\x02" + data[place + 1 :]
    np.testing.assert_array_equal(quiet(data), by_pillow(data))
    assert notes_of(data) == ["CMYK converted to RGB"]
    cut = data[: len(data) * 2 // 3].rstrip(b"\xff") + b"\xff\xd9"
    with pytest.raises(ImageReadError, match="ends before the picture does"):
        decode_image(cut)


@pytest.mark.parametrize("fill", [1, 2, 30])
def test_fill_bytes_before_the_end_marker_are_no_damage(image, fill):
    data = encoded(image, "JPEG", quality=90)
    assert data[-2:] == b"\xff\xd9"
    np.testing.assert_array_equal(decode_image(data[:-2] + b"\xff" * fill + b"\xff\xd9"), decode_image(data))


@pytest.mark.parametrize("junk", [b"hello", b"\xff\0\0\0", b"\0" * 300])
def test_bytes_after_a_comment_segment_are_no_damage_and_elsewhere_are(image, junk):
    data = encoded(image, "JPEG", quality=90)
    comment = b"\xff\xfe" + struct.pack(">H", 7) + b"words"
    tables = data.index(b"\xff\xdb")
    whole = data[:tables] + comment + junk + data[tables:]
    np.testing.assert_array_equal(decode_image(whole), decode_image(data))
    with pytest.raises(ImageReadError):
        decode_image(whole[: len(whole) * 2 // 3] + b"\xff\xd9")
    frame = data.index(b"\xff\xc0")
    with pytest.raises(ImageReadError, match="no marker at byte"):
        decode_image(data[:frame] + junk + data[frame:])


def unusually_sampled(image: np.ndarray) -> bytes:
    """A JPEG of Y 2x2, Cb 1x2, Cr 2x1 in three scans, put together from three grey ones of one quality."""
    planes = np.moveaxis(np.asarray(Image.fromarray(image).convert("YCbCr")), 2, 0)
    greys = [
        encoded(np.ascontiguousarray(plane), "JPEG", quality=90)
        for plane in (planes[0], planes[1][:, ::2], planes[2][::2])
    ]
    frame, scan = greys[0].index(b"\xff\xc0"), greys[0].index(b"\xff\xda")
    height, width = image.shape[:2]
    result = greys[0][:frame] + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3)
    result += bytes([1, 0x22, 0, 2, 0x12, 0, 3, 0x21, 0]) + greys[0][frame + 13 : scan]
    for index, grey in enumerate(greys, 1):
        result += b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, index, 0, 0, 63, 0) + grey[scan_start(grey) : -2]
    return result + b"\xff\xd9"


def test_a_jpeg_of_unusual_sampling_is_read_whole_and_refused_damaged(image):
    data = unusually_sampled(image)
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg_header(data)
    np.testing.assert_array_equal(decode_image(data), by_pillow(data))
    with pytest.raises(ImageReadError, match="ends before the picture does"):
        decode_image(data[:-150].rstrip(b"\xff") + b"\xff\xd9")
    with pytest.raises(ImageReadError, match="extraneous bytes"):
        decode_image(data[:-2] + b"\x55" * 100 + b"\xff\xd9")


# --- luma ----------------------------------------------------------------------------------------------------------


def stored_luma(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as file:
        file.draft("L", file.size)
        return np.asarray(file)


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}])
def test_the_luma_of_a_jpeg_is_what_the_file_stores(image, options):
    data = encoded(image, "JPEG", quality=90, **options)
    luma = decode_image(data, stored_luma=True)
    assert luma.dtype == np.uint8
    assert luma.flags.c_contiguous
    np.testing.assert_array_equal(luma, stored_luma(data))
    inside = ((decode_image(data) > 0) & (decode_image(data) < 255)).all(axis=2)
    rounded = decode_image(data) @ [0.299, 0.587, 0.114]
    assert inside.mean() > 0.9
    assert np.abs(rounded - luma)[inside].max() < 1.2
    np.testing.assert_array_equal(
        decode_image(encoded(image[..., 0], "JPEG"), stored_luma=True)[0, :3],
        by_pillow(encoded(image[..., 0], "JPEG"), "L")[0, :3],
    )


def test_other_files_have_no_stored_luma(image):
    for data in (
        encoded(image, "PNG"),
        encoded(image, "JPEG", keep_rgb=True),
        encoded(Image.fromarray(image).convert("CMYK"), "JPEG"),
    ):
        np.testing.assert_array_equal(quiet(data, stored_luma=True), quiet(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_luma_is_turned_as_the_picture_is(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(np.repeat(image[..., :1], 3, axis=2), "JPEG", subsampling=0, exif=exif.tobytes())
    luma = decode_image(data, stored_luma=True, exif_orientation=True)
    np.testing.assert_array_equal(luma, decode_image(data, exif_orientation=True)[..., 0])


def test_spectra_of_jpegs_are_of_the_stored_luma_and_of_png_as_before(image, tmp_path):
    spec = SpectrumSpec(size=64, crop="tiles")
    for form, plane in (("JPEG", stored_luma(encoded(image, "JPEG"))), ("PNG", image)):
        path = tmp_path / f"x.{form}"
        path.write_bytes(encoded(image, form))
        accumulator = SpectrumAccumulator(spec)
        accumulator.update([plane])
        np.testing.assert_array_equal(mean_spectrum([path], spec=spec).power, accumulator.result().power)
    red = SpectrumSpec(size=64, channel="red")
    assert mean_spectrum([tmp_path / "x.JPEG"], spec=red).images == 1


# --- salvage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("marker", [b"", b"\xff\xd9"])
def test_a_cut_jpeg_gives_its_whole_rows_only_on_request(image, options, mode, marker):
    data = encoded(Image.fromarray(image).convert(mode), "JPEG", quality=90, **options)
    whole = quiet(data)
    cut = data[: scan_start(data) + (len(data) - scan_start(data)) // 2].rstrip(b"\xff") + marker
    with pytest.raises(ImageReadError, match="truncated JPEG"):
        decode_image(cut)
    rows = len(quiet(cut, salvage=True))
    assert 24 <= rows <= 64  # about half of 96
    np.testing.assert_array_equal(quiet(cut, salvage=True), whole[:rows])
    assert f"salvaged: {rows} of 96 rows, picture data ends early" in notes_of(cut, salvage=True)
    np.testing.assert_array_equal(quiet(data, salvage=True), whole)


def test_salvage_takes_nothing_but_an_early_end(image):
    data = encoded(image, "JPEG", quality=90)
    middle = scan_start(data) + 900
    damaged = data[:middle] + bytes(range(1, 60)) + data[middle:]
    for broken in (damaged, data[: scan_start(data) - 30], data[: scan_start(data) + 20], encoded(image, "PNG")[:-300]):
        with pytest.raises(ImageReadError):
            decode_image(broken, salvage=True)


def test_a_salvaged_file_is_named_in_the_spectrum(image, tmp_path):
    data = encoded(image, "JPEG", quality=90)
    path = tmp_path / "cut.jpg"
    path.write_bytes(data[: len(data) * 3 // 4])
    spec = SpectrumSpec(size=32)
    assert len(mean_spectrum([path], spec=spec, on_error="skip").failures) == 1
    salvaged = mean_spectrum([path], spec=spec, salvage=True)
    assert salvaged.images == 1
    (note,) = (note for note in salvaged.notes if "salvaged" in note)
    assert note.startswith(f"{path}: salvaged: ")
    survey = spectrum_study([tmp_path], spec=spec, salvage=True)
    assert survey.images == 1


# --- TIFF ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["grey", "colour", "planes", "tiles"])
def test_deep_tiffs_are_scaled_whatever_their_layout(rng, bits, kind):
    deep = rng.integers(0, 1 << bits, (48, 64, 3)).astype(np.uint16)
    deep.flat[:4] = [0, 1, (1 << bits) - 1, 1 << (bits - 1)]
    options: dict[str, Any] = {"photometric": "rgb"} if bits == 16 else {"photometric": "rgb", "bitspersample": bits}
    expected = np.rint(deep * (255 / ((1 << bits) - 1)))
    if kind == "grey":
        deep, expected = deep[..., 0], np.repeat(expected[..., :1], 3, axis=2)
        options["photometric"] = "minisblack"
    elif kind in ("planes", "tiles"):
        if bits != 16:
            pytest.skip("tifffile writes these of 16 bits only")
        deep = np.ascontiguousarray(np.moveaxis(deep, 2, 0))
        options |= {"planarconfig": "separate"} | ({"tile": (16, 32)} if kind == "tiles" else {})
    data = tiff(np.ascontiguousarray(deep), **options)
    first = quiet(data)
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(quiet(data), first)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [4, 10, 12, 14])
def test_packed_samples_are_most_significant_bit_first_in_either_byte_order(rng, order, bits):
    deep = rng.integers(0, 1 << bits, (9, 20))
    packed = np.packbits(
        (deep[..., None] >> np.arange(bits)[::-1] & 1).reshape(9, -1).astype(np.uint8), axis=1
    ).tobytes()
    tags = {256: 20, 257: 9, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 9, 279: len(packed)}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items())
    padding = bytes(len(packed) % 2)
    data = (
        {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8 + len(packed + padding)) + packed + padding
    )
    data += struct.pack(order + "H", len(tags)) + entries + bytes(4)
    expected = np.rint(deep * (255 / ((1 << bits) - 1)))
    np.testing.assert_array_equal(quiet(data), np.repeat(expected[..., None], 3, axis=2))


def test_planes_of_a_16_bit_tiff_give_the_colours_they_were_made_of():
    ramp = np.arange(96 * 128).reshape(96, 128) % 256
    planes = np.stack([ramp, ramp[::-1], ramp[:, ::-1]]).astype(np.uint16) * 257
    read = quiet(tiff(planes, photometric="rgb", planarconfig="separate", rowsperstrip=1))
    np.testing.assert_array_equal(read, np.moveaxis(planes // 257, 0, 2))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw", "predictor": 2},
        {"compression": "zlib", "predictor": 2},
        {"compression": "packbits"},
        {"compression": "zstd"},
        {"compression": "lzma"},
        {"tile": (32, 48)},
        {"tile": (32, 48), "compression": "lzw"},
        {"byteorder": ">"},
        {"bigtiff": True},
    ],
)
def test_8_bit_tiffs_of_every_coding_give_the_pixels_back(image, options):
    np.testing.assert_array_equal(decode_image(tiff(image, photometric="rgb", rowsperstrip=16, **options)), image)
    grey = np.ascontiguousarray(image[..., 0])
    for photometric, expected in (("minisblack", grey), ("miniswhite", 255 - grey)):
        read = decode_image(tiff(grey, photometric=photometric, rowsperstrip=16, **options))
        np.testing.assert_array_equal(read, np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "tiff_ccitt", "packbits"])
def test_bilevel_tiffs_agree_with_pillow(image, compression):
    data = encoded(Image.fromarray(image[..., 0] > 128), "TIFF", compression=compression)
    np.testing.assert_array_equal(decode_image(data), by_pillow(data))


@pytest.mark.parametrize("mode", ["P", "PA", "LA", "RGBA", "CMYK"])
def test_other_colours_of_tiffs_agree_with_pillow(image, mode):
    data = encoded(Image.fromarray(image).convert(mode), "TIFF")
    expected = by_pillow(data, "RGBA")[..., :3] if mode.endswith("A") else by_pillow(data)
    np.testing.assert_array_equal(quiet(data), expected)
    assert notes_of(data) == (
        ["CMYK converted to RGB"]
        if mode == "CMYK"
        else ["alpha channel dropped (opaque)"]
        if mode.endswith("A")
        else []
    )


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_jpegs_in_tiffs_agree_with_tifffile(image, photometric, tile):
    if photometric == "ycbcr":
        image = np.asarray(Image.fromarray(image).convert("YCbCr"))
    data = tiff(image, photometric=photometric, compression="jpeg", rowsperstrip=None if tile else 16, tile=tile)
    expected = tifffile.imread(io.BytesIO(data))
    np.testing.assert_array_equal(decode_image(data), expected)


@pytest.mark.parametrize("channels", [2, 4])
def test_premultiplied_alpha_is_divided_out_with_a_note(rng, channels):
    samples = rng.integers(0, 256, (20, 30, channels), dtype=np.uint8)
    samples[..., :-1] = samples[..., :-1] * (samples[..., -1:] / 255)  # colours never exceed their alpha
    samples[0, 0] = 0
    data = tiff(samples, photometric="rgb" if channels == 4 else "minisblack", extrasamples=["assocalpha"])
    expected = np.zeros((20, 30, 3), int)
    for row, column in np.ndindex(20, 30):
        *colours, alpha = (int(value) for value in samples[row, column])
        expected[row, column] = [min(255, 255 * colour // alpha) if alpha else 0 for colour in colours]
    np.testing.assert_array_equal(quiet(data), expected)
    assert notes_of(data) == ["colours divided by their alpha channel", "alpha channel dropped"]


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.int32, np.uint32])
def test_tiff_samples_without_a_range_are_refused(image, dtype):
    with pytest.raises(ImageReadError, match=r"x\.tif: .*no defined range"):
        decode_image(tiff(image[..., 0].astype(dtype), photometric="minisblack"), name="x.tif")


def strips(data: bytes) -> list[tuple[int, int]]:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        return list(zip(page.dataoffsets, page.databytecounts, strict=True))


def bilevel(image: np.ndarray) -> Image.Image:
    return Image.fromarray(cv2.GaussianBlur(image[..., 0], (0, 0), 2) > 128)


CODED: dict[str, Callable[[np.ndarray], bytes]] = {
    "jpeg": lambda image: tiff(image, photometric="rgb", compression="jpeg", rowsperstrip=32),
    "jpeg tiles": lambda image: tiff(image, photometric="ycbcr", compression="jpeg", tile=(32, 48)),
    "group3": lambda image: encoded(bilevel(image), "TIFF", compression="group3"),
    "group4": lambda image: encoded(bilevel(image), "TIFF", compression="group4"),
    "packbits": lambda image: tiff(image // 64 * 64, photometric="rgb", compression="packbits", rowsperstrip=32),
    "lzw": lambda image: tiff(image, photometric="rgb", compression="lzw", rowsperstrip=32),
    "deflate": lambda image: tiff(image, photometric="rgb", compression="zlib", rowsperstrip=32),
    "plain": lambda image: tiff(image, photometric="rgb", rowsperstrip=32),
}


@pytest.mark.parametrize("kind", CODED)
def test_a_strip_or_tile_that_ends_early_is_refused(image, kind):
    """The byte count says less, and zeros stand where the rest was."""
    data = CODED[kind](image)
    assert quiet(data).shape == image.shape
    index = len(strips(data)) // 2
    start, count = strips(data)[index]
    for share in (0.3, 0.6, 0.9):
        kept = int(count * share)
        zeroed = bytearray(data)
        zeroed[start + kept : start + count] = bytes(count - kept)
        if kind not in ("packbits", "plain"):  # where zeros are pixels too
            with pytest.raises(ImageReadError):
                decode_image(bytes(zeroed))
        shorter = bytearray(zeroed)
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            tag = file.pages.first.tags[325 if "tiles" in kind else 279]
            form = "<H" if tag.dtype == 3 else "<I"
            struct.pack_into(form, shorter, tag.valueoffset + index * struct.calcsize(form), kept)
        with pytest.raises(ImageReadError):
            decode_image(bytes(shorter))


def test_a_fax_page_with_a_damaged_line_is_refused(image):
    for kind in ("group3", "group4"):
        data = bytearray(CODED[kind](image))
        start, count = strips(bytes(data))[0]
        data[start + count // 3] ^= 0x55
        with pytest.raises(ImageReadError, match="damaged TIFF"):
            decode_image(bytes(data))


def test_a_damaged_tag_that_says_how_pixels_are_stored_is_refused(image):
    """The predictor's tag becomes one that nobody knows: libtiff warns and reads differences as pixels."""
    data = tiff(image, photometric="rgb", compression="lzw", predictor=2)
    place = data.index(struct.pack("<HH", 317, 3))
    unknown = data[:place] + struct.pack("<H", 600) + data[place + 2 :]
    with pytest.raises(ImageReadError, match="damaged TIFF: unknown tag 600"):
        decode_image(unknown)


@pytest.mark.parametrize(("lost", "reason"), [(262, "what the samples mean"), (258, "how many bits")])
def test_a_tiff_without_a_tag_that_gives_samples_their_meaning_is_refused(image, lost, reason):
    """Read as the default of the lost tag, white for zero or one bit, every pixel would be wrong."""
    data = tiff(image)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        (entry,) = [tag.offset for tag in file.pages.first.tags if tag.code == lost]
    damaged = data[:entry] + struct.pack("<H", 40_000) + data[entry + 2 :]
    with pytest.raises(ImageReadError, match=reason):
        decode_image(damaged)


def test_private_tags_of_a_tiff_are_no_damage(image):
    data = tiff(image, photometric="rgb", extratags=[(65111, 2, 5, "mine", True)])
    np.testing.assert_array_equal(decode_image(data), image)


def test_tiffs_are_not_read_while_logging_hides_warnings(image):
    data = CODED["jpeg"](image)
    start, count = strips(data)[0]
    damaged = data[: start + count // 2] + bytes(count - count // 2) + data[start + count :]
    logging.disable(logging.CRITICAL)
    try:
        with pytest.raises(ImageReadError, match="logging is disabled"):
            decode_image(data)
    finally:
        logging.disable(logging.NOTSET)
    logging.getLogger().setLevel(logging.CRITICAL)
    try:
        with pytest.raises(ImageReadError, match="damaged TIFF"):
            decode_image(damaged)
    finally:
        logging.getLogger().setLevel(logging.WARNING)


@pytest.mark.parametrize("setting", ["level", "disabled"])
def test_an_applications_logging_hides_no_file(image, setting):
    """`logging.config.dictConfig` disables the loggers that exist; others raise the level of a library's."""
    loggers = [logging.getLogger(name) for name in ("imagecodecs", "tifffile")]
    before = [(logger.level, logger.disabled) for logger in loggers]
    whole = CODED["jpeg"](image)
    start, count = strips(whole)[0]
    damaged = whole[: start + count // 2] + bytes(count - count // 2) + whole[start + count :]
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    try:
        for logger in loggers:
            logger.addHandler(handler)
            if setting == "level":
                logger.setLevel(logging.ERROR)
            else:
                logger.disabled = True
        np.testing.assert_array_equal(decode_image(encoded(image, "PNG")), image)
        assert quiet(whole).shape == image.shape
        with pytest.raises(ImageReadError, match="damaged TIFF"):
            decode_image(damaged)
        for logger in loggers:
            logger.warning("hidden")
            logger.error("an error")
        assert heard == ([] if setting == "disabled" else ["an error"] * 2)
    finally:
        for logger, (level, disabled) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.disabled = disabled
        chatter._LISTENER.least.clear()


def test_pngs_are_read_while_logging_is_disabled(image):
    logging.disable(logging.CRITICAL)
    try:
        np.testing.assert_array_equal(decode_image(encoded(image, "PNG")), image)
    finally:
        logging.disable(logging.NOTSET)


def test_alpha_beside_inverted_grey_is_not_inverted(image):
    grey = np.ascontiguousarray(image[..., 0])
    samples = np.dstack([255 - grey, np.full_like(grey, 255)])
    data = tiff(samples, photometric="miniswhite", planarconfig="contig", extrasamples=["assocalpha"])
    np.testing.assert_array_equal(quiet(data)[..., 1], grey)


def test_samples_that_are_no_colours_are_named(image):
    data = tiff(np.dstack([image, image[..., :1]]), photometric="rgb", extrasamples=["unspecified"])
    assert "extra samples dropped" in notes_of(data)


def test_complaints_stay_with_the_thread_whose_file_they_are_about(image):
    whole = CODED["group3"](image)
    start, count = strips(whole)[0]
    damaged = whole[: start + count // 2] + bytes(count - count // 2) + whole[start + count :]

    def refused(data: bytes) -> bool:
        try:
            decode_image(data)
        except ImageReadError:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(refused, [whole, damaged] * 100)) == [False, True] * 100


# --- PNG, WebP, BMP ------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    ("colour", "bits"),
    [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (6, 8)],
)
@pytest.mark.parametrize("transparent", [False, True])
def test_pngs_of_every_kind_agree_with_pillow(rng, colour, bits, transparent):
    width, height = 37, 21
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = rng.integers(0, 256, (height, (width * channels * bits + 7) // 8), dtype=np.uint8)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    if colour == 3:
        data += chunk(b"PLTE", rng.integers(0, 256, 3 << bits, dtype=np.uint8).tobytes())
    if transparent and colour in (0, 2, 3):
        data += chunk(b"tRNS", {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\x0a\xc8"}[colour])
    data += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(quiet(data), by_pillow(data, "RGBA")[..., :3])
    alpha = (transparent and colour in (0, 2, 3)) or colour in (4, 6)
    assert len(notes_of(data)) == alpha


def test_an_animated_png_whose_still_image_is_no_frame_gives_that_image(image):
    still, *frames = (Image.fromarray(np.roll(image, shift)) for shift in (0, 5, 9))
    data = encoded(still, "PNG", save_all=True, append_images=frames, default_image=True)
    assert (read_header(data).animated, read_header(data).still_is_frame) == (True, False)
    np.testing.assert_array_equal(quiet(data), image)
    assert notes_of(data) == ["animation: still image taken, which is not a frame"]
    whole = encoded(still, "PNG", save_all=True, append_images=frames)
    assert notes_of(whole) == ["animation: first frame taken"]


def test_a_webp_of_28_bytes_is_read():
    """One pixel: five codes of one symbol each, after the signature, the size and three flags."""
    bits = [0] * 35
    for symbol in (1, 0, 1, 0, 0):  # green, red, blue, alpha, distance
        bits += [1, 0, 0, symbol]
    payload = b"/" + sum(bit << place for place, bit in enumerate(bits)).to_bytes(7, "little")
    data = b"RIFF" + struct.pack("<I", 12 + len(payload)) + b"WEBPVP8L" + struct.pack("<I", len(payload)) + payload
    assert len(data) == 28
    np.testing.assert_array_equal(decode_image(data), [[[0, 1, 1]]])


def bitmap(
    pixels: np.ndarray, bits: int, *, os2: bool = False, masks: tuple[int, ...] = (), palette: bytes = b""
) -> bytes:
    """A BMP file, bottom row first; `pixels` are indices, 16-bit numbers, or BGR."""
    height, width = pixels.shape[:2]
    stride = (width * bits + 31) // 32 * 4
    if bits < 8:
        unpacked = np.unpackbits(pixels.astype(np.uint8)[..., None], axis=2)[..., 8 - bits :]
        packed = np.packbits(unpacked.reshape(height, -1), axis=1)
    else:
        packed = pixels.astype({8: "u1", 16: "<u2", 24: "u1"}[bits]).reshape(height, -1).view(np.uint8)
    body = b"".join(row.tobytes().ljust(stride, b"\0") for row in packed[::-1])
    if os2:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 3 if masks else 0, len(body), 0, 0, 0, 0)
        header += b"".join(struct.pack("<I", mask) for mask in masks)
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + header + palette + body


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_os2_bitmaps_have_colours(rng, bits):
    table = rng.integers(0, 256, (1 << bits, 3), dtype=np.uint8)
    indices = rng.integers(0, 1 << bits, (23, 37))
    data = bitmap(indices, bits, os2=True, palette=table[:, ::-1].tobytes())  # blue first, no fourth byte
    np.testing.assert_array_equal(decode_image(data), table[indices])
    np.testing.assert_array_equal(decode_image(data), by_pillow(data))


def test_os2_and_windows_bitmaps_of_24_bits_have_colours(image):
    for os2 in (True, False):
        np.testing.assert_array_equal(decode_image(bitmap(image[..., ::-1], 24, os2=os2)), image)


@pytest.mark.parametrize("masks", [(), (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)])
def test_five_bits_reach_255(rng, masks):
    words = rng.integers(0, 1 << 16, (9, 14)).astype(np.uint16)
    words[0, :2] = [0xFFFF, 0]
    fields = masks or (0x7C00, 0x3E0, 0x1F)
    expected = np.zeros((9, 14, 3))
    for channel, mask in enumerate(fields):
        shift = (mask & -mask).bit_length() - 1
        expected[..., channel] = ((words & mask) >> shift) * 255.0 / (mask >> shift)
    read = decode_image(bitmap(words, 16, masks=masks))
    assert read[0, 0].tolist() == [255, 255, 255]
    assert np.abs(read - expected).max() < 1


# --- HEIC ----------------------------------------------------------------------------------------------------------


def heic(image: np.ndarray) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(image)).save(buffer, quality=95)
    return buffer.getvalue()


def test_heic_is_read_and_refused_cut(image):
    data = heic(image)
    assert read_header(data).format == "HEIC"
    read = decode_image(data, name="x.heic")
    assert read.shape == image.shape
    assert np.abs(read.astype(int) - image).mean() < 5
    for end in range(100, len(data) - 20, len(data) // 10):
        for filled in (data[:end], data[:end] + bytes(len(data) - end)):
            with pytest.raises(ImageReadError):
                decode_image(filled)


def test_a_whole_heic_may_end_in_zeros(image):
    """Some phones' files do: zeros that no item points to."""
    data = heic(image)
    np.testing.assert_array_equal(
        decode_image(data + struct.pack(">I4s", 508, b"free") + bytes(500)), decode_image(data)
    )


def test_heic_without_its_package_says_what_to_install(image, monkeypatch, tmp_path):
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(range(1, 200)))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        ImageReadError, match=r"IMG_1\.HEIC: HEIC, the iPhone's format: pip install 'freqforensics\[heic\]'$"
    ):
        read_image(path)


# --- what decoders print -------------------------------------------------------------------------------------------


def test_nothing_that_a_decoder_says_reaches_the_terminal(image, capfd):
    png = encoded(image, "PNG")
    profile = png[:33] + chunk(b"iCCP", b"name\0\0" + zlib.compress(b"no profile")) + png[33:]
    np.testing.assert_array_equal(decode_image(profile), image)
    jpeg = encoded(image, "JPEG", quality=90)
    fax = CODED["group4"](image)
    start, count = strips(fax)[0]
    damaged = [
        jpeg[: len(jpeg) // 2] + b"\xff\xd9",
        jpeg[:900] + b"\xff\0" * 4 + jpeg[900:],
        fax[: start + count // 2] + bytes(count // 2) + fax[start + count :],
        CODED["jpeg"](image)[:-300],
        png[:33] + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b""),
        png[:33] + chunk(b"IDAT", zlib.compress(b"\x09" * 99999)) + chunk(b"IEND", b""),
    ]
    for data in damaged:
        with pytest.raises(ImageReadError, match="a name"):
            decode_image(data, name="a name")
    assert capfd.readouterr() == ("", "")


# --- what is no image ----------------------------------------------------------------------------------------------


def test_the_cases_of_a_folder_are_read_or_refused_one_by_one(image, tmp_path):
    cases = {
        "whole.png": encoded(image, "PNG"),
        "os2.bmp": bitmap(image[..., ::-1], 24, os2=True),
        "paper.png": b"%PDF-1.7\n",
        "cut.tif": CODED["jpeg"](image)[:-2000],
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
    result = mean_spectrum(sorted(Path(tmp_path).iterdir()), spec=SpectrumSpec(size=32), on_error="skip")
    assert result.images == 2
    assert [Path(path).name for path, _ in result.failures] == ["cut.tif", "paper.png"]
    assert result.failures[1][1] == "a PDF document, not an image"
