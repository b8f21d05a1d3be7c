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


@app.command(epilog="Example: freqforensics compare ForenSynths/test --out comparison --size 128")
def compare(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Folders or tables of images, as for spectrum.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for matrices and figures.")] = None,
    size: Annotated[int, typer.Option(help="Side of the crops, pixels, a multiple of 16.", min=32)] = 128,
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
            spec=SpectrumSpec(size=size),
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

    table = new_table("generator", "most alike", "coherent", "95 %", "p", "log power", "peaks", "lattice")
    coherent = found.similarities["coherent"]
    for a, name in enumerate(coherent.names):
        others = [b for b in range(len(coherent.names)) if b != a]
        best = max(others, key=lambda b, a=a: coherent.values[a, b])  # type: ignore[misc]
        cells = [name, coherent.names[best], f"{coherent.values[a, best]:+.2f}"]
        cells += [f"{coherent.low[a, best]:+.2f} to {coherent.high[a, best]:+.2f}", f"{coherent.p_value[a, best]:.3f}"]
        cells += [f"{found.similarities[m].values[a, best]:+.2f}" for m in ("log_power", "peaks", "lattice")]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    for cluster in found.clusters.get("coherent", ()):
        if len(cluster.members) < len(coherent.names) and cluster.support >= 0.5:
            print(f"together in {cluster.support:.0%} of the bootstrap's trees: {', '.join(cluster.members)}")
