"""Averaging 1000 images of 256 x 256, as ratios against named slow ways in the same run. `make bench` runs this.

(a) decode alone, with the same workers; (b) the plain way: Pillow, scipy.ndimage.median_filter in float on the grey
image, numpy.fft.fft2 in complex128, every spectrum in a list, then a mean.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from freqforensics.images import read_image
from freqforensics.runtime.parallel import library_threads
from freqforensics.runtime.processors import default_workers
from freqforensics.spectra import SpectrumSpec, mean_spectrum

COUNT = 1000
DISTINCT = 200  # the rest are copies: what they cost is the same
PLAIN_SHARE = 100  # the plain way takes a tenth of the images; its time is linear in their number


def photo_like(rng: np.random.Generator) -> np.ndarray:
    """A 1/f picture with sensor noise: it compresses like a photograph, about 150 kB as PNG."""
    fy, fx = np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / 256)
    planes = [np.fft.irfft2(np.fft.rfft2(rng.normal(0, 1, (256, 256))) * amplitude) for _ in range(3)]
    shared = planes[0][..., None] + 0.2 * np.stack(planes, axis=-1)
    return np.clip(128 + 45 * shared / shared.std() + rng.normal(0, 4, shared.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=["png", "jpg"])
def paths(request, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp(request.param)
    rng = np.random.default_rng(0)
    pictures = [photo_like(rng) for _ in range(DISTINCT)]
    result = []
    for index in range(COUNT):
        path = folder / f"{index:04d}.{request.param}"
        moved = np.roll(pictures[index % DISTINCT], index, axis=0)  # no copies: equal files count once
        Image.fromarray(moved).save(path, **({"quality": 90} if request.param == "jpg" else {}))
        result.append(path)
    return result


def decode_alone(paths: list[Path]) -> None:
    """cv2.imdecode of every file in as many threads, nothing else: the floor."""

    def decode(path: Path) -> None:
        assert cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED) is not None

    with library_threads(1), ThreadPoolExecutor(default_workers()) as pool:
        for _ in pool.map(decode, paths, chunksize=16):
            pass


def plain_way(paths: list[Path]) -> np.ndarray:
    spectra = []
    for path in paths:
        with Image.open(path) as file:
            if file.format == "JPEG":  # the luma as it is stored
                file.draft("L", file.size)
                grey = np.asarray(file).astype(np.float64)
            else:
                grey = np.asarray(file.convert("RGB")).astype(np.float64) @ [0.299, 0.587, 0.114]
        spectra.append(np.fft.fft2(grey - scipy.ndimage.median_filter(grey, 5, mode="nearest")))
    return np.abs(np.fft.fftshift(np.mean(spectra, axis=0)))


def timed(function, *arguments, **options):
    start = time.perf_counter()
    value = function(*arguments, **options)
    return value, time.perf_counter() - start


def test_average_of_1000_images(benchmark, paths):
    spec = SpectrumSpec(size=256, normalisation="none")
    decode_alone(paths)  # the files are in the page cache for everyone
    rounds = []

    def one_round():
        result, ours = timed(mean_spectrum, paths, spec=spec)
        _, floor = timed(decode_alone, paths)
        rounds.append((ours, floor))
        return result

    result = benchmark.pedantic(one_round, rounds=5, warmup_rounds=1)
    assert result.images == COUNT

    share = paths[:PLAIN_SHARE]
    plain, plain_time = timed(plain_way, share)
    ours = mean_spectrum(share, spec=spec).full("coherent")
    assert np.linalg.norm(ours - plain) < 1e-5 * np.linalg.norm(plain)
    if paths[0].suffix == ".jpg":
        np.testing.assert_array_equal(read_image(paths[0]), np.asarray(Image.open(paths[0])))

    rounds = rounds[1:]
    to_floor = float(np.median([mine / floor for mine, floor in rounds]))
    to_plain = plain_time * COUNT / PLAIN_SHARE / float(np.median([mine for mine, _ in rounds]))
    benchmark.extra_info.update(
        form=paths[0].suffix,
        ratio_to_decode_alone=to_floor,
        times_faster_than_plain=to_plain,
        workers=default_workers(),
    )
    print(
        f"\n{paths[0].suffix}: {float(np.median([m for m, _ in rounds])):.2f} s for {COUNT} images, "
        f"{to_floor:.2f} times decode alone, {to_plain:.1f} times faster than the plain way"
    )
    assert to_plain >= 20
    if paths[0].suffix == ".png":
        assert to_floor <= 1.6
