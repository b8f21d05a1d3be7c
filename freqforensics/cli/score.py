"""The command score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from freqforensics.cli.app import DETECTOR, app, finish, print_table
from freqforensics.cli.checks import check_out_scores, check_scoring, check_sources, say_what_they_are
from freqforensics.cli.execution import distributable
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
    Quiet,
    Salvage,
    ViewChoice,
    Weights,
    Workers,
    parsed_region,
    quiet,
)
from freqforensics.cli.sources import ImageSources
from freqforensics.runtime.executors import current_share


@app.command(
    rich_help_panel=DETECTOR,
    epilog="Example: freqforensics score path/to/images --out scores.csv\n\n"
    "As published: freqforensics score path/to/images --weights wang2020-blur-jpeg-0.5 --view center --out scores.csv",
)
@distributable
def score(
    source: ImageSources,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table of scores: a CSV file, or a folder of parquet files, DIR.parquet. "
            "Without it, only a summary is printed.",
        ),
    ] = None,
    weights: Weights = DEFAULT_WEIGHTS,
    model: Model = None,
    view: ViewChoice = DEFAULT_VIEW,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Part of every image to score, pixels.  [default: its photographic region]",
            show_default=False,
        ),
    ] = None,
    calibration: Calibration = None,
    limit: Limit = None,
    device: Device = "auto",
    backend: BackendChoice = "torch",
    batch: Batch = 16,
    workers: Workers = None,
    salvage: Salvage = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an existing table; images that it holds are not scored again.")
    ] = False,
    as_json: AsJson = False,
    quiet_: Quiet = False,
) -> None:
    """Score images with a detector.

    Writes one row for each file. The greater the logit, the more likely the image is fake.

    Columns: path, sha256, label, generator, category, logit, probability, crop, weights, warnings, verdict, rate,
    region.

    The verdict is "evidence" where at most 1 % of photographs of the image's kind have a logit as high, and
    "inconclusive" where at most 10 % have. It is "none" otherwise, which does not mean that the image is a photograph.
    It is "cannot-judge", without a logit, where the image shows no photograph. The rate is that share of photographs.

    The probability is the sigmoid of the logit. It holds for sets of as many fakes as photographs like those that the
    weights were trained on, and is no probability for other images. Published numbers of Wang et al. need --view
    center, which has no verdicts. A table holds the scores of one detector.

    Exit status: 0 done; 1 done, but some file could not be read; 2 nothing done.
    """
    box = None if region is None else parsed_region(region)
    if box is not None and view != DEFAULT_VIEW:
        raise ValueError(f"region must go with view {DEFAULT_VIEW!r}, got view {view!r}")
    names = named_weights(weights, model)
    check_scoring(names, calibration, backend)
    check_sources(source)
    if resume and out is None:
        raise ValueError("resume must come with --out FILE")
    check_out_scores(out, source, resume=resume or current_share() != (1, 1))
    if out is not None and out.is_file() and out.stat().st_size:
        from freqforensics.detector.score_table import ScoreTable

        ScoreTable.load(out)  # what is none is refused before anything else is done
    detector = chosen_detector(weights, model, device)
    from freqforensics.studies.score import score_study

    say_what_they_are(names)
    study = score_study(
        source,
        weights=detector,
        view=view,
        region=box,
        calibration=calibration,
        limit=limit,
        device=device,
        backend=backend,
        batch=batch,
        workers=workers,
        salvage=salvage,
        out=out,
        progress=not quiet(),
    )

    def show() -> None:
        _print_groups(study.groups())
        place = "" if out is None else f" in {out}"
        print(f"{len(study.table.scores)} scores{place}; verdicts: {study.verdicts_from}")

    # The table was written row by row.
    finish(study, None, show=show, as_json=as_json)


def _print_groups(groups: list[dict[str, Any]]) -> None:
    heads = {"evidence": "evidence", "inconclusive": "inconclusive", "none": "none found",
             "cannot_judge": "cannot be judged", "above_0": "logit above 0"}  # fmt: skip
    names = [name for name in heads if any(name in group for group in groups)]
    columns = ("generator", "label", "images", "mean logit", *(heads[name] for name in names))
    lines = []
    for group in groups:
        mean = "" if group["mean_logit"] is None else f"{group['mean_logit']:+.2f}"
        cells = [group["generator"], group["label"], str(group["images"]), mean]
        lines.append([*cells, *(str(group.get(name, "")) for name in names)])
    print_table(columns, lines)
