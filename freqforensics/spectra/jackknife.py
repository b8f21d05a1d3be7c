"""The jackknife of the inner product of two mean vectors: a test for more in common than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JackknifeMean:
    """A mean vector with its covariance, as the sum of outer products.

    Parameters
    ----------
    value : ndarray, shape (D,)
        The mean.
    deviations : ndarray, shape (P, D)
        Rows u whose outer products sum to the covariance matrix of `value`.
    degrees : int
        Degrees of freedom of that covariance; 0 where nothing could be left out.
    """

    value: Float
    deviations: Float
    degrees: int

    @classmethod
    def of(cls, value: Float, *left_out: Float) -> JackknifeMean:
        """Build one from the means without each part.

        Parameters
        ----------
        value : ndarray, shape (D,)
            The mean of all parts.
        *left_out : ndarray, shape (P, D)
            The mean without each of P parts, an array for each group of parts that are independent of the others'.

        Returns
        -------
        JackknifeMean
        """
        several = [rows for rows in left_out if len(rows) > 1]
        deviations = [(rows - rows.mean(axis=0)) * np.sqrt((len(rows) - 1) / len(rows)) for rows in several]
        # A group of one part varies too, by an unknown amount.
        degrees = min(map(len, several)) - 1 if several and len(several) == len(left_out) else 0
        return cls(value, np.concatenate(deviations) if several else np.zeros((0, len(value))), degrees)


def product_p_value(first: JackknifeMean, second: JackknifeMean, *, together: bool = False) -> float:
    r"""Test whether the true means of two vectors have a positive inner product.

    With estimates $a$, $b$ and their covariances $A = \sum u_i u_i^T$, $B = \sum v_j v_j^T$ the variance of $a \cdot b$
    is estimated by $b^T A b + a^T B a - \mathrm{tr}(A B)$, and never by less than the greater of the first two terms.
    The quotient of $a \cdot b$ and its root is compared with Student's t. The test is exact for large signatures that
    are orthogonal, and conservative where the vectors are nothing but noise.

    Parameters
    ----------
    first, second : JackknifeMean
        The two means.
    together : bool
        Whether part i of both comes from the same images; the noise that they share is taken off the product.

    Returns
    -------
    float
        One-sided p-value; 1 where the variance is unknown or zero.

    Raises
    ------
    ValueError
        `together` with other numbers of parts.
    """
    from scipy.special import stdtr

    degrees = min(first.degrees, second.degrees)
    product = float(first.value @ second.value)
    from_first, from_second = first.deviations @ second.value, second.deviations @ first.value
    crossed = first.deviations @ second.deviations.T
    if together:
        if crossed.shape[0] != crossed.shape[1]:
            raise ValueError(f"together must be of equal parts, got {crossed.shape[0]} and {crossed.shape[1]}")
        product -= float(np.trace(crossed))
        total = float(((from_first + from_second) ** 2).sum())
        variance = max(total - float((crossed**2).sum() + (crossed * crossed.T).sum()), total / 2)
    else:
        variance_first, variance_second = float((from_first**2).sum()), float((from_second**2).sum())
        variance = max(variance_first + variance_second - float((crossed**2).sum()), variance_first, variance_second)
    if degrees < 1 or variance <= 0:
        return 1.0
    return float(stdtr(degrees, -product / np.sqrt(variance)))


def left_out_means(sums: Float, counts: Float) -> Float:
    """Give the mean without each part.

    Parameters
    ----------
    sums : ndarray, shape (P, ...)
        Sum of each part.
    counts : ndarray, shape (P,)
        Number of terms of each part.

    Returns
    -------
    ndarray, shape (P, ...)
        Mean without each part; empty for a single part.
    """
    if len(counts) < 2:
        return sums[:0]
    rest = (counts.sum() - counts).reshape(-1, *[1] * (sums.ndim - 1))
    return (sums.sum(axis=0) - sums) / rest


def shared_parts(first: Sequence[str | None], second: Sequence[str | None]) -> bool:
    """Say whether part i of both is of the same files, by their hashes; an unknown hash matches none."""
    return len(first) == len(second) > 0 and None not in first and tuple(first) == tuple(second)
