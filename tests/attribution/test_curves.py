"""Score curves, tiles, and what else leaves traces, on images whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from pictures import encoded, picture
from torch import nn

from freqforensics.attribution.causes import other_causes
from freqforensics.attribution.curves import score_curves, tile_scores
from freqforensics.attribution.path import integrate_path
from freqforensics.detector import Detector, make_detector
from freqforensics.images import read_jpeg_tables
from freqforensics.perturbations import JPEG, Resize


class Contrast(nn.Module):
    """A logit that is the mean square of the input: blur takes it down, cropping hardly moves it."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * (x**2).mean(dim=(1, 2, 3))[:, None]


def test_curves_fall_where_they_must_and_say_where_they_cross():
    image = picture(np.random.default_rng(0), 128, 160)
    detector = Detector(Contrast(), input="residual")
    before = float(detector.logits([image])[0])
    curves = {curve.name: curve for curve in score_curves(image, detector, threshold=before / 2)}
    assert list(curves) == ["jpeg", "blur", "resize", "crop"]
    blur = curves["blur"]
    assert blur.logits[0] == pytest.approx(before)
    assert all(np.diff(blur.logits) <= 0)
    place = next(i for i, logit in enumerate(blur.logits) if logit <= before / 2)
    assert blur.values[place - 1] <= blur.flip <= blur.values[place]
    assert np.interp(blur.flip, blur.values, blur.logits) == pytest.approx(before / 2)
    assert curves["crop"].flip is None
    assert len(curves["crop"].values) == 17
    assert curves["resize"].values[-1] == 0.5
    at_once = next(curve for curve in score_curves(image, detector, threshold=before * 0.999) if curve.name == "jpeg")
    assert at_once.logits[0] < before * 0.999
    assert at_once.flip == 100
    small = score_curves(image[:80, :80], detector)
    assert next(curve for curve in small if curve.name == "resize").values[-1] == 0.8


def test_tiles_are_scored_each_by_itself():
    image = picture(np.random.default_rng(1), 200, 300)
    image[:100, :100] = 128
    detector = Detector(Contrast(), input="residual")
    found = tile_scores(image, detector, side=100)
    assert np.array(found.logits).shape == (2, 3)
    assert found.logits[0][0] == pytest.approx(0, abs=1e-6)
    expected = float(detector.logits([np.ascontiguousarray(image[100:200, 200:300])])[0])
    assert found.logits[1][2] == pytest.approx(expected, rel=1e-5)
    assert found.spread == pytest.approx(np.std(found.logits, ddof=1))
    assert tile_scores(image[:150, :150], detector, side=100) is None


@pytest.fixture(scope="module")
def detector():
    return make_detector(input="coherence", early_down=2, seed=0).eval()


def causes_of(image, detector, jpeg=None):
    path = integrate_path(image, detector, steps=2, most_steps=2)
    return {cause.name: cause for cause in other_causes(image, jpeg, path)}


@pytest.mark.long
def test_a_photograph_has_no_other_cause(detector):
    image = np.ascontiguousarray(skimage.data.coffee()[:384, :512])
    found = causes_of(image, detector)
    assert found["resampling"].found is False
    assert found["moiré and texture"].found is None


@pytest.mark.long
def test_jpeg_is_found_by_its_tables_and_by_its_grid(detector):
    image = np.ascontiguousarray(skimage.data.coffee()[:384, :512])
    tables = read_jpeg_tables(encoded(image, "JPEG", quality=70))
    found = causes_of(image, detector, tables)["JPEG"]
    assert found.found
    assert "quality 70" in found.says
    before = causes_of(JPEG(40)(image), detector)["JPEG"]
    assert before.found
    assert "it was one before" in before.says


@pytest.mark.long
def test_resampling_is_found_with_its_period(detector):
    small = np.ascontiguousarray(skimage.data.astronaut()[:400, :400])
    found = causes_of(np.ascontiguousarray(Resize(1.25, "bilinear")(small)[:384, :384]), detector)["resampling"]
    assert found.found
    assert "0.200 cycles" in found.says or "0.2" in found.says


@pytest.mark.long
def test_lines_of_colour_alone_are_named(detector):
    class AtNyquistOfColour(nn.Module):
        def __init__(self, plane):
            super().__init__()
            self.one = nn.Parameter(torch.ones(1))
            self.plane = plane

        def forward(self, z):
            return (self.one * z[:, self.plane, 0, 0])[:, None]

    image = picture(np.random.default_rng(2), 128, 128).astype(np.int16)
    image[::2, ::2, 0] += 8
    image = np.clip(image, 0, 255).astype(np.uint8)
    for plane, expected in ((1, True), (0, False)):
        given = Detector(AtNyquistOfColour(plane), input="coherence")
        path = integrate_path(image, given)
        causes = {cause.name: cause for cause in other_causes(image, None, path)}
        assert causes["colour interpolation"].found is expected
    pixels = integrate_path(image, make_detector(input="residual", seed=0), steps=2, most_steps=2)
    causes = {cause.name: cause for cause in other_causes(image, None, pixels)}
    assert causes["colour interpolation"].found is None


@pytest.mark.long
def test_small_images_are_not_judged(detector):
    found = causes_of(picture(np.random.default_rng(3), 96, 96), detector)
    assert found["JPEG"].found is None
    assert found["resampling"].found is None
    assert "lattice of tiles" not in found
