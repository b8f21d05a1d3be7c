from __future__ import annotations

import cv2
import numpy as np

from freqforensics.demo import SIZE, TILE, write_upsampled_photographs
from freqforensics.images import by_generator, index_images, read_image
from freqforensics.spectra import SpectrumSpec, mean_spectrum


def test_bundled_photographs_and_their_upsampled_twins(tmp_path):
    count = write_upsampled_photographs(tmp_path)
    groups = by_generator(index_images(tmp_path))
    assert {name for name, _ in groups} == {"nearest", "bilinear", "zero-insertion", "transposed-3x3"}
    assert {len(records) for records in groups.values()} == {count}
    assert count >= 60

    real, fake = (read_image(groups["nearest", label][0].path) for label in ("real", "fake"))
    assert real.shape == fake.shape == (TILE, TILE, 3)
    np.testing.assert_array_equal(fake[::2, ::2], fake[1::2, 1::2])
    halves = [
        cv2.resize(image.astype(np.float32), (TILE // 2, TILE // 2), interpolation=cv2.INTER_AREA)
        for image in (real, fake)
    ]
    np.testing.assert_allclose(halves[0], halves[1], atol=0.51)  # same content, rounded

    # What theory says of the four: coherent lines at Nyquist only where the phases' sums differ.
    spectra = {
        name: mean_spectrum(groups[name, "fake"], spec=SpectrumSpec(size=SIZE, residual="none"), limit=100)
        for name in ("bilinear", "transposed-3x3", "zero-insertion")
    }
    nyquist = {name: float(s.coherence[SIZE // 2, 0] * s.images) for name, s in spectra.items()}
    assert nyquist["transposed-3x3"] > 20
    assert nyquist["bilinear"] < 12
    power = spectra["zero-insertion"].power
    low, replica = power[1:8, 1:8].mean(), power[SIZE // 2 + 1 : SIZE // 2 + 8, 1:8].mean()
    assert 0.5 < replica / low < 2  # zero insertion repeats the spectrum
