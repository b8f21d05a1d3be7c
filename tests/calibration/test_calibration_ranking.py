"""Intervals of ranking metrics and of shares cover the population's value."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from freqforensics.evaluation import binomial_interval, bootstrap_interval, ranking_interval

GRID = np.linspace(60, -20, 40_001)
LAWS = {"normal": stats.norm(), "heavy-tailed (t3)": stats.t(3)}


def population(law: str, ap: float, share: float) -> tuple[float, dict[str, float]]:
    """How far fakes lie above photographs for a population's AP, and its other metrics: from the laws' tails."""
    tail = LAWS[law].sf
    real = tail(GRID)

    def ap_at(shift: float) -> float:
        fake = tail(GRID - shift)
        precision = share * fake / np.maximum(share * fake + (1 - share) * real, 1e-300)
        return float(np.trapezoid(precision, fake))

    shift = float(optimize.brentq(lambda d: ap_at(d) - ap, -1, 15))
    level = {rate: LAWS[law].isf(rate) for rate in (0.05, 0.01, 0.001)}
    return shift, {
        "ap": ap_at(shift),
        "auc": 1 - float(np.trapezoid(real, tail(GRID - shift))),
        "eer": float(tail(shift / 2)),  # of symmetric laws of one width
        "tpr_at_5": float(tail(level[0.05] - shift)),
        "tpr_at_1": float(tail(level[0.01] - shift)),
        "tpr_at_01": float(tail(level[0.001] - shift)),
    }


def covered(rng, law, metric, ap, fakes, reals, count):
    shift, truth = population(law, ap, fakes / (fakes + reals))
    y = np.arange(fakes + reals) < fakes
    hits = 0
    for _ in range(count):
        x = LAWS[law].rvs(size=len(y), random_state=rng) + shift * y
        interval = ranking_interval(x, y, metric=metric)
        assert interval.low <= interval.value <= interval.high
        hits += interval.low <= truth[metric] <= interval.high
    return hits


@pytest.mark.parametrize("ap", [0.6, 0.8, 0.9, 0.95, 0.98])
def test_ap(rng, simulations, record, ap):
    count = simulations(100, 2000)
    hits = covered(rng, "normal", "ap", ap, 20, 20, count)
    record.at_least("AP, 95 % interval", f"AP {ap}, 20 + 20 images", 0.95, hits, count)


@pytest.mark.parametrize(
    ("law", "ap", "fakes", "reals"),
    [
        ("normal", 0.98, 30, 30),
        ("normal", 0.9, 20, 60),
        ("normal", 0.95, 60, 20),
        ("normal", 0.9, 200, 200),
        ("heavy-tailed (t3)", 0.8, 20, 20),
        ("heavy-tailed (t3)", 0.95, 20, 20),
        ("heavy-tailed (t3)", 0.95, 100, 100),
    ],
)
def test_ap_of_other_sets(rng, simulations, record, law, ap, fakes, reals):
    count = simulations(60, 1000)
    hits = covered(rng, law, "ap", ap, fakes, reals, count)
    record.at_least("AP, 95 % interval", f"AP {ap}, {fakes} + {reals} images, {law}", 0.95, hits, count)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_ap_by_category(rng, simulations, record, spread):
    """Five categories, each of whose images share a shift."""
    count = simulations(60, 1000)
    wide, shift = np.hypot(1, spread), 1.5
    real, fake = stats.norm.sf(GRID / wide), stats.norm.sf((GRID - shift) / wide)
    truth = np.trapezoid(fake / np.maximum(fake + real, 1e-300), fake)
    y, names = np.arange(100) < 50, np.arange(100) % 5
    hits = 0
    for _ in range(count):
        x = rng.normal(size=100) + shift * y + spread * rng.normal(size=5)[names]
        interval = ranking_interval(x, y, clusters=[str(name) for name in names])
        hits += interval.low <= truth <= interval.high
    setting = f"AP {truth:.2f}, 5 categories of 10 + 10, spread between them {spread:g}"
    record.at_least("AP, 95 % interval, clustered", setting, 0.95, hits, count)


@pytest.mark.parametrize(
    ("metric", "fakes", "reals"),
    [("auc", 20, 20), ("auc", 100, 100), ("eer", 20, 20), ("eer", 100, 100), ("tpr_at_5", 20, 20),
     ("tpr_at_5", 100, 100), ("tpr_at_1", 30, 400)],
)  # fmt: skip
@pytest.mark.parametrize("ap", [0.7, 0.95])
@pytest.mark.long
def test_other_metrics(rng, simulations, record, metric, fakes, reals, ap):
    count = simulations(40, 1000)
    hits = covered(rng, "normal", metric, ap, fakes, reals, count)
    shown = {"auc": "AUC", "eer": "EER", "tpr_at_5": "TPR at 5 % FPR", "tpr_at_1": "TPR at 1 % FPR"}[metric]
    record.at_least(f"{shown}, 95 % interval", f"AP {ap}, {fakes} + {reals} images", 0.95, hits, count)


def test_auc_finds_what_is_planted(rng, simulations, record):
    count = simulations(60, 1000)
    y = np.arange(40) < 20
    hits = sum(ranking_interval(rng.normal(size=40) + 1.5 * y, y, metric="auc").low > 0.5 for _ in range(count))
    record.at_least("AUC, 95 % interval excludes 0.5", "AUC 0.86, 20 + 20 images", 0.9, hits, count)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_share(rng, simulations, record, share):
    count = simulations(500, 5000)
    intervals = [binomial_interval(int(k), 40) for k in rng.binomial(40, share, count)]
    hits = sum(low <= share <= high for low, high in intervals)
    record.at_least("share, exact 95 % interval", f"{share:g} of 40", 0.95, hits, count)


def test_bootstrap_of_an_accuracy(rng, simulations, record):
    count = simulations(40, 1000)
    truth, y = stats.norm.cdf(0.5), np.arange(240) >= 120
    hits = 0
    for _ in range(count):
        x = np.where(y, 1, -1) * rng.normal(0.5, 1, 240)
        found = bootstrap_interval(lambda a, b: float(((a > 0) == b).mean()), x, y, rng=rng, resamples=200, level=0.9)
        hits += found.low <= truth <= found.high
    record.at_least("accuracy, 90 % bootstrap interval", "accuracy 0.69, 120 + 120 images", 0.9, hits, count)
