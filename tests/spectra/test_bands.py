"""Bands: projections that add up, and pure waves on the right side of every edge."""

from __future__ import annotations

import numpy as np
import pytest

from freqforensics.spectra import Band, keep_band


@pytest.mark.parametrize("shape", [(32, 48), (33, 47)])
def test_adjoining_bands_add_up(rng, shape):
    planes = rng.normal(100, 30, (2, 3, *shape))
    parts = [keep_band(planes, band) for band in (Band(0, 0.1), Band(0.1, 0.3), Band(0.3))]
    np.testing.assert_allclose(sum(parts), planes, atol=1e-3)
    energy = sum(float((part.astype(float) ** 2).sum()) for part in parts)
    assert energy == pytest.approx(float((planes**2).sum()), rel=1e-5)
    np.testing.assert_allclose(keep_band(parts[1], Band(0.1, 0.3)), parts[1], atol=1e-4)


def test_a_wave_is_kept_or_not():
    y, x = np.mgrid[:64, :64]
    wave = np.cos(2 * np.pi * (8 * x + 6 * y) / 64)  # 10/64 = 0.15625
    for band, kept in ((Band(0, 0.15), 0), (Band(0, 0.16), 1), (Band(0.15625), 1), (Band(0.157), 0)):
        np.testing.assert_allclose(keep_band(wave, band), kept * wave, atol=1e-5)
    corner = (-1.0) ** (x + y)
    np.testing.assert_allclose(keep_band(corner, Band(0.5)), corner, atol=1e-6)
    np.testing.assert_allclose(keep_band(corner, Band(0, 0.5)), 0, atol=1e-6)


def test_bands_that_are_none():
    for low, high in ((-0.1, 0.2), (0.3, 0.3), (0.4, 0.2)):
        with pytest.raises(ValueError, match="must be ascending and not negative"):
            Band(low, high)
    with pytest.raises(ValueError, match=r"no frequency from 0\.8 on: the highest is 0\.707"):
        Band(0.8)
