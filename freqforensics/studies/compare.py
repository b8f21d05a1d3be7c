"""Sources -> fingerprints -> what their generators have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.figures.drawings import Drawing, drawing, save_drawings
from freqforensics.fingerprints.comparison import MEASURES, PAIRS, Comparison, pair_rows
from freqforensics.fingerprints.fingerprint import Cluster, Fingerprint, Similarity, clusters, shared_map, similarity
from freqforensics.fingerprints.grouping import groupings
from freqforensics.fingerprints.measures import Measure
from freqforensics.fingerprints.sets import PARTS, ImageSets, image_sets
from freqforensics.runtime.executors import Shared
from freqforensics.runtime.parallel import call_all
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import Skipped, result_folder
from freqforensics.runtime.showing import Drawn
from freqforensics.sources.records import first_of_each
from freqforensics.sources.selection import SourcesLike
from freqforensics.sources.shared import real_sides
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import SpectrumSpec, combine

if TYPE_CHECKING:
    from freqforensics.report.builder import Report


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonStudy(Drawn):
    """Similarities of the fingerprints of the generators of some sources.

    Parameters
    ----------
    comparison : Comparison
        Sets, similarities, clusters and groupings, as figures take them.
    notes : tuple of str
        What was skipped, and what may mislead.
    skipped : tuple of Skipped
        Every file that could not be read.
    """

    comparison: Comparison
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    def to_json(self) -> dict[str, Any]:
        """Give names, matrices, clusters, groups and learning curves as JSON values."""
        return self.comparison.to_json()

    def drawings(self) -> tuple[Drawing, ...]:
        """Describe the figures that `save` writes, yet to be drawn."""
        from freqforensics.figures.compare import plot_learning, plot_shared, plot_similarities

        plots = (("similarity", plot_similarities), ("shared", plot_shared), ("learning", plot_learning))
        return tuple(drawing(name, plot, self.comparison) for name, plot in plots)

    def report(self, pictures: Mapping[str, bytes]) -> Report:
        """Give the page that `save` writes, of the PNG files of `drawings` by name.

        Parameters
        ----------
        pictures : mapping of str to bytes
            PNG files of `drawings`, by name.
        """
        from freqforensics.report.study_pages import comparison_page

        return comparison_page(self.comparison, self.notes, self.skipped, pictures)

    def save(self, out: str | Path, *, command: str | None = None, overwrite: bool = False) -> None:
        """Write a page, matrices (CSV), ``influence.csv``, ``comparison.json``, three figures and ``manifest.json``.

        Parameters
        ----------
        out : str or Path
            A folder; see `result_folder` for what becomes of one that exists. It gets ``index.html``,
            ``{similarity,shared,learning}.{png,pdf}`` and ``similarity-<measure>.csv``.
        command : str, optional
            The command line, for the manifest.
        overwrite : bool
            Replace the results in `out`.

        Raises
        ------
        ValueError
            `out` is not empty and `overwrite` is not set, or `out` is not a folder.
        """
        from freqforensics.report.study_pages import read_pictures

        sets, similarities = self.comparison.sets, self.comparison.similarities
        fingerprints = [image_set.fingerprint for image_set in sets]
        inputs = {
            fingerprint.name: {"images": fingerprint.images, "sha256": combine(fingerprint.fake).inputs_sha256}
            for fingerprint in fingerprints
        }
        pairs = [(second, first) for first in range(len(sets)) for second in range(first)]
        about = manifest({"measures": list(similarities)}, inputs={**inputs, **real_sides(self.notes)})
        with result_folder(out, about=about, command=command, overwrite=overwrite) as folder:
            folder.json("comparison.json", self.to_json())
            for measure, matrix in similarities.items():
                folder.table(f"similarity-{measure}.csv", PAIRS, pair_rows(matrix, pairs))
            folder.table("influence.csv", _INFLUENCE, _influence_rows(self.comparison))
            save_drawings(folder, self.drawings)
            folder.text("index.html", self.report(read_pictures(folder)).render())


_INFLUENCE = ("set", "path", "power_share", "peaks_kept", "peak_coherence_without")


def _influence_rows(comparison: Comparison) -> list[tuple[object, ...]]:
    return [
        (image_set.fingerprint.name, path, *(f"{value:.4f}" for value in values))
        for image_set in comparison.sets
        for path, *values in zip(
            image_set.paths,
            image_set.influence.share,
            image_set.influence.peaks,
            image_set.influence.coherence,
            strict=True,
        )
    ]


def compare_study(
    sources: SourcesLike,
    *,
    spec: SpectrumSpec | None = None,
    measures: Sequence[Measure] = MEASURES,
    groups: Callable[[str], str | None] | None = None,
    parts: int = PARTS,
    limit: int | None = None,
    bootstrap: int = 200,
    permutations: int = 199,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> ComparisonStudy:
    """Compare the fingerprints of the generators of some sources.

    Files that cannot be read are listed, and do not end the study.

    Parameters
    ----------
    sources : Sources, str, Path, or sequence of str or Path
        Folders or tables, see `index_sources`, which names a generator that several sources have. Real images of a
        generator's set are taken off its fingerprint. Files of a set that are equal to the byte count once.
    spec : SpectrumSpec, optional
        The spectrum; default all tiles of 64 pixels, luma, 5x5 median.
    measures : sequence of {"coherent", "log_power", "peaks", "lattice"}
        Measures of similarity, see `similarity`.
    groups : callable, optional
        From the name of a set to its group or None, to test whether sets of one group are more similar.
    parts : int
        Number of parts that a set is cut into, for intervals and support; a set of fewer images has as many parts as
        images.
    limit : int, optional
        Maximum number of images of each generator and label; the first are taken.
    bootstrap : int
        Number of bootstrap samples, for the support of clusters.
    permutations : int
        Number of permutations for p-values.
    seed : int
        Random seed, for both.
    workers : int, optional
        Number of threads; default all processors. The result does not depend on it.
    progress : bool
        Show a bar for each side of a set that takes over two seconds, on a terminal.

    Returns
    -------
    ComparisonStudy
        Similarities by every measure, with intervals and p-values.

    Raises
    ------
    ValueError
        Fewer than two generators with 20 images that are large enough and look different, or a parameter out of range.
    FileNotFoundError
        A source does not exist.
    """
    collection = read_sets(sources, spec=spec, parts=parts, limit=limit, seed=seed, workers=workers, progress=progress)
    sets, notes = collection.sets, collection.notes
    if len(sets) < 2:
        raise ValueError("two generators or more are needed to compare; " + ("; ".join(notes) or "only one was found"))
    fingerprints = [image_set.fingerprint for image_set in sets]
    similarities, trees = _compared(fingerprints, measures, permutations, bootstrap, seed, workers)
    grouped, remarks = ({}, ()) if groups is None else groupings(similarities, groups)
    comparison = Comparison(sets, similarities, trees, grouped, shared_map(fingerprints))
    return ComparisonStudy(comparison, (*notes, *remarks), collection.skipped)


def _compared(
    fingerprints: Sequence[Fingerprint],
    measures: Sequence[Measure],
    permutations: int,
    bootstrap: int,
    seed: int,
    workers: int | None,
) -> tuple[dict[Measure, Similarity], dict[Measure, tuple[Cluster, ...]]]:
    """Give similarities and, of three sets or more, clusters by measure."""
    parts = [(fingerprint.name, combine(fingerprint.fake).inputs_sha256) for fingerprint in fingerprints]
    shared = Shared(fingerprints, key=hashlib.sha256(repr(parts).encode()).hexdigest())
    grown = measures if len(fingerprints) > 2 else ()
    calls: list[Callable[[], Any]] = [
        *(partial(_clusters, shared, measure, resamples=bootstrap, seed=seed) for measure in grown),
        *(partial(_similarity, shared, measure, permutations=permutations, seed=seed) for measure in measures),
    ]
    results = call_all(calls, workers=workers)
    trees = dict(zip(grown, results[: len(grown)], strict=True))
    return dict(zip(measures, results[len(grown) :], strict=True)), trees


def _similarity(shared: Shared[Sequence[Fingerprint]], measure: Measure, **options: int) -> Similarity:
    return similarity(shared.value, measure, **options)


def _clusters(shared: Shared[Sequence[Fingerprint]], measure: Measure, **options: int) -> tuple[Cluster, ...]:
    return clusters(shared.value, measure, **options)


def read_sets(
    sources: SourcesLike,
    *,
    spec: SpectrumSpec | None,
    parts: int,
    limit: int | None,
    seed: int,
    workers: int | None,
    progress: bool,
) -> ImageSets:
    """Make the fingerprints of the generators of some sources; notes say what indexing left out, and confounds."""
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    collection = image_sets(records, spec=spec, parts=parts, seed=seed, workers=workers, progress=progress)
    notes += serious_confounds(records, facts=collection.facts)
    return replace(collection, notes=(*notes, *collection.notes))
