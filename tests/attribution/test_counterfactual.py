"""Frequencies taken out: of spectra, of images, and of a detector's decision whose reason is known."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from networks import thin_networks
from scipy import fft
from torch import nn

from freqforensics.attribution import (
    band_stops,
    band_values,
    exact_logits,
    flipping_set,
    fourier_deletion,
    fourier_map,
    integrate_path,
    lattice_lines,
    notch,
    notched,
    occlusion_map,
    randomisation,
    ranked_lines,
    region_blur,
)
from freqforensics.attribution.notches import (
    dense_reach,
    rounded,
)
from freqforensics.detector import Detector, make_detector
from freqforensics.spectra import notch_mask

PLANTED = (0.25, 0.125)


def waves(shape, fx, fy, phase, amplitude):
    rows, columns = np.indices(shape)
    return amplitude * np.cos(2 * np.pi * (fx * columns + fy * rows) + phase)


def planted(image, phase, amplitude=4.0):
    return rounded(image + waves(image.shape[:2], *PLANTED, phase, amplitude)[..., None])


def photographs():
    return [getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea")]


def crops(images, rng, count, side=64):
    found = []
    for index in range(count):
        image = images[index % len(images)]
        row, column = (int(rng.integers(0, length - side)) for length in image.shape[:2])
        found.append(image[row : row + side, column : column + side])
    return found


@pytest.fixture(scope="module")
def grid_detector():
    """A small network trained to tell photographs with a faint wave of one frequency from those without."""
    rng = np.random.default_rng(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 12, 9, padding=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 1)
        )
        detector = Detector(network, input="residual")
        optimiser = torch.optim.Adam(detector.parameters(), 1e-2)
        from freqforensics.detector import prepare_input

        learnt = photographs()[:2]
        for _ in range(150):
            real = crops(learnt, rng, 16)
            fake = [planted(image, rng.uniform(0, 2 * np.pi)) for image in real]
            loss = nn.functional.binary_cross_entropy_with_logits(
                detector(prepare_input([*real, *fake], "residual")), torch.cat([torch.zeros(16), torch.ones(16)])
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return detector.eval()


@pytest.fixture(scope="module")
def unseen():
    return crops(photographs()[2:], np.random.default_rng(1), 10, side=96)


@pytest.mark.long
def test_the_planted_frequency_is_ranked_first_and_its_notch_flips(grid_detector, unseen):
    rng = np.random.default_rng(2)
    fakes = [planted(image, rng.uniform(0, 2 * np.pi)) for image in unseen]
    # It has learnt what it was to learn: one of the ten has whiskers all over.
    assert (grid_detector.logits(unseen) < 0).sum() >= 9
    assert (grid_detector.logits(fakes) > 0).all()
    for fake, logit in zip(fakes, grid_detector.logits(unseen), strict=True):
        if logit >= 0:
            continue
        path = integrate_path(fake, grid_detector)
        assert path.complete
        order = ranked_lines(fourier_map(path, tile=32))
        assert order[0] in (PLANTED, (-PLANTED[0], -PLANTED[1]))
        best = max(band_values(path), key=lambda band: band.value)
        assert best.low <= np.hypot(*PLANTED) < best.high
        found = notch(fake, grid_detector, order[:1], nulls=100)
        assert found.after < 0 < found.before
        assert found.after_rounded < 0
        # Of one line there are no more controls.
        assert found.nulls == 39
        assert found.p_value == pytest.approx(1 / 40)
        assert found.z < -5
        flip = flipping_set(fake, grid_detector, order, threshold=0.0)
        assert flip.lines == order[:1]


@pytest.mark.long
def test_a_notch_that_does_not_matter_is_compared_with_fewer_controls(grid_detector, unseen):
    fake = planted(unseen[0], 1.0)
    matters = notch(fake, grid_detector, [PLANTED], nulls=30, first_look=10)
    assert (matters.nulls, matters.p_value) == (30, pytest.approx(1 / 31))
    looks = [notch(fake, grid_detector, [line], nulls=30, first_look=10) for line in lattice_lines(32)[100:400:40]]
    assert {10, 30} == {found.nulls for found in [*looks, matters]}
    for found in looks:
        assert (found.nulls == 10) == (found.p_value > 0.2) or found.nulls == 30
    known = notch(fake, grid_detector, [PLANTED], nulls=0, before=matters.before)
    assert known.change == pytest.approx(matters.change, rel=1e-6)


@pytest.mark.long
def test_deletion_finds_that_order_better_than_chance(grid_detector, unseen):
    fake = planted(unseen[0], 1.0)
    order = ranked_lines(fourier_map(integrate_path(fake, grid_detector), tile=32))
    found = fourier_deletion(fake, grid_detector, order, controls=9)
    assert found.gain > 1
    assert found.insertion_gain > 0
    assert found.p_value == pytest.approx(0.1)
    assert found.before == pytest.approx(float(grid_detector.logits([fake])[0]), rel=1e-4)
    only_out = fourier_deletion(fake, grid_detector, order, controls=9, insert=False)
    assert (only_out.inserted, only_out.inserted_at_random, only_out.insertion_gain) == ((), (), None)
    np.testing.assert_allclose(only_out.deleted, found.deleted, rtol=1e-5)
    few = fourier_deletion(fake, grid_detector, order, controls=9, insertions=2)
    assert len(few.deleted_at_random) == 9
    np.testing.assert_allclose(few.inserted_at_random, found.inserted_at_random[:2], rtol=1e-5)
    with pytest.raises(ValueError, match="insertions must be from 1 to the 9 controls, got 12"):
        fourier_deletion(fake, grid_detector, order, controls=9, insertions=12)
    backwards = fourier_deletion(fake, grid_detector, order[::-1], controls=9)
    assert backwards.gain < found.gain / 3
    assert backwards.p_value > 0.1
    with pytest.raises(ValueError, match="empty"):
        fourier_deletion(fake, grid_detector, ())


@pytest.mark.long
def test_a_decision_without_peaks_is_said_not_to_rest_on_them(unseen):
    class Brightness(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return self.scale * x.mean(dim=(1, 2, 3))[:, None]

    detector = Detector(Brightness(), input="rgb")
    found = notch(planted(unseen[0], 0.0), detector, [PLANTED], nulls=40)
    assert abs(found.change) < 1e-3
    assert found.p_value > 0.02
    assert flipping_set(unseen[0], detector, lattice_lines(8), threshold=-10.0) is None


@pytest.mark.parametrize("shape", [(64, 96), (63, 97)])
@pytest.mark.parametrize("line", [(0.25, 0.125), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (-0.25, 0.25), (0.0, 0.25)])
def test_a_notch_takes_a_line_down_to_its_surroundings_and_nothing_else(shape, line):
    rng = np.random.default_rng(5)
    plain = rng.normal(128, 5, (*shape, 3))
    wavy = plain + waves(shape, *line, 0.3, 8.0)[..., None]
    made = notched(wavy, [line])
    before, after = (np.abs(fft.fft2(image, axes=(0, 1))) for image in (wavy, made))
    mask = notch_mask(shape, [line])
    whole = np.zeros(shape, bool)
    whole[:, : shape[1] // 2 + 1] = mask
    rows, columns = np.nonzero(mask)
    whole[-rows % shape[0], -columns % shape[1]] = True
    assert before[whole].max() > 20 * np.median(before)
    # Between bins a line spreads beyond what is notched, and its surroundings hold some of it.
    assert after[whole].max() < (1.5 if shape == (64, 96) else 2.5) * np.median(before)
    np.testing.assert_allclose(after[~whole], before[~whole], rtol=2e-3, atol=0.5)
    assert made.mean() == pytest.approx(wavy.mean(), abs=1e-3)
    phases = np.angle(fft.fft2(made, axes=(0, 1)) * np.conj(fft.fft2(wavy, axes=(0, 1))))[whole]
    assert np.abs(phases).max() < 0.05


def test_notch_masks_mirror_and_leave_the_mean():
    mask = notch_mask((16, 16), [(0.25, -0.25)], reach=0)
    assert {(int(r), int(c)) for r, c in np.argwhere(mask)} == {(12, 4)}
    assert {(int(r), int(c)) for r, c in np.argwhere(notch_mask((16, 16), [(0, 0.25)], reach=0))} == {(4, 0), (12, 0)}
    assert not notch_mask((16, 16), [(0.0, 0.0)])[0, 0]
    assert notch_mask((16, 16), lattice_lines(16), reach=0).sum() == 16 * 9 - 1


@pytest.mark.parametrize("side", [64, 96, 128])
def test_many_lines_of_a_small_image_can_be_taken_out(side):
    rng = np.random.default_rng(6)
    image = rng.normal(128, 3, (side, side, 3)) + waves((side, side), 0.25, 0.25, 0, 6)[..., None]
    lines = lattice_lines(32)
    made = notched(image, lines, reach=dense_reach((side, side)))
    before, after = (np.abs(fft.rfft2(given[..., 0]))[side // 4, side // 4] for given in (image, made))
    assert after < before / 5


def test_lattices_hold_each_pair_once():
    for denominator in (2, 3, 4, 8):
        lines = lattice_lines(denominator)
        both = {(fx % 1, fy % 1) for fx, fy in lines} | {(-fx % 1, -fy % 1) for fx, fy in lines}
        assert len(both) == denominator**2 - 1
        own = sum((2 * fx) % 1 == 0 == (2 * fy) % 1 for fx, fy in lines)
        assert 2 * len(lines) - own == denominator**2 - 1


@pytest.mark.long
def test_bands_and_regions_are_changed_where_they_are(unseen):
    detector = make_detector(input="residual", seed=0)
    stops = band_stops(unseen[0], detector)
    assert len(stops) == 8
    variance = ((unseen[0] - unseen[0].mean(axis=(0, 1))) ** 2).mean()
    assert sum(stop.energy for stop in stops) == pytest.approx(variance, rel=1e-3)
    found = region_blur(unseen[0], detector, (10, 20, 40, 60))
    assert found.energy < variance
    assert found.what == "rows 10 to 40, columns 20 to 60"
    with pytest.raises(ValueError, match="96 rows and 96 columns"):
        region_blur(unseen[0], detector, (10, 20, 10, 60))
    assert detector.training


@pytest.mark.long
def test_exact_logits_are_those_of_whole_numbers(unseen):
    for kind in ("rgb", "residual", "coherence"):
        detector = make_detector(input=kind, early_down=2, seed=0)
        found = exact_logits([image.astype(np.float32) for image in unseen[:1]], detector, unseen[0])
        np.testing.assert_allclose(found, detector.logits(unseen[:1]), rtol=1e-4)


@pytest.mark.long
def test_maps_of_random_weights_are_compared_stage_by_stage(unseen):
    with thin_networks():
        detector = make_detector(input="coherence", early_down=2, seed=0)
    before = {name: value.clone() for name, value in detector.state_dict().items()}

    def explain(given):
        return {"plane": fourier_map(integrate_path(unseen[0], given, steps=2, most_steps=2))}

    found = randomisation(detector, explain)["plane"]
    assert found.stages == ("fc", "layer4", "layer3", "layer2", "layer1", "conv1")
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    same = randomisation(detector, lambda d: {"same": np.arange(12.0)}, stages=("fc",))["same"]
    assert same.likeness == (1.0,)
    assert not same.destroyed
    once = randomisation(detector, lambda d: {"one": occlusion_map(unseen[0], d, window=48)}, cascading=False)["one"]
    assert len(once.likeness) == 1
    with pytest.raises(ValueError, match="has no layer9"):
        randomisation(detector, lambda d: {"x": np.arange(4.0)}, stages=("layer9",))
