"""Sets of images that are compared: the fingerprint of every generator of some records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from freqforensics.fingerprints.fingerprint import Fingerprint
from freqforensics.fingerprints.stability import Influence, LearningCurve, influence, learning_curve
from freqforensics.images import ImageReadError, read_file
from freqforensics.runtime.executors import end_of_passes, passes_are_partial
from freqforensics.runtime.results import Skipped
from freqforensics.sources.copies import near_copies
from freqforensics.sources.facts import FileFacts, file_facts
from freqforensics.sources.records import ImageRecord, Label, by_generator
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.sources import as_records
from freqforensics.spectra import MeanSpectrum, SpectrumSpec, combine
from freqforensics.spectra.terms import FileKey, ImageTerm, image_terms, known_terms

PARTS: Final = 20
"""Parts of a set, for intervals of similarities."""
FEWEST: Final = 20
"""Images of a set, large enough for the crops, below which it is left out."""
_ONE_BY_ONE: Final = 1000
"""Number of images of a set, from the first, whose influence is measured one by one."""
_COMPARED: Final = 10
"""Real images of a generator that are looked for among those of the others."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One generator's images, as they are compared.

    Parameters
    ----------
    fingerprint : Fingerprint
        In few parts.
    curve : LearningCurve
        How the strongest peak grows with the number of images.
    influence : Influence
        What each image does to the fingerprint.
    paths : tuple of Path
        The images that `influence` speaks of.
    """

    fingerprint: Fingerprint
    curve: LearningCurve
    influence: Influence
    paths: tuple[Path, ...]

    @property
    def overbearing(self) -> tuple[Path, ...]:
        """Images that change the strongest peak's coherence by a fifth, or hold ten times their share of the power.

        The former only where there is a peak: what is strongest in noise hangs on single images.
        """
        excessive = self.influence.share > 10
        if self.curve.needed is not None:
            excessive = excessive | (np.abs(np.log(np.maximum(self.influence.coherence, 1e-9))) > np.log(1.2))
        return tuple(path for path, much in zip(self.paths, excessive, strict=True) if much)


@dataclass(frozen=True, eq=False)
class ImageSets:
    """The sets of some records, and what was learnt of their files on the way.

    Parameters
    ----------
    sets : tuple of ImageSet
        By name.
    notes : tuple of str
        What was skipped, and what may mislead.
    skipped : tuple of Skipped
        Every file of a set that could not be read.
    facts : dict of Path to FileFacts or None
        What the headers of the files say; None of a file that cannot be read.
    """

    sets: tuple[ImageSet, ...]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    facts: Mapping[Path, FileFacts | None]


def check_tiles(spec: SpectrumSpec) -> None:
    """Raise ValueError unless the lattices have bins in tiles of this size."""
    if any(side % 16 for side in spec.shape):
        raise ValueError(f"size must be a multiple of 16, or the lattice of 1/16 has no bins; got {spec.shape[1]}")


def image_sets(
    records: Sequence[ImageRecord] | SourcesLike,
    *,
    spec: SpectrumSpec | None = None,
    parts: int = PARTS,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> ImageSets:
    """Make the fingerprint of every generator of some records.

    Every file is read once, and of files of the same bytes one is decoded.

    Parameters
    ----------
    records : sequence of ImageRecord, or sources
        Sources are indexed as `index_sources` does.
        Real images of a generator's set are taken off its fingerprint. Files of a set that are equal to the byte count
        once. Images of unknown label count as generated.
    spec : SpectrumSpec, optional
        The spectrum; default all tiles of 64 pixels, luma, 5x5 median.
    parts : int
        Number of parts that a set is cut into; a set of fewer images has as many parts as images.
    seed : int
        Random seed, for the learning curves.
    workers : int, optional
        Number of threads; default all processors.
    progress : bool
        Show a bar for each side of a set that takes over two seconds, on a terminal.

    Returns
    -------
    ImageSets

    Raises
    ------
    ValueError
        Tiles in which the lattices have no bins.
    """
    records = as_records(records)
    spec = spec or SpectrumSpec(size=64, crop="tiles")
    check_tiles(spec)
    reader = _Reader(spec, workers, progress)
    groups = by_generator(records)
    sets = []
    names = sorted({generator for generator, label in groups if label != "real"})
    if passes_are_partial():  # as in `_image_set`: what is compared with what is decided where all terms are
        for name in names:
            image_terms(_generated(groups, name), spec=spec, workers=workers, progress=name if progress else None)
            photographs = groups.get((name, "real"), [])
            if len(photographs) >= FEWEST:
                image_terms(photographs, spec=spec, workers=workers, progress=name if progress else None)
        end_of_passes()
    for name in names:
        generated = _generated(groups, name)
        image_set = _image_set(name, generated, groups.get((name, "real"), []), parts, seed, reader)
        if image_set is not None:
            sets.append(image_set)
    notes = []
    if any(label == "real" for _, label in groups) and _share_reals(records, reader):
        notes.append(
            "sets have the same real images beside them: their log powers are alike by these alone"
            " (p-values take that off where all their real images are the same)"
        )
    if any(label != "real" and (name, "real") not in groups for name, label in groups):
        notes.append("some set has no real images beside it: its content counts, too, in log powers above all")
    return ImageSets(tuple(sets), (*notes, *reader.notes), tuple(reader.skipped), reader.facts)


def _generated(groups: Mapping[tuple[str, Label], list[ImageRecord]], name: str) -> list[ImageRecord]:
    return [*groups.get((name, "fake"), []), *groups.get((name, "unknown"), [])]


def parts_of(terms: Sequence[MeanSpectrum], count: int) -> tuple[MeanSpectrum, ...]:
    """Add up terms to at most `count` parts, in turn; parts without any image are left out."""
    sums = (combine(terms[start::count]) for start in range(min(count, len(terms))))
    return tuple(part for part in sums if part.images)


@dataclass
class _Reader:
    """Reads files, once each, and remembers what is told of them."""

    spec: SpectrumSpec
    workers: int | None
    progress: bool
    notes: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    facts: dict[Path, FileFacts | None] = field(default_factory=dict)
    digests: dict[Path, str] = field(default_factory=dict)
    reals: dict[FileKey, ImageTerm] = field(default_factory=dict)
    """Terms of the last set's real images, which the next set may have beside it, too."""

    def terms(self, records: Sequence[ImageRecord], bar: str, *, real: bool = False) -> tuple[ImageTerm, ...]:
        """Transform files."""
        terms = image_terms(
            records,
            spec=self.spec,
            known=self.reals if real else None,
            workers=self.workers,
            progress=bar if self.progress else None,
        )
        for record, term in zip(records, terms, strict=True):
            path = record.path
            self.facts[path], self.digests[path] = term.facts, term.sha256
        if real:
            self.reals = known_terms(records, terms)
        return terms

    def digest(self, record: ImageRecord) -> str:
        """Hash a file, without decoding it; empty if it cannot be read."""
        path = record.path
        if path not in self.digests:
            digest, facts = "", None
            try:
                data = read_file(path)
                digest = hashlib.sha256(data).hexdigest()
                facts = file_facts(record, data, digest)
            except ImageReadError:
                pass  # a side that is not transformed: nothing of it is used
            self.digests[path], self.facts[path] = digest, facts
        return self.digests[path]

    def distinct(self, records: Sequence[ImageRecord], side: str) -> list[int]:
        """Find files that are not equal to an earlier one of their set; a note says how many are."""
        seen: set[str] = set()
        places = []
        for place, record in enumerate(records):
            digest = self.digest(record)
            if not digest or digest not in seen:
                places.append(place)
            seen.add(digest)
        if len(places) < len(records):
            copies = len(records) - len(places)
            self.notes.append(f"{side}: {copies} files are copies of others, equal to the byte: counted once")
        return places

    def note_files(self, terms: Sequence[ImageTerm], alike: int, side: str) -> None:
        """List the files of a side that cannot be read, and say how many of its images look like another one."""
        self.skipped += [Skipped(*failure) for term in terms for failure in term.spectrum.failures]
        if alike:
            self.notes.append(
                f"{side}: {alike} images look like another one (near duplicates, which freqforensics audit lists):"
                " intervals and p-values take them for independent"
            )


def _alike(terms: Sequence[ImageTerm]) -> int:
    return len(near_copies(term.content for term in terms))


def _image_set(
    name: str,
    generated: Sequence[ImageRecord],
    photographs: Sequence[ImageRecord],
    parts: int,
    seed: int,
    reader: _Reader,
) -> ImageSet | None:
    """Make the set of a generator; None, with a note, of too few images."""
    size = f"{reader.spec.shape[1]}x{reader.spec.shape[0]}"
    terms = reader.terms(generated, f"{name} fake")
    places = reader.distinct(generated, name)
    fake = [terms[place] for place in places]
    alike = _alike(fake)
    enough = sum(term.spectrum.images for term in fake) - alike >= FEWEST
    compared = reader.terms(photographs, name, real=True) if enough and len(photographs) >= FEWEST else ()
    beside = reader.distinct(photographs, f"{name} real")
    reader.note_files(fake, alike, name)
    if not enough:
        different = f" that differ ({alike} look like another one)" if alike else ""
        reader.notes.append(f"{name}: fewer than {FEWEST} images of {size} pixels{different}, left out")
        return None
    real = [compared[place] for place in beside] if compared and len(beside) >= FEWEST else []
    reader.note_files(real, _alike(real), f"{name} real")
    others = [term.spectrum for term in real]
    if sum(term.images for term in others) < FEWEST:
        others = []
    spectra = [term.spectrum for term in fake]
    small = sum(term.images == 0 and not term.failures for term in (*spectra, *others))
    if small:
        reader.notes.append(f"{name}: {small} images are smaller than {size} pixels, left out")
    usable = [(generated[place].path, term) for place, term in zip(places, spectra, strict=True) if term.images][
        :_ONE_BY_ONE
    ]
    spectra, others = _usable(spectra, others)
    # As many parts on both sides: where both show the same content in one order, so do their parts.
    count = min(parts, len(spectra), len(others) or len(spectra))
    one_by_one = Fingerprint(name, tuple(term for _, term in usable))
    image_set = ImageSet(
        Fingerprint(name, parts_of(spectra, count), parts_of(others, count) if others else ()),
        learning_curve(one_by_one, seed=seed),
        influence(one_by_one),
        tuple(path for path, _ in usable),
    )
    overbearing = image_set.overbearing
    if overbearing:
        names = overbearing[0].name + (" and others" if len(overbearing) > 1 else "")
        reader.notes.append(f"{name}: {len(overbearing)} of its images ({names}) weigh too much; see influence.csv")
    return image_set


def _share_reals(records: Sequence[ImageRecord], reader: _Reader) -> bool:
    """Whether real images of two generators are the same to the byte, as far as the first ten of each tell."""
    owners: dict[str, str] = {}
    counts: dict[str, int] = {}
    for record in records:
        if record.label == "real" and counts.setdefault(record.generator, 0) < _COMPARED:
            counts[record.generator] += 1
            digest = reader.digest(record)
            if digest and owners.setdefault(digest, record.generator) != record.generator:
                return True
    return False


def _usable(
    fake: Sequence[MeanSpectrum], real: Sequence[MeanSpectrum]
) -> tuple[list[MeanSpectrum], list[MeanSpectrum]]:
    """Leave out images that gave nothing; where both sides may go together, their counterparts as well."""
    if len(fake) == len(real):
        pairs = list(zip(fake, real, strict=True))
        if sum(bool(a.images) != bool(b.images) for a, b in pairs) * 10 < len(fake):
            both = [(a, b) for a, b in pairs if a.images and b.images]
            return [a for a, _ in both], [b for _, b in both]
    return [term for term in fake if term.images], [term for term in real if term.images]
