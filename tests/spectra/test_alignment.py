from __future__ import annotations

import numpy as np
import pytest
from pictures import picture

from freqforensics.perturbations.perturb import Blur
from freqforensics.spectra import match_radial_power, radial_profile


def profile(plane):
    power = np.fft.fftshift(np.abs(np.fft.fft2(plane.astype(float))) ** 2)
    return radial_profile(np.log(power + 1e-9), max_frequency=0.5).values


@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_a_blurred_image_gets_its_power_back(rng, shape):
    photo = picture(rng, *shape)
    blurred = Blur(0.6)(photo)
    matched = match_radial_power(blurred, photo, limit=20)
    for channel in range(3):
        before = profile(blurred[..., channel]) - profile(photo[..., channel])
        after = profile(matched[..., channel]) - profile(photo[..., channel])
        assert np.abs(before[5:]).max() > 0.5
        assert np.abs(after[2:]).max() < 0.25  # rings of the profile lie elsewhere than those that were matched
    np.testing.assert_allclose(matched.mean(axis=(0, 1)), blurred.mean(axis=(0, 1)), atol=1e-3)
    assert matched.dtype == np.float32


def test_gains_are_limited_and_lines_stay(rng):
    noise = rng.normal(0, 1, (64, 64)).astype(np.float32)
    assert np.abs(match_radial_power(noise, 100 * noise, limit=4) - 4 * noise + 3 * noise.mean()).max() < 1e-3
    line = noise + 2 * (-1.0) ** np.add.outer(np.arange(64), np.arange(64))
    around = np.abs(np.fft.fft2(match_radial_power(line, noise)))
    assert around[32, 32] > 0.8 * np.abs(np.fft.fft2(line))[32, 32]


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"one shape .* got \(4, 4\) and \(4, 5\)"):
        match_radial_power(np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(ValueError, match="limit must"):
        match_radial_power(np.zeros((4, 4)), np.zeros((4, 4)), limit=0.5)
