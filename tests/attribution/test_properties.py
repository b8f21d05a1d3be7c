"""How many frequencies carry a map, and how far it moves under JPEG."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.metrics import sensitivity_max
from pictures import picture

from freqforensics.attribution import lattice_lines, map_complexity, max_sensitivity
from freqforensics.perturbations import JPEG


def test_complexity_counts_the_fewest(rng):
    half = np.zeros((32, 32))
    for fx, fy in lattice_lines(32):
        value = rng.standard_t(2)
        for sign in (1, -1):
            half[round(sign * fy * 32) % 32, round(sign * fx * 32) % 32] = value
    half[0, 0] = 1e6  # the mean is no frequency
    plane = np.fft.fftshift(half)
    # The obvious way: both mirror images of a frequency, one frequency after the other, until there is enough.
    sums = []
    for fx, fy in lattice_lines(32):
        places = {(round(s * fy * 32) % 32, round(s * fx * 32) % 32) for s in (1, -1)}
        sums.append(abs(sum(half[place] for place in places)))
    expected, reached = 0, 0.0
    for size in sorted(sums, reverse=True):
        if reached >= 0.9 * sum(sums):
            break
        reached += size
        expected += 1
    assert map_complexity(plane) == expected
    assert map_complexity(-plane) == expected
    assert map_complexity(np.zeros((32, 32))) == 0


def test_equal_values_need_their_share():
    plane = np.zeros((32, 32))
    for column in (17, 18, 19, 20, 21, 22, 23, 24, 25, 26):
        plane[16, column] = plane[16, 32 - column] = 0.1
    assert map_complexity(plane) == 9
    with pytest.raises(ValueError, match="share"):
        map_complexity(plane, share=1.5)


def gradient_of(image):
    """A map that follows the image: its vertical gradient."""
    return np.gradient(image.astype(float), axis=0)


def test_stability_is_captums_max_sensitivity(rng):
    image = picture(rng, 64, 64)
    changes = [JPEG(95), JPEG(80)]
    seen = iter(changes)

    def perturb(inputs):
        changed = next(seen)(inputs[0].numpy().astype(np.uint8))
        return torch.from_numpy(changed.astype(float))[None]

    def explain(inputs):
        batch = inputs[0] if isinstance(inputs, tuple) else inputs
        return (torch.from_numpy(gradient_of(batch[0].numpy()))[None],)

    expected = sensitivity_max(
        explain, torch.from_numpy(image.astype(float))[None], perturb_func=perturb, n_perturb_samples=2,
        max_examples_per_batch=1,
    )  # fmt: skip
    assert max_sensitivity(image, gradient_of, changes=changes) == pytest.approx(float(expected), rel=1e-6)
    assert max_sensitivity(image, gradient_of) < max_sensitivity(image, gradient_of, changes=changes[1:])


def test_a_map_that_ignores_the_image_is_stable(rng):
    image = picture(rng, 48, 48)
    assert max_sensitivity(image, lambda given: np.ones(3)) == 0
    assert max_sensitivity(image, lambda given: np.zeros(3)) == 0
    assert max_sensitivity(image, lambda given: np.full(3, float(given is not image))) == float("inf")
    with pytest.raises(ValueError, match="empty"):
        max_sensitivity(image, gradient_of, changes=())
