from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from freqforensics.spectra.windows import apply_window, smooth_component, window_sums


def periodic_component(plane: np.ndarray) -> np.ndarray:
    return plane - np.fft.irfft2(smooth_component(plane), s=plane.shape)


@pytest.mark.parametrize("shape", [(32, 32), (31, 45), (16, 64)])
def test_smooth_component_solves_moisans_equation(rng, shape):
    """Moisan 2011: the periodic Laplacian of the smooth part is the jump across the border, and it has no mean."""
    plane = rng.normal(0, 1, shape).cumsum(0).cumsum(1)
    smooth = plane - periodic_component(plane)
    laplacian = sum(np.roll(smooth, step, axis) for axis in (0, 1) for step in (1, -1)) - 4 * smooth
    border = np.zeros(shape)
    border[0] += plane[-1] - plane[0]
    border[-1] += plane[0] - plane[-1]
    border[:, 0] += plane[:, -1] - plane[:, 0]
    border[:, -1] += plane[:, 0] - plane[:, -1]
    np.testing.assert_allclose(laplacian, border, atol=1e-8 * np.abs(plane).max())
    assert abs(smooth.mean()) < 1e-8 * np.abs(plane).max()


def test_periodic_plane_has_no_smooth_component():
    y, x = np.mgrid[:32, :48]
    wave = np.cos(2 * np.pi * (3 * y / 32 + 5 * x / 48))
    border_free = np.zeros((32, 48))
    border_free[8:20, 10:30] = wave[8:20, 10:30]
    assert np.abs(smooth_component(border_free)).max() < 1e-10


def test_the_cross_of_a_ramp_goes():
    y, x = np.mgrid[:64, :64]
    ramp = x + 2.0 * y
    before = np.abs(np.fft.rfft2(ramp))
    after = np.abs(np.fft.rfft2(ramp) - smooth_component(ramp))
    assert after[0, 1:].sum() < 0.05 * before[0, 1:].sum()


def test_float32_stays_float32():
    assert smooth_component(np.ones((8, 8), np.float32)).dtype == np.complex64
    assert apply_window(np.ones((8, 8), np.float32), "hann").dtype == np.float32


def test_hann_is_scipys_periodic_window():
    window = np.outer(scipy.signal.windows.hann(12, sym=False), scipy.signal.windows.hann(9, sym=False))
    np.testing.assert_allclose(apply_window(np.ones((12, 9)), "hann"), window, atol=1e-12)
    np.testing.assert_allclose(window_sums((12, 9), "hann"), (window.sum(), (window**2).sum()))
    assert window_sums((12, 9), "none") == window_sums((12, 9), "periodic") == (108, 108)
