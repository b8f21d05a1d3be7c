"""Which known generators some sources' sets of images are like -> a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from freqforensics.fingerprints.comparison import Origins
from freqforensics.fingerprints.fingerprint import Fingerprint, Measure, similarity
from freqforensics.fingerprints.origin import CONTENT_SHIFT, KnownGenerators
from freqforensics.runtime.provenance import manifest
from freqforensics.runtime.results import scratch_folder
from freqforensics.runtime.tables import write_csv
from freqforensics.runtime.writing import write_json
from freqforensics.spectra import SpectrumSpec
from freqforensics.studies.compare import MEASURES, PAIRS, PARTS, groupings_of, image_sets, pair_rows, parts_of


def find_origins(
    sources: Sequence[str | Path],
    known: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    spec: SpectrumSpec | None = None,
    measures: Sequence[Measure] = MEASURES,
    groups: Callable[[str], str | None] | None = None,
    parts: int = 200,
    limit: int | None = None,
    draws: int = 199,
    content_shift: float = CONTENT_SHIFT,
    permutations: int = 199,
    seed: int = 0,
    command: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Origins:
    """Name, for each generator's set of some sources, the known generator that it is from, or none.

    Parameters
    ----------
    sources, known : sequence of str or Path
        As for `index_sources`: sets to ask about, and sets of generators that are known.
    out : str or Path, optional
        Gets ``origins.csv``, ``origins.{png,pdf}``, ``similarity-<measure>.csv``, ``origins.json`` and
        ``manifest.json``.
    spec, measures, permutations, seed, limit, command, overwrite, progress
        As for `compare_sources`.
    groups : callable, optional
        From a set's name, without what tells sources apart, to its group or None: are sets more like known ones of
        their group?
    parts : int
        That a set is cut into; known ones must have eight at least.
    draws, content_shift
        As for `KnownGenerators`.

    Returns
    -------
    Origins

    Raises
    ------
    ValueError
        No set, or no known one, with 20 images that are large enough; or as `index_sources`, `result_folder`.
    """
    notes: list[str] = []
    failures: list[tuple[str, str]] = []
    options: dict[str, Any] = {
        "spec": spec, "parts": parts, "limit": limit, "notes": notes, "failures": failures, "seed": seed,
    }  # fmt: skip
    asked = image_sets(sources, **options, progress=progress)
    others = image_sets(known, **options, progress=progress)
    for name, found in (("sources", asked), ("known", others)):
        if not found:
            raise ValueError(f"{name} hold no generator's set that is large enough; " + "; ".join(notes))
    both = {path.resolve() for one in asked for path in one.paths} & {
        path.resolve() for one in others for path in one.paths
    }
    if both:
        notes.append(f"{len(both)} images that are asked about are among the known ones: they are like themselves")
    queried = [one.fingerprint for one in asked]
    have = [one.fingerprint for one in others]
    generators = KnownGenerators(have, draws=draws, content_shift=content_shift, seed=seed)
    origins = tuple(generators.find(one) for one in queried)
    if not all(one.content_matched for one in origins):
        notes.append("not every set has real images beside it: content counts, too")
    taken = {one.name for one in queried}
    renamed = [replace(one, name=f"known {one.name}" if one.name in taken else one.name) for one in have]
    # Intervals of similarities need few parts, and leave out one after the other.
    coarse = [
        Fingerprint(one.name, parts_of(one.fake, PARTS), parts_of(one.real, PARTS)) for one in [*queried, *renamed]
    ]
    similarities = {one: similarity(coarse, one, permutations=permutations, seed=seed) for one in measures}
    among = [one.name for one in renamed]
    result = Origins(
        origins,
        tuple(one.name for one in have),
        similarities,
        groupings_of(similarities, None if groups is None else _ignoring("known ", groups), among, notes),
        tuple(notes),
        tuple(failures),
    )
    if out is not None:
        _save_origins(result, Path(out), command, overwrite)
    return result


def _ignoring(prefix: str, groups: Callable[[str], str | None]) -> Callable[[str], str | None]:
    return lambda name: groups(name.removeprefix(prefix))


def _save_origins(result: Origins, out: Path, command: str | None, overwrite: bool) -> None:
    from freqforensics.figures.compare import plot_origins
    from freqforensics.figures.style import new_figure, save_figure

    shown = manifest(
        {"measures": list(result.similarities)},
        inputs={"known": list(result.known), **{one.set: {"images": one.images} for one in result.origins}},
    )
    count = len(result.origins)
    with scratch_folder(out, overwrite=overwrite) as folder:
        write_json(folder / "origins.json", result.to_json())
        write_csv(
            folder / "origins.csv",
            ("set", "images", "origin", "candidate", "distance", "p_value"),
            (
                (one.set, one.images, one.name or "unknown", each.name, f"{each.distance:.4f}", f"{each.p_value:.4f}")
                for one in result.origins
                for each in one.candidates
            ),
        )
        for measure, found in result.similarities.items():
            pairs = [(a, b) for a in range(count) for b in range(count, len(found.names))]
            write_csv(folder / f"similarity-{measure}.csv", PAIRS, pair_rows(found, pairs))
        figure = new_figure()
        plot_origins(result, fig=figure)
        for suffix in (".png", ".pdf"):
            save_figure(figure, folder / f"origins{suffix}", manifest=shown)
        write_json(folder / "manifest.json", {**shown, "command": command})
