"""The p-values of deletion and of notches, where nothing is to be found and where something was planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from freqforensics.attribution import fourier_deletion, lattice_lines, notch
from freqforensics.detector import Detector

SIDE = 96
TILE = 32
LINES = lattice_lines(TILE)
LATTICE = tuple(line for line in lattice_lines(8) if all(line))[::4]
"""Off the axes, where an image's borders leave lines of their own."""


class Readout(nn.Module):
    """A weighted sum of the log coherence, of a lattice more than of anything else."""

    def __init__(self, generator, lines, weight):
        super().__init__()
        weights = 0.02 * torch.randn(3, TILE, TILE, generator=generator)
        for fx, fy in lines:
            for sign in (1, -1):
                row, column = (round(sign * f * TILE) + TILE // 2 for f in (fy, fx))
                weights[:, row % TILE, column % TILE] += weight
        self.weights = nn.Parameter(weights)

    def forward(self, x):
        return (self.weights * x).sum(dim=(1, 2, 3))[:, None]


class Power(nn.Module):
    """The mean square of the input, whatever its frequencies."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(100.0))

    def forward(self, x):
        return self.factor * (x**2).mean(dim=(1, 2, 3))[:, None]


def readout(seed, lines=LATTICE, weight=0.3):
    return Detector(Readout(torch.Generator().manual_seed(seed), lines, weight), input="coherence").eval()


def random_network(seed, kind):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        last = [nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(512, 1)]
        network = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), *last)
    return Detector(network, input=kind).eval()


def detector_of(seed):
    """One that looks for a lattice, or one of random weights that sees frequencies or pixels."""
    if seed % 3 == 0:
        return readout(seed)
    return random_network(seed, "coherence" if seed % 3 == 1 else "residual")


def with_lattice(rng, amplitude=1.0, lines=LATTICE):
    """A picture whose tiles have waves in common."""
    rows, columns = np.indices((SIDE, SIDE))
    waves = sum(
        amplitude * np.cos(2 * np.pi * (fx * columns + fy * rows) + rng.uniform(0, 2 * np.pi)) for fx, fy in lines
    )
    smooth = gaussian_filter(rng.normal(0, 1, (SIDE, SIDE, 3)), (4, 4, 0), mode="wrap")
    image = 128 + 30 * smooth / smooth.std() + rng.normal(0, 3, smooth.shape) + waves[..., None]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def drawn(rng, count):
    return [LINES[index] for index in rng.permutation(len(LINES))[:count]]


@pytest.mark.long
def test_a_random_order_passes_deletion_as_often_as_the_p_value_says(simulations, record):
    hits = []
    for seed in range(simulations(60, 400)):
        rng = np.random.default_rng([1, seed])
        order = drawn(rng, int(rng.integers(10, 400)))
        result = fourier_deletion(
            with_lattice(rng), detector_of(seed), order, counts=(1, 4, 16, 64), controls=9, rng=rng
        )
        hits.append(result.p_value <= 0.1 + 1e-9)
    # The rank is exactly uniform: neither more nor, over many, fewer.
    record.at_most("deletion, p <= 0.1", "random order of frequencies", 0.1, sum(hits), len(hits))
    record.at_least("deletion, p <= 0.1", "random order of frequencies", 0.1, sum(hits), len(hits))


@pytest.mark.long
def test_the_order_of_a_planted_lattice_passes_deletion(simulations, record):
    hits = []
    for seed in range(simulations(10, 100)):
        rng = np.random.default_rng([2, seed])
        order = [*(LATTICE[index] for index in rng.permutation(len(LATTICE))), *drawn(rng, 40)]
        order = list(dict.fromkeys(order))
        result = fourier_deletion(with_lattice(rng), readout(seed), order, counts=(1, 4, 16), controls=9, rng=rng)
        assert result.gain > 0
        hits.append(result.p_value <= 0.1 + 1e-9)
    record.at_least("deletion, p <= 0.1", "planted lattice first", 0.9, sum(hits), len(hits))


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 8, 33])
def test_random_lines_reach_a_p_value_as_often_as_it_says(count, simulations, record):
    hits = []
    for seed in range(simulations(40 if count == 8 else 25, 400)):
        rng = np.random.default_rng([3, count, seed])
        # With 39 controls one of twenty p-values is at most 2/40.
        result = notch(with_lattice(rng), detector_of(seed), drawn(rng, count), nulls=39, rng=rng)
        assert result.nulls == 39
        hits.append(result.p_value <= 0.05 + 1e-9)
    record.at_most("notch, p <= 0.05", f"{count} random lines", 0.05, sum(hits), len(hits))


@pytest.mark.long
def test_a_first_look_leaves_the_p_value_valid(simulations, record):
    hits, looks = [], []
    for seed in range(simulations(30, 400)):
        rng = np.random.default_rng([6, seed])
        result = notch(with_lattice(rng), detector_of(seed), drawn(rng, 8), nulls=39, first_look=9, rng=rng)
        hits.append(result.p_value <= 0.05 + 1e-9)
        looks.append(result.nulls == 9)
    assert 0.5 < np.mean(looks) < 1
    record.at_most("notch, p <= 0.05", "8 random lines, a first look at 9", 0.05, sum(hits), len(hits))


@pytest.mark.long
@pytest.mark.parametrize(("lines", "weight"), [(LATTICE[:1], 0.9), (LATTICE, 0.3)], ids=["one line", "lattice"])
def test_planted_lines_stand_out(lines, weight, simulations, record):
    """A detector's weight of one line must stand out of the sum over all lines of a control, up to 48 of weight 0.02.

    Weight 0.3 does in 77 of 100 images, also where the wave is twice as high: its controls have more lines then.
    """
    hits = []
    for seed in range(simulations(10, 100)):
        rng = np.random.default_rng([4, len(lines), seed])
        image, detector = with_lattice(rng, lines=lines), readout(seed, lines, weight)
        result = notch(image, detector, lines, nulls=39, rng=rng)
        hits.append(result.p_value <= 0.05 + 1e-9 and result.change < result.null_mean)
    planted = f"{len(lines)} planted {'line' if len(lines) == 1 else 'lines'}, weight {weight:g}"
    record.at_least("notch, p <= 0.05", planted, 0.9, sum(hits), len(hits))


@pytest.mark.long
def test_strong_lines_do_not_stand_out_of_a_detector_of_power(simulations, record):
    """Adding waves raises what taking lines out lowers; other lines of the same energy lower it as much."""
    detector = Detector(Power(), input="residual").eval()
    hits = []
    for seed in range(simulations(10, 100)):
        rng = np.random.default_rng([5, seed])
        lines = [line for line in drawn(rng, 40) if 0.2 < np.hypot(*line) < 0.5][:4]
        result = notch(with_lattice(rng, amplitude=0.5, lines=lines), detector, lines, nulls=39, rng=rng)
        assert result.null_energy == pytest.approx(result.energy, rel=0.25)
        hits.append(result.p_value <= 0.05 + 1e-9 and result.change < result.null_mean)
    record.at_most("notch, p <= 0.05", "strong lines, a detector of power", 0.05, sum(hits), len(hits))
