"""Intervals of shares and of areas under ROC curves, which are shares of pairs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


def score_interval(
    value: float, variance: float, trials: int, freedom: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Give the score interval of a number in 0 .. 1 whose variance was estimated.

    Parameters
    ----------
    value, variance : float
        Estimate in 0 .. 1, and the estimated variance of it.
    trials : int
        The interval is at least as wide as that of a proportion of so many.
    freedom : int
        Degrees of freedom of Student's t; at least 1.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    float, float
        Low and high. They differ from each other at a value of 0 or 1, too.

    Examples
    --------
    >>> low, high = score_interval(1.0, 0.0, 20, 38)
    >>> round(low, 2), high
    (0.84, 1.0)
    """
    # The squared quantile over the effective number of trials; a value of 0 or 1 has no variance to speak of.
    binomial = float(ndtri((1 + level) / 2)) ** 2 / trials
    estimated = float(stdtrit(freedom, (1 + level) / 2)) ** 2 * variance / max(value * (1 - value), 1e-12)
    square = max(binomial, estimated if variance > 0 else 0.0)
    centre = (value + square / 2) / (1 + square)
    reach = math.sqrt(square * (value * (1 - value) + square / 4)) / (1 + square)
    return max(0.0, min(centre - reach, value)), min(1.0, max(centre + reach, value))


def auc_influence(x: Float, y: Bool) -> tuple[float, Float]:
    """Give the AUC of scores, and what each of them adds to its deviation (DeLong et al. 1988).

    Parameters
    ----------
    x : array, shape (N,)
        Scores; greater is more likely positive. Ties count one half.
    y : array of bool, shape (N,)
        Which are positive; some must be, and not all.

    Returns
    -------
    float
        AUC, 0 .. 1.
    array, shape (N,)
        Influence: its placement among the other label's scores, less the AUC, over the number of its own label.
    """
    fakes, reals = int(y.sum()), int((~y).sum())
    from scipy.stats import rankdata  # loads much

    every = rankdata(x)
    placement = np.empty(len(x))
    placement[y] = (every[y] - rankdata(x[y])) / reals
    placement[~y] = 1 - (every[~y] - rankdata(x[~y])) / fakes
    value = float(placement[y].mean())
    return value, (placement - value) / np.where(y, fakes, reals)
