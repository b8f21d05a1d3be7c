"""The commands that ask what generators share, and which of them made a set: compare, origin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import SPECTRA, app, command_line, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.runtime.tables import read_pairs

if TYPE_CHECKING:
    from freqforensics.fingerprints.comparison import Comparison, Origins
    from freqforensics.fingerprints.grouping import Grouping


@app.command(rich_help_panel=SPECTRA, epilog="Example: freqforensics compare ForenSynths/test --out comparison")
def compare(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images, as for spectrum.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for matrices and figures.")] = None,
    size: Annotated[int, typer.Option(help="Side of the tiles, pixels, a multiple of 16.", min=32)] = 64,
    parts: Annotated[int, typer.Option(help="That a set is cut into, for intervals.", min=2)] = 20,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    groups: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV of generator and group: are sets of a group more alike?")
    ] = None,
    by_operator: Annotated[
        bool, typer.Option("--by-operator", help="The same, by what enlarges in a generator of that name.")
    ] = False,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap of clusters.", min=1)] = 200,
    permutations: Annotated[int, typer.Option(help="Of the null.", min=1)] = 199,
    seed: Annotated[int, typer.Option(help="Of both.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Measure how alike generators' fingerprints are, by four measures, with intervals, p-values and clusters.

    Real images of a generator's set are taken off its mean spectrum and log power. Says, too, how many images each
    fingerprint needs and which images weigh too much in it. Exit status: 0 done; 1 done, but some file could not be
    read; 2 nothing done.
    """
    from freqforensics.spectra import SpectrumSpec
    from freqforensics.studies.compare import check_tiles, compare_sources

    spec = SpectrumSpec(size=size, crop="tiles")
    check_tiles(spec)
    group_of = _groups(groups, by_operator)
    check_sources(source)
    check_out(out, source, overwrite=overwrite)
    found = compare_sources(
        source,
        out,
        spec=spec,
        parts=parts,
        limit=limit,
        groups=group_of,
        resamples=resamples,
        permutations=permutations,
        seed=seed,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        _print_comparison(found)
        if out is not None:
            print(f"results in {out}")
    complain_of(found.notes, found.failures)


@app.command(
    rich_help_panel=SPECTRA, epilog="Example: freqforensics origin suspects --known ForenSynths/test --out origins"
)
def origin(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images: each generator's set is asked.")
    ],
    known: Annotated[
        list[str], typer.Option(metavar="SOURCE", help="Images of known generators; give it again for more.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for tables and the figure.")] = None,
    size: Annotated[int, typer.Option(help="Side of the tiles, pixels, a multiple of 16.", min=32)] = 64,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV of generator and group: are sets like the known ones of their group?"),
    ] = None,
    by_operator: Annotated[
        bool, typer.Option("--by-operator", help="The same, by what enlarges in a generator of that name.")
    ] = False,
    draws: Annotated[int, typer.Option(help="Of the null: sets from each known generator.", min=19)] = 199,
    content_shift: Annotated[
        float, typer.Option(help="How far their content is moved, standard deviations: 0 names few, 1 many.", min=0)
    ] = 1.0,
    permutations: Annotated[int, typer.Option(help="Of the similarities' null.", min=1)] = 199,
    seed: Annotated[int, typer.Option(help="Of both.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Name the known generator that each set of images is from, or "unknown".

    Log powers of residuals are compared, less those of real images where every set has them. A set is a known
    generator's if sets of its size and of some content, drawn from that one's images, are as far from the rest. Sets of
    50 images or more are told apart well; another training of the same network may be "unknown". Exit status: 0 done;
    1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.spectra import SpectrumSpec
    from freqforensics.studies.compare import check_tiles
    from freqforensics.studies.origin import find_origins

    spec = SpectrumSpec(size=size, crop="tiles")
    check_tiles(spec)
    group_of = _groups(groups, by_operator)
    check_sources([*source, *known])
    check_out(out, [*source, *known], overwrite=overwrite)
    found = find_origins(
        source,
        known,
        out=out,
        spec=spec,
        limit=limit,
        groups=group_of,
        draws=draws,
        content_shift=content_shift,
        permutations=permutations,
        seed=seed,
        command=command_line(),
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        _print_origins(found)
        if out is not None:
            print(f"results in {out}")
    complain_of(found.notes, found.failures)


def _groups(path: Path | None, by_operator: bool) -> Callable[[str], str | None] | None:
    """Group of a generator by its name, from a table or the registry of families."""
    if path is not None and by_operator:
        raise ValueError("--groups and --by-operator are two ways to say one thing: give one of them")
    if by_operator:
        from freqforensics.generators.registry import operator_of

        return operator_of
    if path is None:
        return None
    return read_pairs(path, "a generator and its group").get


_SHOWN = {"coherent": "coherent", "log_power": "log power", "peaks": "peaks", "lattice": "lattice"}


def _print_origins(found: Origins) -> None:
    from rich.text import Text

    table = new_table("set", "images", "origin", "p", "nearest", "distance", "next", "distance")
    for one in found.origins:
        cells = [one.set, str(one.images), one.name or "unknown", f"{one.p_value:.3f}"]
        for candidate in one.candidates[:2]:
            cells += [candidate.name, f"{candidate.distance:.2f}"]
        table.add_row(*(Text(cell) for cell in [*cells, "", ""][:8]))
    print_wide(table)
    _print_groupings(found.groupings.values())


def _print_groupings(groupings: Iterable[Grouping]) -> None:
    for one in groupings:
        print(
            f"{_SHOWN[one.measure]}: similarity within groups {one.within:+.2f}, across {one.across:+.2f} "
            f"(p {one.p_value:.4f}); nearest is of the same group for {one.right} of {len(one.nearest)}"
        )


def _print_comparison(found: Comparison) -> None:
    from rich.text import Text

    measures = [measure for measure in _SHOWN if measure in found.similarities]
    table = new_table("generator", "images", "needed", *(f"most alike: {_SHOWN[measure]}" for measure in measures))
    names = [one.fingerprint.name for one in found.sets]
    for a, name in enumerate(names):
        needed = found.sets[a].curve.needed
        cells = [name, str(found.sets[a].fingerprint.images), "no peak" if needed is None else str(needed)]
        for measure in measures:
            values, p_value = found.similarities[measure].values[a], found.similarities[measure].p_value[a]
            best = max((b for b in range(len(names)) if b != a), key=values.__getitem__)
            alike = f"{names[best]} {values[best]:+.2f} (p {p_value[best]:.3f})"
            cells.append(alike if values[best] > 0 else "none")
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    for measure in measures:
        for cluster in found.clusters.get(measure, ()):
            if len(cluster.members) < len(names) and cluster.support >= 0.5:
                together = ", ".join(cluster.members)
                print(f"{_SHOWN[measure]}: {together} together in {cluster.support:.0%} of the bootstrap's trees")
    _print_groupings(found.groupings.values())
