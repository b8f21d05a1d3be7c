"""The command compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import SPECTRA, app, finish, print_table
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.cli.execution import distributable, in_two_processes
from freqforensics.cli.groupings import (
    MEASURE_NAMES,
    ByOperator,
    Groups,
    TileSide,
    group_function,
    print_groupings,
    tile_spec,
)
from freqforensics.cli.options import (
    AsJson,
    Bootstrap,
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
    from freqforensics.fingerprints.comparison import Comparison


@app.command(rich_help_panel=SPECTRA, epilog="Example: freqforensics compare ForenSynths/test --out comparison")
@distributable
def compare(
    source: ImageSources,
    out: Out = None,
    crop: TileSide = 64,
    parts: Annotated[
        int, typer.Option(metavar="N", help="Number of parts that each set is split into, for intervals.", min=2)
    ] = 20,
    limit: Limit = None,
    groups: Groups = None,
    by_operator: ByOperator = False,
    bootstrap: Bootstrap = 200,
    permutations: Permutations = 199,
    seed: Seed = 0,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Compare the fingerprints of generators.

    Gives four measures of similarity with intervals and p-values, and clusters. Reports how many images each
    fingerprint needs and which images dominate it. Where a generator's set has real images, their spectrum is
    subtracted first.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    spec = tile_spec(crop)
    group_of = group_function(groups, by_operator)
    check_sources(source)
    check_out(out, source, overwrite=overwrite)
    with in_two_processes("freqforensics.studies.compare", out=out, workers=workers):
        from freqforensics.studies.compare import compare_study

        study = compare_study(
            source,
            spec=spec,
            parts=parts,
            limit=limit,
            groups=group_of,
            bootstrap=bootstrap,
            permutations=permutations,
            seed=seed,
            workers=workers,
            progress=not quiet(),
        )
        finish(study, out, show=lambda: _print_comparison(study.comparison), as_json=as_json, overwrite=overwrite)


def _print_comparison(comparison: Comparison) -> None:
    measures = [measure for measure in MEASURE_NAMES if measure in comparison.similarities]
    columns = ("generator", "images", "needed", *(f"most alike: {MEASURE_NAMES[measure]}" for measure in measures))
    lines = []
    names = [image_set.fingerprint.name for image_set in comparison.sets]
    for row, image_set in enumerate(comparison.sets):
        needed = image_set.curve.needed
        cells = [names[row], str(image_set.fingerprint.images), "no peak" if needed is None else str(needed)]
        for measure in measures:
            matrix = comparison.similarities[measure]
            values, p_value = matrix.values[row], matrix.p_value[row]
            best = max((other for other in range(len(names)) if other != row), key=values.__getitem__)
            alike = f"{names[best]} {values[best]:+.2f} (p {p_value[best]:.3f})"
            cells.append(alike if values[best] > 0 else "none")
        lines.append(cells)
    print_table(columns, lines)
    for measure in measures:
        for cluster in comparison.clusters.get(measure, ()):
            if len(cluster.members) < len(names) and cluster.support >= 0.5:
                together = f"{', '.join(cluster.members)} together"
                print(f"{MEASURE_NAMES[measure]}: {together} in {cluster.support:.0%} of the bootstrap's trees")
    print_groupings(comparison.groupings.values())
