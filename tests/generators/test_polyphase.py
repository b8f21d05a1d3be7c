from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from pictures import picture

from freqforensics.generators import random_polyphase
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling


def test_every_phase_is_filtered_with_its_own_kernel(rng):
    plane = rng.normal(0, 1, (13, 17))
    result = random_polyphase(plane, np.random.default_rng(4), period=3, strength=0.2)
    kernels = 0.2 * np.random.default_rng(4).normal(0, 1, (3, 3, 3, 3))
    kernels[:, :, 1, 1] += 1
    for i, j in np.ndindex(3, 3):
        whole = scipy.ndimage.correlate(plane, kernels[i, j], mode="mirror")
        np.testing.assert_allclose(result[i::3, j::3], whole[i::3, j::3], atol=1e-12)


@pytest.mark.parametrize("period", [1, 2, 4, 8])
def test_its_lattice_is_known(rng, period):
    """One filter on many images, on photographs' likes: the factor read off is the period."""
    accumulator = SpectrumAccumulator(SpectrumSpec(size=64))
    accumulator.update(
        random_polyphase(picture(rng, 96, 96), np.random.default_rng(8), period=period, strength=0.02)
        for _ in range(80)
    )
    assert estimate_upsampling(accumulator.result()).factor == (None if period == 1 else period)


def test_preserving_the_mean_leaves_flat_parts_flat(rng):
    flat = np.full((16, 16, 3), 90.0)
    np.testing.assert_allclose(random_polyphase(flat, rng, period=4, preserve_mean=True), 90, rtol=1e-6)
    assert np.ptp(random_polyphase(flat, rng, period=4)) > 1


def test_no_strength_changes_nothing_and_types_are_kept(rng):
    image = picture(rng, 20, 23)
    np.testing.assert_array_equal(random_polyphase(image, rng, strength=0, period=8), image)
    assert random_polyphase(image, rng).dtype == np.uint8
    assert random_polyphase(image.astype(np.float32), rng).dtype == np.float32
    assert random_polyphase(image[..., 0], rng, period=50).shape == (20, 23)
    again = [random_polyphase(image, np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_colours_share_their_kernels(rng):
    grey = np.repeat(rng.normal(0, 1, (12, 12, 1)), 3, axis=2)
    result = random_polyphase(grey, rng)
    np.testing.assert_array_equal(result[..., 0], result[..., 2])


def test_bad_parameters_are_named(rng):
    image = np.zeros((8, 8))
    for options, message in [
        ({"period": 0}, "period must be at least 1"),
        ({"kernel": 2}, "kernel must be odd"),
        ({"strength": -1}, "strength must not be negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            random_polyphase(image, rng, **options)
    with pytest.raises(ValueError, match="image must"):
        random_polyphase(np.zeros(8), rng)
