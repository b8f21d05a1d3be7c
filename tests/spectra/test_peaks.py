from __future__ import annotations

import numpy as np
import pytest

from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, strongest_line


def averaged(planes, size, **options):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=size, residual="none", align=1, **options))
    accumulator.update(planes)
    return accumulator.result()


@pytest.mark.parametrize(("ky", "kx"), [(5, 9), (-5, 9), (0, 16), (16, 0), (-16, 16), (3, 0)])
def test_a_planted_line_is_found(rng, ky, kx):
    y, x = np.mgrid[:32, :32]
    planes = rng.normal(0, 10, (80, 32, 32)) + 2 * np.cos(2 * np.pi * (ky * y + kx * x) / 32)
    planes += 100  # DC is not a line
    line = strongest_line(averaged(planes, 32, normalisation="amplitude"))
    assert (abs(line.fy), line.fx) == (abs(ky) / 32, kx / 32)
    if kx not in (0, 16):
        assert line.fy == ky / 32
    real = (ky % 16, kx % 16) == (0, 0)
    assert line.amplitude == pytest.approx(2 if real else 1, rel=0.2)
    assert line.p_corrected < 1e-6
    assert line.nr > 10


def test_noise_has_no_significant_line_more_often_than_stated(rng):
    found = sum(strongest_line(averaged(rng.normal(0, 1, (20, 16, 16)), 16)).p_corrected < 0.05 for _ in range(300))
    assert found <= 15 + 3 * np.sqrt(300 * 0.05 * 0.95)


def test_mirror_images_are_searched_once(rng):
    line = strongest_line(averaged(rng.normal(0, 1, (30, 16, 16)), 16))
    assert line.p_corrected == pytest.approx(min(1, line.p_value * (16 * 16 // 2 + 1)))  # 252 pairs + 4, less DC


def test_planes_of_rgb_are_searched_together(rng):
    images = rng.integers(100, 120, (40, 16, 16, 3), dtype=np.uint8)
    images[:, :, ::2, 2] += 30
    line = strongest_line(averaged(images, 16, channel="rgb"))
    assert (line.fx, line.fy) == (0.5, 0)


def test_one_image_has_nothing_to_test(rng):
    line = strongest_line(averaged(rng.normal(0, 1, (1, 16, 16)), 16))
    assert line.p_value == line.p_corrected == 1


def test_dc_spread_by_a_hann_window_is_no_line(rng):
    planes = rng.normal(0, 1, (30, 32, 32)) + rng.uniform(50, 200, (30, 1, 1))
    assert strongest_line(averaged(planes, 32, window="hann")).p_corrected > 1e-3
