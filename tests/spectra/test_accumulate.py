"""Tiles that are filtered together give to the last bit what each gives alone."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import picture
from scipy import fft

from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
from freqforensics.spectra.crops import crop_origins
from freqforensics.spectra.residual import high_pass_residual
from freqforensics.spectra.spec import channel_planes


def alone(image, spec, reach):
    """Transforms of tiles, each filtered with as many pixels around it as the filter needs."""
    height, width = spec.shape
    for row, column in crop_origins(image.shape[:2], spec.shape, "tiles", align=spec.align):
        top, left = (max(0, start - reach) // 2 * 2 for start in (row, column))
        planes = channel_planes(image[top : row + height + reach, left : column + width + reach], spec.channel)
        residual = high_pass_residual(planes, spec.residual, kernel=spec.kernel)
        yield fft.rfft2(residual[:, row - top : row - top + height, column - left : column - left + width])


@pytest.mark.parametrize(
    ("options", "reach"),
    [
        ({"size": 64}, 2),
        ({"size": (20, 32), "kernel": 3, "align": 4}, 1),
        ({"size": (20, 24), "kernel": 49, "align": 2, "channel": "red"}, 24),
        ({"size": (20, 24), "kernel": 51, "align": 2, "channel": "red"}, 25),
        ({"size": 48, "channel": "rgb"}, 2),
        ({"size": 32, "residual": "gaussian"}, 2),
        ({"size": 32, "residual": "npr"}, 0),
    ],
)
@pytest.mark.parametrize("grey", [False, True])
def test_tiles_are_filtered_as_each_alone(options, reach, grey):
    if grey and "channel" in options:
        options = {**options, "channel": "luma"}
    spec = SpectrumSpec(crop="tiles", **options)
    image = picture(np.random.default_rng(2), 131, 298)
    image = np.ascontiguousarray(image[..., 1]) if grey else image
    sums = SpectrumAccumulator(spec).update([image]).result().sums
    transforms = np.stack(list(alone(image, spec, reach)))
    assert len(transforms) > 4
    powers = transforms.real**2 + transforms.imag**2
    np.testing.assert_array_equal(sums.f, transforms.astype(np.complex128).sum(axis=0))
    np.testing.assert_array_equal(sums.power, powers.astype(np.float64).sum(axis=0))
