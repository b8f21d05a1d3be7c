"""The command that asks what generators share: compare."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import app, complain_of, new_table, one_line_errors, print_wide

if TYPE_CHECKING:
    from freqforensics.spectra.fingerprint import Comparison


@app.command(epilog="Example: freqforensics compare ForenSynths/test --out comparison")
def compare(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images, as for spectrum.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for matrices and figures.")] = None,
    size: Annotated[int, typer.Option(help="Side of the tiles, pixels, a multiple of 16.", min=32)] = 64,
    parts: Annotated[int, typer.Option(help="That a set is cut into, for intervals.", min=2)] = 20,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap of clusters.", min=1)] = 200,
    permutations: Annotated[int, typer.Option(help="Of the null.", min=1)] = 199,
    seed: Annotated[int, typer.Option(help="Of both.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Measure how alike generators' fingerprints are, by four measures, with intervals, p-values and clusters.

    Real images of a generator's set are taken off its fingerprint. Exit status: 0 done; 2 nothing done.
    """
    with one_line_errors():
        from freqforensics.comparing import compare_sources
        from freqforensics.spectra import SpectrumSpec

        found = compare_sources(
            source,
            out,
            spec=SpectrumSpec(size=size, crop="tiles"),
            parts=parts,
            limit=limit,
            resamples=resamples,
            permutations=permutations,
            seed=seed,
            command=shlex.join(["freqforensics", *sys.argv[1:]]),
            overwrite=overwrite,
            progress=True,
        )
        if as_json:
            print(json.dumps(found.to_json(), indent=2))
        else:
            _print_comparison(found)
            if out is not None:
                print(f"results in {out}")
        complain_of(found.notes, [], [])


def _print_comparison(found: Comparison) -> None:
    from rich.text import Text

    shown = {"coherent": "coherent", "log_power": "log power", "peaks": "peaks", "lattice": "lattice"}
    measures = [measure for measure in shown if measure in found.similarities]
    table = new_table("generator", *(f"most alike: {shown[measure]}" for measure in measures))
    names = [one.name for one in found.fingerprints]
    for a, name in enumerate(names):
        cells = [name]
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
                print(f"{shown[measure]}: {together} together in {cluster.support:.0%} of the bootstrap's trees")
