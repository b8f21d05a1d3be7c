"""Measures of similarity: what is compared of the sums over a set's parts, and how alike many sets are at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from freqforensics.spectra.nulls import coherence_p_value, self_conjugate_bins
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.rings import CONTENT, bin_weights, on_lattice, without_rings

Measure = Literal["coherent", "log_power", "peaks", "lattice"]
Float = NDArray[np.float64]

FDR: Final = 0.05


@dataclass(frozen=True, eq=False)
class Side:
    """Sums of parts: images and crops (C,), and arrays (C, H, W // 2 + 1), of which some are `chosen`."""

    all_counts: Float
    all_crops: Float
    all_f: NDArray[np.complex128]
    all_power: Float
    all_log_power: Float
    chosen: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, parts: Sequence[MeanSpectrum]) -> Side:
        """Stack the sums of spectra of one plane."""
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
        return self._chosen(self.all_counts)

    @cached_property
    def f(self) -> NDArray[np.complex128]:
        """Sum of F over the parts, (H, W // 2 + 1)."""
        return self._sum(self.all_f)

    @cached_property
    def power(self) -> Float:
        """Sum of |F|^2 over the parts, (H, W // 2 + 1)."""
        return self._sum(self.all_power)

    @cached_property
    def level(self) -> Float:
        """Mean log power, (H, W // 2 + 1)."""
        return np.asarray(self._sum(self.all_log_power) / self._chosen(self.all_crops).sum())

    def drawn(self, rng: np.random.Generator) -> Side:
        """As many parts, drawn with replacement."""
        return replace(self, chosen=np.sort(rng.integers(0, len(self.all_counts), len(self.all_counts))))

    def without(self, part: int) -> Side:
        """All parts but one."""
        return replace(self, chosen=np.delete(np.arange(len(self.all_counts)), part))

    def at(self, bins: NDArray[np.bool_]) -> Side:
        """F and its power at some bins alone, (C, bins); there is no log power."""
        # In any other order of memory sums over parts would round differently.
        f, power = np.ascontiguousarray(self.all_f[:, bins]), np.ascontiguousarray(self.all_power[:, bins])
        return replace(self, all_f=f, all_power=power, all_log_power=self.all_log_power[:, :0])

    def _chosen(self, numbers: Float) -> Float:
        return numbers if self.chosen is None else numbers[self.chosen]

    def _sum(self, parts: NDArray[Any]) -> NDArray[Any]:
        """Add up the chosen parts only now: no measure looks at all sums. A copy of them would take as long."""
        if self.chosen is None:
            return np.asarray(parts.sum(axis=0))
        first, *others = self.chosen.tolist()
        total = np.array(parts[first])
        for part in others:
            np.add(total, parts[part], total)
        return total


Sides = tuple[Side, Side | None]
"""A generated set, and the real one beside it."""


def features(sides: Sides, measure: Measure, shape: tuple[int, int]) -> NDArray[np.generic]:
    """Give what a measure compares of a set.

    Parameters
    ----------
    sides : (Side, Side or None)
        Sums of the set; for "lattice" at the bins of `on_lattice` alone.
    measure : {"coherent", "log_power", "peaks", "lattice"}
        The measure.
    shape : (int, int)
        H and W.

    Returns
    -------
    ndarray, shape (H, W // 2 + 1)
        Shrunken z of the mean transform, complex; mean log power; whether a bin is coherent; or the log of coherence on
        the lattice, 0 elsewhere.
    """
    fake, real = sides
    if measure == "log_power":
        return fake.level if real is None else np.asarray(fake.level - real.level)
    if measure == "coherent":
        count = fake.counts.sum()
        mean, variance = fake.f / count, fake.power / count**2
        if real is not None:
            others = real.counts.sum()
            mean = mean - real.f / others
            variance = variance + real.power / others**2
        z = mean / np.sqrt(np.maximum(variance, 1e-300))
        # With random phases |z|^2 is exponential. The universal threshold (Donoho and Johnstone 1994) is about its
        # maximum over all bins. Without it the noise of thousands of bins would outweigh a few lines.
        power_of_z = np.abs(z) ** 2
        shrinkage = np.maximum(0.0, 1 - np.log(_compared(shape)) / np.maximum(power_of_z, 1e-300))
        return np.asarray(z * shrinkage)
    if measure == "peaks":
        return significant_bins(fake, shape)
    nr = np.abs(fake.f) ** 2 / np.maximum(fake.power, 1e-300)
    on = on_lattice(shape)
    plane = np.zeros(on.shape)
    plane[on] = np.log1p(np.maximum(0.0, nr - np.log(nr.size)))
    return plane


@lru_cache(maxsize=8)
def _compared(shape: tuple[int, int]) -> int:
    """Number of bins above 1/16 cycles per pixel."""
    return int(np.count_nonzero(CONTENT.mask(shape)))


def significant_bins(side: Side, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Find the coherent bins of a side, as `coherent_bins`.

    Parameters
    ----------
    side : Side
        Sums of the set.
    shape : (int, int)
        H and W.

    Returns
    -------
    ndarray of bool, shape (H, W // 2 + 1)
        Whether a bin is coherent.
    """
    return coherent_bins(side.f, side.power, float(side.counts.sum()), shape)


def coherent_bins(f: NDArray[np.complex128], power: Float, images: float, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Find the bins above 1/16 cycles per pixel that are coherent, at a false discovery rate of 0.05.

    Parameters
    ----------
    f, power : ndarray, shape (H, W // 2 + 1)
        Sums over images of F and |F|^2.
    images : float
        Number of images in the sums.
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
    below = np.flatnonzero(small * (_compared(shape) / np.arange(1, small.size + 1)) <= FDR)
    return inside & (p <= small[below[-1]]) if below.size else np.zeros(p.shape, bool)


@dataclass(frozen=True, eq=False)
class Compared:
    """Features of several sets, ready to be compared with those of others.

    Parameters
    ----------
    measure : {"coherent", "log_power", "peaks", "lattice"}
        The measure.
    vectors : ndarray, shape (K, bins)
        What each set is compared by.
    weighted : ndarray, shape (K, bins)
        The same, times the number of bins of the full plane that each bin represents.
    sizes : ndarray, shape (K,)
        Squared norms for correlations, and sums for the others.
    """

    measure: Measure
    vectors: NDArray[Any]
    weighted: NDArray[Any]
    sizes: Float

    @classmethod
    def of(cls, several: Sequence[NDArray[np.generic]], measure: Measure, shape: tuple[int, int]) -> Compared:
        """Prepare what `features` gives of each set."""
        planes = np.stack(several)
        if measure == "log_power":
            planes = without_rings(planes, shape)
        weights = bin_weights(shape).ravel()
        vectors = planes.reshape(len(planes), weights.size)
        # Weights are 0, 1 and 2: products with them are exact.
        weighted = weights * vectors
        if measure in ("peaks", "lattice"):
            return cls(measure, vectors, weighted, weighted.sum(axis=1))
        return cls(measure, vectors, weighted, (weights * np.abs(vectors) ** 2).sum(axis=1))

    def __getitem__(self, sets: slice | list[int]) -> Compared:
        return Compared(self.measure, self.vectors[sets], self.weighted[sets], self.sizes[sets])

    def with_each(self, others: Compared) -> Float:
        """Compare every set with every one of others, shape (K, K of the others).

        Parameters
        ----------
        others : Compared
            Features of the same measure.

        Notes
        -----
        Every sum runs over all bins in the same order, whatever else is compared: equal features give equal numbers,
        which p-values by permutation count on.
        """
        if self.measure == "peaks":  # sums of small integers, exact in any order
            common = self.weighted @ others.vectors.T
            return _quotient(common, self.sizes[:, None] + others.sizes - common)
        result = np.zeros((len(self.sizes), len(others.sizes)))
        conjugates = np.conj(others.vectors) if np.iscomplexobj(others.vectors) else others.vectors
        # Rows of the longer side at once.
        if len(self.sizes) < len(others.sizes):
            for row, (weighted, size) in enumerate(zip(self.weighted, self.sizes, strict=True)):
                result[row] = self._likeness(weighted, size, others.weighted, conjugates, others.sizes)
        else:
            for column, weighted in enumerate(others.weighted):
                result[:, column] = self._likeness(
                    self.weighted, self.sizes, weighted, conjugates[column], others.sizes[column]
                )
        return result

    def _likeness(
        self, first: NDArray[Any], first_size: Float, second: NDArray[Any], conjugate: NDArray[Any], second_size: Float
    ) -> Float:
        """Compare several sets with one, or one with several, of which the second are weighted and unweighted."""
        if self.measure == "lattice":
            return _quotient(np.minimum(first, second).sum(axis=1), np.maximum(first, second).sum(axis=1))
        return _quotient((first * conjugate).real.sum(axis=1), np.sqrt(first_size * second_size))

    def pairs(self) -> Float:
        """Compare every set with every other, shape (K, K); 1 on the diagonal."""
        count = len(self.sizes)
        values = np.eye(count)
        for index in range(count - 1):
            column = self[slice(index + 1, None)].with_each(self[slice(index, index + 1)])[:, 0]
            values[index + 1 :, index] = values[index, index + 1 :] = column
        return values


def _quotient(part: Float, whole: Float) -> Float:
    """Divide; nothing over nothing is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)
