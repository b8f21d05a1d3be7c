"""Against scikit-learn, brute force, and cases known by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    roc_auc_score,
)

from freqforensics.evaluation import (
    PUBLISHED_AP,
    W20_GENERATORS,
    bootstrap_interval,
    class_mean_ap,
    evaluate_logits,
    fit_temperature,
    fit_threshold,
    mean_ap,
    mean_over_seeds,
)


def scores(rng, real=300, fake=200, shift=1.0, ties=False):
    x = np.concatenate([rng.normal(0, 1, real), rng.normal(shift, 1.5, fake)])
    y = np.arange(real + fake) >= real
    return (np.round(x, 1) if ties else x), y


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.7])
def test_scikit_learn_agrees(rng, ties, threshold):
    x, y = scores(rng, ties=ties)
    found = evaluate_logits(x, y, threshold=threshold)
    called = x > threshold
    probability = 1 / (1 + np.exp(-x))
    expected = {
        "ap": average_precision_score(y, x),
        "auc": roc_auc_score(y, x),
        "accuracy": accuracy_score(y, called),
        "balanced_accuracy": balanced_accuracy_score(y, called),
        "real_accuracy": (~called)[~y].mean(),
        "fake_accuracy": called[y].mean(),
        "brier": brier_score_loss(y, probability),
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-12), name
    assert (found.real, found.fake) == (300, 200)


def rates(x, y, threshold):
    return (x[~y] >= threshold).mean(), (x[y] >= threshold).mean()


@pytest.mark.parametrize("seed", range(8))
def test_rates_agree_with_every_threshold_tried_by_hand(seed):
    rng = np.random.default_rng(seed)
    x, y = scores(rng, real=150 + 700 * (seed % 2), fake=80, ties=seed > 4)
    found = evaluate_logits(x, y)
    points = [(0.0, 0.0)] + [rates(x, y, threshold) for threshold in sorted(np.unique(x), reverse=True)]
    for limit, value in ((0.05, found.tpr_at_5), (0.01, found.tpr_at_1), (0.001, found.tpr_at_01)):
        assert value == pytest.approx(max(tpr for fpr, tpr in points if fpr <= limit))
    # Walk the curve's straight pieces in small steps until false positives outnumber misses.
    dense = [
        (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
        for a, b in itertools.pairwise(points)
        for t in np.linspace(0, 1, 201)
    ]
    brute = next(fpr for fpr, tpr in dense if fpr >= 1 - tpr - 1e-12)
    assert found.eer == pytest.approx(brute, abs=2e-4)


def test_perfect_and_useless_logits():
    y = np.array([False] * 5 + [True] * 5)
    perfect = evaluate_logits(np.where(y, 3.0, -3.0), y)
    assert (perfect.ap, perfect.auc, perfect.eer, perfect.tpr_at_01, perfect.accuracy) == (1, 1, 0, 1, 1)
    useless = evaluate_logits(np.zeros(10), y)
    assert (useless.auc, useless.eer, useless.tpr_at_1) == (0.5, 0.5, 0)


def test_saturated_logits_are_not_tied():
    """Their float32 sigmoids are all 1; their order is perfect."""
    x = np.array([18.0, 19.0, 20.0, 21.0, 22.0, 23.0], np.float32)
    y = np.array([False, False, False, True, True, True])
    assert len(np.unique((1 / (1 + np.exp(-x))).astype(np.float32))) == 1
    found = evaluate_logits(x, y)
    assert (found.ap, found.auc) == (1, 1)
    assert found.oracle_accuracy == 1
    assert 20 < found.oracle_threshold < 21
    assert found.accuracy == 0.5


@pytest.mark.parametrize("criterion", ["accuracy", "balanced_accuracy"])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_fitted_one(criterion, seed):
    x, y = scores(np.random.default_rng(seed), real=60, fake=25, ties=seed > 2)

    def quality(threshold):
        called = x > threshold
        return accuracy_score(y, called) if criterion == "accuracy" else balanced_accuracy_score(y, called)

    fitted = fit_threshold(x, y, criterion=criterion)
    tried = np.concatenate([np.unique(x), np.unique(x) + 1e-9, np.unique(x) - 1e-9])
    assert quality(fitted) == pytest.approx(max(quality(t) for t in tried))
    assert fitted not in x


def test_the_temperature_undoes_a_scaling(rng):
    x = rng.normal(0, 2, 20000)
    y = rng.random(20000) < 1 / (1 + np.exp(-x))
    assert fit_temperature(x, y) == pytest.approx(1, abs=0.06)
    assert fit_temperature(5 * x, y) == pytest.approx(5 * fit_temperature(x, y), rel=1e-4)
    assert evaluate_logits(x, y).ece < 0.02
    assert evaluate_logits(5 * x, y).ece > 0.1


def test_calibration_error_by_hand():
    """Ten images said to be fake at 0.8, of which six are: 0.2 off; ten at 0.1, of which one is: 0."""
    logit = np.log([0.8 / 0.2, 0.1 / 0.9])
    x = np.repeat(logit, 10)
    y = np.array([True] * 6 + [False] * 4 + [True] + [False] * 9)
    assert evaluate_logits(x, y).ece == pytest.approx(0.1)


def test_class_means_are_not_pooled(rng):
    """Two categories, perfect each by itself, with logits of different level."""
    x = np.array([0, 0.1, 1, 1.1, 5, 5.1, 6, 6.1])
    y = np.array([0, 0, 1, 1, 0, 0, 1, 1], bool)
    names = ["car"] * 4 + ["cat"] * 4
    assert class_mean_ap(x, y, names) == 1
    assert evaluate_logits(x, y).ap < 0.9
    with pytest.raises(ValueError, match="category 'cat' has only fake"):
        class_mean_ap(x, [0, 0, 1, 1, 1, 1, 1, 1], names)


@pytest.mark.long
def test_bootstrap_intervals_cover(rng):
    """Nominal 90 % intervals of the accuracy cover the truth in about 90 % of experiments."""
    truth = scipy.stats.norm.cdf(0.5)
    covered = 0
    for _ in range(100):
        y = np.arange(120) >= 60
        x = np.where(y, 1, -1) * rng.normal(0.5, 1, 120)
        interval = bootstrap_interval(
            lambda a, b: float(((a > 0) == b).mean()), x, y, rng=rng, resamples=200, level=0.9
        )
        assert interval.low <= interval.value <= interval.high
        covered += interval.low <= truth <= interval.high
    assert 80 <= covered <= 98


def test_clusters_widen_the_interval(rng):
    """Twenty categories of forty images with a common shift each: hardly more than twenty independent numbers."""
    shift = rng.normal(0, 2, 20)
    names = np.repeat([f"c{i:02d}" for i in range(20)], 40)
    y = np.tile([False, True], 400)
    x = np.repeat(shift, 40) + np.where(y, 0.5, -0.5) + rng.normal(0, 0.3, 800)

    def width(clusters):
        found = bootstrap_interval(
            lambda a, b: float(((a > 0) == b).mean()),
            x,
            y,
            rng=np.random.default_rng(0),
            clusters=clusters,
            resamples=300,
        )
        return found.high - found.low

    assert width(list(names)) > 1.5 * width(None)


def test_seeds_have_a_mean_and_a_spread(rng):
    runs = [evaluate_logits(*scores(np.random.default_rng(seed))) for seed in range(4)]
    mean, spread = mean_over_seeds(runs)["ap"]
    assert mean == pytest.approx(np.mean([run.ap for run in runs]))
    assert spread == pytest.approx(np.std([run.ap for run in runs], ddof=1))
    assert np.isnan(mean_over_seeds(runs[:1])["ap"][1])


def test_the_published_mean_is_over_eleven_generators_and_no_fewer():
    for recipe, published in (("blur+jpeg-0.5", 90.8), ("blur+jpeg-0.1", 92.6)):
        assert mean_ap(PUBLISHED_AP[recipe]) == pytest.approx(published, abs=0.05)
    own = dict.fromkeys(W20_GENERATORS, 0.5)
    own["sitd"] = own.pop("seeingdark")
    assert mean_ap({**own, "stylegan2": 1.0}) == 0.5
    own.pop("san")
    assert mean_ap(own) is None


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ([1.0, 2.0], [True], r"one shape \(N,\)"),
        ([1.0, np.nan], [True, False], "1 of 2 logits are not finite"),
        ([1.0, 2.0], [True, True], "real and fake images"),
        ([], [], "real and fake images"),
        ([1.0, 2.0], [1, 2], "0 and 1"),
    ],
)
def test_bad_input_is_named(x, y, said):
    with pytest.raises(ValueError, match=said):
        evaluate_logits(x, y)
