from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import pywt
from pictures import picture
from skimage import measure

from freqforensics.quality.niqe import luma_plane, patch_features
from freqforensics.quality.scores import SCORES, blur_effect, noise_sigma
from freqforensics.quality.strips import Moments, pooled, strips

SHAPES = [(60, 75), (131, 97), (40, 400), (400, 40)]


@pytest.fixture
def narrow(monkeypatch):
    """Strips of 16 lines, and none so small an image that it is measured whole."""
    monkeypatch.setattr("freqforensics.quality.strips.STRIP", 1)
    monkeypatch.setattr("freqforensics.quality.scores._WHOLE", 1)


@pytest.mark.parametrize(("lines", "length"), [(1, 1), (15, 10**7), (4096, 4096), (5001, 4999), (100, 10**6)])
def test_strips_cover_every_line_once(lines, length):
    cut = list(strips(lines, length))
    assert [line for start, stop in cut for line in range(start, stop)] == list(range(lines))
    widths = [stop - start for start, stop in cut]
    assert max(widths) - min(widths) <= 1
    assert (max(widths) - 1) * length < max(1 << 19, 32 * length)
    assert len(cut) == 1 or min(widths) >= 16


def test_small_images_are_one_strip():
    assert list(strips(512, 1024)) == [(0, 512)]
    assert len(list(strips(512, 1025))) == 2


def test_moments_of_parts_are_those_of_all(rng):
    parts = [rng.normal(30, 2, count) for count in (5, 700, 1, 64)] + [rng.normal(-4, 9, (8, 9))]
    values = np.concatenate([part.ravel() for part in parts])
    moments = pooled(map(Moments.of, parts))
    assert moments.number == len(values)
    assert (moments.mean, moments.variance) == pytest.approx((values.mean(), values.var()), rel=1e-14)
    assert pooled([Moments.of(values)]) == (len(values), values.mean(), values.var())


@pytest.mark.parametrize("name", ["noise_sigma", "entropy"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_score_of_strips_is_that_of_the_whole_to_the_last_bit(rng, monkeypatch, narrow, name, shape):
    image = picture(rng, *shape)
    narrowly = SCORES[name].function(image)
    monkeypatch.undo()
    assert narrowly == SCORES[name].function(image)


@pytest.mark.parametrize("name", ["blur_effect", "laplacian_variance", "colourfulness"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_score_of_strips_differs_by_rounding_alone(rng, monkeypatch, narrow, name, shape):
    image = picture(rng, *shape)
    narrowly = SCORES[name].function(image)
    monkeypatch.undo()
    assert narrowly == pytest.approx(SCORES[name].function(image), rel=1e-14, abs=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_strips_have_the_libraries_blur_and_noise(rng, narrow, shape):
    """The more blurred direction is once that of rows, once that of columns."""
    image = picture(rng, *shape)
    for turned in (image, np.ascontiguousarray(image.swapaxes(0, 1))):
        assert blur_effect(turned) == pytest.approx(measure.blur_effect(luma_plane(turned) / 255), rel=1e-14, abs=0)
    diagonals = [pywt.dwt2(image[..., colour].astype(np.float64), "db2")[1][2] for colour in range(3)]
    assert noise_sigma(image) == np.mean([np.median(np.abs(diagonal)) / 0.6744897501960817 for diagonal in diagonals])


def test_the_blur_of_a_flat_plane_is_one(narrow):
    assert blur_effect(np.full((90, 70, 3), 7, np.uint8)) == 1


@pytest.mark.parametrize("patch", [16, 48])
def test_features_of_patches_do_not_depend_on_the_strips(rng, monkeypatch, patch):
    image = picture(rng, 17 * patch, 3 * patch + 5)
    features, sharpness = patch_features(image, patch=patch)
    monkeypatch.setattr("freqforensics.quality.niqe.STRIP", 1)
    strip_features, strip_sharpness = patch_features(image, patch=patch)
    np.testing.assert_array_equal(strip_features, features)
    np.testing.assert_array_equal(strip_sharpness, sharpness)


@pytest.mark.parametrize("name", SCORES)
def test_a_score_of_strips_takes_few_bytes_for_each_pixel(rng, monkeypatch, narrow, name):
    """A plane of double precision takes 8; without strips the scores take 16 to 56."""
    monkeypatch.setattr("freqforensics.quality.niqe.STRIP", 1)
    image = picture(rng, 1600, 200)
    SCORES[name].function(image)  # loads what it needs
    tracemalloc.start()
    try:
        SCORES[name].function(image)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * image[..., 0].size
