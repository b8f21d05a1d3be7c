"""What generators have in common: fingerprints, how alike they are and how surely, and how they cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations as ordered_pairs
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.linkage import average_linkage
from freqforensics.runtime.showing import Summarised
from freqforensics.spectra.jackknife import JackknifeMean, left_out_means, product_p_value, shared_parts
from freqforensics.spectra.nulls import coherence_p_value, full_plane, self_conjugate_bins
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.rings import CONTENT, bin_weights, exchanged, on_lattice, turned, without_rings

Measure = Literal["coherent", "log_power", "peaks", "lattice"]
Float = NDArray[np.float64]

FDR: Final = 0.05


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

    @property
    def images(self) -> int:
        """Generated images."""
        return sum(part.images for part in self.fake)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the crops."""
        return self.fake[0].spec.shape

    @cached_property
    def stacked(self) -> tuple[_Side, _Side | None]:
        """Sums of fake and real parts, as arrays."""
        return _Side.of(self.fake), _Side.of(self.real) if self.real else None


@dataclass(frozen=True, eq=False)
class _Side:
    """Sums of parts: images and crops (C,), and arrays (C, H, W // 2 + 1), of which some are `chosen`."""

    all_counts: Float
    all_crops: Float
    all_f: NDArray[np.complex128]
    all_power: Float
    all_log_power: Float
    chosen: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, parts: Sequence[MeanSpectrum]) -> _Side:
        return cls(
            np.array([part.images for part in parts], np.float64),
            np.array([part.crops for part in parts], np.float64),
            np.stack([part.sums.f for part in parts]).reshape(len(parts), *parts[0].sums.f.shape[-2:]),
            np.stack([part.sums.image_power for part in parts]).reshape(len(parts), *parts[0].sums.f.shape[-2:]),
            np.stack([part.sums.log_power for part in parts]).reshape(len(parts), *parts[0].sums.f.shape[-2:]),
        )

    @property
    def counts(self) -> Float:
        """Number of images of each part."""
        return self._taken(self.all_counts)

    @property
    def f(self) -> NDArray[np.complex128]:
        """Sum of F over the parts, (H, W // 2 + 1)."""
        return np.asarray(self._taken(self.all_f).sum(axis=0))

    @property
    def power(self) -> Float:
        """Sum of |F|^2 over the parts, (H, W // 2 + 1)."""
        return np.asarray(self._taken(self.all_power).sum(axis=0))

    def level(self) -> Float:
        """Mean log power, (H, W // 2 + 1)."""
        return np.asarray(self._taken(self.all_log_power).sum(axis=0) / self._taken(self.all_crops).sum())

    def drawn(self, rng: np.random.Generator) -> _Side:
        """As many parts, drawn with replacement."""
        return replace(self, chosen=np.sort(rng.integers(0, len(self.all_counts), len(self.all_counts))))

    def without(self, part: int) -> _Side:
        """All parts but one."""
        return replace(self, chosen=np.delete(np.arange(len(self.all_counts)), part))

    def _taken(self, parts: NDArray[Any]) -> NDArray[Any]:
        """Take the chosen parts only now: no measure looks at all sums."""
        return parts if self.chosen is None else parts[self.chosen]


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
    plain = [_features(print_.stacked, measure, shape) for print_ in fingerprints]
    compare = _comparison(measure, shape)
    values = _pairs(plain, compare)
    reach = 1.96 * _standard_errors(fingerprints, plain, measure, compare)
    low, high = np.maximum(values - reach, -1.0), np.minimum(values + reach, 1.0)
    if measure == "log_power":
        p_value = _log_power_p_values(fingerprints)
    else:
        p_value = _permuted_p_values(plain, values, measure, shape, permutations, rng)
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
        level, parts = fake.level(), [left_out_means(fake.all_log_power, fake.all_crops)]
        if real is not None:
            others = left_out_means(real.all_log_power, real.all_crops)
            if len(real.counts) == len(fake.counts):
                parts = [parts[0] - others]  # where both sides show the same content, so do their parts
            else:
                parts = [parts[0] - real.level(), level - others]
            level = level - real.level()
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
    compare = _comparison(measure, shape)
    beyond = np.zeros_like(values)
    for _ in range(permutations):
        null = [
            turned(features, shape, rng)
            if measure == "coherent"
            else exchanged(features, shape, rng, lattice=measure == "lattice")
            for features in plain
        ]
        for a, b in ordered_pairs(range(len(plain)), 2):
            beyond[a, b] += compare(plain[a], null[b]) >= values[a, b]
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
    compare = _comparison(measure, shape)
    names = tuple(fingerprint.name for fingerprint in fingerprints)
    tree = average_linkage(
        _pairs([_features(fingerprint.stacked, measure, shape) for fingerprint in fingerprints], compare)
    )
    count = dict.fromkeys(tree, 0)
    for sample in _resampled(fingerprints, measure, resamples, rng):
        for members in average_linkage(_pairs(sample, compare)):
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
    counts = sum(_significant(fingerprint.stacked[0], (height, width)).astype(np.int64) for fingerprint in fingerprints)
    return np.asarray(full_plane(np.asarray(counts), width), np.int64)


def _check(fingerprints: Sequence[Fingerprint], measure: str) -> None:
    if measure not in get_args(Measure):
        raise ValueError(f"measure must be one of {', '.join(get_args(Measure))}; got {measure!r}")
    if len(fingerprints) < 2:
        raise ValueError(f"fingerprints must be two or more, got {len(fingerprints)}")
    if len({fingerprint.fake[0].spec for fingerprint in fingerprints}) != 1:
        raise ValueError("fingerprints must have one spec")


def _features(sides: tuple[_Side, _Side | None], measure: Measure, shape: tuple[int, int]) -> NDArray[np.generic]:
    """What is compared of a set, (H, W // 2 + 1)."""
    fake, real = sides
    count = fake.counts.sum()
    if measure == "log_power":
        return fake.level() if real is None else np.asarray(fake.level() - real.level())
    if measure == "coherent":
        mean, variance = fake.f / count, fake.power / count**2
        if real is not None:
            others = real.counts.sum()
            mean = mean - real.f / others
            variance = variance + real.power / others**2
        z = mean / np.sqrt(np.maximum(variance, 1e-300))
        # Of random phases |z|^2 is exponential: what chance alone gives among so many bins is taken off (the
        # universal threshold of Donoho and Johnstone 1994), or noise in thousands of bins would hide a few lines.
        power_of_z = np.abs(z) ** 2
        shrinkage = np.maximum(0.0, 1 - np.log(CONTENT.mask(shape).sum()) / np.maximum(power_of_z, 1e-300))
        return np.asarray(z * shrinkage)
    if measure == "peaks":
        return _significant(fake, shape)
    nr = np.abs(fake.f) ** 2 / np.maximum(fake.power, 1e-300)
    on = on_lattice(shape)
    return np.asarray(np.where(on, np.log1p(np.maximum(0.0, nr - np.log(on.sum()))), 0.0))


def _significant(side: _Side, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return coherent_bins(side.f, side.power, float(side.counts.sum()), shape)


def coherent_bins(f: NDArray[np.complex128], power: Float, images: float, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Find the bins above 1/16 cycles per pixel that are coherent, at a false discovery rate of 0.05.

    Parameters
    ----------
    f, power : ndarray, shape (H, W // 2 + 1)
        Sums over images of F and |F|^2.
    images : float
        Summed.
    shape : (int, int)
        H and W.

    Returns
    -------
    ndarray of bool, shape (H, W // 2 + 1)
    """
    r = np.abs(f) ** 2 / np.maximum(power * images, 1e-300)
    p = coherence_p_value(np.minimum(r, 1.0), int(images), self_conjugate=self_conjugate_bins(shape))
    inside = CONTENT.mask(shape)
    # Benjamini and Hochberg (1995): only p-values up to the rate itself can be below their step.
    small = np.sort(p[inside & (p <= FDR)])
    below = np.flatnonzero(small * (np.count_nonzero(inside) / np.arange(1, small.size + 1)) <= FDR)
    return inside & (p <= small[below[-1]]) if below.size else np.zeros(p.shape, bool)


def _comparison(
    measure: Measure, shape: tuple[int, int]
) -> Callable[[NDArray[np.generic], NDArray[np.generic]], float]:
    weights = bin_weights(shape)

    def correlation(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
        norm = np.sqrt((weights * np.abs(a) ** 2).sum() * (weights * np.abs(b) ** 2).sum())
        return float((weights * (a * np.conj(b)).real).sum() / norm) if norm else 0.0

    def jaccard(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
        either = float((weights * np.maximum(a, b)).sum())
        return float((weights * np.minimum(a, b)).sum()) / either if either else 0.0

    if measure == "coherent":
        return correlation
    if measure == "log_power":
        return lambda a, b: correlation(without_rings(a, shape), without_rings(b, shape))
    return jaccard


def _standard_errors(
    fingerprints: Sequence[Fingerprint],
    plain: Sequence[NDArray[np.generic]],
    measure: Measure,
    compare: Callable[[NDArray[np.generic], NDArray[np.generic]], float],
) -> Float:
    """Of all pairs, by leaving out one part of one side of one set at a time."""
    count = len(fingerprints)
    variance = np.zeros((count, count))
    for a, fingerprint in enumerate(fingerprints):
        fake, real = fingerprint.stacked
        others = [b for b in range(count) if b != a]
        left_out: list[list[tuple[_Side, _Side | None]]] = [
            [(fake.without(part), real) for part in range(len(fake.counts))]
        ]
        if real is not None:
            left_out.append([(fake, real.without(part)) for part in range(len(real.counts))])
        for sides in left_out:
            if len(sides) < 2:
                continue
            values = np.array(
                [[compare(_features(side, measure, fingerprint.shape), plain[b]) for b in others] for side in sides]
            )
            spread = (len(sides) - 1) * values.var(axis=0)
            variance[a, others] += spread
            variance[others, a] += spread
    return np.asarray(np.sqrt(variance))


def _resampled(
    fingerprints: Sequence[Fingerprint], measure: Measure, resamples: int, rng: np.random.Generator
) -> list[list[NDArray[np.generic]]]:
    samples = []
    for _ in range(resamples):
        sample = []
        for fingerprint in fingerprints:
            fake, real = fingerprint.stacked
            sides = fake.drawn(rng), None if real is None else real.drawn(rng)
            sample.append(_features(sides, measure, fingerprint.shape))
        samples.append(sample)
    return samples


def _pairs(
    features: Sequence[NDArray[np.generic]], compare: Callable[[NDArray[np.generic], NDArray[np.generic]], float]
) -> Float:
    values = np.eye(len(features))
    for a in range(len(features)):
        for b in range(a):
            values[a, b] = values[b, a] = compare(features[a], features[b])
    return values
