"""Rank correlations, their pooling, and the least fake of several images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from freqforensics.quality.association import associate, least_fake_of
from freqforensics.quality.fakeness import _trend
from freqforensics.quality.pooling import summarise

TRUTH = 6 / math.pi * math.asin(0.5 / 2)
"""Spearman's correlation of a normal pair whose Pearson's is 0.5."""


def associations(rng, count, images, correlation, *, covariate=False, **options):
    """Associations of so many independent generators, each of a normal pair."""
    x, noise, c = rng.normal(size=(3, count * images))
    y = correlation * x + math.sqrt(1 - correlation**2) * noise
    names = np.repeat([f"{i:05}" for i in range(count)], images)
    if covariate:
        options["covariates"] = {"c": c}
        x, y = x + c, y + c
    return associate(
        x, {"s": y}, generators=names, labels=["fake"] * len(names), seed=int(rng.integers(2**31)), **options
    ).tests


def test_p_value(rng, simulations, record):
    count = simulations(100, 2000)
    tests = associations(rng, count, 40, 0.0, resamples=2, permutations=199)
    found = sum(test.p_value <= 0.05 for test in tests)
    record.at_most("rank correlation, p-value", "p <= 0.05, 40 images, none", 0.05, found, count)
    assert all(0 < test.p_value <= 1 for test in tests)


def test_partial_p_value(rng, simulations, record):
    count = simulations(60, 1000)
    tests = associations(rng, count, 40, 0.0, covariate=True, resamples=2, permutations=199)
    found = sum(test.partial_p_value <= 0.05 for test in tests)
    record.at_most("partial rank correlation, p-value", "p <= 0.05, 40 images, all by a covariate", 0.05, found, count)


def test_p_value_finds_a_correlation(rng, simulations, record):
    count = simulations(40, 500)
    found = sum(test.p_value <= 0.05 for test in associations(rng, count, 60, 0.5, resamples=2, permutations=199))
    record.at_least("rank correlation, p-value", "p <= 0.05, 60 images, correlation 0.5", 0.9, found, count)


@pytest.mark.parametrize("images", [40, 250])
def test_interval(rng, simulations, record, images):
    count = simulations(60, 1000)
    tests = associations(rng, count, images, 0.5, resamples=simulations(400, 1000), permutations=1)
    hits = sum(test.low <= TRUTH <= test.high for test in tests)
    record.at_least("rank correlation, 95 % interval", f"{images} images, correlation 0.5", 0.95, hits, count)


def test_partial_interval(rng, simulations, record):
    count = simulations(60, 1000)
    tests = associations(rng, count, 60, 0.0, covariate=True, resamples=simulations(400, 1000), permutations=1)
    hits = sum(test.partial_low <= 0 <= test.partial_high for test in tests)
    record.at_least("partial rank correlation, 95 % interval", "60 images, all by a covariate", 0.95, hits, count)


@pytest.mark.parametrize(("generators", "spread"), [(3, 0.0), (9, 0.0), (9, 0.3)])
def test_pooled(rng, simulations, record, generators, spread):
    """Correlations drawn around 0, each on Fisher's scale with the variance of Spearman's."""
    count, images = simulations(200, 3000), np.full(generators, 60)
    error = math.sqrt(1.06 / 57)
    hits = found = unlike = 0
    for _ in range(count):
        z = rng.normal(0, spread, generators) + rng.normal(0, error, generators)
        summary = summarise(np.tanh(z), images, generators=tuple(map(str, range(generators))))
        hits += summary.low <= 0 <= summary.high
        found += summary.p_value <= 0.05
        unlike += summary.q_p_value <= 0.05
    setting = f"{generators} generators of 60 images, spread {spread:g}"
    record.at_least("pooled correlation, 95 % interval", setting, 0.95, hits, count)
    record.at_most("pooled correlation, p-value", f"p <= 0.05, {setting}", 0.05, found, count)
    if spread:
        record.at_least("heterogeneity of correlations, p-value", f"p <= 0.05, {setting}", 0.9, unlike, count)
    else:
        record.at_most("heterogeneity of correlations, p-value", f"p <= 0.05, {setting}", 0.05, unlike, count)


def test_least_fake(rng, simulations, record):
    """Of one image, the mean; of more the interval is said to mean little."""
    count = simulations(60, 1000)
    hits = 0
    for _ in range(count):
        (found,) = least_fake_of(rng.normal(size=100), [1], resamples=300, seed=int(rng.integers(2**31)))
        hits += found.low <= 0 <= found.high
    record.at_least("least fake of k, 95 % interval", "k = 1, 100 images", 0.95, hits, count)


def test_trend(rng, simulations, record):
    """The mean logit along a score that says nothing; at an end and in the middle."""
    count, hits, points = simulations(40, 500), 0, 0
    for _ in range(count):
        _, _, low, high = _trend(rng.normal(size=60), rng.normal(size=60), rng)
        hits += int(((low[::20] <= 0) & (high[::20] >= 0)).sum())
        points += len(low[::20])
    record.at_least("mean logit along a score, pointwise 95 % interval", "60 images", 0.95, hits, points)
