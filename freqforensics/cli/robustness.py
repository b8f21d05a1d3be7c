"""The command robustness."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from freqforensics.cli.app import DETECTOR, app, finish, print_table
from freqforensics.cli.checks import check_claim, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.models import chosen_detector, named_weights
from freqforensics.cli.options import (
    DEFAULT_VIEW,
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
    ViewChoice,
    Weights,
    Workers,
    parsed_list,
    quiet,
)
from freqforensics.cli.sources import ImageSources

if TYPE_CHECKING:
    from freqforensics.evaluation import Robustness
    from freqforensics.evaluation.robustness import RobustnessRow


@app.command(
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics robustness ForenSynths/test --weights run/detector.safetensors --out curves",
)
def robustness(
    source: ImageSources,
    out: Out = None,
    weights: Weights = DEFAULT_WEIGHTS,
    model: Model = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="Perturbations: blur, jpeg, webp, resize, double-jpeg, blur+jpeg, social. Repeatable.  [default: all]",
            show_default=False,
        ),
    ] = None,
    view: ViewChoice = DEFAULT_VIEW,
    calibration: Calibration = None,
    limit: Limit = None,
    device: Device = "auto",
    backend: BackendChoice = "torch",
    batch: Batch = 16,
    workers: Workers = None,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet_: Quiet = False,
) -> None:
    """Measure detection after blurring, compression and resizing.

    Gives AP and the share of verdicts "evidence" at each strength. Writes robustness.csv, robustness.png and .pdf,
    manifest.json, and cells/ with the scores at each strength to DIR.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    from freqforensics.evaluation.sweeps import SWEEPS, check_sweeps

    sweeps = parsed_list(sweep) or tuple(SWEEPS)
    check_sweeps(sweeps)
    names = named_weights(weights, model)
    check_scoring(names, calibration, backend)
    check_sources(source)
    check_claim(out, source, resume=resume)
    detector = chosen_detector(weights, model, device)
    from freqforensics.studies.robustness import robustness_study

    say_what_they_are(names)
    study = robustness_study(
        source,
        weights=detector,
        sweeps=sweeps,
        view=view,
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
    finish(study, out, show=lambda: _print_robustness(study.robustness), as_json=as_json)


def _print_robustness(result: Robustness) -> None:
    cells: dict[tuple[str, float], list[RobustnessRow]] = {}
    for row in result.rows:
        cells.setdefault((row.sweep, row.value), []).append(row)
    unjudged = ["cannot be judged"] if any(row.cannot_judge for row in result.rows) else []
    verdicts = ["evidence, fake", "real"] if any(math.isfinite(row.evidence_fake) for row in result.rows) else []
    columns = ("sweep", "value", "mean AP", "least", "of generator", *unjudged, *verdicts)
    lines = []
    for (sweep, value), rows in cells.items():
        aps = {row.generator: row.ap for row in rows if math.isfinite(row.ap)}
        line = [sweep, f"{value:g}", "", "", ""]
        if aps:
            worst = min(aps, key=lambda name: aps[name])
            line = [*line[:2], f"{sum(aps.values()) / len(aps):.3f}", f"{aps[worst]:.3f}", worst]
        line += [str(sum(row.cannot_judge for row in rows))] if unjudged else []
        if verdicts:
            for shares in ([row.evidence_fake for row in rows], [row.evidence_real for row in rows]):
                line.append(f"{sum(shares) / len(shares):.3f}")
        lines.append(line)
    print_table(columns, lines)
