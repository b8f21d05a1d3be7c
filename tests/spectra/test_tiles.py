from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from freqforensics.spectra import log_coherence, tile_coherence
from freqforensics.spectra.tiles import LEAST


def test_against_the_definition(rng):
    planes = rng.normal(0, 3, (2, 70, 101))
    given = tile_coherence(planes, tile=16)
    assert given.shape == (2, 16, 16)
    for plane, found in zip(planes, given, strict=True):
        tiles = [plane[y : y + 16, x : x + 16] for y in range(0, 64, 16) for x in range(0, 96, 16)]
        spectra = np.fft.fft2(tiles)
        expected = np.abs(spectra.sum(0)) ** 2 / (np.abs(spectra) ** 2).sum(0)
        np.testing.assert_allclose(found, np.fft.fftshift(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("period", [2, 4, 8, 32])
@pytest.mark.parametrize("offset", [0, 5])
def test_a_period_that_divides_the_tile_is_coherent_wherever_the_image_begins(rng, period, offset):
    rows, columns = np.indices((200, 200))
    trace = rng.normal(0, 1, (200, 200)) + np.cos(2 * np.pi * (rows + columns) / period)
    found = tile_coherence(trace[offset:, offset:])
    place = 16 - 32 // period, 16 - 32 // period
    assert np.unravel_index(found.argmax(), found.shape) in (place, tuple(32 - p for p in place))
    assert found[place] > 20


def test_by_chance_the_logarithm_has_about_mean_zero_and_variance_one(rng):
    values = log_coherence(rng.normal(0, 1, (40, 256, 256)))
    off = np.delete(np.delete(values, [0, 16], axis=1), [0, 16], axis=2)
    # But for the floor: its mean and variance, by quadrature over the exponential distribution.
    first, second = (
        quad(lambda x, k=k: (np.log(x + LEAST) + np.euler_gamma) ** k * np.exp(-x), 0, 60, points=[0.01, 1])[0]
        for k in (1, 2)
    )
    unit = np.sqrt(np.pi**2 / 6)
    assert abs(off.mean() - first / unit) < 0.02
    assert abs(off.std() - np.sqrt(second - first**2) / unit) < 0.02
    assert abs(first / unit) < 0.05
    assert 0.9 < np.sqrt(second - first**2) / unit < 1


def test_what_is_refused():
    with pytest.raises(ValueError, match="of at least 32x32 pixels is needed, got 40x31"):
        tile_coherence(np.zeros((31, 40)))
    with pytest.raises(ValueError, match="tile must"):
        tile_coherence(np.zeros((31, 40)), tile=5)
    assert not tile_coherence(np.zeros((3, 64, 64))).any()
    assert not log_coherence(np.zeros((3, 64, 64))).any()  # nothing is known: what is expected by chance
