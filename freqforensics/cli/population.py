"""The command population."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqforensics.cli.app import TRAIN, Failed, app, command_line, complain_of, print_json
from freqforensics.cli.checks import check_carriers, check_out_file, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.execution import distributable
from freqforensics.cli.models import chosen_detector, named_weights
from freqforensics.cli.options import (
    DEFAULT_WEIGHTS,
    AsJson,
    BackendChoice,
    Batch,
    Device,
    Model,
    OverwriteFile,
    Quiet,
    Weights,
    Workers,
    parsed_list,
    quiet,
)
from freqforensics.cli.sources import Photographs
from freqforensics.runtime.executors import PassesEnded, passes_are_partial

if TYPE_CHECKING:
    from freqforensics.studies.population import CalibrationStudy, PopulationStudy


@app.command(
    rich_help_panel=TRAIN,
    epilog="Example: freqforensics population photographs --fake ForenSynths/test --out population.npz\n\n"
    "Verdicts: freqforensics population photographs --calibration-out mine.npz --carrier as-is,messenger",
)
@distributable
def population(
    source: Photographs,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the population, .npz.", show_default=False)
    ] = None,
    calibration_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File for the scores of the photographs, .npz, which --calibration takes."),
    ] = None,
    carrier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|all",
            help="With --calibration-out: what happens to the photographs before they are scored, as in "
            "false-alarms. Repeatable.  [default: as-is]",
            show_default=False,
        ),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    model: Model = None,
    fake: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Generated images, sorted by generator. Repeatable.")
    ] = None,
    every: Annotated[int, typer.Option(metavar="N", help="Take every Nth image.", min=1)] = 1,
    about: Annotated[str, typer.Option(metavar="TEXT", help="Description of the images, stored in the file.")] = "",
    device: Device = "auto",
    backend: BackendChoice = "torch",
    batch: Batch = 16,
    workers: Workers = None,
    as_json: AsJson = False,
    overwrite: OverwriteFile = False,
    quiet_: Quiet = False,
) -> None:
    """Measure the photographs and generators that inspect compares with.

    With --calibration-out, scores your own photographs, as they are or through carriers. score, evaluate and others
    take the file with --calibration and count these photographs for their verdicts. The detector must not have been
    trained on them.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    carriers = parsed_list(carrier) or ["as-is"]
    sources = [*source, *(fake or ())]
    partial = passes_are_partial()  # of a shard, whose --out is the folder for its part
    if out is None and calibration_out is None and not partial:
        raise Failed("give --out FILE, --calibration-out FILE or both")
    names = named_weights(weights, model)
    if calibration_out is not None:
        check_carriers(carriers)
        check_scoring(names, backend=backend)
    check_sources(source, source.alike(fake))
    for file in (out, calibration_out):
        check_out_file(file, sources, overwrite=overwrite)
    if out is not None and calibration_out is not None and out.absolute() == calibration_out.absolute():
        raise Failed("--out and --calibration-out must be two files")
    detector = weights if calibration_out is None else chosen_detector(weights, model, device)
    from freqforensics.studies.population import calibration_study, population_study

    studies: list[CalibrationStudy | PopulationStudy] = []
    values: dict[str, Any] = {}
    if calibration_out is not None:
        say_what_they_are(names)
        with contextlib.suppress(PassesEnded):  # those of the other study follow
            scores = calibration_study(
                source,
                weights=detector,
                carriers=carriers,
                every=every,
                about=about,
                device=device,
                backend=backend,
                batch=batch,
                progress=not quiet(),
            )
            scores.save(calibration_out, command=command_line(), overwrite=overwrite)
            studies.append(scores)
            values["calibration"] = {"file": str(calibration_out), **scores.to_json()}
    if out is not None or partial:
        study = population_study(
            source, fake=source.alike(fake), every=every, about=about, workers=workers, progress=not quiet()
        )
    if out is not None:
        study.save(out, command=command_line(), overwrite=overwrite)
        studies.append(study)
        values |= {"out": str(out), **study.to_json()}
    if as_json:
        print_json(values)
    else:
        _print_studies(values)
    # Both read the photographs, and say the same of them.
    notes = dict.fromkeys(note for study in studies for note in study.notes)
    complain_of(list(notes), list({path: reason for study in studies for path, reason in study.skipped}.items()))


def _print_studies(values: dict[str, Any]) -> None:
    if "calibration" in values:
        calibration = values["calibration"]
        print(f"{calibration['scores']} scores of photographs in {calibration['file']}, by kind:")
        for kind, count in calibration["kinds"].items():
            print(f"  {count:6d}  {kind}")
    if "out" in values:
        names = ", ".join(values["generators"]) or "none"
        print(f"{values['photographs']} photographs, generators: {names}; in {values['out']}")
