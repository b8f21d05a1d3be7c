"""The command that counts wrong verdicts on photographs: false-alarms."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import DETECTOR, app, command_line, complain_of, new_table, print_wide
from freqforensics.cli.checks import check_carriers, check_claim, check_scoring, check_sources
from freqforensics.cli.score import DEFAULT_WEIGHTS, Calibrations, Engines, Limit, Weights, say_what_they_are

if TYPE_CHECKING:
    from freqforensics.evaluation import FalseAlarms

_NAMED = 10


@app.command(
    "false-alarms",
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics false-alarms path/to/photographs --carrier all --out alarms",
)
def false_alarms(
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Photographs: folders or tables of images, as for spectrum.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for tables, figure and scores.")],
    carrier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|all",
            help="What is done to the photographs first: as-is, a carrier such as messenger, webp or screenshot, or all"
            " carriers; give it again for more.  [default: as-is and all]",
            show_default=False,
        ),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    calibration: Calibrations = None,
    limit: Limit = None,
    jobs: Annotated[int, typer.Option(help="Number of carriers to score at the same time.", min=1)] = 1,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, ...")] = "cpu",
    engine: Engines = "torch",
    resume: Annotated[bool, typer.Option("--resume", help="Continue with the work in DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Count wrong verdicts on photographs, by where they are from and by how they came.

    For each source and carrier the rates of the verdicts evidence, inconclusive and cannot be judged, each with its
    exact 95 % interval (Clopper and Pearson), and the photographs with the highest logits. Images labelled fake are
    skipped.

    Writes DIR/false_alarms.csv and .json, false_alarms.png and .pdf, worst.csv, scores.csv, manifest.json, and cells/
    with the scores after each carrier. Exit status: 0 done; 1 done, but some file could not be scored; 2 nothing done.
    """
    carriers = carrier or ("as-is", "all")
    check_carriers(carriers)
    check_scoring([weights], calibration, engine)
    check_sources(source)
    check_claim(out, source, resume=resume)
    from freqforensics.studies.false_alarms import measure_false_alarms

    say_what_they_are([weights])
    result, notes = measure_false_alarms(
        source,
        out,
        weights=weights,
        carriers=carriers,
        calibration=calibration,
        limit=limit,
        jobs=jobs,
        device=device,
        engine=engine,
        resume=resume,
        command=command_line(),
        progress=True,
    )
    if as_json:
        print(json.dumps({"out": str(out), **result.to_json()}, indent=2))
    else:
        _print_alarms(result)
        print(f"results in {out}")
    complain_of(notes, result.failures)


def _print_alarms(result: FalseAlarms) -> None:
    from rich.text import Text

    from freqforensics.images import shown_path

    table = new_table(
        "source", "carrier", "images", "evidence", "95 %", "inconclusive", "95 %", "cannot be judged", "95 %"
    )
    for row in result.rows:
        cells = [row.source, row.carrier, str(row.images)]
        for rate, low, high in (
            (row.evidence_rate, row.evidence_low, row.evidence_high),
            (row.inconclusive_rate, row.inconclusive_low, row.inconclusive_high),
            (row.cannot_judge_rate, row.cannot_judge_low, row.cannot_judge_high),
        ):
            cells += [f"{rate:.1%}", f"{100 * low:.1f} to {100 * high:.1f}"]
        table.add_row(*(Text(cell) for cell in cells))
    print_wide(table)
    if result.worst:
        print("highest logits:")
    for one in result.worst[:_NAMED]:
        share = f", rate {one.rate:.4f}" if math.isfinite(one.rate) else ""
        print(f"  {one.logit:+.3f}  {one.verdict}{share}, {one.carrier}: {shown_path(one.path)}")
    print(f"verdicts: {result.work.get('verdicts_from', '')}")
