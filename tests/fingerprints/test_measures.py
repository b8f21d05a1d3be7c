"""Many sets compared at once give to the last bit what single pairs give by the definitions."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from freqforensics.fingerprints.fingerprint import Fingerprint, _permuted_p_values, clusters, similarity
from freqforensics.fingerprints.linkage import average_linkage
from freqforensics.fingerprints.measures import Compared, Side, coherent_bins, features
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
from freqforensics.spectra.nulls import self_conjugate_bins
from freqforensics.spectra.rings import CONTENT, bin_weights, exchanges, on_lattice, ring_of_bins, turns, without_rings

SHAPE = (32, 32)
MEASURES = ("coherent", "log_power", "peaks", "lattice")


def parts(rng, count, trace):
    made = []
    for _ in range(count):
        accumulator = SpectrumAccumulator(SpectrumSpec(size=32, residual="none"))
        accumulator.update(
            [128 + rng.normal(0, 3, SHAPE) + trace[:: rng.choice([-1, 1])] for _ in range(rng.integers(1, 9))]
        )
        made.append(accumulator.result())
    return tuple(made)


@pytest.fixture(scope="module")
def sets():
    """Sets of unlike numbers of parts, with and without real images."""
    rng = np.random.default_rng(5)
    row, column = np.indices(SHAPE)
    waves = [np.cos(2 * np.pi * (x * column + y * row)) for x, y in ((0.25, 0.25), (0.5, 0.125), (0.375, 0.0))]
    planted = [waves[0] + waves[1], waves[0] + waves[2], waves[2], 0 * waves[0]]
    sizes = [(7, 6), (5, 0), (6, 1), (1, 3)]
    return [
        Fingerprint(f"set{n}", parts(rng, fake, trace), parts(rng, real, 0.5 * waves[1]))
        for n, (trace, (fake, real)) in enumerate(zip(planted, sizes, strict=True))
    ]


def plain_features(fake, real, measure):
    """Of sides as (counts, crops, f, power, log_power) of the parts that are looked at."""
    counts, crops, f, power, log_power = fake
    if measure == "log_power":
        level = log_power.sum(axis=0) / crops.sum()
        return level if real is None else level - real[4].sum(axis=0) / real[1].sum()
    f, power, count = f.sum(axis=0), power.sum(axis=0), counts.sum()
    if measure == "peaks":
        return coherent_bins(f, power, float(count), SHAPE)
    if measure == "lattice":
        nr = np.abs(f) ** 2 / np.maximum(power, 1e-300)
        on = on_lattice(SHAPE)
        return np.where(on, np.log1p(np.maximum(0.0, nr - np.log(on.sum()))), 0.0)
    mean, variance = f / count, power / count**2
    if real is not None:
        others = real[0].sum()
        mean, variance = mean - real[2].sum(axis=0) / others, variance + real[3].sum(axis=0) / others**2
    z = mean / np.sqrt(np.maximum(variance, 1e-300))
    return z * np.maximum(0.0, 1 - np.log(CONTENT.mask(SHAPE).sum()) / np.maximum(np.abs(z) ** 2, 1e-300))


def plain_comparison(a, b, measure):
    weights = bin_weights(SHAPE)
    if measure in ("peaks", "lattice"):
        either = (weights * np.maximum(a, b)).sum()
        return (weights * np.minimum(a, b)).sum() / either if either else 0.0
    if measure == "log_power":
        a, b = without_rings(a, SHAPE), without_rings(b, SHAPE)
    norm = np.sqrt((weights * np.abs(a) ** 2).sum() * (weights * np.abs(b) ** 2).sum())
    return (weights * (a * np.conj(b)).real).sum() / norm if norm else 0.0


def mirror(values, conjugate=False):
    """Copy the first half of the columns that hold their own mirror image to the second half."""
    values = values.copy()
    for column in (0, -1):
        for row in range(1, 16):
            values[32 - row, column] = np.conj(values[row, column]) if conjugate else values[row, column]
    return values


def turned(values, rng):
    turns = np.exp(2j * np.pi * rng.random(values.shape))
    signs = np.sign(rng.random(values.shape) - 0.5)
    for row in (0, 16):
        turns[row, [0, -1]] = signs[row, [0, -1]]
    return values * mirror(turns, conjugate=True)


def exchanged(values, rng, lattice):
    """Within each ring, or the part of it that is on the lattice, bins take values by the order of random numbers."""
    numbers = rng.random(values.size)
    rows, columns = np.indices(values.shape)
    rings, on = ring_of_bins(SHAPE), on_lattice(SHAPE)
    edge = np.isin(columns, (0, 16))
    kinds = np.where(edge & (rows > 16), 2, np.where(edge & np.isin(rows, (0, 16)), 1, 0))
    permuted = np.empty_like(values).ravel()
    for kind in range(3):
        for ring in np.unique(rings):
            for part in (on, ~on) if lattice else (np.ones_like(on),):
                bins = np.flatnonzero((kinds == kind) & (rings == ring) & part)
                permuted[bins] = values.ravel()[bins[np.argsort(numbers[bins])]]
    return mirror(permuted.reshape(values.shape))


def taken(side, chosen=slice(None)):
    arrays = (side.all_counts, side.all_crops, side.all_f, side.all_power, side.all_log_power)
    return tuple(array[chosen] for array in arrays)


def plain_of(fingerprint, measure, fake_chosen=slice(None), real_chosen=slice(None)):
    fake, real = fingerprint.stacked
    return plain_features(taken(fake, fake_chosen), None if real is None else taken(real, real_chosen), measure)


def plain_pairs(planes, measure):
    values = np.eye(len(planes))
    for a, b in permutations(range(len(planes)), 2):
        values[a, b] = plain_comparison(planes[max(a, b)], planes[min(a, b)], measure)
    return values


@pytest.mark.parametrize("measure", MEASURES)
def test_features_and_comparisons(sets, measure):
    expected = [plain_of(fingerprint, measure) for fingerprint in sets]
    planes = [features(fingerprint.sides(measure), measure, SHAPE) for fingerprint in sets]
    for plane, plain in zip(planes, expected, strict=True):
        np.testing.assert_array_equal(plane, plain)
    compared = Compared.of(planes, measure, SHAPE)
    np.testing.assert_array_equal(compared.pairs(), plain_pairs(expected, measure))
    each = compared[[0, 2]].with_each(compared)
    assert each.tolist() == [[plain_comparison(expected[a], plane, measure) for plane in expected] for a in (0, 2)]
    assert len(set(each.ravel().round(6))) > 3


@pytest.mark.parametrize("measure", MEASURES)
def test_what_shares_nothing_is_not_alike(measure):
    """Neither are sets of which nothing is left."""
    nothing = np.zeros((32, 17), {"coherent": complex, "peaks": bool}.get(measure, float))
    line = nothing.copy()
    line[8, 8] = 1
    compared = Compared.of([nothing, line], measure, SHAPE)
    assert compared.with_each(compared).round(12).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("measure", MEASURES)
def test_intervals_leave_out_one_part_of_one_side(sets, measure):
    planes = [plain_of(fingerprint, measure) for fingerprint in sets]
    variance = np.zeros((len(sets), len(sets)))
    for a, fingerprint in enumerate(sets):
        for side, count in enumerate((len(fingerprint.fake), len(fingerprint.real))):
            without = [np.delete(np.arange(count), part) for part in range(count)]
            if count < 2:
                continue
            chosen = [(some, slice(None)) if side == 0 else (slice(None), some) for some in without]
            left_out = [plain_of(fingerprint, measure, *some) for some in chosen]
            for b in range(len(sets)):
                if b != a:
                    values = np.array([plain_comparison(plane, planes[b], measure) for plane in left_out])
                    variance[[a, b], [b, a]] += (count - 1) * values.var()
    result = similarity(sets, measure, permutations=1)
    reach = 1.96 * np.sqrt(variance)
    np.testing.assert_allclose(result.low, np.maximum(result.values - reach, -1), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(result.high, np.minimum(result.values + reach, 1), rtol=1e-12, atol=1e-14)
    assert (reach[~np.eye(len(sets), dtype=bool)] > 0).any()


@pytest.mark.parametrize("measure", ["coherent", "peaks", "lattice"])
def test_p_values_count_permutations_pair_by_pair(sets, measure):
    rng = np.random.default_rng(3)
    planes = [plain_of(fingerprint, measure) for fingerprint in sets]
    values = plain_pairs(planes, measure)
    beyond = np.zeros_like(values)
    for _ in range(12):
        if measure == "coherent":
            null = [turned(plane, rng) for plane in planes]
        else:
            null = [exchanged(plane, rng, measure == "lattice") for plane in planes]
        for a, b in permutations(range(len(planes)), 2):
            beyond[a, b] += plain_comparison(planes[a], null[b], measure) >= values[a, b] - 1e-12
    expected = (1 + (beyond + beyond.T) / 2) / 13
    np.fill_diagonal(expected, 1 / 13)
    result = similarity(sets, measure, permutations=12, seed=3)
    np.testing.assert_array_equal(result.p_value, expected)
    assert len(np.unique(expected)) > 1


def test_permutations_that_change_nothing_but_the_order_count_as_great():
    """The bins of a ring add up to the same in every order, but for rounding."""
    points = on_lattice(SHAPE) & (bin_weights(SHAPE) > 0) & ~self_conjugate_bins(SHAPE)
    uneven = np.where(points, np.random.default_rng(6).uniform(0.1, 3, points.shape), 0.0)
    planes = [np.where(points, 10.0, 0.0), mirror(uneven)]
    values = Compared.of(planes, "lattice", SHAPE).pairs()
    assert 0 < values[0, 1] < 0.3
    p_value = _permuted_p_values(planes, values, "lattice", SHAPE, 99, np.random.default_rng(2))
    assert p_value[0, 1] == p_value[1, 0] == 1


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_turns_and_exchanges_leave_out_nothing_that_counts(share):
    rng = np.random.default_rng(9)
    values = rng.normal(size=(32, 17)) * (rng.random((32, 17)) < share)
    for lattice in (False, True):
        draw, once, again = (
            exchanges(values, SHAPE, lattice=lattice),
            np.random.default_rng(4),
            np.random.default_rng(4),
        )
        for _ in range(3):
            np.testing.assert_array_equal(draw(once), exchanged(values, again, lattice))
    values = mirror(values * np.exp(1j * values), conjugate=True)
    draw, once, again = turns(values, SHAPE), np.random.default_rng(4), np.random.default_rng(4)
    for _ in range(3):
        np.testing.assert_array_equal(draw(once), turned(values, again))


@pytest.mark.parametrize("measure", MEASURES)
def test_support_counts_trees_of_drawn_parts(sets, measure):
    rng = np.random.default_rng(7)
    trees = []
    for _ in range(15):
        planes = []
        for fingerprint in sets:
            drawn = [np.sort(rng.integers(0, n, n)) for n in (len(fingerprint.fake), len(fingerprint.real)) if n]
            planes.append(plain_of(fingerprint, measure, *drawn))
        trees.append(average_linkage(plain_pairs(planes, measure)))
    result = clusters(sets, measure, resamples=15, seed=7)
    assert result
    for cluster in result:
        members = frozenset(int(name[3:]) for name in cluster.members)
        assert cluster.support == sum(members in tree for tree in trees) / 15


def test_sums_of_some_bins_are_those_of_all(sets):
    side = sets[0].stacked[0]
    on = on_lattice(SHAPE)
    chosen = side.drawn(np.random.default_rng(1))
    some = Side.of(sets[0].fake).at(on).drawn(np.random.default_rng(1))
    np.testing.assert_array_equal(some.f, chosen.f[on])
    np.testing.assert_array_equal(some.power, chosen.power[on])
    np.testing.assert_array_equal(side.at(on).power, side.power[on])
    np.testing.assert_array_equal(side.without(2).power, np.delete(side.all_power, 2, axis=0).sum(axis=0))
