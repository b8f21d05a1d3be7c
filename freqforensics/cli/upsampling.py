"""The command upsampling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from freqforensics.cli.app import SPECTRA, app, command_line, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_out, check_sources


@app.command(
    rich_help_panel=SPECTRA,
    epilog="Example: freqforensics upsampling path/to/images --control path/to/photos --out lattices",
)
def upsampling(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Folders or tables of images; NAME=PATH names a source's generator."),
    ],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for report and figure; default none.")] = None,
    control: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Real images of like content and format.")
    ] = None,
    predict: Annotated[
        str | None, typer.Option(metavar="NAME|by-name", help="Draw where this generator family can leave lines.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Crop size in pixels; default the largest of 256, 128, 64 that fits.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many images of each group.", min=1)] = None,
    workers: Annotated[int | None, typer.Option(help="Threads; default all processors.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in DIR.")] = False,
) -> None:
    """Say whether images were upsampled periodically, by what factor, and what else would explain it.

    Tests the coherence on the lattices of 1/2, 1/4, 1/8 and 1/16 cycles per pixel against that beside them, and the
    second difference for JPEG's block grid and for resizing. A set without a lattice is said to have one at a rate of
    5 %. Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.studies.upsampling import survey_lattices

    sources = [*source, *([control] if control else [])]
    check_sources(sources)
    check_out(out, sources, overwrite=overwrite)
    survey = survey_lattices(
        source, control=control, predict=predict, size=size, limit=limit, workers=workers, progress=True
    )
    if out is not None:
        survey.save(out, command=command_line(), overwrite=overwrite)
    groups = survey.groups()
    if as_json:
        print(json.dumps(groups, indent=2))
    else:
        _print_lattices(groups)
    complain_of(survey.notes, survey.failures)


def _print_lattices(groups: list[dict[str, Any]]) -> None:
    from rich.text import Text

    table = new_table("generator", "label", "n", "size", "factor", "1/2", "1/4", "1/8", "1/16", "p", "verdict")
    for group in groups:
        nr = {evidence["denominator"]: evidence["mean_nr"] for evidence in group["denominators"]}
        cells = [
            group["generator"],
            group["label"],
            str(group["n"]),
            str(group["size"]),
            str(group["factor"] or "none"),
            *(f"{nr[d]:.1f}" if d in nr else "" for d in (2, 4, 8, 16)),
            f"{group['p_value']:.1e}",
            group["verdict"],
        ]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    print("1/2 .. 1/16: mean N R over the points of that denominator, 1 by chance. p: that there is no lattice.")
    print("A lattice says periodically upsampled, not fake; none is no proof of a photograph.")
