"""Sources -> the known generators that their sets of images are like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.fingerprints.comparison import MEASURES, PAIRS, Origins, pair_rows
from freqforensics.fingerprints.fingerprint import Fingerprint, similarity
from freqforensics.fingerprints.grouping import groupings
from freqforensics.fingerprints.measures import Measure
from freqforensics.fingerprints.origin import CONTENT_SHIFT, KnownGenerators
from freqforensics.fingerprints.sets import PARTS, ImageSet, parts_of
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.shared import real_sides
from freqforensics.spectra import SpectrumSpec
from freqforensics.studies.compare import read_sets

_PARTS: Final = 200
"""Parts of a set: of most sets one image each."""


@dataclass(frozen=True, eq=False, repr=False)
class OriginStudy(Drawn):
    """Attributions of the sets of some sources to known generators.

    Parameters
    ----------
    origins : Origins
        Origins, similarities and groupings, as figures take them.
    notes : tuple of str
        What was skipped, and what may mislead.
    skipped : tuple of Skipped
        Every file that could not be read.
    """

    origins: Origins
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    def to_json(self) -> dict[str, Any]:
        """Give everything but the intervals as JSON values."""
        return self.origins.to_json()

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.compare import plot_origins

        return (drawing("origins", plot_origins, self.origins),)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write ``origins.{csv,json,png,pdf}``, matrices (CSV) and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            Folder for the results; an existing one is treated as by `result_folder`.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        origins, similarities = self.origins.origins, self.origins.similarities
        inputs = {
            "known": list(self.origins.known),
            **{origin.set: {"images": origin.images} for origin in origins},
        }
        about = manifest({"measures": list(similarities)}, inputs={**inputs, **real_sides(self.notes)})
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            folder.json("origins.json", self.to_json())
            folder.table(
                "origins.csv",
                ("set", "images", "origin", "candidate", "distance", "p_value"),
                (
                    (origin.set, origin.images, origin.name or "unknown", candidate.name, f"{candidate.distance:.4f}",
                     f"{candidate.p_value:.4f}")
                    for origin in origins
                    for candidate in origin.candidates
                ),
            )  # fmt: skip
            for measure, matrix in similarities.items():
                count, total = len(origins), len(matrix.names)
                pairs = [(first, second) for first in range(count) for second in range(count, total)]
                folder.table(f"similarity-{measure}.csv", PAIRS, pair_rows(matrix, pairs))
            save_drawings(folder, self.drawings)


def origin_study(
    sources: SourcesLike,
    known: SourcesLike,
    *,
    spec: SpectrumSpec | None = None,
    measures: Sequence[Measure] = MEASURES,
    groups: Callable[[str], str | None] | None = None,
    limit: int | None = None,
    draws: int = 199,
    content_shift: float = CONTENT_SHIFT,
    permutations: int = 199,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> OriginStudy:
    """Attribute each set of some sources to a known generator, or to none.

    Parameters
    ----------
    sources, known : Sources, str, Path, or sequence of str or Path
        Folders or tables, see `index_sources`: sets to ask about, and sets of generators that are known.
    spec : SpectrumSpec, optional
        The spectrum; default all tiles of 64 pixels, luma, 5x5 median.
    measures : sequence of {"coherent", "log_power", "peaks", "lattice"}
        Further measures of similarity, see `similarity`.
    groups : callable, optional
        From a set's name, without what tells sources apart, to its group or None: are sets more like known ones of
        their group?
    limit : int, optional
        Maximum number of images of each generator and label; the first are taken.
    draws : int
        Number of sets that are drawn from each known generator's images, for p-values.
    content_shift : float
        Shift of the content of these sets, standard deviations, see `KnownGenerators`.
    permutations : int
        Number of permutations for the p-values of similarities.
    seed : int
        Random seed, for all of these.
    workers : int, optional
        Number of threads; default all processors. The result does not depend on it.
    progress : bool
        Show a bar for each side of a set that takes over two seconds, on a terminal.

    Returns
    -------
    OriginStudy
        The origin of every set, with distances and p-values.

    Raises
    ------
    ValueError
        No set, or no known one, with 20 images that are large enough, or a parameter out of range.
    FileNotFoundError
        A source does not exist.
    """
    options: dict[str, Any] = {
        "spec": spec, "parts": _PARTS, "limit": limit, "seed": seed, "workers": workers, "progress": progress,
    }  # fmt: skip
    suspects, references = read_sets(sources, **options), read_sets(known, **options)
    notes = [*suspects.notes, *references.notes]
    for name, collection in (("sources", suspects), ("known", references)):
        if not collection.sets:
            raise ValueError(f"{name} hold no generator's set that is large enough; " + "; ".join(notes))
    both = _paths(suspects.sets) & _paths(references.sets)
    if both:
        notes.append(f"{len(both)} images that are asked about are among the known ones: they are like themselves")
    queried = [image_set.fingerprint for image_set in suspects.sets]
    reference = [image_set.fingerprint for image_set in references.sets]
    generators = KnownGenerators(reference, draws=draws, content_shift=content_shift, seed=seed)
    origins = tuple(generators.find(fingerprint) for fingerprint in queried)
    if not all(origin.content_matched for origin in origins):
        notes.append("not every set has real images beside it: content counts, too")
    taken = {fingerprint.name for fingerprint in queried}
    renamed = [
        replace(fingerprint, name=f"{_KNOWN}{fingerprint.name}") if fingerprint.name in taken else fingerprint
        for fingerprint in reference
    ]
    # Intervals of similarities need few parts, and leave out one after the other.
    coarse = [
        Fingerprint(fingerprint.name, parts_of(fingerprint.fake, PARTS), parts_of(fingerprint.real, PARTS))
        for fingerprint in [*queried, *renamed]
    ]
    similarities = {measure: similarity(coarse, measure, permutations=permutations, seed=seed) for measure in measures}
    among = [fingerprint.name for fingerprint in renamed]
    grouped, remarks = ({}, ()) if groups is None else groupings(similarities, _ignoring(_KNOWN, groups), among=among)
    results = Origins(origins, tuple(fingerprint.name for fingerprint in reference), similarities, grouped)
    return OriginStudy(results, (*notes, *remarks), (*suspects.skipped, *references.skipped))


_KNOWN: Final = "known "


def _ignoring(prefix: str, groups: Callable[[str], str | None]) -> Callable[[str], str | None]:
    return lambda name: groups(name.removeprefix(prefix))


def _paths(sets: Sequence[ImageSet]) -> set[Path]:
    return {path.resolve() for image_set in sets for path in image_set.paths}
