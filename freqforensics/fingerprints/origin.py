"""Which of some known generators made a set of images, or none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.fingerprint import Fingerprint
from freqforensics.runtime.showing import Summarised
from freqforensics.spectra.nulls import half_plane_weights
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.rings import CONTENT

Float = NDArray[np.float64]

UNKNOWN_AT: Final = 0.05
FEWEST_PARTS: Final = 8
"""Of a known generator, to draw sets from."""
CONTENT_SHIFT: Final = 1.0
REAL: Final = "real images"
"""Name of the candidate that is no generator: the known sets' real images. Where it is nearest, nothing is named."""
_NUISANCE: Final = 3
"""Directions in which images of one set differ most (contrast, sharpness); they are taken out, or hide the rest."""
_PARTS_FOR_ONE: Final = 50
"""Of a direction: of few parts it would be what they happen to differ in, and no other images do."""
_PAIRED: Final = 0.08
"""Mean correlation of fake with real parts from which both sides show the same content. Measured: 0.13 to 0.93 of
miniatures, 0.19 of cyclegan, between -0.03 and 0.04 of sets of other content."""
_COMPONENTS: Final = 6


@dataclass(frozen=True)
class Candidate:
    """A known generator compared with a set of images.

    Parameters
    ----------
    name : str
        ``"real images"``: the known sets' real images, as if they were a generator's.
    distance : float
        Mean square of the difference of log powers, in standard errors, over the median of the same for sets drawn from
        the generator's own images: about 1 for its images.
    p_value : float
        Share of sets of this size, drawn from the generator's own images, that are as far from the rest of them.
    """

    name: str
    distance: float
    p_value: float


@dataclass(frozen=True, repr=False)
class Origin(Summarised):
    """The known generator that a set of images is attributed to.

    Parameters
    ----------
    set : str
        Name of the fingerprint in question.
    images : int
        Number of images of the set.
    name : str or None
        Name of the nearest candidate; None is "unknown": real images are nearer, or the candidate's own images are as
        far from it in at most 5 % of draws.
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
        """p-value of the nearest candidate."""
        return self.candidates[0].p_value

    def to_json(self) -> dict[str, Any]:
        """Give everything as JSON values."""
        return {
            **asdict(self),
            "p_value": self.p_value,
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }


class KnownGenerators:
    """Known generators that sets of images are compared with.

    The log power of the residual, above 1/16 cycles per pixel, is compared bin by bin, but for the three directions in
    which images of one set differ most. A generator is not ruled out where sets of the same size, drawn from its own
    images, are as far from its other images. These are not drawn evenly: a set that is asked about shows something
    else, so the draws favour some content, too. That is a test of *these networks*: another training of the same
    architecture may well be "unknown".

    Parameters
    ----------
    known : sequence of Fingerprint
        Fingerprints of one spec, with eight parts or more each; parts of one image each serve best. Where all of these
        have real parts, and so has a set, real levels are taken off.
    draws : int
        Number of sets drawn from each generator's images, for p-values.
    content_shift : float
        How far the draws' content is moved: a part is drawn with a probability that grows as exp(shift z), z its place
        along a random direction among the first six principal components of the real parts' (where there are none, its
        own) log powers, in standard deviations. 0: evenly.
    seed : int
        Random seed.

    Raises
    ------
    ValueError
        No known generator, too few parts, other specs, `draws` under 19 (no p-value could be 0.05), a negative shift.

    Notes
    -----
    Measured with half of biggan's, cyclegan's, dcgan's, pix2pix's, progan's and stargan's images known, with their real
    images: of the other halves four are named rightly, pix2pix's dcgan (of the same operator) and stargan's nothing;
    stable_diffusion, stylegan, stylegan2 and ten sets of photographs are unknown. Without real images beside the sets
    one of the ten sets of photographs is named. Miniatures: see the README. `_NUISANCE`, `CONTENT_SHIFT` and `_PAIRED`
    were chosen on these sets.
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
        for fingerprint in known:
            if fingerprint.fake[0].spec != known[0].fake[0].spec:
                raise ValueError(f"{fingerprint.name} and {known[0].name} must have one spec")
            if len(fingerprint.fake) < FEWEST_PARTS:
                raise ValueError(
                    f"{fingerprint.name}: a known generator needs {FEWEST_PARTS} parts, got {len(fingerprint.fake)}"
                )
        self.known = tuple(known)
        self.draws, self.content_shift, self.seed = draws, content_shift, seed
        self._shelves: dict[bool, _Shelf] = {}

    def find(self, queried: Fingerprint) -> Origin:
        """Attribute a set of images to a generator, or to none.

        Parameters
        ----------
        queried : Fingerprint
            The set, of the same spec; one image is enough.

        Returns
        -------
        Origin
            The generator or "unknown", with distances and a p-value.

        Raises
        ------
        ValueError
            Another spec.
        """
        if queried.fake[0].spec != self.known[0].fake[0].spec:
            raise ValueError(f"{queried.name} and {self.known[0].name} must have one spec")
        matched = all(fingerprint.real for fingerprint in (queried, *self.known))
        if matched not in self._shelves:
            self._shelves[matched] = _Shelf(self, matched)
        query = _Parts.of(queried, matched)
        candidates = self._shelves[matched].candidates(query)
        # Parts of the same content differ by less than real images of two contents: these are no measure of them.
        if query.paired:
            candidates = [candidate for candidate in candidates if candidate.name != REAL] or candidates
        nearest = candidates[0]
        name = nearest.name if nearest.p_value > UNKNOWN_AT and nearest.name != REAL else None
        return Origin(queried.name, int(query.fake.images), name, matched, tuple(candidates))


class _Shelf:
    """The known sets, with real levels taken off or not, and the nulls of sizes that were asked about."""

    def __init__(self, known: KnownGenerators, matched: bool) -> None:
        self.draws, self.shift, self.seed = known.draws, known.content_shift, known.seed
        parts = {fingerprint.name: _Parts.of(fingerprint, matched) for fingerprint in known.known}
        real = [_Side.of(fingerprint.real) for fingerprint in known.known if fingerprint.real]
        if real:
            levels, places = np.unique(np.concatenate([side.levels for side in real]), axis=0, return_index=True)
            counts = np.concatenate([side.counts for side in real])[places]
            order = np.random.default_rng(self.seed).permutation(len(levels))
            half = len(levels) // 2
            sides = [_Side(levels[some], counts[some]) for some in (order[:half], order[half : 2 * half])]
            if half >= FEWEST_PARTS:
                parts[REAL] = (
                    _Parts(sides[0], sides[1], False) if matched else _Parts(_Side(levels, counts), None, False)
                )
        rows = np.concatenate([sides.rows() for sides in parts.values()])
        self.nuisance = np.linalg.svd(rows, full_matrices=False)[2][: min(_NUISANCE, len(rows) // _PARTS_FOR_ONE)]
        self.content = {name: sides.content() for name, sides in parts.items()}
        self.parts = {name: sides.without(self.nuisance) for name, sides in parts.items()}
        self.nulls: dict[tuple[str, int, int], Float] = {}

    def candidates(self, query: _Parts) -> list[Candidate]:
        """Hold a set against every known one, and give them from the nearest."""
        query = query.without(self.nuisance)
        images = query.fake.images, 0.0 if query.real is None else query.real.images
        ranking = []
        for index, (name, parts) in enumerate(self.parts.items()):
            # A set as large as the one asked about, and never more than half of what there is.
            sides = (parts.fake,) if parts.real is None else (parts.fake, parts.real)
            taken = [
                int(np.clip(round(count / side.counts.mean()), 1, len(side.counts) // 2))
                for side, count in zip(sides, images, strict=False)
            ]
            key = (name, taken[0], taken[-1])
            if key not in self.nulls:
                rng = np.random.default_rng([self.seed, index, *taken])
                self.nulls[key] = self._null(parts, self.content[name], taken, rng)
            null = self.nulls[key]
            distance = parts.distance(query.level(), images)
            p_value = (1 + int((null >= distance).sum())) / (1 + self.draws)
            ranking.append(Candidate(name, distance / max(float(np.median(null)), 1e-300), p_value))
        return sorted(ranking, key=lambda candidate: candidate.distance)

    def _null(self, parts: _Parts, content: Sequence[Float], taken: Sequence[int], rng: np.random.Generator) -> Float:
        """Distances of drawn sets of parts from the rest."""
        distances = np.empty(self.draws)
        for draw in range(self.draws):
            direction = rng.normal(size=content[0].shape[1])
            direction /= max(float(np.linalg.norm(direction)), 1e-300)
            drawn = [self._drawn(places @ direction, count, rng) for places, count in zip(content, taken, strict=False)]
            if parts.paired:
                drawn = [drawn[0], drawn[0]]
            chosen, rest = parts.split(drawn)
            images = chosen.fake.images, 0.0 if chosen.real is None else chosen.real.images
            distances[draw] = rest.distance(chosen.level(), images)
        return distances

    def _drawn(self, along: Float, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        weights = np.exp(self.shift * (along - along.max(initial=0)))
        chosen = np.zeros(len(weights), bool)
        chosen[rng.choice(len(weights), count, replace=False, p=weights / weights.sum())] = True
        return chosen


@dataclass(frozen=True, eq=False)
class _Side:
    """Log powers of parts, (C, bins), and images of each, (C,)."""

    levels: Float
    counts: Float

    @classmethod
    def of(cls, parts: Sequence[MeanSpectrum]) -> _Side:
        shape = parts[0].spec.shape
        inside = half_plane_weights(shape) * CONTENT.mask(shape) > 0
        sums = np.stack([part.sums.log_power.reshape(inside.shape)[inside] / part.crops for part in parts])
        return cls(np.asarray(sums), np.array([part.images for part in parts], np.float64))

    @property
    def images(self) -> float:
        return float(self.counts.sum())

    def mean(self) -> Float:
        return np.asarray(self.counts @ self.levels / self.counts.sum())

    def variance(self, levels: Float | None = None) -> Float:
        """Of one image, from parts of several."""
        levels = self.levels if levels is None else levels
        mean = self.counts @ levels / self.counts.sum()
        return np.asarray(self.counts @ (levels - mean) ** 2 / max(1, len(self.counts) - 1))

    def centred(self) -> Float:
        return np.asarray(self.levels - self.levels.mean(axis=0))


@dataclass(frozen=True, eq=False)
class _Parts:
    """A set's two sides; `paired`: part i of both is of the same content."""

    fake: _Side
    real: _Side | None
    paired: bool

    @classmethod
    def of(cls, fingerprint: Fingerprint, matched: bool) -> _Parts:
        fake, real = _Side.of(fingerprint.fake), _Side.of(fingerprint.real) if matched else None
        return cls(fake, real, real is not None and _same_content(fake, real))

    def level(self) -> Float:
        return self.fake.mean() if self.real is None else np.asarray(self.fake.mean() - self.real.mean())

    def rows(self) -> Float:
        """How parts differ from their mean."""
        if self.real is None:
            return self.fake.centred()
        if self.paired:
            return np.asarray(self.fake.centred() - self.real.centred())
        return np.concatenate([self.fake.centred(), self.real.centred()])

    def without(self, directions: Float) -> _Parts:
        """Take directions, (K, bins), out of all levels."""

        def less(side: _Side) -> _Side:
            return _Side(np.asarray(side.levels - (side.levels @ directions.T) @ directions), side.counts)

        return _Parts(less(self.fake), None if self.real is None else less(self.real), self.paired)

    def content(self) -> tuple[Float, ...]:
        """Say where the parts' content lies, standard deviations, (C, 6), for each side; by the real side's axes."""
        of = self.fake if self.real is None else self.real
        _, size, axes = np.linalg.svd(of.centred(), full_matrices=False)
        count = min(_COMPONENTS, int((size > 1e-9 * size[0]).sum()))
        scale = size[:count] / np.sqrt(len(of.counts))
        sides = (self.fake,) if self.real is None else (self.fake, self.real)
        return tuple(np.asarray(side.centred() @ axes[:count].T / scale) for side in sides)

    def split(self, chosen: Sequence[NDArray[np.bool_]]) -> tuple[_Parts, _Parts]:
        """Part the sides in chosen parts and the rest."""

        def some(side: _Side | None, mask: NDArray[np.bool_]) -> _Side | None:
            return None if side is None else _Side(side.levels[mask], side.counts[mask])

        halves = []
        for masks in ((chosen[0], chosen[-1]), (~chosen[0], ~chosen[-1])):
            fake = some(self.fake, masks[0])
            assert fake is not None  # for the type checker: a set has fakes
            halves.append(_Parts(fake, some(self.real, masks[1]), self.paired))
        return halves[0], halves[1]

    def distance(self, level: Float, images: tuple[float, float]) -> float:
        """Mean square of a level's difference from this set's in standard errors, by numbers of fakes and reals."""
        if self.real is None:
            variance = self.fake.variance() * (1 / images[0] + 1 / self.fake.images)
        elif self.paired:
            difference = self.fake.variance(self.fake.levels - self.real.levels)
            variance = difference * (1 / images[0] + 1 / self.fake.images)
        else:
            variance = self.fake.variance() * (1 / images[0] + 1 / self.fake.images)
            variance = variance + self.real.variance() * (1 / images[1] + 1 / self.real.images)
        variance = np.maximum(variance, 1e-3 * np.median(variance) + 1e-300)
        return float(np.mean((level - self.level()) ** 2 / variance))


def _same_content(fake: _Side, real: _Side) -> bool:
    """Whether part i of both sides shows the same: beyond what all images of a set have in common, they go together."""
    if len(fake.counts) != len(real.counts) or len(fake.counts) < FEWEST_PARTS or (fake.counts != real.counts).any():
        return False
    a, b = fake.centred(), real.centred()
    common = np.linalg.svd(np.concatenate([a, b]), full_matrices=False)[2][:_NUISANCE]
    a, b = a - (a @ common.T) @ common, b - (b @ common.T) @ common
    norms = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return bool(((a * b).sum(axis=0) / np.maximum(norms, 1e-300)).mean() > _PAIRED)
