"""The command simulate."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from freqforensics.cli.app import DATA, app, command_line, complain_of, print_json
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.cli.options import AsJson, Overwrite, Quiet, parsed_list, quiet
from freqforensics.cli.sources import Photographs

Families = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME|all", help="Name of a generator family. Repeatable.  [default: all]", show_default=False
    ),
]
ScaleDown = Annotated[
    int, typer.Option(metavar="N", help="Shrink photographs by this factor first, by area averaging.", min=1)
]


@app.command(
    rich_help_panel=DATA,
    epilog="Example: freqforensics simulate path/to/photos --family all --out miniatures --crop 128",
)
def simulate(
    source: Photographs,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the images.")],
    family: Families = None,
    miniatures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of your own miniatures, from fit-generator.  [default: those that ship]",
            show_default=False,
        ),
    ] = None,
    crop: Annotated[int, typer.Option(metavar="N", help="Side of the crops, pixels, a multiple of 16.")] = 128,
    scale_down: ScaleDown = 2,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="At most N photographs that are large enough.  [default: all]", show_default=False, min=1
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="JPEG quality that both sides are compressed with first, 1 to 100.  [default: none]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Pass photographs through miniature generators.

    Real and fake images then show the same scenes and differ only in the decoder. Writes DIR/<family>/0_real and
    DIR/<family>/1_fake, PNG files of the same crops.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.generators.photos import check_crop_size
    from freqforensics.generators.registry import fitted_families
    from freqforensics.perturbations import JPEG

    families = parsed_list(family) or ["all"]
    fitted_families(families, miniatures)
    check_crop_size(crop)
    if quality is not None:
        JPEG(quality)
    check_sources(source)
    check_out(out, source, overwrite=overwrite)
    from freqforensics.generators import simulate_from_sources

    simulation = simulate_from_sources(
        source,
        out,
        families=families,
        weights=miniatures,
        size=crop,
        scale_down=scale_down,
        limit=limit,
        quality=quality,
        command=command_line(),
        overwrite=overwrite,
        progress=not quiet(),
    )
    if as_json:
        print_json({"out": str(out), **asdict(simulation)})
    else:
        count = len(simulation.families)
        print(f"{simulation.images} crops on each side of {count} {'family' if count == 1 else 'families'} in {out}")
        print(f"  freqforensics spectrum {shlex.quote(str(out))} --out results --crop {crop}")
    small = len(simulation.too_small)
    complain_of([f"{small} photos are too small for crops of {crop} pixels"] if small else [], simulation.failures)
