"""Sources -> fingerprints -> what generators have in common -> a folder of results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.fingerprints.comparison import Comparison, ImageSet
from freqforensics.fingerprints.fingerprint import Fingerprint, Measure, Similarity, clusters, shared_map, similarity
from freqforensics.fingerprints.grouping import Grouping, group
from freqforensics.fingerprints.stability import influence, learning_curve
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import write_json
from freqforensics.sources.copies import distinct_files, near_copies
from freqforensics.sources.records import ImageRecord, by_generator, first_of_each
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import MeanSpectrum, SpectrumSpec, combine
from freqforensics.spectra.files import image_terms

PARTS: Final = 20
FEWEST: Final = 20
"""Images of a set, large enough for the crops, below which it is left out."""
_ONE_BY_ONE: Final = 1000
"""Images of a set up to which each is looked at; beyond, the first so many are."""
MEASURES: Final[tuple[Measure, ...]] = ("coherent", "log_power", "peaks", "lattice")


def compare_sources(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    spec: SpectrumSpec | None = None,
    measures: Sequence[Measure] = MEASURES,
    groups: Callable[[str], str | None] | None = None,
    parts: int = PARTS,
    limit: int | None = None,
    resamples: int = 200,
    permutations: int = 199,
    seed: int = 0,
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Comparison:
    """Compare the fingerprints of the generators of some sources.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `index_sources`, which names a generator that several sources have. Real images of a generator's set are
        taken off its fingerprint. Files of a set that are equal to the byte count once.
    out : str or Path, optional
        Gets ``similarity.{png,pdf}``, ``shared.{png,pdf}``, ``learning.{png,pdf}``, ``similarity-<measure>.csv``,
        ``influence.csv``, ``comparison.json`` and ``manifest.json``.
    spec : SpectrumSpec, optional
        Default all tiles of 64 pixels, luma, 5x5 median.
    measures, permutations, seed
        As for `similarity`.
    groups : callable, optional
        From a set's name to its group or None: are sets of one group more alike?
    resamples : int
        As for `clusters`.
    parts : int
        That a set is cut into, for intervals and support; a set of fewer images has as many parts as images.
    limit : int, optional
        The first so many images of each generator and label.
    command : str, optional
    overwrite : bool
        As for `result_folder`.
    progress : bool

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        Fewer than two generators with 20 images that are large enough and look different; or as `index_sources`,
        `result_folder`.
    """
    notes: list[str] = []
    failures: list[tuple[str, str]] = []
    sets = image_sets(
        sources, spec=spec, parts=parts, limit=limit, notes=notes, failures=failures, seed=seed, progress=progress
    )
    if len(sets) < 2:
        raise ValueError("two generators or more are needed to compare; " + ("; ".join(notes) or "only one was found"))
    found = [one.fingerprint for one in sets]
    similarities = {one: similarity(found, one, permutations=permutations, seed=seed) for one in measures}
    comparison = Comparison(
        sets,
        similarities,
        {measure: clusters(found, measure, resamples=resamples, seed=seed) for measure in measures if len(found) > 2},
        groupings_of(similarities, groups, None, notes),
        shared_map(found),
        tuple(notes),
        tuple(failures),
    )
    if out is not None:
        _save_comparison(comparison, Path(out), command, overwrite)
    return comparison


def check_tiles(spec: SpectrumSpec) -> None:
    """Raise ValueError unless the lattices have bins in tiles of this size."""
    if any(side % 16 for side in spec.shape):
        raise ValueError(f"size must be a multiple of 16, or the lattice of 1/16 has no bins; got {spec.shape[1]}")


def image_sets(
    sources: Sequence[str | Path],
    *,
    spec: SpectrumSpec | None = None,
    parts: int = PARTS,
    limit: int | None = None,
    notes: list[str],
    failures: list[tuple[str, str]],
    seed: int = 0,
    progress: bool = False,
) -> tuple[ImageSet, ...]:
    """Make the fingerprint of every generator of some sources.

    Parameters
    ----------
    sources, spec, parts, limit, progress
        As for `compare_sources`.
    notes : list of str
        Gets what was left out, and what may mislead.
    failures : list of (str, str)
        Gets path and reason of every file that could not be read.
    seed : int
        Of the learning curves.

    Returns
    -------
    tuple of ImageSet
        By name.

    Raises
    ------
    ValueError
        As `index_sources`.
    """
    spec = spec or SpectrumSpec(size=64, crop="tiles")
    check_tiles(spec)
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    notes += serious_confounds(records)
    groups = by_generator(records)
    if any(label == "real" for _, label in groups) and _shared_reals(records):
        notes.append(
            "sets have the same real images beside them: their log powers are alike by these alone"
            " (p-values take that off where all their real images are the same)"
        )
    if any(label != "real" and (name, "real") not in groups for name, label in groups):
        notes.append("some set has no real images beside it: its content counts, too, in log powers above all")
    sets = []
    for name in sorted({generator for generator, label in groups if label != "real"}):
        fake = [*groups.get((name, "fake"), []), *groups.get((name, "unknown"), [])]
        fake, real = _distinct(fake, name, notes), _distinct(groups.get((name, "real"), []), f"{name} real", notes)
        terms, alike = _terms(fake, spec, name, "fake" if progress else None, failures, notes)
        if sum(one.images for one in terms) - alike < FEWEST:
            different = f" that differ ({alike} look like another one)" if alike else ""
            size = f"{spec.shape[1]}x{spec.shape[0]}"
            notes.append(f"{name}: fewer than {FEWEST} images of {size} pixels{different}, left out")
            continue
        others: tuple[MeanSpectrum, ...] = ()
        if len(real) >= FEWEST:
            others, _ = _terms(real, spec, f"{name} real", "" if progress else None, failures, notes)
        if sum(one.images for one in others) < FEWEST:
            others = ()
        small = sum(term.images == 0 and not term.failures for term in (*terms, *others))
        if small:
            notes.append(f"{name}: {small} images are smaller than {spec.shape[1]}x{spec.shape[0]} pixels, left out")
        usable = [(record.path, term) for record, term in zip(fake, terms, strict=True) if term.images][:_ONE_BY_ONE]
        terms, others = _usable(terms, others)
        # As many parts on both sides: where both show the same content in one order, so do their parts.
        count = min(parts, len(terms), len(others) or len(terms))
        fingerprint = Fingerprint(name, parts_of(terms, count), parts_of(others, count) if others else ())
        one_by_one = Fingerprint(name, tuple(term for _, term in usable))
        found = ImageSet(
            fingerprint,
            learning_curve(one_by_one, seed=seed),
            influence(one_by_one),
            tuple(path for path, _ in usable),
        )
        if found.overbearing:
            shown = found.overbearing[0].name + (" and others" if len(found.overbearing) > 1 else "")
            notes.append(f"{name}: {len(found.overbearing)} of its images ({shown}) weigh too much; see influence.csv")
        sets.append(found)
    return tuple(sets)


def _terms(
    records: Sequence[ImageRecord],
    spec: SpectrumSpec,
    name: str,
    progress: str | None,
    failures: list[tuple[str, str]],
    notes: list[str],
) -> tuple[tuple[MeanSpectrum, ...], int]:
    """Transform a side's images one by one, and say how many look like an earlier one."""
    terms = image_terms(records, spec=spec, progress=None if progress is None else f"{name} {progress}".strip())
    failures += [failure for one in terms for failure in one.spectrum.failures]
    alike = len(near_copies(one.content for one in terms))
    if alike:
        notes.append(
            f"{name}: {alike} images look like another one (near duplicates, which freqforensics audit lists):"
            " intervals and p-values take them for independent"
        )
    return tuple(one.spectrum for one in terms), alike


def _distinct(records: Sequence[ImageRecord], side: str, notes: list[str]) -> list[ImageRecord]:
    """Drop files that are equal to an earlier one of their set, with a note."""
    kept = [records[index] for index in distinct_files([record.path for record in records])]
    if len(kept) < len(records):
        notes.append(f"{side}: {len(records) - len(kept)} files are copies of others, equal to the byte: counted once")
    return kept


def _shared_reals(records: Sequence[ImageRecord]) -> bool:
    """Whether real images of two generators are the same to the byte, as far as the first ten of each tell."""
    owners: dict[str, str] = {}
    counts: dict[str, int] = {}
    for record in records:
        if record.label == "real" and counts.setdefault(record.generator, 0) < 10:
            counts[record.generator] += 1
            try:
                digest = hashlib.sha256(record.path.read_bytes()).hexdigest()
            except OSError:
                continue
            if owners.setdefault(digest, record.generator) != record.generator:
                return True
    return False


def _usable(
    fake: tuple[MeanSpectrum, ...], real: tuple[MeanSpectrum, ...]
) -> tuple[tuple[MeanSpectrum, ...], tuple[MeanSpectrum, ...]]:
    """Leave out images that gave nothing; where both sides may go together, their counterparts as well."""
    if len(fake) == len(real) and sum(
        bool(a.images) != bool(b.images) for a, b in zip(fake, real, strict=True)
    ) * 10 < len(fake):
        both = [(a, b) for a, b in zip(fake, real, strict=True) if a.images and b.images]
        return tuple(a for a, _ in both), tuple(b for _, b in both)
    return tuple(term for term in fake if term.images), tuple(term for term in real if term.images)


def parts_of(terms: Sequence[MeanSpectrum], count: int) -> tuple[MeanSpectrum, ...]:
    """Add up each so-manieth term; parts without any image are left out."""
    made = (combine(terms[start::count]) for start in range(min(count, len(terms))))
    return tuple(part for part in made if part.images)


def groupings_of(
    similarities: Mapping[Measure, Similarity],
    groups: Callable[[str], str | None] | None,
    among: Sequence[str] | None,
    notes: list[str],
) -> dict[Measure, Grouping]:
    """Compare within groups by every measure, as `group` does; notes get what cannot be."""
    if groups is None:
        return {}
    names = next(iter(similarities.values())).names
    known = {name: kind for name in names if (kind := groups(name) or groups(name.rpartition("/")[2])) is not None}
    left = [name for name in names if name not in known]
    if left:
        notes.append(f"no group is known of {', '.join(left)}")
    try:
        return {measure: group(found, known, among=among) for measure, found in similarities.items()}
    except ValueError as error:
        notes.append(f"no comparison by groups: {error}")
        return {}


def pair_rows(found: Similarity, pairs: Iterable[tuple[int, int]]) -> list[tuple[str, ...]]:
    """Give a table's rows, under `PAIRS`."""
    return [
        (
            found.names[a],
            found.names[b],
            *(f"{getattr(found, key)[a, b]:.4f}" for key in ("values", "low", "high", "p_value")),
        )
        for a, b in pairs
    ]


PAIRS: Final = ("first", "second", "similarity", "low", "high", "p_value")


def _save_comparison(comparison: Comparison, out: Path, command: str | None, overwrite: bool) -> None:
    from freqforensics.figures.compare import plot_learning, plot_shared, plot_similarities
    from freqforensics.figures.style import new_figure, save_figure

    inputs = {
        one.fingerprint.name: {"images": one.fingerprint.images, "sha256": combine(one.fingerprint.fake).inputs_sha256}
        for one in comparison.sets
    }
    shown = manifest({"measures": list(comparison.similarities)}, inputs=inputs)
    count = len(comparison.sets)
    with scratch_folder(out, overwrite=overwrite) as folder:
        write_json(folder / "comparison.json", comparison.to_json())
        for measure, found in comparison.similarities.items():
            pairs = [(b, a) for a in range(count) for b in range(a)]
            write_csv(folder / f"similarity-{measure}.csv", PAIRS, pair_rows(found, pairs))
        write_csv(
            folder / "influence.csv",
            ("set", "path", "power_share", "peaks_kept", "peak_coherence_without"),
            (
                (one.fingerprint.name, path, *(f"{value:.4f}" for value in values))
                for one in comparison.sets
                for path, *values in zip(
                    one.paths, one.influence.share, one.influence.peaks, one.influence.coherence, strict=True
                )
            ),
        )
        for name, plot in (("similarity", plot_similarities), ("shared", plot_shared), ("learning", plot_learning)):
            figure = new_figure()
            plot(comparison, fig=figure)
            for suffix in (".png", ".pdf"):
                save_figure(figure, folder / f"{name}{suffix}", manifest=shown)
        write_json(folder / "manifest.json", {**shown, "command": command})
