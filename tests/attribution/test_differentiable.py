"""What explanations do to an image with gradients is what detectors do without."""

from __future__ import annotations

import numpy as np
import torch

from freqforensics import spectra
from freqforensics.attribution import differentiable


def test_coherence_that_is_nought_is_as_unknown_as_that_of_no_power(rng):
    """Two tiles that are each other's negative cancel to the last bit, as small counts in flat images do by chance."""
    tile = rng.integers(-2, 3, (32, 32)).astype(np.float32)
    planes = np.stack([np.hstack([tile, -tile]), np.zeros((32, 64), np.float32), np.hstack([tile, tile])])[None]
    expected = spectra.log_coherence(planes)
    assert not expected[0, :2].any()
    assert expected[0, 2].all()
    np.testing.assert_allclose(differentiable.log_coherence(torch.from_numpy(planes)), expected, rtol=1e-4, atol=1e-4)
