"""Decoding PNG and JPEG, as ratios against the slow way in the same run: OpenCV, then colours, then luma of them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from freqforensics.images import decode_image, read_header

ROUNDS = 60


def photo_like(rng: np.random.Generator, side: int) -> np.ndarray:
    """A 1/f picture with sensor noise: it compresses like a photograph."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / side)
    planes = [np.fft.irfft2(np.fft.rfft2(rng.normal(0, 1, (side, side))) * amplitude) for _ in range(3)]
    shared = planes[0][..., None] + 0.2 * np.stack(planes, axis=-1)
    return np.clip(128 + 45 * shared / shared.std() + rng.normal(0, 4, shared.shape), 0, 255).astype(np.uint8)


def opencv_colours(data: bytes) -> np.ndarray:
    read_header(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def opencv_luma(data: bytes) -> np.ndarray:
    return cv2.cvtColor(np.asarray(opencv_colours(data), np.float32), cv2.COLOR_RGB2GRAY)


def ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Median of the ratios of times taken in turn: what slows the machine slows both."""

    def timed(function: Callable[[], object]) -> float:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return float(np.median([timed(ours) / timed(theirs) for _ in range(ROUNDS)]))


@pytest.mark.parametrize("side", [256, 1024])
@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("JPEG", {"quality": 90}), ("JPEG", {"quality": 95, "subsampling": 0})],
    ids=["png", "jpeg-420", "jpeg-444"],
)
def test_decoding_beside_opencv(benchmark, form, options, side):
    buffer = io.BytesIO()
    Image.fromarray(photo_like(np.random.default_rng(0), side)).save(buffer, form, **options)
    data = buffer.getvalue()
    np.testing.assert_array_equal(decode_image(data), opencv_colours(data))
    benchmark.pedantic(decode_image, (data,), rounds=10, warmup_rounds=1)
    colours = ratio(lambda: decode_image(data), lambda: opencv_colours(data))
    benchmark.extra_info.update(form=form, side=side, time_over_opencv=colours)
    print(f"\n{form} {options} {side}: {colours:.2f} of the time of OpenCV", end="")
    if form == "JPEG":
        luma = ratio(lambda: decode_image(data, stored_luma=True), lambda: opencv_luma(data))
        benchmark.extra_info.update(luma_time_over_opencv=luma)
        print(f", luma {1 / luma:.2f} times faster", end="")
