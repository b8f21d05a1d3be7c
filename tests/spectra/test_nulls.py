from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from freqforensics.spectra import coherence_p_value, full_plane, half_plane_weights, self_conjugate_bins
from freqforensics.spectra.nulls import chi_square_interval, mean_interval

SIZES = [(8, 8), (7, 8), (8, 7), (7, 9), (2, 2), (6, 10)]


@pytest.mark.parametrize("size", SIZES)
def test_self_conjugate_bins_are_those_whose_transform_is_real(size, rng):
    transform = np.fft.rfft2(rng.normal(0, 1, size))
    np.testing.assert_array_equal(np.abs(transform.imag) < 1e-12, self_conjugate_bins(size))


@pytest.mark.parametrize("size", SIZES)
def test_half_plane_weights_count_the_full_plane(size, rng):
    plane = rng.normal(0, 1, size)
    half = np.abs(np.fft.rfft2(plane)) ** 2
    full = np.abs(np.fft.fft2(plane)) ** 2
    np.testing.assert_allclose((half * half_plane_weights(size)).sum(), full.sum())


@pytest.mark.parametrize("size", SIZES)
def test_full_plane_is_the_shifted_transform(size, rng):
    planes = rng.normal(0, 1, (3, *size))
    half = np.abs(np.fft.rfft2(planes))
    expected = np.fft.fftshift(np.abs(np.fft.fft2(planes)), axes=(-2, -1))
    np.testing.assert_allclose(full_plane(half, size[1]), expected, atol=1e-12)
    np.testing.assert_allclose(full_plane(half[0], size[1]), expected[0], atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10, 300])
def test_p_values_are_the_beta_tails(n):
    r = np.linspace(0, 1, 21)[None, :]
    real = np.zeros((1, 21), bool)
    np.testing.assert_allclose(
        coherence_p_value(r, n, self_conjugate=real), scipy.stats.beta(1, n - 1).sf(r), rtol=1e-9, atol=1e-300
    )
    np.testing.assert_allclose(
        coherence_p_value(r, n, self_conjugate=~real),
        scipy.stats.beta(0.5, (n - 1) / 2).sf(r),
        rtol=1e-6,
        atol=1e-12,
    )


def test_p_values_at_the_ends():
    r = np.array([[np.nan, 0.0, 1.0]])
    none = np.zeros((1, 3), bool)
    np.testing.assert_array_equal(coherence_p_value(r, 5, self_conjugate=none), [[1, 1, 0]])
    np.testing.assert_array_equal(coherence_p_value(r, 1, self_conjugate=none), [[1, 1, 1]])


@pytest.mark.parametrize("real", [False, True])
def test_chi_square_interval_covers(rng, real):
    n, trials, level = 12, 4000, 0.9
    f = rng.normal(0, 1, (trials, n)) + (0 if real else 1j) * rng.normal(0, 1, (trials, n))
    truth = 1.0 if real else 2.0
    power = (np.abs(f) ** 2).mean(axis=1)[:, None]
    low, high = chi_square_interval(power, n, level, self_conjugate=np.full((trials, 1), real))
    covered = ((low <= truth) & (truth <= high)).mean()
    assert abs(covered - level) < 4 * np.sqrt(level * (1 - level) / trials)


def test_moment_interval_covers_what_is_not_gaussian(rng):
    n, trials = 200, 2000
    x = rng.exponential(1, (trials, n)) * rng.lognormal(0, 0.7, (trials, n))
    truth = np.exp(0.7**2 / 2)
    low, high = mean_interval(x.mean(axis=1), (x**2).mean(axis=1), n, 0.95)
    assert 0.90 < ((low <= truth) & (truth <= high)).mean() < 0.97
    assert (low > 0).all()


def test_moment_interval_of_one_image_is_everything():
    low, high = mean_interval(np.array([3.0]), np.array([9.0]), 1, 0.95)
    assert low == [0]
    assert high == [np.inf]
    low, high = mean_interval(np.array([0.0]), np.array([0.0]), 5, 0.95)
    assert low == high == [0]
