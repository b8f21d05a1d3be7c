"""Rank correlations: with resamples, permutations and covariates.

Resamples are rows of counts, shape (B, N): how often each image is there. Ranks follow from cumulative counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

Float = NDArray[np.float64]
Index = NDArray[np.intp]

_CHUNK: Final = 4_000_000


def check_resampling(name: str, samples: int) -> None:
    """Raise ValueError unless there are two bootstrap samples or more; `name` is the parameter's."""
    if samples < 2:
        raise ValueError(f"{name} must be at least 2, got {samples}")


def clipped(rho: ArrayLike, images: ArrayLike) -> Float:
    """Keep correlations off 1 by half the least step that Spearman's has, so that artanh is finite."""
    n = np.asarray(images, np.float64)
    limit = 1 - 6 / (n**3 - n)
    return np.clip(np.asarray(rho, np.float64), -limit, limit)


@dataclass(frozen=True)
class Covariates:
    """What is held fixed for N images: numbers to be ranked, with who has them, and indicators, shape (N, D)."""

    ranked: tuple[tuple[Float, NDArray[np.bool_]], ...]
    dummies: Float

    @classmethod
    def of(cls, fixed: Mapping[str, NDArray[Any]]) -> Covariates:
        """Sort covariates, one value an image, into numbers and names; constant ones are dropped."""
        ranked, dummies = [], [np.zeros((len(column), 0)) for column in fixed.values()][:1]
        for column in fixed.values():
            if column.dtype.kind in "US" or any(isinstance(value, str) for value in column.tolist()):
                # The first name is what all others are told from.
                members = codes(column)
                dummies.append((members[:, None] == np.arange(1, members.max(initial=0) + 1)).astype(np.float64))
                continue
            values = column.astype(np.float64)
            present = ~np.isnan(values)
            if present.any() and not present.all():
                dummies.append((~present).astype(np.float64)[:, None])
            if len(np.unique(values[present])) > 1:
                ranked.append((values, present))
        return cls(tuple(ranked), np.concatenate(dummies, axis=1))

    def design(self, counts: Float) -> Float:
        """Give ranks and indicators for every row of counts, shape (B, N, P)."""
        design = np.zeros((*counts.shape, len(self.ranked) + self.dummies.shape[1]))
        for i, (values, present) in enumerate(self.ranked):
            # Those without a value go to the middle; their indicator takes up what they are, so any place would do.
            design[:, :, i] = (counts[:, present].sum(axis=1, keepdims=True) + 1) / 2
            design[:, present, i] = ranks(values[present], counts[:, present])
        design[:, :, len(self.ranked) :] = self.dummies
        return design

    def basis(self) -> Float:
        """Give an orthonormal basis of a constant and the covariates' ranks, shape (N, 1 + rank)."""
        design = self.design(np.ones((1, len(self.dummies))))[0]
        design = design - design.mean(axis=0)
        lengths = np.linalg.norm(design, axis=0)
        u, singular, _ = np.linalg.svd(design[:, lengths > 1e-9] / lengths[lengths > 1e-9], full_matrices=False)
        constant = np.full((len(design), 1), 1 / np.sqrt(len(design)))
        return np.concatenate([constant, u[:, singular > 1e-8]], axis=1)

    def partial(self, x: Float, y: Float, counts: Float) -> Float:
        """Give partial correlations of ranks for rows of counts, by the normal equations; shape (B,)."""
        step = max(1, _CHUNK // (len(x) * (len(self.ranked) + self.dummies.shape[1] + 2)))
        rows = [self._partial(x, y, counts[i : i + step]) for i in range(0, len(counts), step)]
        return np.concatenate(rows)

    def _partial(self, x: Float, y: Float, counts: Float) -> Float:
        last = [ranks(values, counts)[..., None] for values in (x, y)]
        table = np.concatenate([self.design(counts), *last], axis=2)
        table -= (counts[..., None] * table).sum(axis=1, keepdims=True) / counts.sum(axis=1)[:, None, None]
        products = (table * counts[..., None]).swapaxes(1, 2) @ table
        scale = np.sqrt(np.einsum("bpp->bp", products))
        flat = scale < 1e-6
        scale[flat] = 1
        products /= scale[:, :, None] * scale[:, None, :]
        # A resample may lack a category, or have two columns alike: the ridge lets it be solved, and moves little.
        inner = products[:, :-2, :-2] + 1e-10 * np.eye(products.shape[1] - 2)
        left = products[:, -2:, -2:] - products[:, -2:, :-2] @ np.linalg.solve(inner, products[:, :-2, -2:])
        x_left, y_left, xy_left = left[:, 0, 0], left[:, 1, 1], left[:, 0, 1]
        defined = (np.minimum(x_left, y_left) > 1e-8) & ~flat[:, -2:].any(axis=1)
        correlations: Float = np.divide(
            xy_left, np.sqrt(np.abs(x_left * y_left)), out=np.full(len(left), np.nan), where=defined
        )
        return correlations


def codes(names: NDArray[Any]) -> Index:
    """Number names from 0."""
    numbers: Index = np.unique(names.astype(str) if names.dtype == object else names, return_inverse=True)[1]
    return numbers


def ranks(values: Float, counts: Float | None = None) -> Float:
    """Rank values, shape (N,), each there as often as a row of counts says, shape (B, N); ties have their mean rank."""
    counts = np.ones((1, len(values))) if counts is None else counts
    inverse = codes(values)
    order = np.argsort(inverse, kind="stable")
    starts = np.flatnonzero(np.diff(inverse[order], prepend=-1))
    sizes = np.add.reduceat(counts[:, order], starts, axis=1)
    means: Float = np.cumsum(sizes, axis=1) - (sizes - 1) / 2
    return means[:, inverse]


def spearman(x: Float, y: Float, counts: Float | None = None) -> Float:
    """Give Spearman's correlation for every row of counts, shape (B,); NaN where ranks do not vary."""
    counts = np.ones((1, len(x))) if counts is None else counts
    total = counts.sum(axis=1, keepdims=True)
    # The mean rank of n is (n + 1) / 2, ties or not.
    a, b = ranks(x, counts) - (total + 1) / 2, ranks(y, counts) - (total + 1) / 2
    xx, yy, xy = ((counts * s * t).sum(axis=1) for s, t in ((a, a), (b, b), (a, b)))
    spread = np.sqrt(xx * yy)
    correlations: Float = np.divide(xy, spread, out=np.full(len(a), np.nan), where=spread > 0)
    return correlations


def drawn(groups: Index, resamples: int, rng: np.random.Generator) -> Float:
    """Give how often each image is in each resample of the groups, shape (resamples, N)."""
    members = codes(groups)
    size = int(members.max()) + 1
    chosen = rng.integers(size, size=(resamples, size)) + size * np.arange(resamples)[:, None]
    times = np.bincount(chosen.ravel(), minlength=size * resamples).reshape(resamples, size)
    return times[:, members].astype(np.float64)


def interval(rho: float, resampled: Float, images: int, clusters: int, held: int = 0) -> tuple[float, float, float]:
    """Give low, high (95 %) and the standard error on Fisher's scale, NaN where there is none."""
    z = np.arctanh(clipped(resampled[~np.isnan(resampled)], images))
    # Resamples vary about the mean of the m clusters that there are: by (m - 1) / m of what those vary by.
    error = float(z.std(ddof=1) * np.sqrt(clusters / (clusters - 1))) if len(z) > 1 and clusters > 1 else 0.0
    freedom = min(clusters - 1, images - 2 - held)
    if freedom < 1 or error < 1e-9:
        return float("nan"), float("nan"), float("nan")
    from scipy.stats import t as student  # loads much

    middle, reach = np.arctanh(clipped(rho, images)), student.ppf(0.975, freedom) * error
    return float(np.tanh(middle - reach)), float(np.tanh(middle + reach)), error


def centred(values: Float, strata: Index) -> Float:
    """Take the means of strata off."""
    members = codes(strata)
    means: Float = np.bincount(members, values) / np.bincount(members)
    return values - means[members]


def exchanges(strata: Index, groups: Index, permutations: int, rng: np.random.Generator) -> Index:
    """Give permutations of N places within strata, whole groups for groups of the same strata; none if all must stay.

    A group that is a whole stratum is taken apart: the stratum is fixed already.
    """
    alike: defaultdict[tuple[int, ...], list[list[int]]] = defaultdict(list)
    order = np.lexsort((strata, groups))
    sizes = np.bincount(strata)
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        where = strata[members].tolist()
        if where[0] == where[-1] and len(members) == sizes[where[0]]:
            alike[(where[0],)].extend([member] for member in members.tolist())
        else:
            alike[tuple(where)].append(members.tolist())
    if all(len(blocks) == 1 for blocks in alike.values()):
        return np.empty((0, len(strata)), np.intp)
    moves = np.empty((permutations, len(strata)), np.intp)
    for blocks in map(np.array, alike.values()):
        moved = rng.permuted(np.tile(np.arange(len(blocks)), (permutations, 1)), axis=1)
        moves[:, blocks.ravel()] = blocks[moved].reshape(permutations, -1)
    return moves


def permutation_p(a: Float, b: Float, moves: Index, basis: Float | None = None) -> float:
    """Compare the correlation of a and b, both without what is held fixed, with that of b exchanged and freed again."""
    if not len(moves):
        return float("nan")
    moved, scale = b[moves], (a @ a) * (b @ b)
    chance, observed = moved @ a, float(a @ b)
    if basis is not None:
        chance = chance * np.sqrt(b @ b / np.maximum(b @ b - ((moved @ basis) ** 2).sum(axis=1), 1e-12))
    # Equal sums differ in rounding.
    return float((1 + np.sum(np.abs(chance) >= abs(observed) - 1e-9 * np.sqrt(scale))) / (1 + len(moves)))


def all_among(above: ArrayLike, total: ArrayLike, k: ArrayLike) -> Float:
    """Give C(above, k) / C(total, k), in logarithms: the binomials themselves overflow."""
    m, n, k = (np.asarray(number, np.float64) for number in (above, total, k))
    logs = gammaln(np.maximum(m, k) + 1) - gammaln(np.maximum(m, k) - k + 1) - gammaln(n + 1) + gammaln(n - k + 1)
    share: Float = np.where(m >= k, np.exp(logs), 0.0)
    return share


def expected_least(x: Float, counts: Float, k: int) -> Float:
    """Expect the least of k, x rising, each there as often as a row of counts says; of all, where they are fewer."""
    below = np.cumsum(counts, axis=1)
    total = below[:, -1:]
    # The sum over images, by parts: every step from x(i) to x(i + 1) with the probability that the least is above it.
    least: Float = x[0] + all_among(total - below[:, :-1], total, np.minimum(k, total)) @ np.diff(x)
    return least
