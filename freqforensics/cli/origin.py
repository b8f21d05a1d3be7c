"""The command origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import SPECTRA, app, finish, print_table
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.cli.groupings import ByOperator, Groups, TileSide, group_function, print_groupings, tile_spec
from freqforensics.cli.options import (
    AsJson,
    Limit,
    Out,
    Overwrite,
    Permutations,
    Quiet,
    Seed,
    Workers,
    quiet,
)
from freqforensics.cli.sources import ImageSources

if TYPE_CHECKING:
    from freqforensics.fingerprints.comparison import Origins


@app.command(
    rich_help_panel=SPECTRA, epilog="Example: freqforensics origin suspects --known ForenSynths/test --out origins"
)
def origin(
    source: ImageSources,
    known: Annotated[
        list[str],
        typer.Option(metavar="SOURCE", help="Images of known generators. Repeatable.", show_default=False),
    ],
    out: Out = None,
    crop: TileSide = 64,
    limit: Limit = None,
    groups: Groups = None,
    by_operator: ByOperator = False,
    draws: Annotated[
        int, typer.Option(metavar="N", help="Number of sets drawn from each known generator, for p-values.", min=19)
    ] = 199,
    content_shift: Annotated[
        float,
        typer.Option(
            metavar="NUMBER",
            help="Shift of the content of drawn sets, standard deviations. A larger shift attributes more sets.",
            min=0,
        ),
    ] = 1.0,
    permutations: Permutations = 199,
    seed: Seed = 0,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Attribute sets of images to a known generator, or to none.

    Compares the log power of residuals. Where every set has real images, their log power is subtracted first. A set is
    attributed to the nearest known generator, unless sets of the same size drawn from that generator's images are
    rarely as far from the rest: then it is "unknown". Sets of 50 images or more are distinguished well. Another
    training of the same network may be "unknown".

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    spec = tile_spec(crop)
    group_of = group_function(groups, by_operator)
    references = source.alike(known)
    check_sources(source, references)
    check_out(out, [*source, *known], overwrite=overwrite)
    from freqforensics.studies.origin import origin_study

    study = origin_study(
        source,
        references,
        spec=spec,
        limit=limit,
        groups=group_of,
        draws=draws,
        content_shift=content_shift,
        permutations=permutations,
        seed=seed,
        workers=workers,
        progress=not quiet(),
    )
    finish(study, out, show=lambda: _print_origins(study.origins), as_json=as_json, overwrite=overwrite)


def _print_origins(origins: Origins) -> None:
    columns = ("set", "images", "origin", "p", "nearest", "distance", "next", "distance")
    lines = []
    for origin in origins.origins:
        cells = [origin.set, str(origin.images), origin.name or "unknown", f"{origin.p_value:.3f}"]
        for candidate in origin.candidates[:2]:
            cells += [candidate.name, f"{candidate.distance:.2f}"]
        lines.append(cells)
    print_table(columns, lines)
    print_groupings(origins.groupings.values())
