"""Intervals of ranking metrics against their own parts written out, and at the ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from freqforensics.evaluation import ranking_interval
from freqforensics.evaluation.intervals import _ap_influence
from freqforensics.evaluation.proportions import auc_influence, score_interval


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize(
    ("influence", "metric"), [(_ap_influence, average_precision_score), (auc_influence, roc_auc_score)]
)
def test_influences_are_those_of_leaving_images_out(rng, influence, metric, decimals):
    for _ in range(10):
        fakes, reals = rng.integers(2, 9, 2)
        x, y = np.round(rng.normal(size=fakes + reals), decimals), np.arange(fakes + reals) < fakes
        value, found = influence(x, y)
        assert value == pytest.approx(metric(y, x))
        for image, each in enumerate(found):
            left = metric(np.delete(y, image), np.delete(x, image))
            own = fakes if y[image] else reals
            assert each == pytest.approx((own - 1) / own * (value - left), abs=1e-12)


def test_the_score_interval_is_wilsons_of_a_proportion():
    low, high = score_interval(0.7, 0.7 * 0.3 / 50, 1000, 10**6)
    expected = stats.binomtest(35, 50).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-4)
    # What the variance says beyond the number of images is not believed.
    assert score_interval(0.7, 1e-9, 50, 10**6) == pytest.approx((expected.low, expected.high), rel=1e-4)


@pytest.mark.parametrize("metric", ["ap", "auc"])
def test_a_perfect_ranking_has_a_lower_bound(metric):
    found = ranking_interval(np.arange(40), np.arange(40) >= 20, metric=metric)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(20 / (20 + stats.norm.ppf(0.975) ** 2))
    several = ranking_interval(np.arange(40), np.arange(40) >= 20, metric=metric, clusters=["a", "b"] * 20)
    assert several.low == pytest.approx(found.low)
    alone = ranking_interval([0.0, 1.0], [False, True], metric=metric)
    assert 0 < alone.low < 0.3


@pytest.mark.parametrize("metric", ["tpr_at_5", "eer"])
def test_ties_may_count_either_way(rng, metric):
    """The bounds of rounded scores hold those of any way of breaking their ties."""
    y = np.arange(160) >= 80
    x = np.round(rng.normal(np.where(y, 1.0, 0.0)))
    whole = ranking_interval(x, y, metric=metric)
    for _ in range(5):
        broken = ranking_interval(x + rng.uniform(-0.01, 0.01, 160), y, metric=metric)
        assert whole.low <= broken.low + 1e-9
        assert broken.high <= whole.high + 1e-9
    equal = ranking_interval(np.zeros(40), np.arange(40) >= 20, metric=metric)
    assert equal.high - equal.low > 0.9


def test_shared_shifts_widen_the_interval(rng):
    names = np.repeat([f"c{i:02d}" for i in range(20)], 40)
    y = np.tile([False, True], 400)
    x = np.repeat(rng.normal(0, 2, 20), 40) * np.where(y, 1, -1) + rng.normal(0, 0.3, 800)
    clustered, apart = (ranking_interval(x, y, clusters=clusters) for clusters in (list(names), None))
    assert clustered.high - clustered.low > 2 * (apart.high - apart.low)


@pytest.mark.long
def test_tpr_at_a_known_threshold_is_clopper_pearsons(rng):
    """With very many photographs the threshold is known, and only the fakes are few."""
    real, fake = rng.normal(size=200_000), rng.normal(2.0, 1, 30)
    found = ranking_interval(np.r_[real, fake], np.arange(200_030) >= 200_000, metric="tpr_at_5")
    limits = np.sort(real)[::-1][[9_700, 10_300]]  # three standard deviations of the count on either side
    counts = [int((fake > limit).sum()) for limit in limits]
    assert counts[1] - counts[0] <= 1
    tests = [stats.binomtest(count, 30).proportion_ci() for count in counts]
    assert tests[0].low - 1e-3 <= found.low <= tests[1].low + 1e-3
    assert tests[0].high - 1e-3 <= found.high <= tests[1].high + 1e-3


def test_few_photographs_bound_no_tpr_from_below():
    for reals, bounded in ((71, False), (72, True)):
        x, y = np.r_[np.arange(reals), 1000 + np.arange(50)], np.arange(reals + 50) >= reals
        assert (ranking_interval(x, y, metric="tpr_at_5").low > 0) == bounded


def test_eer_bounds_invert_those_of_the_tpr(rng):
    x, y = np.r_[rng.normal(size=60), rng.normal(1.5, 1, 60)], np.arange(120) >= 60
    found = ranking_interval(x, y, metric="eer")
    from freqforensics.evaluation.intervals import _tpr_bounds

    for rate in (found.low, found.high):
        assert min(abs(1 - rate - bound) for bound in _tpr_bounds(x, y, rate, 0.95)) < 1e-6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metric": "brier"}, "metric must be one of ap, auc"),
        ({"level": 1.0}, "level must lie between 0 and 1"),
        ({"clusters": ["a"]}, "clusters must have one name"),
        ({"clusters": ["a"] * 4}, "clusters must be at least two"),
        ({"clusters": ["a", "b"] * 2, "metric": "eer"}, "clusters are for ap and auc"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        ranking_interval([0.0, 1, 2, 3], [False, True, False, True], **options)


def test_metrics_are_torchmetrics():
    """A third-party implementation of AP, AUROC and ECE gives the same numbers."""
    pytest.importorskip("torchmetrics")
    import torch
    from torchmetrics.functional.classification import (
        binary_auroc,
        binary_average_precision,
        binary_calibration_error,
    )

    from freqforensics.evaluation import evaluate_logits

    rng = np.random.default_rng(0)
    for decimals in (1, 9):
        y = np.arange(300) < 120
        # Their calibration error is that of the probability of "fake", ours too.
        x = np.round(rng.normal(size=300) + 1.2 * y, decimals)
        found = evaluate_logits(x, y)
        p, t = torch.sigmoid(torch.from_numpy(x)), torch.from_numpy(y).long()
        assert found.ap == pytest.approx(float(binary_average_precision(p, t)), rel=1e-5)
        assert found.auc == pytest.approx(float(binary_auroc(p, t)), rel=1e-5)
        assert found.ece == pytest.approx(float(binary_calibration_error(p, t, n_bins=15, norm="l1")), rel=1e-4)
