"""Sources -> what their generators' fingerprints have in common -> a folder of results."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from freqforensics.images import ImageRecord, by_generator, first_of_each, index_sources
from freqforensics.images.audit import serious_confounds
from freqforensics.provenance import manifest, result_folder, write_json
from freqforensics.spectra import MeanSpectrum, SpectrumSpec, mean_spectrum
from freqforensics.spectra.fingerprint import Comparison, Fingerprint, Measure, clusters, shared_map, similarity

PARTS: Final = 20
FEWEST: Final = 20
"""Images of a set, large enough for the crops, below which it is left out."""


def compare_sources(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    spec: SpectrumSpec | None = None,
    measures: Sequence[Measure] = ("coherent", "log_power", "peaks", "lattice"),
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
        As for `index_sources`. Real images of a generator's set are taken off its fingerprint.
    out : str or Path, optional
        Gets ``similarity.{png,pdf}``, ``shared.{png,pdf}``, ``similarity-<measure>.csv``, ``comparison.json`` and
        ``manifest.json``.
    spec : SpectrumSpec, optional
        Default all tiles of 64 pixels, luma, 5x5 median.
    measures, permutations, seed
        As for `similarity`.
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
        Fewer than two generators with 20 images that are large enough; or as `index_sources`, `result_folder`.
    """
    spec = spec or SpectrumSpec(size=64, crop="tiles")
    notes: list[str] = []
    records = first_of_each(index_sources(sources, on_note=notes.append), limit)
    notes += serious_confounds(records)
    groups = by_generator(records)
    found = []
    for name in sorted({generator for generator, label in groups if label != "real"}):
        fake: list[ImageRecord] = []
        for label in ("fake", "unknown"):
            fake += groups.get((name, label), [])
        sides = [
            _parts(chosen, spec, parts, f"{name} {label}" if progress else None)
            for label, chosen in (("fake", fake), ("real", groups.get((name, "real"), [])))
        ]
        if sum(part.images for part in sides[0]) < FEWEST:
            notes.append(f"{name}: fewer than {FEWEST} images of {spec.shape[1]}x{spec.shape[0]} pixels, left out")
            continue
        found.append(Fingerprint(name, sides[0], sides[1] if sum(part.images for part in sides[1]) >= FEWEST else ()))
    if len(found) < 2:
        raise ValueError("two generators or more are needed to compare; " + ("; ".join(notes) or "only one was found"))
    comparison = Comparison(
        tuple(found),
        {measure: similarity(found, measure, permutations=permutations, seed=seed) for measure in measures},
        {measure: clusters(found, measure, resamples=resamples, seed=seed) for measure in measures if len(found) > 2},
        shared_map(found),
        tuple(notes),
    )
    if out is not None:
        _save(comparison, Path(out), command, overwrite)
    return comparison


def _parts(
    records: Sequence[ImageRecord], spec: SpectrumSpec, parts: int, progress: str | None
) -> tuple[MeanSpectrum, ...]:
    """Averages of each so-manieth image; parts without any are left out."""
    made = []
    for start in range(min(parts, len(records))):
        chosen = records[start::parts]
        averaged = mean_spectrum(chosen, spec=spec, on_error="skip", progress=progress)
        if averaged.images:
            made.append(averaged)
    return tuple(made)


def _save(comparison: Comparison, out: Path, command: str | None, overwrite: bool) -> None:
    from freqforensics.figures.comparison import plot_shared, plot_similarities
    from freqforensics.figures.style import new_figure, save_figure

    inputs = {
        one.name: {"images": one.images, "sha256": [part.inputs_sha256 for part in one.fake][:1]}
        for one in comparison.fingerprints
    }
    shown = manifest({"measures": list(comparison.similarities)}, inputs=inputs)
    with result_folder(out, overwrite=overwrite) as folder:
        write_json(folder / "comparison.json", comparison.to_json())
        for measure, found in comparison.similarities.items():
            with (folder / f"similarity-{measure}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(["first", "second", "similarity", "low", "high", "p_value"])
                for a, first in enumerate(found.names):
                    for b, second in enumerate(found.names[:a]):
                        numbers = (found.values[a, b], found.low[a, b], found.high[a, b], found.p_value[a, b])
                        writer.writerow([second, first, *(f"{number:.4f}" for number in numbers)])
        for name, plot in (("similarity", plot_similarities), ("shared", plot_shared)):
            figure = new_figure()
            plot(comparison, fig=figure)
            for suffix in (".png", ".pdf"):
                save_figure(figure, folder / f"{name}{suffix}", manifest=shown)
        write_json(folder / "manifest.json", {**shown, "command": command})
