"""The command upsampling."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from freqforensics.cli.app import SPECTRA, app, finish, print_table
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.cli.execution import distributable, in_two_processes
from freqforensics.cli.options import AsJson, Limit, Out, Overwrite, Quiet, Workers, quiet
from freqforensics.cli.sources import ImageSources


@app.command(
    rich_help_panel=SPECTRA,
    epilog="Example: freqforensics upsampling path/to/images --real path/to/photos --out lattices",
)
@distributable
def upsampling(
    source: ImageSources,
    out: Out = None,
    real: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Real images of similar content and format, as a control. Repeatable."),
    ] = None,
    predict: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|by-name",
            help="Generator family whose possible lines are drawn; by-name: that of each generator's name.",
        ),
    ] = None,
    crop: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Side of the crops, pixels, a multiple of 16.  [default: the largest of 256, 128, 64 that fits]",
            show_default=False,
        ),
    ] = None,
    limit: Limit = None,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Test whether sets of images were upsampled periodically, and by what factor.

    Compares the coherence at multiples of 1/2, 1/4, 1/8 and 1/16 cycles per pixel with the frequencies beside them.
    Also tests for JPEG's block grid and for resizing, which can explain a lattice. A set without a lattice is reported
    to have one in at most 5 % of cases.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    sources = [*source, *(real or ())]
    check_sources(source, source.alike(real))
    check_out(out, sources, overwrite=overwrite)
    with in_two_processes("freqforensics.studies.upsampling", out=out, workers=workers):
        from freqforensics.studies.upsampling import upsampling_study

        study = upsampling_study(
            source,
            real=source.alike(real),
            predict=predict,
            crop=crop,
            limit=limit,
            workers=workers,
            progress=not quiet(),
        )
        finish(study, out, show=lambda: _print_lattices(study.to_json()), as_json=as_json, overwrite=overwrite)


def _print_lattices(groups: list[dict[str, Any]]) -> None:
    columns = ("generator", "label", "n", "size", "factor", "1/2", "1/4", "1/8", "1/16", "p", "verdict")
    lines = []
    for group in groups:
        nr = {evidence["denominator"]: evidence["mean_nr"] for evidence in group["denominators"]}
        lines.append(
            [
                group["generator"],
                group["label"],
                str(group["n"]),
                str(group["size"]),
                str(group["factor"] or "none"),
                *(f"{nr[d]:.1f}" if d in nr else "" for d in (2, 4, 8, 16)),
                f"{group['p_value']:.1e}",
                group["verdict"],
            ]
        )
    print_table(columns, lines)
    print("1/2 .. 1/16: mean N R over the points of that denominator, 1 by chance. p: that there is no lattice.")
    print("A lattice shows periodic upsampling, not a fake. Without one, an image can still be fake.")
