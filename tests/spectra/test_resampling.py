from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from freqforensics.spectra import resampling_trace


def scenes(rng: np.random.Generator, count: int, side: int) -> list[np.ndarray]:
    """Planes with the spectrum of photographs (1/f) and a little noise."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / side)
    planes = []
    for _ in range(count):
        plane = np.fft.irfft2(np.fft.rfft2(rng.normal(0, 1, (side, side))) * amplitude, s=(side, side))
        planes.append(np.clip(128 + 40 * plane / plane.std() + rng.normal(0, 2, plane.shape), 0, 255))
    return planes


def resized(plane: np.ndarray, factor: float) -> np.ndarray:
    """Linear interpolation, half-pixel centres, rounded, 288 x 288."""
    matrix = np.array([[factor, 0, factor / 2 - 0.5], [0, factor, factor / 2 - 0.5]])
    return np.rint(cv2.warpAffine(plane.astype(np.float32), matrix, (288, 288), borderMode=cv2.BORDER_REFLECT))


@pytest.mark.parametrize(("factor", "line"), [(1.5, 1 / 3), (4 / 3, 1 / 4), (1.25, 1 / 5), (0.8, 1 / 4)])
def test_resizing_leaves_its_line(rng, factor, line):
    """reference: theory, 7 (Gallagher 2005)."""
    trace = resampling_trace(resized(plane, factor) for plane in scenes(rng, 20, round(300 / factor) + 2))
    for axis in (0, 1):
        best = int(np.nanargmax(trace.ratio[axis]))
        assert abs(trace.frequencies[best] - line) <= trace.frequencies[1]
        assert trace.ratio[axis, best] > 50
        assert trace.p_value[axis, best] < 1e-100


def test_exact_doubling_and_no_resizing_leave_none(rng):
    for factor in (1, 2):
        trace = resampling_trace(resized(plane, factor) for plane in scenes(rng, 20, round(300 / factor) + 2))
        assert np.nanmax(trace.ratio) < 3
        assert np.nanmin(trace.p_value) * np.isfinite(trace.ratio).sum() > 1e-3


def test_jpeg_leaves_lines_at_eighths(rng):
    planes = []
    for plane in scenes(rng, 20, 256):
        buffer = io.BytesIO()
        Image.fromarray(plane.astype(np.uint8)).save(buffer, "JPEG", quality=60)
        planes.append(np.asarray(Image.open(buffer)))
    trace = resampling_trace(planes)
    eighths = [round(k / 8 / trace.frequencies[1]) for k in (1, 2, 3)]
    np.testing.assert_allclose(trace.frequencies[eighths], [1 / 8, 1 / 4, 3 / 8])
    assert trace.ratio[:, eighths].min() > 2


def test_small_images_are_left_out_and_none_is_an_error(rng):
    planes = scenes(rng, 3, 64)
    assert resampling_trace([planes[0], planes[1][:40]], size=64).images == 1
    with pytest.raises(ValueError, match="no image is as large as 128x128"):
        resampling_trace(planes, size=128)
    with pytest.raises(ValueError, match="size must"):
        resampling_trace(planes, size=16)


def test_flat_images_have_no_trace():
    trace = resampling_trace([np.full((64, 64), 200.0)] * 3, size=64)
    assert np.isfinite(trace.power).all()
    assert np.nanmax(trace.ratio) <= 1
