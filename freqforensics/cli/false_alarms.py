"""The command false-alarms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freqforensics.cli.app import DETECTOR, app, finish, print_table
from freqforensics.cli.checks import check_carriers, check_claim, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.execution import distributable
from freqforensics.cli.models import chosen_detector, named_weights
from freqforensics.cli.options import (
    DEFAULT_WEIGHTS,
    AsJson,
    BackendChoice,
    Batch,
    Calibration,
    Device,
    Limit,
    Model,
    Out,
    Quiet,
    Resume,
    Weights,
    parsed_list,
    quiet,
)
from freqforensics.cli.sources import Photographs

if TYPE_CHECKING:
    from freqforensics.evaluation import FalseAlarms

_NAMED: Final = 10
"""Files that are printed, at most."""


@app.command(
    "false-alarms",
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics false-alarms path/to/photographs --carrier all --out alarms",
)
@distributable
def false_alarms(
    source: Photographs,
    out: Out = None,
    carrier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...|all",
            help="What happens to the photographs before they are scored: as-is, a carrier such as messenger, webp or"
            " screenshot, or all carriers. Repeatable.  [default: as-is,all]",
            show_default=False,
        ),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    model: Model = None,
    calibration: Calibration = None,
    limit: Limit = None,
    device: Device = "auto",
    backend: BackendChoice = "torch",
    batch: Batch = 16,
    workers: Annotated[int, typer.Option(metavar="N", help="Number of carriers scored at the same time.", min=1)] = 1,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet_: Quiet = False,
) -> None:
    """Count wrong verdicts on photographs, by source and carrier.

    A carrier is what happens to a photograph on its way, such as a messenger or a screenshot. Gives the rates of the
    verdicts "evidence", "inconclusive" and "cannot-judge" with exact 95 % intervals (Clopper and Pearson), and the
    photographs with the highest logits. Images labelled fake are skipped.

    Writes false_alarms.csv and .json, false_alarms.png and .pdf, worst.csv, scores.csv, manifest.json, and cells/ with
    the scores after each carrier to DIR.

    Exit status: 0 done; 1 done, but some file could not be scored; 2 nothing done.
    """
    carriers = parsed_list(carrier) or ["as-is", "all"]
    check_carriers(carriers)
    names = named_weights(weights, model)
    check_scoring(names, calibration, backend)
    check_sources(source)
    check_claim(out, source, resume=resume)
    detector = chosen_detector(weights, model, device)
    from freqforensics.studies.false_alarms import false_alarms_study

    say_what_they_are(names)
    study = false_alarms_study(
        source,
        weights=detector,
        carriers=carriers,
        calibration=calibration,
        limit=limit,
        device=device,
        backend=backend,
        batch=batch,
        workers=workers,
        out=out,
        resume=resume,
        progress=not quiet(),
    )
    finish(study, out, show=lambda: _print_alarms(study.alarms), as_json=as_json)


def _print_alarms(result: FalseAlarms) -> None:
    from freqforensics.images import shown_path

    columns = ("source", "carrier", "images", "evidence", "95 %", "inconclusive", "95 %", "cannot be judged", "95 %")
    lines = []
    for row in result.rows:
        cells = [row.source, row.carrier, str(row.images)]
        for rate, low, high in (
            (row.evidence_rate, row.evidence_low, row.evidence_high),
            (row.inconclusive_rate, row.inconclusive_low, row.inconclusive_high),
            (row.cannot_judge_rate, row.cannot_judge_low, row.cannot_judge_high),
        ):
            cells += [f"{rate:.1%}", f"{100 * low:.1f} to {100 * high:.1f}"]
        lines.append(cells)
    print_table(columns, lines)
    if result.worst:
        print("highest logits:")
    for file in result.worst[:_NAMED]:
        share = f", rate {file.rate:.4f}" if math.isfinite(file.rate) else ""
        print(f"  {file.logit:+.3f}  {file.verdict}{share}, {file.carrier}: {shown_path(file.path)}")
    print(f"verdicts: {result.work.get('verdicts_from', '')}")
