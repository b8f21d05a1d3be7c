"""P-values and intervals of `compare`: similarities by four measures, groups, and the peak of a learning curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from simulated import COLUMNS, ROWS, SIDE, image_set, images, parts_of, wave

from freqforensics.fingerprints.fingerprint import Fingerprint, Similarity, similarity
from freqforensics.fingerprints.grouping import group
from freqforensics.fingerprints.stability import learning_curve

TILTS = np.random.default_rng(0).normal(size=(2, SIDE, SIDE // 2 + 1))
"""What two generators add to the logarithm of the power: nothing in common beyond chance."""


def pairs(
    count: int, seed: int, draw: Callable[[np.random.Generator], tuple[Fingerprint, Fingerprint]], measure: str
) -> list[Similarity]:
    return [
        similarity(draw(np.random.default_rng([seed, index])), measure, permutations=99, seed=index)
        for index in range(count)
    ]


def significant(found: list[Similarity], level: float) -> int:
    return sum(one.p_value[0, 1] <= level for one in found)


def lines(rng: np.random.Generator, amplitude: float, places: np.ndarray) -> np.ndarray:
    """Waves of random phases."""
    phases = rng.uniform(0, 2 * np.pi, len(places))
    waves = [
        np.cos(2 * np.pi * (fx * COLUMNS + fy * ROWS) + phase) for (fx, fy), phase in zip(places, phases, strict=True)
    ]
    return amplitude * np.sum(waves, axis=0)


def random_places(rng: np.random.Generator, count: int, step: int) -> np.ndarray:
    """Frequencies in the right half plane, multiples of 1 / step, off the axes and above 1/8."""
    half = step // 2
    every = [(a / step, b / step) for a in range(1, half) for b in range(1 - half, half) if b and a * a + b * b > step]
    return np.array(every)[rng.choice(len(every), count, replace=False)]


def shares_nothing(rng: np.random.Generator) -> tuple[Fingerprint, Fingerprint]:
    return image_set(rng, "a"), image_set(rng, "b")


def has_a_signature_each(rng: np.random.Generator) -> tuple[Fingerprint, Fingerprint]:
    # Drawn anew for every pair: over all pairs the signatures have nothing in common.
    tilts = rng.normal(size=TILTS.shape)
    first, second = tilts[0], tilts[1] - tilts[0] * (tilts[0] * tilts[1]).sum() / (tilts[0] ** 2).sum()
    return image_set(rng, "a", tilt=first), image_set(rng, "b", tilt=second)


def has_the_same_real_images(rng: np.random.Generator) -> tuple[Fingerprint, Fingerprint]:
    real = parts_of(images(rng, 20), 20)
    return image_set(rng, "a", real=real), image_set(rng, "b", real=real)


def shares_a_signature(rng: np.random.Generator) -> tuple[Fingerprint, Fingerprint]:
    return image_set(rng, "a", tilt=0.5 * TILTS[0]), image_set(rng, "b", tilt=0.5 * TILTS[0])


@pytest.mark.long
@pytest.mark.parametrize("draw", [shares_nothing, has_a_signature_each, has_the_same_real_images])
def test_log_powers_of_unlike_sets(simulations, record, draw):
    count = simulations(40, 1000)
    found = pairs(count, 1, draw, "log_power")
    setting = f"pair {draw.__name__.replace('_', ' ')}, 20 + 20 images each"
    for level in (0.05, 0.01):
        record.at_most(f"similarity by log power, p <= {level}", setting, level, significant(found, level), count)


def test_log_powers_of_sets_with_one_signature(simulations, record):
    count = simulations(30, 500)
    found = pairs(count, 2, shares_a_signature, "log_power")
    setting = "pair shares a signature, 20 + 20 images each"
    record.at_least("similarity by log power, power at 0.05", setting, 0.8, significant(found, 0.05), count)
    middle = np.mean([one.values[0, 1] for one in found])
    covered = sum(one.low[0, 1] <= middle <= one.high[0, 1] for one in found)
    record.at_least("similarity by log power, 95 % interval", setting, 0.95, covered, count)


@pytest.mark.long
@pytest.mark.parametrize("measure", ["coherent", "peaks", "lattice"])
def test_lines_of_unlike_sets(simulations, record, measure):
    """Each set has lines of its own; those of the coherent measure lie at equal places, with phases of their own."""
    count = simulations(30, 600)
    step = 16 if measure == "lattice" else SIDE

    def draw(rng: np.random.Generator) -> tuple[Fingerprint, Fingerprint]:
        places = [random_places(rng, 8, step) for _ in range(2)]
        if measure == "coherent":
            places[1] = places[0]
        traces = [lines(rng, 2.5, chosen) for chosen in places]
        return tuple(image_set(rng, name, trace=trace) for name, trace in zip("ab", traces, strict=True))

    found = pairs(count, 3, draw, measure)
    for level in (0.05, 0.01):
        record.at_most(
            f"similarity by {measure}, p <= {level}",
            "pair with eight lines each, not shared",
            level,
            significant(found, level),
            count,
        )


@pytest.mark.long
@pytest.mark.parametrize("measure", ["coherent", "peaks", "lattice"])
def test_lines_of_sets_with_one_lattice(simulations, record, measure):
    count = simulations(15, 200)
    trace = sum(wave(a / 8, b / 8, 2.5) for a, b in ((1, 3), (3, 1), (2, 3), (3, 2), (1, 2), (3, 3)))

    def draw(rng: np.random.Generator) -> tuple[Fingerprint, Fingerprint]:
        return image_set(rng, "a", trace=trace), image_set(rng, "b", trace=trace)

    found = pairs(count, 4, draw, measure)
    record.at_least(
        f"similarity by {measure}, power at 0.05", "pair shares six lines", 0.8, significant(found, 0.05), count
    )


def matrix(values: np.ndarray, names: list[str]) -> Similarity:
    return Similarity("log_power", tuple(names), values, values, values, np.ones_like(values))


@pytest.mark.long
@pytest.mark.parametrize("among", [False, True])
def test_groups(simulations, record, among):
    """Sets that are alike in clusters of their own, which have nothing to do with the groups; then with the groups."""
    count = simulations(150, 1000)
    names = [f"{kind}{index}" for kind in "abc" for index in range(5)]
    groups = {name: name[0] for name in names}
    others = [name for name in names if name[1] in "012"] if among else None
    p_values: dict[float, list[float]] = {0.0: [], 1.0: []}
    kinds = np.repeat(np.arange(3), 5)
    for index in range(count):
        rng = np.random.default_rng([5, index])
        own = rng.normal(size=(15, 6)) + 3 * rng.normal(size=(4, 6))[rng.integers(4, size=15)]
        directions = rng.normal(size=(3, 6))
        for strength, found in p_values.items():
            vectors = own + 6 * strength * directions[kinds]
            found.append(
                group(matrix(np.corrcoef(vectors), names), groups, among=others, permutations=199, seed=index).p_value
            )
    setting = f"15 sets in 3 groups{', two sides' if among else ''}"
    for level in (0.05, 0.01):
        record.at_most(f"groups, p <= {level}", setting, level, sum(p <= level for p in p_values[0.0]), count)
    record.at_least("groups, power at 0.05", setting, 0.8, sum(p <= 0.05 for p in p_values[1.0]), count)


@pytest.mark.long
def test_a_learning_curves_peak(simulations, record):
    count = simulations(60, 600)
    needed: dict[float, int] = {0.0: 0, 2.0: 0}
    for index in range(count):
        for amplitude in needed:
            rng = np.random.default_rng([6, index])
            made = images(rng, 30) + wave(0.25, 0.125, amplitude)
            curve = learning_curve(Fingerprint("x", parts_of(made, 30)), draws=1)
            needed[amplitude] += curve.needed is not None
    record.at_most("peak of a learning curve, 0.05", "30 images without a line", 0.05, needed[0.0], count)
    record.at_least("peak of a learning curve, power", "30 images with a line", 0.8, needed[2.0], count)
