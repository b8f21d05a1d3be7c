"""Commands on a folder with a file of each kind that was read wrong once: each bad one is named, the rest is used."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures import encoded, picture
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from toys import calibrated, rough_detector

import freqforensics.detector
from freqforensics.cli import main
from freqforensics.detector import ScoreTable


def bitmap_of_os2(indices: np.ndarray, palette: np.ndarray | None) -> bytes:
    """An OS/2 bitmap: a header of 12 bytes, palette entries of three."""
    rows = indices[::-1] if palette is not None else np.ascontiguousarray(indices[::-1, :, ::-1])
    height, width = indices.shape[:2]
    colours = b"" if palette is None else palette[:, ::-1].astype(np.uint8).tobytes()
    body = rows.tobytes()  # rows of 120 pixels need no filling
    start = 14 + 12 + len(colours)
    bits = 24 if palette is None else 8
    return (
        struct.pack("<2sIHHIIHHHH", b"BM", start + len(body), 0, 0, start, 12, width, height, 1, bits) + colours + body
    )


def packed_tiff(grey: np.ndarray, bits: int) -> bytes:
    """A grey TIFF of one strip whose samples have so many bits and fill the bytes."""
    height, width = grey.shape
    stored = grey.astype(np.uint32) * (2**bits - 1) // 255
    strip = np.packbits((stored[..., None] >> np.arange(bits - 1, -1, -1)) & 1, axis=None).tobytes()
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, 1),
        (273, 0),
        (277, 1),
        (278, height),
        (279, len(strip)),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + directory + bytes(4) + strip


def tiff(samples: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, metadata=None, **options)
    return buffer.getvalue()


def with_short_strip(data: bytes) -> bytes:
    """Say of the only strip of a TIFF that it ends after its half."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages.first.tags["StripByteCounts"]
        place, count = tag.valueoffset, file.pages.first.databytecounts[0]
    assert struct.unpack_from("<I", data, place) == (count,)
    return data[:place] + struct.pack("<I", count // 2) + data[place + 4 :]


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Path:
    rng = np.random.default_rng(15)
    rgb = picture(rng)
    grey = np.ascontiguousarray(rgb[..., 1])
    jpeg = encoded(rgb, "JPEG", quality=90)
    cmyk = encoded(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=90)
    about = PngInfo()
    about.add_text("parameters", "a cat, Steps: 20, Model: some-diffusion")
    files = {
        "fill_bytes.jpg": jpeg[:-2] + b"\xff" * 9 + jpeg[-2:],
        "grey_12bit.tif": packed_tiff(grey, 12),
        "names_its_generator.png": encoded(rgb, "PNG", pnginfo=about),
        "os2_24bit.bmp": bitmap_of_os2(rgb, None),
        "os2_8bit.bmp": bitmap_of_os2(grey // 16, rng.integers(0, 256, (256, 3))),
        "planar16.tif": tiff(
            np.moveaxis(rgb, 2, 0).astype(np.uint16) * 257, photometric="rgb", planarconfig="separate"
        ),
        "premultiplied.tif": tiff(
            np.dstack([grey // 2, np.full_like(grey, 128)]), photometric="minisblack", extrasamples=["assocalpha"]
        ),
        "uniform.png": encoded(np.full((256, 256, 3), 128, np.uint8), "PNG"),
        **dict(zip(BAD, bad_files(rgb, jpeg, cmyk), strict=True)),
        "notes.txt": b"of no interest",
        "clip.mp4": b"\0\0\0\x18ftypmp42",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("set") / "cases"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


BAD = (
    "cmyk_cut.jpg",
    "cut_jpeg.jpg",
    "cut_png.png",
    "cut_webp.webp",
    "empty.png",
    "fax_strip_cut.tif",
    "jpeg_strip_cut.tif",
    "packbits_strip_cut.tif",
    "page.jpg",
    "pointer.png",
)
GOOD = (
    "fill_bytes.jpg",
    "grey_12bit.tif",
    "names_its_generator.png",
    "os2_24bit.bmp",
    "os2_8bit.bmp",
    "planar16.tif",
    "premultiplied.tif",
    "uniform.png",
)


def bad_files(rgb: np.ndarray, jpeg: bytes, cmyk: bytes) -> list[bytes]:
    """In the order of `BAD`."""
    png, webp = encoded(rgb, "PNG"), encoded(rgb, "WebP")
    fax = encoded(Image.fromarray(rgb[..., 1] > 128), "TIFF", compression="group4")
    return [
        cmyk[: len(cmyk) // 2] + b"\xff\xd9",
        jpeg[: len(jpeg) // 2] + b"\xff\xd9",
        png[: len(png) // 2],
        webp[: len(webp) // 2],
        b"",
        with_short_strip(fax),
        with_short_strip(tiff(rgb, photometric="rgb", compression="jpeg", rowsperstrip=len(rgb))),
        with_short_strip(tiff(rgb, photometric="rgb", compression="packbits", rowsperstrip=len(rgb))),
        b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n",
    ]


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command line here; gives what it printed and the lines on standard error, also of libraries in C."""
    detector = calibrated(rough_detector(), np.linspace(0, 3, 400))
    monkeypatch.setattr(freqforensics.detector, "open_detector", lambda *args, **options: detector)

    def run(*arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr("sys.argv", ["freqforensics", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        shown = capfd.readouterr()
        return int(done.value.code or 0), shown.out, shown.err.splitlines()

    return run


def check_named(folder: Path, lines: list[str]) -> list[str]:
    """Check that each bad file is named once, with a reason, and nothing else is skipped; gives the other lines."""
    skipped = [line for line in lines if line.startswith("skipped: ")]
    names = [line.removeprefix(f"skipped: {folder}/").partition(": ")[0] for line in skipped]
    assert sorted(names) == list(BAD)
    assert all(len(line.split(": ", 2)[2]) > 8 for line in skipped)
    others = [line for line in lines if line not in skipped]
    assert not [line for line in others if any(name in line for name in BAD)]
    return others


def test_score_uses_the_rest(cases, run, tmp_path):
    code, _, lines = run("score", cases, "--out", tmp_path / "scores.csv")
    assert code == 1
    notes = [line for line in check_named(cases, lines) if line.startswith("note: ")]
    assert notes == [f"note: left out of {cases}: 1 video, 1 text file (notes.txt)"]
    assert sorted(Path(score.path).name for score in ScoreTable.load(tmp_path / "scores.csv").scores) == list(GOOD)


@pytest.mark.long
def test_spectrum_averages_the_rest(cases, run, tmp_path):
    code, printed, lines = run("spectrum", cases, "--crop", 64, "--out", tmp_path / "out", "--json")
    assert code == 1
    check_named(cases, lines)
    (group,) = json.loads(printed)["groups"]
    assert group["images"] == len(GOOD)


def test_audit_describes_the_rest(cases, run, tmp_path):
    side = tmp_path / "camera" / "0_real"
    side.parent.mkdir()
    side.symlink_to(cases)
    code, printed, lines = run("audit", tmp_path, "--json")
    assert code == 1
    check_named(side, lines)
    (group,) = json.loads(printed)["groups"]
    assert (group["generator"], group["real"], group["fake"]) == ("camera", len(GOOD), 0)


@pytest.mark.parametrize("by", ["folder", "files"])
def test_inspect_looks_at_the_rest(by, cases, run, monkeypatch):
    """Without the explanation, which reads no file."""
    monkeypatch.setattr("freqforensics.inspection.inspection._answered", lambda finding, *args: finding)
    paths = [cases] if by == "folder" else [cases / name for name in sorted(GOOD + BAD)]
    code, printed, lines = run("inspect", *paths, "--json")
    assert code == 1
    notes = [line for line in check_named(cases, lines) if line.startswith("note: left out")]
    assert len(notes) == (by == "folder")
    findings = json.loads(printed)
    assert [finding["image"]["name"] for finding in findings] == list(GOOD)
    judged = [finding["image"]["name"] for finding in findings if finding["logit"] is not None]
    assert len(judged) >= 6
    assert "uniform.png" not in judged
