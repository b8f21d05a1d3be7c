"""Images that are no files: every layout and range that can be told, and a refusal of the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import freqforensics as ff
from freqforensics.images import as_image
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec

LEVELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
PLANES = np.ascontiguousarray(LEVELS.transpose(2, 0, 1))


@pytest.mark.parametrize(
    "image",
    [
        LEVELS,
        PLANES,
        LEVELS[None],
        LEVELS.astype(np.float64) / 255,
        PLANES.astype(np.float32) / 255,
        Image.fromarray(LEVELS),
        torch.from_numpy(LEVELS),
        torch.from_numpy(PLANES)[None],
        torch.from_numpy(PLANES).float().div(255).requires_grad_(),
    ],
)
def test_every_form_gives_the_same_grey_levels(image):
    result = as_image(image)
    assert (result.dtype, result.shape) == (np.uint8, (40, 60, 3))
    assert (result == LEVELS).all()


@pytest.mark.parametrize("grey", [LEVELS[..., 0], LEVELS[..., :1], PLANES[:1], Image.fromarray(LEVELS[..., 0])])
def test_grey_becomes_three_equal_colours(grey):
    assert (as_image(grey) == LEVELS[..., :1]).all()


def test_what_is_declared_is_taken():
    assert (as_image(LEVELS.astype(np.int64), values="levels") == LEVELS).all()
    assert (as_image(np.float32([[0, 1], [1, 0]]), values="unit")[..., 0] == [[0, 255], [255, 0]]).all()
    small = LEVELS[:3]
    assert (as_image(small, layout="HWC") == small).all()
    assert as_image(small, layout="CHW").shape == (60, 3, 3)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (LEVELS.astype(np.float32), "values must be given, 'unit' .* got float32 from 0 to 255"),
        (LEVELS.astype(np.int32), "values must be given, .* got int32"),
        (np.zeros((9, 9)), "values must be given, .* got float64 from 0 to 0"),
        (np.full((9, 9), -0.5), "values must be given, .* from -0.5 to -0.5"),
        (np.full((9, 9), np.nan), "image must be finite"),
        (LEVELS[:3], r"layout must be given, HWC or CHW: it cannot be told from shape \(3, 60, 3\)"),
        (np.zeros((9, 9, 4), np.uint8), "image must have 1 or 3 channels, .*; leave alpha out"),
        (np.zeros((2, 9, 9, 3), np.uint8), "image must be one image, got 2 of them"),
        (np.zeros(9, np.uint8), "image must be .* got shape"),
        (np.zeros((9, 9), bool), "image must be of numbers, got bool"),
        (Image.new("RGBA", (9, 9)), "image must be RGB or grey, got mode RGBA"),
    ],
)
def test_what_cannot_be_told_is_refused(image, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        as_image(image)


def test_other_things_are_no_images():
    with pytest.raises(TypeError, match=r"^image must be an array, a tensor or a picture of PIL, got list$"):
        as_image([[0, 1]])
    with pytest.raises(TypeError, match=r"^image must be a path, an array, a tensor or a picture of PIL, got int$"):
        ff.inspect(3)


def test_spectra_of_arrays_are_those_of_their_accumulator():
    images = np.random.default_rng(1).integers(0, 256, (5, 48, 48, 3), np.uint8)
    spec = SpectrumSpec(size=32)
    expected = SpectrumAccumulator(spec).update(images).result()
    for form in (images, list(images), [Image.fromarray(image) for image in images], torch.from_numpy(images)):
        spectrum = ff.mean_spectrum(form, spec=spec)
        assert spectrum.images == 5
        np.testing.assert_allclose(spectrum.power, expected.power, rtol=1e-6)
    assert ff.mean_spectrum(images, spec=spec, limit=2).images == 2
    with pytest.raises(ValueError, match=r"^records must hold several images, got shape \(48, 48, 3\): give one"):
        ff.mean_spectrum(images[0], spec=spec)


@pytest.mark.long
def test_the_front_door_shows_public_names_only():
    import subprocess
    import sys

    names = subprocess.run(
        [sys.executable, "-c", "import freqforensics as ff; ff.mean_spectrum; ff.wrap; print(*dir(ff))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"wrap", "as_image", "load_miniature", "simulate", "load_detector", "inspect"} <= set(names)
    assert not {"np", "lazy_loader", "studies", "cli", "annotations"} & set(names)


@pytest.mark.long
def test_weights_that_ship_are_loaded_by_name():
    assert ff.load_detector("miniature-resnet50").input == "coherence"
