"""The command ablate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import TRAIN, app, finish, print_table
from freqforensics.cli.checks import check_claim, check_sources
from freqforensics.cli.options import DEFAULT_VIEW, AsJson, Device, Limit, Quiet, Resume, ViewChoice, parsed_list, quiet
from freqforensics.cli.training_options import ChosenTraining, ReadingProcesses, with_training_options
from freqforensics.training.axes import Axis, check_axis

if TYPE_CHECKING:
    from freqforensics.training.ablation import Ablation


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics ablate ForenSynths --test ForenSynths/test --axis recipe --out recipes"
    " --preset w20-sound\n\n"
    "Offline: freqforensics ablate miniatures --test others --axis band --values all,:0.25,0.25: --out bands"
    " --init scratch --input residual --crop 64 --batch 32 --learning-rate 1e-3 --passes 4 --epochs 4 --view none",
)
@with_training_options
def ablate(
    test: Annotated[list[str], typer.Option(metavar="SOURCE", help="Images to test on. Repeatable.")],
    axis: Annotated[Axis, typer.Option(help="Part of the recipe to vary.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the table, the figure and the trainings.")],
    training: ChosenTraining,
    values: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALUE,...",
            help="Values to try: recipes, numbers of categories, or bands LOW:HIGH.  [default: five recipes; 1 to "
            "20 categories; seven bands]",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option(metavar="N", help="Number of trainings for each value, with different seeds.", min=1)
    ] = 1,
    view: ViewChoice = DEFAULT_VIEW,
    limit: Limit = None,
    device: Device = "auto",
    workers: ReadingProcesses = None,
    keep_weights: Annotated[
        bool, typer.Option("--keep-weights", help="Keep the weights of every detector, 94 MB each.")
    ] = False,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet_: Quiet = False,
) -> None:
    """Train a detector for each value of one part of the recipe.

    All of the detectors are tested on the same images. Writes DIR/ablation.csv, ablation.png and .pdf, manifest.json,
    and cells/ with each training.

    Exit status: 0 done; 1 done, but some test image could not be read; 2 nothing done.
    """
    config = training.config()
    chosen = None if values is None else parsed_list(values)
    check_axis(config, axis, chosen)
    tests = training.options.sources().alike(test)
    check_sources(tests)
    check_claim(out, [*training.sources, *test], resume=resume)
    from freqforensics.studies.ablate import ablate_study

    study = ablate_study(
        config,
        out,
        test=tests,
        axis=axis,
        values=chosen,
        runs=runs,
        view=view,
        limit=limit,
        device=device,
        workers=workers,
        resume=resume,
        keep_weights=keep_weights,
        progress=not quiet(),
    )
    finish(study, out, show=lambda: _print_ablation(study.ablation), as_json=as_json)


def _print_ablation(result: Ablation) -> None:
    by_value = result.table()
    columns = (result.axis, "mean AP", "least", "of generator", "validation AP", "steps")
    lines = []
    for value, aps in by_value.items():
        means = {name: sum(runs) / len(runs) for name, runs in aps.items()}
        rows = [row for row in result.rows if row.value == value]
        worst = min(means, key=lambda name: means[name])
        validation = sum(row.validation_ap for row in rows) / len(rows)
        cells = [value, f"{sum(means.values()) / len(means):.3f}", f"{means[worst]:.3f}", worst]
        lines.append([*cells, f"{validation:.3f}", str(rows[0].steps)])
    print_table(columns, lines)
