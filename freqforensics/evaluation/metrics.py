"""How well logits tell fake from real: ranking, decisions at a threshold, calibration, and intervals.

Everything is computed from logits in float64. Probabilities in float32 are equal to 1 from a logit of about 17 on, and
tied images have no order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import beta
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

Criterion = Literal["accuracy", "balanced_accuracy"]
Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

_BINS: Final = 15


@dataclass(frozen=True)
class Metrics:
    """Metrics of one set of logits. All but the counts and thresholds lie in 0 .. 1.

    Parameters
    ----------
    real, fake : int
        Images of each kind.
    ap : float
        Average precision of "fake".
    auc : float
        Area under the ROC curve.
    threshold : float
        Logit above which an image is called fake; 0 is a probability of one half.
    accuracy, real_accuracy, fake_accuracy, balanced_accuracy : float
        At the threshold; the balanced one is the mean of the two before it.
    eer : float
        Equal error rate: where the straight pieces of the ROC curve cross FPR = 1 - TPR.
    tpr_at_5, tpr_at_1, tpr_at_01 : float
        Greatest true positive rate at a threshold whose false positive rate is at most 5 %, 1 %, 0.1 %.
    brier, ece : float
        Mean squared error of the probability; expected calibration error in 15 bins of equal width.
    oracle_accuracy, oracle_threshold : float
        The greatest accuracy that any threshold has on these images, and that threshold. It is an upper bound: the
        threshold was chosen with the labels of the test.
    """

    real: int
    fake: int
    ap: float
    auc: float
    threshold: float
    accuracy: float
    real_accuracy: float
    fake_accuracy: float
    balanced_accuracy: float
    eer: float
    tpr_at_5: float
    tpr_at_1: float
    tpr_at_01: float
    brier: float
    ece: float
    oracle_accuracy: float
    oracle_threshold: float


@dataclass(frozen=True)
class Interval:
    """A number with a confidence interval.

    Parameters
    ----------
    value, low, high : float
        Estimate and bounds.
    level : float
        Nominal coverage.
    resamples : int
        Resamples of the bootstrap that gave a value; 0 where the interval is not one of resamples.
    """

    value: float
    low: float
    high: float
    level: float
    resamples: int


def evaluate_logits(logits: ArrayLike, fake: ArrayLike, *, threshold: float = 0.0) -> Metrics:
    """Measure how well logits tell fake from real.

    Parameters
    ----------
    logits : array, shape (N,)
        Greater is more likely fake.
    fake : array of bool, shape (N,)
        Whether each image is fake.
    threshold : float
        A logit. One fitted on these images would flatter: take it from others (`fit_threshold`).

    Returns
    -------
    Metrics
        AP, AUC, accuracies, EER, TPR at low FPR, Brier score and ECE.

    Raises
    ------
    ValueError
        Shapes differ, a logit is not finite, or one kind is missing.

    Examples
    --------
    One real image has a higher logit than one fake image. Both lie above the threshold 0.

    >>> metrics = evaluate_logits([-2.0, 1.0, 0.5, 3.0], [False, False, True, True])
    >>> metrics.auc, round(metrics.ap, 3), metrics.accuracy, metrics.real_accuracy
    (0.75, 0.833, 0.75, 0.5)
    """
    x, y = checked_logits(logits, fake)
    called = x > threshold
    real_accuracy, fake_accuracy = float((~called[~y]).mean()), float(called[y].mean())
    fpr, tpr, _ = roc_curve(y, x, drop_intermediate=False)
    oracle = fit_threshold(x, y, criterion="accuracy")
    return Metrics(
        real=int((~y).sum()),
        fake=int(y.sum()),
        ap=float(average_precision_score(y, x)),
        auc=float(roc_auc_score(y, x)),
        threshold=float(threshold),
        accuracy=float((called == y).mean()),
        real_accuracy=real_accuracy,
        fake_accuracy=fake_accuracy,
        balanced_accuracy=(real_accuracy + fake_accuracy) / 2,
        eer=_equal_error_rate(fpr, tpr),
        tpr_at_5=float(tpr[fpr <= 0.05].max()),
        tpr_at_1=float(tpr[fpr <= 0.01].max()),
        tpr_at_01=float(tpr[fpr <= 0.001].max()),
        brier=float(np.mean((expit(x) - y) ** 2)),
        ece=_calibration_error(expit(x), y),
        oracle_accuracy=float(((x > oracle) == y).mean()),
        oracle_threshold=oracle,
    )


def fit_threshold(logits: ArrayLike, fake: ArrayLike, *, criterion: Criterion = "balanced_accuracy") -> float:
    """Find the threshold with the greatest accuracy on a validation set.

    Parameters
    ----------
    logits, fake
        Logits and labels of a validation set, never of the test set; shapes as for `evaluate_logits`.
    criterion : {"accuracy", "balanced_accuracy"}

    Returns
    -------
    float
        Half-way between the two logits it separates; of several as good, the one nearest zero.

    Raises
    ------
    ValueError
        As `evaluate_logits`, or an unknown criterion.

    Examples
    --------
    >>> fit_threshold([-3.0, -2.0, 1.0, 2.0], [False, False, True, True])
    -0.5
    """
    if criterion not in get_args(Criterion):
        raise ValueError(f"criterion must be one of {', '.join(get_args(Criterion))}; got {criterion!r}")
    x, y = checked_logits(logits, fake)
    values = np.unique(x)
    # Below all, between each two, above all: every decision that a threshold can make.
    candidates = np.concatenate([[values[0] - 1], (values[:-1] + values[1:]) / 2, [values[-1] + 1]])
    order = np.sort(x[y]), np.sort(x[~y])
    hits = len(order[0]) - np.searchsorted(order[0], candidates, side="right")
    rejections = np.searchsorted(order[1], candidates, side="right")
    if criterion == "accuracy":
        quality = (hits + rejections) / len(x)
    else:
        quality = (hits / len(order[0]) + rejections / len(order[1])) / 2
    best = candidates[quality >= quality.max() - 1e-12]
    return float(best[np.abs(best).argmin()])


def fit_temperature(logits: ArrayLike, fake: ArrayLike) -> float:
    """Find the temperature T > 0 for which logits / T are best calibrated (Guo et al. 2017).

    Parameters
    ----------
    logits, fake
        Logits and labels of a validation set; shapes as for `evaluate_logits`.

    Returns
    -------
    float
        Temperature of the greatest likelihood, between 0.01 and 100. Ranking does not change.

    Examples
    --------
    Logits that are ten times too large make probabilities too sure. Their temperature is about 10.

    >>> rng = np.random.default_rng(0)
    >>> fake = rng.random(4000) < 0.5
    >>> logits = np.where(fake, 1, -1) + rng.normal(0, np.sqrt(2), 4000)
    >>> round(fit_temperature(10 * logits, fake))
    10
    """
    x, y = checked_logits(logits, fake)
    signed = np.where(y, -x, x)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, signed / np.exp(log_temperature)).mean())

    minimum: Any = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(minimum.x))


def class_mean_ap(logits: ArrayLike, fake: ArrayLike, categories: Sequence[str]) -> float:
    """Average the APs of the categories, where published APs pool their images.

    Parameters
    ----------
    logits, fake
        Logits and whether each image is fake, as for `evaluate_logits`.
    categories : sequence of str, length N
        Category of each image.

    Returns
    -------
    float
        Mean over the categories, 0 .. 1.

    Raises
    ------
    ValueError
        A category has images of one kind only.

    Examples
    --------
    Each category is ranked perfectly. Pooled, the AP is lower, because all dogs have higher logits than the cats.

    >>> logits, fake = [-1.0, 0.0, 1.0, 2.0], [False, True, False, True]
    >>> class_mean_ap(logits, fake, ["cat", "cat", "dog", "dog"]), round(evaluate_logits(logits, fake).ap, 3)
    (1.0, 0.833)
    """
    x, y = checked_logits(logits, fake)
    names = np.asarray(categories)
    if names.shape != x.shape:
        raise ValueError(f"categories must have one name for each of {len(x)} logits, got {names.shape}")
    means = []
    for name in np.unique(names):
        here = names == name
        if y[here].all() or not y[here].any():
            raise ValueError(f"category {str(name)!r} has only {'fake' if y[here].all() else 'real'} images")
        means.append(average_precision_score(y[here], x[here]))
    return float(np.mean(means))


def bootstrap_interval(
    statistic: Callable[[Float, Bool], float],
    logits: ArrayLike,
    fake: ArrayLike,
    *,
    rng: np.random.Generator,
    clusters: Sequence[str] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Give a statistic with its percentile bootstrap interval.

    For means of many images, such as accuracies. Percentiles cover too little for ranking metrics of few images (the
    AP of 20 real and 20 fake images in 0.76 to 0.86 of samples instead of 0.95) and have no width where nothing
    varies: take `ranking_interval` there.

    Parameters
    ----------
    statistic : callable of (logits, fake)
        Function of the logits and labels of a resample; gives a number.
    logits, fake
        Logits and whether each image is fake, as for `evaluate_logits`.
    rng : numpy.random.Generator
        Source of the resamples.
    clusters : sequence of str, optional
        Images that belong together (categories, videos, one photo's real and fake) are drawn together: they are not
        independent. Otherwise real and fake images are drawn apart, each as many as there are.
    resamples : int
        Number of bootstrap samples.
    level : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Interval
        The statistic and its bounds.

    Raises
    ------
    ValueError
        As `evaluate_logits`; fewer than two clusters; `level` outside (0, 1), `resamples` below 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> logits, fake = rng.normal(size=400) + np.repeat([0, 1], 200), np.repeat([False, True], 200)
    >>> accuracy = bootstrap_interval(lambda x, y: ((x > 0.5) == y).mean(), logits, fake, rng=rng)
    >>> accuracy.low < accuracy.value < accuracy.high
    True
    """
    x, y = checked_logits(logits, fake)
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    if clusters is None:
        kinds = [np.flatnonzero(~y), np.flatnonzero(y)]
    else:
        names = np.asarray(clusters)
        if names.shape != x.shape:
            raise ValueError(f"clusters must have one name for each of {len(x)} logits, got {names.shape}")
        members = [np.flatnonzero(names == name) for name in np.unique(names)]
        if len(members) < 2:
            raise ValueError("at least two clusters are needed to resample them")
    values = []
    for _ in range(resamples):
        if clusters is None:
            chosen = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        else:
            chosen = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        if y[chosen].any() and not y[chosen].all():
            values.append(statistic(x[chosen], y[chosen]))
    if not values:
        raise ValueError("no resample had images of both kinds: clusters hold one kind each")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(x, y)), float(low), float(high), level, len(values))


def binomial_interval(count: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Give the exact interval of a share (Clopper & Pearson 1934).

    Parameters
    ----------
    count, trials : int
        How many of how many.
    level : float
        Least probability, in (0, 1), that the interval covers the true share.

    Returns
    -------
    float, float
        0 and 1 of no trials.

    Raises
    ------
    ValueError
        `count` is not between 0 and `trials`, or `level` is out of range.

    Examples
    --------
    No false alarm among 100 photographs does not mean a rate of zero.

    >>> [round(bound, 3) for bound in binomial_interval(0, 100)]
    [0.0, 0.036]
    """
    if not 0 <= count <= trials:
        raise ValueError(f"count must lie between 0 and trials, got {count} of {trials}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, count, trials - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, trials - count)) if count < trials else 1.0
    return low, high


def mean_over_seeds(runs: Sequence[Metrics]) -> Mapping[str, tuple[float, float]]:
    """Average metrics of several runs.

    Parameters
    ----------
    runs : sequence of Metrics
        At least one.

    Returns
    -------
    mapping of str to (float, float)
        By name the mean and the standard deviation (n - 1; NaN for one run).

    Examples
    --------
    >>> fake = [False, False, True, True]
    >>> runs = [evaluate_logits(logits, fake) for logits in ([-2, -1, 1, 2], [-2, 1, 0, 2])]
    >>> mean, deviation = mean_over_seeds(runs)["auc"]
    >>> mean, round(deviation, 3)
    (0.875, 0.177)
    """
    if not runs:
        raise ValueError("there is no run to average")
    table = {field.name: np.array([getattr(run, field.name) for run in runs], np.float64) for field in fields(Metrics)}
    return {
        name: (float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan"))
        for name, values in table.items()
    }


def checked_logits(logits: ArrayLike, fake: ArrayLike) -> tuple[Float, Bool]:
    """Give logits and labels as arrays of one shape, or say what is wrong with them.

    Parameters
    ----------
    logits, fake
        Logits and whether each image is fake, as for `evaluate_logits`.

    Returns
    -------
    array of float, array of bool
        Shape (N,) each.

    Raises
    ------
    ValueError
        Shapes differ, a logit is not finite, or one kind is missing.
    """
    x, y = np.asarray(logits, np.float64), np.asarray(fake)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"logits and fake must have one shape (N,), got {x.shape} and {y.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(x))} of {len(x)} logits are not finite")
    if y.dtype != np.bool_ and not np.isin(y, (0, 1)).all():
        raise ValueError("fake must hold truth values, or 0 and 1")
    y = y.astype(np.bool_)
    if not len(y) or y.all() or not y.any():
        raise ValueError("there must be real and fake images")
    return x, y


def _equal_error_rate(fpr: Float, tpr: Float) -> float:
    difference = fpr - (1 - tpr)  # rises from -1 to 1
    after = int(np.argmax(difference >= 0))
    before = after - 1
    weight = -difference[before] / (difference[after] - difference[before])
    return float(fpr[before] + weight * (fpr[after] - fpr[before]))


def _calibration_error(probability: Float, y: Bool) -> float:
    index = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    error = 0.0
    for i in np.unique(index):
        here = index == i
        error += here.mean() * abs(probability[here].mean() - y[here].mean())
    return float(error)
