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
CONTENT_SHIFT: Final = 0.75
"""Chosen by miniatures of 17 families, known from 300 photographs of BSDS500 and asked about by sets of 50 (68 of
ImageNet's photographs; 51 of other BSDS500's). Of ImageNet's 81 % are named (76 % right, 4 % a twin; the rest unknown),
and 94 % are unknown where their family is left out; at a shift of 0 it is 44 % and 99 %, at 1 85 % and 85 %. Of
BSDS500's all are named rightly, and 84 % unknown where their family is left out (the others are called a twin); at a
shift of 0 it is 90 % and 96 %."""
_COMPONENTS: Final = 6


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


class KnownGenerators:
    """Generators whose images are known, to hold sets against.

    The log power of the residual, above 1/16 cycles per pixel, is compared bin by bin. A generator is not ruled out
    where sets of the same size, drawn from its own images, are as far from its other images. These are not drawn
    evenly: a set that is asked about shows something else, so the draws favour some content, too. That is a test of
    *these networks*: another training of the same architecture may well be "unknown".

    Parameters
    ----------
    known : sequence of Fingerprint
        Of one spec, with eight parts or more each; parts of one image each serve best. Where all of these have real
        parts, as many as fake ones (part i of both of like content), and so has a set, real levels are taken off.
    draws : int
        Of the null, for each generator.
    content_shift : float
        How far the draws' content is moved: a part is drawn with a probability that grows as exp(shift z), z its place
        along a random direction among the first six principal components of the real parts' (where there are none, its
        own) log powers, in standard deviations. 0: evenly.
    seed : int

    Raises
    ------
    ValueError
        No known generator, too few parts, other specs, `draws` under 19 (no p-value could be 0.05), a negative shift.
    """

    def __init__(
        self,
        known: Sequence[Fingerprint],
        *,
        draws: int = 199,
        content_shift: float = CONTENT_SHIFT,
        seed: int = 0,
    ) -> None:
        if not known:
            raise ValueError("known must hold one fingerprint at least")
        if draws < 19:
            raise ValueError(f"draws must be at least 19, got {draws}")
        if not content_shift >= 0:
            raise ValueError(f"content_shift must be at least 0, got {content_shift}")
        for one in known:
            if one.fake[0].spec != known[0].fake[0].spec:
                raise ValueError(f"{one.name} and {known[0].name} must have one spec")
            if len(one.fake) < FEWEST_PARTS:
                raise ValueError(f"{one.name}: a known generator needs {FEWEST_PARTS} parts, got {len(one.fake)}")
        self.known = tuple(known)
        self.draws, self.content_shift, self.seed = draws, content_shift, seed
        self._parts: dict[tuple[int, bool], _Parts] = {}
        self._nulls: dict[tuple[int, bool, int], Float] = {}

    def find(self, queried: Fingerprint) -> Origin:
        """Name the generator that a set of images is from, or none.

        Parameters
        ----------
        queried : Fingerprint
            The set, of the same spec; one image is enough.

        Returns
        -------
        Origin

        Raises
        ------
        ValueError
            Another spec.
        """
        if queried.fake[0].spec != self.known[0].fake[0].spec:
            raise ValueError(f"{queried.name} and {self.known[0].name} must have one spec")
        matched = all(len(one.real) == len(one.fake) for one in (queried, *self.known))
        asked = _Parts.of(queried, matched)
        images = float(asked.counts.sum())
        level = asked.counts @ asked.levels / images
        found = []
        for index, one in enumerate(self.known):
            if (index, matched) not in self._parts:
                self._parts[index, matched] = _Parts.of(one, matched)
            parts = self._parts[index, matched]
            # A set as large as the one asked about, and never more than half of what there is.
            taken = int(np.clip(round(images / parts.counts.mean()), 1, len(parts.counts) // 2))
            null = self._nulls.get((index, matched, taken))
            if null is None:
                rng = np.random.default_rng([self.seed, index, taken])
                null = self._nulls[index, matched, taken] = parts.null(taken, self.draws, self.content_shift, rng)
            distance = _distance(level, images, parts.levels, parts.counts)
            p_value = (1 + int((null >= distance).sum())) / (1 + self.draws)
            found.append(Candidate(one.name, distance / float(np.median(null)), p_value))
        found.sort(key=lambda candidate: candidate.distance)
        name = found[0].name if found[0].p_value > UNKNOWN_AT else None
        return Origin(queried.name, int(images), name, matched, tuple(found))


@dataclass(frozen=True, eq=False)
class _Parts:
    """A set's log powers by part, (C, bins), images of each part, (C,), and where its content lies, (C, 6)."""

    levels: Float
    counts: Float
    content: Float

    @classmethod
    def of(cls, one: Fingerprint, matched: bool) -> _Parts:
        inside = half_plane_weights(one.shape) * CONTENT.mask(one.shape) > 0
        fake, real = one.stacked
        levels = content = fake.log_power[:, inside] / fake.crops[:, None]
        if matched and real is not None:
            content = real.log_power[:, inside] / real.crops[:, None]
            levels = levels - content
        u, size, _ = np.linalg.svd(content - content.mean(axis=0), full_matrices=False)
        main = u[:, : min(_COMPONENTS, int((size > 1e-9 * size[0]).sum()))]
        return cls(np.asarray(levels), fake.counts, np.asarray(main * np.sqrt(len(levels))))

    def null(self, taken: int, draws: int, shift: float, rng: np.random.Generator) -> Float:
        """Distances of drawn sets of parts from the rest."""
        found = np.empty(draws)
        for draw in range(draws):
            direction = rng.normal(size=self.content.shape[1])
            along = self.content @ direction / max(float(np.linalg.norm(direction)), 1e-300)
            weights = np.exp(shift * (along - along.max(initial=0)))
            chosen = np.zeros(len(weights), bool)
            chosen[rng.choice(len(weights), taken, replace=False, p=weights / weights.sum())] = True
            own = self.counts[chosen]
            level = own @ self.levels[chosen] / own.sum()
            found[draw] = _distance(level, float(own.sum()), self.levels[~chosen], self.counts[~chosen])
        return found


def _distance(level: Float, images: float, levels: Float, counts: Float) -> float:
    """Mean square of a difference in standard errors; of parts with `counts` images each."""
    total = counts.sum()
    mean = counts @ levels / total
    # Of one image, from parts of several.
    variance = counts @ (levels - mean) ** 2 / (len(counts) - 1)
    variance = np.maximum(variance, 1e-3 * np.median(variance) + 1e-300)
    return float(np.mean((level - mean) ** 2 / (variance * (1 / images + 1 / total))))
