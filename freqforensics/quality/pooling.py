"""Rank correlations of several generators taken together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import chi2, norm, t as student

from freqforensics.quality.ranks import Float, clipped
from freqforensics.runtime.showing import Summarised

FEWEST: Final = 10
"""Images of a generator, less what is held fixed, from which its correlation is pooled."""
_FIELLER: Final = 1.06


@dataclass(frozen=True, repr=False)
class Summary(Summarised):
    """The rank correlation that generators have in common, and how far they differ in it.

    Parameters
    ----------
    score, label : str
        Score that is correlated with the logit, and label of the images.
    generators, images : int
        Pooled.
    rho, low, high : float
        Mean over generators (on Fisher's scale, given as a correlation), and its 95 % interval.
    p_value : float
        Probability of a mean as far from 0 where it is 0.
    tau2 : float
        Variance between generators, on Fisher's scale; NaN for fewer than two.
    i2 : float
        Share of the variance that is between generators, 0 .. 1 (Higgins & Thompson 2002).
    q, q_p_value : float
        Cochran's Q, and the probability of as great a one where generators do not differ.
    pooled_rho : float
        Over the images of all generators at once. A warning, not a result: where generators differ in both score and
        logit, it may have the other sign (Simpson's paradox).
    left_out : tuple of str
        Generators of too few images.
    """

    score: str
    label: str
    generators: int
    images: int
    rho: float
    low: float
    high: float
    p_value: float
    tau2: float
    i2: float
    q: float
    q_p_value: float
    pooled_rho: float
    left_out: tuple[str, ...]

    @property
    def reversed(self) -> bool:
        """Whether pooling the images turns the sign round."""
        return self.rho * self.pooled_rho < 0


def correlation_variance(images: ArrayLike, *, held: ArrayLike = 0) -> Float:
    """Give the variance of Spearman's correlation on Fisher's scale, artanh.

    It is 1.06 / (n - 3) (Fieller, Hartley & Pearson 1957), found for normal variables, n of 10 or more and correlations
    up to 0.8; beyond that it is greater.

    Parameters
    ----------
    images, held : array of int
        n, and how many covariates are regressed out: each counts as an image less.

    Returns
    -------
    ndarray
        Infinite where n - held is 3 or less.
    """
    free = np.asarray(images, np.float64) - np.asarray(held, np.float64) - 3
    variance: Float = np.where(free > 0, _FIELLER / np.maximum(free, 1e-9), np.inf)
    return variance


def summarise(
    rho: ArrayLike,
    images: ArrayLike,
    *,
    generators: tuple[str, ...],
    score: str = "",
    label: str = "",
    held: ArrayLike = 0,
    errors: ArrayLike | None = None,
    pooled_rho: float = float("nan"),
) -> Summary:
    """Pool the rank correlations of generators.

    Random effects on Fisher's scale. The variance between generators is that of Paule & Mandel (1982), which needs no
    distribution and which Veroniki et al. (2016) recommend; the interval that of Hartung & Knapp (2001) and Sidik &
    Jonkman (2002), of Student's t with one degree of freedom less than generators, which holds with few of them
    (IntHout et al. 2014). Its factor is not let below 1 (Röver, Knapp & Friede 2015), or generators that agree by
    chance would have an interval of no width. A single generator has the interval of its own variance.

    Parameters
    ----------
    rho, images : array, shape (G,)
        A correlation that is NaN, or of fewer than ten images (less `held`), is left out: the variance holds from there
        on. Generators of 10 to 29 images are kept: their weight is small already, and to drop them drops generators.
    generators : tuple of str, length G
        Names of the generators.
    score, label : str
        Score that is correlated with the logit, and label of the images.
    held : array of int, shape (G,)
        Covariates regressed out of each.
    errors : array, shape (G,), optional
        Standard errors on Fisher's scale from a clustered bootstrap; one counts where it is greater than theory's.
    pooled_rho : float
        Correlation over the images of all generators at once.

    Returns
    -------
    Summary
        NaN where nothing is left.

    Raises
    ------
    ValueError
        Shapes differ.

    Examples
    --------
    >>> summary = summarise([0.3, 0.4, 0.5], [100, 100, 100], generators=("biggan", "progan", "stylegan"))
    >>> [round(float(value), 2) for value in (summary.low, summary.rho, summary.high)]
    [0.13, 0.4, 0.62]
    """
    r, n = np.asarray(rho, np.float64), np.asarray(images, np.float64)
    if r.ndim != 1 or r.shape != n.shape or len(generators) != len(r):
        raise ValueError(
            f"rho, images and generators must have one value each, got {r.shape}, {n.shape} and {len(generators)}"
        )
    free = n - np.asarray(held, np.float64)
    variance = correlation_variance(n, held=held)
    if errors is not None:
        variance = np.fmax(variance, np.asarray(errors, np.float64) ** 2)
    pooled = np.isfinite(r) & (free >= FEWEST) & np.isfinite(variance)
    z, v = np.arctanh(clipped(r[pooled], n[pooled])), variance[pooled]
    count = len(z)
    mean, error, quantile, p_value, tau2, i2, q, q_p_value = (float("nan"),) * 8
    if count == 1:
        mean, error, quantile = float(z[0]), float(np.sqrt(v[0])), float(norm.ppf(0.975))
        p_value = float(2 * norm.sf(abs(mean) / error))
    elif count > 1:
        q = _cochran(0.0, z, v)
        i2, q_p_value = max(0.0, 1 - (count - 1) / q) if q > 0 else 0.0, float(chi2.sf(q, count - 1))
        tau2 = _between(z, v)
        weights = 1 / (v + tau2)
        mean = float(weights @ z / weights.sum())
        # Where tau2 > 0, Q is its expectation, and the factor 1.
        factor = max(1.0, _cochran(tau2, z, v) / (count - 1))
        error, quantile = float(np.sqrt(factor / weights.sum())), float(student.ppf(0.975, count - 1))
        p_value = float(2 * student.sf(abs(mean) / error, count - 1))
    return Summary(
        score=score,
        label=label,
        generators=count,
        images=int(n[pooled].sum()),
        rho=float(np.tanh(mean)),
        low=float(np.tanh(mean - quantile * error)),
        high=float(np.tanh(mean + quantile * error)),
        p_value=p_value,
        tau2=tau2,
        i2=i2,
        q=q,
        q_p_value=q_p_value,
        pooled_rho=float(pooled_rho),
        left_out=tuple(name for name, is_pooled in zip(generators, pooled, strict=True) if not is_pooled),
    )


def _cochran(tau2: float, z: Float, v: Float) -> float:
    weights = 1 / (v + tau2)
    return float(weights @ (z - weights @ z / weights.sum()) ** 2)


def _between(z: Float, v: Float) -> float:
    """Solve Q(tau2) = G - 1; Q falls in tau2."""

    def excess(tau2: float) -> float:
        return _cochran(tau2, z, v) - (len(z) - 1)

    if excess(0.0) <= 0:
        return 0.0
    # Q < sum of squares / tau2, so that it is below G - 1 from here on.
    most = float(((z - z.mean()) ** 2).sum()) / (len(z) - 1)
    return float(brentq(excess, 0.0, most, xtol=1e-12))
