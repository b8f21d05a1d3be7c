from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, picture, write

from freqforensics.images import ImageReadError, decode_image
from freqforensics.sources.sources import index_images
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, mean_spectrum

KINDS = ("coherent", "power", "log_power", "coherence", "p_value")


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    for index in range(37):
        height, width = rng.integers(48, 100, 2)
        suffix = (".png", ".jpg", ".bmp")[index % 3]
        write(tmp_path / "set" / f"{index:02d}{suffix}", picture(rng, int(height), int(width)))
    return tmp_path / "set"


SPEC = SpectrumSpec(size=32)


def test_it_is_the_average_of_what_is_read(folder):
    records = index_images(folder)
    direct = SpectrumAccumulator(SPEC)
    # Of the JPEG files among them the luma that is stored.
    direct.update(decode_image(record.path.read_bytes(), stored_luma=True) for record in records)
    result = mean_spectrum(records, spec=SPEC)
    assert result.images == 37
    for kind in KINDS:
        np.testing.assert_allclose(getattr(result, kind), getattr(direct.result(), kind), rtol=1e-9, atol=1e-12)
    paths = mean_spectrum([str(record.path) for record in records], spec=SPEC)
    np.testing.assert_array_equal(paths.power, result.power)


@pytest.mark.parametrize("crop", ["center", "tiles", "random"])
def test_neither_workers_nor_backend_change_a_bit(folder, crop):
    spec = SpectrumSpec(size=32, crop=crop)
    results = [
        mean_spectrum(index_images(folder), spec=spec, rng=np.random.default_rng(3), **options)
        for options in ({"workers": 1}, {"workers": 2}, {"workers": 5}, {"backend": "serial"})
    ]
    for other in results[1:]:
        for kind in KINDS:
            np.testing.assert_array_equal(getattr(other, kind), getattr(results[0], kind))


def test_limit_takes_the_first_or_draws(folder):
    records = index_images(folder)
    first = mean_spectrum(records, spec=SPEC, limit=10)
    np.testing.assert_array_equal(first.power, mean_spectrum(records[:10], spec=SPEC).power)
    drawn = [mean_spectrum(records, spec=SPEC, limit=10, rng=np.random.default_rng(s)) for s in (0, 0, 1)]
    assert {d.images for d in drawn} == {10}
    np.testing.assert_array_equal(drawn[0].power, drawn[1].power)
    assert not np.array_equal(drawn[0].power, drawn[2].power)
    assert drawn[0].inputs_sha256 != first.inputs_sha256
    assert mean_spectrum(records, spec=SPEC, limit=1000).images == 37


def test_inputs_are_hashed_in_any_order(folder):
    records = index_images(folder)
    whole = mean_spectrum(records, spec=SPEC).inputs_sha256
    assert mean_spectrum(records[::-1], spec=SPEC).inputs_sha256 == whole
    total = sum(int(hashlib.sha256(r.path.read_bytes()).hexdigest(), 16) for r in records) % 2**256
    assert whole == f"{total:064x}"
    records[0].path.write_bytes(records[1].path.read_bytes())
    assert mean_spectrum(records, spec=SPEC, on_error="skip").inputs_sha256 != whole


def test_bad_files_are_listed_or_raised_and_small_ones_counted(folder, rng):
    write(folder / "small.png", picture(rng, 31, 200))
    (folder / "cut.png").write_bytes(encoded(picture(rng), "PNG")[:-100])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "alpha.png").write_bytes(encoded(np.dstack([picture(rng), picture(rng)[..., 0]]), "PNG"))
    records = index_images(folder)
    result = mean_spectrum(records, spec=SPEC, on_error="skip")
    assert result.images == 38
    assert result.skipped == {"smaller than 32x32": 1}
    assert [(Path(path).name, reason.split(":")[0]) for path, reason in result.failures] == [
        ("cut.png", "truncated PNG"),
        ("empty.jpg", "empty file"),
    ]
    assert result.notes == {"alpha channel dropped": 1}
    with pytest.raises(ImageReadError, match=r"cut\.png"):
        mean_spectrum(records, spec=SPEC)


def test_only_bad_files_give_an_empty_result(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    result = mean_spectrum([tmp_path / "x.png"], on_error="skip")
    assert result.images == 0
    assert len(result.failures) == 1


def test_exif_orientation_reaches_the_reader(tmp_path, rng):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "x.png").write_bytes(encoded(picture(rng, 40, 64), "PNG", exif=exif.tobytes()))
    spec = SpectrumSpec(size=(64, 40))
    assert mean_spectrum([tmp_path / "x.png"], spec=spec).images == 0
    assert mean_spectrum([tmp_path / "x.png"], spec=spec, exif_orientation=True).images == 1


def test_bad_parameters_are_named(folder):
    records = index_images(folder)
    with pytest.raises(ValueError, match="records must"):
        mean_spectrum([])
    with pytest.raises(ValueError, match="limit must"):
        mean_spectrum(records, limit=0)
    with pytest.raises(ValueError, match=r"on_error must .*got 'ignore'"):
        mean_spectrum(records, on_error="ignore")
    with pytest.raises(ValueError, match="random generator"):
        mean_spectrum(records, spec=SpectrumSpec(size=32, crop="random"))


# VmHWM is this program's own peak; ru_maxrss begins with that of the process it was forked from.
PEAK = """
import re, sys
from pathlib import Path
from freqforensics import SpectrumSpec, index_images, mean_spectrum
from freqforensics.spectra import files
files.distinct_files = lambda paths: list(range(len(paths)))  # a few files stand for many
records = index_images(Path(sys.argv[1]))
records = (records * 200)[: int(sys.argv[2])]
assert mean_spectrum(records, spec=SpectrumSpec(size=256)).images == int(sys.argv[2])
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_grows_by_a_node_of_sums_when_images_double(tmp_path, rng):
    """Measured from outside, in processes of their own: 200 and 2000 images of 256 x 256, under 400 MB."""
    for index in range(20):
        write(tmp_path / f"{index}.png", picture(rng, 256, 256))
    peaks = []
    for count in (200, 2000):
        command = [sys.executable, "-c", PEAK, str(tmp_path), str(count)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024)
    assert max(peaks) < 400
    node = 256 * 129 * (16 + 4 * 8) / 2**20
    levels = [(-(-count // 16) - 1).bit_length() for count in (200, 2000)]  # of the tree over chunks of 16 images
    assert abs(peaks[1] - peaks[0] - node * (levels[1] - levels[0])) < 0.1 * peaks[0]
