from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from pictures import picture

from freqforensics.spectra import high_pass_residual
from freqforensics.spectra.residual import residual_margin


@pytest.fixture
def plane(rng: np.random.Generator) -> np.ndarray:
    return picture(rng, 40, 51)[..., 0]


@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_median_equals_scipys_exactly(plane, kernel, dtype):
    plane = plane.astype(dtype) + (0 if dtype == np.uint8 else 0.25)
    slow = plane.astype(float) - scipy.ndimage.median_filter(plane.astype(float), kernel, mode="nearest")
    fast = high_pass_residual(plane, "median", kernel=kernel)
    assert fast.dtype == np.float32
    np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("width", [1, 2, 5, 16, 63, 67, 68, 69, 140])
def test_median_of_bytes_equals_that_of_floats_at_every_width(rng, width):
    plane = rng.integers(0, 256, (7, width), np.uint8)
    np.testing.assert_array_equal(high_pass_residual(plane), high_pass_residual(plane.astype(np.float32)))


def test_median_residual_is_signed_and_does_not_wrap(plane):
    below = high_pass_residual(plane).min()
    assert below < -1
    np.testing.assert_array_equal(high_pass_residual(255 - plane), -high_pass_residual(plane))


def test_gaussian_equals_a_direct_convolution(plane):
    sigma = 0.3 * ((7 - 1) / 2 - 1) + 0.8
    taps = np.exp(-0.5 * (np.arange(-3, 4) / sigma) ** 2)
    taps /= taps.sum()
    blurred = scipy.ndimage.correlate(plane.astype(float), np.outer(taps, taps), mode="mirror")
    np.testing.assert_allclose(high_pass_residual(plane, "gaussian", kernel=7), plane - blurred, atol=1e-4)


def test_laplacian_is_the_difference_to_the_four_neighbours(plane):
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    expected = plane - scipy.ndimage.correlate(plane.astype(float), cross, mode="mirror")
    np.testing.assert_allclose(high_pass_residual(plane, "laplacian"), expected, atol=1e-4)


def test_laplacian_gain_is_the_closed_form():
    y, x = np.mgrid[:64, :64]
    for fy, fx in [(0, 1 / 8), (1 / 4, 1 / 4), (1 / 2, 1 / 2), (3 / 16, 5 / 32)]:
        wave = np.cos(2 * np.pi * (fy * y + fx * x))
        gain = 1 - (np.cos(2 * np.pi * fy) + np.cos(2 * np.pi * fx)) / 2
        inner = (slice(1, -1), slice(1, -1))
        np.testing.assert_allclose(high_pass_residual(wave, "laplacian")[inner], gain * wave[inner], atol=1e-5)


def test_npr_vanishes_on_nearest_upsampling_and_keeps_the_rest(plane):
    doubled = np.repeat(np.repeat(plane, 2, axis=0), 2, axis=1)
    assert not high_pass_residual(doubled, "npr").any()
    slow = np.array([[float(plane[i, j]) - float(plane[i - i % 2, j - j % 2]) for j in range(51)] for i in range(40)])
    np.testing.assert_array_equal(high_pass_residual(plane, "npr"), slow)


def test_wavelet_takes_the_noise_and_leaves_the_picture(rng):
    y, x = np.mgrid[:128, :128]
    clean = 128 + 60 * np.sin(x / 20) * np.cos(y / 17)
    noise = rng.normal(0, 6, clean.shape)
    residual = high_pass_residual(clean + noise, "wavelet")
    assert np.corrcoef(residual.ravel(), noise.ravel())[0, 1] > 0.9
    assert 4 < residual.std() < 7


@pytest.mark.parametrize("method", ["median", "gaussian", "laplacian", "wavelet", "npr"])
def test_flat_planes_have_no_residual(method):
    for value in (0, 255):
        assert np.abs(high_pass_residual(np.full((32, 40), value, np.uint8), method)).max() < 1e-4
    ramp = np.tile(np.arange(48, dtype=np.float32), (32, 1))
    assert np.isfinite(high_pass_residual(ramp, method)).all()


def test_none_is_the_plane(plane):
    np.testing.assert_array_equal(high_pass_residual(plane, "none"), plane)


@pytest.mark.parametrize("method", ["median", "gaussian", "laplacian", "wavelet", "npr", "none"])
def test_leading_axes_are_planes(rng, method):
    planes = rng.integers(0, 256, (2, 3, 24, 32), dtype=np.uint8)
    together = high_pass_residual(planes, method)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(together[index], high_pass_residual(planes[index], method))


@pytest.mark.parametrize("method", ["median", "gaussian", "laplacian", "npr", "none"])
def test_a_crop_with_its_margin_has_the_residual_of_the_whole(rng, method):
    plane = rng.integers(0, 256, (60, 70), dtype=np.uint8)
    margin = residual_margin(method, 5)
    whole = high_pass_residual(plane, method)[16:48, 16:48]
    cut = high_pass_residual(plane[16 - margin : 48 + margin, 16 - margin : 48 + margin], method)
    np.testing.assert_allclose(cut[margin : margin + 32, margin : margin + 32], whole, atol=1e-4)


def test_bad_parameters_are_named(plane):
    with pytest.raises(ValueError, match=r"residual must .*got 'mean'"):
        high_pass_residual(plane, "mean")
    for kernel in (4, 1, 0, -5, 101):
        with pytest.raises(ValueError, match=rf"kernel must .*got {kernel}"):
            high_pass_residual(plane, kernel=kernel)
    with pytest.raises(ValueError, match=r"shape \(5,\)"):
        high_pass_residual(np.zeros(5))
