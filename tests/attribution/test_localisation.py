"""Maps of frequencies against lattices that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pictures import picture
from torch import nn

from freqforensics.attribution import (
    cam_spectrum,
    exact_logits,
    fourier_map,
    grad_cam,
    integrate_path,
    lattice_lines,
    lattice_localisation,
    lime_by_frequency,
    notched,
    occlusion_by_frequency,
)
from freqforensics.detector import Detector, make_detector

SIDE = 32
LATTICE = lattice_lines(4)


def plane_of(values):
    """A plane that has values at lines, half at each mirror image."""
    plane = np.zeros((SIDE, SIDE))
    for (fx, fy), value in values.items():
        places = {(round(s * fy * SIDE) % SIDE, round(s * fx * SIDE) % SIDE) for s in (1, -1)}
        for place in places:
            plane[place] += value / len(places)
    return np.fft.fftshift(plane)


def test_scores_of_a_map_by_hand():
    values = {LATTICE[0]: 3.0, LATTICE[1]: 2.0, (3 / 32, 5 / 32): 4.0, (7 / 32, 1 / 32): 1.0, (1 / 32, 0.0): -9.0}
    scores = lattice_localisation(plane_of(values), LATTICE)
    assert not scores.hit
    assert scores.mass == pytest.approx(5 / 10)
    # Nine places: four are taken, five are shared out among what is left at 0, of which seven are on the lattice.
    assert scores.rank == pytest.approx((2 + 5 * 7 / (513 - 5)) / 9)
    assert scores.area == pytest.approx(9 / 513)
    assert lattice_localisation(plane_of({LATTICE[0]: 3.0}), [tuple(-f for f in LATTICE[0])]).hit


def test_a_constant_map_scores_like_chance():
    scores = lattice_localisation(np.ones((SIDE, SIDE)), lattice_lines(8))
    assert not scores.hit
    # Both of a pair have one; (1/2, 0), (0, 1/2) and (1/2, 1/2), which are on this lattice, have no mirror image.
    assert scores.mass == pytest.approx(63 / 1023)
    assert scores.rank == pytest.approx(30 / 510)
    assert scores.area == pytest.approx(33 / 513)
    assert lattice_localisation(np.zeros((SIDE, SIDE)), LATTICE).mass == 0


def test_what_is_no_lattice_is_refused():
    for lattice, reason in (((), "empty"), ([(0.0, 0.0)], "other than 0"), ([(0.3, 0.0)], "multiples of 1/32")):
        with pytest.raises(ValueError, match=reason):
            lattice_localisation(np.ones((SIDE, SIDE)), lattice)


class Readout(nn.Module):
    """The log coherence at the lattice, and a little of everything else."""

    def __init__(self):
        super().__init__()
        mask = torch.from_numpy(plane_of(dict.fromkeys(LATTICE, 1.0)) != 0).float()
        noise = 0.01 * torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        self.weights = nn.Parameter(mask * 0.3 + noise)

    def forward(self, x):
        return (self.weights * x).sum(dim=(1, 2, 3))[:, None]


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(0)
    rows, columns = np.indices((96, 96))
    waves = sum(np.cos(2 * np.pi * (fx * columns + fy * rows) + rng.uniform(0, 7)) for fx, fy in LATTICE)
    return np.clip(np.rint(128 + rng.normal(0, 4, (96, 96, 3)) + waves[..., None]), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def detector():
    return Detector(Readout(), input="coherence").eval()


@pytest.mark.long
def test_maps_find_what_a_detector_rests_on(image, detector):
    """The network is linear in the log coherence of each frequency, so each method can find its weights."""
    chance = 9 / 513
    path = fourier_map(integrate_path(image, detector), tile=SIDE)
    occluded = occlusion_by_frequency(image, detector)
    for plane in (path, occluded):
        scores = lattice_localisation(plane, LATTICE)
        assert scores.hit
        assert scores.mass > 20 * chance
        assert scores.rank > 0.7
    lime = lattice_localisation(lime_by_frequency(image, detector, samples=600), LATTICE)
    assert lime.mass > 5 * chance


def test_occlusion_is_one_notch_after_the_other(image, detector):
    plane = occlusion_by_frequency(image, detector)
    assert plane.shape == (SIDE, SIDE)
    np.testing.assert_allclose(plane[1:, 1:], plane[1:, 1:][::-1, ::-1], rtol=1e-12)
    before, after = exact_logits([image.astype(np.float32), notched(image, [LATTICE[4]], reach=0)], detector, image)
    fx, fy = LATTICE[4]
    row, column = round(fy * SIDE) % SIDE, round(fx * SIDE) % SIDE
    shifted = np.fft.ifftshift(plane)
    both = shifted[row, column] + shifted[-row % SIDE, -column % SIDE]
    # The level around differs: there it is taken from what lies between all multiples of 1/32.
    assert both == pytest.approx(before - after, rel=0.35)
    assert plane[SIDE // 2, SIDE // 2] == 0


def test_lime_is_drawn_from_its_seed_alone(image, detector):
    state = torch.get_rng_state()
    first, second = (lime_by_frequency(image, detector, samples=40, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert not np.array_equal(first, lime_by_frequency(image, detector, samples=40, seed=4))


def test_grad_cam_of_frequencies_is_enlarged_and_of_places_transformed(rng):
    image = picture(rng, 96, 96)
    seen = make_detector(input="coherence", early_down=2, seed=0)
    plane = cam_spectrum(image, seen)
    assert plane.shape == (SIDE, SIDE)
    cam = grad_cam(image, seen)
    assert plane.max() == pytest.approx(cam.max(), rel=0.2, abs=1e-6)
    placed = cam_spectrum(image, make_detector(input="residual", seed=0))
    assert placed.shape == (SIDE, SIDE)
    assert placed.argmax() == (SIDE // 2) * SIDE + SIDE // 2  # a map of places is smooth
    assert (placed >= 0).all()
