"""What generators have in common: fingerprints, how alike they are and how surely, and how they cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.linkage import average_linkage
from freqforensics.fingerprints.measures import Compared, Measure, Side, Sides, features, significant_bins
from freqforensics.runtime.showing import Summarised
from freqforensics.spectra.jackknife import JackknifeMean, left_out_means, product_p_value, shared_parts
from freqforensics.spectra.nulls import full_plane
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.rings import bin_weights, exchanges, on_lattice, turns, without_rings

Float = NDArray[np.float64]

_AT_ONCE: Final = 1 << 16
"""Bins of permuted features that are compared at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class Fingerprint(Summarised):
    """The spectra of a set of generated images, in parts that can be drawn again, and of a real set beside it.

    Parameters
    ----------
    name : str
        Name of the set.
    fake : tuple of MeanSpectrum
        Spectra of disjoint parts of the set, one plane each; ten or more, so that intervals mean something.
    real : tuple of MeanSpectrum
        Spectra of real images of similar content, which are subtracted; may be empty.

    Examples
    --------
    >>> from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
    >>> images = np.random.default_rng(0).normal(128, 20, (10, 64, 64))
    >>> parts = [SpectrumAccumulator(SpectrumSpec(size=64)).update(image[None]).result() for image in images]
    >>> fingerprint = Fingerprint("noise", tuple(parts))
    >>> fingerprint.images, fingerprint.shape
    (10, (64, 64))
    """

    name: str
    fake: tuple[MeanSpectrum, ...]
    real: tuple[MeanSpectrum, ...] = ()

    def __post_init__(self) -> None:
        specs = {part.spec for part in (*self.fake, *self.real)}
        if not self.fake or any(part.images == 0 for part in (*self.fake, *self.real)):
            raise ValueError(f"{self.name}: every part needs images, and there must be parts of fakes")
        if len(specs) != 1 or next(iter(specs)).planes != 1:
            raise ValueError(f"{self.name}: parts must have one spec, of one plane")

    def __getstate__(self) -> dict[str, object]:
        """Leave out what follows from the parts: it may be computed while a fingerprint is sent to another process."""
        return {"name": self.name, "fake": self.fake, "real": self.real}

    @property
    def images(self) -> int:
        """Generated images."""
        return sum(part.images for part in self.fake)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crops."""
        return self.fake[0].spec.shape

    @cached_property
    def stacked(self) -> Sides:
        """Sums of fake and real parts, as arrays."""
        return Side.of(self.fake), Side.of(self.real) if self.real else None

    def sides(self, measure: Measure) -> Sides:
        """Give the sums of fake and real parts at the bins that a measure looks at.

        Parameters
        ----------
        measure : {"coherent", "log_power", "peaks", "lattice"}
            What is to be compared.
        """
        if measure != "lattice":
            return self.stacked
        on = on_lattice(self.shape)
        fake, real = self.stacked
        return fake.at(on), None if real is None else real.at(on)


@dataclass(frozen=True, eq=False, repr=False)
class Similarity(Summarised):
    """Similarities of fingerprints, pair by pair.

    Parameters
    ----------
    measure : {"coherent", "log_power", "peaks", "lattice"}
    names : tuple of str
        Names of the sets, in the order of the matrix.
    values, low, high : ndarray, shape (G, G)
        Similarity, 1 on the diagonal, and its 95 % interval: 1.96 standard errors of the jackknife over parts. (The
        bootstrap has the same part several times, which looks like coherence.) Fake and real parts are left out one
        by one, so that the interval is too wide where part i of both shows the same content.
    p_value : ndarray, shape (G, G)
        Probability of as great a similarity where nothing is shared; not corrected for the number of pairs. For log
        powers by the jackknife (`product_p_value`), for the other measures by permutation.
    """

    measure: Measure
    names: tuple[str, ...]
    values: Float
    low: Float
    high: Float
    p_value: Float


@dataclass(frozen=True, repr=False)
class Cluster(Summarised):
    """A cluster of sets with similar fingerprints.

    Parameters
    ----------
    members : tuple of str
        Names of the sets.
    height : float
        1 less the mean similarity at which the last of them joined. Only sets that are alike at all, below 1, join.
    support : float
        Share of the bootstrap's trees that have this very cluster.
    """

    members: tuple[str, ...]
    height: float
    support: float


def similarity(
    fingerprints: Sequence[Fingerprint],
    measure: Measure = "coherent",
    *,
    permutations: int = 199,
    seed: int = 0,
) -> Similarity:
    """Compare every fingerprint with every other.

    Parameters
    ----------
    fingerprints : sequence of Fingerprint
        Two or more, of one spec.
    measure : {"coherent", "log_power", "peaks", "lattice"}
        "coherent": correlation of the mean spectra, phases and all, each bin in units of what chance gives it, and
        shrunk by what chance gives among all; the real side's mean is taken off. "log_power": correlation of the mean
        log powers, fake less real, without their radial means. "peaks": Jaccard index of the bins that are coherent
        (false discovery rate 0.05). "lattice": the same of N R at the multiples of 1/16, as far as it is beyond chance,
        weighted by its logarithm (Ruzicka). All above 1/16 cycles per pixel.
    permutations : int
        Number of permutations for the p-value: for "coherent" phases turned at random, bin by bin; for "peaks" and
        "lattice" bins exchanged within rings. "log_power" needs none: log powers are smooth over bins, so that
        exchanged bins are no null, and parts of the sets are left out instead.
    seed : int
        Random seed.

    Returns
    -------
    Similarity
        A symmetric matrix, with intervals, p-values and clusters.

    Raises
    ------
    ValueError
        Fewer than two fingerprints, other specs, or no such measure.

    Examples
    --------
    Two sets share a trace of period 2, and a third has none.

    >>> from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
    >>> rng = np.random.default_rng(0)
    >>> trace = np.kron(np.ones((32, 32)), [[2.0, 1.0], [1.0, 1.0]])
    >>> def parts(factor):
    ...     images = factor * rng.uniform(60, 90, (10, 64, 64))
    ...     return tuple(SpectrumAccumulator(SpectrumSpec(size=64)).update(image[None]).result() for image in images)
    >>> sets = [Fingerprint("a", parts(trace)), Fingerprint("b", parts(trace)), Fingerprint("noise", parts(1.0))]
    >>> similarity(sets, permutations=19).values.round(1).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    _check(fingerprints, measure)
    rng = np.random.default_rng(seed)
    shape = fingerprints[0].shape
    several = [features(fingerprint.sides(measure), measure, shape) for fingerprint in fingerprints]
    plain = Compared.of(several, measure, shape)
    values = plain.pairs()
    reach = 1.96 * _standard_errors(fingerprints, plain)
    low, high = np.maximum(values - reach, -1.0), np.minimum(values + reach, 1.0)
    if measure == "log_power":
        p_value = _log_power_p_values(fingerprints)
    else:
        p_value = _permuted_p_values(several, values, measure, shape, permutations, rng)
    np.fill_diagonal(p_value, 1 / (1 + permutations))
    return Similarity(measure, tuple(fingerprint.name for fingerprint in fingerprints), values, low, high, p_value)


def _log_power_p_values(fingerprints: Sequence[Fingerprint]) -> Float:
    """P-values of pairs, by leaving out parts; images that two sets have beside them count for both."""
    shape = fingerprints[0].shape
    roots = np.sqrt(bin_weights(shape))

    def vectors(levels: Float) -> Float:
        return np.asarray((without_rings(levels, shape) * roots).reshape(*levels.shape[:-2], roots.size))

    means = []
    for fingerprint in fingerprints:
        fake, real = fingerprint.stacked
        level, parts = fake.level, [left_out_means(fake.all_log_power, fake.all_crops)]
        if real is not None:
            others = left_out_means(real.all_log_power, real.all_crops)
            if len(real.counts) == len(fake.counts):
                parts = [parts[0] - others]  # where both sides show the same content, so do their parts
            else:
                parts = [parts[0] - real.level, level - others]
            level = level - real.level
        means.append(JackknifeMean.of(vectors(level), *map(vectors, parts)))
    hashes = [[part.inputs_sha256 for part in fingerprint.real] for fingerprint in fingerprints]
    p_value = np.ones((len(means), len(means)))
    for a in range(len(means)):
        for b in range(a):
            together = shared_parts(hashes[a], hashes[b]) and len(means[a].deviations) == len(means[b].deviations)
            p_value[a, b] = p_value[b, a] = product_p_value(means[a], means[b], together=together)
    return p_value


def _permuted_p_values(
    plain: Sequence[NDArray[np.generic]],
    values: Float,
    measure: Measure,
    shape: tuple[int, int],
    permutations: int,
    rng: np.random.Generator,
) -> Float:
    """P-values of pairs, by turning phases or exchanging bins of either side."""
    compared = Compared.of(plain, measure, shape)
    beyond = np.zeros_like(values)
    draws = [
        turns(features, shape) if measure == "coherent" else exchanges(features, shape, lattice=measure == "lattice")
        for features in plain
    ]
    count, left = len(plain), permutations
    several = max(1, _AT_ONCE // (count * plain[0].size))
    while left > 0:
        rounds = min(several, left)
        null = Compared.of([draw(rng) for _ in range(rounds) for draw in draws], measure, shape)
        likeness = compared.with_each(null).reshape(count, rounds, count)
        # As alike is as great: equal sums of other orders differ in their last bits.
        beyond += np.count_nonzero(likeness >= values[:, None] - 1e-12, axis=1)
        left -= rounds
    return np.asarray((1 + (beyond + beyond.T) / 2) / (1 + permutations))


def clusters(
    fingerprints: Sequence[Fingerprint], measure: Measure = "coherent", *, resamples: int = 200, seed: int = 0
) -> tuple[Cluster, ...]:
    """Cluster fingerprints by average linkage, with bootstrap support.

    Parameters
    ----------
    fingerprints, measure, seed
        Three fingerprints or more, and how to compare them; see `similarity`.
    resamples : int
        Number of bootstrap samples of the parts.

    Returns
    -------
    tuple of Cluster
        From the tightest on; sets that are alike in nothing are in none.

    Raises
    ------
    ValueError
        As `similarity`.
    """
    _check(fingerprints, measure)
    rng = np.random.default_rng(seed)
    shape = fingerprints[0].shape
    names = tuple(fingerprint.name for fingerprint in fingerprints)
    several = [features(fingerprint.sides(measure), measure, shape) for fingerprint in fingerprints]
    tree = average_linkage(Compared.of(several, measure, shape).pairs())
    count = dict.fromkeys(tree, 0)
    for sample in _resampled(fingerprints, measure, resamples, rng):
        for members in average_linkage(sample.pairs()):
            if members in count:
                count[members] += 1
    result = [
        Cluster(tuple(names[i] for i in sorted(members)), height, count[members] / max(1, resamples))
        for members, height in tree.items()
    ]
    return tuple(sorted(result, key=lambda cluster: (cluster.height, cluster.members)))


def shared_map(fingerprints: Sequence[Fingerprint]) -> NDArray[np.int64]:
    """Count in how many sets each bin is coherent, at a false discovery rate of 0.05 within each.

    Parameters
    ----------
    fingerprints : sequence of Fingerprint
        Fingerprints of one spec.

    Returns
    -------
    ndarray of int, shape (H, W)
        DC at the middle.
    """
    _check(fingerprints, "peaks")
    height, width = fingerprints[0].shape
    counts = sum(
        significant_bins(fingerprint.stacked[0], (height, width)).astype(np.int64) for fingerprint in fingerprints
    )
    return np.asarray(full_plane(np.asarray(counts), width), np.int64)


def _check(fingerprints: Sequence[Fingerprint], measure: str) -> None:
    if measure not in get_args(Measure):
        raise ValueError(f"measure must be one of {', '.join(get_args(Measure))}; got {measure!r}")
    if len(fingerprints) < 2:
        raise ValueError(f"fingerprints must be two or more, got {len(fingerprints)}")
    if len({fingerprint.fake[0].spec for fingerprint in fingerprints}) != 1:
        raise ValueError("fingerprints must have one spec")


def _standard_errors(fingerprints: Sequence[Fingerprint], plain: Compared) -> Float:
    """Of all pairs, by leaving out one part of one side of one set at a time."""
    count, measure = len(fingerprints), plain.measure
    variance = np.zeros((count, count))
    for a, fingerprint in enumerate(fingerprints):
        fake, real = fingerprint.sides(measure)
        others = [b for b in range(count) if b != a]
        left_out: list[list[Sides]] = [[(fake.without(part), real) for part in range(len(fake.counts))]]
        if real is not None:
            left_out.append([(fake, real.without(part)) for part in range(len(real.counts))])
        for sides in left_out:
            if len(sides) < 2:
                continue
            several = [features(side, measure, fingerprint.shape) for side in sides]
            values = Compared.of(several, measure, fingerprint.shape).with_each(plain[others])
            spread = (len(sides) - 1) * values.var(axis=0)
            variance[a, others] += spread
            variance[others, a] += spread
    return np.asarray(np.sqrt(variance))


def _resampled(
    fingerprints: Sequence[Fingerprint], measure: Measure, resamples: int, rng: np.random.Generator
) -> Iterator[Compared]:
    """Draw the parts of every set, side by side, with replacement."""
    pairs = [fingerprint.sides(measure) for fingerprint in fingerprints]
    shape = fingerprints[0].shape
    for _ in range(resamples):
        drawn = [(fake.drawn(rng), None if real is None else real.drawn(rng)) for fake, real in pairs]
        yield Compared.of([features(sides, measure, shape) for sides in drawn], measure, shape)
