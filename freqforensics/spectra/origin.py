"""Which of some known generators made a set of images, or none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.spectra.fingerprint import CONTENT, Fingerprint
from freqforensics.spectra.nulls import half_plane_weights

Float = NDArray[np.float64]

UNKNOWN_AT: Final = 0.05
FEWEST_PARTS: Final = 8
"""Of a known generator, to draw sets from."""


@dataclass(frozen=True)
class Candidate:
    """One known generator, held against a set.

    Parameters
    ----------
    name : str
    distance : float
        Mean square of the difference of log powers, in standard errors, over the median of the same for sets drawn from
        the generator's own images: about 1 for its images.
    p_value : float
        Share of sets of this size, drawn from the generator's own images, that are as far from the rest of them.
    """

    name: str
    distance: float
    p_value: float


@dataclass(frozen=True)
class Origin:
    """The known generator whose images a set's are like.

    Parameters
    ----------
    set : str
        Name of the fingerprint asked about.
    images : int
    name : str or None
        Of the nearest candidate; None is "unknown": its own images are as far from it in at most 5 % of draws.
    content_matched : bool
        Every set has real images beside it, whose spectra were taken off. Without, content counts, too.
    candidates : tuple of Candidate
        From the nearest.
    """

    set: str
    images: int
    name: str | None
    content_matched: bool
    candidates: tuple[Candidate, ...]

    @property
    def p_value(self) -> float:
        """Of the nearest candidate."""
        return self.candidates[0].p_value

    def to_json(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return {**asdict(self), "p_value": self.p_value, "candidates": [asdict(one) for one in self.candidates]}


@dataclass(frozen=True, eq=False)
class _Known:
    """A generator's parts: log powers (C, bins), images of each, and the null of sets of one size."""

    name: str
    levels: Float
    counts: Float
    null: Float

    def distance(self, level: Float, images: float) -> float:
        return _distance(level, images, self.levels, self.counts)


def find_origin(queried: Fingerprint, known: Sequence[Fingerprint], *, draws: int = 199, seed: int = 0) -> Origin:
    """Name the known generator that a set of images is from, or none.

    The log power of the residual, above 1/16 cycles per pixel, is compared bin by bin. A generator is not ruled out
    where sets of the same size, drawn from its own images, are as far from its other images. That is a test of *these
    networks*: another training of the same architecture may well be "unknown".

    Parameters
    ----------
    queried : Fingerprint
        The set; one image is enough.
    known : sequence of Fingerprint
        Of the same spec, with eight parts or more each. Where all of these, and the set, have real parts, as many as
        fake ones (part i of both of like content), real levels are taken off.
    draws : int
        Of the null, for each generator.
    seed : int

    Returns
    -------
    Origin

    Raises
    ------
    ValueError
        No known generator, too few parts, other specs, or `draws` under 19: no p-value could be 0.05.
    """
    if not known:
        raise ValueError("known must hold one fingerprint at least")
    if draws < 19:
        raise ValueError(f"draws must be at least 19, got {draws}")
    for one in known:
        if one.fake[0].spec != queried.fake[0].spec:
            raise ValueError(f"{one.name} and {queried.name} must have one spec")
        if len(one.fake) < FEWEST_PARTS:
            raise ValueError(f"{one.name}: a known generator needs {FEWEST_PARTS} parts, got {len(one.fake)}")
    matched = all(len(one.real) == len(one.fake) for one in (queried, *known))
    inside = _weights(queried.shape) > 0
    rng = np.random.default_rng(seed)
    levels, counts = _levels(queried, inside, matched)
    level = counts @ levels / counts.sum()
    found = []
    for one in known:
        own = _known(one, inside, matched, counts.sum(), draws, rng)
        distance = own.distance(level, counts.sum())
        p_value = (1 + int((own.null >= distance).sum())) / (1 + draws)
        found.append(Candidate(one.name, distance / float(np.median(own.null)), p_value))
    found.sort(key=lambda candidate: candidate.distance)
    name = found[0].name if found[0].p_value > UNKNOWN_AT else None
    return Origin(queried.name, int(counts.sum()), name, matched, tuple(found))


def _weights(shape: tuple[int, int]) -> Float:
    full = np.broadcast_to(half_plane_weights(shape), (shape[0], shape[1] // 2 + 1))
    return np.asarray(full * CONTENT.mask(shape), np.float64)


def _levels(one: Fingerprint, inside: NDArray[np.bool_], matched: bool) -> tuple[Float, Float]:
    """Log power of every part, (C, bins), and its images, (C,)."""
    fake, real = one.stacked
    levels = fake.log_power[:, inside] / fake.crops[:, None]
    if matched and real is not None:
        levels = levels - real.log_power[:, inside] / real.crops[:, None]
    return np.asarray(levels), fake.counts


def _known(
    one: Fingerprint, inside: NDArray[np.bool_], matched: bool, images: float, draws: int, rng: np.random.Generator
) -> _Known:
    levels, counts = _levels(one, inside, matched)
    # A set as large as the one asked about, and never more than half of what there is.
    taken = int(np.clip(round(images / counts.mean()), 1, len(counts) // 2))
    null = np.empty(draws)
    for draw in range(draws):
        order = rng.permutation(len(counts))
        chosen, rest = order[:taken], order[taken:]
        own = counts[chosen]
        null[draw] = _distance(own @ levels[chosen] / own.sum(), own.sum(), levels[rest], counts[rest])
    return _Known(one.name, levels, counts, null)


def _distance(level: Float, images: float, levels: Float, counts: Float) -> float:
    """Mean square of a difference in standard errors; of parts with `counts` images each."""
    total = counts.sum()
    mean = counts @ levels / total
    # Of one image, from parts of several.
    variance = counts @ (levels - mean) ** 2 / (len(counts) - 1)
    variance = np.maximum(variance, 1e-3 * np.median(variance) + 1e-300)
    return float(np.mean((level - mean) ** 2 / (variance * (1 / images + 1 / total))))
