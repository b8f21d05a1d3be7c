"""Confidence intervals of ranking metrics that cover the population's value with few images, too.

The target of every interval is the metric of the *population* that the images were drawn from, at the sample's share
of fakes. The mean of a sample's AP lies above it (0.63 for 0.60 at 20 real and 20 fake images) and depends on the
number of images; the population's does not, so that intervals of sets of different sizes can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc
from scipy.stats import binom

from freqforensics.evaluation.metrics import Interval, checked_logits, evaluate_logits
from freqforensics.evaluation.proportions import auc_influence, score_interval

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

RankingMetric = Literal["ap", "auc", "eer", "tpr_at_5", "tpr_at_1", "tpr_at_01"]
RATES: Final[dict[str, float]] = {"tpr_at_5": 0.05, "tpr_at_1": 0.01, "tpr_at_01": 0.001}
"""False positive rates at which true positive rates are given."""


def ranking_interval(
    logits: ArrayLike,
    fake: ArrayLike,
    *,
    metric: RankingMetric = "ap",
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> Interval:
    """Give a ranking metric of logits with its confidence interval. Nothing is drawn at random.

    AP and AUC have the score interval of a proportion (Wilson 1927) at the effective number of trials that the
    jackknife's variance says, value (1 - value) / variance, with Student's t. For the AUC this is the variance of
    DeLong et al. (1988), by cluster that of Obuchowski (1997). The interval is at least as wide as that of a proportion
    among the images of the rarer label, like the binomial interval of Boyd, Eng and Page (2013). So a perfect ranking
    of 20 + 20 images has the interval 0.84 to 1, and a few photographs with high logits, which a small sample may
    lack, do not take the coverage below the level.

    The TPR at a false positive rate has the exact binomial interval (Clopper & Pearson 1934), averaged over the number
    of real images that lie above the population's threshold, which is binomial too. With fewer than 72 real images
    there is no lower bound at 5 %. The EER's interval holds the rates e at which 1 - e lies in the interval of the TPR
    at the false positive rate e.

    Parameters
    ----------
    logits : array, shape (N,)
        Greater is more likely fake.
    fake : array of bool, shape (N,)
        Whether each image is fake.
    metric : {"ap", "auc", "eer", "tpr_at_5", "tpr_at_1", "tpr_at_01"}
        As in `Metrics`.
    clusters : sequence of str, optional
        Cluster of each image (its category, its photograph). Images of one cluster are not independent. For AP and AUC
        only. Default: every image is independent.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        With `resamples` 0.

    Raises
    ------
    ValueError
        As `evaluate_logits`; an unknown metric; `clusters` of another length, fewer than two of them, or with a metric
        that knows none; `level` outside (0, 1).

    Notes
    -----
    Coverage by simulation is in docs/results/calibration.md: at least 0.93, and mostly above the level.

    Examples
    --------
    Twenty and twenty images that are ranked perfectly do not prove an AP of 1.

    >>> logits = np.arange(40.0)
    >>> interval = ranking_interval(logits, logits >= 20)
    >>> interval.value, round(interval.low, 2), interval.high
    (1.0, 0.84, 1.0)
    """
    if metric not in get_args(RankingMetric):
        raise ValueError(f"metric must be one of {', '.join(get_args(RankingMetric))}; got {metric!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    x, y = checked_logits(logits, fake)
    if metric in ("ap", "auc"):
        value, influence = (_ap_influence if metric == "ap" else auc_influence)(x, y)
        variance, freedom = _variance(influence, y, clusters)
        trials = min(int(y.sum()), int((~y).sum()))
        low, high = score_interval(value, variance, trials, freedom, level=level)
        return Interval(value, low, high, level, 0)
    if clusters is not None:
        raise ValueError(f"clusters are for ap and auc; the interval of {metric} takes images to be independent")
    value = float(getattr(evaluate_logits(x, y), metric))
    low, high = _eer_bounds(x, y, level) if metric == "eer" else _tpr_bounds(x, y, RATES[metric], level)
    return Interval(value, min(low, value), max(high, value), level, 0)


def _variance(influence: Float, y: Bool, clusters: Sequence[str] | None) -> tuple[float, int]:
    """Variance of the sum of the images' influences, and its degrees of freedom."""
    if clusters is None:
        sides = influence[~y], influence[y]
        return sum(len(side) * float(side.var(ddof=1)) for side in sides if len(side) > 1), max(1, len(y) - 2)
    names = np.asarray(clusters)
    if names.shape != y.shape:
        raise ValueError(f"clusters must have one name for each of {len(y)} logits, got {names.shape}")
    _, index = np.unique(names, return_inverse=True)
    sums = np.bincount(index, influence)
    if len(sums) < 2:
        raise ValueError("clusters must be at least two")
    return len(sums) * float(sums.var(ddof=1)), len(sums) - 1


def _ap_influence(x: Float, y: Bool) -> tuple[float, Float]:
    """AP, and what each image adds to its deviation: by the jackknife, for which an image more or less is exact."""
    # Thresholds from the greatest: all images with at least this logit are called fake.
    values, index = np.unique(-x, return_inverse=True)
    here = np.bincount(index, y, len(values))
    true = np.cumsum(here)
    called = np.cumsum(np.bincount(index, minlength=len(values)))
    fakes, reals = int(y.sum()), int((~y).sum())
    precision = true / called
    total = float(here @ precision)
    # Without an image, the precision changes at its own threshold and at all lower ones.
    fewer = np.maximum(called - 1, 1)
    without_fake = np.cumsum((here * ((true - 1) / fewer - precision))[::-1])[::-1]
    without_real = np.cumsum((here * (true / fewer - precision))[::-1])[::-1]
    term = (true - 1) / fewer
    left = np.where(y, (total + without_fake - term)[index] / max(fakes - 1, 1), (total + without_real)[index] / fakes)
    value = total / fakes
    return value, np.where(y, (fakes - 1) / fakes, (reals - 1) / reals) * (value - left)


def _counts(x: Float, y: Bool) -> tuple[Float, Float]:
    """By the number k of real images above a threshold, the least and the greatest number of fakes above it."""
    reals = np.sort(x[~y])[::-1]
    fakes = np.sort(x[y])
    # The threshold lies below the k-th real image and not below the next: fakes that tie with it may count or not.
    least = len(fakes) - np.searchsorted(fakes, reals, side="right")
    greatest = len(fakes) - np.searchsorted(fakes, reals, side="left")
    return np.r_[0, least].astype(np.float64), np.r_[greatest, len(fakes)].astype(np.float64)


def _below(share: float, rate: float, counts: Float, fakes: int, reals: int) -> float:
    """Confidence that the TPR is at most a share: a beta law for each count, averaged over the binomial law."""
    weights = binom.pmf(np.arange(reals + 1), reals, rate)
    some = weights > 1e-15
    a, b = counts[some], fakes - counts[some] + 1
    at = np.where(a <= 0, 1.0, np.where(b <= 0, 0.0, betainc(np.maximum(a, 1), np.maximum(b, 1), share)))
    return float(weights[some] @ at)


def _tpr_bounds(x: Float, y: Bool, rate: float, level: float) -> tuple[float, float]:
    least, greatest = _counts(x, y)
    fakes, reals = int(y.sum()), int((~y).sum())
    tail = (1 - level) / 2
    low = _root(lambda share: _below(share, rate, least, fakes, reals) - tail)
    high = _root(lambda share: _below(share, rate, greatest + 1, fakes, reals) - (1 - tail))
    return low, high


def _eer_bounds(x: Float, y: Bool, level: float) -> tuple[float, float]:
    least, greatest = _counts(x, y)
    fakes, reals = int(y.sum()), int((~y).sum())
    tail = (1 - level) / 2
    low = _root(lambda e: 1 - tail - _below(1 - e, e, greatest + 1, fakes, reals))
    high = _root(lambda e: tail - _below(1 - e, e, least, fakes, reals))
    return low, high


def _root(function: Callable[[float], float]) -> float:
    """Where a function that rises over 0 .. 1 becomes 0; the end it would do so beyond."""
    from scipy.optimize import brentq

    if function(0.0) >= 0:
        return 0.0
    if function(1.0) < 0:
        return 1.0
    root: Any = brentq(function, 0.0, 1.0, xtol=1e-10)
    return float(root)
