"""The command baselines."""

from __future__ import annotations

from typing import Annotated

import typer

from freqforensics.cli.app import TRAIN, app, finish
from freqforensics.cli.checks import check_out, check_sources
from freqforensics.cli.evaluate import print_evaluation
from freqforensics.cli.options import AsJson, Limit, Out, Overwrite, Quiet, Seed, Workers, quiet
from freqforensics.cli.sources import ImageSources


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics baselines ForenSynths/test --photographs path/to/photographs --out baselines",
)
def baselines(
    source: ImageSources,
    photographs: Annotated[
        list[str],
        typer.Option(metavar="SOURCE", help="Photographs to fit the classifier of radial profiles to. Repeatable."),
    ],
    out: Out = None,
    crop: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Side of a central crop, pixels.  [default: whole images]", min=64, show_default=False
        ),
    ] = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
    quiet_: Quiet = False,
) -> None:
    """Measure how well two simple methods tell fake from real.

    A detector should beat both. lattice-test: the lattice test over the tiles of each image. radial-profile: logistic
    regression on radial profiles (Durall et al. 2020), fitted to photographs and to fakes that are made from them at
    random, as train --simulate makes them.

    Writes a folder for each method, with the files of evaluate, and manifest.json to DIR.

    Exit status: 0 done; 1 done, but some file could not be scored; 2 nothing done.
    """
    check_sources(source, source.alike(photographs))
    check_out(out, [*source, *photographs], overwrite=overwrite)
    from freqforensics.studies.baselines import baselines_study

    study = baselines_study(
        source,
        photographs=source.alike(photographs),
        crop=crop,
        limit=limit,
        seed=seed,
        workers=workers,
        progress=not quiet(),
    )

    def show() -> None:
        for name, evaluation in study.evaluations.items():
            print(name)
            print_evaluation(evaluation)

    finish(study, out, show=show, as_json=as_json, overwrite=overwrite)
